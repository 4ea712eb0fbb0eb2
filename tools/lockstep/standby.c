/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A capture device that is pulled out takes down only its own bin: a stand-in feeds the
 * encoder until the device is back, so that viewers stay. The device's bin is stopped and
 * started again; its EOS never leaves it, and its timestamps go on in the pipeline's
 * running time. */
#include "standby.h"
#include "log.h"

#include <gst/lockstep/backoff.h>

/* A device that gives nothing for so long is as good as gone. */
#define SILENCE_US (2 * G_USEC_PER_SEC)

typedef struct
{
  Standby *standby;
  GstElement *selector;
  GstPad *inputs[2];            /* of the selector: wanted, stand-in */
  GstElement *bins[2];
  LockstepBackoff backoff;
  guint timer;
  gboolean running;             /* the wanted bin was started */
  gint64 started;               /* monotonic µs */
  gboolean away;                /* the stand-in is shown */
  gint64 last;                  /* atomic: monotonic µs of the last frame; 0: none yet */
  gint told;                    /* atomic: came_back() is on its way */
} Slot;

struct _Standby
{
  GstElement *pipeline;
  char *name;
  GPtrArray *slots;             /* Slot */
};

static void start (Slot * slot);

static gint64
last_frame (Slot * slot)
{
  return __atomic_load_n (&slot->last, __ATOMIC_RELAXED);
}

static gboolean
try_again (gpointer user_data)
{
  Slot *slot = user_data;

  slot->timer = 0;
  start (slot);
  return G_SOURCE_REMOVE;
}

static void
run_bin (GstElement * bin)
{
  gst_element_set_locked_state (bin, FALSE);
  gst_element_sync_state_with_parent (bin);
}

static void
stop_bin (GstElement * bin)
{
  gst_element_set_locked_state (bin, TRUE);
  gst_element_set_state (bin, GST_STATE_NULL);
}

static void
stand_in (Slot * slot, const char *why)
{
  if (!slot->away) {
    slot->away = TRUE;
    log_warning (slot->standby->name, "%s; a stand-in is sent until it is back",
        why);
    run_bin (slot->bins[1]);
    g_object_set (slot->selector, "active-pad", slot->inputs[1], NULL);
  }
}

/* Stops the device, and tries again a little later. */
static void
give_up (Slot * slot, const char *why)
{
  gint64 ran = last_frame (slot) == 0 ? 0
      : g_get_monotonic_time () - slot->started;

  if (!slot->running)
    return;
  slot->running = FALSE;
  stand_in (slot, why);
  stop_bin (slot->bins[0]);
  __atomic_store_n (&slot->last, 0, __ATOMIC_RELAXED);
  slot->timer = g_timeout_add (lockstep_backoff_next (&slot->backoff,
          ran / 1000, g_random_double ()), try_again, slot);
}

static void
start (Slot * slot)
{
  slot->running = TRUE;
  slot->started = g_get_monotonic_time ();
  g_atomic_int_set (&slot->told, FALSE);
  gst_element_set_locked_state (slot->bins[0], FALSE);
  /* why it does not start is on its way as a message */
  gst_element_sync_state_with_parent (slot->bins[0]);
}

static gboolean
came_back (gpointer user_data)
{
  Slot *slot = user_data;

  if (!slot->away || !slot->running || last_frame (slot) == 0)
    return G_SOURCE_REMOVE;
  slot->away = FALSE;
  log_info (slot->standby->name, "the device is there");
  g_object_set (slot->selector, "active-pad", slot->inputs[0], NULL);
  stop_bin (slot->bins[1]);
  return G_SOURCE_REMOVE;
}

static GstPadProbeReturn
frame_came (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  Slot *slot = user_data;

  __atomic_store_n (&slot->last, g_get_monotonic_time (), __ATOMIC_RELAXED);
  if (g_atomic_int_compare_and_exchange (&slot->told, FALSE, TRUE))
    g_idle_add (came_back, slot);
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
event_came (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  return GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_EOS
      ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

/* The child of the pipeline that feeds @input. */
static GstElement *
find_bin (GstElement * pipeline, GstPad * input)
{
  g_autoptr (GstPad) peer = gst_pad_get_peer (input);
  GstObject *object = peer != NULL ? gst_pad_get_parent (peer) : NULL;

  while (object != NULL && GST_OBJECT_PARENT (object) != GST_OBJECT (pipeline)) {
    GstObject *parent = gst_object_get_parent (object);

    gst_object_unref (object);
    object = parent;
  }
  return object != NULL ? GST_ELEMENT (object) : NULL;
}

static void
add_slot (Standby * standby, GstElement * selector)
{
  Slot *slot = g_new0 (Slot, 1);
  static const char *const names[] = { "sink_0", "sink_1" };

  slot->standby = standby;
  slot->selector = gst_object_ref (selector);
  slot->backoff = (LockstepBackoff) {
  .first_ms = 500,.max_ms = 4000,.good_ms = 5000};
  for (guint i = 0; i < 2; i++) {
    slot->inputs[i] = gst_element_get_static_pad (selector, names[i]);
    if (slot->inputs[i] != NULL)
      slot->bins[i] = find_bin (standby->pipeline, slot->inputs[i]);
  }
  /* both stay as they are: it lives as long as its worker */
  if (slot->bins[0] == NULL || slot->bins[1] == NULL)
    return;
  for (guint i = 0; i < 2; i++)
    gst_element_set_locked_state (slot->bins[i], TRUE);
  g_object_set (selector, "active-pad", slot->inputs[0], NULL);
  gst_pad_add_probe (slot->inputs[0], GST_PAD_PROBE_TYPE_BUFFER, frame_came,
      slot, NULL);
  gst_pad_add_probe (slot->inputs[0], GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      event_came, slot, NULL);
  g_ptr_array_add (standby->slots, slot);
}

Standby *
standby_new (GstElement * pipeline)
{
  Standby *standby = g_new0 (Standby, 1);
  g_autoptr (GstIterator) elements =
      gst_bin_iterate_elements (GST_BIN (pipeline));
  GValue item = G_VALUE_INIT;

  standby->pipeline = pipeline;
  standby->slots = g_ptr_array_new ();
  while (gst_iterator_next (elements, &item) == GST_ITERATOR_OK) {
    GstElement *element = g_value_get_object (&item);
    GstElementFactory *factory = gst_element_get_factory (element);

    if (factory != NULL
        && g_str_equal (GST_OBJECT_NAME (factory), "input-selector"))
      add_slot (standby, element);
    g_value_reset (&item);
  }
  g_value_unset (&item);
  if (standby->slots->len > 0)
    return standby;
  g_ptr_array_unref (standby->slots);
  g_free (standby);
  return NULL;
}

void
standby_start (Standby * standby, const char *name)
{
  standby->name = g_strdup (name);
  for (guint i = 0; i < standby->slots->len; i++)
    start (g_ptr_array_index (standby->slots, i));
}

gboolean
standby_take_error (Standby * standby, GstMessage * message, const char *advice)
{
  for (guint i = 0; i < standby->slots->len; i++) {
    Slot *slot = g_ptr_array_index (standby->slots, i);
    g_autoptr (GError) error = NULL;
    g_autofree char *why = NULL;

    if (!gst_object_has_as_ancestor (GST_MESSAGE_SRC (message),
            GST_OBJECT (slot->bins[0])))
      continue;
    gst_message_parse_error (message, &error, NULL);
    why = g_strdup_printf ("%s: %s%s", GST_MESSAGE_SRC_NAME (message),
        error->message, advice);
    give_up (slot, why);
    return TRUE;
  }
  return FALSE;
}

gboolean
standby_look (Standby * standby)
{
  gboolean away = FALSE;

  for (guint i = 0; i < standby->slots->len; i++) {
    Slot *slot = g_ptr_array_index (standby->slots, i);
    gint64 since = MAX (last_frame (slot), slot->started);

    if (slot->running && g_get_monotonic_time () - since > SILENCE_US)
      give_up (slot, "the device gives nothing");
    away |= slot->away;
  }
  return away;
}
