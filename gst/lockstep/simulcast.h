/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Simulcast: which encode goes where in the list of pictures that a server takes, how large
 * each is, and what each gets of the bits that there are. */
#pragma once

#include <gst/lockstep/sdp.h>

G_BEGIN_DECLS

/* Pictures that one section may take, of one source. */
#define LOCKSTEP_SIMULCAST_MAX 8
/* Names are sent in each packet, in a one-byte header (RFC 8285). */
#define LOCKSTEP_RID_MAX 16

/* One entry of Sora's "encodings", which are those of W3C's RTCRtpEncodingParameters. */
typedef struct
{
  char rid[LOCKSTEP_RID_MAX + 1];
  gboolean active;
  guint64 max_bitrate;          /* bit/s; 0: not said */
  guint max_framerate;          /* 0: not said */
  double scale;                 /* the picture's sides are divided by it; 0: not said */
  guint max_width, max_height;  /* of a picture that lies; 0: not said */
} LockstepEncoding;

/**
 * lockstep_encodings_parse:
 * @json: text of an array; what a server said
 *
 * Unknown members are passed over, as are a name of an algorithm and a priority; a number
 * that cannot be meant (a scale below 1, a bitrate that is none) is an error.
 *
 * Returns: (transfer full) (element-type LockstepEncoding): or NULL with a
 *   #LockstepSdpError
 */
GArray *lockstep_encodings_parse (const char *json, GError **error);

/* What one encoder makes: number 0 is the picture itself, then come those beside it. */
typedef struct
{
  guint64 max_bitrate;          /* bit/s, where the server says nothing */
} LockstepEncode;

/* One picture of several of the same source, in one section. */
typedef struct
{
  char rid[LOCKSTEP_RID_MAX + 1];
  guint encode;                 /* number of its encoder */
  guint width, height;          /* even */
  guint fps;                    /* at most; 0: the source's */
  guint64 min, max;             /* bit/s: with less than the first it is not sent */
} LockstepLayer;

/**
 * lockstep_simulcast_plan:
 * @rids: (element-type LockstepRid): what the section takes
 * @encodings: (element-type LockstepEncoding) (nullable): what the server says of them
 * @width, @height, @fps: of the source; an @fps of 0 is not known
 * @encodes: one to #LOCKSTEP_SIMULCAST_MAX of them
 *
 * The largest picture comes out of the first encoder. Where there are fewer encoders than
 * pictures, those between the largest and the smaller ones are not sent: a server falls back on the
 * smallest for who has the worst line. Inactive ones take no encoder. Sizes are the source's, divided
 * as the encodings say; where none says by what, each picture is half as wide as the
 * next (W3C, webrtc-pc, section 5.2).
 *
 * Returns: (transfer full) (element-type LockstepLayer): from the smallest to the largest;
 *   empty where none is active
 */
GArray *lockstep_simulcast_plan (const GPtrArray *rids, const GArray *encodings,
    guint width, guint height, guint fps, const LockstepEncode *encodes,
    guint n_encodes);

/**
 * lockstep_simulcast_share:
 * @layers: from the smallest to the largest
 * @total: bit/s that there are for all
 * @bitrates: (inout): one for each layer: what it had, 0 where it was not sent; what it
 *   gets
 *
 * The smallest gets its share first, and is always sent; a larger one is where its least is
 * left over, with some more to begin again, so that it does not come and go.
 *
 * Returns: the sum
 */
guint64 lockstep_simulcast_share (const GArray *layers, guint64 total,
    guint64 *bitrates);

/**
 * lockstep_simulcast_answer:
 *
 * What lockstep_answer_finish() is to say of the pictures of @media: those in @layers are
 * sent, those that the server made inactive not for now ("~r2", RFC 8853), the others
 * never.
 */
void lockstep_simulcast_answer (LockstepOfferMedia *media, const GArray *layers,
    const GArray *encodings);

G_END_DECLS
