/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hlsalignsink's properties and statistics. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gsthlsalignsink.h"

#define DEFAULT_LOCATION "segment%05d.ts"
#define DEFAULT_PLAYLIST_LOCATION "playlist.m3u8"
#define DEFAULT_MAX_FILES 10
#define DEFAULT_TARGET_DURATION 15.0
#define DEFAULT_PLAYLIST_LENGTH 5
#define DEFAULT_MAX_SKEW (3 * GST_SECOND)

enum
{
  PROP_0,
  PROP_LOCATION,
  PROP_PLAYLIST_LOCATION,
  PROP_PLAYLIST_ROOT,
  PROP_MAX_FILES,
  PROP_TARGET_DURATION,
  PROP_PLAYLIST_LENGTH,
  PROP_SEND_KEYFRAME_REQUESTS,
  PROP_EPOCH_LOCK,
  PROP_PLAYLIST_TYPE,
  PROP_DVR_WINDOW,
  PROP_ENDLIST,
  PROP_MAX_SKEW,
  PROP_AUDIO_DELAY,
  PROP_KEY_LOCATION,
  PROP_KEY_URI,
  PROP_KEY_SEGMENTS,
  PROP_GROUP,
  PROP_GROUP_LEADER,
  PROP_ASYNC,
  PROP_STATS,
};

static GType
playlist_type_get_type (void)
{
  static gsize type;
  static const GEnumValue values[] = {
    {LOCKSTEP_PLAYLIST_LIVE, "A window that slides", "live"},
    {LOCKSTEP_PLAYLIST_EVENT, "Everything from the start", "event"},
    {LOCKSTEP_PLAYLIST_VOD, "Written when it is complete", "vod"},
    {0, NULL, NULL},
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstHlsAlignSinkPlaylistType", values));
  return type;
}

static GstStructure *
make_stats (GstHlsAlignSink * self)
{
  LockstepSegmenterStats in = { 0 };
  HlsOutputStats out = { 0 };
  guint64 refused = 0;

  g_mutex_lock (&self->lock);
  if (self->segmenter != NULL)
    lockstep_segmenter_stats (self->segmenter, &in);
  if (self->output != NULL)
    hls_output_stats (self->output, &out);
  for (guint i = 0; i < LOCKSTEP_N_TRACKS; i++)
    refused += self->inputs[i].unix_time.refused;
  g_mutex_unlock (&self->lock);
  return gst_structure_new ("application/x-hlsalignsink-stats",
      "segments", G_TYPE_UINT64, out.segments,
      "bytes", G_TYPE_UINT64, out.bytes,
      "gaps", G_TYPE_UINT64, out.gaps,
      "retries", G_TYPE_UINT64, out.retries,
      "deleted", G_TYPE_UINT64, out.deleted,
      "discontinuities", G_TYPE_UINT64, in.discontinuities,
      "keyframes-requested", G_TYPE_UINT64, in.requests,
      "keyframes-obeyed", G_TYPE_UINT64, in.obeyed,
      "cuts-without-keyframe", G_TYPE_UINT64, in.late_cuts,
      "lost-parts", G_TYPE_UINT64, in.lost_parts,
      "refused-unix-times", G_TYPE_UINT64, refused,
      "silent-frames", G_TYPE_UINT64, in.silent,
      "dropped-late", G_TYPE_UINT64, in.late,
      "dropped-undecodable", G_TYPE_UINT64, in.undecodable,
      "dropped-overlap", G_TYPE_UINT64, in.overlap,
      "dropped-broken", G_TYPE_UINT64, in.broken, NULL);
}

static void
gst_hls_align_sink_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  GstHlsAlignSink *self = GST_HLS_ALIGN_SINK (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LOCATION:
      g_free (self->location);
      self->location = g_value_dup_string (value);
      if (self->location == NULL)
        self->location = g_strdup (DEFAULT_LOCATION);
      break;
    case PROP_PLAYLIST_LOCATION:
      g_free (self->playlist_location);
      self->playlist_location = g_value_dup_string (value);
      break;
    case PROP_PLAYLIST_ROOT:
      g_free (self->playlist_root);
      self->playlist_root = g_value_dup_string (value);
      break;
    case PROP_MAX_FILES:
      self->max_files = g_value_get_uint (value);
      break;
    case PROP_TARGET_DURATION:
      self->target_duration = g_value_get_double (value);
      break;
    case PROP_PLAYLIST_LENGTH:
      self->playlist_length = g_value_get_uint (value);
      break;
    case PROP_SEND_KEYFRAME_REQUESTS:
      self->send_keyframe_requests = g_value_get_boolean (value);
      break;
    case PROP_EPOCH_LOCK:
      self->epoch_lock = g_value_get_boolean (value);
      break;
    case PROP_PLAYLIST_TYPE:
      self->playlist_type = g_value_get_enum (value);
      break;
    case PROP_DVR_WINDOW:
      self->dvr_window = g_value_get_double (value);
      break;
    case PROP_ENDLIST:
      self->endlist = g_value_get_boolean (value);
      break;
    case PROP_MAX_SKEW:
      self->max_skew = g_value_get_uint64 (value);
      break;
    case PROP_AUDIO_DELAY:
      self->audio_delay = g_value_get_uint (value);
      break;
    case PROP_KEY_LOCATION:
      g_free (self->key_location);
      self->key_location = g_value_dup_string (value);
      break;
    case PROP_KEY_URI:
      g_free (self->key_uri);
      self->key_uri = g_value_dup_string (value);
      break;
    case PROP_KEY_SEGMENTS:
      self->key_segments = g_value_get_uint (value);
      break;
    case PROP_GROUP:
      g_free (self->group_name);
      self->group_name = g_value_dup_string (value);
      break;
    case PROP_GROUP_LEADER:
      self->group_leader = g_value_get_boolean (value);
      break;
    case PROP_ASYNC:
      self->async = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_hls_align_sink_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstHlsAlignSink *self = GST_HLS_ALIGN_SINK (object);

  if (id == PROP_STATS) {
    g_value_take_boxed (value, make_stats (self));
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LOCATION:
      g_value_set_string (value, self->location);
      break;
    case PROP_PLAYLIST_LOCATION:
      g_value_set_string (value, self->playlist_location);
      break;
    case PROP_PLAYLIST_ROOT:
      g_value_set_string (value, self->playlist_root);
      break;
    case PROP_MAX_FILES:
      g_value_set_uint (value, self->max_files);
      break;
    case PROP_TARGET_DURATION:
      g_value_set_double (value, self->target_duration);
      break;
    case PROP_PLAYLIST_LENGTH:
      g_value_set_uint (value, self->playlist_length);
      break;
    case PROP_SEND_KEYFRAME_REQUESTS:
      g_value_set_boolean (value, self->send_keyframe_requests);
      break;
    case PROP_EPOCH_LOCK:
      g_value_set_boolean (value, self->epoch_lock);
      break;
    case PROP_PLAYLIST_TYPE:
      g_value_set_enum (value, self->playlist_type);
      break;
    case PROP_DVR_WINDOW:
      g_value_set_double (value, self->dvr_window);
      break;
    case PROP_ENDLIST:
      g_value_set_boolean (value, self->endlist);
      break;
    case PROP_MAX_SKEW:
      g_value_set_uint64 (value, self->max_skew);
      break;
    case PROP_AUDIO_DELAY:
      g_value_set_uint (value, self->audio_delay);
      break;
    case PROP_KEY_LOCATION:
      g_value_set_string (value, self->key_location);
      break;
    case PROP_KEY_URI:
      g_value_set_string (value, self->key_uri);
      break;
    case PROP_KEY_SEGMENTS:
      g_value_set_uint (value, self->key_segments);
      break;
    case PROP_GROUP:
      g_value_set_string (value, self->group_name);
      break;
    case PROP_GROUP_LEADER:
      g_value_set_boolean (value, self->group_leader);
      break;
    case PROP_ASYNC:
      g_value_set_boolean (value, self->async);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

void
gst_hls_align_sink_init_properties (GstHlsAlignSink * self)
{
  self->location = g_strdup (DEFAULT_LOCATION);
  self->playlist_location = g_strdup (DEFAULT_PLAYLIST_LOCATION);
  self->max_files = DEFAULT_MAX_FILES;
  self->target_duration = DEFAULT_TARGET_DURATION;
  self->playlist_length = DEFAULT_PLAYLIST_LENGTH;
  self->send_keyframe_requests = TRUE;
  self->endlist = self->async = TRUE;
  self->max_skew = DEFAULT_MAX_SKEW;
}

void
gst_hls_align_sink_free_properties (GstHlsAlignSink * self)
{
  g_free (self->location);
  g_free (self->playlist_location);
  g_free (self->playlist_root);
  g_free (self->key_location);
  g_free (self->key_uri);
  g_free (self->group_name);
}

void
gst_hls_align_sink_install_properties (GObjectClass * object_class)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
      | GST_PARAM_MUTABLE_READY;

  object_class->set_property = gst_hls_align_sink_set_property;
  object_class->get_property = gst_hls_align_sink_get_property;
  g_object_class_install_property (object_class, PROP_LOCATION,
      g_param_spec_string ("location", "File location",
          "Pattern of the segments' file names, with one %d or %05d",
          DEFAULT_LOCATION, flags));
  g_object_class_install_property (object_class, PROP_PLAYLIST_LOCATION,
      g_param_spec_string ("playlist-location", "Playlist location",
          "File name of the playlist", DEFAULT_PLAYLIST_LOCATION, flags));
  g_object_class_install_property (object_class, PROP_PLAYLIST_ROOT,
      g_param_spec_string ("playlist-root", "Playlist root",
          "Put with a slash before the name of each segment in the playlist",
          NULL, flags));
  g_object_class_install_property (object_class, PROP_MAX_FILES,
      g_param_spec_uint ("max-files", "Max files",
          "Segments kept, those in the playlist included; 0 keeps all. More are "
          "kept where clients may still fetch them", 0, G_MAXUINT,
          DEFAULT_MAX_FILES, flags));
  g_object_class_install_property (object_class, PROP_TARGET_DURATION,
      g_param_spec_double ("target-duration", "Target duration",
          "Mean duration of a segment in seconds", 0.1, 3600.0,
          DEFAULT_TARGET_DURATION, flags));
  g_object_class_install_property (object_class, PROP_PLAYLIST_LENGTH,
      g_param_spec_uint ("playlist-length", "Playlist length",
          "Segments in a live playlist; 0 for all. There are more where these "
          "are shorter than three times EXT-X-TARGETDURATION", 0, G_MAXUINT,
          DEFAULT_PLAYLIST_LENGTH, flags));
  g_object_class_install_property (object_class, PROP_SEND_KEYFRAME_REQUESTS,
      g_param_spec_boolean ("send-keyframe-requests",
          "Send keyframe requests", "Ask upstream for key units", TRUE, flags));
  g_object_class_install_property (object_class, PROP_EPOCH_LOCK,
      g_param_spec_boolean ("epoch-lock", "Epoch lock",
          "Cut at multiples of the target duration of Unix time, and number "
          "segments so. Unix time is that of the buffers' "
          "GstReferenceTimestampMeta (timestamp/x-unix, timestamp/x-ntp) where "
          "they have it, else the clock's", FALSE, flags));
  g_object_class_install_property (object_class, PROP_PLAYLIST_TYPE,
      g_param_spec_enum ("playlist-type", "Playlist type",
          "What becomes of earlier segments", playlist_type_get_type (),
          LOCKSTEP_PLAYLIST_LIVE, flags));
  g_object_class_install_property (object_class, PROP_DVR_WINDOW,
      g_param_spec_double ("dvr-window", "DVR window",
          "Seconds that a live playlist spans at least, instead of "
          "playlist-length; 0 to go by that", 0.0, 604800.0, 0.0, flags));
  g_object_class_install_property (object_class, PROP_ENDLIST,
      g_param_spec_boolean ("endlist", "End list",
          "Write EXT-X-ENDLIST at the end. FALSE leaves a live or event playlist "
          "open, for a source that may come back", TRUE, flags));
  g_object_class_install_property (object_class, PROP_MAX_SKEW,
      g_param_spec_uint64 ("max-skew", "Max skew",
          "Media time in nanoseconds that one track waits for the other in a "
          "live pipeline, before it goes on alone", 0, 60 * GST_SECOND,
          DEFAULT_MAX_SKEW, flags));
  g_object_class_install_property (object_class, PROP_AUDIO_DELAY,
      g_param_spec_uint ("audio-delay", "Audio delay",
          "Samples by which the audio encoder, and any decoder of its format, "
          "delay sound beyond the timestamps: sound is written that much "
          "earlier. Takes effect with the caps", 0, 48000, 0, flags));
  g_object_class_install_property (object_class, PROP_KEY_LOCATION,
      g_param_spec_string ("key-location", "Key location",
          "Encrypt with AES-128: pattern of the key files' names, with one %d for "
          "the first segment that a key is for. Keys are made here", NULL,
          flags));
  g_object_class_install_property (object_class, PROP_KEY_URI,
      g_param_spec_string ("key-uri", "Key URI",
          "Pattern of the keys' URIs in the playlist, with one %d; NULL: the name "
          "of the key file", NULL, flags));
  g_object_class_install_property (object_class, PROP_KEY_SEGMENTS,
      g_param_spec_uint ("key-segments", "Key segments",
          "Segments that share a key; 0 for all", 0, G_MAXUINT, 0, flags));
  g_object_class_install_property (object_class, PROP_GROUP,
      g_param_spec_string ("group", "Group",
          "Name that the sinks of one source's renditions have in common, in "
          "this process: they cut at the same times, and their playlists have "
          "the same numbers", NULL, flags));
  g_object_class_install_property (object_class, PROP_GROUP_LEADER,
      g_param_spec_boolean ("group-leader", "Group leader",
          "The group cuts where this sink's key frames let it: for pictures that "
          "were not encoded here", FALSE, flags));
  g_object_class_install_property (object_class, PROP_ASYNC,
      g_param_spec_boolean ("async", "Async",
          "Let the change to PAUSED wait for data, as sinks do", TRUE, flags));
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Totals since the last start", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  gst_type_mark_as_plugin_api (playlist_type_get_type (), 0);
}
