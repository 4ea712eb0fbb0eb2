/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON lines over a socketpair, with bounds on both directions: a worker that
 * went wrong must not fill the front's memory, nor make it wait. */
#include "ipc.h"

#include <errno.h>
#include <glib-unix.h>
#include <gst/lockstep/jsonplace.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_LINE (512 * 1024)
#define MAX_UNSENT (2 * 1024 * 1024)
/* Statistics have lists of objects in them. */
#define MAX_DEPTH 32

struct _Ipc
{
  int fd;
  guint in_source, out_source, closed_source;
  GByteArray *in, *out;
  IpcMessage message;
  IpcClosed closed;
  gpointer user_data;
  char *reason;
  gboolean *freed;              /* set while messages are handed out */
};

static gboolean
report_closed (gpointer user_data)
{
  Ipc *ipc = user_data;
  g_autofree char *reason = g_steal_pointer (&ipc->reason);

  ipc->closed_source = 0;
  ipc->closed (reason, ipc->user_data);
  return G_SOURCE_REMOVE;
}

static void
close_ipc (Ipc * ipc, const char *reason)
{
  if (ipc->fd < 0)
    return;
  g_clear_handle_id (&ipc->in_source, g_source_remove);
  g_clear_handle_id (&ipc->out_source, g_source_remove);
  close (ipc->fd);
  ipc->fd = -1;
  ipc->reason = g_strdup (reason);
  ipc->closed_source = g_idle_add (report_closed, ipc);
}

/* FALSE when the Ipc was freed by its owner. */
static gboolean
handle_line (Ipc * ipc, const char *line, gsize length)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  gboolean freed = FALSE;
  JsonObject *object;
  JsonNode *root;

  if (!g_utf8_validate_len (line, length, NULL)
      || !lockstep_json_is_shallow (line, length, MAX_DEPTH)
      || !json_parser_load_from_data (parser, line, length, NULL)
      || (root = json_parser_get_root (parser)) == NULL
      || !JSON_NODE_HOLDS_OBJECT (root)
      || ipc_get_string (json_node_get_object (root), "type") == NULL) {
    close_ipc (ipc, "it sent a line that is not a message");
    return TRUE;
  }
  object = json_node_get_object (root);
  ipc->freed = &freed;
  ipc->message (ipc_get_string (object, "type"), object, ipc->user_data);
  if (freed)
    return FALSE;
  ipc->freed = NULL;
  return TRUE;
}

static gboolean
readable (int fd, GIOCondition condition, gpointer user_data)
{
  Ipc *ipc = user_data;
  guint8 chunk[16384];
  ssize_t n = recv (fd, chunk, sizeof chunk, MSG_DONTWAIT);
  guint8 *newline;

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;
  if (n <= 0) {
    ipc->in_source = 0;
    close_ipc (ipc, n == 0 ? "it ended" : g_strerror (errno));
    return G_SOURCE_REMOVE;
  }
  g_byte_array_append (ipc->in, chunk, n);
  while (ipc->fd >= 0
      && (newline = memchr (ipc->in->data, '\n', ipc->in->len)) != NULL) {
    gsize length = newline - ipc->in->data;
    g_autofree char *line = g_strndup ((const char *) ipc->in->data, length);

    g_byte_array_remove_range (ipc->in, 0, length + 1);
    if (!handle_line (ipc, line, length))
      return G_SOURCE_REMOVE;
  }
  if (ipc->fd < 0)
    return G_SOURCE_REMOVE;
  if (ipc->in->len > MAX_LINE) {
    ipc->in_source = 0;
    close_ipc (ipc, "it sent a line that is too long");
    return G_SOURCE_REMOVE;
  }
  return G_SOURCE_CONTINUE;
}

static gboolean
writable (int fd, GIOCondition condition, gpointer user_data)
{
  Ipc *ipc = user_data;
  ssize_t n = send (fd, ipc->out->data, ipc->out->len,
      MSG_DONTWAIT | MSG_NOSIGNAL);

  if (n > 0)
    g_byte_array_remove_range (ipc->out, 0, n);
  /* an error shows on the reading side too, which closes */
  if (n >= 0 ? ipc->out->len > 0 : errno == EAGAIN || errno == EINTR)
    return G_SOURCE_CONTINUE;
  ipc->out_source = 0;
  return G_SOURCE_REMOVE;
}

Ipc *
ipc_new (int fd, IpcMessage message, IpcClosed closed, gpointer user_data)
{
  Ipc *ipc = g_new0 (Ipc, 1);

  ipc->fd = fd;
  ipc->message = message;
  ipc->closed = closed;
  ipc->user_data = user_data;
  ipc->in = g_byte_array_new ();
  ipc->out = g_byte_array_new ();
  ipc->in_source =
      g_unix_fd_add (fd, G_IO_IN | G_IO_HUP | G_IO_ERR, readable, ipc);
  return ipc;
}

void
ipc_free (Ipc * ipc)
{
  if (ipc == NULL)
    return;
  if (ipc->freed != NULL)
    *ipc->freed = TRUE;
  g_clear_handle_id (&ipc->in_source, g_source_remove);
  g_clear_handle_id (&ipc->out_source, g_source_remove);
  g_clear_handle_id (&ipc->closed_source, g_source_remove);
  if (ipc->fd >= 0)
    close (ipc->fd);
  g_byte_array_unref (ipc->in);
  g_byte_array_unref (ipc->out);
  g_free (ipc->reason);
  g_free (ipc);
}

JsonObject *
ipc_message (const char *type)
{
  JsonObject *message = json_object_new ();

  json_object_set_string_member (message, "type", type);
  return message;
}

void
ipc_send (Ipc * ipc, JsonObject * message)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *line = NULL;

  json_node_take_object (node, message);
  if (ipc == NULL || ipc->fd < 0)
    return;
  line = json_to_string (node, FALSE);
  g_byte_array_append (ipc->out, (const guint8 *) line, strlen (line));
  g_byte_array_append (ipc->out, (const guint8 *) "\n", 1);
  if (ipc->out->len > MAX_UNSENT) {
    close_ipc (ipc, "it does not read what it is sent");
    return;
  }
  if (ipc->out_source == 0
      && writable (ipc->fd, G_IO_OUT, ipc) == G_SOURCE_CONTINUE)
    ipc->out_source = g_unix_fd_add (ipc->fd, G_IO_OUT, writable, ipc);
}

void
ipc_flush (Ipc * ipc, int timeout_ms)
{
  gint64 end = g_get_monotonic_time () + timeout_ms * G_TIME_SPAN_MILLISECOND;

  while (ipc->fd >= 0 && ipc->out->len > 0 && g_get_monotonic_time () < end) {
    struct pollfd p = { ipc->fd, POLLOUT, 0 };

    if (poll (&p, 1, 50) > 0
        && writable (ipc->fd, G_IO_OUT, ipc) == G_SOURCE_REMOVE)
      break;
  }
}

const char *
ipc_get_string (JsonObject * message, const char *name)
{
  JsonNode *node = json_object_get_member (message, name);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node)
      && json_node_get_value_type (node) == G_TYPE_STRING
      ? json_node_get_string (node) : NULL;
}

gint64
ipc_get_int (JsonObject * message, const char *name, gint64 fallback)
{
  JsonNode *node = json_object_get_member (message, name);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node)
      && json_node_get_value_type (node) == G_TYPE_INT64
      ? json_node_get_int (node) : fallback;
}

gboolean
ipc_get_boolean (JsonObject * message, const char *name)
{
  JsonNode *node = json_object_get_member (message, name);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node)
      && json_node_get_value_type (node) == G_TYPE_BOOLEAN
      && json_node_get_boolean (node);
}

JsonObject *
ipc_get_object (JsonObject * message, const char *name)
{
  JsonNode *node = json_object_get_member (message, name);

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node)
      ? json_node_get_object (node) : NULL;
}
