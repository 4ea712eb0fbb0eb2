/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Refusals and trickle fragments, for publishers and viewers alike. */
#include "worker-sdp.h"

#include <string.h>

LockstepOfferFlags
worker_sdp_flags (const WebrtcEndConfig * config)
{
  return config->signalling || (config->data_label != NULL
      && config->data_label[0] != '\0') ? LOCKSTEP_OFFER_DATA : 0;
}

guint
worker_sdp_status (const GError * error, gboolean viewer)
{
  if (error->domain != LOCKSTEP_SDP_ERROR)
    return 400;
  switch ((LockstepSdpError) error->code) {
    case LOCKSTEP_SDP_ERROR_UNSUPPORTED:
      return 422;
    case LOCKSTEP_SDP_ERROR_NO_CODEC:
      /* a viewer's offer names all that it can play: a counter-offer (as earlier drafts
       * of WHEP had it) could name nothing that it would take */
      return viewer ? 406 : 422;
    case LOCKSTEP_SDP_ERROR_TOO_LARGE:
      return 413;
    case LOCKSTEP_SDP_ERROR_MALFORMED:
      break;
  }
  return 400;
}

LockstepTrickle *
worker_sdp_trickle (Ipc * ipc, JsonObject * message,
    const LockstepOffer * offer)
{
  const char *body = ipc_get_string (message, "sdpfrag");
  const char *viewer = ipc_get_string (message, "viewer");
  g_autoptr (LockstepTrickle) trickle = NULL;
  g_autoptr (GError) error = NULL;
  JsonObject *reply = ipc_message ("trickled");
  const char *text = NULL;
  guint status = 204;

  if (offer != NULL && body != NULL)
    trickle = lockstep_trickle_parse (body, strlen (body), offer, &error);
  if (offer == NULL) {
    status = 404;
    text = "the session is over";
  } else if (trickle == NULL) {
    status = 400;
    text = error != NULL ? error->message : "the fragment is empty";
  } else if (trickle->restart) {
    status = 422;
    text = "ICE restart is not supported here: begin again with a new POST";
  }
  json_object_set_int_member (reply, "id", ipc_get_int (message, "id", 0));
  json_object_set_int_member (reply, "status", status);
  if (text != NULL)
    json_object_set_string_member (reply, "text", text);
  if (viewer != NULL)
    json_object_set_string_member (reply, "viewer", viewer);
  ipc_send (ipc, reply);
  return status == 204 ? g_steal_pointer (&trickle) : NULL;
}
