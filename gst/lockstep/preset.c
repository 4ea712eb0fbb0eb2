/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Presets: read from JSON, with every fault named, and what they extend. */
#include <gst/lockstep/preset-read.h>

#include <string.h>

/* Objects and arrays in each other: a preset has 6. */
#define MAX_DEPTH 16
/* Presets that extend presets that extend … */
#define MAX_EXTENDS 8

static void
fault_free (gpointer data)
{
  LockstepFault *fault = data;

  g_free (fault->place);
  g_free (fault->text);
  g_free (fault->file);
  g_free (fault);
}

GPtrArray *
lockstep_faults_new (void)
{
  return g_ptr_array_new_with_free_func (fault_free);
}

void
lockstep_fault_add (GPtrArray * faults, const char *place,
    const char *format, ...)
{
  LockstepFault *fault = g_new0 (LockstepFault, 1);
  va_list args;

  va_start (args, format);
  fault->place = g_strdup (place);
  fault->text = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (faults, fault);
}

static void
parameter_free (gpointer data)
{
  LockstepParameter *p = data;

  g_free (p->name);
  g_free (p->summary);
  g_free (p->default_value);
  g_free (p->unit);
  g_strfreev (p->values);
  g_free (p->pattern);
  g_clear_pointer (&p->regex, g_regex_unref);
  g_strfreev (p->encodings);
  g_free (p);
}

static void
source_free (gpointer data)
{
  LockstepPresetSource *source = data;

  g_free (source->file);
  lockstep_json_places_free (source->places);
  g_free (source);
}

static void
stream_clear (LockstepStream * stream)
{
  g_clear_pointer (&stream->encodings, g_strfreev);
  g_clear_pointer (&stream->element, g_free);
  g_clear_pointer (&stream->pad, g_free);
  g_clear_pointer (&stream->parameter, g_free);
}

static LockstepPreset *
preset_new (const char *name)
{
  LockstepPreset *preset = g_new0 (LockstepPreset, 1);

  preset->name = g_strdup (name);
  preset->sources = g_ptr_array_new_with_free_func (source_free);
  preset->parameters = g_ptr_array_new_with_free_func (parameter_free);
  lockstep_preset_init_pipeline (preset);
  preset->audio.encodings = g_new0 (char *, 1);
  preset->video.encodings = g_new0 (char *, 1);
  preset->preview.encodings = g_new0 (char *, 1);
  return preset;
}

static void
rate_clear (LockstepRate * rate)
{
  g_clear_pointer (&rate->bitrate, g_free);
  g_clear_pointer (&rate->min, g_free);
  g_clear_pointer (&rate->max, g_free);
  g_clear_pointer (&rate->format, g_free);
}

void
lockstep_preset_free (LockstepPreset * preset)
{
  if (preset == NULL)
    return;
  g_free (preset->name);
  g_free (preset->summary);
  g_ptr_array_unref (preset->sources);
  g_ptr_array_unref (preset->parameters);
  g_ptr_array_unref (preset->pipeline);
  g_ptr_array_unref (preset->alternatives);
  g_ptr_array_unref (preset->properties);
  g_free (preset->signalling_element);
  rate_clear (&preset->rate);
  stream_clear (&preset->audio);
  stream_clear (&preset->video);
  stream_clear (&preset->preview);
  g_free (preset);
}

const LockstepParameter *
lockstep_preset_find_parameter (const LockstepPreset * preset, const char *name)
{
  for (guint i = 0; i < preset->parameters->len; i++) {
    const LockstepParameter *p = g_ptr_array_index (preset->parameters, i);

    if (g_str_equal (p->name, name))
      return p;
  }
  return NULL;
}

const LockstepAlternative *
lockstep_preset_find_alternative (const LockstepPreset * preset,
    const char *name)
{
  for (guint i = 0; i < preset->alternatives->len; i++) {
    const LockstepAlternative *a = g_ptr_array_index (preset->alternatives, i);

    if (g_str_equal (a->name, name))
      return a;
  }
  return NULL;
}

const LockstepChoice *
lockstep_alternative_find (const LockstepAlternative * alternative,
    const char *name)
{
  for (guint i = 0; i < alternative->choices->len; i++) {
    const LockstepChoice *choice = g_ptr_array_index (alternative->choices, i);

    if (g_strcmp0 (choice->name, name) == 0)
      return choice;
  }
  return NULL;
}

void
lockstep_preset_set_read_file (LockstepPreset * preset,
    LockstepReadFile read_file)
{
  preset->read_file = read_file;
}

void
lockstep_preset_locate (const LockstepPreset * preset, GPtrArray * faults,
    guint first)
{
  for (guint i = first; i < faults->len; i++) {
    LockstepFault *fault = g_ptr_array_index (faults, i);
    gboolean known = fault->file != NULL;
    gsize best = 0;

    if (fault->line != 0)
      continue;
    /* the file that knows most of the place; the preset's own at a draw */
    for (guint k = 0; k < preset->sources->len; k++) {
      LockstepPresetSource *source = g_ptr_array_index (preset->sources, k);
      gsize matched;
      guint line = lockstep_json_places_line (source->places, fault->place,
          &matched);

      if (known ? g_strcmp0 (source->file, fault->file) != 0
          : k > 0 && matched <= best)
        continue;
      best = matched;
      fault->line = line;
      if (!known) {
        g_free (fault->file);
        fault->file = g_strdup (source->file);
      }
    }
  }
}

/* The dot between an element and its pad, which is not that of "{item.index}". */
static const char *
pad_dot (const char *element)
{
  gboolean braced = FALSE;

  for (const char *c = element; *c != '\0'; c++) {
    if (*c == '{' || *c == '}')
      braced = *c == '{';
    else if (*c == '.' && !braced)
      return c;
  }
  return NULL;
}

static void
read_stream (LockstepStream * stream, JsonNode * node, const char *place,
    GPtrArray * faults)
{
  static const char *const keys[] =
      { "encodings", "element", "parameter", NULL };
  JsonObject *object = lockstep_json_object (node, place, faults);
  g_autofree char *at = g_strconcat (place, ".encodings", NULL);
  const char *element, *dot;

  if (object == NULL)
    return;
  lockstep_json_check_keys (object, place, keys, faults);
  stream_clear (stream);
  stream->encodings =
      lockstep_json_strings (json_object_get_member (object, "encodings"), at,
      faults);
  stream->parameter = g_strdup (lockstep_json_string (object, "parameter",
          FALSE, place, faults));
  /* "NAME", or "NAME.PAD" as in a launch line */
  element = lockstep_json_string (object, "element", FALSE, place, faults);
  if (element == NULL)
    return;
  dot = pad_dot (element);
  if (dot == element || (dot != NULL && dot[1] == '\0')) {
    lockstep_fault_add (faults, place, "'%s' is neither an element's name nor "
        "NAME.PAD", element);
    return;
  }
  stream->element = dot != NULL ? g_strndup (element, dot - element)
      : g_strdup (element);
  stream->pad = g_strdup (dot != NULL ? dot + 1 : "sink");
}

/* A parameter that is a number of bit/s. */
static char *
read_bitrate_name (LockstepPreset * preset, JsonObject * object,
    const char *member, GPtrArray * faults)
{
  const char *name = lockstep_json_string (object, member, TRUE,
      "signalling.rate", faults);
  const LockstepParameter *p = name == NULL ? NULL
      : lockstep_preset_find_parameter (preset, name);
  g_autofree char *place = g_strconcat ("signalling.rate.", member, NULL);

  if (name == NULL)
    return NULL;
  if (p == NULL)
    lockstep_fault_add (faults, place, "there is no parameter '%s'", name);
  else if (p->type != LOCKSTEP_PARAMETER_BITRATE
      && p->type != LOCKSTEP_PARAMETER_INT)
    lockstep_fault_add (faults, place, "parameter '%s' is a %s; it must be a "
        "bitrate", name, lockstep_parameter_type_name (p->type));
  return g_strdup (name);
}

static void
read_rate (LockstepPreset * preset, JsonNode * node, GPtrArray * faults)
{
  static const char *const keys[] = { "bitrate", "min", "max", "format", NULL };
  JsonObject *object = node == NULL ? NULL
      : lockstep_json_object (node, "signalling.rate", faults);
  LockstepRate *rate = &preset->rate;

  if (object == NULL)
    return;
  lockstep_json_check_keys (object, "signalling.rate", keys, faults);
  if (preset->signalling != LOCKSTEP_SIGNALLING_WHEP)
    lockstep_fault_add (faults, "signalling.rate",
        "nothing is encoded for peers here; it goes with the protocol whep");
  rate_clear (rate);
  rate->bitrate = read_bitrate_name (preset, object, "bitrate", faults);
  rate->min = read_bitrate_name (preset, object, "min", faults);
  rate->max = read_bitrate_name (preset, object, "max", faults);
  rate->format = g_strdup (lockstep_json_string (object, "format", FALSE,
          "signalling.rate", faults));
}

static void
read_preview (LockstepPreset * preset, JsonNode * node, GPtrArray * faults)
{
  const char *name;

  read_stream (&preset->preview, node, "signalling.preview", faults);
  name = preset->preview.parameter;
  if (preset->signalling != LOCKSTEP_SIGNALLING_WHEP)
    lockstep_fault_add (faults, "signalling.preview",
        "nothing is encoded for peers here; it goes with the protocol whep");
  if (name != NULL && lockstep_preset_find_parameter (preset, name) == NULL)
    lockstep_fault_add (faults, "signalling.preview.parameter",
        "there is no parameter '%s'", name);
}

static void
read_signalling (LockstepPreset * preset, JsonNode * node, GPtrArray * faults)
{
  static const char *const keys[] =
      { "element", "protocol", "audio", "video", "preview", "rate", NULL };
  JsonObject *object = lockstep_json_object (node, "signalling", faults);
  const char *protocol;

  if (object == NULL)
    return;
  lockstep_json_check_keys (object, "signalling", keys, faults);
  protocol =
      lockstep_json_string (object, "protocol", TRUE, "signalling", faults);
  /* what sends has a WebRTC element for each peer, outside the pipeline */
  preset->signalling_element =
      g_strdup (lockstep_json_string (object, "element", g_strcmp0 (protocol,
              "whep") != 0, "signalling", faults));
  if (g_strcmp0 (protocol, "whip") == 0)
    preset->signalling = LOCKSTEP_SIGNALLING_WHIP;
  else if (g_strcmp0 (protocol, "whep") == 0)
    preset->signalling = LOCKSTEP_SIGNALLING_WHEP;
  else if (protocol != NULL)
    lockstep_fault_add (faults, "signalling.protocol",
        "there is no protocol '%s'; they are whip and whep", protocol);
  read_stream (&preset->audio, json_object_get_member (object, "audio"),
      "signalling.audio", faults);
  read_stream (&preset->video, json_object_get_member (object, "video"),
      "signalling.video", faults);
  if (json_object_has_member (object, "preview"))
    read_preview (preset, json_object_get_member (object, "preview"), faults);
  read_rate (preset, json_object_get_member (object, "rate"), faults);
}

static void
read_root (LockstepPreset * preset, JsonObject * root, GPtrArray * faults)
{
  static const char *const keys[] = { "$schema", "extends", "summary",
    "parameters", "pipeline", "alternatives", "properties", "signalling", NULL
  };
  JsonObject *parameters = lockstep_json_object (json_object_get_member (root,
          "parameters"), "parameters", faults);
  g_autoptr (GList) names =
      parameters ? json_object_get_members (parameters) : NULL;
  guint before = faults->len;

  lockstep_json_check_keys (root, "", keys, faults);
  preset->summary =
      g_strdup (lockstep_json_string (root, "summary", TRUE, "", faults));
  for (GList * l = names; l != NULL; l = l->next)
    lockstep_preset_read_parameter (preset, l->data,
        json_object_get_member (parameters, l->data), faults);
  lockstep_preset_read_pipeline (preset, json_object_get_member (root,
          "pipeline"), faults);
  lockstep_preset_read_alternatives (preset, json_object_get_member (root,
          "alternatives"), faults);
  g_ptr_array_unref (preset->properties);
  preset->properties =
      lockstep_preset_read_properties (json_object_get_member (root,
          "properties"), "properties", faults);
  read_signalling (preset, json_object_get_member (root, "signalling"), faults);
  /* what is not read is not known: names would be missed that are there */
  if (faults->len == before)
    lockstep_preset_check_references (preset, faults);
}

static void
add_fault_on_line (GPtrArray * faults, guint line, const char *text)
{
  lockstep_fault_add (faults, "", "not JSON: %s", text);
  ((LockstepFault *) g_ptr_array_index (faults, faults->len - 1))->line = line;
}

/* @message: the parser's, "<data>:LINE:COLUMN: text". */
static void
add_syntax_fault (GPtrArray * faults, const char *message)
{
  g_auto (GStrv) parts = g_strsplit (message, ":", 4);

  if (g_strv_length (parts) == 4)
    add_fault_on_line (faults, g_ascii_strtoull (parts[1], NULL, 10),
        g_strstrip (parts[3]));
  else
    add_fault_on_line (faults, 0, message);
}

/* The text's object; NULL with faults. Adds a source. */
static JsonObject *
parse_object (LockstepPreset * preset, const char *file, const char *bytes,
    gsize length, GPtrArray * faults)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  LockstepPresetSource *source;
  const GPtrArray *duplicates;
  JsonNode *root;
  const char *expected;
  guint stopped;

  if (length > LOCKSTEP_PRESET_MAX_BYTES) {
    lockstep_fault_add (faults, "", "the file is larger than %d KiB",
        LOCKSTEP_PRESET_MAX_BYTES / 1024);
    return NULL;
  }
  /* a NUL is no text either */
  if (!g_utf8_validate_len (bytes, length, NULL)) {
    lockstep_fault_add (faults, "", "the file is not UTF-8 text");
    return NULL;
  }
  /* a byte order mark, as some editors write it (RFC 8259, section 8.1) */
  if (length >= 3 && memcmp (bytes, "\xef\xbb\xbf", 3) == 0) {
    bytes += 3;
    length -= 3;
  }
  text = g_strndup (bytes, length);
  source = g_new0 (LockstepPresetSource, 1);
  source->file = g_strdup (file);
  source->places = lockstep_json_places_new (text, MAX_DEPTH);
  g_ptr_array_add (preset->sources, source);
  if (!lockstep_json_places_depth_ok (source->places)) {
    lockstep_fault_add (faults, "", "more than %d objects and arrays are in "
        "each other", MAX_DEPTH);
    return NULL;
  }
  stopped = lockstep_json_places_stopped (source->places, &expected);
  if (stopped != 0 && strspn (text, " \t\r\n") < length) {
    g_autofree char *missed = g_strdup_printf ("here %s is expected", expected);

    add_fault_on_line (faults, stopped, missed);
    return NULL;
  }
  if (!json_parser_load_from_data (parser, text, length, &error)) {
    add_syntax_fault (faults, error->message);
    return NULL;
  }
  duplicates = lockstep_json_places_duplicates (source->places);
  for (guint i = 0; i < duplicates->len; i++)
    lockstep_fault_add (faults, g_ptr_array_index (duplicates, i),
        "this is here twice; take one out");
  root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root)) {
    lockstep_fault_add (faults, "", "a preset is one JSON object: { … }");
    return NULL;
  }
  return json_object_ref (json_node_get_object (root));
}

/* Puts @over's members into @base: objects are merged, null takes a member out, all
 * else replaces (RFC 7396). */
static void
merge (JsonObject * base, JsonObject * over)
{
  g_autoptr (GList) names = json_object_get_members (over);

  for (GList * l = names; l != NULL; l = l->next) {
    JsonNode *node = json_object_get_member (over, l->data);
    JsonNode *below = json_object_get_member (base, l->data);

    if (JSON_NODE_HOLDS_NULL (node))
      json_object_remove_member (base, l->data);
    else if (JSON_NODE_HOLDS_OBJECT (node) && below != NULL
        && JSON_NODE_HOLDS_OBJECT (below))
      merge (json_node_get_object (below), json_node_get_object (node));
    else
      json_object_set_member (base, l->data, json_node_copy (node));
  }
}

typedef struct
{
  LockstepPresetOpen open;      /* NULL: nothing can be extended */
  gpointer user_data;
} Opener;

static JsonObject *read_extended (LockstepPreset * preset,
    const Opener * opener, const char *name, const char *from, guint depth,
    GPtrArray * faults);

/* The text's object, on top of what it extends. */
static JsonObject *
read_object (LockstepPreset * preset, const Opener * opener,
    const char *file, const char *text, gsize length, guint depth,
    GPtrArray * faults)
{
  g_autoptr (JsonObject) object =
      parse_object (preset, file, text, length, faults);
  g_autoptr (JsonObject) base = NULL;
  const char *extends;

  if (object == NULL)
    return NULL;
  extends = lockstep_json_string (object, "extends", FALSE, "", faults);
  if (extends == NULL)
    return g_steal_pointer (&object);
  base = read_extended (preset, opener, extends, file, depth + 1, faults);
  if (base == NULL)
    return NULL;
  merge (base, object);
  return g_steal_pointer (&base);
}

static JsonObject *
read_extended (LockstepPreset * preset, const Opener * opener,
    const char *name, const char *from, guint depth, GPtrArray * faults)
{
  g_autofree char *text = NULL;
  g_autofree char *file = NULL;
  g_autoptr (GError) error = NULL;
  const char *place = depth > 0 ? "extends" : "";
  JsonObject *object;
  guint before;
  gsize length;

  if (depth > MAX_EXTENDS) {
    lockstep_fault_add (faults, place,
        "more than %d presets extend each other; is there a circle?",
        MAX_EXTENDS);
    return NULL;
  }
  if (opener->open == NULL) {
    lockstep_fault_add (faults, place, "'%s' cannot be read from here", name);
    return NULL;
  }
  text = opener->open (name, from, &file, &length, opener->user_data, &error);
  if (text == NULL) {
    lockstep_fault_add (faults, place, "%s", error->message);
    return NULL;
  }
  before = faults->len;
  object = read_object (preset, opener, file, text, length, depth, faults);
  /* faults of this file as text; those of what was read come later */
  for (guint i = before; i < faults->len; i++) {
    LockstepFault *fault = g_ptr_array_index (faults, i);

    if (fault->file == NULL)
      fault->file = g_strdup (file);
  }
  return object;
}

static LockstepPreset *
finish (LockstepPreset * preset, JsonObject * root, GPtrArray * faults,
    guint before)
{
  if (root != NULL) {
    read_root (preset, root, faults);
    json_object_unref (root);
  }
  lockstep_preset_locate (preset, faults, before);
  if (faults->len == before)
    return preset;
  lockstep_preset_free (preset);
  return NULL;
}

LockstepPreset *
lockstep_preset_load (const char *name, LockstepPresetOpen open,
    gpointer user_data, GPtrArray * faults)
{
  LockstepPreset *preset = preset_new (name);
  Opener opener = { open, user_data };
  guint before = faults->len;

  return finish (preset, read_extended (preset, &opener, name, NULL, 0, faults),
      faults, before);
}

LockstepPreset *
lockstep_preset_parse (const char *name, const char *text, gssize length,
    GPtrArray * faults)
{
  LockstepPreset *preset = preset_new (name);
  Opener opener = { NULL, NULL };
  guint before = faults->len;

  return finish (preset, read_object (preset, &opener, NULL, text,
          length < 0 ? strlen (text) : (gsize) length, 0, faults), faults,
      before);
}

const char *
lockstep_preset_get_name (const LockstepPreset * preset)
{
  return preset->name;
}

const char *
lockstep_preset_get_summary (const LockstepPreset * preset)
{
  return preset->summary;
}

const GPtrArray *
lockstep_preset_get_parameters (const LockstepPreset * preset)
{
  return preset->parameters;
}

LockstepSignalling
lockstep_preset_get_signalling (const LockstepPreset * preset)
{
  return preset->signalling;
}

const char *
lockstep_preset_get_signalling_element (const LockstepPreset * preset)
{
  return preset->signalling_element;
}

const LockstepStream *
lockstep_preset_get_audio (const LockstepPreset * preset)
{
  return &preset->audio;
}

const LockstepStream *
lockstep_preset_get_video (const LockstepPreset * preset)
{
  return &preset->video;
}

const LockstepStream *
lockstep_preset_get_preview (const LockstepPreset * preset)
{
  return &preset->preview;
}

char *
lockstep_stream_element (const LockstepStream * stream, guint index)
{
  g_autofree char *number = g_strdup_printf ("%u", index);
  g_autoptr (GString) name = g_string_new (stream->element);

  if (stream->element == NULL
      || (g_string_replace (name, "{item.index}", number, 0) == 0 && index > 0))
    return NULL;
  return g_strdup (name->str);
}

const LockstepRate *
lockstep_preset_get_rate (const LockstepPreset * preset)
{
  return &preset->rate;
}
