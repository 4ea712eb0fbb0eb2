/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hlsalignsink in a pipeline, as a sink: preroll, pauses, flushes, the end, and all of
 * it again after READY. */
#include "hlsalignsink.h"

#define WAIT (60 * GST_SECOND)

typedef struct
{
  char *folder;
  GstElement *pipeline, *source, *sink;
  GstBus *bus;
  guint64 frames;               /* that were pushed */
  guint ends;                   /* EOS messages of the sink */
  guint32 end_seqnum;
  /* test_fast_application */
  GMutex lock;
  GCond cond;
  gboolean paused, playing;
} Fixture;

static void
fixture_init (Fixture * f, gboolean live)
{
  g_autofree char *segments = NULL;
  g_autofree char *playlist = NULL;

  memset (f, 0, sizeof *f);
  g_mutex_init (&f->lock);
  g_cond_init (&f->cond);
  f->folder = g_dir_make_tmp ("hlsalign-XXXXXX", NULL);
  segments = g_build_filename (f->folder, "s%05d.ts", NULL);
  playlist = g_build_filename (f->folder, "index.m3u8", NULL);
  f->pipeline = gst_parse_launch ("appsrc name=a format=time caps="
      "\"audio/mpeg,mpegversion=1,layer=3,rate=48000,channels=2\""
      " ! h.audio hlsalignsink name=h target-duration=1 playlist-length=0"
      " max-files=0", NULL);
  g_assert_nonnull (f->pipeline);
  f->source = gst_bin_get_by_name (GST_BIN (f->pipeline), "a");
  f->sink = gst_bin_get_by_name (GST_BIN (f->pipeline), "h");
  g_object_set (f->source, "is-live", live, NULL);
  g_object_set (f->sink, "location", segments, "playlist-location", playlist,
      NULL);
  f->bus = gst_element_get_bus (f->pipeline);
  /* so that the sink's own EOS can be seen */
  g_object_set (f->pipeline, "message-forward", TRUE, NULL);
}

static void
fixture_clear (Fixture * f)
{
  gst_element_set_state (f->pipeline, GST_STATE_NULL);
  gst_object_unref (f->source);
  gst_object_unref (f->sink);
  gst_object_unref (f->bus);
  gst_object_unref (f->pipeline);
  remove_folder (f->folder);
  g_free (f->folder);
  g_mutex_clear (&f->lock);
  g_cond_clear (&f->cond);
}

/* MPEG-1 layer 3, 48 kHz, 128 kbit/s: 24 ms each */
static void
push (Fixture * f, guint n)
{
  for (guint i = 0; i < n; i++) {
    GstBuffer *buffer = gst_buffer_new_allocate (NULL, 384, NULL);
    GstFlowReturn ret;

    gst_buffer_memset (buffer, 0, 0x55, 384);
    gst_buffer_fill (buffer, 0, "\xff\xfb\x94\x00", 4);
    GST_BUFFER_PTS (buffer) = f->frames++ * 24 * GST_MSECOND;
    GST_BUFFER_DURATION (buffer) = 24 * GST_MSECOND;
    g_signal_emit_by_name (f->source, "push-buffer", buffer, &ret);
    gst_buffer_unref (buffer);
    g_assert_cmpint (ret, ==, GST_FLOW_OK);
  }
}

static void
finish (Fixture * f)
{
  GstFlowReturn ret;

  g_signal_emit_by_name (f->source, "end-of-stream", &ret);
}

static guint64
segments (Fixture * f)
{
  g_autoptr (GstStructure) stats = NULL;
  guint64 n;

  g_object_get (f->sink, "stats", &stats, NULL);
  g_assert_true (gst_structure_get_uint64 (stats, "segments", &n));
  return n;
}

/* The thread in which the pipeline went on to PLAYING says that it did so after that can be
 * seen, and after another change may have begun: success is the end of none that is pending. */
static void
assert_state (Fixture * f, GstState wanted)
{
  GstState state, pending;

  do {
    g_assert_cmpint (gst_element_get_state (f->pipeline, &state, &pending,
            WAIT), ==, GST_STATE_CHANGE_SUCCESS);
    g_thread_yield ();
  } while (pending != GST_STATE_VOID_PENDING);
  g_assert_cmpint (state, ==, wanted);
}

/* One of the sink's EOS messages, which the pipeline forwards. */
static void
count_end (Fixture * f, GstMessage * message)
{
  if (GST_MESSAGE_TYPE (message) != GST_MESSAGE_EOS
      || GST_MESSAGE_SRC (message) != GST_OBJECT (f->sink))
    return;
  f->end_seqnum = gst_message_get_seqnum (message);
  f->ends++;
}

/* Waits for the pipeline's EOS, and counts those of the sink. */
static void
until_end (Fixture * f)
{
  for (;;) {
    g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (f->bus, WAIT,
        GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT);
    const GstStructure *s;

    g_assert_nonnull (message);
    g_assert_cmpint (GST_MESSAGE_TYPE (message), !=, GST_MESSAGE_ERROR);
    s = gst_message_get_structure (message);
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS) {
      g_assert_cmpuint (gst_message_get_seqnum (message), ==, f->end_seqnum);
      return;
    }
    if (gst_structure_has_name (s, "GstBinForwarded")) {
      g_autoptr (GstMessage) inner = NULL;

      gst_structure_get (s, "message", GST_TYPE_MESSAGE, &inner, NULL);
      count_end (f, inner);
    }
  }
}

static void
test_preroll (void)
{
  Fixture f;

  fixture_init (&f, FALSE);
  g_assert_cmpint (gst_element_set_state (f.pipeline, GST_STATE_PAUSED), ==,
      GST_STATE_CHANGE_ASYNC);
  push (&f, 200);
  assert_state (&f, GST_STATE_PAUSED);
  g_assert_cmpuint (segments (&f), ==, 0);
  g_assert_cmpint (gst_element_set_state (f.pipeline, GST_STATE_PLAYING), !=,
      GST_STATE_CHANGE_FAILURE);
  finish (&f);
  until_end (&f);
  g_assert_cmpuint (segments (&f), ==, 5);
  g_assert_cmpuint (f.ends, ==, 1);
  fixture_clear (&f);
}

/* An end is as good as a buffer; it is told in PLAYING only, and once. */
static void
test_end_in_paused (void)
{
  Fixture f;
  g_autoptr (GstMessage) early = NULL;

  for (guint frames = 0; frames < 2; frames++) {
    fixture_init (&f, FALSE);
    gst_element_set_state (f.pipeline, GST_STATE_PAUSED);
    push (&f, frames * 100);
    finish (&f);
    assert_state (&f, GST_STATE_PAUSED);
    early = gst_bus_pop_filtered (f.bus, GST_MESSAGE_EOS);
    g_assert_null (early);
    gst_element_set_state (f.pipeline, GST_STATE_PLAYING);
    until_end (&f);
    /* and again to and fro: it has been told */
    gst_element_set_state (f.pipeline, GST_STATE_PAUSED);
    assert_state (&f, GST_STATE_PAUSED);
    gst_element_set_state (f.pipeline, GST_STATE_PLAYING);
    assert_state (&f, GST_STATE_PLAYING);
    g_assert_cmpuint (f.ends, ==, 1);
    fixture_clear (&f);
  }
}

/* The number that the end came with is that of the message. */
static void
test_seqnum (void)
{
  Fixture f;
  GstEvent *end = gst_event_new_eos ();
  guint32 seqnum = gst_event_get_seqnum (end);

  fixture_init (&f, FALSE);
  gst_element_set_state (f.pipeline, GST_STATE_PLAYING);
  push (&f, 100);
  assert_state (&f, GST_STATE_PLAYING);
  gst_element_send_event (f.source, end);
  until_end (&f);
  g_assert_cmpuint (f.end_seqnum, ==, seqnum);
  fixture_clear (&f);
}

static void
test_pause (void)
{
  Fixture f;
  guint64 held;

  fixture_init (&f, FALSE);
  gst_element_set_state (f.pipeline, GST_STATE_PLAYING);
  push (&f, 100);
  assert_state (&f, GST_STATE_PLAYING);
  for (guint i = 0; i < 5; i++) {
    gst_element_set_state (f.pipeline, GST_STATE_PAUSED);
    push (&f, 100);
    assert_state (&f, GST_STATE_PAUSED);
    held = segments (&f);
    g_assert_cmpint (gst_element_set_state (f.pipeline, GST_STATE_PLAYING), !=,
        GST_STATE_CHANGE_FAILURE);
    assert_state (&f, GST_STATE_PLAYING);
    g_assert_cmpuint (held, <=, 3 * (i + 1));
  }
  finish (&f);
  until_end (&f);
  /* nothing was lost: 600 frames are 14.4 s */
  g_assert_cmpuint (segments (&f), ==, 15);
  fixture_clear (&f);
}

static void
test_flush (void)
{
  Fixture f;

  fixture_init (&f, FALSE);
  gst_element_set_state (f.pipeline, GST_STATE_PLAYING);
  push (&f, 100);
  assert_state (&f, GST_STATE_PLAYING);
  for (guint i = 0; i < 5; i++) {
    GstState state;

    g_assert_true (gst_element_send_event (f.source,
            gst_event_new_flush_start ()));
    /* what was prerolled is gone: it waits for more */
    gst_element_get_state (f.pipeline, &state, NULL, 0);
    g_assert_cmpint (state, ==, GST_STATE_PAUSED);
    g_assert_true (gst_element_send_event (f.source,
            gst_event_new_flush_stop (FALSE)));
    push (&f, 100);
    assert_state (&f, GST_STATE_PLAYING);
  }
  finish (&f);
  until_end (&f);
  g_assert_cmpuint (f.ends, ==, 1);
  fixture_clear (&f);
}

/* Live sources: PLAYING is reached before anything comes. */
static void
test_live (void)
{
  Fixture f;

  fixture_init (&f, TRUE);
  g_assert_cmpint (gst_element_set_state (f.pipeline, GST_STATE_PAUSED), ==,
      GST_STATE_CHANGE_NO_PREROLL);
  gst_element_set_state (f.pipeline, GST_STATE_PLAYING);
  assert_state (&f, GST_STATE_PLAYING);
  push (&f, 100);
  finish (&f);
  until_end (&f);
  g_assert_cmpuint (segments (&f), ==, 3);
  fixture_clear (&f);
}

static void
test_again (void)
{
  Fixture f;

  fixture_init (&f, FALSE);
  for (guint i = 0; i < 3; i++) {
    gst_element_set_state (f.pipeline, GST_STATE_PLAYING);
    push (&f, 100);
    finish (&f);
    until_end (&f);
    g_assert_cmpuint (f.ends, ==, i + 1);
    g_assert_cmpint (gst_element_set_state (f.pipeline, GST_STATE_READY), ==,
        GST_STATE_CHANGE_SUCCESS);
  }
  /* nothing came, and something is held: neither keeps it from stopping */
  gst_element_set_state (f.pipeline, GST_STATE_PAUSED);
  g_assert_cmpint (gst_element_set_state (f.pipeline, GST_STATE_READY), ==,
      GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state (f.pipeline, GST_STATE_PAUSED);
  push (&f, 100);
  assert_state (&f, GST_STATE_PAUSED);
  g_assert_cmpint (gst_element_set_state (f.pipeline, GST_STATE_NULL), ==,
      GST_STATE_CHANGE_SUCCESS);
  fixture_clear (&f);
}

/* Holds the thread that says that the pipeline is PAUSED until it is PLAYING, if it can
 * get there meanwhile; then it must not, and the wait has to end by itself. */
static GstBusSyncReply
hold_paused (GstBus * bus, GstMessage * message, gpointer user)
{
  Fixture *f = user;
  GstState state;

  if (GST_MESSAGE_TYPE (message) != GST_MESSAGE_STATE_CHANGED
      || GST_MESSAGE_SRC (message) != GST_OBJECT (f->pipeline))
    return GST_BUS_PASS;
  gst_message_parse_state_changed (message, NULL, &state, NULL);
  if (state != GST_STATE_PAUSED)
    return GST_BUS_PASS;
  g_mutex_lock (&f->lock);
  f->paused = TRUE;
  g_cond_broadcast (&f->cond);
  while (!f->playing
      && g_cond_wait_until (&f->cond, &f->lock,
          g_get_monotonic_time () + 300 * G_TIME_SPAN_MILLISECOND));
  g_mutex_unlock (&f->lock);
  return GST_BUS_PASS;
}

static void
play_when_paused (Fixture * f)
{
  g_mutex_lock (&f->lock);
  while (!f->paused)
    g_cond_wait (&f->cond, &f->lock);
  g_mutex_unlock (&f->lock);
  gst_element_set_state (f->pipeline, GST_STATE_PLAYING);
  g_mutex_lock (&f->lock);
  f->playing = TRUE;
  g_cond_broadcast (&f->cond);
  g_mutex_unlock (&f->lock);
}

/* As gst-launch-1.0 does: PLAYING is asked for as soon as PAUSED is told. GstBin forgets
 * that it is PLAYING where that goes through too early, and EOS never comes. */
static void
test_fast_application (void)
{
  Fixture f;

  fixture_init (&f, FALSE);
  gst_bus_set_sync_handler (f.bus, hold_paused, &f, NULL);
  gst_element_set_state (f.pipeline, GST_STATE_PAUSED);
  push (&f, 100);
  play_when_paused (&f);
  finish (&f);
  until_end (&f);
  gst_bus_set_sync_handler (f.bus, NULL, NULL, NULL);
  fixture_clear (&f);
}

static gpointer
say_done (gpointer element)
{
  gst_element_post_message (element,
      gst_message_new_async_done (element, GST_CLOCK_TIME_NONE));
  return NULL;
}

/* A decodebin before one of the pads is done after the other one's data came. Whatever
 * thread that is in, the pipeline is not PAUSED by it but by the sink, or EOS never comes. */
static void
test_last (void)
{
  Fixture f;
  GstElement *other = gst_element_factory_make ("identity", NULL);
  GThread *thread;

  fixture_init (&f, FALSE);
  gst_bin_add (GST_BIN (f.pipeline), other);
  gst_bus_set_sync_handler (f.bus, hold_paused, &f, NULL);
  gst_element_set_state (f.pipeline, GST_STATE_PAUSED);
  gst_element_post_message (other,
      gst_message_new_async_start (GST_OBJECT (other)));
  push (&f, 100);
  g_assert_cmpint (gst_element_get_state (f.sink, NULL, NULL,
          100 * GST_MSECOND), ==, GST_STATE_CHANGE_ASYNC);
  thread = g_thread_new ("other", say_done, other);
  play_when_paused (&f);
  g_thread_join (thread);
  finish (&f);
  until_end (&f);
  gst_bus_set_sync_handler (f.bus, NULL, NULL, NULL);
  fixture_clear (&f);
}

/* An application that looks at the figures with each message, in the thread that posts it. */
static GstBusSyncReply
read_stats (GstBus * bus, GstMessage * message, gpointer user)
{
  g_autoptr (GstStructure) stats = NULL;

  g_object_get (user, "stats", &stats, NULL);
  g_assert_nonnull (stats);
  gst_message_unref (message);
  return GST_BUS_DROP;
}

#define TURNS 5000

static gint going;

static gpointer
end_again_and_again (gpointer user)
{
  while (g_atomic_int_get (&going)) {
    gst_pad_send_event (user, gst_event_new_stream_start ("s"));
    gst_pad_send_event (user, gst_event_new_eos ());
  }
  return NULL;
}

/* So that who wants the element's lock has to wait for it now and then. */
static gpointer
read_on_and_on (gpointer user)
{
  while (g_atomic_int_get (&going)) {
    g_autoptr (GstStructure) stats = NULL;

    g_object_get (user, "stats", &stats, NULL);
  }
  return NULL;
}

/* One pad is flushed while the other one ends: what is posted then holds up nobody who
 * holds what a reader of the figures waits for. */
static void
test_stats_in_messages (void)
{
  GstElement *sink = gst_element_factory_make ("hlsalignsink", NULL);
  GstElement *pipeline = gst_pipeline_new (NULL);
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstPad) audio = NULL;
  g_autoptr (GstPad) video = NULL;
  GThread *thread, *readers[2];

  gst_bin_add (GST_BIN (pipeline), sink);
  audio = gst_element_request_pad_simple (sink, "audio");
  video = gst_element_request_pad_simple (sink, "video");
  gst_bus_set_sync_handler (bus, read_stats, sink, NULL);
  g_object_set (sink, "playlist-location", "", NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_assert_true (gst_pad_send_event (video, gst_event_new_eos ()));
  g_atomic_int_set (&going, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
    readers[i] = g_thread_new ("reads", read_on_and_on, sink);
  thread = g_thread_new ("ends", end_again_and_again, audio);
  for (guint i = 0; i < TURNS; i++) {
    gst_pad_send_event (video, gst_event_new_flush_start ());
    gst_pad_send_event (video, gst_event_new_flush_stop (FALSE));
    /* the next end commits what the flush began */
    g_assert_cmpint (gst_element_get_state (pipeline, NULL, NULL, WAIT), ==,
        GST_STATE_CHANGE_SUCCESS);
  }
  g_atomic_int_set (&going, FALSE);
  g_thread_join (thread);
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
    g_thread_join (readers[i]);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_bus_set_sync_handler (bus, NULL, NULL, NULL);
  gst_object_unref (pipeline);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/hlsalignsink/states/preroll", test_preroll);
  g_test_add_func ("/hlsalignsink/states/end-in-paused", test_end_in_paused);
  g_test_add_func ("/hlsalignsink/states/seqnum", test_seqnum);
  g_test_add_func ("/hlsalignsink/states/pause", test_pause);
  g_test_add_func ("/hlsalignsink/states/flush", test_flush);
  g_test_add_func ("/hlsalignsink/states/live", test_live);
  g_test_add_func ("/hlsalignsink/states/again", test_again);
  g_test_add_func ("/hlsalignsink/states/fast-application",
      test_fast_application);
  g_test_add_func ("/hlsalignsink/states/last", test_last);
  g_test_add_func ("/hlsalignsink/states/stats-in-messages",
      test_stats_in_messages);
  return g_test_run ();
}
