/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of ipc.c: what a worker that went wrong may send. */
#include "ipc.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct
{
  guint messages;
  char *reason;
} Heard;

static void
message_came (const char *type, JsonObject * message, gpointer user)
{
  Heard *heard = user;

  g_assert_cmpstr (type, ==, "stats");
  heard->messages++;
}

static void
closed (const char *reason, gpointer user)
{
  Heard *heard = user;

  heard->reason = g_strdup (reason);
}

static gpointer
write_all (gpointer user)
{
  GBytes *data = ((gpointer *) user)[1];
  gsize size;
  const char *from = g_bytes_get_data (data, &size);

  while (size > 0) {
    ssize_t n = send (GPOINTER_TO_INT (((gpointer *) user)[0]), from, size,
        MSG_NOSIGNAL);

    if (n <= 0)
      break;
    from += n;
    size -= n;
  }
  return NULL;
}

/* Sends @text, which is freed, and returns why the front hung up. */
static void
check (char *text, guint messages, const char *reason)
{
  g_autoptr (GBytes) data = g_bytes_new_take (text, strlen (text));
  Heard heard = { 0 };
  int fds[2];
  gpointer sending[2];
  GThread *thread;
  Ipc *ipc;

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
  ipc = ipc_new (fds[0], message_came, closed, &heard);
  sending[0] = GINT_TO_POINTER (fds[1]);
  sending[1] = data;
  thread = g_thread_new ("worker", write_all, sending);
  while (heard.reason == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpstr (heard.reason, ==, reason);
  g_assert_cmpuint (heard.messages, ==, messages);
  ipc_free (ipc);
  g_thread_join (thread);
  close (fds[1]);
  g_free (heard.reason);
}

/* @n times @c, after @head. */
static char *
many (const char *head, guint n, char c, const char *tail)
{
  g_autofree char *all = g_strnfill (n, c);

  return g_strconcat (head, all, tail, NULL);
}

static void
test_bounds (void)
{
  check (many ("", 500000, '[', "\n"), 0,
      "it sent a line that is not a message");
  check (many ("{\"type\":\"stats\"}\n/*\"*/", 500000, '[', "\n"), 1,
      "it sent a line that is not a message");
  check (many
      ("{\"type\":\"stats\",\"a\":[{\"b\":\"[[{{\\\"\",\"c\":-1.5e3}]}\n",
          1024 * 1024, 'x', ""), 1, "it sent a line that is too long");
  check (many ("[1]\n", 0, 'x', ""), 0, "it sent a line that is not a message");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ipc/bounds", test_bounds);
  return g_test_run ();
}
