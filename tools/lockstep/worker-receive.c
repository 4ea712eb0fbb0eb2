/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The side of a worker that receives: a publisher's offer, its answer, its streams. */
#include "worker-private.h"
#include "log.h"
#include "webrtc-setup.h"
#include "worker-sdp.h"

#include <string.h>

/* webrtc-end's callbacks */

static void
described (const char *sdp, gpointer user_data)
{
  Worker *worker = user_data;
  JsonObject *message = ipc_message ("answer");

  json_object_set_string_member (message, "sdp", sdp);
  ipc_send (worker->ipc, message);
}

static void
refused (guint status, const char *why, gpointer user_data)
{
  Worker *worker = user_data;
  JsonObject *message = ipc_message ("refused");

  json_object_set_int_member (message, "status", status);
  json_object_set_string_member (message, "text", why);
  /* webrtcbin has been touched: this worker is not as good as new */
  json_object_set_boolean_member (message, "used_up", TRUE);
  ipc_send (worker->ipc, message);
  worker_drain (worker, why);
}

static void
lost (const char *why, gpointer user_data)
{
  worker_drain (user_data, why);
}

/* The section of a kind that was accepted; NULL where there is none. */
static const LockstepOfferMedia *
offers (const LockstepOffer * offer, LockstepMediaKind kind)
{
  for (guint i = 0; i < offer->media->len; i++) {
    const LockstepOfferMedia *media = g_ptr_array_index (offer->media, i);

    if (media->kind == kind && media->payload >= 0)
      return media;
  }
  return NULL;
}

static void
stream_added (GstPad * pad, LockstepMediaKind kind, gpointer user_data)
{
  Worker *worker = user_data;
  GstPad *in = kind == LOCKSTEP_MEDIA_AUDIO ? worker->audio_in
      : worker->video_in;

  if (kind == LOCKSTEP_MEDIA_OTHER || in == NULL) {
    log_warning (worker->channel, "a stream that is neither sound nor picture "
        "is not used");
    return;
  }
  if (GST_PAD_LINK_FAILED (gst_pad_link (pad, in)))
    GST_ELEMENT_ERROR (GST_PAD_PARENT (in), CORE, PAD,
        ("a stream cannot be linked to %s", GST_ELEMENT_NAME (GST_PAD_PARENT
                (in))), (NULL));
}

static const WebrtcEndCallbacks end_callbacks = {
  stream_added, described, refused, worker_connected, lost, NULL,
  worker_text_came, NULL
};

gboolean
worker_prepare_to_receive (Worker * worker)
{
  g_autoptr (GstElement) webrtc =
      worker_named_element (worker, "signalling.element",
      lockstep_preset_get_signalling_element (worker->preset));

  if (webrtc == NULL || !worker_find_inputs (worker))
    return FALSE;
  worker->webrtc = webrtc;
  worker_watch_pipeline (worker);
  webrtc_setup_warm_up ();
  gst_element_set_state (worker->pipeline, GST_STATE_READY);
  worker->end = webrtc_end_new (webrtc, &worker->config, &end_callbacks,
      worker);
  return TRUE;
}

static void
send_refusal (Worker * worker, const GError * error)
{
  JsonObject *message = ipc_message ("refused");

  json_object_set_int_member (message, "status",
      worker_sdp_status (error, FALSE));
  json_object_set_string_member (message, "text", error->message);
  ipc_send (worker->ipc, message);
}

void
worker_accept_offer (Worker * worker, JsonObject * message)
{
  const char *sdp = ipc_get_string (message, "sdp");
  g_autoptr (LockstepOffer) offer = NULL;
  g_autoptr (GError) error = NULL;

  offer = lockstep_offer_parse_with (sdp ? sdp : "", sdp ? strlen (sdp) : 0,
      worker_sdp_flags (&worker->config),
      (const char *const *) lockstep_preset_get_audio (worker->preset)->
      encodings,
      (const char *const *) lockstep_preset_get_video (worker->preset)->
      encodings, &error);
  if (offer == NULL) {
    send_refusal (worker, error);
    return;
  }
  if (!worker_start (worker, message))
    return;
  /* nothing will come for these: the sink need not wait for it */
  if (!offers (offer, LOCKSTEP_MEDIA_AUDIO))
    worker_end_stream (worker->audio_in);
  if (!offers (offer, LOCKSTEP_MEDIA_VIDEO)) {
    if (worker->renditions != NULL)
      renditions_sound_only (worker->renditions);
    worker_end_stream (worker->video_in);
  }
  webrtc_end_accept (worker->end, g_steal_pointer (&offer));
}

void
worker_trickle (Worker * worker, JsonObject * message)
{
  const LockstepOffer *offer =
      worker->end != NULL ? webrtc_end_get_offer (worker->end) : NULL;
  g_autoptr (LockstepTrickle) parsed =
      worker_sdp_trickle (worker->ipc, message, offer);

  if (parsed != NULL)
    webrtc_end_add_candidates (worker->end, parsed);
}
