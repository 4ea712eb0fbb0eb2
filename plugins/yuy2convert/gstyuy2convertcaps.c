/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which caps go with which: the format changes, and the memory may; all else stays. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstyuy2convertpriv.h"

gboolean
yuy_order_of (GstVideoFormat format, LockstepYuy2Order * order)
{
  switch (format) {
    case GST_VIDEO_FORMAT_YUY2:
      *order = LOCKSTEP_YUY2_YUY2;
      return TRUE;
    case GST_VIDEO_FORMAT_UYVY:
      *order = LOCKSTEP_YUY2_UYVY;
      return TRUE;
    case GST_VIDEO_FORMAT_YVYU:
      *order = LOCKSTEP_YUY2_YVYU;
      return TRUE;
    case GST_VIDEO_FORMAT_VYUY:
      *order = LOCKSTEP_YUY2_VYUY;
      return TRUE;
    default:
      return FALSE;
  }
}

static gboolean
cuda_may_be (GstYuy2convert * self)
{
  gboolean wanted;

  GST_OBJECT_LOCK (self);
  wanted = self->device != YUY_DEVICE_CPU;
  GST_OBJECT_UNLOCK (self);
  /* before READY nothing is known, and links must not fail for that */
  return wanted && (!g_atomic_int_get (&self->opened) ||
      g_atomic_int_get (&self->usable));
}

static gboolean
has_format (const GstStructure * structure, const gchar * format)
{
  const GValue *value = gst_structure_get_value (structure, "format");

  if (!value)
    return TRUE;
  if (G_VALUE_HOLDS_STRING (value))
    return !g_strcmp0 (g_value_get_string (value), format);
  if (GST_VALUE_HOLDS_LIST (value)) {
    for (guint i = 0; i < gst_value_list_get_size (value); i++) {
      const GValue *item = gst_value_list_get_value (value, i);

      if (G_VALUE_HOLDS_STRING (item) &&
          !g_strcmp0 (g_value_get_string (item), format))
        return TRUE;
    }
  }
  return FALSE;
}

/* Adds @structure with the formats of @formats, in memory of @feature or the system's. */
static void
add_caps (GstCaps * caps, const GstStructure * structure,
    const gchar * const *formats, const gchar * feature)
{
  GstStructure *copy = gst_structure_copy (structure);

  if (formats[1]) {
    GValue list = G_VALUE_INIT, item = G_VALUE_INIT;

    gst_value_list_init (&list, 4);
    g_value_init (&item, G_TYPE_STRING);
    for (guint i = 0; formats[i]; i++) {
      g_value_set_static_string (&item, formats[i]);
      gst_value_list_append_value (&list, &item);
    }
    gst_structure_take_value (copy, "format", &list);
    g_value_unset (&item);
  } else {
    gst_structure_set (copy, "format", G_TYPE_STRING, formats[0], NULL);
  }
  gst_caps_append_structure_full (caps, copy,
      feature ? gst_caps_features_new (feature, NULL) : NULL);
}

static gboolean
is_convertible_memory (const GstCapsFeatures * features)
{
  return gst_caps_features_is_any (features) ||
      gst_caps_features_is_equal (features,
      GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY) ||
      (gst_caps_features_get_size (features) == 1 &&
      gst_caps_features_contains (features, YUY_CAPS_FEATURE_CUDA));
}

GstCaps *
yuy_transform_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * filter)
{
  static const gchar *const nv12[] = { "NV12", NULL };
  static const gchar *const packed[] = { "YUY2", "UYVY", "YVYU", "VYUY", NULL };
  static const gchar *const packed_cuda[] = { "YUY2", "UYVY", NULL };
  GstYuy2convert *self = GST_YUY2CONVERT (trans);
  gboolean cuda = cuda_may_be (self);
  GstCaps *result = gst_caps_new_empty ();

  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    GstStructure *structure = gst_caps_get_structure (caps, i);
    GstCapsFeatures *features = gst_caps_get_features (caps, i);
    gboolean convertible = is_convertible_memory (features);
    gboolean on_card = gst_caps_features_contains (features,
        YUY_CAPS_FEATURE_CUDA);

    if (direction == GST_PAD_SINK) {
      gboolean any = FALSE;

      for (guint k = 0; packed[k]; k++)
        any |= has_format (structure, packed[k]);
      if (convertible && any) {
        if (cuda)
          add_caps (result, structure, nv12, YUY_CAPS_FEATURE_CUDA);
        add_caps (result, structure, nv12, NULL);
      }
    } else if (convertible && has_format (structure, "NV12") &&
        (cuda || !on_card)) {
      add_caps (result, structure, packed, NULL);
      add_caps (result, structure, packed_cuda, YUY_CAPS_FEATURE_CUDA);
    }
    if (has_format (structure, "NV12")) {
      GstStructure *copy = gst_structure_copy (structure);

      gst_structure_set (copy, "format", G_TYPE_STRING, "NV12", NULL);
      gst_caps_append_structure_full (result, copy,
          gst_caps_features_copy (features));
    }
  }
  if (filter) {
    GstCaps *all = result;

    result = gst_caps_intersect_full (filter, all, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref (all);
  }
  return gst_caps_simplify (result);
}

/* NV12 stays where it is; what is converted goes to the card if it may. */
GstCaps *
yuy_fixate_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * othercaps)
{
  GstStructure *structure = gst_caps_get_structure (caps, 0);
  GstCapsFeatures *own = gst_caps_get_features (caps, 0);
  guint best = 0;

  if (direction == GST_PAD_SINK) {
    gboolean passed = has_format (structure, "NV12");

    for (guint i = 0; i < gst_caps_get_size (othercaps); i++) {
      GstCapsFeatures *features = gst_caps_get_features (othercaps, i);

      if (passed ? gst_caps_features_is_equal (features, own) :
          gst_caps_features_contains (features, YUY_CAPS_FEATURE_CUDA)) {
        best = i;
        break;
      }
    }
  }
  if (best > 0) {
    GstCaps *one = gst_caps_copy_nth (othercaps, best);

    gst_caps_unref (othercaps);
    othercaps = one;
  }
  return gst_caps_fixate (gst_caps_truncate (othercaps));
}

gboolean
yuy_get_unit_size (GstBaseTransform * trans, GstCaps * caps, gsize * size)
{
  GstVideoInfo info;

  if (!gst_video_info_from_caps (&info, caps))
    return FALSE;
  *size = GST_VIDEO_INFO_SIZE (&info);
  return TRUE;
}
