/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Renditions of a live channel. The preset has the branches; here each encoded one gets
 * the size that the publisher's picture allows, the multivariant playlist is written from
 * what the sinks report, and what a machine cannot keep up with is dropped, and tried again
 * when it has kept up for a while.
 *
 * Sizes change where a key frame was asked for, so that all renditions go on being cut at
 * the same pictures. */
#include "renditions.h"
#include "log.h"
#include "read-file.h"
#include "rendition-branch.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <gst/lockstep/h264au.h>
#include <gst/lockstep/multivariant.h>
#include <gst/lockstep/playlist.h>
#include <gst/lockstep/rendition.h>
#include <gst/video/video.h>
#include <math.h>
#include <string.h>

#define MAX_RENDITIONS 16
#define MAX_REQUESTS 32
/* A publisher that offered pictures is waited for before sound alone is listed. */
#define PICTURE_LIMIT_US (10 * G_USEC_PER_SEC)
/* Pictures a second of a source that does not say: for what a rendition costs. */
#define USUAL_RATE 30

typedef struct
{
  Renditions *all;
  guint index;
  LockstepRendition spec;
  char *name;                   /* its playlist's, without ".m3u8" */
  char *playlist;               /* path */
  GstElement *sink, *size;
  RenditionBranch *branch;
  gboolean dropped, parked;
  gboolean returning;           /* still dropped, but encoded again */

  /* with the lock: written by streaming threads */
  gint64 out;                   /* running time of the last picture at the sink */
  guint8 profile, constraints, level;
  gboolean have_sps;
  GstClockTime requests[MAX_REQUESTS];  /* key frames that were asked for, by time */
  guint n_requests;
  int source_width, source_height;
  int width, height;            /* that the capsfilter has; 0: none yet */
  int wanted_width, wanted_height;
  GstClockTime wanted_since;
} Rendition;

struct _Renditions
{
  GstElement *pipeline;
  GstPad *source;               /* where the publisher's pictures pass */
  gboolean upscale;
  /* a size that no key frame was asked for in so long changes without one */
  GstClockTime resize_limit;
  gint64 audio_bitrate;
  char *playlist, *channel;
  LockstepMultivariant *multivariant;
  LockstepOverload overload;
  gboolean said_overload, sound_only, complained;
  gint64 first_segment;         /* monotonic µs; 0: none */

  GMutex lock;
  gint64 in, first_in;          /* running time of the last, first picture that came */
  Rendition items[MAX_RENDITIONS];
  guint n;
};

/* {{{ streaming threads */

static gint64
running_time (GstPad * pad, GstBuffer * buffer)
{
  g_autoptr (GstEvent) event =
      gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
  const GstSegment *segment;
  guint64 time;

  if (event == NULL || !GST_BUFFER_PTS_IS_VALID (buffer))
    return -1;
  gst_event_parse_segment (event, &segment);
  if (segment->format != GST_FORMAT_TIME)
    return -1;
  time = gst_segment_to_running_time (segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (buffer));
  return GST_CLOCK_TIME_IS_VALID (time) ? (gint64) time : -1;
}

static GstPadProbeReturn
picture_in (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  Renditions *all = user_data;
  gint64 time = running_time (pad, GST_PAD_PROBE_INFO_BUFFER (info));

  if (time >= 0) {
    g_mutex_lock (&all->lock);
    all->in = time;
    if (all->first_in < 0)
      all->first_in = time;
    g_mutex_unlock (&all->lock);
  }
  return GST_PAD_PROBE_OK;
}

static void
read_sps (Rendition * r, GstBuffer * buffer)
{
  LockstepH264 h264;
  LockstepH264Au au;
  GstMapInfo map;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return;
  lockstep_h264_init (&h264);
  /* kept after a start code of four bytes and the NAL unit's header */
  if (lockstep_h264_parse (&h264, map.data, map.size, &au)
      && h264.sps->len >= 8) {
    g_mutex_lock (&r->all->lock);
    r->profile = h264.sps->data[5];
    r->constraints = h264.sps->data[6];
    r->level = h264.sps->data[7];
    r->have_sps = TRUE;
    g_mutex_unlock (&r->all->lock);
  }
  lockstep_h264_clear (&h264);
  gst_buffer_unmap (buffer, &map);
}

static GstPadProbeReturn
picture_out (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  Rendition *r = user_data;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  gint64 time = running_time (pad, buffer);

  if (time >= 0) {
    g_mutex_lock (&r->all->lock);
    r->out = time;
    g_mutex_unlock (&r->all->lock);
  }
  if (!GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT))
    read_sps (r, buffer);
  return GST_PAD_PROBE_OK;
}

/* Keeps what the sink asks of the encoder. */
static GstPadProbeReturn
key_asked (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  Rendition *r = user_data;
  GstClockTime time;

  if (!gst_video_event_is_force_key_unit (GST_PAD_PROBE_INFO_EVENT (info))
      || !gst_video_event_parse_upstream_force_key_unit
      (GST_PAD_PROBE_INFO_EVENT (info), &time, NULL, NULL)
      || !GST_CLOCK_TIME_IS_VALID (time))
    return GST_PAD_PROBE_OK;
  g_mutex_lock (&r->all->lock);
  if (r->n_requests == MAX_REQUESTS)
    memmove (r->requests, r->requests + 1, --r->n_requests
        * sizeof *r->requests);
  r->requests[r->n_requests++] = time;
  g_mutex_unlock (&r->all->lock);
  return GST_PAD_PROBE_OK;
}

static void
apply_size (Rendition * r, int width, int height)
{
  g_autoptr (GstCaps) caps = gst_caps_new_simple ("video/x-raw",
      "width", G_TYPE_INT, width, "height", G_TYPE_INT, height,
      "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1, NULL);

  g_object_set (r->size, "caps", caps, NULL);
}

/* Whether the encoder was asked for a key frame at @time or before, since it was asked
 * last. As GstVideoEncoder has it: the first picture at or after the time asked for. */
static gboolean
key_is_due (Rendition * r, GstClockTime time)
{
  guint left = 0;

  for (guint i = 0; i < r->n_requests; i++)
    if (r->requests[i] > time)
      r->requests[left++] = r->requests[i];
  if (left == r->n_requests)
    return FALSE;
  r->n_requests = left;
  return TRUE;
}

/* Before the scaler: what comes in, and so what may go out. */
static GstPadProbeReturn
picture_scaled (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  Rendition *r = user_data;
  int width = 0, height = 0;

  if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
    GstVideoInfo video;
    GstCaps *caps;
    int w, h;

    if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS)
      return GST_PAD_PROBE_OK;
    gst_event_parse_caps (event, &caps);
    if (!gst_video_info_from_caps (&video, caps))
      return GST_PAD_PROBE_OK;
    w = video.width;
    h = video.height;
    if (video.par_n > 0 && video.par_d > 0)
      w = MAX (1, gst_util_uint64_scale (w, video.par_n, video.par_d));
    g_mutex_lock (&r->all->lock);
    r->source_width = video.width;
    r->source_height = video.height;
    lockstep_rendition_fit (&r->spec, w, h, r->all->upscale, &r->wanted_width,
        &r->wanted_height);
    r->wanted_since = GST_CLOCK_TIME_NONE;
    if (r->width == 0) {
      width = r->width = r->wanted_width;
      height = r->height = r->wanted_height;
    }
    g_mutex_unlock (&r->all->lock);
  } else {
    gint64 time = running_time (pad, GST_PAD_PROBE_INFO_BUFFER (info));
    gboolean due;

    if (time < 0)
      return GST_PAD_PROBE_OK;
    g_mutex_lock (&r->all->lock);
    due = key_is_due (r, time);
    if (r->wanted_width != r->width || r->wanted_height != r->height) {
      if (!GST_CLOCK_TIME_IS_VALID (r->wanted_since))
        r->wanted_since = time;
      if (due || (GstClockTime) time > r->wanted_since + r->all->resize_limit) {
        width = r->width = r->wanted_width;
        height = r->height = r->wanted_height;
      }
    }
    g_mutex_unlock (&r->all->lock);
  }
  if (width > 0) {
    log_info (r->all->channel, "rendition %s: the picture is %dx%d, for a "
        "source of %dx%d", r->name, width, height, r->source_width,
        r->source_height);
    apply_size (r, width, height);
  }
  return GST_PAD_PROBE_OK;
}

/* {{{ setting up */

static GstElement *
element_of (Renditions * all, const char *what, guint index, GError ** error)
{
  g_autofree char *name = g_strdup_printf ("%s-%u", what, index);
  GstElement *element = gst_bin_get_by_name (GST_BIN (all->pipeline), name);

  if (element == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
        "renditions: the preset has no element '%s'", name);
  return element;
}

/* Where a playlist waits that players are to find missing. */
static char *
parked_name (const Rendition * r)
{
  g_autofree char *folder = g_path_get_dirname (r->playlist);
  g_autofree char *base = g_strdup_printf (".%s.dropped", r->name);

  return g_build_filename (folder, base, NULL);
}

/* A playlist of an earlier session is gone on with, and its files are cleaned up. */
static void
unpark (Rendition * r)
{
  g_autofree char *parked = parked_name (r);

  if (!g_file_test (r->playlist, G_FILE_TEST_EXISTS))
    g_rename (parked, r->playlist);
  g_unlink (parked);
}

static gboolean
add_probes (Rendition * r, GError ** error)
{
  g_autoptr (GstPad) video = gst_element_get_static_pad (r->sink, "video");

  if (video == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
        "renditions: nothing is linked to hls-%u.video", r->index);
    return FALSE;
  }
  gst_pad_add_probe (video, GST_PAD_PROBE_TYPE_BUFFER, picture_out, r, NULL);
  gst_pad_add_probe (video, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, key_asked, r,
      NULL);
  if (!r->spec.passthrough) {
    g_autoptr (GstElement) scale = element_of (r->all, "scale", r->index,
        error);
    g_autoptr (GstPad) sink = NULL;

    if (scale == NULL)
      return FALSE;
    sink = gst_element_get_static_pad (scale, "sink");
    gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_BUFFER
        | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, picture_scaled, r, NULL);
  }
  return TRUE;
}

static void
read_name (Rendition * r)
{
  g_autofree char *base = NULL;

  g_free (r->playlist);
  g_free (r->name);
  g_object_get (r->sink, "playlist-location", &r->playlist, NULL);
  if (r->playlist == NULL)
    r->playlist = g_strdup ("");
  base = g_path_get_basename (r->playlist);
  r->name = g_strdelimit (g_strndup (base, strcspn (base, ".")), "\"\\\n", '_');
}

static void
declare (Rendition * r, gint64 bitrate)
{
  g_autofree char *uri = g_path_get_basename (r->playlist);

  lockstep_multivariant_set (r->all->multivariant, r->index, uri, bitrate);
}

static gboolean
set_up (Renditions * all, guint index, const char *text, GError ** error)
{
  Rendition *r = &all->items[index];

  r->all = all;
  r->index = index;
  r->out = -1;
  if (!lockstep_rendition_parse (text, &r->spec)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "renditions: '%s' is none", text);
    return FALSE;
  }
  r->sink = element_of (all, "hls", index, error);
  if (r->sink == NULL)
    return FALSE;
  if (!r->spec.passthrough
      && (r->size = element_of (all, "size", index, error)) == NULL)
    return FALSE;
  r->branch = rendition_branch_new (all->pipeline, index, r->sink);
  read_name (r);
  for (guint i = 0; i < index; i++) {
    if (g_str_equal (all->items[i].name, r->name)) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
          "renditions: two of them would be called %s; give them different "
          "sizes or bitrates", r->name);
      return FALSE;
    }
  }
  return add_probes (r, error);
}

/* A session without renditions left its media playlist under the same name: players must
 * not go on with that one. */
static void
remove_media_playlist (Renditions * all)
{
  g_autofree char *text =
      read_file (all->playlist, READ_FILE_PLAYLIST, NULL, NULL);

  if (text != NULL && strstr (text, "#EXTINF:") != NULL)
    g_unlink (all->playlist);
}

void
renditions_start (Renditions * all, const char *playlist, const char *channel)
{
  all->playlist = g_strdup (playlist);
  all->channel = g_strdup (channel);
  remove_media_playlist (all);
  for (guint i = 0; i < all->n; i++) {
    read_name (&all->items[i]);
    unpark (&all->items[i]);
    declare (&all->items[i], all->items[i].spec.passthrough ? 0
        : all->items[i].spec.bitrate + all->audio_bitrate);
  }
}

Renditions *
renditions_new (GstElement * pipeline, const RenditionsConfig * config,
    GError ** error)
{
  Renditions *all = g_new0 (Renditions, 1);
  g_auto (GStrv) items = g_strsplit (config->list, ",", -1);
  g_autoptr (GstElement) tee = gst_bin_get_by_name (GST_BIN (pipeline),
      "picture");

  all->n = g_strv_length (items);
  all->pipeline = pipeline;
  all->upscale = config->upscale;
  all->resize_limit = (2 * config->target_duration + 1) * GST_SECOND;
  all->audio_bitrate = config->audio_bitrate;
  all->in = all->first_in = -1;
  g_mutex_init (&all->lock);
  lockstep_overload_init (&all->overload, llrint (config->retry * GST_SECOND));
  if (all->n > MAX_RENDITIONS || tee == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, tee == NULL
        ? "renditions: the preset has no element 'picture'"
        : "renditions: there may be %d at most", MAX_RENDITIONS);
    return NULL;                /* the process ends */
  }
  all->multivariant = lockstep_multivariant_new (all->n,
      llrint (config->target_duration * GST_SECOND));
  for (guint i = 0; i < all->n; i++)
    if (!set_up (all, i, items[i], error))
      return NULL;
  all->source = gst_element_get_static_pad (tee, "sink");
  gst_pad_add_probe (all->source, GST_PAD_PROBE_TYPE_BUFFER, picture_in, all,
      NULL);
  return all;
}

/* {{{ dropping */

static gboolean
is_active (const Rendition * r)
{
  return !r->dropped || r->returning;
}

/* Where nothing is encoded, nothing need be decoded. */
static void
decode_what_is_needed (Renditions * all)
{
  gboolean needed = FALSE;

  for (guint i = 0; i < all->n; i++)
    needed |= is_active (&all->items[i]) && !all->items[i].spec.passthrough;
  rendition_branch_decode (all->pipeline, needed);
}

static void
drop (Rendition * r)
{
  r->dropped = TRUE;
  r->returning = r->parked = FALSE;
  decode_what_is_needed (r->all);
  lockstep_multivariant_drop (r->all->multivariant, r->index);
  rendition_branch_end (r->branch);
}

void
renditions_sound_only (Renditions * all)
{
  Rendition *keep = &all->items[0];

  all->sound_only = TRUE;
  /* the one that is cheapest to name: its rate is the least */
  for (guint i = 1; i < all->n; i++)
    if (!all->items[i].spec.passthrough && (keep->spec.passthrough
            || all->items[i].spec.bitrate < keep->spec.bitrate))
      keep = &all->items[i];
  for (guint i = 0; i < all->n; i++)
    if (&all->items[i] != keep)
      drop (&all->items[i]);
  declare (keep, 0);
}

static void
take_back (Rendition * r)
{
  Renditions *all = r->all;

  log_info (all->channel, "this machine keeps up: the rendition %s is tried "
      "again", r->name);
  r->returning = TRUE;
  r->parked = FALSE;
  g_mutex_lock (&all->lock);
  r->out = all->in;
  r->n_requests = 0;
  r->width = r->height = 0;     /* as the publisher's picture is now */
  g_mutex_unlock (&all->lock);
  unpark (r);
  decode_what_is_needed (all);
  rendition_branch_begin_again (r->branch);
}

/* {{{ the main loop */

static Rendition *
of_sink (Renditions * all, gconstpointer sink)
{
  for (guint i = 0; i < all->n; i++)
    if (all->items[i].sink == sink)
      return &all->items[i];
  return NULL;
}

void
renditions_ended (Renditions * all, GstObject * sink)
{
  Rendition *r = of_sink (all, sink);
  g_autofree char *parked = NULL;

  if (r == NULL || !r->dropped || r->returning || r->parked)
    return;
  /* Players that still ask for it are to look for another one at once, rather than wait
   * for a segment that does not come */
  parked = parked_name (r);
  if (g_rename (r->playlist, parked) != 0 && errno != ENOENT)
    log_warning (all->channel, "%s cannot be renamed: %s", r->playlist,
        g_strerror (errno));
  r->parked = TRUE;
}

static const char *
audio_codec (Rendition * r)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (r->sink, "audio");
  g_autoptr (GstCaps) caps = pad ? gst_pad_get_current_caps (pad) : NULL;
  int version = 0;

  if (caps == NULL)
    return NULL;
  gst_structure_get_int (gst_caps_get_structure (caps, 0), "mpegversion",
      &version);
  return version == 1 ? "mp4a.40.34" : "mp4a.40.2";
}

static void
describe_video (Rendition * r)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (r->sink, "video");
  g_autoptr (GstCaps) caps = pad ? gst_pad_get_current_caps (pad) : NULL;
  g_autofree char *codec = NULL;
  int width = 0, height = 0;

  g_mutex_lock (&r->all->lock);
  if (r->have_sps)
    codec = lockstep_codec_h264 (r->profile, r->constraints, r->level);
  g_mutex_unlock (&r->all->lock);
  if (codec == NULL || caps == NULL)
    return;
  gst_structure_get_int (gst_caps_get_structure (caps, 0), "width", &width);
  gst_structure_get_int (gst_caps_get_structure (caps, 0), "height", &height);
  lockstep_multivariant_set_video (r->all->multivariant, r->index, codec,
      width, height, r->spec.fps_n > 0 ? (double) r->spec.fps_n / r->spec.fps_d
      : 0);
}

/* Whether all have their pictures, or none is to be waited for. */
static gboolean
pictures_are_there (Renditions * all)
{
  gboolean there = TRUE;

  if (all->sound_only
      || g_get_monotonic_time () - all->first_segment > PICTURE_LIMIT_US)
    return TRUE;
  g_mutex_lock (&all->lock);
  for (guint i = 0; i < all->n; i++)
    there &= all->items[i].dropped || all->items[i].have_sps;
  g_mutex_unlock (&all->lock);
  return there;
}

static void
write_playlist (Renditions * all)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  if (all->first_segment == 0 || !pictures_are_there (all))
    return;
  text = lockstep_multivariant_render (all->multivariant);
  if (text == NULL)
    return;
  if (!g_file_set_contents_full (all->playlist, text, -1,
          G_FILE_SET_CONTENTS_CONSISTENT, 0644, &error)
      && !all->complained) {
    all->complained = TRUE;
    log_warning (all->channel, "the multivariant playlist cannot be written: "
        "%s", error->message);
  }
}

/* Players begin three target durations before a list's end (RFC 8216bis, 6.3.3). */
static gboolean
list_is_long_enough (const Rendition * r)
{
  g_autoptr (LockstepPlaylist) list = NULL;
  gsize size;
  g_autofree char *text =
      read_file (r->playlist, READ_FILE_PLAYLIST, &size, NULL);

  if (text == NULL)
    return FALSE;
  list = lockstep_playlist_parse (text, size, LOCKSTEP_PLAYLIST_LIVE, NULL);
  return list != NULL
      && list->duration >= 3 * (gint64) (list->target_duration * GST_SECOND);
}

/* A segment of one that comes back is there. Returns: whether players are told of it now. */
static gboolean
is_back (Rendition * r)
{
  if (!list_is_long_enough (r))
    return FALSE;
  r->dropped = r->returning = FALSE;
  lockstep_multivariant_take_back (r->all->multivariant, r->index);
  log_info (r->all->channel, "the rendition %s is back", r->name);
  return TRUE;
}

gboolean
renditions_segment (Renditions * all, GstObject * sink,
    const GstStructure * segment)
{
  Rendition *r = of_sink (all, sink);
  guint64 bytes = 0, duration = 0;
  guint pictures = 0;
  gboolean gap = FALSE;

  if (r == NULL)
    return TRUE;
  if (r->dropped && !(r->returning && is_back (r)))
    return FALSE;
  if (all->first_segment == 0)
    all->first_segment = g_get_monotonic_time ();
  gst_structure_get (segment, "bytes", G_TYPE_UINT64, &bytes, "duration",
      G_TYPE_UINT64, &duration, "pictures", G_TYPE_UINT, &pictures, "gap",
      G_TYPE_BOOLEAN, &gap, NULL);
  describe_video (r);
  lockstep_multivariant_set_audio (all->multivariant, audio_codec (r));
  if (!gap && duration > 0)
    lockstep_multivariant_add_segment (all->multivariant, r->index, bytes,
        duration, pictures);
  write_playlist (all);
  for (guint i = 0; i < r->index; i++)
    if (!all->items[i].dropped)
      return FALSE;
  return TRUE;
}

static double
cost_of (const Rendition * r)
{
  double rate = r->spec.fps_n > 0 ? (double) r->spec.fps_n / r->spec.fps_d
      : USUAL_RATE;

  /* as it is encoded now, which may be less than was asked for */
  return (r->width > 0 ? (double) r->width * r->height
      : (double) r->spec.width * r->spec.height) * rate;
}

static gint64
lag_of (const Rendition * r)
{
  if (!is_active (r) || r->all->in < 0)
    return 0;
  return MAX (0, r->all->in - (r->out < 0 ? r->all->first_in : r->out));
}

static void
say_dropped (Renditions * all, const Rendition * r, gint64 lag)
{
  g_autofree char *until = all->overload.wait_now == 0
      ? g_strdup ("until the next session")
      : g_strdup_printf ("until the others have kept up for %.0f s",
      all->overload.wait_now / 1e9);

  /* one that was tried again goes where the others suffer from it */
  if (r->returning || lag < GST_SECOND / 10)
    log_warning (all->channel, "this machine does not keep up with the "
        "rendition %s too, which is dropped %s", r->name, until);
  else
    log_warning (all->channel, "this machine does not keep up: the rendition "
        "%s is %.1f s behind, and is dropped %s", r->name, lag / 1e9, until);
}

/* How many have begun again since the last look. */
static guint
count_begun (Renditions * all)
{
  guint n = 0;

  for (guint i = 0; i < all->n; i++)
    n += rendition_branch_has_begun (all->items[i].branch);
  return n;
}

guint
renditions_look (Renditions * all, gboolean ending)
{
  LockstepRenditionLoad loads[MAX_RENDITIONS] = { 0 };
  gint64 now = g_get_monotonic_time () * 1000;
  int dropped, back = -1;

  g_mutex_lock (&all->lock);
  for (guint i = 0; i < all->n; i++) {
    const Rendition *r = &all->items[i];

    loads[i].active = is_active (r);
    /* its end is through */
    loads[i].ready = r->dropped && r->parked
        && rendition_branch_is_plain (r->branch)
        && !all->sound_only;
    loads[i].encoded = !r->spec.passthrough;
    loads[i].cost = cost_of (r);
    loads[i].lag = lag_of (r);
  }
  g_mutex_unlock (&all->lock);
  dropped = lockstep_overload_look (&all->overload, now, loads, all->n);
  if (dropped < 0 && !ending)
    back = lockstep_overload_retry (&all->overload, now, loads, all->n);
  if (dropped >= 0) {
    say_dropped (all, &all->items[dropped], loads[dropped].lag);
    drop (&all->items[dropped]);
  } else if (all->overload.behind && !all->said_overload) {
    log_warning (all->channel, "this machine does not keep up with its "
        "renditions: pictures are left out");
  }
  all->said_overload = all->overload.behind;
  if (back >= 0)
    take_back (&all->items[back]);
  write_playlist (all);
  return count_begun (all);
}

/* Any sink's picture may stand there now. */
static void
set_source_size (Renditions * all, JsonObject * message)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (all->source);
  JsonObject *video = json_object_has_member (message, "video")
      ? json_object_get_object_member (message, "video") : NULL;
  int width, height;

  if (caps == NULL || video == NULL
      || !gst_structure_get (gst_caps_get_structure (caps, 0), "width",
          G_TYPE_INT, &width, "height", G_TYPE_INT, &height, NULL))
    return;
  json_object_set_int_member (video, "width", width);
  json_object_set_int_member (video, "height", height);
}

void
renditions_add_stats (Renditions * all, JsonObject * message)
{
  JsonArray *list = json_array_new ();

  set_source_size (all, message);
  for (guint i = 0; i < all->n; i++) {
    const Rendition *r = &all->items[i];
    JsonObject *object;
    gint64 lag;

    /* of a session without pictures one is all there is to be */
    if (all->sound_only && r->dropped)
      continue;
    object = json_object_new ();
    g_mutex_lock (&all->lock);
    lag = lag_of (r);
    g_mutex_unlock (&all->lock);
    json_object_set_string_member (object, "name", r->name);
    json_object_set_boolean_member (object, "dropped", r->dropped);
    json_object_set_int_member (object, "lag_ms", lag / 1000000);
    json_object_set_int_member (object, "bandwidth",
        lockstep_multivariant_peak (all->multivariant, i));
    json_object_set_int_member (object, "average_bandwidth",
        lockstep_multivariant_average (all->multivariant, i));
    json_array_add_object_element (list, object);
  }
  json_object_set_array_member (message, "renditions", list);
  json_object_set_boolean_member (message, "overloaded", all->overload.behind);
}
