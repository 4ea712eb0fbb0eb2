/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The types of parameters: what a user may write, the one way in which it is kept, and
 * the fields that templates take from it. */
#include <gst/lockstep/preset-private.h>
#include <gst/lockstep/sdp.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#define MAX_VALUE_BYTES 4096
/* of a picture; H.264 level 6.2 ends at 8192 */
#define MIN_SIDE 16
#define MAX_SIDE 8192
#define MAX_BITRATE 1e12
/* what a pattern may cost on a value made against it */
#define MATCH_LIMIT "(*LIMIT_MATCH=100000)"

static const struct
{
  const char *name;
  LockstepParameterType type;
} types[] = {
  {"string", LOCKSTEP_PARAMETER_STRING},
  {"int", LOCKSTEP_PARAMETER_INT},
  {"double", LOCKSTEP_PARAMETER_DOUBLE},
  {"bool", LOCKSTEP_PARAMETER_BOOL},
  {"enum", LOCKSTEP_PARAMETER_ENUM},
  {"duration", LOCKSTEP_PARAMETER_DURATION},
  {"bitrate", LOCKSTEP_PARAMETER_BITRATE},
  {"size", LOCKSTEP_PARAMETER_SIZE},
  {"rendition", LOCKSTEP_PARAMETER_RENDITION},
  {"sdp", LOCKSTEP_PARAMETER_SDP},
  {"list", LOCKSTEP_PARAMETER_LIST},
};

static const struct
{
  const char *name;
  double ns;
} units[] = {
  {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9},
};

gboolean
lockstep_parameter_type_parse (const char *name, LockstepParameterType * type)
{
  for (guint i = 0; i < G_N_ELEMENTS (types); i++) {
    if (g_str_equal (types[i].name, name)) {
      *type = types[i].type;
      return TRUE;
    }
  }
  return FALSE;
}

const char *
lockstep_parameter_type_name (LockstepParameterType type)
{
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (types[i].type == type)
      return types[i].name;
  g_return_val_if_reached ("");
}

gboolean
lockstep_parameter_type_has_limits (LockstepParameterType type)
{
  return type == LOCKSTEP_PARAMETER_INT || type == LOCKSTEP_PARAMETER_DOUBLE
      || type == LOCKSTEP_PARAMETER_DURATION
      || type == LOCKSTEP_PARAMETER_BITRATE;
}

double
lockstep_duration_unit (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (units); i++)
    if (g_str_equal (units[i].name, name))
      return units[i].ns;
  return 0;
}

GRegex *
lockstep_pattern_new (const char *pattern, GError ** error)
{
  g_autofree char *whole = g_strconcat (MATCH_LIMIT "\\A(?:", pattern, ")\\z",
      NULL);
  /* first as it was written: an error says where it is */
  g_autoptr (GRegex) alone = g_regex_new (pattern, 0, 0, error);

  return alone != NULL ? g_regex_new (whole, 0, 0, error) : NULL;
}

/* A decimal number at the start of @text; @end is what follows. No exponent, no
 * hexadecimal, no "inf". */
static gboolean
read_decimal (const char *text, double *number, const char **end)
{
  gsize sign = text[0] == '-';
  gsize digits = strspn (text + sign, "0123456789");
  gsize all = strspn (text + sign, "0123456789.");
  char *stop;

  if (digits == 0 || all > 30)
    return FALSE;
  *number = g_ascii_strtod (text, &stop);
  *end = stop;
  return (gsize) (stop - text) == sign + all;
}

static char *
number_text (double number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (number == floor (number) && fabs (number) < 1e15)
    return g_strdup_printf ("%.0f", number);
  return g_strdup (g_ascii_formatd (text, sizeof text, "%.10g", number));
}

gboolean
lockstep_duration_parse (const char *text, double unit, double *value)
{
  const char *end;
  double number;

  if (!read_decimal (text, &number, &end))
    return FALSE;
  if (*end != '\0') {
    double ns = lockstep_duration_unit (end);

    if (ns == 0)
      return FALSE;
    number = number * ns / unit;
  }
  *value = number;
  return TRUE;
}

gboolean
lockstep_bitrate_parse (const char *text, gint64 * value)
{
  static const struct
  {
    const char *suffix;
    double factor;
  } factors[] = {
    {"", 1}, {"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9},
  };
  const char *end;
  double number;

  if (!read_decimal (text, &number, &end))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (factors); i++) {
    if (g_str_equal (end, factors[i].suffix)) {
      number = round (number * factors[i].factor);
      if (fabs (number) > MAX_BITRATE)
        return FALSE;
      *value = number;
      return TRUE;
    }
  }
  return FALSE;
}

/* Digits at *@text, which goes behind them. */
static gboolean
read_digits (const char **text, int *number)
{
  char *stop;
  guint64 value;

  if (!g_ascii_isdigit (**text))
    return FALSE;
  value = g_ascii_strtoull (*text, &stop, 10);
  *number = MIN (value, G_MAXINT);
  *text = stop;
  return TRUE;
}

static gboolean
valid_side (int n)
{
  return n >= MIN_SIDE && n <= MAX_SIDE && n % 2 == 0;
}

/* WIDTHxHEIGHT, both even: 4:2:0 has no half chroma samples. */
static gboolean
read_size (const char **text, int *width, int *height)
{
  if (!read_digits (text, width) || *(*text)++ != 'x')
    return FALSE;
  return read_digits (text, height) && valid_side (*width)
      && valid_side (*height);
}

static gboolean
read_framerate (const char **text, LockstepRendition * r)
{
  if (!read_digits (text, &r->fps_n))
    return FALSE;
  r->fps_d = 1;
  if (**text == '/') {
    (*text)++;
    if (!read_digits (text, &r->fps_d))
      return FALSE;
  }
  return r->fps_d > 0 && r->fps_d <= 10000 && r->fps_n >= r->fps_d
      && r->fps_n / r->fps_d <= 240;
}

gboolean
lockstep_rendition_parse (const char *text, LockstepRendition * r)
{
  *r = (LockstepRendition) {
  .fps_n = 0,.fps_d = 1};
  if (g_str_equal (text, "passthrough")) {
    r->passthrough = TRUE;
    return TRUE;
  }
  if (!read_size (&text, &r->width, &r->height))
    return FALSE;
  if (*text == 'p') {
    text++;
    if (!read_framerate (&text, r))
      return FALSE;
  }
  return *text == '@' && lockstep_bitrate_parse (text + 1, &r->bitrate)
      && r->bitrate >= 1000;
}

static char *
rendition_text (const LockstepRendition * r)
{
  if (r->passthrough)
    return g_strdup ("passthrough");
  if (r->fps_n == 0)
    return g_strdup_printf ("%dx%d@%" G_GINT64_FORMAT, r->width, r->height,
        r->bitrate);
  return g_strdup_printf ("%dx%dp%d/%d@%" G_GINT64_FORMAT, r->width, r->height,
      r->fps_n, r->fps_d, r->bitrate);
}

/* Says which limit @value, as the user wrote it, is beyond. @unit: "", " bit/s" … */
static gboolean
check_range (const LockstepParameter * p, double number, const char *value,
    const char *unit, const char *place, GPtrArray * faults)
{
  if (number >= p->min && number <= p->max)
    return TRUE;
  if (p->min == -G_MAXDOUBLE)
    lockstep_fault_add (faults, place, "%s is above %.10g%s", value, p->max,
        unit);
  else if (p->max == G_MAXDOUBLE)
    lockstep_fault_add (faults, place, "%s is below %.10g%s", value, p->min,
        unit);
  else
    lockstep_fault_add (faults, place, "%s is not between %.10g and %.10g%s",
        value, p->min, p->max, unit);
  return FALSE;
}

static char *
normalize_int (const LockstepParameter * p, const char *value,
    const char *place, GPtrArray * faults)
{
  g_autoptr (GError) error = NULL;
  gint64 number;

  if (!g_ascii_string_to_signed (value, 10, G_MININT64, G_MAXINT64, &number,
          &error)) {
    lockstep_fault_add (faults, place, "'%s' is not a whole number", value);
    return NULL;
  }
  return check_range (p, number, value, "", place, faults) ? g_strdup (value)
      : NULL;
}

static char *
normalize_double (const LockstepParameter * p, const char *value,
    const char *place, GPtrArray * faults)
{
  char *end = NULL;
  double number;

  errno = 0;
  number = g_ascii_strtod (value, &end);
  if (end == value || *end != '\0' || errno == ERANGE || number != number) {
    lockstep_fault_add (faults, place, "'%s' is not a number, such as 1.5",
        value);
    return NULL;
  }
  return check_range (p, number, value, "", place, faults) ? g_strdup (value)
      : NULL;
}

static char *
normalize_duration (const LockstepParameter * p, const char *value,
    const char *place, GPtrArray * faults)
{
  g_autofree char *unit = g_strconcat (" ", p->unit, NULL);
  double number;

  if (!lockstep_duration_parse (value, lockstep_duration_unit (p->unit),
          &number)) {
    lockstep_fault_add (faults, place,
        "'%s' is not a duration; write it as 500ms, 1.5s, 2m or 1h", value);
    return NULL;
  }
  return check_range (p, number, value, unit, place, faults)
      ? number_text (number) : NULL;
}

static char *
normalize_bitrate (const LockstepParameter * p, const char *value,
    const char *place, GPtrArray * faults)
{
  gint64 number;

  if (!lockstep_bitrate_parse (value, &number)) {
    lockstep_fault_add (faults, place,
        "'%s' is not a bitrate; write it as 128k, 2.5M or 128000 (bit/s)",
        value);
    return NULL;
  }
  if (!check_range (p, number, value, " bit/s", place, faults))
    return NULL;
  return g_strdup_printf ("%" G_GINT64_FORMAT, number);
}

static char *
normalize_size (const char *value, const char *place, GPtrArray * faults)
{
  int width, height;
  const char *end = value;

  if (!read_size (&end, &width, &height) || *end != '\0') {
    lockstep_fault_add (faults, place,
        "'%s' is not a size; write it as 1280x720, both even and from %d to %d",
        value, MIN_SIDE, MAX_SIDE);
    return NULL;
  }
  return g_strdup_printf ("%dx%d", width, height);
}

static char *
normalize_rendition (const char *value, const char *place, GPtrArray * faults)
{
  LockstepRendition rendition;

  if (!lockstep_rendition_parse (value, &rendition)) {
    lockstep_fault_add (faults, place,
        "'%s' is not a rendition; write it as 1280x720@2500k, 1280x720p30@2500k "
        "or passthrough", value);
    return NULL;
  }
  return rendition_text (&rendition);
}

/* None is a value where the preset says so by its default. */
static char *
normalize_sdp (const LockstepParameter * p, const char *value,
    const char *place, GPtrArray * faults)
{
  g_autoptr (GError) error = NULL;
  char *kept;

  if (value[0] == '\0' && g_strcmp0 (p->default_value, "") == 0)
    return g_strdup ("");
  kept = lockstep_sdp_plain_normalize (value,
      (const char *const *) p->encodings, &error);
  if (kept == NULL)
    lockstep_fault_add (faults, place, "this is no session description of "
        "plain RTP: %s", error->message);
  return kept;
}

static char *
normalize_single (const LockstepParameter * p, LockstepParameterType type,
    const char *value, const char *place, GPtrArray * faults)
{
  g_autofree char *all = NULL;

  switch (type) {
    case LOCKSTEP_PARAMETER_INT:
      return normalize_int (p, value, place, faults);
    case LOCKSTEP_PARAMETER_DOUBLE:
      return normalize_double (p, value, place, faults);
    case LOCKSTEP_PARAMETER_DURATION:
      return normalize_duration (p, value, place, faults);
    case LOCKSTEP_PARAMETER_BITRATE:
      return normalize_bitrate (p, value, place, faults);
    case LOCKSTEP_PARAMETER_SIZE:
      return normalize_size (value, place, faults);
    case LOCKSTEP_PARAMETER_RENDITION:
      return normalize_rendition (value, place, faults);
    case LOCKSTEP_PARAMETER_SDP:
      return normalize_sdp (p, value, place, faults);
    case LOCKSTEP_PARAMETER_BOOL:
      if (g_str_equal (value, "true") || g_str_equal (value, "false"))
        return g_strdup (value);
      lockstep_fault_add (faults, place, "'%s' is neither true nor false",
          value);
      return NULL;
    case LOCKSTEP_PARAMETER_ENUM:
      if (g_strv_contains ((const char *const *) p->values, value))
        return g_strdup (value);
      all = g_strjoinv (", ", p->values);
      lockstep_fault_add (faults, place, "'%s' is not one of %s", value, all);
      return NULL;
    case LOCKSTEP_PARAMETER_STRING:
      if (p->regex == NULL || g_regex_match (p->regex, value, 0, NULL))
        return g_strdup (value);
      lockstep_fault_add (faults, place,
          "'%s' does not match the pattern %s%s%s",
          p->secret ? "(hidden)" : value, p->pattern,
          p->summary != NULL ? ": " : "", p->summary != NULL ? p->summary : "");
      return NULL;
    case LOCKSTEP_PARAMETER_LIST:
      break;
  }
  g_return_val_if_reached (NULL);
}

static char *
normalize_list (const LockstepParameter * p, const char *value,
    const char *place, GPtrArray * faults)
{
  g_auto (GStrv) items = g_strsplit (value, ",", -1);
  guint n = value[0] == '\0' ? 0 : g_strv_length (items);
  g_autoptr (GString) text = g_string_new (NULL);
  guint before = faults->len;

  if (n < p->min_items || n > p->max_items) {
    lockstep_fault_add (faults, place,
        "%u items, not between %u and %u; put commas between them", n,
        p->min_items, p->max_items);
    return NULL;
  }
  for (guint i = 0; i < n; i++) {
    g_autofree char *at = g_strdup_printf ("%s[%u]", place, i);
    g_autofree char *item = NULL;

    item = normalize_single (p, p->item_type, g_strstrip (items[i]), at,
        faults);
    g_string_append_printf (text, "%s%s", i > 0 ? "," : "",
        item != NULL ? item : "");
  }
  if (faults->len > before)
    return NULL;
  return g_string_free (g_steal_pointer (&text), FALSE);
}

char *
lockstep_parameter_normalize (const LockstepParameter * p, const char *value,
    const char *place, GPtrArray * faults)
{
  const gsize max = p->type == LOCKSTEP_PARAMETER_SDP ? LOCKSTEP_SDP_MAX_BYTES
      : MAX_VALUE_BYTES;

  if (strlen (value) > max || !g_utf8_validate (value, -1, NULL)) {
    lockstep_fault_add (faults, place,
        "the value is not UTF-8 text of at most %" G_GSIZE_FORMAT " bytes",
        max);
    return NULL;
  }
  if (p->type == LOCKSTEP_PARAMETER_LIST)
    return normalize_list (p, value, place, faults);
  return normalize_single (p, p->type, value, place, faults);
}

static const char *const size_fields[] = { "width", "height", NULL };

static const char *const rendition_fields[] =
    { "kind", "width", "height", "bitrate", "framerate", NULL };

const char *const *
lockstep_parameter_type_fields (LockstepParameterType type)
{
  static const char *const none[] = { NULL };

  if (type == LOCKSTEP_PARAMETER_SDP)
    return lockstep_sdp_plain_fields;
  return type == LOCKSTEP_PARAMETER_SIZE ? size_fields
      : type == LOCKSTEP_PARAMETER_RENDITION ? rendition_fields : none;
}

char *
lockstep_value_field (LockstepParameterType type, const char *value,
    const char *field)
{
  LockstepRendition r;

  if (!g_strv_contains (lockstep_parameter_type_fields (type), field))
    return NULL;
  if (type == LOCKSTEP_PARAMETER_SDP)
    return value[0] == '\0' ? g_strdup ("")
        : lockstep_sdp_plain_field (value, field);
  if (type == LOCKSTEP_PARAMETER_SIZE ? !read_size (&value, &r.width, &r.height)
      : !lockstep_rendition_parse (value, &r))
    return NULL;
  if (g_str_equal (field, "width"))
    return g_strdup_printf ("%d", r.width);
  if (g_str_equal (field, "height"))
    return g_strdup_printf ("%d", r.height);
  if (g_str_equal (field, "bitrate"))
    return g_strdup_printf ("%" G_GINT64_FORMAT, r.bitrate);
  if (g_str_equal (field, "framerate"))
    return g_strdup_printf ("%d/%d", r.fps_n, r.fps_d);
  return g_strdup (r.passthrough ? "passthrough" : "encoded");
}
