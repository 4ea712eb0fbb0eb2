/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a launch line with properties to set, to a gst-launch-1.0 command. */
#include <gst/lockstep/launchexport.h>
#include <gst/lockstep/launchline.h>

#include <string.h>

#define AUDIO_PORT 5004
#define VIDEO_PORT 5006

static LockstepLaunchWord *
word_at (const GPtrArray * words, guint i)
{
  return i < words->len ? g_ptr_array_index (words, i) : NULL;
}

static gboolean
is_kind (const GPtrArray * words, guint i, LockstepLaunchKind kind)
{
  const LockstepLaunchWord *word = word_at (words, i);

  return word != NULL && word->kind == kind;
}

/* The index of the element of that name; words->len: there is none. */
static guint
find_named (const GPtrArray * words, const char *name)
{
  guint i;

  for (i = 0; i < words->len; i++)
    if (is_kind (words, i, LOCKSTEP_LAUNCH_ELEMENT)
        && g_strcmp0 (lockstep_launch_name_of (words, i), name) == 0)
      break;
  return i;
}

/* Behind the element's last property. */
static guint
end_of_properties (const GPtrArray * words, guint i)
{
  for (i++; is_kind (words, i, LOCKSTEP_LAUNCH_PROPERTY); i++);
  return i;
}

static LockstepLaunchWord *
parse_word (const char *text)
{
  g_autoptr (GPtrArray) one = lockstep_launch_words (text);

  g_return_val_if_fail (one->len == 1, NULL);
  return g_ptr_array_steal_index (one, 0);
}

static void
set_property (GPtrArray * words, const LockstepPropertySetting * setting)
{
  guint element = find_named (words, setting->element);
  g_autofree char *text =
      lockstep_launch_property (setting->property, setting->value);

  if (element == words->len)
    return;
  for (guint i = end_of_properties (words, element) - 1; i > element; i--)
    if (g_str_equal (word_at (words, i)->name, setting->property))
      g_ptr_array_remove_index (words, i);
  g_ptr_array_insert (words, end_of_properties (words, element),
      parse_word (text));
}

/* Takes the WebRTC element out. FALSE where it is linked in the line itself. */
static gboolean
remove_element (GPtrArray * words, guint element)
{
  guint end = end_of_properties (words, element);

  if ((element > 0 && is_kind (words, element - 1, LOCKSTEP_LAUNCH_LINK))
      || is_kind (words, end, LOCKSTEP_LAUNCH_LINK))
    return FALSE;
  g_ptr_array_remove_range (words, element, end - element);
  return TRUE;
}

static void
append_words (GPtrArray * words, const char *text)
{
  g_autoptr (GPtrArray) more = lockstep_launch_words (text);

  while (more->len > 0)
    g_ptr_array_add (words, g_ptr_array_steal_index (more, 0));
}

static int
clock_rate (const char *encoding)
{
  return g_str_equal (encoding, "OPUS") ? 48000
      : g_str_equal (encoding, "PCMU") || g_str_equal (encoding, "PCMA")
      || g_str_equal (encoding, "G722") ? 8000 : 90000;
}

/* What a peer would send, from a UDP port. */
static void
add_receiver (GPtrArray * words, const LockstepStream * stream,
    const char *media, int port, guint latency, GPtrArray * notes)
{
  const char *encoding = stream->encodings[0];
  gboolean pad = stream->element != NULL
      && strchr (stream->element, '.') != NULL;
  g_autofree char *line = NULL;

  if (stream->element == NULL || encoding == NULL)
    return;
  line = g_strdup_printf ("udpsrc port=%d caps=\"application/x-rtp,media=%s,"
      "clock-rate=%d,encoding-name=%s,payload=%d\" ! latencybuffer latency=%u "
      "! %s%s", port, media, clock_rate (encoding), encoding,
      port == AUDIO_PORT ? 96 : 97, latency, stream->element, pad ? "" : ".");
  append_words (words, line);
  g_ptr_array_add (notes, g_strdup_printf ("%s comes as plain RTP (%s, payload "
          "type %d) on UDP port %d instead of by WebRTC", media, encoding,
          port == AUDIO_PORT ? 96 : 97, port));
}

static gboolean
has_element (const GPtrArray * words, const char *factory)
{
  for (guint i = 0; i < words->len; i++)
    if (is_kind (words, i, LOCKSTEP_LAUNCH_ELEMENT)
        && g_str_equal (word_at (words, i)->name, factory))
      return TRUE;
  return FALSE;
}

/* The payloader of what is encoded in the line, which a preset may leave open. */
static const char *
payloader (const GPtrArray * words, gboolean audio)
{
  return audio ? "rtpopuspay pt=96" : has_element (words, "vp8enc")
      ? "rtpvp8pay pt=97" : has_element (words, "vp9enc")
      ? "rtpvp9pay pt=97"
      : "rtph264pay pt=97 config-interval=-1 aggregate-mode=zero-latency";
}

/* Where viewers would take what is encoded, RTP goes out by UDP. */
static void
replace_sink (GPtrArray * words, const LockstepStream * stream,
    gboolean audio, GPtrArray * notes)
{
  guint sink = stream->element != NULL ? find_named (words, stream->element)
      : words->len;
  g_autofree char *text = NULL;
  g_autoptr (GPtrArray) more = NULL;

  if (sink == words->len
      || !g_str_equal (word_at (words, sink)->name, "fakesink"))
    return;
  text = g_strdup_printf ("%s ! udpsink host=127.0.0.1 port=%d",
      payloader (words, audio), audio ? AUDIO_PORT : VIDEO_PORT);
  more = lockstep_launch_words (text);
  g_ptr_array_remove_range (words, sink,
      end_of_properties (words, sink) - sink);
  while (more->len > 0)
    g_ptr_array_insert (words, sink++, g_ptr_array_steal_index (more, 0));
  g_ptr_array_add (notes,
      g_strdup_printf ("%s goes as plain RTP to UDP port %d "
          "of 127.0.0.1 instead of by WebRTC", audio ? "sound" : "the picture",
          audio ? AUDIO_PORT : VIDEO_PORT));
}

static gboolean
replace_webrtc (GPtrArray * words, const LockstepPreset * preset,
    guint latency, GPtrArray * notes, GPtrArray * faults)
{
  const char *name = lockstep_preset_get_signalling_element (preset);
  guint element = name != NULL ? find_named (words, name) : words->len;

  if (name == NULL) {
    replace_sink (words, lockstep_preset_get_audio (preset), TRUE, notes);
    replace_sink (words, lockstep_preset_get_video (preset), FALSE, notes);
    return TRUE;
  }
  if (element == words->len || !remove_element (words, element)) {
    lockstep_fault_add (faults, "signalling.element",
        "'%s' cannot be taken out of the line: gst-launch has no signalling. "
        "Write the element on a line of its own, and link to it by its name",
        name);
    return FALSE;
  }
  add_receiver (words, lockstep_preset_get_audio (preset), "audio", AUDIO_PORT,
      latency, notes);
  add_receiver (words, lockstep_preset_get_video (preset), "video", VIDEO_PORT,
      latency, notes);
  return TRUE;
}

/* A chain begins where something neither follows a link nor belongs to an element. */
static gboolean
starts_chain (const GPtrArray * words, guint i)
{
  const LockstepLaunchWord *word = word_at (words, i);

  return i > 0 && word->kind != LOCKSTEP_LAUNCH_PROPERTY
      && word->kind != LOCKSTEP_LAUNCH_LINK
      && !is_kind (words, i - 1, LOCKSTEP_LAUNCH_LINK);
}

/* gst-launch escapes the spaces of each of its words: caps, whose spaces are the
 * grammar's, are given as several. */
static void
append_caps (GString * out, const char *caps)
{
  gboolean quoted = FALSE;
  const char *start = caps;

  for (const char *c = caps;; c++) {
    quoted ^= *c == '"';
    if (*c == '\0' || (*c == ' ' && !quoted)) {
      g_autofree char *piece = g_strndup (start, c - start);
      g_autofree char *shell = lockstep_shell_word (piece);

      g_string_append_printf (out, "%s%s", start > caps ? " " : "", shell);
      start = c + 1;
    }
    if (*c == '\0')
      break;
  }
}

static void
append_word (GString * out, const LockstepLaunchWord * word)
{
  g_autofree char *text = word->kind == LOCKSTEP_LAUNCH_PROPERTY
      ? lockstep_launch_property (word->name, word->value)
      : g_strdup (word->text);
  g_autofree char *shell = lockstep_shell_word (text);

  if (word->kind == LOCKSTEP_LAUNCH_CAPS)
    append_caps (out, text);
  else
    /* a lone ! is no history expansion, and reads better */
    g_string_append (out, word->kind == LOCKSTEP_LAUNCH_LINK ? "!" : shell);
}

char *
lockstep_launch_export (const LockstepPreset * preset,
    const LockstepLaunch * launch, guint latency, GPtrArray * notes,
    GPtrArray * faults)
{
  g_autoptr (GPtrArray) words = lockstep_launch_words (launch->launch);
  GString *out;

  for (guint i = 0; i < launch->properties->len; i++)
    set_property (words, g_ptr_array_index (launch->properties, i));
  if (!replace_webrtc (words, preset, latency, notes, faults))
    return NULL;
  out = g_string_new ("gst-launch-1.0 -e");
  for (guint i = 0; i < words->len; i++) {
    const LockstepLaunchWord *word = word_at (words, i);

    if (i == 0 || starts_chain (words, i))
      g_string_append (out, " \\\n  ");
    else if (word->kind == LOCKSTEP_LAUNCH_LINK)
      g_string_append (out, " \\\n    ");
    else
      g_string_append_c (out, ' ');
    append_word (out, word);
  }
  g_string_append_c (out, '\n');
  return g_string_free (out, FALSE);
}
