/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a worker's session counts: packets as they come off the network, RTP and
 * jitter buffer figures, segments. webrtcbin 1.22.0's get-stats calls every stream
 * of a bundle by the first one's kind, so the RTP session is read directly. */
#include "worker-stats.h"
#include "arrivals.h"
#include "av-figures.h"
#include "ipc.h"

#include <string.h>

#define MAX_BUFFERS 16

enum
{ AUDIO, VIDEO, PREVIEW, N_KINDS = PREVIEW + STREAMS_MAX_PREVIEWS };

typedef struct
{
  guint ssrc;
  GWeakRef element;
} JitterBuffer;

struct _WorkerStats
{
  GstElement *pipeline;
  GstElement *webrtc;
  GstElement *rtpbin;
  GstPad *previews[STREAMS_MAX_PREVIEWS];       /* not owned: only compared */

  Arrivals *arrivals;
  GMutex lock;                  /* protects what threads write: the next three */
  gint64 last_media;            /* monotonic µs; 0: none yet */
  guint64 media_bytes[N_KINDS], media_buffers;
  GPtrArray *jitter_buffers;    /* JitterBuffer */

  guint64 segments, segment_bytes, discontinuities;
  gint64 sequence, last_duration, last_grid_error;
  gint64 last_delay;            /* ns from the segment's last media to now; -1: none */
};

static guint
kind_of (WorkerStats * stats, GstPad * pad, gboolean is_video)
{
  for (guint i = 0; i < STREAMS_MAX_PREVIEWS; i++)
    if (pad == stats->previews[i])
      return PREVIEW + i;
  return is_video ? VIDEO : AUDIO;
}

/* Of a source of the pipeline's own, what arrives is what its sinks get: counted by
 * kind, as an RTP session would. */
static GstPadProbeReturn
count_media (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  WorkerStats *stats = user_data;
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  const char *name = caps == NULL || gst_caps_get_size (caps) == 0 ? ""
      : gst_structure_get_name (gst_caps_get_structure (caps, 0));
  guint kind = kind_of (stats, pad, g_str_has_prefix (name, "video/"));
  guint64 counts[2];

  arrivals_count (info, counts);
  g_mutex_lock (&stats->lock);
  stats->last_media = g_get_monotonic_time ();
  stats->media_bytes[kind] += counts[1];
  stats->media_buffers += counts[0];
  g_mutex_unlock (&stats->lock);
  return GST_PAD_PROBE_OK;
}

static void
watch_sink_pad (GstElement * sink, GstPad * pad, gpointer user_data)
{
  if (GST_PAD_IS_SINK (pad))
    gst_pad_add_probe (pad,
        GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST,
        count_media, user_data, NULL);
}

static void
watch_sinks (WorkerStats * stats)
{
  g_autoptr (GstIterator) sinks =
      gst_bin_iterate_sinks (GST_BIN (stats->pipeline));
  GValue item = G_VALUE_INIT;

  while (gst_iterator_next (sinks, &item) == GST_ITERATOR_OK) {
    GstElement *sink = g_value_get_object (&item);

    for (GList * l = sink->sinkpads; l != NULL; l = l->next)
      watch_sink_pad (sink, l->data, stats);
    g_signal_connect (sink, "pad-added", G_CALLBACK (watch_sink_pad), stats);
    g_value_reset (&item);
  }
  g_value_unset (&item);
}

static void
jitter_buffer_free (gpointer data)
{
  JitterBuffer *jb = data;

  g_weak_ref_clear (&jb->element);
  g_free (jb);
}

static void
new_jitter_buffer (GstElement * rtpbin, GstElement * element, guint session,
    guint ssrc, gpointer user_data)
{
  WorkerStats *stats = user_data;

  g_mutex_lock (&stats->lock);
  if (stats->jitter_buffers->len < MAX_BUFFERS) {
    JitterBuffer *jb = g_new0 (JitterBuffer, 1);

    jb->ssrc = ssrc;
    g_weak_ref_init (&jb->element, element);
    g_ptr_array_add (stats->jitter_buffers, jb);
  }
  g_mutex_unlock (&stats->lock);
}

WorkerStats *
worker_stats_new (GstElement * pipeline, GstElement * webrtc,
    GstPad * const previews[STREAMS_MAX_PREVIEWS])
{
  WorkerStats *stats = g_new0 (WorkerStats, 1);

  g_mutex_init (&stats->lock);
  stats->pipeline = pipeline;
  stats->jitter_buffers = g_ptr_array_new_with_free_func (jitter_buffer_free);
  stats->sequence = -1;
  for (guint i = 0; i < STREAMS_MAX_PREVIEWS; i++)
    stats->previews[i] = previews[i];
  stats->arrivals = arrivals_new (pipeline);
  if (webrtc != NULL) {
    stats->webrtc = webrtc;
    stats->rtpbin = gst_bin_get_by_name (GST_BIN (webrtc), "rtpbin");
    g_signal_connect (stats->rtpbin, "new-jitterbuffer",
        G_CALLBACK (new_jitter_buffer), stats);
  } else {
    watch_sinks (stats);
  }
  return stats;
}

/* Whether the pipeline runs in real time: how far it is behind means nothing else. */
static gboolean
is_live (WorkerStats * stats)
{
  GstQuery *query;
  gboolean live = FALSE;

  if (stats->webrtc != NULL)
    return TRUE;
  query = gst_query_new_latency ();
  if (gst_element_query (stats->pipeline, query))
    gst_query_parse_latency (query, &live, NULL, NULL);
  gst_query_unref (query);
  return live;
}

/* How long ago the running time was that the segment ends at. */
static gint64
segment_delay (WorkerStats * stats, const GstStructure * segment,
    guint64 duration)
{
  g_autoptr (GstClock) clock = gst_element_get_clock (stats->pipeline);
  gint64 start;

  if (clock == NULL || !is_live (stats)
      || !gst_structure_get_int64 (segment, "running-time", &start))
    return -1;
  return MAX ((gint64) (gst_clock_get_time (clock)
          - gst_element_get_base_time (stats->pipeline)) - start -
      (gint64) duration, 0);
}

void
worker_stats_add_segment (WorkerStats * stats, const GstStructure * segment)
{
  guint64 duration = 0, bytes = 0, sequence = 0;
  gint64 error = 0;
  gboolean discontinuity = FALSE;

  gst_structure_get (segment, "duration", G_TYPE_UINT64, &duration, "bytes",
      G_TYPE_UINT64, &bytes, "sequence", G_TYPE_UINT64, &sequence, NULL);
  gst_structure_get (segment, "grid-error", G_TYPE_INT64, &error, NULL);
  gst_structure_get_boolean (segment, "discontinuity", &discontinuity);
  stats->segments++;
  stats->segment_bytes += bytes;
  stats->discontinuities += discontinuity;
  stats->sequence = sequence;
  stats->last_duration = duration;
  stats->last_grid_error = error;
  stats->last_delay = segment_delay (stats, segment, duration);
}

gint64
worker_stats_idle_us (WorkerStats * stats)
{
  gint64 last;

  if (stats->webrtc != NULL)
    return arrivals_idle_us (stats->arrivals);
  g_mutex_lock (&stats->lock);
  last = stats->last_media;
  g_mutex_unlock (&stats->lock);
  return last == 0 ? -1 : g_get_monotonic_time () - last;
}

/* Copies a number of a GstStructure, whatever its width. */
static void
copy_number (const GstStructure * from, const char *field, JsonObject * to,
    const char *member)
{
  const GValue *value = gst_structure_get_value (from, field);
  g_auto (GValue) number = G_VALUE_INIT;

  g_value_init (&number, G_TYPE_INT64);
  if (value != NULL && g_value_transform (value, &number))
    json_object_set_int_member (to, member, g_value_get_int64 (&number));
}

/* The counters of the RTP source @ssrc, from the session of the bundle. */
static void
add_rtp_source (WorkerStats * stats, guint ssrc, JsonObject * to)
{
  static const char *const fields[][2] = {
    {"packets-received", "packets"}, {"octets-received", "octets"},
    {"packets-lost", "lost"}, {"jitter", "jitter"},
    {"sent-nack-count", "nack"}, {"sent-pli-count", "pli"},
    {"sent-fir-count", "fir"},
  };
  g_autoptr (GObject) session = NULL;
  g_autoptr (GstStructure) all = NULL;
  const GValue *list;
  GValueArray *sources;

  g_signal_emit_by_name (stats->rtpbin, "get-internal-session", 0, &session);
  if (session == NULL)
    return;
  g_object_get (session, "stats", &all, NULL);
  list = gst_structure_get_value (all, "source-stats");
  if (list == NULL)
    return;
  sources = g_value_get_boxed (list);
  for (guint i = 0; i < sources->n_values; i++) {
    const GstStructure *source = gst_value_get_structure (&sources->values[i]);
    guint its_ssrc = 0;

    gst_structure_get_uint (source, "ssrc", &its_ssrc);
    for (guint k = 0; its_ssrc == ssrc && k < G_N_ELEMENTS (fields); k++)
      copy_number (source, fields[k][0], to, fields[k][1]);
  }
}

static void
add_jitter_buffer (WorkerStats * stats, guint ssrc, JsonObject * to)
{
  static const char *const fields[][2] = {
    {"num-late", "late"}, {"num-lost", "not_recovered"},
    {"num-duplicates", "duplicates"},
    {"rtx-success-count", "retransmitted"},
  };

  g_mutex_lock (&stats->lock);
  for (guint i = 0; i < stats->jitter_buffers->len; i++) {
    JitterBuffer *jb = g_ptr_array_index (stats->jitter_buffers, i);
    g_autoptr (GstElement) element = NULL;
    g_autoptr (GstStructure) its = NULL;

    if (jb->ssrc != ssrc)
      continue;
    element = g_weak_ref_get (&jb->element);
    if (element == NULL)
      continue;
    g_object_get (element, "stats", &its, NULL);
    for (guint k = 0; its != NULL && k < G_N_ELEMENTS (fields); k++)
      copy_number (its, fields[k][0], to, fields[k][1]);
  }
  g_mutex_unlock (&stats->lock);
}

static const char *
codec_name (const GstStructure * s)
{
  static const char *const names[][2] = {
    {"video/x-h264", "H264"}, {"video/x-h265", "H265"},
    {"audio/x-opus", "OPUS"}, {"audio/x-ac3", "AC3"},
  };
  int version = 0;

  if (gst_structure_has_name (s, "audio/mpeg")) {
    gst_structure_get_int (s, "mpegversion", &version);
    return version == 1 ? "MP3" : "AAC";
  }
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (gst_structure_has_name (s, names[i][0]))
      return names[i][1];
  return gst_structure_get_name (s);
}

static void
add_sink_pad (WorkerStats * stats, GstPad * pad, JsonObject * message)
{
  static const char *const names[N_KINDS] =
      { "audio", "video", "preview", "preview-2" };
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  const GstStructure *s = caps ? gst_caps_get_structure (caps, 0) : NULL;
  gboolean is_video = s != NULL
      && g_str_has_prefix (gst_structure_get_name (s), "video/");
  guint kind = kind_of (stats, pad, is_video);
  const char *media = names[kind];
  JsonObject *stream;

  if (s == NULL)
    return;
  if (stats->webrtc == NULL) {
    stream = json_object_new ();
    json_object_set_string_member (stream, "codec", codec_name (s));
    g_mutex_lock (&stats->lock);
    json_object_set_int_member (stream, "octets", stats->media_bytes[kind]);
    g_mutex_unlock (&stats->lock);
    json_object_set_object_member (message, media, stream);
  } else {
    stream = ipc_get_object (message, media);
  }
  if (is_video && stream != NULL) {
    copy_number (s, "width", stream, "width");
    copy_number (s, "height", stream, "height");
  }
}

/* What the sinks get: the size of the picture, and all that is known of a stream whose
 * source is in the pipeline. */
static void
add_sinks (WorkerStats * stats, JsonObject * message)
{
  g_autoptr (GstIterator) sinks =
      gst_bin_iterate_sinks (GST_BIN (stats->pipeline));
  GValue item = G_VALUE_INIT;

  while (gst_iterator_next (sinks, &item) == GST_ITERATOR_OK) {
    GstElement *sink = g_value_get_object (&item);

    GST_OBJECT_LOCK (sink);
    for (GList * l = sink->sinkpads; l != NULL; l = l->next)
      add_sink_pad (stats, l->data, message);
    GST_OBJECT_UNLOCK (sink);
    g_value_reset (&item);
  }
  g_value_unset (&item);
}

/* One entry for each stream that webrtcbin gives out: "audio", "video". */
static void
add_streams (WorkerStats * stats, JsonObject * message)
{
  GList *pads = NULL;

  GST_OBJECT_LOCK (stats->webrtc);
  for (GList * l = stats->webrtc->srcpads; l != NULL; l = l->next)
    pads = g_list_prepend (pads, gst_object_ref (l->data));
  GST_OBJECT_UNLOCK (stats->webrtc);
  for (GList * l = pads; l != NULL; l = l->next) {
    g_autoptr (GstCaps) caps = gst_pad_get_current_caps (l->data);
    const GstStructure *s = caps ? gst_caps_get_structure (caps, 0) : NULL;
    const char *media = s ? gst_structure_get_string (s, "media") : NULL;
    const char *codec =
        s ? gst_structure_get_string (s, "encoding-name") : NULL;
    JsonObject *stream;
    guint ssrc = 0;

    if (media == NULL || !gst_structure_get_uint (s, "ssrc", &ssrc))
      continue;
    stream = json_object_new ();
    json_object_set_string_member (stream, "codec", codec ? codec : "");
    add_rtp_source (stats, ssrc, stream);
    add_jitter_buffer (stats, ssrc, stream);
    json_object_set_object_member (message, media, stream);
  }
  g_list_free_full (pads, gst_object_unref);
}

JsonObject *
worker_stats_message (WorkerStats * stats)
{
  JsonObject *message = ipc_message ("stats");
  gint64 idle = worker_stats_idle_us (stats);
  JsonObject *av;
  guint64 packets, bytes;

  arrivals_get_counts (stats->arrivals, &packets, &bytes);
  if (stats->webrtc == NULL) {
    g_mutex_lock (&stats->lock);
    packets = stats->media_buffers;
    bytes = stats->media_bytes[AUDIO] + stats->media_bytes[VIDEO];
    g_mutex_unlock (&stats->lock);
  }
  json_object_set_int_member (message, "received_bytes", bytes);
  json_object_set_int_member (message, "received_packets", packets);
  json_object_set_int_member (message, "idle_ms", idle < 0 ? -1 : idle / 1000);
  json_object_set_int_member (message, "segments", stats->segments);
  json_object_set_int_member (message, "segment_bytes", stats->segment_bytes);
  json_object_set_int_member (message, "discontinuities",
      stats->discontinuities);
  if (stats->segments > 0) {
    json_object_set_int_member (message, "sequence", stats->sequence);
    json_object_set_int_member (message, "segment_duration_ns",
        stats->last_duration);
    json_object_set_int_member (message, "grid_error_ns",
        stats->last_grid_error);
    if (stats->last_delay >= 0)
      json_object_set_int_member (message, "delay_ns", stats->last_delay);
  }
  if (stats->webrtc != NULL)
    add_streams (stats, message);
  add_sinks (stats, message);
  av = av_figures_of (stats->pipeline);
  if (av != NULL)
    json_object_set_object_member (message, "av", av);
  return message;
}
