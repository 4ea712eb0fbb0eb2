/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Segments and playlists in local folders: written under another name, renamed
 * when complete. */
#include "hlsstore.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include <glib/gstdio.h>

#define TEMP_PREFIX ".hlsalign-"
#define TEMP_SUFFIX ".part"
#define MAX_IOV 256
/* nothing is waited for where another left a FIFO */
#define TEMP_FLAGS \
  (O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)

static gboolean
fail (GError ** error, const char *what, const char *name)
{
  int code = errno;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "%s %s: %s",
      what, name, g_strerror (code));
  return FALSE;
}

static gboolean
write_all (int fd, const GOutputVector * vectors, guint n)
{
  gsize offset = 0;
  guint at = 0;

  while (at < n) {
    struct iovec iov[MAX_IOV];
    guint count = 0;
    gssize written;

    for (guint i = at; i < n && count < MAX_IOV; i++, count++) {
      iov[count].iov_base = (guint8 *) vectors[i].buffer
          + (i == at ? offset : 0);
      iov[count].iov_len = vectors[i].size - (i == at ? offset : 0);
    }
    written = writev (fd, iov, count);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return FALSE;
    while (at < n && (gsize) written >= vectors[at].size - offset) {
      written -= vectors[at].size - offset;
      offset = 0;
      at++;
    }
    offset += written;
  }
  return TRUE;
}

static gboolean
folder_put (HlsStore * store, const char *name, gboolean playlist,
    const GOutputVector * vectors, guint n, GError ** error)
{
  g_autofree char *folder = g_path_get_dirname (name);
  g_autofree char *base = g_path_get_basename (name);
  g_autofree char *temp = g_strdup_printf ("%s/" TEMP_PREFIX "%s" TEMP_SUFFIX,
      folder, base);
  int fd;

  fd = g_open (temp, TEMP_FLAGS, 0666);
  if (fd < 0 && errno == ENOENT && g_mkdir_with_parents (folder, 0777) == 0)
    fd = g_open (temp, TEMP_FLAGS, 0666);
  if (fd < 0)
    return fail (error, "cannot create", temp);
  if (!write_all (fd, vectors, n)) {
    fail (error, "cannot write", temp);
    close (fd);
    g_unlink (temp);
    return FALSE;
  }
  if (close (fd) != 0 || g_rename (temp, name) != 0) {
    fail (error, "cannot finish", name);
    g_unlink (temp);
    return FALSE;
  }
  return TRUE;
}

static gboolean
folder_remove (HlsStore * store, const char *name, GError ** error)
{
  if (g_unlink (name) != 0 && errno != ENOENT)
    return fail (error, "cannot delete", name);
  return TRUE;
}

static GBytes *
folder_get (HlsStore * store, const char *name, GError ** error)
{
  char *text;
  gsize size;
  g_autoptr (GError) local = NULL;

  /* a FIFO would be waited for, a device has no end */
  if (!g_file_test (name, G_FILE_TEST_IS_REGULAR)
      && g_file_test (name, G_FILE_TEST_EXISTS)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE,
        "cannot go on with %s: it is no file", name);
    return NULL;
  }
  if (g_file_get_contents (name, &text, &size, &local))
    return g_bytes_new_take (text, size);
  if (!g_error_matches (local, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    g_propagate_error (error, g_steal_pointer (&local));
  return NULL;
}

static gboolean
folder_exists (HlsStore * store, const char *name)
{
  return g_file_test (name, G_FILE_TEST_IS_REGULAR);
}

static gboolean
folder_prepare (HlsStore * store, const char *name, GError ** error)
{
  g_autofree char *folder = g_path_get_dirname (name);
  g_autoptr (GDir) dir = NULL;
  const char *entry;

  if (g_mkdir_with_parents (folder, 0777) != 0)
    return fail (error, "cannot create the folder", folder);
  dir = g_dir_open (folder, 0, error);
  if (dir == NULL)
    return FALSE;
  while ((entry = g_dir_read_name (dir)) != NULL) {
    if (g_str_has_prefix (entry, TEMP_PREFIX)
        && g_str_has_suffix (entry, TEMP_SUFFIX)) {
      g_autofree char *path = g_build_filename (folder, entry, NULL);

      g_unlink (path);
    }
  }
  return TRUE;
}

HlsStore *
hls_folder_new (void)
{
  HlsStore *store = g_new0 (HlsStore, 1);

  store->put = folder_put;
  store->remove = folder_remove;
  store->get = folder_get;
  store->exists = folder_exists;
  store->prepare = folder_prepare;
  store->free = (void (*)(HlsStore *)) g_free;
  return store;
}
