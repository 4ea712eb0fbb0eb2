/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GPUs by what their drivers show, capture devices by GStreamer's monitor. */
#include "devices.h"

#include <string.h>

/* Formats that are named for a device; a camera may have hundreds. */
#define MAX_FORMATS 6

char *
devices_property_text (GstElement * element, const char *property)
{
  GParamSpec *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (element),
      property);
  g_auto (GValue) value = G_VALUE_INIT;
  g_auto (GValue) text = G_VALUE_INIT;

  if (spec == NULL || !(spec->flags & G_PARAM_READABLE))
    return NULL;
  g_value_init (&value, spec->value_type);
  g_object_get_property (G_OBJECT (element), property, &value);
  if (G_VALUE_HOLDS_ENUM (&value)) {
    GEnumValue *e = g_enum_get_value (G_PARAM_SPEC_ENUM (spec)->enum_class,
        g_value_get_enum (&value));

    return g_strdup (e != NULL ? e->value_nick : NULL);
  }
  g_value_init (&text, G_TYPE_STRING);
  return g_value_transform (&value, &text) ? g_value_dup_string (&text) : NULL;
}

static void
list_gpus (DevicesFound found, gpointer user_data)
{
  g_autoptr (GDir) dri = g_dir_open ("/dev/dri", 0, NULL);
  g_autofree char *nvidia = NULL;
  const char *name;
  gboolean any = FALSE;

  if (g_file_get_contents ("/proc/driver/nvidia/version", &nvidia, NULL, NULL)) {
    nvidia[strcspn (nvidia, "\n")] = '\0';
    found ("GPUs", "NVIDIA", g_strstrip (nvidia), user_data);
    any = TRUE;
  }
  while (dri != NULL && (name = g_dir_read_name (dri)) != NULL) {
    g_autofree char *path = g_build_filename ("/dev/dri", name, NULL);
    g_autofree char *uevent =
        g_strdup_printf ("/sys/class/drm/%s/device/uevent", name);
    g_autofree char *text = NULL;
    char *driver;

    if (!g_str_has_prefix (name, "renderD"))
      continue;
    any = TRUE;
    g_file_get_contents (uevent, &text, NULL, NULL);
    driver = text != NULL ? strstr (text, "DRIVER=") : NULL;
    if (driver != NULL)
      driver[strcspn (driver, "\n")] = '\0';
    found ("GPUs", path, driver != NULL ? driver + strlen ("DRIVER=")
        : "driver not known", user_data);
  }
  if (!any)
    found ("GPUs", "-", "none: encoders and converters run on the processor",
        user_data);
}

static char *
formats_text (GstDevice * device)
{
  g_autoptr (GstCaps) caps = gst_device_get_caps (device);
  GString *text = g_string_new (NULL);
  guint n = caps != NULL ? gst_caps_get_size (caps) : 0;

  for (guint i = 0; i < MIN (n, MAX_FORMATS); i++) {
    const GstStructure *s = gst_caps_get_structure (caps, i);
    const char *format = gst_structure_get_string (s, "format");
    int width, height, n_fps, d_fps, rate;

    g_string_append_printf (text, "%s%s", i > 0 ? ", " : "", format != NULL
        ? format : gst_structure_get_name (s));
    if (gst_structure_get_int (s, "width", &width)
        && gst_structure_get_int (s, "height", &height))
      g_string_append_printf (text, " %dx%d", width, height);
    if (gst_structure_get_fraction (s, "framerate", &n_fps, &d_fps))
      g_string_append_printf (text, " %d/%d", n_fps, d_fps);
    if (gst_structure_get_int (s, "rate", &rate))
      g_string_append_printf (text, " %d Hz", rate);
  }
  if (n > MAX_FORMATS)
    g_string_append_printf (text, " and %u more", n - MAX_FORMATS);
  return g_string_free (text, FALSE);
}

static void
list_captures (const char *kind, const char *class, DevicesFound found,
    gpointer user_data)
{
  g_autoptr (GstDeviceMonitor) monitor = gst_device_monitor_new ();
  GList *devices;

  gst_device_monitor_add_filter (monitor, class, NULL);
  devices = gst_device_monitor_start (monitor)
      ? gst_device_monitor_get_devices (monitor) : NULL;
  if (devices == NULL)
    found (kind, "-", "none", user_data);
  for (GList * l = devices; l != NULL; l = l->next) {
    g_autofree char *name = gst_device_get_display_name (l->data);
    g_autoptr (GstStructure) properties = gst_device_get_properties (l->data);
    const char *path = properties != NULL
        ? gst_structure_get_string (properties, "device.path") : NULL;
    g_autofree char *formats = formats_text (l->data);
    g_autofree char *text = g_strdup_printf ("%s%s%s", name,
        formats[0] != '\0' ? ": " : "", formats);

    found (kind, path != NULL ? path : "device", text, user_data);
  }
  g_list_free_full (devices, gst_object_unref);
  gst_device_monitor_stop (monitor);
}

void
devices_list (DevicesFound found, gpointer user_data)
{
  list_gpus (found, user_data);
  list_captures ("Cameras and capture cards", "Video/Source", found, user_data);
  list_captures ("Microphones and line inputs", "Audio/Source", found,
      user_data);
}
