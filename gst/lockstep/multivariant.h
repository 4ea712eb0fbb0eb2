/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HLS multivariant playlists: what each variant measures, and the text. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _LockstepMultivariant LockstepMultivariant;

/**
 * lockstep_multivariant_new:
 * @variants: how many there are; they are called by number, in the playlist's order
 * @target: EXT-X-TARGETDURATION of their playlists in ns
 */
LockstepMultivariant *lockstep_multivariant_new (guint variants, gint64 target);
void lockstep_multivariant_free (LockstepMultivariant *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepMultivariant, lockstep_multivariant_free)

/**
 * lockstep_multivariant_set:
 * @uri: of its media playlist, relative to this one
 * @expected: bit/s it was set to have, in all; 0: unknown. It is declared until
 *   enough was measured.
 */
void lockstep_multivariant_set (LockstepMultivariant *m, guint variant,
    const char *uri, guint64 expected);

/* A variant that is no longer written is not listed. */
void lockstep_multivariant_drop (LockstepMultivariant *m, guint variant);

/* It is written again, and listed with what it is known to need. */
void lockstep_multivariant_take_back (LockstepMultivariant *m, guint variant);

/* The codec of all variants' audio, as RFC 6381 has it; NULL: there is none. */
void lockstep_multivariant_set_audio (LockstepMultivariant *m, const char *codec);

/**
 * lockstep_multivariant_set_video:
 * @codec: as RFC 6381 has it
 * @width, @height: pixels
 * @rate: pictures a second; 0: what is measured
 */
void lockstep_multivariant_set_video (LockstepMultivariant *m, guint variant,
    const char *codec, int width, int height, double rate);

/**
 * lockstep_multivariant_add_segment:
 * @duration: ns, > 0
 * @pictures: that are in it
 */
void lockstep_multivariant_add_segment (LockstepMultivariant *m, guint variant,
    guint64 bytes, gint64 duration, guint pictures);

/* Whether each listed variant has a segment. */
gboolean lockstep_multivariant_is_ready (const LockstepMultivariant *m);

/* bit/s. The largest of any run of segments of 0.5 to 1.5 target durations, and the mean
 * of all (draft-pantos-hls-rfc8216bis-22, 4.4.6.2); 0: nothing was measured. */
guint64 lockstep_multivariant_peak (const LockstepMultivariant *m, guint variant);
guint64 lockstep_multivariant_average (const LockstepMultivariant *m, guint variant);

/**
 * lockstep_multivariant_render:
 *
 * Returns: (transfer full): the playlist, or NULL where it would be the same as the one
 *   that was rendered last, or where none can be made yet
 */
char *lockstep_multivariant_render (LockstepMultivariant *m);

/* "avc1.42c01f", from the bytes after the SPS's NAL header. */
char *lockstep_codec_h264 (guint8 profile, guint8 constraints, guint8 level);

G_END_DECLS
