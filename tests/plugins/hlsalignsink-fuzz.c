/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hlsalignsink given caps, timestamps, buffers and events that no sane upstream would:
 * each upstream seeded. It must not crash, hang, or say anything
 * critical (G_DEBUG=fatal-criticals), and must write no more than it was given. */
#include <gst/gst.h>
#include <glib/gstdio.h>

#include <string.h>

#define ROUNDS 30
#define STEPS 250

static const char *const video_caps[] = {
  "video/x-h264,stream-format=byte-stream,alignment=au",
  ("video/x-h264,stream-format=byte-stream,alignment=au,width=640,height=360,"
      "framerate=30/1"),
  ("video/x-h264,stream-format=byte-stream,alignment=au,width=-1,height=0,"
      "framerate=0/1"),
  "video/x-h264,stream-format=avc,alignment=au",
  ("video/x-h264,stream-format=avc,alignment=au,codec_data=(buffer)"
      "0142c01effe1000967640028acd940780201000568ebecb22c"),
  "video/x-h264,stream-format=avc,alignment=au,codec_data=(buffer)01",
  ("video/x-h264,stream-format=avc3,alignment=au,codec_data=(buffer)"
      "0142c01effffffffffffffff"),
};

static const char *const audio_caps[] = {
  "audio/mpeg,mpegversion=1,layer=3,rate=48000,channels=2",
  "audio/mpeg,mpegversion=1,layer=1,rate=1,channels=64",
  "audio/mpeg,mpegversion=1,layer=3,rate=0,channels=0",
  "audio/mpeg,mpegversion=1,layer=3,rate=-5",
  "audio/mpeg,mpegversion=4,stream-format=adts,rate=44100,channels=2",
  ("audio/mpeg,mpegversion=4,stream-format=raw,rate=48000,channels=2,"
      "codec_data=(buffer)1190"),
  "audio/mpeg,mpegversion=4,stream-format=raw,rate=48000,channels=2",
  "audio/mpeg,mpegversion=2,stream-format=raw,codec_data=(buffer)ff",
  "audio/mpeg,mpegversion=4,stream-format=adts,rate=2147483647,channels=8",
};

/* One upstream, with a thread of its own: the sink may make it wait for the other. */
typedef struct
{
  GRand *rand;
  guint kind;                   /* 0: video, 1: audio */
  GstPad *in, *out;             /* the sink's request pad, and what pushes into it */
  GThread *thread;
  gsize given;                  /* bytes */
  guint buffers;
} Fuzz;

static guint64
random_time (GRand * rand)
{
  switch (g_rand_int_range (rand, 0, 12)) {
    case 0:
      return GST_CLOCK_TIME_NONE;
    case 1:
      return G_MAXUINT64 - 1;
    case 2:
      return ((guint64) g_rand_int (rand) << 32) | g_rand_int (rand);
    case 3:
      return 0;
    default:
      return g_rand_int_range (rand, 0, 20000) * GST_MSECOND;
  }
}

static void
push_caps (Fuzz * f)
{
  const char *text = f->kind == 0
      ? video_caps[g_rand_int_range (f->rand, 0, G_N_ELEMENTS (video_caps))]
      : audio_caps[g_rand_int_range (f->rand, 0, G_N_ELEMENTS (audio_caps))];
  g_autoptr (GstCaps) caps = gst_caps_from_string (text);

  g_assert_nonnull (caps);
  gst_pad_push_event (f->out, gst_event_new_caps (caps));
}

static void
push_segment (Fuzz * f)
{
  GstSegment segment;

  gst_segment_init (&segment, g_rand_int_range (f->rand, 0, 8)
      ? GST_FORMAT_TIME : GST_FORMAT_BYTES);
  if (segment.format == GST_FORMAT_TIME && g_rand_boolean (f->rand)) {
    segment.start = g_rand_int_range (f->rand, 0, 5000) * GST_MSECOND;
    segment.base = g_rand_int_range (f->rand, 0, 5000) * GST_MSECOND;
    segment.time = segment.start;
  }
  if (g_rand_int_range (f->rand, 0, 6) == 0)
    segment.rate = -1.0;
  gst_pad_push_event (f->out, gst_event_new_segment (&segment));
}

/* Bytes that begin as a frame of the kind does, or as nothing does. */
static void
push_buffer (Fuzz * f)
{
  static const guint8 starts[][8] = {
    {0, 0, 0, 1, 0x65, 0x88, 0x84, 0}, {0, 0, 0, 1, 0x41, 0x9a, 0, 0},
    {0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 0xff}, {0xff, 0xfb, 0x94, 0x64, 0, 0, 0,
        0}, {0xff, 0xf1, 0x4c, 0x80, 0xff, 0xff, 0xfc, 0}, {0, 0, 0, 4, 0x65,
        0x88, 0x84, 0}, {0xff, 0xff, 0xff, 0xff, 0x65, 0, 0, 0},
  };
  guint size = g_rand_int_range (f->rand, 0, 900);
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  for (guint i = 0; i < size; i++)
    map.data[i] = (guint8) g_rand_int (f->rand);
  if (size > 0 && g_rand_int_range (f->rand, 0, 5))
    memcpy (map.data, starts[g_rand_int_range (f->rand, 0,
                G_N_ELEMENTS (starts))], MIN (size, 8));
  gst_buffer_unmap (buffer, &map);
  GST_BUFFER_PTS (buffer) = random_time (f->rand);
  GST_BUFFER_DTS (buffer) = g_rand_boolean (f->rand) ? GST_BUFFER_PTS (buffer)
      : random_time (f->rand);
  GST_BUFFER_DURATION (buffer) = random_time (f->rand);
  if (g_rand_boolean (f->rand))
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  if (g_rand_int_range (f->rand, 0, 10) == 0)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  f->given += size;
  f->buffers++;
  gst_pad_push (f->out, buffer);
}

static void
one_step (Fuzz * f)
{
  switch (g_rand_int_range (f->rand, 0, 60)) {
    case 0:
      push_caps (f);
      break;
    case 1:
      push_segment (f);
      break;
    case 2:
      gst_pad_push_event (f->out,
          gst_event_new_gap (g_rand_int_range (f->rand, 0, 20000) * GST_MSECOND,
              g_rand_boolean (f->rand) ? GST_SECOND : GST_CLOCK_TIME_NONE));
      break;
    case 3:
      gst_pad_push_event (f->out, gst_event_new_flush_start ());
      gst_pad_push_event (f->out, gst_event_new_flush_stop (TRUE));
      push_segment (f);
      break;
    case 4:
      if (g_rand_int_range (f->rand, 0, 8) == 0)
        gst_pad_push_event (f->out, gst_event_new_eos ());
      break;
    case 5:
      gst_pad_push_event (f->out,
          gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
              gst_structure_new_empty ("anything")));
      break;
    default:
      push_buffer (f);
      break;
  }
}

static gpointer
upstream (gpointer data)
{
  Fuzz *f = data;

  gst_pad_push_event (f->out, gst_event_new_stream_start (f->kind ? "audio"
          : "video"));
  push_caps (f);
  push_segment (f);
  for (guint i = 0; i < STEPS; i++)
    one_step (f);
  gst_pad_push_event (f->out, gst_event_new_eos ());
  return NULL;
}

static Fuzz *
fuzz_new (GstElement * sink, guint kind, guint seed)
{
  static const char *const names[] = { "video", "audio" };
  Fuzz *f = g_new0 (Fuzz, 1);

  f->rand = g_rand_new_with_seed (2 * seed + kind);
  f->kind = kind;
  f->in = gst_element_request_pad_simple (sink, names[kind]);
  f->out = gst_pad_new (names[kind], GST_PAD_SRC);
  gst_pad_set_active (f->out, TRUE);
  g_assert_cmpint (gst_pad_link (f->out, f->in), ==, GST_PAD_LINK_OK);
  return f;
}

static void
fuzz_free (Fuzz * f, GstElement * sink)
{
  gst_pad_set_active (f->out, FALSE);
  gst_pad_unlink (f->out, f->in);
  gst_element_release_request_pad (sink, f->in);
  gst_object_unref (f->in);
  gst_object_unref (f->out);
  g_rand_free (f->rand);
  g_free (f);
}

static gsize
remove_folder (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  gsize bytes = 0;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *file = g_build_filename (path, name, NULL);
    GStatBuf info;

    if (g_stat (file, &info) == 0 && g_str_has_suffix (name, ".ts"))
      bytes += info.st_size;
    g_unlink (file);
  }
  g_rmdir (path);
  return bytes;
}

static void
one_round (guint seed)
{
  g_autofree char *folder = g_dir_make_tmp ("lockstep-fuzz-XXXXXX", NULL);
  g_autofree char *segments = g_build_filename (folder, "s%05d.ts", NULL);
  g_autofree char *playlist = g_build_filename (folder, "index.m3u8", NULL);
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  guint kinds = g_rand_int_range (rand, 1, 4), buffers = 0;
  gsize written, given = 0;
  Fuzz *fuzz[2] = { NULL, NULL };
  GstElement *sink = gst_element_factory_make ("hlsalignsink", NULL);
  /* which brings it back to PLAYING after a flush */
  GstElement *pipeline = gst_pipeline_new (NULL);

  gst_bin_add (GST_BIN (pipeline), sink);

  g_object_set (sink, "location", segments, "playlist-location", playlist,
      "target-duration", g_rand_double_range (rand, 0.1, 3.0),
      "epoch-lock", g_rand_boolean (rand), NULL);
  g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PLAYING), !=,
      GST_STATE_CHANGE_FAILURE);
  for (guint kind = 0; kind < 2; kind++)
    if (kinds & (1 << kind))
      fuzz[kind] = fuzz_new (sink, kind, seed);
  for (guint kind = 0; kind < 2; kind++)
    if (fuzz[kind] != NULL)
      fuzz[kind]->thread = g_thread_new ("upstream", upstream, fuzz[kind]);
  for (guint kind = 0; kind < 2; kind++)
    if (fuzz[kind] != NULL)
      g_thread_join (fuzz[kind]->thread);
  g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_NULL), ==,
      GST_STATE_CHANGE_SUCCESS);
  for (guint kind = 0; kind < 2; kind++) {
    if (fuzz[kind] == NULL)
      continue;
    given += fuzz[kind]->given;
    buffers += fuzz[kind]->buffers;
    fuzz_free (fuzz[kind], sink);
  }
  gst_object_unref (pipeline);
  written = remove_folder (folder);
  /* each buffer is a PES packet, in packets of 188 bytes, with tables and clock
   * references: a handful of packets a buffer beyond its own bytes */
  g_assert_cmpuint (written, <=, 2 * given + buffers * 188 * 8 + 1000000);
}

static void
test_anything (void)
{
  for (guint seed = 1; seed <= ROUNDS; seed++)
    one_round (seed);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/hlsalignsink/fuzz/anything", test_anything);
  return g_test_run ();
}
