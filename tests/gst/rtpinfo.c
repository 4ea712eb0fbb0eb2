/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of reading RTP and RTCP packets. */
#include <gst/lockstep/rtpinfo.h>
#include <string.h>

#define BYTES(...) (const guint8[]) { __VA_ARGS__ }, \
    sizeof ((const guint8[]) { __VA_ARGS__ })

static void
test_header (void)
{
  LockstepRtpInfo info;

  g_assert_true (lockstep_rtp_parse (BYTES (0x80, 0xe0, 1, 2, 3, 4, 5, 6, 7, 8,
              9, 10, 0x65, 1), &info));
  g_assert_cmphex (info.header.timestamp, ==, 0x03040506);
  g_assert_cmphex (info.header.ssrc, ==, 0x0708090a);
  g_assert_cmpuint (info.payload_size, ==, 2);
  g_assert_cmphex (info.payload[0], ==, 0x65);
  g_assert_null (info.extension);
  /* one source that contributes, an extension of one word, two bytes padding */
  g_assert_true (lockstep_rtp_parse (BYTES (0xb1, 96, 1, 2, 0, 0, 0, 0, 0, 0, 0,
              0, 0, 0, 0, 7, 0xbe, 0xde, 0, 1, 0x10, 0xaa, 0, 0, 0x42, 0, 2),
          &info));
  g_assert_cmpuint (info.payload_size, ==, 1);
  g_assert_cmphex (info.payload[0], ==, 0x42);
  g_assert_cmpuint (info.extension_size, ==, 4);
}

static void
test_short_headers (void)
{
  const guint8 whole[] = { 0xb1, 96, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7,
    0xbe, 0xde, 0, 1, 0x10, 0xaa, 0, 0, 0x42, 0, 2
  };
  LockstepRtpInfo info;

  for (gsize size = 0; size < 24; size++)
    g_assert_false (lockstep_rtp_parse (whole, size, &info));
  g_assert_false (lockstep_rtp_parse (BYTES (0x40, 96, 1, 2, 0, 0, 0, 0, 0, 0,
              0, 0), &info));
  g_assert_false (lockstep_rtp_parse (BYTES (0xa0, 96, 1, 2, 0, 0, 0, 0, 0, 0,
              0, 0, 9), &info));
}

static void
test_extensions (void)
{
  LockstepRtpInfo info = { {0}, };
  const guint8 one[] = { 0, 0x10, 0xaa, 0x31, 0xbb, 0xcc, 0, 0xf0, 0x20, 0xdd };
  const guint8 two[] = { 1, 0, 0, 200, 2, 0xaa, 0xbb, 7, 9, 1 };
  gsize size;

  info.extension = one;
  info.extension_size = sizeof (one);
  info.extension_profile = 0xbede;
  g_assert_true (lockstep_rtp_extension (&info, 1, &size) == one + 2);
  g_assert_cmpuint (size, ==, 1);
  g_assert_true (lockstep_rtp_extension (&info, 3, &size) == one + 4);
  g_assert_cmpuint (size, ==, 2);
  /* after id 15 nothing counts; id 0 is padding */
  g_assert_null (lockstep_rtp_extension (&info, 2, &size));
  g_assert_null (lockstep_rtp_extension (&info, 0, &size));
  info.extension = two;
  info.extension_size = sizeof (two);
  info.extension_profile = 0x1005;
  g_assert_true (lockstep_rtp_extension (&info, 1, &size) == two + 2);
  g_assert_cmpuint (size, ==, 0);
  g_assert_true (lockstep_rtp_extension (&info, 200, &size) == two + 5);
  g_assert_cmpuint (size, ==, 2);
  /* longer than what is there */
  g_assert_null (lockstep_rtp_extension (&info, 7, &size));
  info.extension_profile = 0x2000;
  g_assert_null (lockstep_rtp_extension (&info, 1, &size));
}

static void
test_capture_time (void)
{
  const guint8 data[] = { 0, 0, 0, 5, 0x80, 0, 0, 0,
    0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 0
  };
  gboolean has_offset;
  guint64 ntp;
  gint64 offset;

  g_assert_true (lockstep_capture_time_parse (data, 8, &ntp, &has_offset,
          &offset));
  g_assert_cmphex (ntp, ==, G_GUINT64_CONSTANT (0x580000000));
  g_assert_false (has_offset);
  g_assert_true (lockstep_capture_time_parse (data, 16, &ntp, &has_offset,
          &offset));
  g_assert_true (has_offset);
  g_assert_cmpint (offset, ==, -500000000);
  for (gsize size = 0; size < 16; size++) {
    if (size != 8)
      g_assert_false (lockstep_capture_time_parse (data, size, &ntp,
              &has_offset, &offset));
  }
}

static void
test_sender_reports (void)
{
  guint8 data[8 + 28 + 28] = { 0x80, 201, 0, 1, 0, 0, 0, 0, };
  LockstepSenderReport report;
  gsize position = 0;

  memcpy (data + 8, "\x80\xc8\0\6\0\0\0\7\0\0\0\1\0\0\0\2\0\0\0\3", 20);
  memcpy (data + 36, "\x80\xc8\0\6\0\0\0\x8", 8);
  g_assert_true (lockstep_rtcp_next_report (data, sizeof (data), &position,
          &report));
  g_assert_cmpuint (report.ssrc, ==, 7);
  g_assert_cmphex (report.ntp, ==, G_GUINT64_CONSTANT (0x100000002));
  g_assert_cmpuint (report.timestamp, ==, 3);
  g_assert_true (lockstep_rtcp_next_report (data, sizeof (data), &position,
          &report));
  g_assert_cmpuint (report.ssrc, ==, 8);
  g_assert_false (lockstep_rtcp_next_report (data, sizeof (data), &position,
          &report));
  /* cut short, or shorter than it says */
  for (gsize size = 0; size < 36; size++) {
    position = 0;
    g_assert_false (lockstep_rtcp_next_report (data, size, &position, &report));
  }
  data[11] = 2;
  position = 0;
  g_assert_false (lockstep_rtcp_next_report (data, 36, &position, &report));
}

static void
test_keyframes (void)
{
  static const struct
  {
    LockstepCodec codec;
    gboolean key;
    guint8 size, data[8];
  } cases[] = {
    {LOCKSTEP_CODEC_H264, TRUE, 2, {0x65, 0}},
    {LOCKSTEP_CODEC_H264, TRUE, 2, {0x67, 0}},
    {LOCKSTEP_CODEC_H264, FALSE, 2, {0x41, 0}},
    {LOCKSTEP_CODEC_H264, FALSE, 2, {0x68, 0}},
    /* FU-A: the first fragment, and a later one */
    {LOCKSTEP_CODEC_H264, TRUE, 3, {0x7c, 0x85, 0}},
    {LOCKSTEP_CODEC_H264, FALSE, 3, {0x7c, 0x05, 0}},
    {LOCKSTEP_CODEC_H264, FALSE, 1, {0x7c}},
    /* STAP-A: PPS then IDR; one too long */
    {LOCKSTEP_CODEC_H264, TRUE, 8, {0x78, 0, 2, 0x68, 0, 0, 1, 0x65}},
    {LOCKSTEP_CODEC_H264, FALSE, 8, {0x78, 0, 2, 0x68, 0, 0, 9, 0x65}},
    {LOCKSTEP_CODEC_H265, TRUE, 2, {19 << 1, 1}},
    {LOCKSTEP_CODEC_H265, TRUE, 2, {33 << 1, 1}},
    {LOCKSTEP_CODEC_H265, FALSE, 2, {1 << 1, 1}},
    {LOCKSTEP_CODEC_H265, TRUE, 3, {49 << 1, 1, 0x80 | 19}},
    {LOCKSTEP_CODEC_H265, FALSE, 3, {49 << 1, 1, 19}},
    {LOCKSTEP_CODEC_H265, TRUE, 6, {48 << 1, 1, 0, 2, 32 << 1, 1}},
    {LOCKSTEP_CODEC_H265, FALSE, 1, {48 << 1}},
    {LOCKSTEP_CODEC_VP8, TRUE, 2, {0x10, 0}},
    {LOCKSTEP_CODEC_VP8, FALSE, 2, {0x10, 1}},
    {LOCKSTEP_CODEC_VP8, FALSE, 2, {0x00, 0}},
    /* with a picture id of two bytes */
    {LOCKSTEP_CODEC_VP8, TRUE, 5, {0x90, 0x80, 0x81, 2, 0}},
    {LOCKSTEP_CODEC_VP8, FALSE, 4, {0x90, 0x80, 0x81, 2}},
    {LOCKSTEP_CODEC_VP9, TRUE, 2, {0x08, 0}},
    {LOCKSTEP_CODEC_VP9, FALSE, 2, {0x48, 0}},
    {LOCKSTEP_CODEC_VP9, FALSE, 2, {0x00, 0}},
    /* the second spatial layer of a keyframe */
    {LOCKSTEP_CODEC_VP9, FALSE, 4, {0xa8, 1, 0x02, 0}},
    {LOCKSTEP_CODEC_VP9, TRUE, 4, {0xa8, 1, 0x00, 0}},
    {LOCKSTEP_CODEC_AV1, TRUE, 2, {0x18, 0}},
    {LOCKSTEP_CODEC_AV1, FALSE, 2, {0x10, 0}},
    {LOCKSTEP_CODEC_H264, FALSE, 0, {0}},
    {LOCKSTEP_CODEC_UNKNOWN, TRUE, 0, {0}},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_test_message ("case %u", i);
    g_assert_cmpint (lockstep_rtp_begins_keyframe (cases[i].codec,
            cases[i].data, cases[i].size), ==, cases[i].key);
  }
  g_assert_cmpint (lockstep_codec_from_name ("h264"), ==, LOCKSTEP_CODEC_H264);
  g_assert_cmpint (lockstep_codec_from_name (NULL), ==, LOCKSTEP_CODEC_UNKNOWN);
  g_assert_cmpint (lockstep_codec_from_name ("OPUS"), ==,
      LOCKSTEP_CODEC_UNKNOWN);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtpinfo/header", test_header);
  g_test_add_func ("/rtpinfo/short", test_short_headers);
  g_test_add_func ("/rtpinfo/extensions", test_extensions);
  g_test_add_func ("/rtpinfo/capture-time", test_capture_time);
  g_test_add_func ("/rtpinfo/reports", test_sender_reports);
  g_test_add_func ("/rtpinfo/keyframes", test_keyframes);
  return g_test_run ();
}
