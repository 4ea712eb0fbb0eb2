/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a launch line with properties to set, to a graph. GStreamer's own shows what is
 * linked at the moment: where streams are found in the data, or peers bring them, the
 * pieces of a pipeline that does not run are apart. */
#include <gst/lockstep/launchgraph.h>
#include <gst/lockstep/launchline.h>

#include <string.h>

/* Of a value, and of caps: more makes boxes too wide. */
#define MAX_VALUE 48

typedef struct
{
  const GPtrArray *words;
  const LockstepLaunch *launch;
  GPtrArray *secrets;           /* char* */
  GString *out;
} Graph;

static const LockstepLaunchWord *
word_at (const Graph * graph, guint i)
{
  return g_ptr_array_index (graph->words, i);
}

static gboolean
is_kind (const Graph * graph, guint i, LockstepLaunchKind kind)
{
  return i < graph->words->len && word_at (graph, i)->kind == kind;
}

/* @text as part of a quoted string, not too long. */
static void
append_text (Graph * graph, const char *text)
{
  /* what comes from a command line may be anything */
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  g_autoptr (GString) shown = g_string_new (valid);
  glong length;

  for (guint i = 0; i < graph->secrets->len; i++)
    g_string_replace (shown, g_ptr_array_index (graph->secrets, i), "(secret)",
        0);
  length = g_utf8_strlen (shown->str, -1);
  for (const char *c = shown->str; *c != '\0'; c = g_utf8_next_char (c)) {
    if (length > MAX_VALUE
        && c >= g_utf8_offset_to_pointer (shown->str, MAX_VALUE - 1)) {
      g_string_append (graph->out, "…");
      break;
    }
    if (*c == '"' || *c == '\\')
      g_string_append_c (graph->out, '\\');
    if (*c == '\n')
      g_string_append (graph->out, "\\n");
    else
      g_string_append_len (graph->out, c, g_utf8_next_char (c) - c);
  }
}

static void
append_property (Graph * graph, const char *name, const char *value)
{
  g_string_append (graph->out, "\\l");
  append_text (graph, name);
  g_string_append (graph->out, "=");
  append_text (graph, value);
}

static gboolean
is_set_later (const Graph * graph, const char *element, const char *property)
{
  for (guint i = 0; i < graph->launch->properties->len; i++) {
    const LockstepPropertySetting *setting =
        g_ptr_array_index (graph->launch->properties, i);

    if (g_strcmp0 (setting->element, element) == 0
        && g_str_equal (setting->property, property))
      return TRUE;
  }
  return FALSE;
}

/* The box of the element at @i. */
static void
append_element (Graph * graph, guint i)
{
  const char *name = lockstep_launch_name_of (graph->words, i);

  g_string_append_printf (graph->out, "  n%u [label=\"", i);
  append_text (graph, word_at (graph, i)->name);
  if (name != NULL) {
    g_string_append (graph->out, "  (");
    append_text (graph, name);
    g_string_append (graph->out, ")");
  }
  for (guint k = i + 1; is_kind (graph, k, LOCKSTEP_LAUNCH_PROPERTY); k++) {
    const LockstepLaunchWord *word = word_at (graph, k);

    if (!g_str_equal (word->name, "name")
        && !is_set_later (graph, name, word->name))
      append_property (graph, word->name, word->value);
  }
  for (guint k = 0; name != NULL && k < graph->launch->properties->len; k++) {
    const LockstepPropertySetting *setting =
        g_ptr_array_index (graph->launch->properties, k);

    if (g_str_equal (setting->element, name))
      append_property (graph, setting->property, setting->value);
  }
  g_string_append (graph->out, "\\l\"];\n");
}

/* The index of the element that a reference means; words->len: it is not in the line. */
static guint
find_named (const Graph * graph, const char *name)
{
  guint i;

  for (i = 0; i < graph->words->len; i++)
    if (is_kind (graph, i, LOCKSTEP_LAUNCH_ELEMENT)
        && g_strcmp0 (lockstep_launch_name_of (graph->words, i), name) == 0)
      break;
  return i;
}

/* What a word between links stands for, an element or the name of one. */
static guint
element_of (const Graph * graph, guint i)
{
  if (is_kind (graph, i, LOCKSTEP_LAUNCH_REFERENCE))
    return find_named (graph, word_at (graph, i)->name);
  return i;
}

/* "video" of "hls.video"; NULL where none is named. */
static const char *
pad_of (const Graph * graph, guint i)
{
  const char *dot = is_kind (graph, i, LOCKSTEP_LAUNCH_REFERENCE)
      ? strchr (word_at (graph, i)->text, '.') : NULL;

  return dot != NULL && dot[1] != '\0' ? dot + 1 : NULL;
}

static void
append_link (Graph * graph, guint from, guint to, const char *caps)
{
  guint a = element_of (graph, from), b = element_of (graph, to);
  const char *tail = pad_of (graph, from), *head = pad_of (graph, to);

  if (a == graph->words->len || b == graph->words->len)
    return;
  g_string_append_printf (graph->out, "  n%u -> n%u [label=\"", a, b);
  if (tail != NULL)
    append_text (graph, tail);
  if (caps != NULL) {
    g_auto (GStrv) fields = g_strsplit (caps, ",", 2);

    g_string_append (graph->out, tail != NULL ? "\\n" : "");
    append_text (graph, g_strstrip (fields[0]));
    if (fields[0] != NULL && fields[1] != NULL) {
      g_string_append (graph->out, "\\n");
      append_text (graph, g_strstrip (fields[1]));
    }
  }
  if (head != NULL) {
    g_string_append (graph->out, tail != NULL || caps != NULL ? "\\n" : "");
    append_text (graph, head);
  }
  g_string_append (graph->out, "\"];\n");
}

static void
append_links (Graph * graph)
{
  gint before = -1;
  gboolean linked = FALSE;
  const char *caps = NULL;

  for (guint i = 0; i < graph->words->len; i++) {
    const LockstepLaunchWord *word = word_at (graph, i);

    switch (word->kind) {
      case LOCKSTEP_LAUNCH_LINK:
        linked = TRUE;
        break;
      case LOCKSTEP_LAUNCH_CAPS:
        caps = word->text;
        break;
      case LOCKSTEP_LAUNCH_ELEMENT:
      case LOCKSTEP_LAUNCH_REFERENCE:
        if (linked && before >= 0)
          append_link (graph, before, i, caps);
        before = i;
        linked = FALSE;
        caps = NULL;
        break;
      default:
        break;
    }
  }
}

/* A kind of media that peers send, or are sent. */
static void
append_stream (Graph * graph, const LockstepStream * stream, const char *media,
    const char *peer, gboolean receives)
{
  g_autofree char *name = stream->element == NULL ? NULL
      : g_strndup (stream->element, strcspn (stream->element, "."));
  guint element = name != NULL ? find_named (graph, name) : graph->words->len;

  if (element == graph->words->len)
    return;
  if (receives)
    g_string_append_printf (graph->out, "  %s -> n%u [label=\"%s\"];\n", peer,
        element, media);
  else
    g_string_append_printf (graph->out, "  n%u -> %s [label=\"%s\"];\n",
        element, peer, media);
}

static void
append_peer (Graph * graph, const LockstepPreset * preset)
{
  gboolean receives =
      lockstep_preset_get_signalling (preset) == LOCKSTEP_SIGNALLING_WHIP;
  const char *name = lockstep_preset_get_signalling_element (preset);
  guint webrtc = name != NULL ? find_named (graph, name) : graph->words->len;
  g_autofree char *peer = webrtc == graph->words->len ? g_strdup ("peer")
      : g_strdup_printf ("n%u", webrtc);

  if (lockstep_preset_get_signalling (preset) == LOCKSTEP_SIGNALLING_NONE)
    return;
  g_string_append_printf (graph->out, "  peer [label=\"%s\", shape=ellipse];\n",
      receives ? "a publisher, by WebRTC" : "viewers, by WebRTC");
  if (webrtc != graph->words->len)
    g_string_append_printf (graph->out, receives ? "  peer -> n%u;\n"
        : "  n%u -> peer;\n", webrtc);
  append_stream (graph, lockstep_preset_get_audio (preset), "sound", peer,
      receives);
  append_stream (graph, lockstep_preset_get_video (preset), "picture", peer,
      receives);
  append_stream (graph, lockstep_preset_get_preview (preset), "preview", peer,
      receives);
}

char *
lockstep_launch_graph (const LockstepPreset * preset,
    const LockstepLaunch * launch, GHashTable * values)
{
  g_autoptr (GPtrArray) words = lockstep_launch_words (launch->launch);
  g_autoptr (GPtrArray) secrets = g_ptr_array_new ();
  const GPtrArray *parameters = lockstep_preset_get_parameters (preset);
  Graph graph = { words, launch, secrets, g_string_new ("digraph pipeline {\n"
        "  rankdir=LR;\n  labelloc=t;\n  fontname=\"sans\";\n"
        "  node [shape=box, style=\"rounded,filled\", fillcolor=\"#eef2f7\", "
        "fontname=\"sans\", fontsize=10];\n"
        "  edge [fontname=\"sans\", fontsize=8];\n  label=\"")
  };

  for (guint i = 0; i < parameters->len; i++) {
    const LockstepParameter *p = g_ptr_array_index (parameters, i);
    char *value = g_hash_table_lookup (values, p->name);

    if (p->secret && value != NULL && value[0] != '\0')
      g_ptr_array_add (secrets, value);
  }
  append_text (&graph, lockstep_preset_get_name (preset));
  g_string_append (graph.out, "\";\n");
  for (guint i = 0; i < words->len; i++)
    if (is_kind (&graph, i, LOCKSTEP_LAUNCH_ELEMENT))
      append_element (&graph, i);
  append_links (&graph);
  append_peer (&graph, preset);
  g_string_append (graph.out, "}\n");
  return g_string_free (graph.out, FALSE);
}
