/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of flood-guard.c: who sends too much is cut off, and nobody else. */
#include "flood-guard.h"

#define MIB (1024 * 1024)

/* The other end sends @total bytes, and closes. */
typedef struct
{
  GSocketConnection *to;
  gsize total;
} Sender;

static gpointer
send_all (gpointer data)
{
  Sender *sender = data;
  GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (sender->to));
  g_autofree guint8 *block = g_malloc0 (MIB);
  gsize left = sender->total;

  while (left > 0 && g_output_stream_write_all (out, block, MIN (left, MIB),
          NULL, NULL, NULL))
    left -= MIN (left, MIB);
  g_io_stream_close (G_IO_STREAM (sender->to), NULL, NULL);
  return NULL;
}

/* What arrives of @total. */
static gsize
receive (gsize total, guint64 burst, gboolean * ended)
{
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) in = NULL;
  g_autoptr (GError) error = NULL;
  Sender sender = { NULL, total };
  guint16 port = g_socket_listener_add_any_inet_port (listener, NULL, &error);
  g_autofree guint8 *block = g_malloc (MIB);
  FloodGuard *guard;
  GThread *thread;
  gsize came = 0;
  gssize n;

  g_assert_no_error (error);
  in = g_socket_client_connect_to_host (client, "localhost", port, NULL,
      &error);
  g_assert_no_error (error);
  sender.to = g_socket_listener_accept (listener, NULL, NULL, &error);
  g_assert_no_error (error);
  guard = flood_guard_new (in, burst, 1000);
  g_assert_nonnull (guard);
  thread = g_thread_new ("sender", send_all, &sender);
  while ((n = g_input_stream_read (g_io_stream_get_input_stream (G_IO_STREAM
                  (in)), block, MIB, NULL, NULL)) > 0)
    came += n;
  *ended = flood_guard_has_ended (guard);
  flood_guard_free (guard);
  g_io_stream_close (G_IO_STREAM (in), NULL, NULL);
  g_thread_join (thread);
  g_object_unref (sender.to);
  return came;
}

static void
test_little (void)
{
  gboolean ended;

  g_assert_cmpuint (receive (3 * MIB, 4 * MIB, &ended), ==, 3 * MIB);
  g_assert_false (ended);
}

/* More than any machine sends before it is looked at. */
static void
test_flood (void)
{
  const gsize total = (gsize) 1 << 40;
  gboolean ended;

  g_assert_cmpuint (receive (total, 4 * MIB, &ended), <, total);
  g_assert_true (ended);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/flood-guard/little", test_little);
  g_test_add_func ("/flood-guard/flood", test_flood);
  return g_test_run ();
}
