/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The element's properties, and what it says of itself: path, path-reason, stats. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstyuy2convertpriv.h"

enum
{
  PROP_0,
  PROP_DEVICE,
  PROP_CUDA_DEVICE_ID,
  PROP_N_THREADS,
  PROP_FRAMES_IN_FLIGHT,
  PROP_PATH,
  PROP_PATH_REASON,
  PROP_STATS,
};

#define DEFAULT_DEVICE YUY_DEVICE_AUTO
#define DEFAULT_CUDA_DEVICE_ID -1
#define DEFAULT_N_THREADS 0
#define DEFAULT_FRAMES_IN_FLIGHT 2
#define MAX_FRAMES_IN_FLIGHT 16

#define GST_TYPE_YUY2CONVERT_DEVICE (gst_yuy2convert_device_get_type ())
static GType
gst_yuy2convert_device_get_type (void)
{
  static gsize type;
  static const GEnumValue values[] = {
    {YUY_DEVICE_AUTO, "CUDA where downstream takes it and a card works",
        "auto"},
    {YUY_DEVICE_CUDA, "The same, with a warning where no card works", "cuda"},
    {YUY_DEVICE_CPU, "The processor", "cpu"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstYuy2convertDevice",
            values));
  return (GType) type;
}

#define GST_TYPE_YUY2CONVERT_PATH (gst_yuy2convert_path_get_type ())
static GType
gst_yuy2convert_path_get_type (void)
{
  static gsize type;
  static const GEnumValue values[] = {
    {YUY_PATH_NONE, "Not known before READY", "unknown"},
    {YUY_PATH_CPU, "libyuv on the processor", "cpu"},
    {YUY_PATH_CUDA, "CUDA kernel on an NVIDIA card", "cuda"},
    {YUY_PATH_PASSTHROUGH, "NV12 as it came", "passthrough"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstYuy2convertPath",
            values));
  return (GType) type;
}

/* What the path property says, and why. */
void
yuy_set_path (GstYuy2convert * self, YuyPath path, const gchar * format, ...)
{
  gchar *reason;
  gboolean changed;
  va_list args;

  va_start (args, format);
  reason = g_strdup_vprintf (format, args);
  va_end (args);
  GST_OBJECT_LOCK (self);
  changed = self->path != path || g_strcmp0 (self->path_reason, reason);
  self->path = path;
  g_free (self->path_reason);
  self->path_reason = reason;
  GST_OBJECT_UNLOCK (self);
  if (changed)
    GST_INFO_OBJECT (self, "path %d: %s", path, reason);
}

static GstStructure *
get_stats (GstYuy2convert * self)
{
  YuyStats s;

  GST_OBJECT_LOCK (self);
  s = self->stats;
  GST_OBJECT_UNLOCK (self);
  return gst_structure_new ("application/x-yuy2convert-stats",
      "cpu", G_TYPE_UINT64, s.cpu, "cuda", G_TYPE_UINT64, s.cuda,
      "passthrough", G_TYPE_UINT64, s.passed,
      "uploads-pinned", G_TYPE_UINT64, s.pinned,
      "uploads-registered", G_TYPE_UINT64, s.registered,
      "uploads-prepared", G_TYPE_UINT64, s.prepared,
      "on-device", G_TYPE_UINT64, s.device,
      "fallbacks", G_TYPE_UINT64, s.fallbacks,
      "max-in-flight", G_TYPE_UINT, s.max_in_flight, NULL);
}

static void
get_property (GObject * object, guint id, GValue * value, GParamSpec * pspec)
{
  GstYuy2convert *self = GST_YUY2CONVERT (object);

  if (id == PROP_STATS) {
    g_value_take_boxed (value, get_stats (self));
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_DEVICE:
      g_value_set_enum (value, self->device);
      break;
    case PROP_CUDA_DEVICE_ID:
      g_value_set_int (value, self->cuda_device_id);
      break;
    case PROP_N_THREADS:
      g_value_set_uint (value, self->n_threads);
      break;
    case PROP_FRAMES_IN_FLIGHT:
      g_value_set_uint (value, self->frames_in_flight);
      break;
    case PROP_PATH:
      g_value_set_enum (value, self->path);
      break;
    case PROP_PATH_REASON:
      g_value_set_string (value, self->path_reason);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstYuy2convert *self = GST_YUY2CONVERT (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_DEVICE:
      self->device = g_value_get_enum (value);
      break;
    case PROP_CUDA_DEVICE_ID:
      self->cuda_device_id = g_value_get_int (value);
      break;
    case PROP_N_THREADS:
      self->n_threads = g_value_get_uint (value);
      break;
    case PROP_FRAMES_IN_FLIGHT:
      self->frames_in_flight = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

void
yuy_init_properties (GstYuy2convert * self)
{
  self->device = DEFAULT_DEVICE;
  self->cuda_device_id = DEFAULT_CUDA_DEVICE_ID;
  self->n_threads = DEFAULT_N_THREADS;
  self->frames_in_flight = DEFAULT_FRAMES_IN_FLIGHT;
  self->path_reason = g_strdup ("not known before READY");
}

void
yuy_install_properties (GstYuy2convertClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = get_property;
  object_class->set_property = set_property;
  /**
   * GstYuy2convert:device:
   *
   * Where to convert. `cuda` differs from `auto` in that it warns where no card
   * can be used; both go on without one.
   */
  g_object_class_install_property (object_class, PROP_DEVICE,
      g_param_spec_enum ("device", "Device", "Where to convert",
          GST_TYPE_YUY2CONVERT_DEVICE, DEFAULT_DEVICE,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
          GST_PARAM_MUTABLE_READY));
  /**
   * GstYuy2convert:cuda-device-id:
   *
   * Which card. -1 is the one whose context a neighbour has, or else the first.
   */
  g_object_class_install_property (object_class, PROP_CUDA_DEVICE_ID,
      g_param_spec_int ("cuda-device-id", "CUDA device ID",
          "Number of the card (-1: the neighbours', or the first)", -1,
          G_MAXINT, DEFAULT_CUDA_DEVICE_ID,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
          GST_PARAM_MUTABLE_READY));
  /**
   * GstYuy2convert:n-threads:
   *
   * Threads that convert a frame on the processor. 0 tries 1, 2, 4 and 8 on the first
   * frames and keeps more only where they are at least 10 percent faster: one is often
   * enough to keep the memory busy.
   */
  g_object_class_install_property (object_class, PROP_N_THREADS,
      g_param_spec_uint ("n-threads", "Threads",
          "Threads for one frame (0: as many as gain, measured)", 0,
          YUY_MAX_THREADS, DEFAULT_N_THREADS,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
          GST_PARAM_MUTABLE_READY));
  /**
   * GstYuy2convert:frames-in-flight:
   *
   * Frames that are on their way to the card or through it at a time. Each takes one
   * packed frame of the card's memory. A frame leaves as soon as the card is done with it, and
   * at the latest before the next that would be one too many is taken: so much, this
   * number times a frame's duration, is what the element adds to the pipeline's latency.
   */
  g_object_class_install_property (object_class, PROP_FRAMES_IN_FLIGHT,
      g_param_spec_uint ("frames-in-flight", "Frames in flight",
          "Frames on the card at a time", 1, MAX_FRAMES_IN_FLIGHT,
          DEFAULT_FRAMES_IN_FLIGHT,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
          GST_PARAM_MUTABLE_READY));
  /**
   * GstYuy2convert:path:
   *
   * What converts. In READY: what would, if downstream takes CUDA memory. Once
   * caps are settled: what does.
   */
  g_object_class_install_property (object_class, PROP_PATH,
      g_param_spec_enum ("path", "Path", "What converts",
          GST_TYPE_YUY2CONVERT_PATH, YUY_PATH_NONE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  /**
   * GstYuy2convert:path-reason:
   *
   * Why, in words for an operator.
   */
  g_object_class_install_property (object_class, PROP_PATH_REASON,
      g_param_spec_string ("path-reason", "Path's reason",
          "Why that converts", NULL, G_PARAM_READABLE |
          G_PARAM_STATIC_STRINGS));
  /**
   * GstYuy2convert:stats:
   *
   * Frames converted by "cpu" and "cuda" and of "passthrough"; how frames came to the card,
   * "uploads-pinned" (of the proposed pool), "uploads-registered" (other memory that the
   * driver took), "uploads-prepared" (converted into pinned memory first), "on-device";
   * "fallbacks" from the card to the processor; "max-in-flight".
   */
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics", "Counts of frames",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_type_mark_as_plugin_api (GST_TYPE_YUY2CONVERT_DEVICE, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_YUY2CONVERT_PATH, 0);
}
