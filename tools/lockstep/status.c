/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One line on a terminal, rewritten each second, and nothing anywhere else: a log that is
 * kept has no use for it. */
#include "status.h"
#include "ipc.h"
#include "log.h"
#include "notify.h"

#include <gst/lockstep/statusline.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static ChannelTable *table;
static gboolean on_terminal;
static guint timer;

static void
write_terminal (const char *text)
{
  ssize_t written G_GNUC_UNUSED = write (STDERR_FILENO, text, strlen (text));
}

static double
get_ms (JsonObject * object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node)
      ? json_node_get_double (node) : NAN;
}

static void
add_stream (LockstepStatusChannel * to, JsonObject * channel, const char *media)
{
  JsonObject *stream = ipc_get_object (channel, media);

  if (stream == NULL)
    return;
  to->kbps += ipc_get_int (stream, "kbps", 0);
  to->dropped += ipc_get_int (stream, "late", 0)
      + ipc_get_int (stream, "not_recovered", 0);
}

static gboolean
show (gpointer unused)
{
  g_autoptr (GPtrArray) list = channel_table_list (table);
  g_autofree LockstepStatusChannel *channels =
      g_new0 (LockstepStatusChannel, list->len + 1);
  g_autofree char *summary = NULL;

  for (guint i = 0; i < list->len; i++) {
    Channel *channel = g_ptr_array_index (list, i);
    g_autoptr (JsonObject) json = channel_to_json (channel);
    LockstepStatusChannel *to = &channels[i];

    to->name = channel_get_name (channel);
    to->live = channel_get_state (channel) == CHANNEL_LIVE;
    to->delay_ms = get_ms (json, "delay_ms");
    to->av_offset_ms = get_ms (json, "av_offset_ms");
    to->position = ipc_get_int (json, "position_ns", 0);
    to->duration = ipc_get_int (json, "duration_ns", 0);
    add_stream (to, json, "video");
    add_stream (to, json, "audio");
  }
  summary = lockstep_status_summary (channels, list->len);
  notify_status (summary);
  if (on_terminal) {
    struct winsize size = { 0 };
    g_autofree char *line = NULL, *text = NULL;

    if (ioctl (STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
      size.ws_col = 80;
    line = lockstep_status_line (channels, list->len, size.ws_col);
    text = g_strconcat ("\r\033[K", line, NULL);
    write_terminal (text);
  }
  return G_SOURCE_CONTINUE;
}

void
status_start (ChannelTable * channels)
{
  const char *term = g_getenv ("TERM");

  table = channels;
  on_terminal = isatty (STDERR_FILENO) && !log_is_json ()
      && g_strcmp0 (term, "dumb") != 0;
  if (on_terminal)
    log_set_status_line ();
  timer = g_timeout_add_seconds (1, show, NULL);
}

void
status_stop (void)
{
  g_clear_handle_id (&timer, g_source_remove);
  if (on_terminal)
    write_terminal ("\r\033[K");
}
