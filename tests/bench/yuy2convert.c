/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* yuy2convert, pushed frames as in a pipeline, beside libyuv called directly, videoconvert and
 * swscale. Frames in and out rotate through more memory than a cache holds, rounds of the
 * contenders are interleaved, and each row is a median.
 *   bench-yuy2convert [--format F] [--interlaced] [--size WxH] [--read] [--seconds N]
 *                              on the processor; without --size at 1080p, 4K and 8K;
 *                              --read: each frame is read at once, as by an encoder
 *   bench-yuy2convert --cuda   into CUDA memory, of 8K frames
 *   bench-yuy2convert --check  every byte of that against the reference, many kinds of frames
 * The peers do the same work by their own means: two fields one after the other where the video is
 * interlaced; libyuv gives YVYU and VYUY with V before U, since it has no more for them. */
#include <gst/check/gstharness.h>
#include <gst/lockstep/yuy2.h>
#include <gst/video/video.h>
#include <libyuv/planar_functions.h>
#ifdef HAVE_SWSCALE
#include <libswscale/swscale.h>
#endif

#include <stdio.h>
#include <string.h>

#define ROTATED (400 << 20)     /* bytes of input */
#define MAX_FRAMES 128
#define ROUNDS 9
/* Frames that the card is let have: more than the element keeps under way. */
#define UNDER_WAY 4

static gchar *format = "YUY2";
static gdouble seconds = 0.3;   /* of a contender's turn */
static gboolean cuda, interlaced, check, reads;
static gchar *size;

typedef struct
{
  GstHarness *h;
  GstBuffer *in[MAX_FRAMES], *out[MAX_FRAMES];
  guint8 *raw_out[MAX_FRAMES];
  guint n, next;                /* frames that rotate */
  guint under_way, next_out;    /* pushed and not pulled yet */
  GstVideoInfo info;
  gpointer sws;
  guint64 sum;                  /* of what was read, so that it is */
} Bench;

typedef void (*Convert) (Bench * b, guint i);

typedef struct
{
  const gchar *name;
  Convert convert;
  const gchar *element;
} Contender;

static void
pull (Bench * b)
{
  GstBuffer *out = gst_harness_pull (b->h);

  if (!out) {
    fprintf (stderr, "no frame comes out\n");
    exit (1);
  }
  /* held, so that the pool has to rotate too */
  gst_clear_buffer (&b->out[b->next_out]);
  b->out[b->next_out] = out;
  b->next_out = (b->next_out + 1) % b->n;
  b->under_way--;
}

static void
by_element (Bench * b, guint i)
{
  GstFlowReturn flow = gst_harness_push (b->h, gst_buffer_ref (b->in[i]));

  if (flow != GST_FLOW_OK) {
    g_autofree gchar *reason = NULL;

    if (cuda)
      gst_harness_get (b->h, "yuy2convert", "path-reason", &reason, NULL);
    fprintf (stderr, "a frame is not taken: %s%s%s\n",
        gst_flow_get_name (flow), reason ? ": " : "", reason ? reason : "");
    exit (1);
  }
  /* the card is given the next frame before it is done with this one */
  b->under_way++;
  while (b->under_way > (cuda ? UNDER_WAY : 0))
    pull (b);
}

static const guint8 *
map_in (Bench * b, guint i, GstMapInfo * map)
{
  g_assert (gst_buffer_map (b->in[i], map, GST_MAP_READ));
  return map->data;
}

static void
by_libyuv (Bench * b, guint i)
{
  gint w = b->info.width, fields = interlaced ? 2 : 1;
  gint rows = b->info.height / fields;
  guint8 *y = b->raw_out[i], *uv = y + (gsize) w * b->info.height;
  gint step = w * fields;
  GstMapInfo map;
  const guint8 *src = map_in (b, i, &map);

  for (gint f = 0; f < fields; f++, src += 2 * w, y += w, uv += w) {
    if (g_str_equal (format, "UYVY") || g_str_equal (format, "VYUY"))
      UYVYToNV12 (src, step * 2, y, step, uv, step, w, rows);
    else
      YUY2ToNV12 (src, step * 2, y, step, uv, step, w, rows);
  }
  gst_buffer_unmap (b->in[i], &map);
}

static void
by_memcpy (Bench * b, guint i)
{
  GstMapInfo map;
  const guint8 *src = map_in (b, i, &map);

  memcpy (b->raw_out[i], src, (gsize) b->info.width * b->info.height * 3 / 2);
  gst_buffer_unmap (b->in[i], &map);
}

#ifdef HAVE_SWSCALE
static void
by_swscale (Bench * b, guint i)
{
  gint w = b->info.width, h = b->info.height, fields = interlaced ? 2 : 1;
  GstMapInfo map;
  const guint8 *src[4] = { map_in (b, i, &map) };
  guint8 *dst[4] = { b->raw_out[i], b->raw_out[i] + (gsize) w * h };
  gint src_stride[4] = { w * 2 * fields };
  gint dst_stride[4] = { w * fields, w * fields };

  for (gint f = 0; f < fields; f++) {
    sws_scale (b->sws, src, src_stride, 0, h / fields, dst, dst_stride);
    src[0] += w * 2;
    dst[0] += w;
    dst[1] += w;
  }
  gst_buffer_unmap (b->in[i], &map);
}
#endif

static const Contender contenders[] = {
  {"libyuv, called directly", by_libyuv},
  {"yuy2convert", by_element, "yuy2convert device=cpu"},
  {"yuy2convert n-threads=1", by_element, "yuy2convert device=cpu n-threads=1"},
  {"videoconvert", by_element, "videoconvert"},
  {"videoconvert n-threads=2", by_element, "videoconvert n-threads=2"},
  {"memcpy of as many bytes as come out", by_memcpy},
#ifdef HAVE_SWSCALE
  /* the last: it has no VYUY */
  {"swscale, fast bilinear", by_swscale},
#endif
};

static void
bench_init (Bench * b, const Contender * c, guint width, guint height)
{
  gst_video_info_set_format (&b->info, gst_video_format_from_string (format),
      width, height);
  b->info.fps_n = 60;
  if (interlaced)
    GST_VIDEO_INFO_INTERLACE_MODE (&b->info) =
        GST_VIDEO_INTERLACE_MODE_INTERLEAVED;
  b->n = CLAMP (ROTATED / (guint) b->info.size, 4, MAX_FRAMES);
  if (c->element) {
    g_autoptr (GstCaps) caps = gst_video_info_to_caps (&b->info);

    b->h = gst_harness_new_parse (c->element);
    gst_harness_set_sink_caps_str (b->h, cuda ?
        "video/x-raw(memory:CUDAMemory),format=NV12" :
        "video/x-raw,format=NV12");
    gst_harness_set_src_caps (b->h, g_steal_pointer (&caps));
  }
#ifdef HAVE_SWSCALE
  if (c->convert == by_swscale) {
    int rows = (int) height / (interlaced ? 2 : 1);

    b->sws = sws_getContext ((int) width, rows, g_str_equal (format, "UYVY") ?
        AV_PIX_FMT_UYVY422 : g_str_equal (format, "YVYU") ?
        AV_PIX_FMT_YVYU422 : AV_PIX_FMT_YUYV422, (int) width, rows,
        AV_PIX_FMT_NV12, SWS_FAST_BILINEAR, NULL, NULL, NULL);
  }
#endif
}

/* Contenders share the frames, which are made once. On the way to the card they are of the
 * pool that the element proposes, or else of memory that comes again and is registered. */
static void
frames_init (Bench * b, GstBuffer ** in, guint8 ** out, gboolean of_pool)
{
  for (guint i = 0; i < b->n; i++) {
    if (!in[i]) {
      in[i] = of_pool ? gst_harness_create_buffer (b->h, b->info.size) :
          gst_buffer_new_allocate (NULL, b->info.size, NULL);
      gst_buffer_memset (in[i], 0, (guint8) (i + 1), b->info.size);
    }
    if (!out[i]) {
      out[i] = g_malloc (b->info.size);
      memset (out[i], 1, b->info.size);
    }
    b->in[i] = in[i];
    b->raw_out[i] = out[i];
  }
}

static void
bench_clear (Bench * b)
{
  for (guint i = 0; i < b->n; i++)
    gst_clear_buffer (&b->out[i]);
  if (b->h)
    gst_harness_teardown (b->h);
#ifdef HAVE_SWSCALE
  sws_freeContext (b->sws);
#endif
}

/* Reads the last frame that came out. */
static void
read_frame (Bench * b, const Contender * c, guint i)
{
  gsize size = (gsize) b->info.width * b->info.height * 3 / 2;
  const guint8 *data = b->raw_out[i];
  GstMapInfo map;
  guint64 s = 0, word;

  if (c->element) {
    g_assert (gst_buffer_map (b->out[(b->next_out + b->n - 1) % b->n], &map,
            GST_MAP_READ));
    data = map.data;
    size = MIN (size, map.size);
  }
  for (gsize k = 0; k + sizeof word <= size; k += sizeof word) {
    memcpy (&word, data + k, sizeof word);
    s += word;
  }
  b->sum += s;
  if (c->element)
    gst_buffer_unmap (b->out[(b->next_out + b->n - 1) % b->n], &map);
}

/* Milliseconds of a frame, over one turn. */
static gdouble
turn (Bench * b, const Contender * c)
{
  gint64 start = g_get_monotonic_time (), now;
  guint frames = 0;

  do {
    c->convert (b, b->next);
    if (reads)
      read_frame (b, c, b->next);
    b->next = (b->next + 1) % b->n;
    frames++;
    now = g_get_monotonic_time ();
  } while (now - start < seconds * G_USEC_PER_SEC || frames < 3);
  if (b->under_way) {
    while (b->under_way)
      pull (b);
    now = g_get_monotonic_time ();
  }
  return (gdouble) (now - start) / 1000 / frames;
}

static gint
compare (gconstpointer a, gconstpointer b)
{
  gdouble d = *(const gdouble *) a - *(const gdouble *) b;

  return d < 0 ? -1 : d > 0;
}

static void
run_size (guint width, guint height)
{
  static const Contender on_card[] = {
    {"of the pinned pool into CUDA memory", by_element,
        "yuy2convert device=cuda"},
    {"the same, one frame at a time", by_element,
        "yuy2convert device=cuda frames-in-flight=1"},
    {"of registered memory into CUDA memory", by_element,
        "yuy2convert device=cuda"},
  };
  const Contender *list = cuda ? on_card : contenders;
  guint n = cuda ? G_N_ELEMENTS (on_card) : G_N_ELEMENTS (contenders);
  gdouble times[G_N_ELEMENTS (contenders)][ROUNDS];
  Bench benches[G_N_ELEMENTS (contenders)] = { 0 };
  GstBuffer *in[MAX_FRAMES] = { 0 }, *registered[MAX_FRAMES] = { 0 };
  guint8 *out[MAX_FRAMES] = { 0 };

#ifdef HAVE_SWSCALE
  if (!cuda && g_str_equal (format, "VYUY"))
    n--;
#endif
  for (guint k = 0; k < n; k++) {
    bench_init (&benches[k], &list[k], width, height);
    frames_init (&benches[k], cuda && k == 2 ? registered : in, out,
        cuda && k < 2);
    /* warm, and the threads' number found; outputs are made */
    for (guint i = 0; i < MAX (benches[k].n + 1, 40); i++)
      list[k].convert (&benches[k], i % benches[k].n);
    while (benches[k].under_way)
      pull (&benches[k]);
  }
  for (guint r = 0; r < ROUNDS; r++) {
    for (guint k = 0; k < n; k++)
      times[k][r] = turn (&benches[k], &list[k]);
  }
  for (guint k = 0; k < n; k++)
    qsort (times[k], ROUNDS, sizeof (gdouble), compare);
  for (guint k = 0; k < n; k++) {
    gdouble ms = times[k][ROUNDS / 2];

    printf ("| %ux%u%s %s | %s | %.2f | %.2f - %.2f | %.0f | %.2f |\n", width,
        height, interlaced ? "i" : "", format, list[k].name, ms, times[k][0],
        times[k][ROUNDS - 1], 1000 / ms, times[0][ROUNDS / 2] / ms);
    fflush (stdout);
  }
  for (guint k = 0; cuda && k < n; k++) {
    g_autoptr (GstStructure) stats = NULL;
    g_autofree gchar *reason = NULL, *text = NULL;

    gst_harness_get (benches[k].h, "yuy2convert", "stats", &stats,
        "path-reason", &reason, NULL);
    text = gst_structure_to_string (stats);
    printf ("%s: %s\n%s\n", list[k].name, reason, text);
  }
  for (guint k = 0; k < n; k++)
    bench_clear (&benches[k]);
  for (guint i = 0; i < MAX_FRAMES; i++) {
    gst_clear_buffer (&in[i]);
    gst_clear_buffer (&registered[i]);
    g_free (out[i]);
  }
}

/* Frames of noise in and out of the card, by the pool's memory and by other. */
static guint
check_video (GRand * rand, LockstepYuy2Order order, guint width, guint height)
{
  const guint frames = 4;
  GstBuffer *in[4];
  LockstepYuy2Picture p = { order, interlaced, width, height };
  gsize half = GST_ROUND_UP_2 ((gsize) width);
  g_autofree guint8 *y = g_malloc (half * height);
  g_autofree guint8 *uv = NULL;
  Bench b = { 0 };
  GstVideoInfo out_info;

  p.uv_rows = lockstep_yuy2_uv_rows (height, interlaced);
  p.y_stride = p.uv_stride = half;
  p.y = y;
  p.uv = uv = g_malloc (half * p.uv_rows);
  bench_init (&b, &(const Contender) { "", by_element,
        "yuy2convert device=cuda"
      }, width, height);
  b.n = frames;
  gst_video_info_set_interlaced_format (&out_info, GST_VIDEO_FORMAT_NV12,
      b.info.interlace_mode, width, height);
  for (guint i = 0; i < frames; i++) {
    GstMapInfo map;

    in[i] = i & 1 ? gst_buffer_new_allocate (NULL, b.info.size, NULL) :
        gst_harness_create_buffer (b.h, b.info.size);
    g_assert (gst_buffer_map (in[i], &map, GST_MAP_WRITE));
    for (gsize k = 0; k < map.size; k++)
      map.data[k] = (guint8) (g_rand_int (rand) >> 9);
    gst_buffer_unmap (in[i], &map);
    b.in[i] = in[i];
    by_element (&b, i);
  }
  while (b.under_way)
    pull (&b);
  for (guint i = 0; i < frames; i++) {
    GstVideoFrame from, to;

    g_assert (gst_video_frame_map (&from, &b.info, in[i], GST_MAP_READ));
    g_assert (gst_video_frame_map (&to, &out_info, b.out[i], GST_MAP_READ));
    p.src = GST_VIDEO_FRAME_PLANE_DATA (&from, 0);
    p.src_stride = (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (&from, 0);
    lockstep_yuy2_to_nv12_reference (&p);
    for (guint plane = 0; plane < 2; plane++) {
      guint rows = plane ? (height + 1) / 2 : height;
      const guint8 *got = GST_VIDEO_FRAME_PLANE_DATA (&to, plane);

      for (guint r = 0; r < rows; r++) {
        if (memcmp (got + (gsize) r * GST_VIDEO_FRAME_PLANE_STRIDE (&to, plane),
                (plane ? uv : y) + r * half, plane ? half : width)) {
          fprintf (stderr, "differs: %s %ux%u%s, frame %u, plane %u, row %u\n",
              format, width, height, interlaced ? "i" : "", i, plane, r);
          exit (1);
        }
      }
    }
    gst_video_frame_unmap (&from);
    gst_video_frame_unmap (&to);
    gst_buffer_unref (in[i]);
  }
  bench_clear (&b);
  return frames;
}

static void
check_all (void)
{
  static gchar orders[][5] = { "YUY2", "UYVY", "YVYU", "VYUY" };
  static const guint sizes[][2] =
      { {2, 2}, {321, 63}, {720, 576}, {1366, 767}, {1920, 1080} };
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  guint n = 0;

  for (guint k = 0; k < 2 * LOCKSTEP_YUY2_N_ORDERS; k++) {
    format = orders[k / 2];
    interlaced = k & 1;
    for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
      n += check_video (rand, k / 2, sizes[i][0], sizes[i][1]);
  }
  format = orders[0];
  interlaced = FALSE;
  n += check_video (rand, LOCKSTEP_YUY2_YUY2, 7680, 4320);
  printf ("%u frames: every byte as the reference has it\n", n);
}

int
main (int argc, char **argv)
{
  static const GOptionEntry options[] = {
    {"format", 0, 0, G_OPTION_ARG_STRING, &format,
        "YUY2 (default) or UYVY, YVYU, VYUY", "F"},
    {"interlaced", 0, 0, G_OPTION_ARG_NONE, &interlaced, "two fields", NULL},
    {"size", 0, 0, G_OPTION_ARG_STRING, &size, "of one frame", "WxH"},
    {"read", 0, 0, G_OPTION_ARG_NONE, &reads, "read each frame at once", NULL},
    {"seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "of one turn", "N"},
    {"cuda", 0, 0, G_OPTION_ARG_NONE, &cuda, "convert on the card", NULL},
    {"check", 0, 0, G_OPTION_ARG_NONE, &check, "compare what the card gives",
        NULL},
    {NULL}
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  guint width = 0, height = 0;

  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    fprintf (stderr, "%s\n", error->message);
    return 64;
  }
  if (gst_video_format_from_string (format) == GST_VIDEO_FORMAT_UNKNOWN ||
      (size && (sscanf (size, "%ux%u", &width, &height) != 2 || !width ||
              !height || width > 16384 || height > 16384))) {
    fprintf (stderr,
        "--format is one of YUY2, UYVY, YVYU, VYUY; --size is, for "
        "instance, 1920x1080\n");
    return 64;
  }
  gst_init (NULL, NULL);
  if (check) {
    cuda = TRUE;
    check_all ();
    return 0;
  }
  printf ("| frame | | ms | least - most | fps | of the first |\n"
      "|---|---|---|---|---|---|\n");
  if (width) {
    run_size (width, height);
    return 0;
  }
  if (!cuda) {
    run_size (1920, 1080);
    run_size (3840, 2160);
  }
  run_size (7680, 4320);
  return 0;
}
