/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Simulcast's arithmetic: what a server says of its pictures becomes sizes and shares. */
#include <gst/lockstep/simulcast.h>
#include <gst/lockstep/sdp-private.h>

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

/* No picture is made smaller than this; 16 is a macroblock. */
#define MIN_SIDE 16
#define MAX_SCALE 64
#define MAX_BITRATE G_GUINT64_CONSTANT (1000000000)
#define MAX_FRAMERATE 1000
#define MAX_SIDE 65536
/* Less than this share of its greatest bitrate is no picture of that size any more: those
 * that SFUs and browsers know lie between 0.15 and 0.29. */
#define MIN_SHARE 0.2
/* One that was left out begins again with so many times its least. */
#define BEGIN_AGAIN 1.2

static gboolean
G_GNUC_PRINTF (2, 3)
broken (GError ** error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_propagate_error (error, g_error_new_valist (LOCKSTEP_SDP_ERROR,
          LOCKSTEP_SDP_ERROR_MALFORMED, format, args));
  va_end (args);
  return FALSE;
}

/* A number from @min to @max; @value stays where there is none. null is none: some
 * servers write what they leave open. */
static gboolean
read_number (JsonObject * object, const char *member, double min, double max,
    double *value, GError ** error)
{
  JsonNode *node = json_object_get_member (object, member);
  double number;

  if (node == NULL || JSON_NODE_HOLDS_NULL (node))
    return TRUE;
  if (!JSON_NODE_HOLDS_VALUE (node)
      || (json_node_get_value_type (node) != G_TYPE_INT64
          && json_node_get_value_type (node) != G_TYPE_DOUBLE))
    return broken (error, "%s of an encoding is no number", member);
  number = json_node_get_double (node);
  if (!isfinite (number) || number < min || number > max)
    return broken (error, "%s of an encoding is %g, which is not between %g "
        "and %g", member, number, min, max);
  *value = number;
  return TRUE;
}

/* "scaleResolutionDownTo": {"maxWidth": 640, "maxHeight": 360} */
static gboolean
read_size (JsonObject * object, LockstepEncoding * encoding, GError ** error)
{
  JsonNode *node = json_object_get_member (object, "scaleResolutionDownTo");
  double width = 0, height = 0;

  if (node == NULL || JSON_NODE_HOLDS_NULL (node))
    return TRUE;
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return broken (error, "scaleResolutionDownTo of an encoding is no object");
  object = json_node_get_object (node);
  if (!read_number (object, "maxWidth", 1, MAX_SIDE, &width, error)
      || !read_number (object, "maxHeight", 1, MAX_SIDE, &height, error))
    return FALSE;
  encoding->max_width = width;
  encoding->max_height = height;
  return TRUE;
}

static gboolean
read_encoding (JsonNode * node, LockstepEncoding * encoding, GError ** error)
{
  JsonObject *object;
  JsonNode *rid, *active;
  double bitrate = 0, framerate = 0;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return broken (error, "an encoding is no object");
  object = json_node_get_object (node);
  rid = json_object_get_member (object, "rid");
  active = json_object_get_member (object, "active");
  if (rid == NULL || !JSON_NODE_HOLDS_VALUE (rid)
      || json_node_get_value_type (rid) != G_TYPE_STRING
      || !lockstep_sdp_is_rid (json_node_get_string (rid)))
    return broken (error, "an encoding has no rid of 1 to %d letters and "
        "digits", LOCKSTEP_RID_MAX);
  g_strlcpy (encoding->rid, json_node_get_string (rid), sizeof encoding->rid);
  if (active != NULL && (!JSON_NODE_HOLDS_VALUE (active)
          || json_node_get_value_type (active) != G_TYPE_BOOLEAN))
    return broken (error, "active of encoding %s is neither true nor false",
        encoding->rid);
  encoding->active = active == NULL || json_node_get_boolean (active);
  if (!read_number (object, "maxBitrate", 1, MAX_BITRATE, &bitrate, error)
      || !read_number (object, "maxFramerate", 0.01, MAX_FRAMERATE, &framerate,
          error)
      || !read_number (object, "scaleResolutionDownBy", 1, MAX_SCALE,
          &encoding->scale, error)
      || !read_size (object, encoding, error))
    return FALSE;
  encoding->max_bitrate = bitrate;
  encoding->max_framerate = ceil (framerate);
  return TRUE;
}

static const LockstepEncoding *
find_encoding (const GArray * encodings, const char *rid)
{
  for (guint i = 0; encodings != NULL && i < encodings->len; i++) {
    const LockstepEncoding *encoding =
        &g_array_index (encodings, LockstepEncoding, i);

    if (g_str_equal (encoding->rid, rid))
      return encoding;
  }
  return NULL;
}

GArray *
lockstep_encodings_parse (const char *json, GError ** error)
{
  g_autoptr (GArray) encodings =
      g_array_new (FALSE, TRUE, sizeof (LockstepEncoding));
  g_autoptr (JsonNode) root = NULL;
  JsonArray *array;

  g_return_val_if_fail (json != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  root = json_from_string (json, NULL);
  if (root == NULL || !JSON_NODE_HOLDS_ARRAY (root)) {
    broken (error, "the encodings are no array");
    return NULL;
  }
  array = json_node_get_array (root);
  if (json_array_get_length (array) > LOCKSTEP_SIMULCAST_MAX) {
    g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_TOO_LARGE,
        "more than %d encodings", LOCKSTEP_SIMULCAST_MAX);
    return NULL;
  }
  for (guint i = 0; i < json_array_get_length (array); i++) {
    LockstepEncoding encoding = { "" };

    if (!read_encoding (json_array_get_element (array, i), &encoding, error))
      return NULL;
    if (find_encoding (encodings, encoding.rid) != NULL) {
      broken (error, "encoding %s is given twice", encoding.rid);
      return NULL;
    }
    g_array_append_val (encodings, encoding);
  }
  return g_steal_pointer (&encodings);
}

/* A picture that is taken, before it has an encoder. */
typedef struct
{
  const LockstepRid *rid;
  const LockstepEncoding *encoding;     /* NULL: nothing is said of it */
  double scale;
} Wanted;

static gint
smallest_first (gconstpointer a, gconstpointer b)
{
  const Wanted *one = a, *other = b;

  return one->scale > other->scale ? -1 : one->scale < other->scale;
}

static gboolean
any_scale (const GArray * encodings)
{
  for (guint i = 0; encodings != NULL && i < encodings->len; i++) {
    const LockstepEncoding *encoding =
        &g_array_index (encodings, LockstepEncoding, i);

    if (encoding->scale > 0 || encoding->max_width > 0
        || encoding->max_height > 0)
      return TRUE;
  }
  return FALSE;
}

/* So much that @width x @height fits into a size, of which a side that is 0 is no limit. */
static double
scale_into (guint width, guint height, guint max_width, guint max_height)
{
  double scale = 1;

  if (max_width > 0)
    scale = MAX (scale, (double) width / max_width);
  if (max_height > 0)
    scale = MAX (scale, (double) height / max_height);
  return scale;
}

/* The active ones, from the smallest to the largest. */
static GArray *
find_wanted (const GPtrArray * rids, const GArray * encodings, guint width,
    guint height)
{
  GArray *all = g_array_new (FALSE, TRUE, sizeof (Wanted));
  gboolean scaled = any_scale (encodings);

  for (guint i = 0; i < rids->len; i++) {
    Wanted wanted = { g_ptr_array_index (rids, i), NULL, 1 };

    wanted.encoding = find_encoding (encodings, wanted.rid->rid);
    if (wanted.encoding != NULL ? !wanted.encoding->active : wanted.rid->paused)
      continue;
    if (!scaled)
      wanted.scale = 1 << (rids->len - 1 - i);
    else if (wanted.encoding != NULL && wanted.encoding->scale > 0)
      wanted.scale = wanted.encoding->scale;
    if (wanted.encoding != NULL)
      /* W3C, webrtc-extensions: the size turns with the picture */
      wanted.scale = MAX (wanted.scale, scale_into (MAX (width, height),
              MIN (width, height), wanted.encoding->max_width,
              wanted.encoding->max_height));
    wanted.scale = MAX (wanted.scale, scale_into (width, height,
            wanted.rid->max_width, wanted.rid->max_height));
    g_array_append_val (all, wanted);
  }
  g_array_sort (all, smallest_first);
  return all;
}

/* Never more than the exact size, which may be a limit. */
static guint
scaled_side (guint side, double scale)
{
  guint scaled = (guint) (side / scale + 1e-6);

  return MAX (scaled & ~1u, MIN_SIDE);
}

/* The least of those that are given; 0: none is. */
static guint64
least (guint64 a, guint64 b)
{
  return a == 0 ? b : b == 0 ? a : MIN (a, b);
}

static LockstepLayer
make_layer (const Wanted * wanted, guint width, guint height, guint fps,
    guint number, const LockstepEncode * encode)
{
  const LockstepEncoding *encoding = wanted->encoding;
  LockstepLayer layer = { "" };
  guint limit = least (wanted->rid->max_fps,
      encoding != NULL ? encoding->max_framerate : 0);

  g_strlcpy (layer.rid, wanted->rid->rid, sizeof layer.rid);
  layer.encode = number;
  layer.width = scaled_side (width, wanted->scale);
  layer.height = scaled_side (height, wanted->scale);
  if (limit > 0 && (fps == 0 || limit < fps))
    layer.fps = limit;
  layer.max = least (wanted->rid->max_bitrate,
      encoding != NULL ? encoding->max_bitrate : 0);
  if (layer.max == 0)
    layer.max = encode->max_bitrate;
  layer.min = MAX ((guint64) (layer.max * MIN_SHARE), 1);
  return layer;
}

GArray *
lockstep_simulcast_plan (const GPtrArray * rids, const GArray * encodings,
    guint width, guint height, guint fps, const LockstepEncode * encodes,
    guint n_encodes)
{
  g_autoptr (GArray) wanted = find_wanted (rids, encodings, width, height);
  GArray *layers = g_array_new (FALSE, TRUE, sizeof (LockstepLayer));
  guint n = MIN (wanted->len, n_encodes);

  for (guint i = 0; i < n; i++) {
    /* the last is the largest, the others the smallest; encoders beside the picture are told
     * from the largest, too */
    guint from = i + 1 == n ? wanted->len - 1 : i;
    guint number = n - 1 - i;
    LockstepLayer layer = make_layer (&g_array_index (wanted, Wanted, from),
        width, height, fps, number, &encodes[number]);

    g_array_append_val (layers, layer);
  }
  return layers;
}

guint64
lockstep_simulcast_share (const GArray * layers, guint64 total,
    guint64 * bitrates)
{
  guint64 given = 0;
  gboolean on = TRUE;

  for (guint i = 0; i < layers->len; i++) {
    const LockstepLayer *layer = &g_array_index (layers, LockstepLayer, i);
    guint64 left = total > given ? total - given : 0;
    double needed = bitrates[i] > 0 ? layer->min : layer->min * BEGIN_AGAIN;

    /* not one whose smaller neighbour is not sent: their order is that of their use */
    on = i == 0 || (on && left >= MIN (needed, layer->max));
    bitrates[i] = on ? CLAMP (left, layer->min, layer->max) : 0;
    given += bitrates[i];
  }
  return given;
}

void
lockstep_simulcast_answer (LockstepOfferMedia * media, const GArray * layers,
    const GArray * encodings)
{
  g_clear_pointer (&media->answer_rids, g_ptr_array_unref);
  if (media->rids == NULL || layers->len == 0)
    return;
  media->answer_rids = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < media->rids->len; i++) {
    const LockstepRid *rid = g_ptr_array_index (media->rids, i);
    const LockstepEncoding *encoding = find_encoding (encodings, rid->rid);
    gboolean sent = FALSE;

    for (guint l = 0; l < layers->len; l++)
      sent |= g_str_equal (g_array_index (layers, LockstepLayer, l).rid,
          rid->rid);
    if (sent)
      g_ptr_array_add (media->answer_rids, g_strdup (rid->rid));
    else if (encoding != NULL ? !encoding->active : rid->paused)
      g_ptr_array_add (media->answer_rids, g_strconcat ("~", rid->rid, NULL));
  }
}
