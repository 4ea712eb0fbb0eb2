/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /api/channels for pages and programs, /metrics for Prometheus. */
#include "config.h"
#include "av-figures.h"
#include "front.h"
#include "ipc.h"

#include <string.h>

static void
send_json (SoupServerMessage * msg, JsonObject * object)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *text = NULL;

  json_node_take_object (node, object);
  text = json_to_string (node, FALSE);
  http_send_text (msg, "application/json", "no-store", text, -1);
}

void
http_api (Front * front, SoupServerMessage * msg, const char *rest)
{
  const gboolean takes_publishers = !front->is_source && !front->is_sender;
  g_autoptr (GPtrArray) list = NULL;
  JsonObject *object;
  JsonArray *array;

  if (!http_check_method (msg, "GET, HEAD, OPTIONS"))
    return;
  if (rest[0] != '\0') {
    Channel *channel = channel_table_find (front->channels, rest);

    if (channel == NULL) {
      http_error (msg, SOUP_STATUS_NOT_FOUND,
          "nobody has published on this channel yet");
      return;
    }
    object = channel_to_json (channel);
    json_object_set_boolean_member (object, "publishers", takes_publishers);
    send_json (msg, object);
    return;
  }
  object = json_object_new ();
  array = json_array_new ();
  json_object_set_int_member (object, "version", 1);
  json_object_set_string_member (object, "lockstep", PACKAGE_VERSION);
  json_object_set_int_member (object, "started", front->started);
  json_object_set_boolean_member (object, "publishers", takes_publishers);
  json_object_set_array_member (object, "channels", array);
  list = channel_table_list (front->channels);
  for (guint i = 0; i < list->len; i++)
    json_array_add_object_element (array,
        channel_to_json (g_ptr_array_index (list, i)));
  send_json (msg, object);
}

static void
metric (GString * text, const char *name, const char *type, const char *help)
{
  g_string_append_printf (text,
      "# HELP lockstep_%s %s\n# TYPE lockstep_%s %s\n", name, help, name, type);
}

/* A figure of each channel's stream, as the RTP session or jitter buffer has it. */
typedef struct
{
  const char *name, *type, *help, *member;
} StreamMetric;

static const StreamMetric stream_metrics[] = {
  {"rtp_packets_total", "counter", "RTP packets received.", "packets"},
  {"rtp_bytes_total", "counter", "RTP payload bytes received.", "octets"},
  {"rtp_packets_lost", "gauge",
        "RTP packets missing by RFC 3550's count; falls when they come late.",
      "lost"},
  {"rtp_packets_unrecovered_total", "counter",
        "RTP packets that were given up: neither late nor retransmitted in time.",
      "not_recovered"},
  {"rtp_packets_late_total", "counter",
      "RTP packets that came too late to be used.", "late"},
  {"rtp_retransmitted_total", "counter",
      "RTP packets recovered by retransmission.", "retransmitted"},
  {"rtcp_nacks_sent_total", "counter", "NACKs sent to the publisher.", "nack"},
  {"rtcp_plis_sent_total", "counter",
      "Picture loss indications sent to the publisher.", "pli"},
  {"rtcp_firs_sent_total", "counter",
      "Full intra requests sent to the publisher.", "fir"},
};

static const StreamMetric channel_metrics[] = {
  {"received_bytes_total", "counter",
        "Bytes received from the publisher: media, RTCP and DTLS.",
      "received_bytes"},
  {"received_packets_total", "counter",
      "Packets received from the publisher.", "received_packets"},
  {"hls_segments_total", "counter", "Segments written.", "segments"},
  {"hls_bytes_total", "counter", "Bytes of segments written.",
      "segment_bytes"},
  {"hls_discontinuities_total", "counter",
      "Segments that begin with a discontinuity.", "discontinuities"},
};

static void
append_stream_metrics (GString * text, GPtrArray * channels)
{
  static const char *const media[] = { "audio", "video" };

  for (guint m = 0; m < G_N_ELEMENTS (stream_metrics); m++) {
    const StreamMetric *sm = &stream_metrics[m];

    metric (text, sm->name, sm->type, sm->help);
    for (guint i = 0; i < channels->len; i++) {
      Channel *channel = g_ptr_array_index (channels, i);
      JsonObject *stats = channel_get_stats (channel);

      for (guint k = 0; stats != NULL && k < G_N_ELEMENTS (media); k++) {
        JsonObject *stream = ipc_get_object (stats, media[k]);

        if (stream != NULL && json_object_has_member (stream, sm->member))
          g_string_append_printf (text, "lockstep_%s{channel=\"%s\","
              "media=\"%s\"} %" G_GINT64_FORMAT "\n", sm->name,
              channel_get_name (channel), media[k],
              ipc_get_int (stream, sm->member, 0));
      }
    }
  }
}

static void
append_channel_metrics (GString * text, GPtrArray * channels)
{
  for (guint m = 0; m < G_N_ELEMENTS (channel_metrics); m++) {
    const StreamMetric *cm = &channel_metrics[m];

    metric (text, cm->name, cm->type, cm->help);
    for (guint i = 0; i < channels->len; i++) {
      Channel *channel = g_ptr_array_index (channels, i);
      JsonObject *stats = channel_get_stats (channel);

      if (stats != NULL)
        g_string_append_printf (text, "lockstep_%s{channel=\"%s\"} %"
            G_GINT64_FORMAT "\n", cm->name, channel_get_name (channel),
            ipc_get_int (stats, cm->member, 0));
    }
  }
  metric (text, "hls_grid_error_seconds", "gauge",
      "How far the last segment's end was from the audio grid.");
  for (guint i = 0; i < channels->len; i++) {
    Channel *channel = g_ptr_array_index (channels, i);
    JsonObject *stats = channel_get_stats (channel);

    if (stats != NULL && json_object_has_member (stats, "grid_error_ns"))
      g_string_append_printf (text,
          "lockstep_hls_grid_error_seconds{channel=\"%s\"} %.6f\n",
          channel_get_name (channel),
          ipc_get_int (stats, "grid_error_ns", 0) / 1e9);
  }
}

/* A sample of each rendition. */
static void
append_rendition_metric (GString * text, GPtrArray * channels,
    const char *name, const char *member, double scale)
{
  for (guint i = 0; i < channels->len; i++) {
    Channel *channel = g_ptr_array_index (channels, i);
    JsonObject *stats = channel_get_stats (channel);
    JsonNode *node = stats != NULL ? json_object_get_member (stats,
        "renditions") : NULL;
    JsonArray *list = node != NULL && JSON_NODE_HOLDS_ARRAY (node)
        ? json_node_get_array (node) : NULL;
    guint n = list != NULL ? json_array_get_length (list) : 0;

    for (guint k = 0; k < n; k++) {
      JsonNode *item = json_array_get_element (list, k);
      JsonObject *rendition = JSON_NODE_HOLDS_OBJECT (item)
          ? json_node_get_object (item) : NULL;
      const char *its = rendition != NULL ? ipc_get_string (rendition, "name")
          : NULL;

      if (its != NULL)
        g_string_append_printf (text,
            "lockstep_%s{channel=\"%s\",rendition=\"%s\"} %g\n", name,
            channel_get_name (channel), its, g_str_equal (member, "dropped")
            ? !ipc_get_boolean (rendition, member)
            : ipc_get_int (rendition, member, 0) * scale);
    }
  }
}

static void
append_rendition_metrics (GString * text, GPtrArray * channels)
{
  metric (text, "rendition_active", "gauge",
      "Whether a rendition is written; 0: it was dropped, since the machine did "
      "not keep up.");
  append_rendition_metric (text, channels, "rendition_active", "dropped", 1);
  metric (text, "rendition_lag_seconds", "gauge",
      "How far a rendition's encoder is behind the publisher's pictures.");
  append_rendition_metric (text, channels, "rendition_lag_seconds", "lag_ms",
      1e-3);
  metric (text, "rendition_bits_per_second", "gauge",
      "Mean bitrate of a rendition's segments.");
  append_rendition_metric (text, channels, "rendition_bits_per_second",
      "average_bandwidth", 1);
  metric (text, "overloaded", "gauge",
      "Whether a channel's renditions are behind.");
  for (guint i = 0; i < channels->len; i++) {
    Channel *channel = g_ptr_array_index (channels, i);
    JsonObject *stats = channel_get_stats (channel);

    if (stats != NULL && json_object_has_member (stats, "overloaded"))
      g_string_append_printf (text, "lockstep_overloaded{channel=\"%s\"} %d\n",
          channel_get_name (channel), ipc_get_boolean (stats, "overloaded"));
  }
}

static void
append_delay (GString * text, GPtrArray * channels)
{
  metric (text, "hls_delay_seconds", "gauge",
      "From a segment's last media to the segment's being there.");
  for (guint i = 0; i < channels->len; i++) {
    Channel *channel = g_ptr_array_index (channels, i);
    JsonObject *stats = channel_get_stats (channel);

    if (stats != NULL && json_object_has_member (stats, "delay_ns"))
      g_string_append_printf (text,
          "lockstep_hls_delay_seconds{channel=\"%s\"} %.6f\n",
          channel_get_name (channel), ipc_get_int (stats, "delay_ns", 0) / 1e9);
  }
}

static void
append_totals (GString * text, const char *name, const char *help,
    guint64 value)
{
  metric (text, name, "counter", help);
  g_string_append_printf (text, "lockstep_%s %" G_GUINT64_FORMAT "\n", name,
      value);
}

/* Of presets that send to viewers. */
static void
append_viewer_metrics (GString * text, GPtrArray * channels,
    const ChannelTotals * totals)
{
  static const struct
  {
    const char *name, *help, *member;
  } loads[] = {
    {"worker_processors_used",
        "Processors that the process of a channel used in "
          "the last second.", "used"},
    {"worker_processors", "Processors that it may use.", "processors"},
    {"frames_late_ratio", "Share of the last second's frames that came to the "
          "encoder too late.", "late"},
  };

  append_totals (text, "viewers_total", "Viewers who were let in.",
      totals->viewers);
  metric (text, "viewers_refused_total", "counter",
      "Offers of viewers that were refused: there are max-viewers, one more would "
      "be too much for the processors, or other reasons.");
  g_string_append_printf (text,
      "lockstep_viewers_refused_total{reason=\"max-viewers\"} %"
      G_GUINT64_FORMAT "\n"
      "lockstep_viewers_refused_total{reason=\"load\"} %" G_GUINT64_FORMAT "\n"
      "lockstep_viewers_refused_total{reason=\"other\"} %" G_GUINT64_FORMAT
      "\n", totals->viewers_over_limit, totals->viewers_over_load,
      totals->viewers_refused - totals->viewers_over_limit
      - totals->viewers_over_load);
  for (guint m = 0; m < G_N_ELEMENTS (loads); m++) {
    metric (text, loads[m].name, "gauge", loads[m].help);
    for (guint i = 0; i < channels->len; i++) {
      Channel *channel = g_ptr_array_index (channels, i);
      JsonObject *stats = channel_get_stats (channel);
      JsonObject *load = stats != NULL ? ipc_get_object (stats, "load") : NULL;

      if (load != NULL && json_object_has_member (load, loads[m].member))
        g_string_append_printf (text, "lockstep_%s{channel=\"%s\"} %.3f\n",
            loads[m].name, channel_get_name (channel),
            json_object_get_double_member (load, loads[m].member));
    }
  }
}

void
http_metrics (Front * front, SoupServerMessage * msg)
{
  static const char *const states[] = { "idle", "connecting", "live", "lost" };
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GPtrArray) channels = channel_table_list (front->channels);
  const ChannelTotals *totals = channel_table_get_totals (front->channels);
  guint in_state[G_N_ELEMENTS (states)] = { 0 };

  if (!http_check_method (msg, "GET, HEAD, OPTIONS"))
    return;
  for (guint i = 0; i < channels->len; i++)
    in_state[channel_get_state (g_ptr_array_index (channels, i))]++;
  metric (text, "channels", "gauge", "Channels by state.");
  for (guint i = 0; i < G_N_ELEMENTS (states); i++)
    g_string_append_printf (text, "lockstep_channels{state=\"%s\"} %u\n",
        states[i], in_state[i]);
  append_totals (text, "sessions_total",
      "Offers that were handed to a worker.", totals->sessions);
  append_totals (text, "sessions_refused_total",
      "Offers that got no session: bad, busy, or too many.", totals->refused);
  append_totals (text, "sessions_lost_total",
      "Sessions whose publisher vanished without a DELETE.", totals->lost);
  append_totals (text, "workers_crashed_total",
      "Worker processes that were killed by a signal.", totals->crashed);
  metric (text, "http_requests_total", "counter",
      "HTTP requests by class of status.");
  for (guint i = 2; i < 6; i++)
    g_string_append_printf (text,
        "lockstep_http_requests_total{status=\"%uxx\"} %" G_GUINT64_FORMAT "\n",
        i, front->requests[i]);
  metric (text, "http_connections", "gauge", "HTTP requests under way.");
  g_string_append_printf (text, "lockstep_http_connections %u\n",
      front->connections);
  append_channel_metrics (text, channels);
  append_delay (text, channels);
  append_viewer_metrics (text, channels, totals);
  append_rendition_metrics (text, channels);
  append_stream_metrics (text, channels);
  av_figures_append_metrics (text, channels);
  http_send_text (msg, "text/plain; version=0.0.4; charset=utf-8", "no-store",
      text->str, text->len);
}
