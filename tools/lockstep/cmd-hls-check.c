/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockstep hls-check URL|FOLDER|FILE: the validator around gst/lockstep/hlscheck.h. */
#include "commands.h"
#include "read-file.h"

#include <gst/lockstep/hlscheck.h>
#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

#include <stdlib.h>
#include <string.h>

/* Larger answers are not read. */
#define MAX_BYTES (512 * 1024 * 1024)
#define HTTP_TIMEOUT 10

typedef struct
{
  SoupSession *session;         /* NULL: files */
  char *playlist;               /* a path or an absolute URL */
} Source;

static GBytes *
fetch_url (Source * source, const char *url, GError ** error)
{
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (GOutputStream) out = g_memory_output_stream_new_resizable ();
  char buffer[65536];
  gsize total = 0;
  gssize n;

  if (message == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "\"%s\" is no URL", url);
    return NULL;
  }
  stream = soup_session_send (source->session, message, NULL, error);
  if (stream == NULL)
    return NULL;
  if (soup_message_get_status (message) != SOUP_STATUS_OK) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "%s: %u %s", url,
        soup_message_get_status (message),
        soup_message_get_reason_phrase (message));
    return NULL;
  }
  while ((n = g_input_stream_read (stream, buffer, sizeof buffer, NULL,
              error)) > 0) {
    total += n;
    if (total > MAX_BYTES) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: too large", url);
      return NULL;
    }
    if (!g_output_stream_write_all (out, buffer, n, NULL, NULL, error))
      return NULL;
  }
  if (n < 0 || !g_output_stream_close (out, NULL, error))
    return NULL;
  return g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (out));
}

static GBytes *
fetch_file (const char *path, GError ** error)
{
  gsize size;
  char *data = read_file (path, MAX_BYTES, &size, error);

  return data != NULL ? g_bytes_new_take (data, size) : NULL;
}

/* What a playlist names, from where the playlist is. */
static GBytes *
fetch (gpointer user, const char *uri, GError ** error)
{
  Source *source = user;

  if (source->session != NULL) {
    g_autofree char *url = g_uri_resolve_relative (source->playlist, uri,
        G_URI_FLAGS_ENCODED, error);

    return url != NULL ? fetch_url (source, url, error) : NULL;
  } else {
    g_autofree char *folder = g_path_get_dirname (source->playlist);
    /* a file has no query */
    g_autofree char *bare = g_strndup (uri, strcspn (uri, "?#"));
    g_autofree char *plain = g_uri_unescape_string (bare, NULL);
    g_autofree char *path = NULL;

    if (plain == NULL || strstr (plain, "://") != NULL) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
          "\"%s\" is not in the folder: give the playlist's URL", uri);
      return NULL;
    }
    path = g_path_is_absolute (plain) ? g_strdup (plain)
        : g_build_filename (folder, plain, NULL);
    return fetch_file (path, error);
  }
}

static GBytes *
fetch_playlist (Source * source, GError ** error)
{
  gsize size;
  char *data;

  if (source->session != NULL)
    return fetch_url (source, source->playlist, error);
  data = read_file_or_pipe (source->playlist, READ_FILE_PLAYLIST, &size, error);
  return data != NULL ? g_bytes_new_take (data, size) : NULL;
}

static gboolean
is_multivariant (const char *path)
{
  g_autofree char *text = read_file (path, READ_FILE_PLAYLIST, NULL, NULL);

  return text != NULL && strstr (text, "#EXT-X-STREAM-INF") != NULL;
}

/* A folder's playlist: the only one, the one that names others, or index.m3u8. */
static char *
find_playlist (const char *folder, GError ** error)
{
  g_autofree char *index = g_build_filename (folder, "index.m3u8", NULL);
  g_autofree char *found = NULL;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, error);
  guint n = 0;
  const char *name;

  if (dir == NULL)
    return NULL;
  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if (!g_str_has_suffix (name, ".m3u8") || name[0] == '.')
      continue;
    if (is_multivariant (path))
      return g_steal_pointer (&path);
    n++;
    g_free (found);
    found = g_steal_pointer (&path);
  }
  if (g_file_test (index, G_FILE_TEST_IS_REGULAR))
    return g_steal_pointer (&index);
  if (n == 1)
    return g_steal_pointer (&found);
  if (n == 0)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
        "%s has no .m3u8", folder);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "%s has several playlists: name one", folder);
  return NULL;
}

/* "30s", "2m", "1h" or seconds; -1: neither */
static double
parse_time (const char *text)
{
  char *end;
  double value = g_ascii_strtod (text, &end);

  if (end == text || value < 0)
    return -1;
  if (strcmp (end, "m") == 0)
    return value * 60;
  if (strcmp (end, "h") == 0)
    return value * 3600;
  return *end == '\0' || strcmp (end, "s") == 0 ? value : -1;
}

static void
print_text (GPtrArray * findings, guint lists, guint segments, guint errors)
{
  for (guint i = 0; i < findings->len; i++) {
    const LockstepHlsFinding *f = g_ptr_array_index (findings, i);

    g_print ("%s rule %u: %s: %s", f->severity == LOCKSTEP_HLS_ERROR ? "error"
        : "warning", f->rule, f->place, f->text);
    if (f->count > 1)
      g_print (" (and %u more)", f->count - 1);
    g_print ("\n  rule: %s\n  cure: %s\n", lockstep_hls_rule_text (f->rule),
        f->cure);
  }
  if (lists > 1)
    g_print ("%u lists, ", lists);
  g_print ("%u segments, %u errors, %u warnings\n", segments, errors,
      findings->len - errors);
}

static void
print_json (GPtrArray * findings, guint lists, guint segments, guint errors)
{
  g_autoptr (JsonBuilder) b = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;

  json_builder_begin_object (b);
  json_builder_set_member_name (b, "version");
  json_builder_add_int_value (b, 1);
  json_builder_set_member_name (b, "lists");
  json_builder_add_int_value (b, lists);
  json_builder_set_member_name (b, "segments");
  json_builder_add_int_value (b, segments);
  json_builder_set_member_name (b, "errors");
  json_builder_add_int_value (b, errors);
  json_builder_set_member_name (b, "warnings");
  json_builder_add_int_value (b, findings->len - errors);
  json_builder_set_member_name (b, "findings");
  json_builder_begin_array (b);
  for (guint i = 0; i < findings->len; i++) {
    const LockstepHlsFinding *f = g_ptr_array_index (findings, i);

    json_builder_begin_object (b);
    json_builder_set_member_name (b, "severity");
    json_builder_add_string_value (b,
        f->severity == LOCKSTEP_HLS_ERROR ? "error" : "warning");
    json_builder_set_member_name (b, "rule");
    json_builder_add_int_value (b, f->rule);
    json_builder_set_member_name (b, "place");
    json_builder_add_string_value (b, f->place);
    json_builder_set_member_name (b, "text");
    json_builder_add_string_value (b, f->text);
    json_builder_set_member_name (b, "cure");
    json_builder_add_string_value (b, f->cure);
    json_builder_set_member_name (b, "count");
    json_builder_add_int_value (b, f->count);
    json_builder_end_object (b);
  }
  json_builder_end_array (b);
  json_builder_end_object (b);
  root = json_builder_get_root (b);
  text = json_to_string (root, TRUE);
  g_print ("%s\n", text);
}

/* Takes snapshots for @watch seconds; FALSE: not even one. */
static gboolean
watch_playlist (Source * source, LockstepHlsSet * check, double watch,
    GError ** error)
{
  gint64 start = g_get_monotonic_time (), now = start;
  gboolean any = FALSE;

  for (;;) {
    g_autoptr (GError) local = NULL;
    g_autoptr (GBytes) bytes = fetch_playlist (source, &local);
    guint target;

    now = g_get_monotonic_time ();
    if (bytes != NULL) {
      any = TRUE;
      lockstep_hls_set_snapshot (check, g_bytes_get_data (bytes, NULL),
          g_bytes_get_size (bytes), now);
      /* Files answer no requests */
      if (source->session != NULL)
        lockstep_hls_set_probe (check);
    } else if (!any) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    } else {
      g_printerr ("lockstep: hls-check: %s\n", local->message);
    }
    if (lockstep_hls_set_ended (check)
        || now - start >= watch * G_USEC_PER_SEC)
      return TRUE;
    /* Four looks a segment see every list */
    target = MAX (1, lockstep_hls_set_target_duration (check));
    g_usleep (MIN (target * G_USEC_PER_SEC / 4, G_USEC_PER_SEC));
  }
}

static int
cmd_hls_check (int argc, char **argv)
{
  g_autofree char *watch = NULL;
  gboolean json = FALSE;
  double target = 0, seconds = 0;
  const GOptionEntry entries[] = {
    {"watch", 'w', 0, G_OPTION_ARG_STRING, &watch,
        "Look again and again, for so long (30s, 2m)", "TIME"},
    {"target", 't', 0, G_OPTION_ARG_DOUBLE, &target,
        "Segment duration that was asked for", "SECONDS"},
    {"json", 'j', 0, G_OPTION_ARG_NONE, &json, "Print JSON", NULL},
    {NULL}
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (LockstepHlsSet) check = NULL;
  Source source = { NULL };
  GPtrArray *findings;
  guint errors = 0;
  int status = 0;

  status = command_options ("hls-check", entries, &argc, &argv);
  if (status != EXIT_OK)
    return status;
  if (argc != 2 || (watch != NULL && (seconds = parse_time (watch)) < 0)) {
    g_printerr ("lockstep: hls-check: %s\n", argc != 2 ?
        "give one URL, folder or file" : "--watch: want 30s, 2m or 1h");
    return EXIT_USAGE;
  }
  if (g_str_has_prefix (argv[1], "http://")
      || g_str_has_prefix (argv[1], "https://")) {
    source.session = soup_session_new_with_options ("timeout", HTTP_TIMEOUT,
        NULL);
    source.playlist = g_strdup (argv[1]);
  } else if (g_file_test (argv[1], G_FILE_TEST_IS_DIR)) {
    source.playlist = find_playlist (argv[1], &error);
  } else {
    source.playlist = g_strdup (argv[1]);
  }
  check = lockstep_hls_set_new (target, fetch, &source);
  if (source.playlist == NULL
      || !watch_playlist (&source, check, seconds, &error)) {
    g_printerr ("lockstep: hls-check: %s\n", error->message);
    status = EXIT_NOINPUT;
  } else {
    findings = lockstep_hls_set_finish (check, g_get_monotonic_time ());
    for (guint i = 0; i < findings->len; i++)
      errors += ((LockstepHlsFinding *) g_ptr_array_index (findings,
              i))->severity == LOCKSTEP_HLS_ERROR;
    if (json)
      print_json (findings, lockstep_hls_set_n_lists (check),
          lockstep_hls_set_n_segments (check), errors);
    else
      print_text (findings, lockstep_hls_set_n_lists (check),
          lockstep_hls_set_n_segments (check), errors);
    status = errors > 0 ? EXIT_FINDINGS : 0;
  }
  g_clear_object (&source.session);
  g_free (source.playlist);
  return status;
}

const Command command_hls_check = {
  "hls-check", "URL|FOLDER|FILE [--watch TIME] [--target SECONDS] [--json]",
  "what is wrong with a playlist and its segments",
  "Checks a media playlist, and each version of it while --watch lasts, against the\n"
      "bytes of its segments. Says rule, place and cure of each fault. --target is the\n"
      "segment duration that was asked for.\n\n"
      "  lockstep hls-check http://127.0.0.1:8080/hls/demo/index.m3u8 --watch 30s\n"
      "  lockstep hls-check hls/demo --json\n",
  cmd_hls_check
};
