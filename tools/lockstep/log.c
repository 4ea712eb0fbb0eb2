/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher's log. One write a line, so that lines of several processes do
 * not mix. */
#include "log.h"

#include <json-glib/json-glib.h>
#include <string.h>
#include <unistd.h>

static gboolean as_json, over_status;

void
log_init (void)
{
  as_json = g_strcmp0 (g_getenv ("LOCKSTEP_LOG_FORMAT"), "json") == 0;
  over_status = g_getenv ("LOCKSTEP_STATUS_LINE") != NULL;
}

void
log_set_json (void)
{
  g_setenv ("LOCKSTEP_LOG_FORMAT", "json", TRUE);
  as_json = TRUE;
}

gboolean
log_is_json (void)
{
  return as_json;
}

void
log_set_status_line (void)
{
  g_setenv ("LOCKSTEP_STATUS_LINE", "1", TRUE);
  over_status = TRUE;
}

/* {"time": …, "level": …, "channel": …, "message": …}; the time in UTC */
static char *
json_line (const char *level, const char *channel, const char *text)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (),
      object);
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *time = g_date_time_format (now, "%Y-%m-%dT%H:%M:%S.%fZ");
  g_autofree char *json = NULL;

  json_object_set_string_member (object, "time", time);
  json_object_set_string_member (object, "level", level);
  if (channel != NULL)
    json_object_set_string_member (object, "channel", channel);
  json_object_set_string_member (object, "message", text);
  json = json_to_string (node, FALSE);
  return g_strconcat (json, "\n", NULL);
}

/* What comes from the network must not forge lines, nor drive a terminal or change the
 * direction of its writing: a space stands for each such character, of C1 as well, which a
 * terminal takes for an escape. */
static char *
plain (const char *raw)
{
  g_autofree char *valid = g_utf8_make_valid (raw, -1);
  GString *out = g_string_new (NULL);

  for (const char *c = valid; *c != '\0'; c = g_utf8_next_char (c)) {
    gunichar u = g_utf8_get_char (c);
    GUnicodeType type = g_unichar_type (u);

    g_string_append_unichar (out, type == G_UNICODE_CONTROL
        || type == G_UNICODE_FORMAT || type == G_UNICODE_LINE_SEPARATOR
        || type == G_UNICODE_PARAGRAPH_SEPARATOR ? ' ' : u);
  }
  return g_string_free (out, FALSE);
}

static void
put (gboolean warns, const char *channel, const char *format, va_list args)
{
  g_autofree char *raw = g_strdup_vprintf (format, args);
  g_autofree char *text = plain (raw);
  g_autofree char *line = NULL;
  ssize_t written G_GNUC_UNUSED;

  if (as_json)
    line = json_line (warns ? "warning" : "info", channel, text);
  else
    line = g_strdup_printf ("%s%s%s%s%s\n", over_status ? "\r\033[K" : "",
        warns ? "warning: " : "", channel ? channel : "", channel ? ": " : "",
        text);
  written = write (STDERR_FILENO, line, strlen (line));
}

void
log_info (const char *channel, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  put (FALSE, channel, format, args);
  va_end (args);
}

void
log_warning (const char *channel, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  put (TRUE, channel, format, args);
  va_end (args);
}

static void
put_bounded (LockstepLineBudget * budget, gboolean warns, const char *channel,
    const char *format, va_list args)
{
  guint left_out;

  if (lockstep_line_budget_take (budget, g_get_monotonic_time () * 1000,
          &left_out)) {
    if (left_out > 0)
      log_info (channel, "%u more lines like the next one were left out",
          left_out);
    put (warns, channel, format, args);
  } else if (budget->left_out == 1) {
    log_info (channel, "more lines like the last one are left out for now: "
        "they come too fast");
  }
}

void
log_info_bounded (LockstepLineBudget * budget, const char *channel,
    const char *format, ...)
{
  va_list args;

  va_start (args, format);
  put_bounded (budget, FALSE, channel, format, args);
  va_end (args);
}

void
log_warning_bounded (LockstepLineBudget * budget, const char *channel,
    const char *format, ...)
{
  va_list args;

  va_start (args, format);
  put_bounded (budget, TRUE, channel, format, args);
  va_end (args);
}

/* What is fatal is always written. */
static GLogWriterOutput
write_bounded (GLogLevelFlags level, const GLogField * fields, gsize n_fields,
    gpointer user_data)
{
  static GMutex lock;
  static LockstepLineBudget budget;
  guint left_out = 0;
  gboolean written = TRUE, first = FALSE;

  if (!(level & (G_LOG_FLAG_FATAL | G_LOG_LEVEL_ERROR))
      && !g_log_writer_default_would_drop (level, NULL)) {
    g_mutex_lock (&lock);
    written =
        lockstep_line_budget_take (&budget, g_get_monotonic_time () * 1000,
        &left_out);
    first = budget.left_out == 1;
    g_mutex_unlock (&lock);
  }
  if (left_out > 0)
    log_info (NULL, "%u messages of libraries were left out", left_out);
  if (!written && first)
    log_info (NULL,
        "more messages of libraries are left out for now: they come "
        "too fast");
  return written ? g_log_writer_default (level, fields, n_fields, user_data)
      : G_LOG_WRITER_HANDLED;
}

void
log_bound_libraries (void)
{
  g_log_set_writer_func (write_bounded, NULL, NULL);
}
