/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a WHIP and WHEP server must know of, and change in, session descriptions. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Longest offer or trickle fragment that is read, in bytes. A browser's offer
 * with one audio and one video section is 5-9 KB. */
#define LOCKSTEP_SDP_MAX_BYTES (64 * 1024)

/**
 * LockstepSdpError:
 * @LOCKSTEP_SDP_ERROR_MALFORMED: not an SDP, or a line in it is broken (HTTP 400)
 * @LOCKSTEP_SDP_ERROR_UNSUPPORTED: a valid SDP that asks for what cannot be
 *   done here: three media sections, no DTLS (HTTP 422)
 * @LOCKSTEP_SDP_ERROR_NO_CODEC: no codec of a section is in common (HTTP 422 for a
 *   publisher, 406 for a viewer)
 * @LOCKSTEP_SDP_ERROR_TOO_LARGE: longer than a bound above (HTTP 413)
 */
typedef enum
{
  LOCKSTEP_SDP_ERROR_MALFORMED,
  LOCKSTEP_SDP_ERROR_UNSUPPORTED,
  LOCKSTEP_SDP_ERROR_NO_CODEC,
  LOCKSTEP_SDP_ERROR_TOO_LARGE,
} LockstepSdpError;

#define LOCKSTEP_SDP_ERROR (lockstep_sdp_error_quark ())
GQuark lockstep_sdp_error_quark (void);

typedef enum
{
  LOCKSTEP_MEDIA_AUDIO,
  LOCKSTEP_MEDIA_VIDEO,
  LOCKSTEP_MEDIA_OTHER,
} LockstepMediaKind;

typedef struct
{
  guint id;                     /* 1..14: one-byte headers */
  char *uri;
  gboolean one_way;             /* offered for the way that media takes alone */
} LockstepExtmap;

/* One of several pictures that a section takes of the same source (RFC 8853). */
typedef struct
{
  char *rid;
  gboolean paused;              /* not wanted for now */
  guint max_width, max_height, max_fps; /* 0: any */
  guint64 max_bitrate;          /* bit/s; 0: any */
} LockstepRid;

/* One m= section of an offer. */
typedef struct
{
  LockstepMediaKind kind;
  char *kind_name;              /* as in the m= line: "audio", "video", "application" */
  char *proto;                  /* of the m= line */
  char *formats;                /* of the m= line, separated by spaces */
  char *mid;
  gboolean mid_added;           /* the offer had none */
  int mline;                    /* index in the rewritten text, -1: not in it */
  gboolean data;                /* data channels: nothing from payload on is set */
  guint sctp_port;              /* of those */
  gboolean rejected;            /* answered by port 0: offered so, or not sent here */
  int payload;                  /* the payload type that was chosen, -1: none */
  char *encoding;               /* "OPUS", "H264"; NULL: none chosen */
  char *encoding_offered;       /* the same as it was written, "opus" */
  char *encoding_params;        /* "2" of opus/48000/2; NULL: none */
  guint clock_rate;             /* Hz */
  char *fmtp;                   /* of payload as offered, NULL: none */
  int rtx_payload;              /* -1: none offered for payload */
  int fec_payload;              /* of FlexFEC (flexfec-03), -1: not offered */
  guint32 ssrc, fec_ssrc;       /* what is sent to a viewer; 0: not known, no FEC */
  gboolean nack, nack_pli, ccm_fir, transport_cc;       /* rtcp-fb of payload */
  GArray *extmaps;              /* LockstepExtmap: those offered and kept */
  GPtrArray *rids;              /* LockstepRid; NULL: one picture */
  GPtrArray *answer_rids;       /* char*: see lockstep_simulcast_answer(); NULL: one */
} LockstepOfferMedia;

/* A checked offer, ready for webrtcbin 1.22. */
typedef struct
{
  char *sdp;                    /* the rewritten text */
  GPtrArray *media;             /* LockstepOfferMedia, in m-line order */
  GPtrArray *fingerprints;      /* char*: "sha-256 AB:CD:..." in upper case hex */
  char *ice_ufrag, *ice_pwd;
  gboolean trickle;             /* a=ice-options:trickle was there */
  char **bundle;                /* mids of the accepted sections, the tagged one first */
  gboolean bundle_added;        /* the offer had no BUNDLE group */
  gboolean viewer;              /* the peer receives: lockstep_offer_parse_viewer() */
  gboolean no_loopback;         /* the peer's ICE leaves loopback candidates out: Firefox */
} LockstepOffer;

/**
 * lockstep_offer_parse:
 * @body: the request body; need not end in NUL
 * @length: its bytes
 * @accept_audio: encoding names wanted, best first, NULL-terminated; NULL: none
 * @accept_video: likewise
 *
 * Reads a WHIP offer (RFC 9725, section 4.2), checks it and writes the one that
 * webrtcbin 1.22.0 can take: of each section only the chosen payload and its
 * RTX, one fingerprint, setup and credentials in each section, mids and a BUNDLE
 * group where they are missing, UDP candidates with literal addresses in the
 * first section, known header extensions; sections with port 0 are left out.
 * Refuses what cannot be made to work, with a text for the publisher.
 *
 * Of the encodings, the first of the list that is offered is taken. Of several
 * H264 payloads: packetization-mode 1 before 0, then Constrained Baseline,
 * Baseline, Main, High. A section of a kind whose list is NULL is refused, as
 * no answer may be partial (RFC 9725, section 4.4.3).
 *
 * Returns: (transfer full): the offer, or NULL with a #LockstepSdpError
 */
LockstepOffer *lockstep_offer_parse (const char *body, gsize length,
    const char *const *accept_audio, const char *const *accept_video,
    GError **error);

typedef enum
{
  LOCKSTEP_OFFER_VIEWER = 1 << 0,       /* as lockstep_offer_parse_viewer() */
  LOCKSTEP_OFFER_DATA = 1 << 1, /* a section for data channels is taken too */
  LOCKSTEP_OFFER_SIMULCAST = 1 << 2,    /* of a viewer: rids of a picture are read */
} LockstepOfferFlags;

/* As lockstep_offer_parse(), and what @flags add. */
LockstepOffer *lockstep_offer_parse_with (const char *body, gsize length,
    LockstepOfferFlags flags, const char *const *audio,
    const char *const *video, GError **error);

/**
 * lockstep_offer_parse_viewer:
 *
 * As lockstep_offer_parse(), for the offer of a WHEP player
 * (draft-ietf-wish-whep): its sections are recvonly or sendrecv. Sections of a kind that
 * is not sent (its list is NULL), second ones of a kind, inactive ones and data
 * channels are answered by port 0; at least one must be left.
 *
 * Returns: (transfer full): the offer, or NULL with a #LockstepSdpError
 */
LockstepOffer *lockstep_offer_parse_viewer (const char *body, gsize length,
    const char *const *send_audio, const char *const *send_video,
    GError **error);

/**
 * lockstep_offer_continues:
 * @offer: another one of the peer that made @before
 *
 * Whether webrtcbin 1.22.0 can answer it in the session that @before began: the same
 * transport (it can restart no ICE), and the same sections with the same formats and
 * header extensions (what was accepted it cannot change).
 *
 * Returns: FALSE with a #LockstepSdpError (UNSUPPORTED) that says what is new
 */
gboolean lockstep_offer_continues (const LockstepOffer *offer,
    const LockstepOffer *before, GError **error);
/**
 * lockstep_answer_with_candidates:
 * @answer: webrtcbin's answer to such an offer
 * @before: (nullable): what it answered before in the same session
 *
 * webrtcbin 1.22.0 leaves the candidates out of every answer but the first, although the
 * transport is the same one.
 *
 * Returns: (transfer full): @answer, with the candidates of @before where it has none
 */
char *lockstep_answer_with_candidates (const char *answer, const char *before);
void lockstep_offer_free (LockstepOffer *offer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepOffer, lockstep_offer_free)

/**
 * lockstep_offer_media_caps:
 *
 * Codec preferences for the transceiver of this section: the chosen payload
 * with its profile, feedback and `extmap-N` fields (webrtcbin 1.22.0 drops every
 * header extension from the answer that is not named here), followed by its
 * RTX payload where one was offered.
 *
 * Returns: (transfer full): caps, NULL for a section without a chosen payload
 */
GstCaps *lockstep_offer_media_caps (const LockstepOfferMedia *media);

/* Header extensions by which a picture of several is known. */
typedef enum
{
  LOCKSTEP_EXTENSION_MID,
  LOCKSTEP_EXTENSION_RID,
  LOCKSTEP_EXTENSION_REPAIRED_RID,
} LockstepExtension;

/* Returns: its id; 0: it was not offered, or is not kept. */
guint lockstep_offer_media_extension (const LockstepOfferMedia *media,
    LockstepExtension which);

/**
 * lockstep_answer_finish:
 * @answer: webrtcbin's answer, gathering complete
 * @public_addresses: addresses that replace those of host candidates (1:1 NAT),
 *   NULL-terminated, or NULL
 *
 * Turns webrtcbin's answer into the one that is sent. All candidates stand in
 * the section that the BUNDLE group names first, without TCP-active, RTCP and
 * link-local ones, and with end-of-candidates behind them; m= and c= name the
 * default one. profile-level-id and level-asymmetry-allowed are as offered;
 * Opus asks for stereo and in-band FEC. Sections with port 0 are put back. What a
 * viewer gets is one MediaStream (a=msid), so that it is played in step.
 *
 * Fails if a section was not answered by a=recvonly (a=sendonly to a viewer) with the
 * chosen payload, or if no candidate is left (UNSUPPORTED: a fault of this side, HTTP 500).
 *
 * Returns: (transfer full): the text, or NULL with a #LockstepSdpError
 */
char *lockstep_answer_finish (const char *answer, const LockstepOffer *offer,
    const char *const *public_addresses, GError **error);

/* One candidate of a trickle fragment. */
typedef struct
{
  guint mline;                  /* for add-ice-candidate: a section of the rewritten offer */
  char *candidate;              /* "candidate:..." ; NULL: end of candidates */
} LockstepCandidate;

typedef struct
{
  char *ice_ufrag, *ice_pwd;    /* NULL: not in the fragment */
  GPtrArray *candidates;        /* LockstepCandidate */
  gboolean restart;             /* credentials other than the offer's */
} LockstepTrickle;

/**
 * lockstep_trickle_parse:
 *
 * Reads an application/trickle-ice-sdpfrag body (RFC 8840, section 9; RFC 9725, section
 * 4.3.2). Candidates that are of no use here are dropped silently: unknown
 * transports and types, TCP, names, IPv6 link-local addresses, other ICE
 * generations, sections that were not offered. More than 64 are an error. The end of
 * candidates, if it was told, is the last entry.
 */
LockstepTrickle *lockstep_trickle_parse (const char *body, gsize length,
    const LockstepOffer *offer, GError **error);
/* One candidate from elsewhere, "candidate:…", by the same rules. Returns: (transfer full)
 * (nullable): as webrtcbin takes it; NULL: of no use here */
char *lockstep_candidate_check (const char *text);
void lockstep_trickle_free (LockstepTrickle *trickle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepTrickle, lockstep_trickle_free)

/**
 * lockstep_trickle_write:
 * @offer: the description of this side that the peer has
 * @candidates: "candidate:…", NULL-terminated; those of no use to a peer (TCP, RTCP,
 *   link-local, broken) are left out
 * @end: no more will follow
 *
 * The reverse: a client's application/trickle-ice-sdpfrag body. All candidates stand in
 * the section that the BUNDLE group names first, whose transport it is.
 *
 * Returns: (transfer full) (nullable): the body; NULL without an error when there is
 *   nothing to tell, with a #LockstepSdpError when @offer has no transport
 */
char *lockstep_trickle_write (const char *offer, const char *const *candidates,
    gboolean end, GError **error);

/**
 * lockstep_offer_finish:
 * @offer: webrtcbin's offer
 * @complete: no candidate will follow it
 *
 * Turns webrtcbin's offer into the one that is sent: its sections are of one MediaStream
 * (a=msid; webrtcbin 1.22.0 names one a track, in a=ssrc alone), so that they are kept in
 * step; a second picture is a MediaStream by itself, lockstep-preview; and the end of the candidates is told where it is known.
 *
 * Returns: (transfer full): the text, or NULL with a #LockstepSdpError
 */
char *lockstep_offer_finish (const char *offer, gboolean complete,
    GError **error);

/**
 * lockstep_offer_add_fec:
 * @offer: as lockstep_offer_finish() gives it
 * @ssrc: of the picture that is sent
 * @fec_ssrc: of its FEC packets
 * @payload: (out): the payload type that they are offered with; -1: they are not
 *
 * Returns: (transfer full): @offer, with FlexFEC for the picture
 */
char *lockstep_offer_add_fec (const char *offer, guint32 ssrc,
    guint32 fec_ssrc, int *payload);
/**
 * lockstep_answer_take_fec:
 * @answer: what the peer answered to such an offer
 * @payload: that FEC was offered with
 * @taken: (out): whether the peer takes it
 *
 * Returns: (transfer full): @answer, without FlexFEC, of which webrtcbin is not to know
 */
char *lockstep_answer_take_fec (const char *answer, int payload,
    gboolean *taken);

/**
 * lockstep_answer_read:
 * @answer: what the peer answered to @offer; need not end in NUL
 * @offer: the offer as it was sent
 *
 * Checks that each section is answered, as no answer to WHIP may be partial (RFC 9725,
 * section 4.4.3), and repeats in each what the session has once for all.
 *
 * Returns: (transfer full): the text for webrtcbin 1.22.0, or NULL with a
 *   #LockstepSdpError that says what is wrong with the answer
 */
char *lockstep_answer_read (const char *answer, gsize length,
    const char *offer, GError **error);

/**
 * lockstep_certificate_matches:
 * @pem: the peer's certificate as DTLS received it
 * @fingerprints: as in #LockstepOffer: sha-256, sha-384, sha-512 (sha-1 and
 *   md5 are not trusted)
 *
 * RFC 8122, section 5: the certificate must match one of the fingerprints of
 * the strongest hash that is among them. webrtcbin 1.22.0 does not check this.
 *
 * Returns: TRUE if it does; else FALSE with a #LockstepSdpError: MALFORMED (no
 *   certificate) or UNSUPPORTED (no match)
 */
gboolean lockstep_certificate_matches (const char *pem,
    const GPtrArray *fingerprints, GError **error);

/**
 * lockstep_ice_link_header:
 * @server: "stun://host:port", "turn://user:password@host:port?transport=udp"
 *
 * Returns: (transfer full): a Link header value (RFC 9725, section 4.6), or
 *   NULL with a #LockstepSdpError that says what is wrong with @server
 */
char *lockstep_ice_link_header (const char *server, GError **error);

/**
 * lockstep_ice_servers_from_link:
 * @links: the value of a Link header, of several joined by commas, or NULL
 *
 * The reverse: what a WHIP server tells its clients (RFC 9725, section 4.6). At most 8
 * servers are taken; what is broken, or no ICE server, is passed over.
 *
 * Returns: (transfer full): "stun://host:port,turn://user:password@host:port", user and
 *   password percent-encoded; "" when there is none
 */
char *lockstep_ice_servers_from_link (const char *links);

/**
 * lockstep_sdp_plain_normalize:
 * @text: a description of plain RTP, as an SFU or encoder writes it to a file
 * @encodings: RTP encoding names that are taken, in upper case, NULL-terminated
 *
 * Keeps of each kind of media the first section with a port, and of its formats the first
 * that is taken. Without a c= line packets come to loopback.
 *
 * Returns: (transfer full): a description with that alone, which is read as the same; NULL
 *   with a #LockstepSdpError
 */
char *lockstep_sdp_plain_normalize (const char *text, const char *const *encodings,
    GError **error);
/* NULL-terminated: "media" (audio, video, both), "audio-address", "audio-port",
 * "audio-caps" (application/x-rtp); the same of the video. */
extern const char *const lockstep_sdp_plain_fields[];
/* @kept: from lockstep_sdp_plain_normalize(). Returns: (transfer full): "" where that kind
 * of media is not there; NULL: there is no such field. */
char *lockstep_sdp_plain_field (const char *kept, const char *field);

G_END_DECLS
