/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the routes share: errors, methods, bodies, files, tokens. */
#include "front.h"

#include <errno.h>
#include <fcntl.h>
#include <gst/lockstep/token.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CORS_METHODS "GET, HEAD, POST, PATCH, DELETE, OPTIONS"
/* A body shorter than this is not worth gzip's header. */
#define MIN_GZIP_BYTES 256
/* No segment of a sane stream is larger; it bounds what one request reads. */
#define MAX_FILE_BYTES (512 * 1024 * 1024)

void
http_error (SoupServerMessage * msg, guint status, const char *text)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (msg);
  g_autofree char *line = g_strconcat (text, "\n", NULL);

  soup_message_headers_replace (headers, "Cache-Control", "no-store");
  soup_server_message_set_status (msg, status, NULL);
  soup_server_message_set_response (msg, "text/plain; charset=utf-8",
      SOUP_MEMORY_COPY, line, strlen (line));
}

static void
answer_options (SoupServerMessage * msg, const char *allowed)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (msg);

  soup_message_headers_replace (headers, "Allow", allowed);
  soup_message_headers_replace (headers, "Access-Control-Allow-Methods",
      CORS_METHODS);
  soup_message_headers_replace (headers, "Access-Control-Allow-Headers",
      "Authorization, Content-Type, If-Match, Range");
  soup_message_headers_replace (headers, "Access-Control-Max-Age", "86400");
  soup_server_message_set_status (msg, SOUP_STATUS_OK, NULL);
}

gboolean
http_check_method (SoupServerMessage * msg, const char *allowed)
{
  const char *method = soup_server_message_get_method (msg);
  g_auto (GStrv) methods = g_strsplit (allowed, ", ", -1);

  if (g_str_equal (method, "OPTIONS")) {
    answer_options (msg, allowed);
    return FALSE;
  }
  if (g_strv_contains ((const char *const *) methods, method))
    return TRUE;
  soup_message_headers_replace (soup_server_message_get_response_headers (msg),
      "Allow", allowed);
  http_error (msg, SOUP_STATUS_METHOD_NOT_ALLOWED,
      "this method is not possible here; see the Allow header");
  return FALSE;
}

void
http_send (SoupServerMessage * msg, const char *type,
    const char *cache_control, GBytes * bytes)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (msg);
  SoupMessageBody *body = soup_server_message_get_response_body (msg);

  soup_message_headers_set_content_type (headers, type, NULL);
  soup_message_headers_replace (headers, "Cache-Control", cache_control);
  soup_message_headers_replace (headers, "X-Content-Type-Options", "nosniff");
  soup_server_message_set_status (msg, SOUP_STATUS_OK, NULL);
  if (soup_server_message_get_method (msg) == SOUP_METHOD_HEAD) {
    soup_message_headers_set_content_length (headers, g_bytes_get_size (bytes));
    return;
  }
  soup_message_body_append_bytes (body, bytes);
}

/* Whether Accept-Encoding takes gzip (RFC 9110, section 12.5.3). */
static gboolean
takes_gzip (SoupServerMessage * msg)
{
  const char *accept =
      soup_message_headers_get_list (soup_server_message_get_request_headers
      (msg), "Accept-Encoding");
  GSList *unwanted = NULL;
  GSList *list = accept != NULL
      ? soup_header_parse_quality_list (accept, &unwanted) : NULL;
  gboolean found = FALSE;

  for (GSList * l = list; l != NULL; l = l->next)
    found |= g_ascii_strcasecmp (l->data, "gzip") == 0;
  soup_header_free_list (list);
  soup_header_free_list (unwanted);
  return found;
}

void
http_send_text (SoupServerMessage * msg, const char *type,
    const char *cache_control, const char *text, gssize length)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (msg);
  g_autoptr (GBytes) plain =
      g_bytes_new (text, length < 0 ? strlen (text) : (gsize) length);
  g_autoptr (GBytes) gzipped = NULL;

  soup_message_headers_replace (headers, "Vary", "Accept-Encoding");
  /* a range of a compressed body would be another range */
  if (g_bytes_get_size (plain) >= MIN_GZIP_BYTES && takes_gzip (msg)
      && soup_message_headers_get_one (soup_server_message_get_request_headers
          (msg), "Range") == NULL) {
    g_autoptr (GConverter) gzip = G_CONVERTER (g_zlib_compressor_new
        (G_ZLIB_COMPRESSOR_FORMAT_GZIP, -1));
    g_autoptr (GOutputStream) memory = g_memory_output_stream_new_resizable ();
    g_autoptr (GOutputStream) stream =
        g_converter_output_stream_new (memory, gzip);

    if (g_output_stream_write_all (stream, g_bytes_get_data (plain, NULL),
            g_bytes_get_size (plain), NULL, NULL, NULL)
        && g_output_stream_close (stream, NULL, NULL)) {
      gzipped = g_memory_output_stream_steal_as_bytes
          (G_MEMORY_OUTPUT_STREAM (memory));
      soup_message_headers_replace (headers, "Content-Encoding", "gzip");
    }
  }
  http_send (msg, type, cache_control, gzipped != NULL ? gzipped : plain);
}

/* Files that are being sent, by what fstat() says of them: all that ask for one at a time
 * share it. Of the main thread. */
static GHashTable *shared;

typedef struct
{
  char *key;
  char *data;
} File;

static void
file_free (gpointer data)
{
  File *file = data;

  g_hash_table_remove (shared, file->key);
  g_free (file->key);
  g_free (file->data);
  g_free (file);
}

static gboolean
read_whole (int fd, char *data, gsize size)
{
  while (size > 0) {
    ssize_t n = read (fd, data, size);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    data += n;
    size -= n;
  }
  return TRUE;
}

/* Not mapped: where a mapped file gets shorter, or its disk fails, the process that reads
 * it dies. */
static GBytes *
read_shared (int fd, const struct stat *st)
{
  g_autofree char *key = g_strdup_printf ("%ju %ju %jd %jd.%09ld",
      (uintmax_t) st->st_dev, (uintmax_t) st->st_ino, (intmax_t) st->st_size,
      (intmax_t) st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
  g_autofree char *data = NULL;
  GBytes *bytes;
  File *file;

  if (shared == NULL)
    shared = g_hash_table_new (g_str_hash, g_str_equal);
  bytes = g_hash_table_lookup (shared, key);
  if (bytes != NULL)
    return g_bytes_ref (bytes);
  data = g_try_malloc (st->st_size + 1);
  if (data == NULL || !read_whole (fd, data, st->st_size))
    return NULL;
  file = g_new0 (File, 1);
  file->key = g_steal_pointer (&key);
  file->data = g_steal_pointer (&data);
  bytes = g_bytes_new_with_free_func (file->data, st->st_size, file_free, file);
  g_hash_table_insert (shared, file->key, bytes);
  return bytes;
}

GBytes *
http_read_file (const char *folder, const char *name)
{
  GBytes *bytes = NULL;
  struct stat st;
  int dir, fd;

  /* names come from the network: no way out of the folder, not by a link either */
  if (strchr (name, '/') != NULL || name[0] == '.' || name[0] == '\0')
    return NULL;
  dir = open (folder, O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (dir < 0)
    return NULL;
  fd = openat (dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  close (dir);
  if (fd < 0)
    return NULL;
  if (fstat (fd, &st) == 0 && S_ISREG (st.st_mode)
      && st.st_size <= MAX_FILE_BYTES)
    bytes = read_shared (fd, &st);
  close (fd);
  return bytes;
}

gboolean
http_is_authorized (Front * front, SoupServerMessage * msg)
{
  g_autofree char *token = NULL;
  gboolean found = FALSE;

  if (front->tokens->len == 0)
    return TRUE;
  token = lockstep_token_from_authorization (soup_message_headers_get_one
      (soup_server_message_get_request_headers (msg), "Authorization"));
  for (guint i = 0; token != NULL && i < front->tokens->len; i++)
    found |= lockstep_token_equal (token, g_ptr_array_index (front->tokens, i));
  return found;
}
