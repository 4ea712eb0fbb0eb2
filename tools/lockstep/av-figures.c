/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How far sound and picture are apart: avresync's figures on their way from a
 * worker's pipeline to /api and /metrics. */
#include "av-figures.h"
#include "channel.h"
#include "ipc.h"

#include <string.h>

/* A number of avresync's stream statistics and how it is shown. */
typedef struct
{
  const char *field, *member;
  double unit;                  /* that one of the member's units has, of the field's */
} Figure;

static const Figure offsets[] = {
  {"estimated-offset", "estimated_offset_ms", 1e6},
  {"applied-offset", "applied_offset_ms", 1e6},
  {"arrival-offset", "arrival_offset_ms", 1e6},
  {"uncertainty", "uncertainty_ms", 1e6},
  {"rate", "rate_ms_per_s", 1e6},
  {"drift", "drift_ppm", 1},
};

static const Figure counts[] = {
  {"steps", "steps", 1},
  {"restarts", "restarts", 1},
  {"report-jumps", "report_jumps", 1},
  {"strays", "strays", 1},
};

static double
get_number (const GstStructure * s, const char *field)
{
  const GValue *value = gst_structure_get_value (s, field);
  g_auto (GValue) number = G_VALUE_INIT;

  g_value_init (&number, G_TYPE_DOUBLE);
  if (value == NULL || !g_value_transform (value, &number))
    return 0;
  return g_value_get_double (&number);
}

/* Of one stream; the picture's is the one that has an offset against the sound. */
static void
add_stream (JsonObject * to, const GstStructure * stream)
{
  const char *media = gst_structure_get_string (stream, "media");
  const char *source = gst_structure_get_string (stream, "source");
  gboolean reference = FALSE;
  g_autofree char *drift = NULL;

  if (g_strcmp0 (media, "audio") != 0 && g_strcmp0 (media, "video") != 0)
    return;
  drift = g_strdup_printf ("%s_clock_drift_ppm", media);
  json_object_set_double_member (to, drift, get_number (stream, "clock-drift"));
  for (guint i = 0; i < G_N_ELEMENTS (counts); i++) {
    gint64 before = json_object_get_int_member_with_default (to,
        counts[i].member, 0);

    json_object_set_int_member (to, counts[i].member,
        before + (gint64) get_number (stream, counts[i].field));
  }
  gst_structure_get_boolean (stream, "reference", &reference);
  if (reference || g_str_equal (media, "audio"))
    return;
  json_object_set_string_member (to, "source", source);
  json_object_set_string_member (to, "sender_reports",
      gst_structure_get_string (stream, "sender-reports"));
  json_object_set_string_member (to, "capture_times",
      gst_structure_get_string (stream, "capture-times"));
  if (g_strcmp0 (source, "none") == 0)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (offsets); i++)
    json_object_set_double_member (to, offsets[i].member,
        get_number (stream, offsets[i].field) / offsets[i].unit);
  /* a picture that should be later than it is leaves the sound late */
  json_object_set_double_member (to, "av_offset_ms", (get_number (stream,
              "estimated-offset") - get_number (stream,
              "applied-offset")) / 1e6);
}

static GstElement *
find_avresync (GstElement * pipeline)
{
  g_autoptr (GstIterator) elements =
      gst_bin_iterate_all_by_element_factory_name (GST_BIN (pipeline),
      "avresync");
  GValue item = G_VALUE_INIT;
  GstElement *found = NULL;

  if (gst_iterator_next (elements, &item) == GST_ITERATOR_OK) {
    found = g_value_dup_object (&item);
    g_value_unset (&item);
  }
  return found;
}

JsonObject *
av_figures_of (GstElement * pipeline)
{
  g_autoptr (GstElement) avresync = find_avresync (pipeline);
  g_autoptr (GstStructure) stats = NULL;
  g_autoptr (JsonObject) figures = json_object_new ();
  const GValue *streams;

  if (avresync == NULL)
    return NULL;
  g_object_get (avresync, "stats", &stats, NULL);
  streams = gst_structure_get_value (stats, "streams");
  json_object_set_string_member (figures, "source", "none");
  for (guint i = 0; i < gst_value_array_get_size (streams); i++)
    add_stream (figures,
        gst_value_get_structure (gst_value_array_get_value (streams, i)));
  if (!json_object_has_member (figures, "steps"))
    return NULL;
  return g_steal_pointer (&figures);
}

/* A metric of each channel that has the member. */
typedef struct
{
  const char *name, *labels, *type, *help, *member;
  double unit;                  /* that the member's has, of the metric's */
} Metric;

static const Metric metrics[] = {
  {"av_offset_seconds", "", "gauge",
      "Sound against picture as the server knows it now: above 0, sound is "
        "late.", "av_offset_ms", 1e-3},
  {"av_estimated_offset_seconds", "", "gauge",
      "Offset of the picture's media time against the sound's that is aimed "
        "at.", "estimated_offset_ms", 1e-3},
  {"av_applied_offset_seconds", "", "gauge",
      "Offset of the picture's media time against the sound's that is "
        "applied.", "applied_offset_ms", 1e-3},
  {"av_arrival_offset_seconds", "", "gauge",
        "The same offset as arrival times alone show it.",
      "arrival_offset_ms", 1e-3},
  {"av_uncertainty_seconds", "", "gauge",
        "How far the estimated offset may be off, either side.",
      "uncertainty_ms", 1e-3},
  {"av_drift_ratio", "", "gauge",
      "How fast the offset grows, seconds per second.", "drift_ppm", 1e-6},
  {"av_steps_total", "", "counter",
      "Corrections too large to be made gradually.", "steps", 1},
  {"av_restarts_total", "", "counter",
      "New timelines that the publisher began.", "restarts", 1},
  {"av_report_jumps_total", "", "counter",
        "Sender reports that contradicted earlier ones and were not believed.",
      "report_jumps", 1},
};

/* Families with a label of their own, one metric a value of it. */
static const Metric clock_drifts[] = {
  {"av_clock_drift_ratio", ",media=\"audio\"", "gauge",
        "Publisher's media clock against this machine's: above 0, it is slow.",
      "audio_clock_drift_ppm", 1e-6},
  {"av_clock_drift_ratio", ",media=\"video\"", NULL, NULL,
      "video_clock_drift_ppm", 1e-6},
};

static JsonObject *
figures_of (Channel * channel)
{
  JsonObject *stats = channel_get_stats (channel);

  return stats != NULL ? ipc_get_object (stats, "av") : NULL;
}

static void
append (GString * text, GPtrArray * channels, const Metric * m)
{
  if (m->type != NULL)
    g_string_append_printf (text,
        "# HELP lockstep_%s %s\n# TYPE lockstep_%s %s\n", m->name, m->help,
        m->name, m->type);
  for (guint i = 0; i < channels->len; i++) {
    Channel *channel = g_ptr_array_index (channels, i);
    JsonObject *av = figures_of (channel);
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    if (av == NULL || !json_object_has_member (av, m->member))
      continue;
    g_ascii_formatd (number, sizeof number, "%.9f",
        json_object_get_double_member (av, m->member) * m->unit);
    g_string_append_printf (text, "lockstep_%s{channel=\"%s\"%s} %s\n",
        m->name, channel_get_name (channel), m->labels, number);
  }
}

void
av_figures_append_metrics (GString * text, GPtrArray * channels)
{
  for (guint i = 0; i < G_N_ELEMENTS (metrics); i++)
    append (text, channels, &metrics[i]);
  for (guint i = 0; i < G_N_ELEMENTS (clock_drifts); i++)
    append (text, channels, &clock_drifts[i]);
  g_string_append (text, "# HELP lockstep_av_source Where the offset between "
      "sound and picture comes from.\n# TYPE lockstep_av_source gauge\n");
  for (guint i = 0; i < channels->len; i++) {
    Channel *channel = g_ptr_array_index (channels, i);
    JsonObject *av = figures_of (channel);
    const char *source = av != NULL ? ipc_get_string (av, "source") : NULL;

    if (source != NULL)
      g_string_append_printf (text,
          "lockstep_av_source{channel=\"%s\",source=\"%s\"} 1\n",
          channel_get_name (channel), source);
  }
}
