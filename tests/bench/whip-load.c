/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* N publishers for a bench, as cheap as they can be: one picture and one tone are
 * encoded and packetised once, and each publisher's webrtcbin encrypts and sends them.
 * Or N viewers, which decrypt what comes and look no further.
 *
 *   whip-load URL-PREFIX N SECONDS     posts to URL-PREFIX0, URL-PREFIX1, …
 *   whip-load --watch URL N SECONDS    N viewers of a WHEP channel
 *
 * Prints "posted I MS" for each answer (milliseconds from POST to 201), "connected I",
 * and ends after SECONDS, or with status 1 when one fails. A viewer that is refused by 503
 * comes again when Retry-After says. Of viewers it says each second
 * "watching N FRAMES MS IN REFUSED LATE": how many get pictures, the fewest frames that one
 * of those got in it who had pictures before, the longest that one of them waited for its next
 * frame, how many were let in, how many offers were refused until now, and by how many ms a
 * frame came later than those that came soonest, after a buffer of 200 ms.
 */
#include "webrtc-end.h"

#include <libsoup/soup.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>

#define LINE \
  "videotestsrc is-live=true pattern=%s ! video/x-raw,format=I420,width=1280," \
  "height=720,framerate=30/1 ! x264enc tune=zerolatency speed-preset=ultrafast " \
  "bitrate=1450 vbv-buf-capacity=500 key-int-max=300 ! " \
  "video/x-h264,profile=constrained-baseline,stream-format=byte-stream ! " \
  "h264parse config-interval=-1 ! rtph264pay " \
  "aggregate-mode=zero-latency mtu=1200 pt=96 ! " \
  "application/x-rtp,media=video,encoding-name=H264,payload=96,ssrc=(uint)1111 ! " \
  "tee name=video allow-not-linked=true " \
  "audiotestsrc is-live=true wave=pink-noise volume=0.1 ! " \
  "audio/x-raw,rate=48000,channels=2 ! opusenc bitrate=64000 ! rtpopuspay pt=111 ! " \
  "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,ssrc=(uint)2222 ! " \
  "tee name=audio allow-not-linked=true "

typedef struct
{
  guint index;
  char *url;
  GstElement *webrtc;
  WebrtcEnd *end;
  gint64 posted;
  char *offer, *resource;
  gboolean begun;               /* had pictures when this second began */
  gint frames;                  /* atomic; of the picture, this second */
  gint longest_ms;              /* atomic; between two of them */
  gint64 last_frame;            /* µs; 0: none yet */
  gint64 first_frame, soonest;  /* µs; the least of arrival less timestamp, from the first */
  guint32 first_timestamp;
  gint latest_ms;               /* atomic; of a frame, this second */
} Load;

#define VIDEO_CAPS "application/x-rtp,media=video,payload=96,clock-rate=90000," \
    "encoding-name=H264,packetization-mode=(string)1," \
    "profile-level-id=(string)42e01f,rtcp-fb-nack=true," \
    "rtcp-fb-nack-pli=true,rtcp-fb-transport-cc=true,extmap-3=(string)" TWCC
#define AUDIO_CAPS "application/x-rtp,media=audio,payload=111," \
    "clock-rate=48000,encoding-name=OPUS,encoding-params=(string)2," \
    "extmap-3=(string)" TWCC
#define TWCC "\"http://www.ietf.org/id/" \
    "draft-holmer-rmcat-transport-wide-cc-extensions-01\""

static GMainLoop *loop;
static GstElement *pipeline;
static SoupSession *session;
static int status;
static guint n, n_refused;
static Load *loads;

static void
fail (Load * load, const char *why)
{
  g_printerr ("number %u: %s\n", load->index, why);
  status = 1;
  g_main_loop_quit (loop);
}

static void post (Load * load);

static gboolean
post_again (gpointer user_data)
{
  post (user_data);
  return G_SOURCE_REMOVE;
}

/* FALSE: it does not say when to come again. */
static gboolean
come_again (Load * load, SoupMessage * msg)
{
  const char *after = soup_message_headers_get_one
      (soup_message_get_response_headers (msg), "Retry-After");

  if (soup_message_get_status (msg) != 503 || after == NULL)
    return FALSE;
  n_refused++;
  g_timeout_add_seconds (atoi (after), post_again, load);
  return TRUE;
}

static void
answered (GObject * source, GAsyncResult * result, gpointer user_data)
{
  Load *load = user_data;
  SoupMessage *msg = soup_session_get_async_result_message (session, result);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) body =
      soup_session_send_and_read_finish (session, result, &error);
  g_autofree char *sdp = NULL;

  if (body != NULL && come_again (load, msg))
    return;
  if (body == NULL || soup_message_get_status (msg) != 201) {
    fail (load, error ? error->message : "the server refuses");
    return;
  }
  g_print ("posted %u %.1f\n", load->index,
      (g_get_monotonic_time () - load->posted) / 1000.0);
  load->resource = g_strdup (soup_message_headers_get_one
      (soup_message_get_response_headers (msg), "Location"));
  sdp = g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body));
  webrtc_end_set_answer (load->end, sdp);
}

static void
post (Load * load)
{
  g_autoptr (SoupMessage) msg = soup_message_new ("POST", load->url);
  g_autoptr (GBytes) body = g_bytes_new (load->offer, strlen (load->offer));

  load->posted = g_get_monotonic_time ();
  soup_message_set_request_body_from_bytes (msg, "application/sdp", body);
  soup_session_send_and_read_async (session, msg, 0, NULL, answered, load);
}

static void
described (const char *sdp, gpointer user_data)
{
  Load *load = user_data;

  load->offer = g_strdup (sdp);
  post (load);
}

static void
refused (guint code, const char *why, gpointer user_data)
{
  fail (user_data, why);
}

static void
connected (gpointer user_data)
{
  Load *load = user_data;

  g_print ("connected %u\n", load->index);
}

static void
lost (const char *why, gpointer user_data)
{
  fail (user_data, why);
}

static gboolean
quit (gpointer user_data)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static gboolean
call (gpointer user_data)
{
  Load *load = user_data;
  g_autoptr (GArray) transceivers = NULL;

  g_signal_emit_by_name (load->webrtc, "get-transceivers", &transceivers);
  for (guint i = 0; i < transceivers->len; i++)
    g_object_set (g_array_index (transceivers, GstWebRTCRTPTransceiver *, i),
        "direction", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY,
        "do-nack", TRUE, NULL);
  webrtc_end_call (load->end);
  return G_SOURCE_REMOVE;
}

/* Viewers */

static GstPadProbeReturn
packet_came (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  Load *load = user_data;
  gint64 now = g_get_monotonic_time ();
  gint64 transit;
  guint8 head[8];

  /* the marker bit ends a frame */
  if (gst_buffer_extract (GST_PAD_PROBE_INFO_BUFFER (info), 0, head,
          sizeof head) != sizeof head || !(head[1] & 0x80))
    return GST_PAD_PROBE_OK;
  if (load->last_frame == 0) {
    load->first_frame = now;
    load->first_timestamp = GST_READ_UINT32_BE (head + 4);
  }
  transit = now - load->first_frame - (gint32) (GST_READ_UINT32_BE (head + 4)
      - load->first_timestamp) * G_GINT64_CONSTANT (1000) / 90;
  load->soonest = MIN (load->soonest, transit);
  g_atomic_int_set (&load->latest_ms, MAX (g_atomic_int_get
          (&load->latest_ms), (transit - load->soonest) / 1000));
  if (load->last_frame != 0)
    g_atomic_int_set (&load->longest_ms, MAX (g_atomic_int_get
            (&load->longest_ms), (now - load->last_frame) / 1000));
  load->last_frame = now;
  g_atomic_int_inc (&load->frames);
  return GST_PAD_PROBE_OK;
}

static void
added (GstPad * pad, LockstepMediaKind kind, gpointer user_data)
{
  GstElement *sink = gst_element_factory_make ("fakesink", NULL);
  g_autoptr (GstPad) in = gst_element_get_static_pad (sink, "sink");

  g_object_set (sink, "sync", FALSE, "async", FALSE, NULL);
  gst_bin_add (GST_BIN (pipeline), sink);
  gst_element_sync_state_with_parent (sink);
  gst_pad_link (pad, in);
  if (kind == LOCKSTEP_MEDIA_VIDEO)
    gst_pad_add_probe (in, GST_PAD_PROBE_TYPE_BUFFER, packet_came, user_data,
        NULL);
}

/* What comes late counts as well: whoever shows it may wait for it. */
static void
element_added (GstBin * bin, GstBin * sub, GstElement * element,
    gpointer user_data)
{
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (element),
          "late-policy") != NULL)
    gst_util_set_object_arg (G_OBJECT (element), "late-policy", "pass");
}

static gboolean
report (gpointer user_data)
{
  guint watching = 0, in = 0;
  gint fewest = G_MAXINT, longest = 0, latest = 0;

  for (guint i = 0; i < n; i++) {
    gint frames = g_atomic_int_and ((guint *) & loads[i].frames, 0);
    gint ms = g_atomic_int_and ((guint *) & loads[i].longest_ms, 0);
    gint late = g_atomic_int_and ((guint *) & loads[i].latest_ms, 0);

    watching += frames > 0;
    in += loads[i].resource != NULL;
    if (loads[i].begun)
      fewest = MIN (fewest, frames);
    loads[i].begun |= frames > 0;
    longest = MAX (longest, ms);
    latest = MAX (latest, late);
  }
  g_print ("watching %u %d %d %u %u %d\n", watching, fewest == G_MAXINT ? 0
      : fewest, longest, in, n_refused, latest);
  return G_SOURCE_CONTINUE;
}

static gboolean
call_to_watch (gpointer user_data)
{
  static const char *const formats[] = { AUDIO_CAPS, VIDEO_CAPS };
  Load *load = user_data;

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    g_autoptr (GstCaps) caps = gst_caps_from_string (formats[i]);
    g_autoptr (GstWebRTCRTPTransceiver) transceiver = NULL;

    g_signal_emit_by_name (load->webrtc, "add-transceiver",
        GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY, caps, &transceiver);
    g_object_set (transceiver, "do-nack", TRUE, NULL);
  }
  webrtc_end_call (load->end);
  return G_SOURCE_REMOVE;
}

int
main (int argc, char **argv)
{
  static const WebrtcEndCallbacks callbacks = { added, described, refused,
    connected, lost
  };
  static const WebrtcEndConfig config = {.loopback_only = TRUE };
  g_autoptr (GString) line = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  gboolean watch = argc > 1 && g_str_equal (argv[1], "--watch");

  gst_init (&argc, &argv);
  argc -= watch;
  argv += watch;
  if (argc < 4) {
    g_printerr ("usage: whip-load [--watch] URL-PREFIX N SECONDS [PATTERN]\n");
    return 64;
  }
  setvbuf (stdout, NULL, _IOLBF, 0);
  n = atoi (argv[2]);
  loads = g_new0 (Load, n);
  if (!watch)
    g_string_append_printf (line, LINE, argc > 4 ? argv[4] : "ball");
  for (guint i = 0; i < n && watch; i++)
    g_string_append_printf (line, "webrtcbin name=w%u "
        "bundle-policy=max-bundle ", i);
  for (guint i = 0; i < n && !watch; i++)
    g_string_append_printf (line, "webrtcbin name=w%u bundle-policy=max-bundle "
        "video. ! queue leaky=downstream ! w%u. "
        "audio. ! queue leaky=downstream ! w%u. ", i, i, i);
  pipeline = gst_parse_launch (line->str, &error);
  if (pipeline == NULL) {
    g_printerr ("%s\n", error->message);
    return 70;
  }
  loop = g_main_loop_new (NULL, FALSE);
  session = soup_session_new ();
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i < n; i++) {
    g_autofree char *name = g_strdup_printf ("w%u", i);
    g_autoptr (GstElement) webrtc =
        gst_bin_get_by_name (GST_BIN (pipeline), name);

    if (watch)
      g_signal_connect (webrtc, "deep-element-added",
          G_CALLBACK (element_added), NULL);
    loads[i].index = i;
    loads[i].url = watch ? g_strdup (argv[1])
        : g_strdup_printf ("%s%u", argv[1], i);
    loads[i].webrtc = webrtc;
    loads[i].end = webrtc_end_new (webrtc, &config, &callbacks, &loads[i]);
    /* the caps must have come through before there is something to offer; a server
     * takes some 10 offers a second */
    if (watch)
      g_timeout_add (i * 150, call_to_watch, &loads[i]);
    else
      g_timeout_add (1000 + i * 300, call, &loads[i]);
  }
  if (watch)
    g_timeout_add_seconds (1, report, NULL);
  g_timeout_add_seconds (atoi (argv[3]), quit, NULL);
  g_main_loop_run (loop);
  /* no farewell: a bench also wants to see publishers vanish */
  _Exit (status);
}
