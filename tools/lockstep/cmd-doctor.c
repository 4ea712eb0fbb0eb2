/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockstep doctor: what this machine can do. */
#include "config.h"
#include "command-util.h"
#include "commands.h"
#include "devices.h"
#include "lint.h"
#include "packages.h"
#include "presets.h"
#include "try.h"

#include <gst/gst.h>
#include <libsoup/soup.h>
#include <string.h>

typedef enum
{ FINE, NOTE, MISSING, BROKEN } Health;

static const char *const health_names[] = { "ok", "note", "missing", "broken" };

typedef struct
{
  JsonBuilder *json;            /* NULL: text */
  const char *section;          /* the one that was printed last */
  gboolean incomplete;          /* something that webrtc-to-hls needs is missing */
} Doctor;

/* One line: @name is what it is about, @text what is to be said of it. */
static void
say (Doctor * doctor, const char *section, Health health, const char *name,
    const char *text)
{
  if (doctor->json != NULL) {
    json_builder_begin_object (doctor->json);
    command_json_string (doctor->json, "section", section);
    command_json_string (doctor->json, "health", health_names[health]);
    command_json_string (doctor->json, "name", name);
    command_json_string (doctor->json, "text", text);
    json_builder_end_object (doctor->json);
    return;
  }
  if (g_strcmp0 (doctor->section, section) != 0)
    g_print ("%s%s\n", doctor->section != NULL ? "\n" : "", section);
  doctor->section = section;
  g_print ("  %-8s %-18s %s\n", health_names[health], name, text);
}

/* Versions with a fault that shows here, and what becomes of it. */
static const struct
{
  const char *element;          /* must be there for it to matter */
  guint from[3], to[3];         /* GStreamer, from (included) to (not included) */
  const char *text;
} known_bad[] = {
  {"webrtcbin", {1, 0, 0}, {1, 26, 12},
      "webrtcbin checks no DTLS fingerprint; Lockstep does, before media is used"},
  {"webrtcbin", {1, 0, 0}, {1, 22, 3},
      "webrtcbin may hang when it is closed before data was sent; each channel has a "
      "process of its own, which is then killed"},
  {"webrtcbin", {1, 0, 0}, {1, 28, 0},
      "webrtcbin answers with the first codec that both have; Lockstep orders them"},
  {"rtph264pay", {1, 0, 0}, {1, 24, 0},
      "rtph264pay with config-interval=-1 repeats SPS and PPS before every slice; have "
      "encoders write one slice a picture"},
};

static int
compare_version (const guint a[3], const guint b[3])
{
  for (guint i = 0; i < 3; i++)
    if (a[i] != b[i])
      return a[i] < b[i] ? -1 : 1;
  return 0;
}

static void
say_versions (Doctor * doctor)
{
  guint gst[3], nano;
  static const guint floor[3] = { 1, 22, 0 };
  g_autofree char *gst_text = NULL;
  g_autofree char *glib_text = g_strdup_printf ("%u.%u.%u", glib_major_version,
      glib_minor_version, glib_micro_version);
  g_autofree char *soup_text = g_strdup_printf ("%u.%u.%u",
      soup_get_major_version (), soup_get_minor_version (),
      soup_get_micro_version ());
  g_autofree char *os = g_get_os_info (G_OS_INFO_KEY_PRETTY_NAME);

  gst_version (&gst[0], &gst[1], &gst[2], &nano);
  gst_text = g_strdup_printf ("%u.%u.%u%s", gst[0], gst[1], gst[2],
      compare_version (gst, floor) < 0 ? ": 1.22.0 is the least that is tested"
      : "");
  say (doctor, "Versions", FINE, "lockstep", PACKAGE_VERSION);
  say (doctor, "Versions", compare_version (gst, floor) < 0 ? BROKEN : FINE,
      "GStreamer", gst_text);
  say (doctor, "Versions", FINE, "GLib", glib_text);
  say (doctor, "Versions", FINE, "libsoup", soup_text);
  say (doctor, "Versions", FINE, "system", os != NULL ? os : "not known");
  for (guint i = 0; i < G_N_ELEMENTS (known_bad); i++) {
    g_autoptr (GstElementFactory) factory =
        gst_element_factory_find (known_bad[i].element);

    if (factory != NULL && compare_version (gst, known_bad[i].from) >= 0
        && compare_version (gst, known_bad[i].to) < 0)
      say (doctor, "Versions", NOTE, known_bad[i].element, known_bad[i].text);
  }
}

/* What yuy2convert would convert with, and why: it says so once it is READY. NULL: it is
 * not there. */
static char *
conversion_text (gboolean * on_card)
{
  g_autoptr (GstElement) element =
      gst_element_factory_make ("yuy2convert", NULL);
  g_autofree char *path = NULL;
  g_autofree char *reason = NULL;

  *on_card = FALSE;
  if (element == NULL)
    return NULL;
  gst_object_ref_sink (element);
  gst_element_set_state (element, GST_STATE_READY);
  path = devices_property_text (element, "path");
  reason = devices_property_text (element, "path-reason");
  gst_element_set_state (element, GST_STATE_NULL);
  *on_card = g_strcmp0 (path, "cuda") == 0;
  return g_strdup (reason != NULL ? reason : "");
}

static void
say_own_elements (Doctor * doctor)
{
  static const char *const names[] =
      { "latencybuffer", "avresync", "hlsalignsink", "yuy2convert" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (GstElementFactory) factory = gst_element_factory_find (names[i]);

    if (factory == NULL) {
      say (doctor, "Elements of Lockstep", MISSING, names[i],
          "its plugin is not found; is it installed, or GST_PLUGIN_PATH_1_0 set?");
      doctor->incomplete |= i < 3;      /* without yuy2convert all but cards works */
      continue;
    }
    say (doctor, "Elements of Lockstep", FINE, names[i],
        gst_element_factory_get_metadata (factory,
            GST_ELEMENT_METADATA_LONGNAME));
  }
}

/* Whether a video encoder of the line takes what the card converts where it is. */
static gboolean
encoder_takes_cuda (const char *line)
{
  g_autoptr (GPtrArray) elements = lockstep_launch_elements (line);

  for (guint i = 0; i < elements->len; i++) {
    g_autoptr (GstElementFactory) factory =
        gst_element_factory_find (g_ptr_array_index (elements, i));

    if (factory == NULL || !gst_element_factory_list_is_type (factory,
            GST_ELEMENT_FACTORY_TYPE_VIDEO_ENCODER))
      continue;
    for (const GList * item =
        gst_element_factory_get_static_pad_templates (factory); item != NULL;
        item = item->next) {
      GstStaticPadTemplate *template = item->data;

      if (template->direction == GST_PAD_SINK &&
          strstr (template->static_caps.string, "memory:CUDAMemory") != NULL)
        return TRUE;
    }
  }
  return FALSE;
}

/* Which way the picture of a capture card goes here, and why that one. */
static void
say_capture (Doctor * doctor)
{
  static const char section[] = "A capture card's picture";
  static const char *const words[] = { "audio=test", NULL };
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (LockstepPreset) preset =
      presets_load ("capture-to-webrtc", faults);
  g_autoptr (GHashTable) values = preset != NULL ?
      lockstep_preset_resolve (preset, words, NULL, faults) : NULL;
  g_autoptr (LockstepLaunch) launch = NULL;
  g_autofree char *why = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GString) passed = g_string_new (NULL);
  const char *encoder;
  gboolean on_card;

  if (values != NULL
      && presets_name_channel (preset, "capture-to-webrtc", values))
    launch = lockstep_preset_launch (preset, values, &presets_machine, faults);
  if (launch == NULL) {
    say (doctor, section, BROKEN, "capture-to-webrtc", faults->len > 0 ?
        ((LockstepFault *) g_ptr_array_index (faults, 0))->text : "");
    return;
  }
  encoder = g_hash_table_lookup (launch->chosen, "video-encoder");
  why = conversion_text (&on_card);
  if (why == NULL)
    text = g_strdup ("videoconvert, on the processor, at a tenth of the speed: "
        "yuy2convert is not there");
  else if (on_card && !encoder_takes_cuda (launch->launch))
    text = g_strdup_printf ("yuy2convert, on the processor: the encoder takes "
        "no CUDA memory (else on the card: %s)", why);
  else
    text = g_strdup_printf ("yuy2convert, on the %s: %s",
        on_card ? "card" : "processor", why);
  say (doctor, section, why != NULL ? FINE : NOTE, "to NV12 by", text);
  for (guint i = 0; i < launch->passed->len; i++) {
    const char *one = g_ptr_array_index (launch->passed, i);

    if (g_str_has_prefix (one, "video-encoder: "))
      g_string_append_printf (passed, "%s%s", passed->len > 0 ? "; " :
          ", for what comes before it does not work here: ",
          one + strlen ("video-encoder: "));
  }
  g_string_prepend (passed, encoder != NULL ? encoder : "-");
  say (doctor, section, FINE, "to H.264 by", passed->str);
}

/* What codecs need, best first. */
static const struct
{
  const char *section;
  gboolean needed;              /* by webrtc-to-hls: one of the section */
  const char *elements[10];
} codecs[] = {
  {"H.264 encoders", FALSE, {"nvh264enc", "nvcudah264enc", "vah264enc",
              "vah264lpenc", "qsvh264enc", "v4l2h264enc", "x264enc",
          "openh264enc"}},
  {"H.264 decoders", FALSE, {"nvh264dec", "vah264dec", "qsvh264dec",
          "v4l2h264dec", "avdec_h264", "openh264dec"}},
  {"Audio encoders", TRUE, {"lamemp3enc", "avenc_aac", "voaacenc", "opusenc"}},
  {"Audio decoders", TRUE, {"opusdec"}},
  {"WebRTC", TRUE, {"webrtcbin", "nicesrc", "dtlsdec", "srtpdec"}},
  {"Other inputs", FALSE, {"srtsrc", "rtmp2src", "flvdemux", "tsdemux",
          "v4l2src", "pulsesrc", "alsasrc", "uridecodebin"}},
};

static Health
say_element (Doctor * doctor, const char *section, const char *name)
{
  g_autoptr (GstElementFactory) factory = gst_element_factory_find (name);
  const char *package;
  g_autofree char *why = NULL;
  g_autofree char *text = NULL;

  if (factory == NULL) {
    package = package_of_element (name);
    text = g_strconcat ("in ", package != NULL ? package : "no known package",
        NULL);
    say (doctor, section, MISSING, name, text);
    return MISSING;
  }
  why = try_choice (name, NULL, NULL);
  say (doctor, section, why != NULL ? BROKEN : FINE, name, why != NULL ? why
      : gst_element_factory_get_metadata (factory,
          GST_ELEMENT_METADATA_LONGNAME));
  return why != NULL ? BROKEN : FINE;
}

static void
say_codecs (Doctor * doctor)
{
  for (guint i = 0; i < G_N_ELEMENTS (codecs); i++) {
    guint fine = 0;

    for (guint k = 0; k < G_N_ELEMENTS (codecs[i].elements)
        && codecs[i].elements[k] != NULL; k++)
      fine += say_element (doctor, codecs[i].section,
          codecs[i].elements[k]) == FINE;
    if (codecs[i].needed && fine == 0)
      doctor->incomplete = TRUE;
  }
}

static void
say_device (const char *kind, const char *name, const char *text,
    gpointer user_data)
{
  say (user_data, kind, name[0] == '-' ? NOTE : FINE, name, text);
}

static void
say_presets (Doctor * doctor)
{
  g_auto (GStrv) names = presets_list ();

  for (guint i = 0; names[i] != NULL; i++) {
    g_autoptr (LintReport) report = lint_report_new ();
    g_autoptr (LockstepPreset) preset = presets_load (names[i], report->faults);
    g_autoptr (GHashTable) none = g_hash_table_new (g_str_hash, g_str_equal);
    const GPtrArray *first;
    g_autofree char *text = NULL;

    if (preset != NULL)
      lint_preset (names[i], preset, none, report);
    first = report->faults->len > 0 ? report->faults : report->missing;
    if (first->len > 0)
      text = g_strdup_printf ("%s; see: lockstep check %s",
          ((LockstepFault *) g_ptr_array_index (first, 0))->text, names[i]);
    say (doctor, "Presets", report->faults->len > 0 ? BROKEN
        : report->missing->len > 0 ? MISSING : FINE, names[i],
        text != NULL ? text : lockstep_preset_get_summary (preset));
  }
}

static int
examine (int argc, char **argv)
{
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL},
    {NULL}
  };
  Doctor doctor = { NULL };
  g_autoptr (JsonBuilder) builder = NULL;
  g_autofree char *dot = g_find_program_in_path ("dot");
  int status = command_options ("doctor", entries, &argc, &argv);

  if (status != EXIT_OK)
    return status;
  if (argc > 1)
    return command_usage ("doctor", "'%s' is too much; it takes no words",
        argv[1]);
  if (json) {
    doctor.json = builder = json_builder_new ();
    json_builder_begin_object (builder);
    json_builder_set_member_name (builder, "version");
    json_builder_add_int_value (builder, COMMAND_JSON_VERSION);
    json_builder_set_member_name (builder, "findings");
    json_builder_begin_array (builder);
  }
  say_versions (&doctor);
  say_own_elements (&doctor);
  say_codecs (&doctor);
  devices_list (say_device, &doctor);
  say_capture (&doctor);
  say_presets (&doctor);
  say (&doctor, "Tools", dot != NULL ? FINE : MISSING, "dot", dot != NULL
      ? "draws `lockstep graph --svg`" : "in graphviz");
  if (json) {
    json_builder_end_array (builder);
    json_builder_set_member_name (builder, "complete");
    json_builder_add_boolean_value (builder, !doctor.incomplete);
    json_builder_end_object (builder);
    command_print_json (builder);
  }
  return doctor.incomplete ? EXIT_MISSING : EXIT_OK;
}

const Command command_doctor = {
  "doctor", "[--json]", "what this machine can do",
  "Looks at versions (those with known faults are named), at Lockstep's elements, at\n"
      "codecs, each of them run for a moment, at hardware, capture devices with their\n"
      "formats, and at the presets. Exit status 69 where webrtc-to-hls lacks something.\n\n"
      "  lockstep doctor\n" "  lockstep doctor --json\n",
  examine
};
