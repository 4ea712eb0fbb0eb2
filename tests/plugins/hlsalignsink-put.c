/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hlsalignsink puts what it makes to a web server that fails at times, or is away. */
#include "hlsalignsink.h"
#include "../common/resident.h"
#include "../common/sanitizer.h"

#include <stdio.h>
#include <stdlib.h>

/* {{{ a web server of one table */

typedef struct
{
  GSocketService *service;
  GMainLoop *loop;
  GThread *thread;
  guint16 port;
  GMutex lock;
  GHashTable *files;            /* path to GBytes */
  GPtrArray *log;               /* "PUT /x" in the order of arrival */
  guint fail_every;             /* answer 503 to so many PUTs; 0: none */
  guint drop_every;             /* close without an answer */
  gboolean away;                /* the same with everything */
  guint puts;
} Server;

static GBytes *
read_body (GDataInputStream * in, gsize length)
{
  guint8 *data = g_malloc (length + 1);

  if (!g_input_stream_read_all (G_INPUT_STREAM (in), data, length, NULL, NULL,
          NULL)) {
    g_free (data);
    return NULL;
  }
  return g_bytes_new_take (data, length);
}

/* One request; FALSE: close */
static gboolean
serve_one (Server * server, GDataInputStream * in, GOutputStream * out)
{
  g_autofree char *line = g_data_input_stream_read_line (in, NULL, NULL, NULL);
  g_auto (GStrv) words = NULL;
  g_autoptr (GBytes) body = NULL;
  g_autofree char *head = NULL;
  gsize length = 0;
  int status = 200;
  gboolean drop = FALSE;

  if (line == NULL)
    return FALSE;
  words = g_strsplit (g_strchomp (line), " ", 3);
  if (g_strv_length (words) < 2)
    return FALSE;
  for (;;) {
    g_autofree char *header = g_data_input_stream_read_line (in, NULL, NULL,
        NULL);

    if (header == NULL)
      return FALSE;
    g_strchomp (header);
    if (header[0] == '\0')
      break;
    if (g_ascii_strncasecmp (header, "Content-Length:", 15) == 0)
      length = strtoul (header + 15, NULL, 10);
  }
  if (length > 0 && (body = read_body (in, length)) == NULL)
    return FALSE;

  g_mutex_lock (&server->lock);
  if (server->away) {
    drop = TRUE;
    g_clear_pointer (&body, g_bytes_unref);
  } else if (strcmp (words[0], "PUT") == 0) {
    server->puts++;
    if (server->drop_every > 0 && server->puts % server->drop_every == 0)
      drop = TRUE;
    else if (server->fail_every > 0 && server->puts % server->fail_every == 0)
      status = 503;
    else {
      g_ptr_array_add (server->log, g_strdup (words[1]));
      g_hash_table_insert (server->files, g_strdup (words[1]),
          body != NULL ? g_bytes_ref (body) : g_bytes_new (NULL, 0));
      status = 201;
    }
    g_clear_pointer (&body, g_bytes_unref);
  } else if (strcmp (words[0], "DELETE") == 0) {
    status = g_hash_table_remove (server->files, words[1]) ? 204 : 404;
    g_clear_pointer (&body, g_bytes_unref);
  } else {
    GBytes *file = g_hash_table_lookup (server->files, words[1]);

    g_clear_pointer (&body, g_bytes_unref);
    if (file != NULL)
      body = g_bytes_ref (file);
    else
      status = 404;
  }
  g_mutex_unlock (&server->lock);
  if (drop)
    return FALSE;
  length = body != NULL ? g_bytes_get_size (body) : 0;
  head = g_strdup_printf ("HTTP/1.1 %d X\r\nContent-Length: %" G_GSIZE_FORMAT
      "\r\n\r\n", status, status == 204 ? 0 : length);
  if (!g_output_stream_write_all (out, head, strlen (head), NULL, NULL, NULL))
    return FALSE;
  if (body != NULL && strcmp (words[0], "HEAD") != 0)
    return g_output_stream_write_all (out, g_bytes_get_data (body, NULL),
        length, NULL, NULL, NULL);
  return TRUE;
}

static gboolean
on_connection (GThreadedSocketService * service, GSocketConnection * connection,
    GObject * source, gpointer user)
{
  g_autoptr (GDataInputStream) in =
      g_data_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM
          (connection)));
  GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (connection));

  g_data_input_stream_set_newline_type (in, G_DATA_STREAM_NEWLINE_TYPE_ANY);
  g_filter_input_stream_set_close_base_stream (G_FILTER_INPUT_STREAM (in),
      FALSE);
  while (serve_one (user, in, out));
  g_io_stream_close (G_IO_STREAM (connection), NULL, NULL);
  return TRUE;
}

static gpointer
server_thread (gpointer data)
{
  g_main_loop_run (data);
  return NULL;
}

static void
server_start (Server * server, char **location, char **playlist)
{
  g_autoptr (GMainContext) context = g_main_context_new ();

  server->loop = g_main_loop_new (context, FALSE);
  g_mutex_init (&server->lock);
  server->files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      (GDestroyNotify) g_bytes_unref);
  server->log = g_ptr_array_new_with_free_func (g_free);
  g_main_context_push_thread_default (context);
  server->service = g_threaded_socket_service_new (4);
  server->port =
      g_socket_listener_add_any_inet_port (G_SOCKET_LISTENER (server->service),
      NULL, NULL);
  g_signal_connect (server->service, "run", G_CALLBACK (on_connection), server);
  g_socket_service_start (server->service);
  g_main_context_pop_thread_default (context);
  server->thread = g_thread_new ("server", server_thread, server->loop);
  *location = g_strdup_printf ("http://127.0.0.1:%u/live/s%%05d.ts",
      server->port);
  *playlist = g_strdup_printf ("http://127.0.0.1:%u/live/index.m3u8",
      server->port);
}

static void
server_stop (Server * server)
{
  g_socket_service_stop (server->service);
  g_socket_listener_close (G_SOCKET_LISTENER (server->service));
  g_main_loop_quit (server->loop);
  g_thread_join (server->thread);
  g_main_loop_unref (server->loop);
  g_object_unref (server->service);
  g_hash_table_unref (server->files);
  g_ptr_array_unref (server->log);
  g_mutex_clear (&server->lock);
}

/* {{{ tests */

/* One in five requests fails, one in seven gets no answer: everything arrives, in
 * order, and a list is never there before its segments. */
static void
test_put (void)
{
  Server server = { NULL };
  Sink s;
  g_autofree char *location = NULL;
  g_autofree char *playlist = NULL;
  g_autoptr (LockstepPlaylist) list = NULL;
  GBytes *bytes;
  guint next = 0;

  server.fail_every = 5;
  server.drop_every = 7;
  server_start (&server, &location, &playlist);
  sink_init (&s, "location", location, "playlist-location", playlist,
      "target-duration", 1.0, "playlist-length", 5, "max-files", 5, NULL);
  sink_start (&s);
  sink_feed (&s, 30);
  sink_finish (&s);
  sink_clear (&s);

  g_mutex_lock (&server.lock);
  for (guint i = 0; i < server.log->len; i++) {
    const char *path = g_ptr_array_index (server.log, i);
    guint n;

    if (sscanf (path, "/live/s%u.ts", &n) == 1)
      g_assert_cmpuint (n, ==, next++);
    else
      g_assert_cmpstr (path, ==, "/live/index.m3u8");
  }
  g_assert_cmpuint (next, ==, 30);
  bytes = g_hash_table_lookup (server.files, "/live/index.m3u8");
  g_assert_nonnull (bytes);
  list = parse (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  g_assert_true (list->ended);
  g_assert_cmpuint (list->entries.length, ==, 5);
  for (GList * l = list->entries.head; l != NULL; l = l->next) {
    LockstepPlaylistEntry *entry = l->data;
    g_autofree char *path = g_strconcat ("/live/", entry->uri, NULL);

    g_assert_false (entry->gap);
    g_assert_true (g_hash_table_contains (server.files, path));
  }
  /* Old ones are deleted on the server, as in a folder */
  g_assert_false (g_hash_table_contains (server.files, "/live/s00003.ts"));
  g_mutex_unlock (&server.lock);

  /* A second run goes on from what is on the server */
  server.fail_every = server.drop_every = 0;
  sink_init (&s, "location", location, "playlist-location", playlist,
      "target-duration", 1.0, "playlist-length", 5, "max-files", 5, NULL);
  sink_start (&s);
  sink_feed (&s, 3);
  sink_finish (&s);
  sink_clear (&s);
  g_mutex_lock (&server.lock);
  g_assert_true (g_hash_table_contains (server.files, "/live/s00030.ts"));
  g_mutex_unlock (&server.lock);
  server_stop (&server);
}

/* A picture of 5 MB, which nothing shows. */
static GstBuffer *
large_picture (gboolean key, GstClockTime pts)
{
  static const guint8 sets[] = { 0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 0xd9,
    0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80
  };
  const gsize size = 5 * 1000 * 1000, n = key ? sizeof sets : 0;
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  memset (map.data, 0x80, size);
  memcpy (map.data, sets, n);
  memcpy (map.data + n, "\0\0\0\1", 4);
  map.data[n + 4] = key ? 0x65 : 0x41;
  gst_buffer_unmap (buffer, &map);
  GST_BUFFER_PTS (buffer) = GST_BUFFER_DTS (buffer) = pts;
  return buffer;
}

static guint64
gaps_of (GstElement * sink)
{
  g_autoptr (GstStructure) stats = NULL;
  guint64 gaps = 0;

  g_object_get (sink, "stats", &stats, NULL);
  g_assert_true (gst_structure_get (stats, "gaps", G_TYPE_UINT64, &gaps, NULL));
  return gaps;
}

/* Segments that it has. */
static guint
segments_of (Server * server)
{
  guint n = 0;

  g_mutex_lock (&server->lock);
  for (guint i = 0; i < server->log->len; i++)
    n += g_str_has_suffix (g_ptr_array_index (server->log, i), ".ts");
  g_mutex_unlock (&server->lock);
  return n;
}

/* The server is away for 22 s of 80 Mbit/s: 128 MiB wait for it, and no more is
 * held. What came first is given up, which is said, and listed as gaps; the stream is not
 * stopped, and all the rest is stored in its order when the server is back. */
static void
test_put_bound (void)
{
  const guint away = 22, back = 5;
  Server server = { NULL };
  Sink s;
  GstHarness *video;
  g_autofree char *location = NULL;
  g_autofree char *playlist = NULL;
  g_autoptr (LockstepPlaylist) list = NULL;
  g_autoptr (GString) said = g_string_new (NULL);
  GstMessage *message;
  guint before, most = 0, gaps = 0, stored = 0, n = 0;
  guint64 counted = 0;
  GBytes *bytes;

  server.away = TRUE;
  server_start (&server, &location, &playlist);
  sink_init (&s, "location", location, "playlist-location", playlist,
      "target-duration", 1.0, "playlist-length", 0, "max-files", 0, NULL);
  video = gst_harness_new_with_element (s.sink, "video", NULL);
  gst_harness_set_src_caps_str (video,
      "video/x-h264,stream-format=byte-stream,alignment=au");
  before = resident () >> 10;
  for (guint i = 0; i < 2 * (away + back); i++) {
    if (i == 2 * away) {
      /* all that there was no room for */
      while (gaps_of (s.sink) < away - 13)
        g_usleep (10000);
      g_mutex_lock (&server.lock);
      server.away = FALSE;
      g_mutex_unlock (&server.lock);
    }
    /* no faster than they are stored, or there is no room again */
    while (i >= 2 * away && segments_of (&server) <= i / 2 - away)
      g_usleep (10000);
    g_assert_cmpint (gst_harness_push (video, large_picture (i % 2 == 0,
                i * 500 * GST_MSECOND)), ==, GST_FLOW_OK);
    /* the server has them in this process, later */
    if (i < 2 * away)
      most = MAX (most, (guint) (resident () >> 10) - before);
  }
  gst_harness_push_event (video, gst_event_new_eos ());
  do {
    message = gst_bus_timed_pop_filtered (s.bus, 60 * GST_SECOND,
        GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
    g_assert_nonnull (message);
    g_assert_cmpint (GST_MESSAGE_TYPE (message), !=, GST_MESSAGE_ERROR);
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING) {
      g_autoptr (GError) error = NULL;

      gst_message_parse_warning (message, &error, NULL);
      g_string_append_printf (said, "%s\n", error->message);
    }
    n = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
    gst_message_unref (message);
  } while (n == 0);
  counted = gaps_of (s.sink);
  gst_harness_teardown (video);
  sink_clear (&s);
  g_test_message ("%u MiB more at most; said:\n%s", most, said->str);
  g_assert_nonnull (strstr (said->str, "given up"));

  g_mutex_lock (&server.lock);
  bytes = g_hash_table_lookup (server.files, "/live/index.m3u8");
  g_assert_nonnull (bytes);
  list = parse (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  g_assert_cmpuint (list->entries.length, ==, away + back);
  for (GList * l = list->entries.head; l != NULL; l = l->next) {
    LockstepPlaylistEntry *entry = l->data;
    g_autofree char *path = g_strconcat ("/live/", entry->uri, NULL);

    g_assert_cmpint (entry->gap, ==, !g_hash_table_contains (server.files,
            path));
    /* the oldest, one after the other */
    g_assert_true (!entry->gap || stored == 0);
    gaps += entry->gap;
    stored += !entry->gap;
  }
  g_assert_cmpuint (counted, ==, gaps);
  n = gaps;
  for (guint i = 0; i < server.log->len; i++) {
    guint sequence;

    if (sscanf (g_ptr_array_index (server.log, i), "/live/s%u.ts",
            &sequence) == 1)
      g_assert_cmpuint (sequence, ==, n++);
  }
  g_mutex_unlock (&server.lock);
  g_test_message ("%u gaps, %u stored", gaps, stored);
  /* 10 MB a segment, and a little that TS needs: 12 have room */
  g_assert_cmpuint (stored, >=, back + 11);
  g_assert_cmpuint (stored, <=, back + 14);
#if !ADDRESS_SANITIZER
  g_assert_cmpuint (most, <, 128 + 96);
#endif
  server_stop (&server);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/hlsalignsink/put/fails", test_put);
  g_test_add_func ("/hlsalignsink/put/away", test_put_bound);
  return g_test_run ();
}
