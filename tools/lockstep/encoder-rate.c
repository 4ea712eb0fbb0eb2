/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the peers' paths carry becomes the encoder's bitrate, frame rate and size. The
 * bitrate is a parameter of the preset: the preset is put together again with its new
 * value, and the properties that came out different are set. Frames are left out, and
 * pictures made smaller, at a capsfilter. */
#include "encoder-rate.h"
#include "log.h"
#include "presets.h"

#include <gst/lockstep/adaptation.h>
#include <gst/lockstep/framebudget.h>
#include <string.h>

/* Feedback comes about as often. */
#define INTERVAL_MS 50
/* Of what a path carries, RTP headers, retransmissions and the encoder's own
 * excesses take this share. */
#define MEDIA_SHARE 0.95
/* A change smaller than this share is not worth an encoder's reconfiguration ... */
#define SMALL_CHANGE 0.03
/* ... and more bits than now are given this seldom, ms. */
#define INCREASE_APART_MS 250
/* What a peer's estimate may be beyond the video's greatest bitrate. */
#define HEADROOM 400000

struct _EncoderRate
{
  LockstepPreset *preset;
  GHashTable *values;
  GstElement *pipeline;
  LockstepLaunch *applied;
  Streams *streams;
  guint receiver, timer;
  EncoderRateTarget target;
  gpointer user_data;
  guint64 min, max, start, bitrate;     /* of the video */
  gint64 increased;             /* ms */

  gint beside;                  /* atomic: the preview goes over the same path */
  GMutex lock;                  /* protects what the streaming threads use */
  guint64 other_bytes;          /* of what goes over the same path */
  guint keep, of;               /* frames that are let through, of so many; @keep 0: none */
  guint phase;
  guint64 frames_rate;          /* bit/s that frames may take; 0: not known yet */
  LockstepFrameBudget budget;
  LockstepLateFrames late;

  guint64 counted_bytes;
  gint64 counted_at;            /* µs; 0: not yet */
  gdouble other_rate;           /* bit/s */

  GstElement *format;           /* NULL: size and frame rate stay */
  GstCaps *full;                /* as the preset has them */
  gboolean adapting;            /* the source's picture is known */
  LockstepAdaptation adaptation;
  LockstepPicture picture;

  GArray *layers;               /* LockstepLayer; NULL: no simulcast */
  guint64 layer_bitrates[LOCKSTEP_SIMULCAST_MAX];       /* 0: not sent */
};

static gint64
now_ns (void)
{
  return g_get_monotonic_time () * 1000;
}

static guint64
number (GHashTable * values, const char *name)
{
  const char *text = g_hash_table_lookup (values, name);

  return text != NULL ? g_ascii_strtoull (text, NULL, 10) : 0;
}

static void
frame_came (StreamsTrack track, GstSample * frame, gboolean key,
    gpointer user_data)
{
  EncoderRate *rate = user_data;

  gsize bytes = gst_buffer_get_size (gst_sample_get_buffer (frame));

  if (track >= STREAMS_PREVIEW && !g_atomic_int_get (&rate->beside))
    return;
  g_mutex_lock (&rate->lock);
  if (track != STREAMS_VIDEO)
    rate->other_bytes += bytes;
  else if (rate->frames_rate > 0)
    lockstep_frame_budget_encoded (&rate->budget, bytes, rate->frames_rate,
        now_ns ());
  g_mutex_unlock (&rate->lock);
}

/* How old a frame is, ns; FALSE: that cannot be told. */
static gboolean
age_of (EncoderRate * rate, GstPad * pad, GstBuffer * frame, gint64 * age)
{
  g_autoptr (GstEvent) event = gst_pad_get_sticky_event (pad,
      GST_EVENT_SEGMENT, 0);
  GstClockTime now = gst_element_get_current_running_time (rate->format), then;
  const GstSegment *segment;

  if (event == NULL || !GST_CLOCK_TIME_IS_VALID (now)
      || !GST_BUFFER_PTS_IS_VALID (frame))
    return FALSE;
  gst_event_parse_segment (event, &segment);
  if (segment->format != GST_FORMAT_TIME)
    return FALSE;
  then = gst_segment_to_running_time (segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (frame));
  *age = GST_CLOCK_DIFF (then, now);
  return GST_CLOCK_TIME_IS_VALID (then);
}

/* Lets @keep frames of each @of through, evenly, less those that are late, or that the
 * budget has no bits for. */
static GstPadProbeReturn
leave_out (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  EncoderRate *rate = user_data;
  gint64 age;
  gboolean has_age = age_of (rate, pad, GST_PAD_PROBE_INFO_BUFFER (info),
      &age);
  gboolean pass;

  g_mutex_lock (&rate->lock);
  rate->phase += rate->keep;
  pass = rate->phase >= rate->of;
  if (pass)
    rate->phase -= rate->of;
  if (pass && has_age)
    pass = lockstep_late_frames_pass (&rate->late, age, now_ns ());
  if (pass && rate->frames_rate > 0)
    pass = lockstep_frame_budget_pass (&rate->budget, rate->frames_rate,
        now_ns ());
  g_mutex_unlock (&rate->lock);
  return pass ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
}

/* A test picture that is late goes on with what is due now. In its source's own thread: the
 * next frame has the new time. */
static GstPadProbeReturn
frame_made (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  EncoderRate *rate = user_data;
  GstBuffer *frame = GST_PAD_PROBE_INFO_BUFFER (info);
  g_autoptr (GstElement) source = gst_pad_get_parent_element (pad);
  gint64 age = 0, skip, offset;

  if (source == NULL || !age_of (rate, pad, frame, &age))
    return GST_PAD_PROBE_OK;
  g_mutex_lock (&rate->lock);
  skip = lockstep_late_frames_skip (&rate->late, age,
      GST_BUFFER_DURATION_IS_VALID (frame)
      ? (gint64) GST_BUFFER_DURATION (frame) : 0);
  g_mutex_unlock (&rate->lock);
  if (skip > 0) {
    g_object_get (source, "timestamp-offset", &offset, NULL);
    g_object_set (source, "timestamp-offset", offset + skip, NULL);
  }
  return GST_PAD_PROBE_OK;
}

static void
keep_in_time (const GValue * source, gpointer user_data)
{
  g_autoptr (GstPad) pad =
      gst_element_get_static_pad (g_value_get_object (source), "src");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, frame_made, user_data,
      NULL);
}

/* A capture card leaves out by itself what nobody took; videotestsrc does not. */
static void
keep_test_pictures_in_time (EncoderRate * rate)
{
  g_autoptr (GstIterator) sources =
      gst_bin_iterate_all_by_element_factory_name (GST_BIN (rate->pipeline),
      "videotestsrc");

  if (sources != NULL)
    gst_iterator_foreach (sources, keep_in_time, rate);
}

static gboolean
any_element (const char *factory, gpointer user_data)
{
  return TRUE;
}

/* The choices were made when the pipeline was built, and stay. */
static const LockstepMachine same_machine = { any_element, NULL, NULL };

/* Sets what comes out different with the values that there are now. */
static void
apply_values (EncoderRate * rate)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (LockstepLaunch) launch = NULL;

  launch = lockstep_preset_launch (rate->preset, rate->values, &same_machine,
      faults);
  if (launch == NULL || !presets_apply_changes (rate->pipeline, rate->applied,
          launch, faults)) {
    const LockstepFault *fault = g_ptr_array_index (faults, 0);

    log_warning (NULL, "the bitrate stays as it was: %s: %s", fault->place,
        fault->text);
    return;
  }
  lockstep_launch_free (rate->applied);
  rate->applied = g_steal_pointer (&launch);
}

static void
set_bitrate_value (EncoderRate * rate, guint64 bitrate)
{
  const LockstepRate *names = lockstep_preset_get_rate (rate->preset);

  g_hash_table_replace (rate->values, g_strdup (names->bitrate),
      g_strdup_printf ("%" G_GUINT64_FORMAT, bitrate));
}

static void
set_bitrate (EncoderRate * rate, guint64 bitrate)
{
  set_bitrate_value (rate, bitrate);
  apply_values (rate);
}

static void
set_size (EncoderRate * rate, guint width, guint height)
{
  /* a capsfilter that was told nothing has ANY, which takes no fields */
  g_autoptr (GstCaps) caps = gst_caps_is_any (rate->full)
      ? gst_caps_new_empty_simple ("video/x-raw") : gst_caps_copy (rate->full);

  gst_caps_set_simple (caps, "width", G_TYPE_INT, (int) width,
      "height", G_TYPE_INT, (int) height, NULL);
  g_object_set (rate->format, "caps", caps, NULL);
}

static void
set_frames (EncoderRate * rate, guint keep, guint of)
{
  g_mutex_lock (&rate->lock);
  rate->keep = keep;
  rate->of = of;
  rate->phase = 0;
  g_mutex_unlock (&rate->lock);
}

static void
set_picture (EncoderRate * rate)
{
  const LockstepPicture *full = &rate->adaptation.full;

  if (rate->picture.width != full->width)
    set_size (rate, rate->picture.width, rate->picture.height);
  else
    g_object_set (rate->format, "caps", rate->full, NULL);
  set_frames (rate, rate->picture.fps, full->fps);
  log_info (NULL, "the picture is %ux%u at %u frames/s now",
      rate->picture.width, rate->picture.height, rate->picture.fps);
}

/* The source's picture, once it has come to the capsfilter. */
static gboolean
find_picture (EncoderRate * rate)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (rate->format, "src");
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  const GstStructure *s;
  int width, height, n = 30, d = 1;

  if (caps == NULL)
    return FALSE;
  s = gst_caps_get_structure (caps, 0);
  if (!gst_structure_get_int (s, "width", &width)
      || !gst_structure_get_int (s, "height", &height))
    return FALSE;
  gst_structure_get_fraction (s, "framerate", &n, &d);
  lockstep_adaptation_init (&rate->adaptation, width, height,
      n > 0 ? MAX ((n + d / 2) / d, 1) : 30, now_ns ());
  rate->picture = rate->adaptation.full;
  rate->adapting = TRUE;
  return TRUE;
}

static void
measure_others (EncoderRate * rate)
{
  gint64 now = g_get_monotonic_time ();
  guint64 bytes;

  if (now - rate->counted_at < G_USEC_PER_SEC)
    return;
  g_mutex_lock (&rate->lock);
  bytes = rate->other_bytes;
  g_mutex_unlock (&rate->lock);
  if (rate->counted_at != 0)
    rate->other_rate = (bytes - rate->counted_bytes) * 8.0 * G_USEC_PER_SEC
        / (now - rate->counted_at);
  rate->counted_bytes = bytes;
  rate->counted_at = now;
}

/* Simulcast: the main encoder has the preset's bitrate, those beside it the items of a
 * list. */

static char *
layer_value (const LockstepLayer * layer, guint64 bitrate)
{
  g_autofree char *fps = layer->fps == 0 ? g_strdup ("")
      : g_strdup_printf ("p%u/1", layer->fps);

  return g_strdup_printf ("%ux%u%s@%" G_GUINT64_FORMAT, layer->width,
      layer->height, fps, MAX (bitrate, layer->min));
}

/* What is not sent is not encoded: a valve keeps the pictures from its encoder. */
static void
let_through (EncoderRate * rate, guint preview, gboolean on)
{
  g_autofree char *name = g_strdup_printf ("preview-valve-%u", preview);
  g_autoptr (GstElement) valve =
      gst_bin_get_by_name (GST_BIN (rate->pipeline), name);

  if (valve != NULL)
    g_object_set (valve, "drop", !on, NULL);
}

static void
switch_layer (EncoderRate * rate, const LockstepLayer * layer, gboolean on)
{
  const guint fps = rate->picture.fps;

  if (layer->encode > 0)
    let_through (rate, layer->encode - 1, on);
  else if (rate->format != NULL)
    set_frames (rate, on ? layer->fps > 0 ? layer->fps : 1 : 0,
        layer->fps > 0 && fps > 0 ? MAX (fps, layer->fps) : MAX (layer->fps,
            1));
  if (on)
    streams_want_key (rate->streams, layer->encode == 0 ? STREAMS_VIDEO
        : (StreamsTrack) (STREAMS_PREVIEW + layer->encode - 1));
}

static void
set_layers (EncoderRate * rate, const guint64 * bitrates)
{
  const char *list = lockstep_preset_get_preview (rate->preset)->parameter;
  const char *value = list ? g_hash_table_lookup (rate->values, list) : NULL;
  g_auto (GStrv) items = g_strsplit (value ? value : "", ",", -1);
  const guint n_items = g_strv_length (items);

  for (guint i = 0; i < rate->layers->len; i++) {
    const LockstepLayer *layer =
        &g_array_index (rate->layers, LockstepLayer, i);

    if (layer->encode == 0) {
      if (bitrates[i] > 0)
        set_bitrate_value (rate, bitrates[i]);
    } else if (layer->encode <= n_items) {
      g_free (items[layer->encode - 1]);
      items[layer->encode - 1] = layer_value (layer, bitrates[i]);
    }
  }
  if (list != NULL)
    g_hash_table_replace (rate->values, g_strdup (list), g_strjoinv (",",
            items));
  apply_values (rate);
  for (guint i = 0; i < rate->layers->len; i++) {
    const LockstepLayer *layer =
        &g_array_index (rate->layers, LockstepLayer, i);
    gboolean on = bitrates[i] > 0;

    if (on != (rate->layer_bitrates[i] > 0)) {
      switch_layer (rate, layer, on);
      log_info (NULL, "picture %s, %ux%u, is %s", layer->rid, layer->width,
          layer->height, on ? "sent" : "not sent for now");
    }
    rate->layer_bitrates[i] = bitrates[i];
  }
}

static void
adapt_layers (EncoderRate * rate, double wanted, gint64 now)
{
  guint64 bitrates[LOCKSTEP_SIMULCAST_MAX], sum;
  gboolean switched = FALSE;

  memcpy (bitrates, rate->layer_bitrates, sizeof bitrates);
  sum = lockstep_simulcast_share (rate->layers, CLAMP (wanted,
          (double) rate->min, (double) rate->max), bitrates);
  for (guint i = 0; i < rate->layers->len; i++)
    switched |= (bitrates[i] > 0) != (rate->layer_bitrates[i] > 0);
  if ((!switched && ABS ((gint64) sum - (gint64) rate->bitrate)
          < (gint64) (SMALL_CHANGE * rate->bitrate))
      || (sum > rate->bitrate && now - rate->increased < INCREASE_APART_MS))
    return;
  if (sum > rate->bitrate)
    rate->increased = now;
  rate->bitrate = sum;
  set_layers (rate, bitrates);
}

/* What the main encoder has of it. */
static guint64
main_bitrate (EncoderRate * rate)
{
  for (guint i = 0; i < rate->layers->len; i++)
    if (g_array_index (rate->layers, LockstepLayer, i).encode == 0)
      return rate->layer_bitrates[i];
  return 0;
}

void
encoder_rate_set_layers (EncoderRate * rate, const GArray * layers,
    guint width, guint height, guint fps)
{
  guint64 bitrates[LOCKSTEP_SIMULCAST_MAX] = { 0 };

  for (guint i = 0; i < STREAMS_MAX_PREVIEWS; i++)
    let_through (rate, i, FALSE);
  if (layers == NULL)
    return;
  /* until each gets its share */
  if (rate->format != NULL)
    set_frames (rate, 0, 1);
  rate->layers = g_array_copy ((GArray *) layers);
  rate->adapting = FALSE;
  rate->picture = (LockstepPicture) {
  .width = width,.height = height,.fps = fps};
  for (guint i = 0; i < layers->len; i++) {
    const LockstepLayer *layer = &g_array_index (layers, LockstepLayer, i);

    if (layer->encode > 0 || layer->width == width)
      continue;
    if (rate->format != NULL)
      set_size (rate, layer->width, layer->height);
    else
      log_warning (NULL, "picture %s is sent in full size: this preset cannot "
          "make it smaller", layer->rid);
  }
  rate->bitrate = lockstep_simulcast_share (layers, rate->bitrate, bitrates);
  set_layers (rate, bitrates);
}

static gboolean
adapt (gpointer user_data)
{
  EncoderRate *rate = user_data;
  gint64 backlog;
  guint64 target = rate->target (&backlog, rate->user_data), bitrate;
  gint64 now = g_get_monotonic_time () / 1000;
  double wanted;

  measure_others (rate);
  /* The last one that told of its path has gone: what it took is nothing to those who
   * tell of none, or to who comes next */
  if (target == 0 && rate->frames_rate == 0)
    return G_SOURCE_CONTINUE;
  wanted = target > 0 ? MEDIA_SHARE * target - rate->other_rate : rate->start;
  if (rate->layers != NULL)
    adapt_layers (rate, wanted, now);
  bitrate = rate->layers != NULL ? main_bitrate (rate)
      : CLAMP (wanted, (double) rate->min, (double) rate->max);
  g_mutex_lock (&rate->lock);
  rate->frames_rate = MAX (bitrate, 1);
  lockstep_frame_budget_waiting (&rate->budget, backlog, now_ns ());
  g_mutex_unlock (&rate->lock);
  if (rate->layers != NULL)
    return G_SOURCE_CONTINUE;
  if (rate->format != NULL && (rate->adapting || find_picture (rate))
      && lockstep_adaptation_update (&rate->adaptation, bitrate, now_ns (),
          &rate->picture))
    set_picture (rate);
  /* encoders share their bits out among as many frames as the caps say */
  if (rate->adapting)
    bitrate = bitrate * rate->adaptation.full.fps / rate->picture.fps;
  if (ABS ((gint64) bitrate - (gint64) rate->bitrate)
      < (gint64) (SMALL_CHANGE * rate->bitrate)
      || (bitrate > rate->bitrate && now - rate->increased < INCREASE_APART_MS))
    return G_SOURCE_CONTINUE;
  if (bitrate > rate->bitrate)
    rate->increased = now;
  rate->bitrate = bitrate;
  set_bitrate (rate, bitrate);
  return G_SOURCE_CONTINUE;
}

/* A copy of @values in which each alternative is forced to what was chosen. */
static GHashTable *
copy_values (GHashTable * values, LockstepLaunch * launch)
{
  GHashTable *copy =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  GHashTableIter iter;
  gpointer name, value;

  g_hash_table_iter_init (&iter, values);
  while (g_hash_table_iter_next (&iter, &name, &value))
    g_hash_table_insert (copy, g_strdup (name), g_strdup (value));
  g_hash_table_iter_init (&iter, launch->chosen);
  while (g_hash_table_iter_next (&iter, &name, &value))
    g_hash_table_replace (copy, g_strconcat ("use.", name, NULL),
        g_strdup (value));
  return copy;
}

/* The capsfilter that the preset names; FALSE: it is none. */
static gboolean
find_format (EncoderRate * rate, const char *name, GPtrArray * faults)
{
  g_autoptr (GstPad) pad = NULL;

  if (name == NULL)
    return TRUE;
  rate->format = gst_bin_get_by_name (GST_BIN (rate->pipeline), name);
  if (rate->format == NULL
      || !g_str_equal (GST_OBJECT_NAME (gst_element_get_factory (rate->format)),
          "capsfilter")) {
    lockstep_fault_add (faults, "signalling.rate.format",
        "no capsfilter is named '%s'", name);
    return FALSE;
  }
  g_object_get (rate->format, "caps", &rate->full, NULL);
  pad = gst_element_get_static_pad (rate->format, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, leave_out, rate, NULL);
  keep_test_pictures_in_time (rate);
  return TRUE;
}

EncoderRate *
encoder_rate_new (LockstepPreset * preset, GHashTable * values,
    GstElement * pipeline, Streams * streams, EncoderRateTarget target,
    gpointer user_data, GPtrArray * faults)
{
  const LockstepRate *names = lockstep_preset_get_rate (preset);
  EncoderRate *rate;

  if (names->bitrate == NULL)
    return NULL;
  rate = g_new0 (EncoderRate, 1);
  g_mutex_init (&rate->lock);
  rate->preset = preset;
  rate->pipeline = gst_object_ref (pipeline);
  rate->streams = streams;
  rate->target = target;
  rate->user_data = user_data;
  rate->keep = rate->of = 1;
  rate->min = number (values, names->min);
  rate->max = MAX (number (values, names->max), rate->min);
  rate->start = CLAMP (number (values, names->bitrate), rate->min, rate->max);
  rate->bitrate = rate->start;
  rate->applied = lockstep_preset_launch (preset, values, &presets_machine,
      faults);
  if (rate->applied == NULL || !find_format (rate, names->format, faults)) {
    encoder_rate_free (rate);
    return NULL;
  }
  rate->values = copy_values (values, rate->applied);
  rate->receiver = streams_add (streams, frame_came, rate);
  rate->timer = g_timeout_add (INTERVAL_MS, adapt, rate);
  return rate;
}

/* The pipeline must not run any more: its threads come here. */
void
encoder_rate_free (EncoderRate * rate)
{
  g_clear_handle_id (&rate->timer, g_source_remove);
  if (rate->receiver != 0)
    streams_remove (rate->streams, rate->receiver);
  g_clear_pointer (&rate->applied, lockstep_launch_free);
  g_clear_pointer (&rate->values, g_hash_table_unref);
  g_clear_pointer (&rate->full, gst_caps_unref);
  g_clear_pointer (&rate->layers, g_array_unref);
  gst_clear_object (&rate->format);
  gst_object_unref (rate->pipeline);
  g_mutex_clear (&rate->lock);
  g_free (rate);
}

void
encoder_rate_limits (EncoderRate * rate, LockstepBandwidthConfig * limits)
{
  guint64 max = 0;

  for (guint i = 0; rate->layers != NULL && i < rate->layers->len; i++)
    max += g_array_index (rate->layers, LockstepLayer, i).max;
  max = rate->layers != NULL ? CLAMP (max, rate->min, rate->max) : rate->max;
  limits->min = MAX (rate->min, 1);
  limits->max = max / MEDIA_SHARE + HEADROOM;
  limits->start = CLAMP ((guint64) (rate->bitrate / MEDIA_SHARE), limits->min,
      limits->max);
}

gboolean
encoder_rate_preview_limits (LockstepPreset * preset, GHashTable * values,
    LockstepBandwidthConfig * limits)
{
  const char *name = lockstep_preset_get_preview (preset)->parameter;
  const char *text = name != NULL ? g_hash_table_lookup (values, name) : NULL;
  g_auto (GStrv) items = g_strsplit (text != NULL ? text : "", ",", 2);
  LockstepRendition rendition;

  if (items[0] == NULL
      || !lockstep_rendition_parse (g_strstrip (items[0]), &rendition)
      || rendition.bitrate <= 0)
    return FALSE;
  lockstep_bandwidth_config_fixed (limits, rendition.bitrate);
  return TRUE;
}

void
encoder_rate_beside_preview (EncoderRate * rate)
{
  g_atomic_int_set (&rate->beside, TRUE);
}

static JsonArray *
describe_layers (EncoderRate * rate)
{
  JsonArray *list = json_array_new ();

  for (guint i = 0; i < rate->layers->len; i++) {
    const LockstepLayer *layer =
        &g_array_index (rate->layers, LockstepLayer, i);
    JsonObject *object = json_object_new ();

    json_object_set_string_member (object, "rid", layer->rid);
    json_object_set_int_member (object, "width", layer->width);
    json_object_set_int_member (object, "height", layer->height);
    json_object_set_int_member (object, "bitrate", rate->layer_bitrates[i]);
    json_array_add_object_element (list, object);
  }
  return list;
}

void
encoder_rate_get_late (EncoderRate * rate, guint64 * frames, guint64 * late)
{
  g_mutex_lock (&rate->lock);
  *frames = rate->late.n_frames;
  *late = rate->late.n_late;
  g_mutex_unlock (&rate->lock);
}

void
encoder_rate_add_stats (EncoderRate * rate, JsonObject * to)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "bitrate", rate->bitrate);
  if (rate->adapting) {
    json_object_set_int_member (object, "width", rate->picture.width);
    json_object_set_int_member (object, "height", rate->picture.height);
    json_object_set_int_member (object, "framerate", rate->picture.fps);
  }
  if (rate->layers != NULL)
    json_object_set_array_member (object, "layers", describe_layers (rate));
  json_object_set_object_member (to, "encoder", object);
}
