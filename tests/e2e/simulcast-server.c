/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The media side of a server that takes simulcast: makes an offer with the rids that it is
 * given as arguments (none: it takes one picture), and tells what comes.
 *
 * stdout, a line each: {"offer": SDP}; then, twice a second, {"streams": [{"ssrc",
 * "rid", "repaired", "mid", "payload", "packets", "keys", "width", "height"}]}. stdin:
 * "answer BASE64", and "key RID", which asks that stream alone for a key frame. One packet of 100
 * is asked for again. */
#include "../common/webrtc-loopback.h"

#include <gst/app/gstappsrc.h>
#include <gst/rtp/gstrtpbuffer.h>
#include <gst/sdp/sdp.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>

#define PICTURE 126
#define MID_ID 4
#define RID_ID 10
#define REPAIRED_ID 11
#define SDES "urn:ietf:params:rtp-hdrext:sdes:"

/* One SSRC. */
typedef struct
{
  guint ssrc, payload;
  char *rid, *repaired, *mid;
  guint packets, keys;
  int width, height;
  GstElement *source;           /* of a pipeline that looks into it; NULL: not a picture's */
} Stream;

static GMainLoop *loop;
static GstElement *pipeline, *webrtc, *session;
static char **rids;
static GMutex lock;             /* protects streams */
static GPtrArray *streams;

static void
say (const char *member, JsonNode * node)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, member);
  json_builder_add_value (builder, node);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, FALSE);
  printf ("%s\n", text);
  fflush (stdout);
}

/* What is decoded of a stream: its key frames, and their size. */
static GstPadProbeReturn
picture_came (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  Stream *stream = user_data;
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  const GstStructure *s = gst_caps_get_structure (caps, 0);

  if (GST_BUFFER_FLAG_IS_SET (GST_PAD_PROBE_INFO_BUFFER (info),
          GST_BUFFER_FLAG_DELTA_UNIT))
    return GST_PAD_PROBE_OK;
  g_mutex_lock (&lock);
  stream->keys++;
  gst_structure_get_int (s, "width", &stream->width);
  gst_structure_get_int (s, "height", &stream->height);
  g_mutex_unlock (&lock);
  return GST_PAD_PROBE_OK;
}

static void
look_into (Stream * stream)
{
  GstElement *line = gst_parse_launch ("appsrc name=in format=time "
      "caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=H264 "
      "! rtph264depay ! h264parse ! video/x-h264,alignment=au "
      "! fakesink name=out sync=false async=false", NULL);
  g_autoptr (GstElement) out = gst_bin_get_by_name (GST_BIN (line), "out");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (out, "sink");

  stream->source = gst_bin_get_by_name (GST_BIN (line), "in");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, picture_came, stream,
      NULL);
  gst_element_set_state (line, GST_STATE_PLAYING);
}

static Stream *
find_stream (guint ssrc, guint payload)
{
  Stream *stream;

  for (guint i = 0; i < streams->len; i++)
    if (((Stream *) streams->pdata[i])->ssrc == ssrc)
      return streams->pdata[i];
  stream = g_new0 (Stream, 1);
  stream->ssrc = ssrc;
  stream->payload = payload;
  g_ptr_array_add (streams, stream);
  if (payload == PICTURE)
    look_into (stream);
  return stream;
}

/* The text of an extension, where the packet has it. */
static void
read_name (GstRTPBuffer * rtp, guint id, char **name)
{
  gpointer data;
  guint size;

  if (!gst_rtp_buffer_get_extension_onebyte_header (rtp, id, 0, &data, &size))
    return;
  g_free (*name);
  *name = g_strndup (data, size);
}

/* An event for the session, as a jitter buffer or a decoder behind it sends. (webrtcbin 1.22.0
 * looks for what it wants again among streams that a=ssrc names.) */
static void
tell_session (GstStructure * s)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (session, "recv_rtp_src");

  gst_pad_send_event (pad, gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM, s));
}

static void
take_packet (GstBuffer * buffer)
{
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  Stream *stream;
  guint seqnum;

  if (!gst_rtp_buffer_map (buffer, GST_MAP_READ, &rtp))
    return;
  g_mutex_lock (&lock);
  stream = find_stream (gst_rtp_buffer_get_ssrc (&rtp),
      gst_rtp_buffer_get_payload_type (&rtp));
  stream->packets++;
  read_name (&rtp, MID_ID, &stream->mid);
  read_name (&rtp, RID_ID, &stream->rid);
  read_name (&rtp, REPAIRED_ID, &stream->repaired);
  g_mutex_unlock (&lock);
  seqnum = gst_rtp_buffer_get_seq (&rtp);
  gst_rtp_buffer_unmap (&rtp);
  if (stream->source != NULL)
    gst_app_src_push_buffer (GST_APP_SRC (stream->source),
        gst_buffer_copy (buffer));
  if (stream->source != NULL && seqnum % 100 == 0)
    tell_session (gst_structure_new ("GstRTPRetransmissionRequest",
            "ssrc", G_TYPE_UINT, stream->ssrc, "seqnum", G_TYPE_UINT,
            (seqnum - 5) & 0xffff, NULL));
}

static GstPadProbeReturn
packets_came (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER)
    take_packet (GST_PAD_PROBE_INFO_BUFFER (info));
  else
    for (guint i = 0;
        i < gst_buffer_list_length (GST_PAD_PROBE_INFO_BUFFER_LIST (info)); i++)
      take_packet (gst_buffer_list_get (GST_PAD_PROBE_INFO_BUFFER_LIST (info),
              i));
  return GST_PAD_PROBE_OK;
}

static void
session_pad_added (GstElement * element, GstPad * pad, gpointer user_data)
{
  if (g_str_equal (GST_OBJECT_NAME (pad), "recv_rtp_sink"))
    gst_pad_add_probe (pad,
        GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST,
        packets_came, NULL, NULL);
}

static void
element_added (GstBin * rtpbin, GstElement * element, gpointer user_data)
{
  if (!g_str_has_prefix (GST_OBJECT_NAME (element), "rtpsession"))
    return;
  session = element;
  g_signal_connect (element, "pad-added", G_CALLBACK (session_pad_added), NULL);
}

/* What webrtcbin gives out is of no interest here. */
static void
pad_added (GstElement * element, GstPad * pad, gpointer user_data)
{
  GstElement *sink;
  g_autoptr (GstPad) in = NULL;

  if (!GST_PAD_IS_SRC (pad))
    return;
  sink = gst_element_factory_make ("fakesink", NULL);
  g_object_set (sink, "sync", FALSE, "async", FALSE, NULL);
  gst_bin_add (GST_BIN (pipeline), sink);
  gst_element_sync_state_with_parent (sink);
  in = gst_element_get_static_pad (sink, "sink");
  gst_pad_link (pad, in);
}

static gboolean
report (gpointer user_data)
{
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  JsonArray *list = json_array_new ();

  g_mutex_lock (&lock);
  for (guint i = 0; i < streams->len; i++) {
    const Stream *stream = streams->pdata[i];
    JsonObject *object = json_object_new ();

    json_object_set_int_member (object, "ssrc", stream->ssrc);
    json_object_set_int_member (object, "payload", stream->payload);
    json_object_set_string_member (object, "rid", stream->rid);
    json_object_set_string_member (object, "repaired", stream->repaired);
    json_object_set_string_member (object, "mid", stream->mid);
    json_object_set_int_member (object, "packets", stream->packets);
    json_object_set_int_member (object, "keys", stream->keys);
    json_object_set_int_member (object, "width", stream->width);
    json_object_set_int_member (object, "height", stream->height);
    json_array_add_object_element (list, object);
  }
  g_mutex_unlock (&lock);
  json_node_take_array (node, list);
  say ("streams", node);
  return G_SOURCE_CONTINUE;
}

/* As a server's, which takes several pictures in the second section. */
static void
tell_offer (void)
{
  g_autoptr (GstWebRTCSessionDescription) local = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GString) out = NULL;
  g_autofree char *list = g_strjoinv (";", rids);

  g_object_get (webrtc, "local-description", &local, NULL);
  text = gst_sdp_message_as_text (local->sdp);
  out = g_string_new (text);
  for (guint i = 0; rids[i] != NULL; i++)
    g_string_append_printf (out, "a=rid:%s recv\r\n", rids[i]);
  if (rids[0] != NULL)
    g_string_append_printf (out, "a=simulcast:recv %s\r\n", list);
  say ("offer", json_node_init_string (json_node_alloc (), out->str));
}

static gboolean
gathered (gpointer user_data)
{
  tell_offer ();
  return G_SOURCE_REMOVE;
}

static void
gathering_changed (GstElement * element, GParamSpec * spec, gpointer user_data)
{
  GstWebRTCICEGatheringState state;

  g_object_get (element, "ice-gathering-state", &state, NULL);
  if (state == GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE)
    g_idle_add (gathered, NULL);
}

static void
offer_made (GstPromise * promise, gpointer user_data)
{
  g_autoptr (GstWebRTCSessionDescription) offer = NULL;

  gst_structure_get (gst_promise_get_reply (promise), "offer",
      GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &offer, NULL);
  g_assert_nonnull (offer);
  g_signal_emit_by_name (webrtc, "set-local-description", offer, NULL);
  gst_promise_unref (promise);
}

static void
add_section (const char *text)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string (text);
  g_autoptr (GstWebRTCRTPTransceiver) transceiver = NULL;

  g_assert_nonnull (caps);
  g_signal_emit_by_name (webrtc, "add-transceiver",
      GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY, caps, &transceiver);
  g_object_set (transceiver, "do-nack", strstr (text, "video") != NULL, NULL);
}

static void
take_answer (const char *base64)
{
  gsize n;
  g_autofree char *text = (char *) g_base64_decode (base64, &n);
  g_auto (GStrv) lines = g_strsplit (text, "\r\n", -1);
  g_autoptr (GString) kept = g_string_new (NULL);
  g_autoptr (GstWebRTCSessionDescription) answer = NULL;
  GstSDPMessage *message = NULL;

  /* webrtcbin knows nothing of it */
  for (guint i = 0; lines[i] != NULL && lines[i][0] != '\0'; i++)
    if (!g_str_has_prefix (lines[i], "a=rid:")
        && !g_str_has_prefix (lines[i], "a=simulcast:"))
      g_string_append_printf (kept, "%s\r\n", lines[i]);
  g_assert_cmpint (gst_sdp_message_new_from_text (kept->str, &message), ==,
      GST_SDP_OK);
  answer = gst_webrtc_session_description_new (GST_WEBRTC_SDP_TYPE_ANSWER,
      message);
  g_signal_emit_by_name (webrtc, "set-remote-description", answer, NULL);
}

static void
ask_for_key (const char *rid)
{
  guint ssrc = 0;

  g_mutex_lock (&lock);
  for (guint i = 0; i < streams->len; i++) {
    const Stream *stream = streams->pdata[i];

    if (stream->payload == PICTURE && g_strcmp0 (stream->rid, rid) == 0)
      ssrc = stream->ssrc;
  }
  g_mutex_unlock (&lock);
  g_assert_cmpuint (ssrc, !=, 0);
  tell_session (gst_structure_new ("GstForceKeyUnit", "ssrc", G_TYPE_UINT, ssrc,
          "payload", G_TYPE_UINT, PICTURE, "all-headers", G_TYPE_BOOLEAN, TRUE,
          NULL));
}

static gboolean
command_came (GIOChannel * channel, GIOCondition condition, gpointer user_data)
{
  g_autofree char *line = NULL;

  if (g_io_channel_read_line (channel, &line, NULL, NULL, NULL) !=
      G_IO_STATUS_NORMAL) {
    g_main_loop_quit (loop);
    return G_SOURCE_REMOVE;
  }
  g_strchomp (line);
  if (g_str_has_prefix (line, "answer "))
    take_answer (line + strlen ("answer "));
  else if (g_str_has_prefix (line, "key "))
    ask_for_key (line + strlen ("key "));
  return G_SOURCE_CONTINUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GIOChannel) input = g_io_channel_unix_new (0);
  g_autoptr (GstElement) rtpbin = NULL;

  gst_init (&argc, &argv);
  rids = argv + 1;
  streams = g_ptr_array_new ();
  loop = g_main_loop_new (NULL, FALSE);
  pipeline = gst_pipeline_new (NULL);
  webrtc = gst_element_factory_make ("webrtcbin", NULL);
  g_object_set (webrtc, "bundle-policy", GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE,
      NULL);
  gst_bin_add (GST_BIN (pipeline), webrtc);
  rtpbin = gst_bin_get_by_name (GST_BIN (webrtc), "rtpbin");
  g_signal_connect (rtpbin, "element-added", G_CALLBACK (element_added), NULL);
  g_signal_connect (webrtc, "pad-added", G_CALLBACK (pad_added), NULL);
  g_signal_connect (webrtc, "notify::ice-gathering-state",
      G_CALLBACK (gathering_changed), NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  use_loopback (webrtc);
  add_section ("application/x-rtp,media=audio,encoding-name=OPUS,payload=109,"
      "clock-rate=48000,encoding-params=(string)2,a-mid=(string)audio_1,"
      "extmap-4=(string)\"" SDES "mid\"");
  add_section ("application/x-rtp,media=video,encoding-name=H264,payload=126,"
      "clock-rate=90000,packetization-mode=(string)1,"
      "profile-level-id=(string)42e01f,a-mid=(string)video_2,"
      "rtcp-fb-nack=true,rtcp-fb-nack-pli=true,rtcp-fb-ccm-fir=true,"
      "rtcp-fb-transport-cc=true,extmap-3=(string)\"http://www.ietf.org/id/"
      "draft-holmer-rmcat-transport-wide-cc-extensions-01\","
      "extmap-4=(string)\"" SDES "mid\","
      "extmap-10=(string)\"" SDES "rtp-stream-id\","
      "extmap-11=(string)\"" SDES "repaired-rtp-stream-id\"");
  g_signal_emit_by_name (webrtc, "create-offer", NULL,
      gst_promise_new_with_change_func (offer_made, NULL, NULL));
  g_io_add_watch (input, G_IO_IN | G_IO_HUP, command_came, NULL);
  g_timeout_add (500, report, NULL);
  g_main_loop_run (loop);
  return 0;
}
