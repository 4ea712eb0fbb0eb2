/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One webrtcbin: offer and answer, candidates, and the check of the peer's
 * certificate that webrtcbin 1.22.0 leaves out.
 *
 * webrtcbin calls back from threads of its own; everything is brought to the main
 * loop before it touches the struct. Each event on its way holds a reference, and so
 * does each promise and each signal handler. */
#include "webrtc-end.h"
#include "handlers.h"
#include "peer-guard.h"
#include "signal-channels.h"
#include "text-channel.h"
#include "webrtc-setup.h"

#include <string.h>

#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>

/* Gathering with a STUN server that does not answer takes libnice longer than a
 * publisher should wait: what was found by then is used. */
#define GATHER_TIMEOUT_MS 3000
#define NEGOTIATE_TIMEOUT_MS 8000
/* A call that trickles waits so long for the candidates of this machine, which come
 * together: what only a STUN or TURN server can tell takes a round trip. */
#define HOST_CANDIDATES_MS 50
/* Messages of the peer on their way to the main loop. */
#define MAX_TEXTS 32
#define MAX_SIGNALS 64
struct _WebrtcEnd
{
  GstElement *webrtc;
  char *public_address;         /* NULL or "": none */
  gboolean trickle, loopback_only;
  WebrtcEndCallbacks callbacks;
  gpointer user_data;

  LockstepOffer *offer;         /* set before threads can see it, then constant */
  LockstepOffer *renewed;       /* the last of those after it; NULL: none came */
  gboolean renewing;            /* ours for it is not set yet */
  char *answered;               /* webrtcbin's answer before it; NULL: none */
  GPtrArray *fingerprints;      /* likewise: those of the peer */
  guint gather_timeout, negotiate_timeout;
  gboolean described, over;
  gboolean gathered;            /* no candidate will come any more */
  gboolean trickling;           /* the first candidate of a call has come */
  WebrtcBuffers *buffers;       /* NULL: closed */
  TextChannel *texts;           /* NULL: no channel for text */
  gint n_texts;                 /* atomic: messages on their way to the main loop */
  SignalChannels *signals;      /* NULL: no signalling over data channels */
  gint n_signals;               /* likewise */
  char *offered;                /* what a call sent; NULL: nothing yet */
  gint verified;                /* atomic: the certificate was checked */
};

/* Carries an event from a webrtcbin thread to the main loop. */
typedef struct
{
  WebrtcEnd *end;
  void (*deliver) (WebrtcEnd * end, guint status, const char *text);
  guint status;
  char *text;
} Event;

static void
clear (gpointer data)
{
  WebrtcEnd *end = data;

  gst_object_unref (end->webrtc);
  g_free (end->public_address);
  g_free (end->offered);
  g_free (end->answered);
  lockstep_offer_free (end->offer);
  g_clear_pointer (&end->renewed, lockstep_offer_free);
  g_clear_pointer (&end->fingerprints, g_ptr_array_unref);
}

static void
end_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, clear);
}

static GstPromise *
promise_new (WebrtcEnd * end, GstPromiseChangeFunc func)
{
  return gst_promise_new_with_change_func (func, g_atomic_rc_box_acquire (end),
      end_unref);
}

static gboolean
deliver_event (gpointer data)
{
  Event *event = data;

  event->deliver (event->end, event->status, event->text);
  end_unref (event->end);
  g_free (event->text);
  g_free (event);
  return G_SOURCE_REMOVE;
}

static void
post (WebrtcEnd * end, void (*deliver) (WebrtcEnd *, guint, const char *),
    guint status, const char *text)
{
  Event *event = g_new0 (Event, 1);

  event->end = g_atomic_rc_box_acquire (end);
  event->deliver = deliver;
  event->status = status;
  event->text = g_strdup (text);
  g_idle_add (deliver_event, event);
}

static void
stop_timers (WebrtcEnd * end)
{
  g_clear_handle_id (&end->gather_timeout, g_source_remove);
  g_clear_handle_id (&end->negotiate_timeout, g_source_remove);
}

static void
refuse (WebrtcEnd * end, guint status, const char *why)
{
  if (end->over || end->described)
    return;
  end->over = TRUE;
  stop_timers (end);
  end->callbacks.refused (status, why, end->user_data);
}

static void
lose (WebrtcEnd * end, guint status, const char *why)
{
  if (end->over)
    return;
  end->over = TRUE;
  stop_timers (end);
  end->callbacks.lost (why, end->user_data);
}

static void
report_connected (WebrtcEnd * end, guint status, const char *text)
{
  if (!end->over)
    end->callbacks.connected (end->user_data);
}

/* The certificate that DTLS received. NULL while there is none. */
static char *
peer_certificate (WebrtcEnd * end)
{
  g_autoptr (GArray) transceivers = NULL;
  char *pem = NULL;

  g_signal_emit_by_name (end->webrtc, "get-transceivers", &transceivers);
  for (guint i = 0; transceivers != NULL && i < transceivers->len
      && pem == NULL; i++) {
    GstWebRTCRTPTransceiver *t =
        g_array_index (transceivers, GstWebRTCRTPTransceiver *, i);
    g_autoptr (GstWebRTCRTPReceiver) receiver = NULL;
    g_autoptr (GstWebRTCDTLSTransport) transport = NULL;

    g_object_get (t, "receiver", &receiver, NULL);
    if (receiver == NULL)
      continue;
    g_object_get (receiver, "transport", &transport, NULL);
    if (transport != NULL)
      g_object_get (transport, "remote-certificate", &pem, NULL);
  }
  return pem;
}

/* RFC 8827, section 6.5 and RFC 8122: DTLS proves that the peer holds the key of some
 * certificate; only the fingerprint says that it is the one that signalling spoke
 * of. Runs in any thread. */
static gboolean
verify_peer (WebrtcEnd * end)
{
  g_autofree char *pem = NULL;
  g_autoptr (GError) error = NULL;

  if (g_atomic_int_get (&end->verified))
    return TRUE;
  pem = peer_certificate (end);
  if (pem != NULL && end->fingerprints != NULL
      && lockstep_certificate_matches (pem, end->fingerprints, &error)) {
    g_atomic_int_set (&end->verified, TRUE);
    return TRUE;
  }
  return FALSE;
}

static void
report_text (WebrtcEnd * end, guint status, const char *text)
{
  g_atomic_int_add (&end->n_texts, -1);
  if (!end->over && end->callbacks.text != NULL)
    end->callbacks.text (text, end->user_data);
}

/* In a thread of webrtcbin. */
static void
text_came (const char *text, const char *why, gpointer user_data)
{
  WebrtcEnd *end = user_data;

  if (why != NULL)
    post (end, lose, 0, why);
  else if (!verify_peer (end))
    return;
  else if (g_atomic_int_add (&end->n_texts, 1) < MAX_TEXTS)
    post (end, report_text, 0, text);
  else
    g_atomic_int_add (&end->n_texts, -1);
}

/* A message of signalling on its way to the main loop. */
typedef struct
{
  WebrtcEnd *end;
  char *label;
  GBytes *data;
} Signal;

static gboolean
deliver_signal (gpointer data)
{
  Signal *signal = data;
  WebrtcEnd *end = signal->end;

  g_atomic_int_add (&end->n_signals, -1);
  if (!end->over && end->callbacks.signal != NULL)
    end->callbacks.signal (signal->label, signal->data, end->user_data);
  g_bytes_unref (signal->data);
  g_free (signal->label);
  g_free (signal);
  end_unref (end);
  return G_SOURCE_REMOVE;
}

/* In a thread of webrtcbin. None may be lost: a server that sends too many is. */
static void
signal_came (const char *label, GBytes * data, const char *why,
    gpointer user_data)
{
  WebrtcEnd *end = user_data;
  Signal *signal;

  if (why == NULL && !verify_peer (end))
    return;
  if (why == NULL && g_atomic_int_add (&end->n_signals, 1) >= MAX_SIGNALS) {
    g_atomic_int_add (&end->n_signals, -1);
    why = "the server sends faster than can be followed";
  }
  if (why != NULL) {
    post (end, lose, 0, why);
    return;
  }
  signal = g_new0 (Signal, 1);
  signal->end = g_atomic_rc_box_acquire (end);
  signal->label = g_strdup (label);
  signal->data = g_bytes_ref (data);
  g_idle_add (deliver_signal, signal);
}

static GstPadProbeReturn
drop_all (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  return GST_PAD_PROBE_DROP;
}

/* What a pad carries, by the caps that came with its stream. They are on the target
 * of the ghost pad alone by now; the transceiver that webrtcbin 1.22.0 names is the
 * first one's for every stream of a bundle. */
static LockstepMediaKind
pad_kind (GstPad * pad)
{
  g_autoptr (GstPad) target = gst_ghost_pad_get_target (GST_GHOST_PAD (pad));
  g_autoptr (GstCaps) caps = target ? gst_pad_get_current_caps (target) : NULL;
  const char *media = caps == NULL ? NULL
      : gst_structure_get_string (gst_caps_get_structure (caps, 0), "media");

  if (g_strcmp0 (media, "audio") == 0)
    return LOCKSTEP_MEDIA_AUDIO;
  if (g_strcmp0 (media, "video") == 0)
    return LOCKSTEP_MEDIA_VIDEO;
  return LOCKSTEP_MEDIA_OTHER;
}

/* Runs before the pad's first packet, in the thread that will push it. */
static void
pad_added (GstElement * webrtc, GstPad * pad, gpointer user_data)
{
  WebrtcEnd *end = user_data;

  if (!GST_PAD_IS_SRC (pad))
    return;
  if (verify_peer (end)) {
    if (end->callbacks.added != NULL)
      end->callbacks.added (pad, pad_kind (pad), end->user_data);
    return;
  }
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_DATA_DOWNSTREAM, drop_all, NULL,
      NULL);
  post (end, lose, 0,
      "the peer's certificate is not the one whose fingerprint it announced");
}

static void
connection_state_changed (GstElement * webrtc, GParamSpec * spec,
    gpointer user_data)
{
  WebrtcEnd *end = user_data;
  GstWebRTCPeerConnectionState state;

  g_object_get (webrtc, "connection-state", &state, NULL);
  switch (state) {
    case GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED:
      if (verify_peer (end))
        post (end, report_connected, 0, NULL);
      else
        post (end, lose, 0, "the peer's certificate is not the one whose "
            "fingerprint it announced");
      break;
    case GST_WEBRTC_PEER_CONNECTION_STATE_FAILED:
      post (end, lose, 0, "the connection failed: no path to the peer works");
      break;
    case GST_WEBRTC_PEER_CONNECTION_STATE_CLOSED:
      post (end, lose, 0, "the peer closed the connection");
      break;
    default:
      break;
  }
}

/* webrtcbin's, with all candidates that are known. NULL: there is none yet. */
static char *
local_description (WebrtcEnd * end)
{
  GstWebRTCSessionDescription *local = NULL;
  g_autofree char *text = NULL;

  g_object_get (end->webrtc, "local-description", &local, NULL);
  if (local == NULL)
    return NULL;
  text = gst_sdp_message_as_text (local->sdp);
  gst_webrtc_session_description_free (local);
  return lockstep_answer_with_candidates (text, end->answered);
}

/* Gathering is done, or has taken long enough. */
static void
describe (WebrtcEnd * end, guint status, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *raw = NULL;
  g_autofree char *sdp = NULL;
  const char *public[] = { NULL, NULL };

  if (end->over || end->described || end->renewing)
    return;
  raw = local_description (end);
  if (raw == NULL) {
    refuse (end, 500, "there is no local description");
    return;
  }
  if (end->public_address != NULL && end->public_address[0])
    public[0] = end->public_address;
  if (end->offer != NULL)
    sdp = lockstep_answer_finish (raw, end->renewed != NULL ? end->renewed
        : end->offer, public, &error);
  else
    sdp = lockstep_offer_finish (raw, end->gathered, &error);
  if (sdp == NULL) {
    refuse (end, 500, error->message);
    return;
  }
  end->described = TRUE;
  if (end->offer == NULL)
    end->offered = g_strdup (sdp);
  g_clear_handle_id (&end->gather_timeout, g_source_remove);
  g_clear_handle_id (&end->negotiate_timeout, g_source_remove);
  end->callbacks.described (sdp, end->user_data);
}

static gboolean
is_trickling (WebrtcEnd * end)
{
  return end->trickle && end->offer == NULL && !end->over;
}

static void
report_gathered (WebrtcEnd * end, guint status, const char *text)
{
  gboolean told = end->described;

  end->gathered = TRUE;
  describe (end, 0, NULL);
  if (told && is_trickling (end))
    end->callbacks.candidate (NULL, end->user_data);
}

static void
gathering_changed (GstElement * webrtc, GParamSpec * spec, gpointer user_data)
{
  WebrtcEnd *end = user_data;
  GstWebRTCICEGatheringState state;

  g_object_get (webrtc, "ice-gathering-state", &state, NULL);
  if (state == GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE)
    post (end, report_gathered, 0, NULL);
}

static gboolean
gather_timed_out (gpointer user_data)
{
  WebrtcEnd *end = user_data;

  end->gather_timeout = 0;
  describe (end, 0, NULL);
  return G_SOURCE_REMOVE;
}

/* webrtcbin has put the candidate into the local description already. */
static void
report_candidate (WebrtcEnd * end, guint status, const char *text)
{
  if (!is_trickling (end))
    return;
  if (end->described) {
    end->callbacks.candidate (text, end->user_data);
  } else if (!end->trickling) {
    end->trickling = TRUE;
    g_clear_handle_id (&end->gather_timeout, g_source_remove);
    end->gather_timeout =
        g_timeout_add (HOST_CANDIDATES_MS, gather_timed_out, end);
  }
}

static void
candidate_gathered (GstElement * webrtc, guint mline, const char *candidate,
    gpointer user_data)
{
  post (user_data, report_candidate, 0, candidate);
}

static gboolean
negotiate_timed_out (gpointer user_data)
{
  WebrtcEnd *end = user_data;

  end->negotiate_timeout = 0;
  refuse (end, 500, "negotiation took too long");
  return G_SOURCE_REMOVE;
}

static void
start_gather_timer (WebrtcEnd * end, guint status, const char *text)
{
  if (end->renewing) {
    /* the transport is the one that there is: nothing is gathered for it */
    end->renewing = FALSE;
    describe (end, 0, NULL);
  } else if (!end->over && !end->described && end->gather_timeout == 0)
    end->gather_timeout =
        g_timeout_add (GATHER_TIMEOUT_MS, gather_timed_out, end);
}

/* The error of a webrtcbin promise; NULL when it went well. */
static char *
promise_error (GstPromise * promise)
{
  const GstStructure *reply = gst_promise_get_reply (promise);
  g_autoptr (GError) error = NULL;

  if (gst_promise_wait (promise) != GST_PROMISE_RESULT_REPLIED)
    return g_strdup ("webrtcbin gave no reply");
  if (reply == NULL || !gst_structure_has_field (reply, "error"))
    return NULL;
  gst_structure_get (reply, "error", G_TYPE_ERROR, &error, NULL);
  return g_strdup (error != NULL ? error->message : "unknown error");
}

static void
local_set (GstPromise * promise, gpointer user_data)
{
  WebrtcEnd *end = user_data;
  g_autofree char *error = promise_error (promise);

  gst_promise_unref (promise);
  if (error != NULL)
    post (end, refuse, 500, error);
  else
    post (end, start_gather_timer, 0, NULL);
}

static void
created (GstPromise * promise, gpointer user_data)
{
  WebrtcEnd *end = user_data;
  g_autofree char *error = promise_error (promise);
  const GstStructure *reply = gst_promise_get_reply (promise);
  GstWebRTCSessionDescription *description = NULL;

  if (error == NULL)
    gst_structure_get (reply, end->offer != NULL ? "answer" : "offer",
        GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &description, NULL);
  gst_promise_unref (promise);
  if (description == NULL) {
    post (end, refuse, 422, error ? error : "no description could be made");
    return;
  }
  g_signal_emit_by_name (end->webrtc, "set-local-description", description,
      promise_new (end, local_set));
  gst_webrtc_session_description_free (description);
}

static void
remote_set (GstPromise * promise, gpointer user_data)
{
  WebrtcEnd *end = user_data;
  g_autofree char *error = promise_error (promise);

  gst_promise_unref (promise);
  if (error != NULL) {
    post (end, refuse, 422, error);
    return;
  }
  if (end->offer != NULL)
    g_signal_emit_by_name (end->webrtc, "create-answer", NULL,
        promise_new (end, created));
}

static void
set_remote (WebrtcEnd * end, GstWebRTCSDPType type, const char *sdp)
{
  GstWebRTCSessionDescription *description;
  GstSDPMessage *message = NULL;

  if (gst_sdp_message_new_from_text (sdp, &message) != GST_SDP_OK) {
    /* later, as all that is told: whoever gives an offer may not have the end yet */
    post (end, refuse, 400, "the session description cannot be parsed");
    return;
  }
  description = gst_webrtc_session_description_new (type, message);
  g_signal_emit_by_name (end->webrtc, "set-remote-description", description,
      promise_new (end, remote_set));
  gst_webrtc_session_description_free (description);
}

void
webrtc_end_accept (WebrtcEnd * end, LockstepOffer * offer)
{
  g_return_if_fail (end->offer == NULL);

  end->offer = offer;
  end->fingerprints = g_ptr_array_ref (offer->fingerprints);
  webrtc_buffers_set_offer (end->buffers, offer);
  if (end->loopback_only && offer->no_loopback)
    webrtc_setup_add_addresses (end->webrtc);
  end->negotiate_timeout =
      g_timeout_add (NEGOTIATE_TIMEOUT_MS, negotiate_timed_out, end);
  for (guint i = 0; i < offer->media->len && !offer->viewer; i++) {
    const LockstepOfferMedia *media = g_ptr_array_index (offer->media, i);
    g_autoptr (GstCaps) caps = lockstep_offer_media_caps (media);
    g_autoptr (GstWebRTCRTPTransceiver) transceiver = NULL;

    if (caps == NULL)
      continue;
    g_signal_emit_by_name (end->webrtc, "add-transceiver",
        GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY, caps, &transceiver);
    /* webrtcbin 1.22.0 takes the first transceiver for every stream of a bundle: what
     * holds for one must be allowed on all */
    if (transceiver != NULL)
      g_object_set (transceiver, "do-nack", TRUE, NULL);
  }
  set_remote (end, GST_WEBRTC_SDP_TYPE_OFFER, offer->sdp);
}

gboolean
webrtc_end_renew (WebrtcEnd * end, LockstepOffer * offer, GError ** error)
{
  g_autoptr (LockstepOffer) renewed = offer;
  char *answered;

  if (end->offer == NULL || !end->described || end->over) {
    g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_UNSUPPORTED,
        "another offer came before the last one was answered");
    return FALSE;
  }
  if (!lockstep_offer_continues (renewed, end->offer, error))
    return FALSE;
  g_clear_pointer (&end->renewed, lockstep_offer_free);
  end->renewed = g_steal_pointer (&renewed);
  answered = local_description (end);
  g_free (end->answered);
  end->answered = answered;
  end->described = FALSE;
  end->renewing = TRUE;
  end->negotiate_timeout =
      g_timeout_add (NEGOTIATE_TIMEOUT_MS, negotiate_timed_out, end);
  set_remote (end, GST_WEBRTC_SDP_TYPE_OFFER, end->renewed->sdp);
  return TRUE;
}

void
webrtc_end_call (WebrtcEnd * end)
{
  end->negotiate_timeout =
      g_timeout_add (NEGOTIATE_TIMEOUT_MS, negotiate_timed_out, end);
  if (end->texts != NULL)
    text_channel_open (end->texts);
  g_signal_emit_by_name (end->webrtc, "create-offer", NULL,
      promise_new (end, created));
}

/* Adds the value of a "fingerprint" attribute in the form that
 * lockstep_certificate_matches() takes. */
static void
add_fingerprint (GPtrArray * fingerprints, const char *value)
{
  if (value != NULL)
    g_ptr_array_add (fingerprints, g_strdup (value));
}

void
webrtc_end_set_answer (WebrtcEnd * end, const char *sdp)
{
  g_autoptr (GPtrArray) fingerprints = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  g_autofree char *checked = end->offered == NULL ? NULL
      : lockstep_answer_read (sdp, strlen (sdp), end->offered, &error);
  GstSDPMessage *message = NULL;

  /* there was an answer, whose fingerprints other threads read by now */
  if (end->fingerprints != NULL)
    return;

  if (checked == NULL
      || gst_sdp_message_new_from_text (checked, &message) != GST_SDP_OK) {
    g_autofree char *why = g_strdup_printf ("the answer cannot be used: %s",
        error != NULL ? error->message : "nothing was offered");

    g_clear_pointer (&message, gst_sdp_message_free);
    lose (end, 0, why);
    return;
  }
  add_fingerprint (fingerprints,
      gst_sdp_message_get_attribute_val (message, "fingerprint"));
  for (guint i = 0; i < gst_sdp_message_medias_len (message); i++)
    add_fingerprint (fingerprints,
        gst_sdp_media_get_attribute_val (gst_sdp_message_get_media (message,
                i), "fingerprint"));
  gst_sdp_message_free (message);
  end->fingerprints = g_steal_pointer (&fingerprints);
  set_remote (end, GST_WEBRTC_SDP_TYPE_ANSWER, checked);
}

void
webrtc_end_add_candidates (WebrtcEnd * end, LockstepTrickle * trickle)
{
  for (guint i = 0; i < trickle->candidates->len; i++) {
    const LockstepCandidate *c = g_ptr_array_index (trickle->candidates, i);

    if (c->candidate != NULL)
      g_signal_emit_by_name (end->webrtc, "add-ice-candidate", c->mline,
          c->candidate);
  }
}

gboolean
webrtc_end_send_text (WebrtcEnd * end, const char *text)
{
  /* to one who proved to be the peer alone */
  return end->texts != NULL && g_atomic_int_get (&end->verified)
      && text_channel_send (end->texts, text);
}

gboolean
webrtc_end_send_signal (WebrtcEnd * end, const char *label, GBytes * data,
    gboolean binary)
{
  return end->signals != NULL && g_atomic_int_get (&end->verified)
      && signal_channels_send (end->signals, label, data, binary);
}

const LockstepOffer *
webrtc_end_get_offer (WebrtcEnd * end)
{
  return end->offer;
}

WebrtcEnd *
webrtc_end_new (GstElement * webrtc, const WebrtcEndConfig * config,
    const WebrtcEndCallbacks * callbacks, gpointer user_data)
{
  WebrtcEnd *end = g_atomic_rc_box_new0 (WebrtcEnd);

  end->webrtc = gst_object_ref (webrtc);
  end->public_address = g_strdup (config->public_address);
  end->trickle = config->trickle;
  end->loopback_only = config->loopback_only;
  end->callbacks = *callbacks;
  end->user_data = user_data;
  peer_guard_add (GST_BIN (webrtc));
  webrtc_setup_ice (webrtc, config->loopback_only, config->ice_servers,
      config->relay_only);
  end->buffers = webrtc_buffers_new (webrtc, config->audio_latency,
      config->video_latency);
  handlers_connect (webrtc, "pad-added", G_CALLBACK (pad_added), end, clear);
  handlers_connect (webrtc, "notify::connection-state",
      G_CALLBACK (connection_state_changed), end, clear);
  handlers_connect (webrtc, "notify::ice-gathering-state",
      G_CALLBACK (gathering_changed), end, clear);
  if (config->trickle)
    handlers_connect (webrtc, "on-ice-candidate",
        G_CALLBACK (candidate_gathered), end, clear);
  if (config->data_label != NULL && config->data_label[0] != '\0')
    end->texts = text_channel_new (webrtc, config->data_label, text_came,
        g_atomic_rc_box_acquire (end), end_unref);
  if (config->signalling)
    end->signals = signal_channels_new (webrtc, signal_came,
        g_atomic_rc_box_acquire (end), end_unref);
  return end;
}

void
webrtc_end_close (WebrtcEnd * end)
{
  end->over = TRUE;
  stop_timers (end);
  g_clear_pointer (&end->texts, text_channel_close);
  g_clear_pointer (&end->signals, signal_channels_close);
  g_clear_pointer (&end->buffers, webrtc_buffers_close);
  g_signal_handlers_disconnect_by_data (end->webrtc, end);
  end_unref (end);
}
