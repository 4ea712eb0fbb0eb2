/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an FLV stream says at its start that it has. Its header's flags are of no use: what
 * comes by RTMP has none. Its onMetaData, AMF0 (Adobe's specification of Action Message
 * Format), names the codecs of what is there; ffmpeg, OBS and nginx write it.
 *
 * It comes from a far sender: each length is checked. */
#include <gst/lockstep/flvmeta.h>

#include <string.h>

#define HEADER_SIZE 13          /* of a file, with the first back pointer */
#define TAG_HEADER_SIZE 11
#define BACK_POINTER_SIZE 4
#define TAG_SCRIPT 18
#define MAX_DEPTH 8
#define MAX_NAMES 1000

enum
{
  AMF_NUMBER = 0, AMF_BOOLEAN = 1, AMF_STRING = 2, AMF_OBJECT = 3,
  AMF_NULL = 5, AMF_UNDEFINED = 6, AMF_REFERENCE = 7, AMF_ECMA_ARRAY = 8,
  AMF_OBJECT_END = 9, AMF_STRICT_ARRAY = 10, AMF_DATE = 11, AMF_LONG_STRING = 12
};

typedef struct
{
  const guint8 *data;
  gsize left;
  guint names;                  /* that were read */
  LockstepFlvMeta *meta;
  gboolean told;
} Reader;

/* NULL: there are not so many bytes. */
static const guint8 *
take (Reader * r, gsize n)
{
  const guint8 *at = r->data;

  if (n > r->left)
    return NULL;
  r->data += n;
  r->left -= n;
  return at;
}

/* A string without its marker. */
static const char *
take_name (Reader * r, gsize * size)
{
  const guint8 *length = take (r, 2);

  if (length == NULL || ++r->names > MAX_NAMES)
    return NULL;
  *size = length[0] << 8 | length[1];
  return (const char *) take (r, *size);
}

static gboolean
is_name (const char *name, gsize size, const char *wanted)
{
  return size == strlen (wanted) && memcmp (name, wanted, size) == 0;
}

/* @there: a number that is not 0, a text, true. */
static void
note (Reader * r, const char *name, gsize size, gboolean there)
{
  if (is_name (name, size, "audiocodecid") || is_name (name, size, "hasAudio"))
    r->meta->audio |= there;
  else if (is_name (name, size, "videocodecid")
      || is_name (name, size, "hasVideo"))
    r->meta->video |= there;
  r->told = r->meta->audio || r->meta->video;
}

static gboolean skip_value (Reader * r, guint depth, gboolean * there);

static gboolean
skip_members (Reader * r, guint depth)
{
  for (;;) {
    gboolean there;
    gsize size;
    const char *name = take_name (r, &size);

    if (name == NULL || r->left == 0)
      return FALSE;
    if (size == 0 && r->data[0] == AMF_OBJECT_END)
      return take (r, 1) != NULL;
    if (!skip_value (r, depth, &there))
      return FALSE;
    if (depth == 1)
      note (r, name, size, there);
  }
}

static gboolean
skip_array (Reader * r, guint depth)
{
  const guint8 *count = take (r, 4);
  guint32 n;
  gboolean there;

  if (count == NULL)
    return FALSE;
  n = (guint32) count[0] << 24 | count[1] << 16 | count[2] << 8 | count[3];
  /* each takes a byte at least */
  for (guint32 i = 0; i < n; i++)
    if (!skip_value (r, depth, &there))
      return FALSE;
  return TRUE;
}

static gboolean
skip_long_string (Reader * r)
{
  const guint8 *length = take (r, 4);

  return length != NULL && take (r, (gsize) length[0] << 24 | length[1] << 16
      | length[2] << 8 | length[3]) != NULL;
}

static gboolean
skip_value (Reader * r, guint depth, gboolean * there)
{
  static const guint8 zero[8];
  const guint8 *marker = take (r, 1);
  const guint8 *value;
  gsize size;

  *there = FALSE;
  if (marker == NULL || depth > MAX_DEPTH)
    return FALSE;
  switch (*marker) {
    case AMF_NUMBER:
      value = take (r, 8);
      *there = value != NULL && memcmp (value, zero, 8) != 0;
      return value != NULL;
    case AMF_BOOLEAN:
      value = take (r, 1);
      *there = value != NULL && *value != 0;
      return value != NULL;
    case AMF_STRING:
      value = (const guint8 *) take_name (r, &size);
      *there = value != NULL && size > 0;
      return value != NULL;
    case AMF_OBJECT:
      return skip_members (r, depth + 1);
    case AMF_NULL:
    case AMF_UNDEFINED:
      return TRUE;
    case AMF_REFERENCE:
      return take (r, 2) != NULL;
    case AMF_ECMA_ARRAY:
      return take (r, 4) != NULL && skip_members (r, depth + 1);
    case AMF_STRICT_ARRAY:
      return skip_array (r, depth + 1);
    case AMF_DATE:
      return take (r, 10) != NULL;
    case AMF_LONG_STRING:
      return skip_long_string (r);
    default:
      return FALSE;
  }
}

/* One that breaks off has told what it has told. */
static gboolean
read_script (const guint8 * data, gsize size, LockstepFlvMeta * meta)
{
  Reader r = { data, size, 0, meta, FALSE };
  const guint8 *marker;
  const char *name;
  gboolean there;
  gsize n;

  do {
    marker = take (&r, 1);
    if (marker == NULL || *marker != AMF_STRING)
      return FALSE;
    name = take_name (&r, &n);
    if (name == NULL)
      return FALSE;
  } while (is_name (name, n, "@setDataFrame"));
  if (is_name (name, n, "onMetaData"))
    skip_value (&r, 0, &there);
  return r.told;
}

gboolean
lockstep_flv_meta_parse (const guint8 * data, gsize size,
    LockstepFlvMeta * meta)
{
  meta->audio = meta->video = FALSE;
  if (size >= HEADER_SIZE && memcmp (data, "FLV", 3) == 0) {
    data += HEADER_SIZE;
    size -= HEADER_SIZE;
  }
  while (size > TAG_HEADER_SIZE) {
    gsize body = data[1] << 16 | data[2] << 8 | data[3];

    if (body > size - TAG_HEADER_SIZE)
      return FALSE;
    if (data[0] == TAG_SCRIPT
        && read_script (data + TAG_HEADER_SIZE, body, meta))
      return TRUE;
    meta->audio = meta->video = FALSE;
    body += TAG_HEADER_SIZE;
    size -= body;
    data += body;
    if (size < BACK_POINTER_SIZE)
      return FALSE;
    size -= BACK_POINTER_SIZE;
    data += BACK_POINTER_SIZE;
  }
  return FALSE;
}
