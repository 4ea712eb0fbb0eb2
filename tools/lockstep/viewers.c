/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The worker's table of viewers: an offer becomes a viewer and an answer; a viewer that
 * leaves, vanishes or fails is closed and the front told. */
#include "viewers.h"
#include "log.h"
#include "own-load.h"
#include "viewer.h"
#include "worker-sdp.h"

#include <gst/lockstep/admission.h>
#include <string.h>

/* The front has a limit of its own, which it can name to the viewer. */
#define MAX_VIEWERS 1000
#define CONNECT_LIMIT_US (20 * G_USEC_PER_SEC)
/* A viewer that plays sends an RTCP report at least every few seconds. */
#define IDLE_LIMIT_US (7 * G_USEC_PER_SEC)
/* Closing takes milliseconds; so many at a time hang. */
#define MAX_CLOSING 64

typedef struct
{
  Viewers *viewers;
  char *id;
  Viewer *viewer;
  StreamsTrack picture;
  gboolean connected;
  gint64 since;                 /* monotonic µs of the offer, then of the connection */
} Entry;

struct _Viewers
{
  Ipc *ipc;
  GstElement *main;
  Streams *streams;
  WebrtcEndConfig config;
  LockstepBandwidthConfig limits[STREAMS_N_TRACKS];
  gboolean limited[STREAMS_N_TRACKS];
  const char *channel;
  ViewersText text;
  gpointer user_data;
  GHashTable *entries;          /* id -> Entry */
  LockstepAdmission admission;
  guint n_refused;              /* since the last one was let in */
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  if (entry->viewer != NULL)
    viewer_free (entry->viewer);
  g_free (entry->id);
  g_free (entry);
}

static JsonObject *
message_about (const char *type, const char *id)
{
  JsonObject *message = ipc_message (type);

  json_object_set_string_member (message, "viewer", id);
  return message;
}

static void
send_refusal (Viewers * viewers, const char *id, guint status, const char *why)
{
  JsonObject *message = message_about ("view-refused", id);

  json_object_set_int_member (message, "status", status);
  json_object_set_string_member (message, "text", why);
  ipc_send (viewers->ipc, message);
}

static void
described (Viewer * viewer, const char *sdp, gpointer user_data)
{
  Entry *entry = user_data;
  JsonObject *message = message_about ("viewed", entry->id);

  json_object_set_string_member (message, "sdp", sdp);
  ipc_send (entry->viewers->ipc, message);
}

static void
refused (Viewer * viewer, guint status, const char *why, gpointer user_data)
{
  Entry *entry = user_data;

  send_refusal (entry->viewers, entry->id, status, why);
  g_hash_table_remove (entry->viewers->entries, entry->id);
}

static void
connected (Viewer * viewer, gpointer user_data)
{
  Entry *entry = user_data;

  entry->connected = TRUE;
  entry->since = g_get_monotonic_time ();
  ipc_send (entry->viewers->ipc, message_about ("viewer-connected", entry->id));
}

static void
end_viewer (Entry * entry, const char *why)
{
  JsonObject *message = message_about ("viewer-gone", entry->id);

  json_object_set_string_member (message, "reason", why);
  ipc_send (entry->viewers->ipc, message);
  g_hash_table_remove (entry->viewers->entries, entry->id);
}

static void
lost (Viewer * viewer, const char *why, gpointer user_data)
{
  end_viewer (user_data, why);
}

static void
text_came (Viewer * viewer, const char *text, gpointer user_data)
{
  Entry *entry = user_data;

  entry->viewers->text (text, entry->viewers->user_data);
}

static const ViewerCallbacks callbacks = {
  described, refused, connected, lost, NULL, text_came, NULL
};

static guint
count_connected (Viewers * viewers)
{
  GHashTableIter iter;
  gpointer entry;
  guint n = 0;

  g_hash_table_iter_init (&iter, viewers->entries);
  while (g_hash_table_iter_next (&iter, NULL, &entry))
    n += ((Entry *) entry)->connected;
  return n;
}

static void
measure (Viewers * viewers, EncoderRate * rate)
{
  LockstepLoad load = { g_get_monotonic_time () * 1000, own_load_cpu () };

  if (rate != NULL)
    encoder_rate_get_late (rate, &load.frames, &load.late);
  lockstep_admission_sample (&viewers->admission, &load,
      count_connected (viewers));
}

/* The share of its processors that the process used, in the last second. */
static int
percent_used (const LockstepAdmission * admission)
{
  return admission->processors <= 0 ? 0
      : 100 * admission->use[0] / admission->processors + 0.5;
}

/* Whether one more viewer would break the picture of the others: then it is told so, and
 * TRUE is returned. */
static gboolean
refuse_for_load (Viewers * viewers, const char *id)
{
  const LockstepAdmission *admission = &viewers->admission;
  const guint n = g_hash_table_size (viewers->entries);
  const LockstepAdmissionVerdict verdict =
      lockstep_admission_decide (admission, n);
  g_autofree char *why = NULL;
  JsonObject *message;

  if (verdict == LOCKSTEP_ADMISSION_ROOM) {
    if (viewers->n_refused > 0)
      log_info (viewers->channel, "a viewer is let in again: %u offers were "
          "refused before", viewers->n_refused);
    viewers->n_refused = 0;
    return FALSE;
  }
  why = g_strdup_printf (verdict == LOCKSTEP_ADMISSION_LATE
      ? "there is no room for another viewer just now: %u are watching, and "
      "pictures come late (%d %% of the processors are used)"
      : "there is no room for another viewer just now: %u are watching "
      "(%d %% of the processors are used)", n, percent_used (admission));
  if (viewers->n_refused++ == 0)
    log_warning (viewers->channel, "a viewer is refused: %s", why);
  message = message_about ("view-refused", id);
  json_object_set_int_member (message, "status", 503);
  json_object_set_string_member (message, "text", why);
  json_object_set_boolean_member (message, "for_load", TRUE);
  ipc_send (viewers->ipc, message);
  return TRUE;
}

static void
view (Viewers * viewers, const char *id, StreamsTrack picture, const char *sdp)
{
  const LockstepBandwidthConfig *limits = viewers->limited[picture]
      ? &viewers->limits[picture] : NULL;
  g_autoptr (LockstepOffer) offer = NULL;
  g_autoptr (GError) error = NULL;
  Entry *entry;

  if (g_hash_table_contains (viewers->entries, id)
      || g_hash_table_size (viewers->entries) >= MAX_VIEWERS) {
    send_refusal (viewers, id, 503, "too many viewers");
    return;
  }
  if (refuse_for_load (viewers, id))
    return;
  if (picture == STREAMS_PREVIEW
      && streams_get_encoding (viewers->streams, picture) == NULL) {
    send_refusal (viewers, id, 404, "no preview is sent on this channel");
    return;
  }
  offer = lockstep_offer_parse_with (sdp, strlen (sdp),
      worker_sdp_flags (&viewers->config) | LOCKSTEP_OFFER_VIEWER,
      streams_get_encoding (viewers->streams, STREAMS_AUDIO),
      streams_get_encoding (viewers->streams, picture), &error);
  if (offer == NULL) {
    send_refusal (viewers, id, worker_sdp_status (error, TRUE), error->message);
    return;
  }
  entry = g_new0 (Entry, 1);
  entry->viewers = viewers;
  entry->id = g_strdup (id);
  entry->picture = picture;
  entry->since = g_get_monotonic_time ();
  g_hash_table_insert (viewers->entries, entry->id, entry);
  entry->viewer = viewer_new (viewers->main, viewers->streams, picture,
      &viewers->config, limits, g_steal_pointer (&offer), NULL, &callbacks,
      entry, &error);
  if (entry->viewer == NULL) {
    send_refusal (viewers, id, 500, error->message);
    g_hash_table_remove (viewers->entries, id);
  }
}

void
viewers_message (Viewers * viewers, const char *type, JsonObject * message)
{
  const char *id = ipc_get_string (message, "viewer");
  Entry *entry = id ? g_hash_table_lookup (viewers->entries, id) : NULL;
  LockstepTrickle *trickle;

  if (id == NULL)
    return;
  if (g_str_equal (type, "view")) {
    const char *sdp = ipc_get_string (message, "sdp");

    view (viewers, id, ipc_get_boolean (message, "preview") ? STREAMS_PREVIEW
        : STREAMS_VIDEO, sdp != NULL ? sdp : "");
  } else if (g_str_equal (type, "leave") && entry != NULL) {
    end_viewer (entry, "the viewer left");
  } else if (g_str_equal (type, "trickle")) {
    trickle = worker_sdp_trickle (viewers->ipc, message,
        entry != NULL ? viewer_get_offer (entry->viewer) : NULL);
    if (trickle != NULL)
      viewer_add_candidates (entry->viewer, trickle);
    lockstep_trickle_free (trickle);
  }
}

void
viewers_send_text (Viewers * viewers, const char *text)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, viewers->entries);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    viewer_send_text (((Entry *) value)->viewer, text);
}

gboolean
viewers_tick (Viewers * viewers, EncoderRate * rate)
{
  g_autoptr (GList) all = g_hash_table_get_values (viewers->entries);

  for (GList * l = all; l != NULL; l = l->next) {
    Entry *entry = l->data;

    if (entry->connected && viewer_idle_us (entry->viewer) > IDLE_LIMIT_US)
      end_viewer (entry, "the viewer vanished: nothing came from it for 7 s");
    else if (!entry->connected
        && g_get_monotonic_time () - entry->since > CONNECT_LIMIT_US)
      end_viewer (entry, "no connection came about within 20 s");
  }
  measure (viewers, rate);
  return viewer_count_closing () < MAX_CLOSING;
}

guint64
viewers_target (Viewers * viewers, gint64 * backlog)
{
  GHashTableIter iter;
  gpointer value;
  Viewer *widest = NULL;
  guint64 best = 0;

  g_hash_table_iter_init (&iter, viewers->entries);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const Entry *entry = value;
    guint64 target = viewer_target (entry->viewer);

    if (entry->picture == STREAMS_VIDEO && target > best) {
      best = target;
      widest = entry->viewer;
    }
  }
  *backlog = widest != NULL ? viewer_backlog (widest) : 0;
  return best;
}

void
viewers_add_stats (Viewers * viewers, JsonObject * to)
{
  JsonArray *list = json_array_new ();
  JsonObject *preview, *load;
  StreamsKeyCounts keys;
  GHashTableIter iter;
  gpointer value;

  streams_get_key_counts (viewers->streams, STREAMS_VIDEO, &keys);
  json_object_set_int_member (to, "key_requests_asked", keys.asked);
  json_object_set_int_member (to, "key_requests_sent", keys.sent);
  json_object_set_int_member (to, "key_frames", keys.keys);
  preview = ipc_get_object (to, "preview");
  if (preview != NULL) {
    streams_get_key_counts (viewers->streams, STREAMS_PREVIEW, &keys);
    json_object_set_int_member (preview, "key_requests_sent", keys.sent);
    json_object_set_int_member (preview, "key_frames", keys.keys);
  }
  g_hash_table_iter_init (&iter, viewers->entries);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    Entry *entry = value;
    JsonObject *object = json_object_new ();

    json_object_set_boolean_member (object, "connected", entry->connected);
    json_object_set_boolean_member (object, "preview",
        entry->picture == STREAMS_PREVIEW);
    json_object_set_int_member (object, "seconds",
        (g_get_monotonic_time () - entry->since) / G_USEC_PER_SEC);
    viewer_add_stats (entry->viewer, object);
    json_array_add_object_element (list, object);
  }
  json_object_set_array_member (to, "viewers", list);
  load = json_object_new ();
  json_object_set_double_member (load, "processors",
      viewers->admission.processors);
  json_object_set_double_member (load, "used", viewers->admission.use[0]);
  json_object_set_double_member (load, "late", viewers->admission.late[0]);
  json_object_set_object_member (to, "load", load);
}

static void
limit (Viewers * viewers, StreamsTrack picture,
    const LockstepBandwidthConfig * limits)
{
  viewers->limited[picture] = limits != NULL;
  if (limits != NULL)
    viewers->limits[picture] = *limits;
}

Viewers *
viewers_new (Ipc * ipc, GstElement * main, Streams * streams,
    const WebrtcEndConfig * config, const LockstepBandwidthConfig * limits,
    const LockstepBandwidthConfig * preview_limits, const char *channel,
    ViewersText text, gpointer user_data)
{
  Viewers *viewers = g_new0 (Viewers, 1);

  viewers->ipc = ipc;
  viewers->main = main;
  viewers->streams = streams;
  viewers->config = *config;
  viewers->channel = channel;
  viewers->admission.processors = own_load_processors ();
  viewers->text = text;
  viewers->user_data = user_data;
  limit (viewers, STREAMS_VIDEO, limits);
  limit (viewers, STREAMS_PREVIEW, preview_limits);
  viewers->entries = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      entry_free);
  return viewers;
}

void
viewers_close (Viewers * viewers)
{
  g_hash_table_remove_all (viewers->entries);
}
