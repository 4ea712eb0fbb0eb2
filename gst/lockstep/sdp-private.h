/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the SDP code share: the line model and candidates. */
#pragma once

#include <gst/lockstep/sdp.h>

#include <gio/gio.h>

G_BEGIN_DECLS

/* Bounds that keep the work on a hostile body small; a browser's offer has
 * about 150 lines, 2 or 3 sections and 10 to 40 candidates. */
#define LOCKSTEP_SDP_MAX_LINES 2048
#define LOCKSTEP_SDP_MAX_LINE_BYTES 4096
#define LOCKSTEP_SDP_MAX_SECTIONS 16
#define LOCKSTEP_SDP_MAX_CANDIDATES 64
#define LOCKSTEP_SDP_MAX_PAYLOADS 96
#define LOCKSTEP_SDP_MAX_FINGERPRINTS 16

/* One line, "a=key:value" or "x=value". The strings live in the text. */
typedef struct
{
  char type;                    /* the letter before "=" */
  const char *key;              /* of an a= line, else NULL */
  const char *value;            /* never NULL; "" for a flag such as a=sendonly */
} LockstepSdpLine;

/* A body cut into lines: section 0 is the session, the others start at
 * their m= line. */
typedef struct
{
  char *text;
  GArray *lines;                /* LockstepSdpLine */
  GArray *starts;               /* guint: index of each section's first line */
} LockstepSdpText;

LockstepSdpText *lockstep_sdp_text_parse (const char *body, gsize length,
    GError **error);
void lockstep_sdp_text_free (LockstepSdpText *text);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepSdpText, lockstep_sdp_text_free)

/* Sections, the session included: at least 1. */
guint lockstep_sdp_text_sections (const LockstepSdpText *text);
/* The lines of a section, the m= line included. */
const LockstepSdpLine *lockstep_sdp_text_lines (const LockstepSdpText *text,
    guint section, guint *n_lines);
/* The value of the only line "a=key" of a section. NULL and no error: none;
 * NULL and an error: more than one. */
const char *lockstep_sdp_text_only (const LockstepSdpText *text, guint section,
    const char *key, GError **error);
gboolean lockstep_sdp_text_has (const LockstepSdpText *text, guint section,
    const char *key);

/* Appends the line as it came, and its end. */
void lockstep_sdp_line_write (const LockstepSdpLine *line, GString *out);

/* m=kind port[/n] proto fmt ... */
typedef struct
{
  char *kind;
  guint port;
  char *proto;
  char **formats;
} LockstepSdpMline;

gboolean lockstep_sdp_mline_parse (const char *value, LockstepSdpMline *mline,
    GError **error);
void lockstep_sdp_mline_clear (LockstepSdpMline *mline);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LockstepSdpMline, lockstep_sdp_mline_clear)

/* A whole decimal number and nothing else. */
gboolean lockstep_sdp_number (const char *text, guint64 max, guint64 *value);
/* RFC 8866: token. */
gboolean lockstep_sdp_is_token (const char *text, gsize max);
/* RFC 8839: ice-char, between min and max of them. */
gboolean lockstep_sdp_is_ice_string (const char *text, gsize min, gsize max);
/* The value of a parameter in "name=value;name=value", NULL: not there. */
char *lockstep_sdp_fmtp_get (const char *fmtp, const char *name);

typedef enum
{
  LOCKSTEP_CANDIDATE_HOST,
  LOCKSTEP_CANDIDATE_SRFLX,
  LOCKSTEP_CANDIDATE_PRFLX,
  LOCKSTEP_CANDIDATE_RELAY,
} LockstepCandidateType;

/* A candidate whose address is a literal (RFC 8839, section 5.1). */
typedef struct
{
  char *foundation;
  guint component;
  gboolean tcp;
  char *tcptype;                /* NULL: none given */
  guint32 priority;
  GInetAddress *address;
  guint16 port;
  LockstepCandidateType type;
  char *related_address;        /* NULL: none */
  guint related_port;
  char *ufrag;                  /* the "ufrag" extension, NULL: none */
} LockstepSdpCandidate;

/* @value: what stands after "candidate:". Returns NULL without an error for one
 * that is well-formed but of no use (a name for an address, an unknown
 * transport or type), NULL with an error for a broken one. */
LockstepSdpCandidate *lockstep_sdp_candidate_parse (const char *value,
    GError **error);
LockstepSdpCandidate *lockstep_sdp_candidate_copy (const LockstepSdpCandidate *c);
void lockstep_sdp_candidate_free (LockstepSdpCandidate *candidate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepSdpCandidate, lockstep_sdp_candidate_free)
/* "candidate:..." without extensions but tcptype. */
char *lockstep_sdp_candidate_to_string (const LockstepSdpCandidate *candidate);
/* Whether webrtcbin should be told of a publisher's candidate. */
gboolean lockstep_sdp_candidate_is_useful (const LockstepSdpCandidate *candidate,
    const char *ufrag);
gboolean lockstep_sdp_candidate_is_listed (const GPtrArray *list,
    const LockstepSdpCandidate *candidate);

/* The sha-256, -384 and -512 fingerprints of a section, "hash DIGEST", or those
 * of the session where it has none. NULL with an error: not one of them. */
GPtrArray *lockstep_sdp_read_fingerprints (const LockstepSdpText *text,
    guint section, GError **error);

/* The highest id that a one-byte header can have. */
#define LOCKSTEP_SDP_MAX_EXTMAP_ID 14
/* Adds what a=extmap says to @media, if it is of use. @used: by id, which ones
 * the section has. @viewer: the offer is a viewer's. */
gboolean lockstep_sdp_read_extmap (const char *value, gboolean viewer,
    gboolean *used, LockstepOfferMedia *media, GError **error);
/* Chooses payload, feedback and RTX of a section (section > 0) and fills those
 * fields of @media. */
gboolean lockstep_sdp_choose_payload (const LockstepSdpText *text,
    guint section, const LockstepSdpMline *mline,
    const char *const *accepted, LockstepOfferMedia *media, GError **error);
/* Whether FEC is sent: the peer takes it, and its source is known. */
gboolean lockstep_sdp_sends_fec (const LockstepOfferMedia *media);
/* The lines of FEC that an answer has; @lines: those of webrtcbin's. */
void lockstep_sdp_write_fec (const LockstepSdpLine *lines, guint n,
    const LockstepOfferMedia *media, GString *out);
/* A name that a packet can carry (RFC 8852). */
gboolean lockstep_sdp_is_rid (const char *text);
/* Fills media->rids: before its extmaps are read, and what then is needed is missing
 * is found by the second. What is broken is as if it was not there. */
void lockstep_sdp_read_simulcast (const LockstepSdpText *text, guint section,
    LockstepOfferMedia *media);
void lockstep_sdp_finish_simulcast (LockstepOfferMedia *media);
gboolean lockstep_sdp_is_simulcast_extension (const char *uri);
gboolean lockstep_sdp_same_simulcast (const LockstepOfferMedia *a,
    const LockstepOfferMedia *b);
void lockstep_sdp_write_simulcast (const LockstepOfferMedia *media, GString *out);
/* rtpmap of the chosen payload, with its name in the offer's letters: some clients
 * compare them as they are. */
char *lockstep_sdp_rtpmap (const LockstepOfferMedia *media);
/* fmtp of the chosen payload for webrtcbin, NULL: none. */
char *lockstep_sdp_offer_fmtp (const LockstepOfferMedia *media);
/* fmtp of the chosen payload as it stands in the answer, NULL: none. */
char *lockstep_sdp_answer_fmtp (const LockstepOfferMedia *media);

G_END_DECLS
