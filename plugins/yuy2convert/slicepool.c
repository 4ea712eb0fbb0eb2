/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slices on a few threads; the caller's is one of them. */
#include "slicepool.h"

#define MAX_THREADS 7           /* beside the caller's */

struct _YuySlicePool
{
  GMutex lock;
  GCond work, done;
  GThread *threads[MAX_THREADS];
  guint n_threads;
  gboolean stop;
  YuySliceFunc func;
  gpointer data;
  guint n, next, left;          /* slices in all, to begin, to end */
};

/* with the lock; it is given up while a slice is converted */
static void
work_off (YuySlicePool * pool)
{
  while (pool->next < pool->n) {
    guint index = pool->next++;

    g_mutex_unlock (&pool->lock);
    pool->func (index, pool->n, pool->data);
    g_mutex_lock (&pool->lock);
    if (--pool->left == 0)
      g_cond_signal (&pool->done);
  }
}

static gpointer
slice_thread (gpointer user_data)
{
  YuySlicePool *pool = user_data;

  g_mutex_lock (&pool->lock);
  while (!pool->stop) {
    work_off (pool);
    if (!pool->stop)
      g_cond_wait (&pool->work, &pool->lock);
  }
  g_mutex_unlock (&pool->lock);
  return NULL;
}

YuySlicePool *
yuy_slice_pool_new (void)
{
  YuySlicePool *pool = g_new0 (YuySlicePool, 1);

  g_mutex_init (&pool->lock);
  g_cond_init (&pool->work);
  g_cond_init (&pool->done);
  return pool;
}

void
yuy_slice_pool_free (YuySlicePool * pool)
{
  if (!pool)
    return;
  g_mutex_lock (&pool->lock);
  pool->stop = TRUE;
  g_cond_broadcast (&pool->work);
  g_mutex_unlock (&pool->lock);
  for (guint i = 0; i < pool->n_threads; i++)
    g_thread_join (pool->threads[i]);
  g_mutex_clear (&pool->lock);
  g_cond_clear (&pool->work);
  g_cond_clear (&pool->done);
  g_free (pool);
}

/* Calls @func for slices 0 to @n - 1 and returns when all are done. Threads are made
 * when first asked for. One that cannot be made is done without. */
void
yuy_slice_pool_run (YuySlicePool * pool, guint n, YuySliceFunc func,
    gpointer data)
{
  if (n <= 1) {
    func (0, 1, data);
    return;
  }
  g_mutex_lock (&pool->lock);
  while (pool->n_threads < MIN (n - 1, MAX_THREADS)) {
    GThread *thread = g_thread_try_new ("yuy2convert", slice_thread, pool,
        NULL);

    if (!thread)
      break;
    pool->threads[pool->n_threads++] = thread;
  }
  pool->func = func;
  pool->data = data;
  pool->n = pool->left = n;
  pool->next = 0;
  g_cond_broadcast (&pool->work);
  work_off (pool);
  while (pool->left)
    g_cond_wait (&pool->done, &pool->lock);
  g_mutex_unlock (&pool->lock);
}
