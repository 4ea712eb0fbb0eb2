/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stdin and stdout of who talks with peers. Neither is made non-blocking, as that would
 * hold for every program that shares them: they are read and written when poll() says so,
 * a pipe's worth at a time. */
#include "text-lines.h"
#include "log.h"
#include "text-channel.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Printed lines that wait for who reads stdout. */
#define MAX_UNWRITTEN (1024 * 1024)
/* POSIX: so much is written to a pipe that poll() calls writable without blocking */
#define PIPE_BYTES 512
/* How often a program in the background looks whether the terminal is its own now. */
#define BACKGROUND_S 1

struct _TextLines
{
  char *label;
  TextLinesRead read;
  gpointer user_data;
  GString *in;                  /* a line that has not ended */
  gboolean too_long;            /* the rest of this line is dropped */
  gboolean ended;               /* stdin has */
  gboolean told;                /* that lines of stdout are lost */
  GByteArray *out;
  guint in_source, out_source;
  guint background_timer;       /* 0: stdin may be read, or is not wanted */
};

static void
end_line (TextLines * lines)
{
  if (lines->too_long)
    log_warning (NULL,
        "a line of stdin is longer than %d bytes: it is not sent",
        TEXT_CHANNEL_MAX_BYTES);
  else if (!g_utf8_validate_len (lines->in->str, lines->in->len, NULL))
    log_warning (NULL, "a line of stdin is not UTF-8: it is not sent");
  else if (lines->in->len > 0)
    lines->read (lines->in->str, lines->user_data);
  g_string_truncate (lines->in, 0);
  lines->too_long = FALSE;
}

/* Who reads the terminal of a shell that has put it into the background is stopped
 * (SIGTTIN), or, where that is ignored, gets EIO. */
static gboolean
is_in_background (int fd)
{
  pid_t group = tcgetpgrp (fd);

  return group >= 0 && group != getpgrp ();
}

static gboolean
look_again (gpointer user_data)
{
  TextLines *lines = user_data;

  if (is_in_background (STDIN_FILENO))
    return G_SOURCE_CONTINUE;
  lines->background_timer = 0;
  text_lines_hold (lines, FALSE);
  return G_SOURCE_REMOVE;
}

static gboolean
readable (int fd, GIOCondition condition, gpointer user_data)
{
  TextLines *lines = user_data;
  char chunk[TEXT_CHANNEL_MAX_BYTES];
  ssize_t n = read (fd, chunk, sizeof chunk);

  if (n < 0 && errno == EIO && is_in_background (fd)) {
    lines->in_source = 0;
    lines->background_timer =
        g_timeout_add_seconds (BACKGROUND_S, look_again, lines);
    return G_SOURCE_REMOVE;
  }
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;
  if (n <= 0) {
    if (lines->in->len > 0)
      end_line (lines);
    lines->ended = TRUE;
    lines->in_source = 0;
    return G_SOURCE_REMOVE;
  }
  for (ssize_t i = 0; i < n; i++) {
    if (chunk[i] == '\n')
      end_line (lines);
    else if (lines->in->len >= TEXT_CHANNEL_MAX_BYTES)
      lines->too_long = TRUE;
    else
      g_string_append_c (lines->in, chunk[i]);
  }
  return lines->in_source != 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

void
text_lines_hold (TextLines * lines, gboolean hold)
{
  if (hold) {
    g_clear_handle_id (&lines->in_source, g_source_remove);
    g_clear_handle_id (&lines->background_timer, g_source_remove);
  } else if (lines->in_source == 0 && lines->background_timer == 0
      && !lines->ended)
    lines->in_source = g_unix_fd_add (STDIN_FILENO, G_IO_IN | G_IO_HUP |
        G_IO_ERR, readable, lines);
}

static gboolean
writable (int fd, GIOCondition condition, gpointer user_data)
{
  TextLines *lines = user_data;
  ssize_t n = write (fd, lines->out->data, MIN (lines->out->len, PIPE_BYTES));

  if (n > 0)
    g_byte_array_remove_range (lines->out, 0, n);
  else if (n < 0 && errno != EAGAIN && errno != EINTR)
    /* nobody reads any more */
    g_byte_array_set_size (lines->out, 0);
  if (lines->out->len > 0)
    return G_SOURCE_CONTINUE;
  lines->out_source = 0;
  return G_SOURCE_REMOVE;
}

/* What comes from the network must not forge lines, nor drive a terminal: all control
 * characters, and those that change the direction of writing, are written as JSON's
 * \uXXXX. */
static char *
plain (const char *text)
{
  g_autoptr (GString) out = g_string_new (NULL);

  for (const char *c = text; *c != '\0'; c = g_utf8_next_char (c)) {
    gunichar u = g_utf8_get_char (c);
    GUnicodeType type = g_unichar_type (u);

    if (u == '\\')
      g_string_append (out, "\\\\");
    else if ((type == G_UNICODE_CONTROL || type == G_UNICODE_FORMAT
            || type == G_UNICODE_LINE_SEPARATOR
            || type == G_UNICODE_PARAGRAPH_SEPARATOR) && u < 0x10000)
      g_string_append_printf (out, "\\u%04x", u);
    else
      g_string_append_unichar (out, u);
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static char *
json_line (TextLines * lines, const char *channel, const char *text)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (),
      object);

  json_object_set_string_member (object, "channel", channel);
  json_object_set_string_member (object, "label", lines->label);
  json_object_set_string_member (object, "text", text);
  return json_to_string (node, FALSE);
}

void
text_lines_print (TextLines * lines, const char *channel, const char *text)
{
  g_autofree char *line = NULL;

  if (log_is_json ()) {
    line = json_line (lines, channel, text);
  } else {
    g_autofree char *shown = plain (text);

    line = g_strdup_printf ("%s: %s", channel, shown);
  }
  if (lines->out->len + strlen (line) + 1 > MAX_UNWRITTEN) {
    if (!lines->told)
      log_warning (NULL, "nobody reads stdout: messages of peers are lost");
    lines->told = TRUE;
    return;
  }
  lines->told = FALSE;
  g_byte_array_append (lines->out, (const guint8 *) line, strlen (line));
  g_byte_array_append (lines->out, (const guint8 *) "\n", 1);
  if (lines->out_source == 0)
    lines->out_source = g_unix_fd_add (STDOUT_FILENO, G_IO_OUT | G_IO_HUP |
        G_IO_ERR, writable, lines);
}

TextLines *
text_lines_new (const char *label, TextLinesRead read, gpointer user_data)
{
  TextLines *lines = g_new0 (TextLines, 1);

  lines->label = g_strdup (label);
  lines->read = read;
  lines->user_data = user_data;
  lines->in = g_string_new (NULL);
  lines->out = g_byte_array_new ();
  /* in the background of a terminal the media go on */
  signal (SIGTTIN, SIG_IGN);
  text_lines_hold (lines, FALSE);
  return lines;
}

void
text_lines_free (TextLines * lines)
{
  g_clear_handle_id (&lines->in_source, g_source_remove);
  g_clear_handle_id (&lines->out_source, g_source_remove);
  g_clear_handle_id (&lines->background_timer, g_source_remove);
  g_string_free (lines->in, TRUE);
  g_byte_array_unref (lines->out);
  g_free (lines->label);
  g_free (lines);
}
