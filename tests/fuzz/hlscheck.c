/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Playlists and segments with any bytes, to the validator, and the playlist to who
 * reads it after a restart. */
#include <gst/lockstep/hlscheck.h>
#include <gst/lockstep/playlist.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 * data, gsize size);

typedef struct
{
  const guint8 *data;
  gsize size;
} Input;

static GBytes *
fetch (gpointer user, const char *uri, GError ** error)
{
  Input *input = user;

  return g_bytes_new (input->data, input->size);
}

int
LLVMFuzzerTestOneInput (const guint8 * data, gsize size)
{
  /* the playlist, a NUL, and what each segment holds */
  const guint8 *end = size > 0 ? memchr (data, 0, size) : NULL;
  gsize n = end != NULL ? (gsize) (end - data) : size;
  /* no arithmetic on the NULL that an empty input may be */
  Input input = { size > n ? data + n : (const guint8 *) "", size - n };
  g_autoptr (LockstepHlsCheck) check =
      lockstep_hls_check_new (0, fetch, &input);
  g_autoptr (LockstepHlsSet) set = lockstep_hls_set_new (0, fetch, &input);
  g_autoptr (LockstepPlaylist) playlist = NULL;

  if (end != NULL) {
    input.data++;
    input.size--;
  }
  lockstep_hls_check_snapshot (check, (const char *) data, n / 2, 0);
  lockstep_hls_check_snapshot (check, (const char *) data, n, 1000000);
  lockstep_hls_check_finish (check, 3000000);

  /* The same bytes are each list of a set, each map, each key and each part */
  lockstep_hls_set_snapshot (set, (const char *) data, n, 0);
  lockstep_hls_set_probe (set);
  lockstep_hls_set_finish (set, 1000000);

  playlist = lockstep_playlist_parse ((const char *) data, n,
      LOCKSTEP_PLAYLIST_LIVE, NULL);
  if (playlist != NULL) {
    g_autofree char *text = lockstep_playlist_render (playlist, NULL);

    g_assert_nonnull (text);
  }
  return 0;
}
