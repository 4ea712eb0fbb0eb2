/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The element: pads, states and messages around the segmenter. */
/**
 * SECTION:element-hlsalignsink
 * @title: hlsalignsink
 *
 * Writes HLS: MPEG-TS segments and a media playlist, from H.264 video and MP3 or
 * AAC audio, or one of the two.
 *
 * Segment boundary k is the audio frame boundary nearest to the start plus k times
 * #GstHlsAlignSink:target-duration, so that the error never adds up and the mean
 * duration is what was asked for. Key units are asked for upstream: ahead
 * of time from an encoder; from a far sender (WebRTC) early by what its answers
 * take. Where no key unit lies at a boundary the cut follows the key unit, and the
 * next boundary is one of the grid again.
 *
 * Sinks with the same #GstHlsAlignSink:group write renditions of one source: their
 * segments begin at the same times, and have the same numbers and discontinuities. Where
 * one of them cannot choose its key frames, since it passes on what a far sender made,
 * it is the #GstHlsAlignSink:group-leader: it has to be linked such that each picture
 * comes to it before it comes to the others' encoders.
 *
 * Where sound begins later than half a segment after the first picture, frames of silence are
 * put before it (of MP3, and AAC-LC of one or two channels; `silent-frames` in the
 * statistics): some players take no track that the first segment they load does not have.
 * In a live pipeline sound is waited for as long as #GstHlsAlignSink:max-skew says; what
 * comes later than that is added with a discontinuity.
 *
 * Audio encoders begin with silence of their own, which their timestamps do not tell of,
 * and so sound comes late: with lamemp3enc and an MP3 decoder by 1105 samples, with
 * avenc_aac by 1024, with voaacenc by 1600. #GstHlsAlignSink:audio-delay makes up for it.
 *
 * With #GstHlsAlignSink:epoch-lock each interval of Unix time has one media sequence number,
 * and so one segment. A format that changes in the middle of it would make two of it, and
 * neither can go elsewhere: the interval before has been published, and with the one after a
 * segment would be longer than EXT-X-TARGETDURATION lets it. What begins less than a quarter
 * of a segment (at most 250 ms) before the next interval is of that one; else the
 * longer part is kept, and the other one, less than half an interval, is left out. The next
 * segment then has a discontinuity, and `lost-parts` in the statistics counts it.
 *
 * Unix time is what the first buffer's #GstReferenceTimestampMeta says, of whatever day: it
 * may be of a recording. A later one that is more than 10 s off from that is not used, and
 * one warning tells of it, since times alone do not show which of the two is wrong. This
 * machine's clock does, where what was refused agrees with it to a day for 5 s, and what it
 * began with is more than a day behind both, as of a camera whose clock is set after
 * its start: a live playlist then begins anew by what is right, after a discontinuity. In a
 * #GstHlsAlignSink:group, and in an event or vod playlist, it stays as it began. So does what
 * began ahead, since media sequence numbers cannot go back: a warning tells of more than
 * a day at the start, and once the clock that is wrong is set, the pipeline has to be started
 * again. A playlist that ends in the future, or that is numbered by another
 * #GstHlsAlignSink:target-duration, is then begun anew.
 *
 * Segments and playlists appear all at once under their names. A folder that has
 * a playlist is gone on with, after a discontinuity.
 *
 * The element does not wait for the clock: out of a file it writes as fast as that can
 * be read. In PAUSED it holds what comes, as sinks do. It posts an element message named `hlsalignsink-segment` for each segment.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=300 ! x264enc ! hlsalignsink name=h audio-delay=1105 location=hls/segment%05d.ts playlist-location=hls/index.m3u8 target-duration=2 audiotestsrc num-buffers=430 ! lamemp3enc ! h.audio
 * ]|
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gsthlsalignsink.h"

#include <math.h>
#include <string.h>

#include "hlscrypt.h"

GST_DEBUG_CATEGORY (gst_hls_align_sink_debug);
#define GST_CAT_DEFAULT gst_hls_align_sink_debug

#define CLOSE_TIMEOUT (2 * G_TIME_SPAN_SECOND)

enum
{
  SIGNAL_GET_PLAYLIST_STREAM,
  SIGNAL_GET_FRAGMENT_STREAM,
  SIGNAL_DELETE_FRAGMENT,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

#define gst_hls_align_sink_parent_class parent_class
G_DEFINE_TYPE_WITH_CODE (GstHlsAlignSink, gst_hls_align_sink,
    GST_TYPE_ELEMENT,
    GST_DEBUG_CATEGORY_INIT (gst_hls_align_sink_debug, "hlsalignsink", 0,
        "HLS cut on the audio frame grid"));
GST_ELEMENT_REGISTER_DEFINE (hlsalignsink, "hlsalignsink", GST_RANK_NONE,
    GST_TYPE_HLS_ALIGN_SINK);

static GstStaticPadTemplate video_template = GST_STATIC_PAD_TEMPLATE ("video",
    GST_PAD_SINK, GST_PAD_REQUEST,
    GST_STATIC_CAPS ("video/x-h264, stream-format=(string){ byte-stream, avc,"
        " avc3 }, alignment=(string)au"));
static GstStaticPadTemplate audio_template = GST_STATIC_PAD_TEMPLATE ("audio",
    GST_PAD_SINK, GST_PAD_REQUEST,
    GST_STATIC_CAPS ("audio/mpeg, mpegversion=(int)1, layer=(int)[ 1, 3 ];"
        "audio/mpeg, mpegversion=(int){ 2, 4 },"
        " stream-format=(string){ adts, raw }"));

/* The one place where a GError becomes a message on the bus. */
static void
post_error (GstHlsAlignSink * self, const GError * error, gboolean fatal)
{
  if (fatal)
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("%s", error->message),
        (NULL));
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE))
    GST_ELEMENT_WARNING (self, RESOURCE, NO_SPACE_LEFT, ("%s", error->message),
        ("tried again for a while; then the segment is given up"));
  else
    GST_ELEMENT_WARNING (self, RESOURCE, WRITE, ("%s", error->message), (NULL));
}

/* {{{ called from the output's thread */

static void
output_stored (gpointer user, const HlsOutputReport * report)
{
  GstHlsAlignSink *self = user;
  const LockstepSegment *segment = report->segment;
  GstStructure *s = gst_structure_new ("hlsalignsink-segment",
      "sequence", G_TYPE_UINT64, report->sequence,
      "location", G_TYPE_STRING, report->location,
      "running-time", G_TYPE_INT64,
      self->epoch_lock ? segment->start - self->offset : segment->start,
      "unix-time", G_TYPE_INT64, segment->start + segment->offset,
      "duration", GST_TYPE_CLOCK_TIME, (GstClockTime) segment->duration,
      "grid-error", G_TYPE_INT64, segment->grid_error,
      "start-skew", G_TYPE_INT64, segment->start_skew,
      "bytes", G_TYPE_UINT64, segment->bytes,
      "pictures", G_TYPE_UINT, segment->pictures,
      "discontinuity", G_TYPE_BOOLEAN, segment->discontinuity,
      "gap", G_TYPE_BOOLEAN, report->gap,
      "keyframe-request-delay", GST_TYPE_CLOCK_TIME,
      segment->request_delay == LOCKSTEP_NO_TIME ? GST_CLOCK_TIME_NONE
      : (GstClockTime) segment->request_delay, NULL);

  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_element (GST_OBJECT (self), s));
}

static void
output_problem (gpointer user, const GError * error)
{
  post_error (user, error, FALSE);
}

static void
output_ended (gpointer user)
{
  gst_hls_align_sink_preroll_ended (user);
}

static const HlsOutputCallbacks output_callbacks = {
  output_stored, output_problem, output_ended, gst_object_unref
};

/* {{{ called by the segmenter, with the lock */

static void
segmenter_segment (gpointer user, LockstepSegment * segment)
{
  GstHlsAlignSink *self = user;

  if (self->epoch_lock)
    segment->offset = 0;        /* its times are Unix times */
  hls_output_segment (self->output, segment,
      lockstep_segmenter_target_duration (self->segmenter), self->live);
}

static void
segmenter_request (gpointer user, const LockstepKeyRequest * request)
{
  GstHlsAlignSink *self = user;
  gint64 time = request->time;
  GstClockTime running;

  if (!self->send_keyframe_requests
      || self->requests->len >= GST_HLS_ALIGN_SINK_MAX_REQUESTS)
    return;
  if (self->epoch_lock)
    time -= self->offset;
  running = MAX (time, 0);
  g_array_append_val (self->requests, running);
  g_array_append_val (self->again, request->again);
}

static const LockstepSegmenterCallbacks segmenter_callbacks = {
  segmenter_segment, segmenter_request, gst_hls_align_sink_verdict,
  gst_hls_align_sink_anchor, gst_hls_align_sink_discontinuity
};

static GOutputStream *
open_stream (gpointer user, const char *name, gboolean playlist)
{
  GOutputStream *stream = NULL;

  g_signal_emit (user, signals[playlist ? SIGNAL_GET_PLAYLIST_STREAM :
          SIGNAL_GET_FRAGMENT_STREAM], 0, name, &stream);
  return stream;
}

static void
remove_stream (gpointer user, const char *name)
{
  g_signal_emit (user, signals[SIGNAL_DELETE_FRAGMENT], 0, name);
}

static HlsStore *
make_store (GstHlsAlignSink * self)
{
  if (g_signal_has_handler_pending (self, signals[SIGNAL_GET_FRAGMENT_STREAM],
          0, FALSE))
    return hls_streams_new (open_stream, remove_stream, self);
  if (g_str_has_prefix (self->location, "http://")
      || g_str_has_prefix (self->location, "https://"))
    return hls_http_new ();
  return hls_folder_new ();
}

/* Whether @pattern can name files; says so on the bus where not. */
static gboolean
check_pattern (GstHlsAlignSink * self, const char *property,
    const char *pattern)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = NULL;

  if (pattern == NULL)
    return TRUE;
  name = lockstep_playlist_name (pattern, 0, &error);
  if (name != NULL)
    return TRUE;
  g_prefix_error (&error, "%s: ", property);
  post_error (self, error, TRUE);
  return FALSE;
}

/* Refused at the start rather than at each segment. */
static gboolean
check_encryption (GstHlsAlignSink * self)
{
  g_autoptr (GError) error = NULL;
  guint8 key[HLS_KEY_SIZE];

  if (self->key_location == NULL || hls_crypt_random (key, &error))
    return TRUE;
  post_error (self, error, TRUE);
  return FALSE;
}

static gboolean
start (GstHlsAlignSink * self)
{
  LockstepSegmenterConfig config = { 0 };
  HlsOutputConfig *output;

  if (!check_pattern (self, "location", self->location)
      || !check_pattern (self, "key-location", self->key_location)
      || !check_pattern (self, "key-uri", self->key_uri)
      || !check_encryption (self) || !gst_hls_align_sink_join_group (self))
    return FALSE;
  output = g_new0 (HlsOutputConfig, 1);
  output->location = g_strdup (self->location);
  if (self->playlist_location != NULL && self->playlist_location[0] != '\0')
    output->playlist = g_strdup (self->playlist_location);
  output->root = g_strdup (self->playlist_root);
  output->type = self->playlist_type;
  output->length = self->playlist_length;
  output->max_files = self->max_files;
  output->window = llrint (self->dvr_window * GST_SECOND);
  output->endlist = self->endlist;
  output->epoch = self->epoch_lock;
  output->key_location = g_strdup (self->key_location);
  output->key_uri = g_strdup (self->key_uri);
  output->key_segments = self->key_segments;
  output->group = self->group != NULL ? hls_group_ref (self->group) : NULL;
  output->late = self->group != NULL
      && hls_group_has_begun (self->group, &config.target_duration);

  config.target = llrint (self->target_duration * GST_SECOND);
  output->tolerance = MIN (config.target / 4, 100 * GST_MSECOND);
  config.epoch = self->epoch_lock;

  g_mutex_lock (&self->lock);
  self->segmenter = lockstep_segmenter_new (&config, &segmenter_callbacks,
      self);
  self->output = hls_output_new (output, make_store (self), &output_callbacks,
      gst_object_ref (self));
  self->live = FALSE;
  self->have_offset = self->have_unix_time = FALSE;
  memset (self->arrivals, 0, sizeof self->arrivals);
  for (guint i = 0; i < LOCKSTEP_N_TRACKS; i++) {
    Input *input = &self->inputs[i];

    input->eos = input->flushing = FALSE;
    input->live_known = input->held_known = FALSE;
    input->asked_at = 0;
    input->unix_time = (LockstepUnixTime) {
    0};
    input->unix_time_known = input->unix_time_warned = FALSE;
    gst_segment_init (&input->segment, GST_FORMAT_TIME);
    if (input->pad != NULL)
      lockstep_segmenter_add_track (self->segmenter, i);
  }
  g_mutex_unlock (&self->lock);
  gst_hls_align_sink_watch_encoder (self);
  return TRUE;
}

static void
stop (GstHlsAlignSink * self)
{
  LockstepSegmenter *segmenter;
  HlsOutput *output;
  HlsGroup *group;

  gst_hls_align_sink_unwatch (self, TRUE);
  g_mutex_lock (&self->lock);
  if (self->segmenter != NULL)
    lockstep_segmenter_finish (self->segmenter);
  group = g_steal_pointer (&self->group);
  g_array_set_size (self->verdicts, 0);
  segmenter = g_steal_pointer (&self->segmenter);
  output = g_steal_pointer (&self->output);
  g_array_set_size (self->requests, 0);
  g_array_set_size (self->again, 0);
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&segmenter, lockstep_segmenter_free);
  if (output != NULL)
    hls_output_close (output, CLOSE_TIMEOUT);
  if (group != NULL)
    hls_group_leave (group, self);
}

/* {{{ element */

static GstPad *
gst_hls_align_sink_request_new_pad (GstElement * element,
    GstPadTemplate * templ, const char *name, const GstCaps * caps)
{
  GstHlsAlignSink *self = GST_HLS_ALIGN_SINK (element);
  const char *template_name = GST_PAD_TEMPLATE_NAME_TEMPLATE (templ);
  LockstepTrackKind kind = strcmp (template_name, "video") == 0 ?
      LOCKSTEP_TRACK_VIDEO : LOCKSTEP_TRACK_AUDIO;
  Input *input = &self->inputs[kind];
  GstPad *pad;

  g_mutex_lock (&self->lock);
  if (input->pad != NULL) {
    g_mutex_unlock (&self->lock);
    return NULL;
  }
  pad = gst_pad_new_from_template (templ, template_name);
  gst_pad_set_chain_function (pad, gst_hls_align_sink_chain);
  gst_pad_set_event_function (pad, gst_hls_align_sink_event);
  gst_pad_set_element_private (pad, GINT_TO_POINTER (kind));
  memset (input, 0, sizeof *input);
  gst_segment_init (&input->segment, GST_FORMAT_TIME);
  input->pad = pad;
  if (self->segmenter != NULL)
    lockstep_segmenter_add_track (self->segmenter, kind);
  g_mutex_unlock (&self->lock);
  gst_hls_align_sink_preroll_flush (self, kind, FALSE);

  if (GST_STATE (self) > GST_STATE_READY
      || GST_STATE_NEXT (self) > GST_STATE_READY)
    gst_pad_set_active (pad, TRUE);
  gst_element_add_pad (element, pad);
  return pad;
}

static void
gst_hls_align_sink_release_pad (GstElement * element, GstPad * pad)
{
  GstHlsAlignSink *self = GST_HLS_ALIGN_SINK (element);
  LockstepTrackKind kind = gst_hls_align_sink_kind_of (self, pad);

  g_mutex_lock (&self->lock);
  self->inputs[kind].flushing = TRUE;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  gst_hls_align_sink_preroll_flush (self, kind, TRUE);
  gst_pad_set_active (pad, FALSE);
  g_mutex_lock (&self->lock);
  self->inputs[kind].pad = NULL;
  if (self->segmenter != NULL)
    lockstep_segmenter_eos (self->segmenter, kind);
  g_mutex_unlock (&self->lock);
  gst_element_remove_pad (element, pad);
}

static GstStateChangeReturn
gst_hls_align_sink_change_state (GstElement * element,
    GstStateChange transition)
{
  GstHlsAlignSink *self = GST_HLS_ALIGN_SINK (element);
  GstStateChangeReturn ret;
  gboolean wait = FALSE;

  switch (transition) {
    case GST_STATE_CHANGE_READY_TO_PAUSED:
      if (!start (self))
        return GST_STATE_CHANGE_FAILURE;
      wait = gst_hls_align_sink_preroll_start (self);
      break;
    case GST_STATE_CHANGE_PAUSED_TO_PLAYING:
      gst_hls_align_sink_preroll_play (self);
      break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
      gst_hls_align_sink_preroll_stop (self);
      g_mutex_lock (&self->lock);
      for (guint i = 0; i < LOCKSTEP_N_TRACKS; i++)
        self->inputs[i].flushing = TRUE;
      if (self->output != NULL)
        hls_output_hurry (self->output);
      g_cond_broadcast (&self->cond);
      g_mutex_unlock (&self->lock);
      break;
    default:
      break;
  }
  ret = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);
  if (ret == GST_STATE_CHANGE_FAILURE) {
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
      gst_hls_align_sink_preroll_stop (self);
      stop (self);
    }
    return ret;
  }
  switch (transition) {
    case GST_STATE_CHANGE_READY_TO_PAUSED:
      break;
    case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
      g_mutex_lock (&self->lock);
      wait = !self->live && !lockstep_segmenter_is_eos (self->segmenter);
      g_mutex_unlock (&self->lock);
      wait = gst_hls_align_sink_preroll_pause (self, wait);
      break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
      stop (self);
      break;
    default:
      break;
  }
  return wait ? GST_STATE_CHANGE_ASYNC : ret;
}

/* Live if one input is; as late as the latest, as patient as the least. */
static gboolean
query_latency (GstHlsAlignSink * self, GstQuery * query)
{
  GstClockTime min = 0, max = GST_CLOCK_TIME_NONE;
  gboolean live = FALSE, ok = FALSE;

  for (guint i = 0; i < LOCKSTEP_N_TRACKS; i++) {
    GstQuery *peer = gst_query_new_latency ();
    GstPad *pad = NULL;
    GstClockTime peer_min, peer_max;
    gboolean peer_live;

    g_mutex_lock (&self->lock);
    if (self->inputs[i].pad != NULL)
      pad = gst_object_ref (self->inputs[i].pad);
    g_mutex_unlock (&self->lock);
    if (pad != NULL && gst_pad_peer_query (pad, peer)) {
      gst_query_parse_latency (peer, &peer_live, &peer_min, &peer_max);
      ok = TRUE;
      if (peer_live) {
        live = TRUE;
        min = MAX (min, peer_min);
        max = MIN (max, peer_max);
      }
    }
    gst_clear_object (&pad);
    gst_query_unref (peer);
  }
  if (ok)
    gst_query_set_latency (query, live, min, max);
  return ok;
}

static gboolean
gst_hls_align_sink_query (GstElement * element, GstQuery * query)
{
  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY) {
    gst_hls_align_sink_preroll_asked (GST_HLS_ALIGN_SINK (element));
    return query_latency (GST_HLS_ALIGN_SINK (element), query);
  }
  return GST_ELEMENT_CLASS (parent_class)->query (element, query);
}

static void
gst_hls_align_sink_finalize (GObject * object)
{
  GstHlsAlignSink *self = GST_HLS_ALIGN_SINK (object);

  gst_hls_align_sink_free_properties (self);
  g_array_unref (self->requests);
  g_array_unref (self->verdicts);
  g_array_unref (self->again);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  g_mutex_clear (&self->preroll_lock);
  g_cond_clear (&self->preroll_cond);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_hls_align_sink_init (GstHlsAlignSink * self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  g_mutex_init (&self->preroll_lock);
  g_cond_init (&self->preroll_cond);
  self->requests = g_array_new (FALSE, FALSE, sizeof (GstClockTime));
  self->again = g_array_new (FALSE, FALSE, sizeof (gboolean));
  self->verdicts = g_array_new (FALSE, FALSE, sizeof (LockstepVerdict));
  gst_hls_align_sink_init_properties (self);
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SINK);
}

static void
gst_hls_align_sink_class_init (GstHlsAlignSinkClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->finalize = gst_hls_align_sink_finalize;
  element_class->request_new_pad = gst_hls_align_sink_request_new_pad;
  element_class->release_pad = gst_hls_align_sink_release_pad;
  element_class->change_state = gst_hls_align_sink_change_state;
  element_class->query = gst_hls_align_sink_query;

  gst_hls_align_sink_install_properties (object_class);

  /**
   * GstHlsAlignSink::get-playlist-stream:
   * @location: the playlist-location
   *
   * Where get-fragment-stream is connected, nothing is written to files: the
   * application gives a stream for each playlist and segment, which is written
   * whole and closed. Called from a thread of the element's own.
   *
   * Returns: (transfer full): a #GOutputStream, or %NULL to fail
   */
  signals[SIGNAL_GET_PLAYLIST_STREAM] = g_signal_new ("get-playlist-stream",
      G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
      G_TYPE_OUTPUT_STREAM, 1, G_TYPE_STRING);
  /**
   * GstHlsAlignSink::get-fragment-stream:
   * @location: the name of the segment, or of a key
   *
   * As #GstHlsAlignSink::get-playlist-stream, for segments.
   *
   * Returns: (transfer full): a #GOutputStream, or %NULL to fail
   */
  signals[SIGNAL_GET_FRAGMENT_STREAM] = g_signal_new ("get-fragment-stream",
      G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
      G_TYPE_OUTPUT_STREAM, 1, G_TYPE_STRING);
  /**
   * GstHlsAlignSink::delete-fragment:
   * @location: its name
   *
   * A segment, or key, that no client may want any more.
   */
  signals[SIGNAL_DELETE_FRAGMENT] = g_signal_new ("delete-fragment",
      G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
      G_TYPE_NONE, 1, G_TYPE_STRING);

  gst_element_class_add_static_pad_template (element_class, &video_template);
  gst_element_class_add_static_pad_template (element_class, &audio_template);
  gst_element_class_set_static_metadata (element_class,
      "HLS sink on the audio frame grid", "Sink/Muxer",
      "Cuts MPEG-TS segments at the audio frame nearest to each multiple of the "
      "target duration, and keeps a media playlist", "The Lockstep developers");
}
