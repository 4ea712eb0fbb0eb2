/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ICE's addresses and servers, and what rtpbin's elements inside webrtcbin are told, each
 * as it is made: from threads of webrtcbin. */
#include "webrtc-setup.h"
#include "handlers.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>

#define MAX_LOCAL_ADDRESSES 16
/* Of one peer, each with a buffer and a thread: a publisher has a few, with their
 * retransmissions. One that makes up more gets no more. */
#define MAX_STREAMS 32
/* bit/s of RTCP. RFC 4585 lets feedback go out early once per interval of regular
 * reports at this rate, with some 120 bytes each. rtpsession takes 5 % of the media's
 * rate, of which it knows nothing for 2 s: NACKs and TWCC then wait 0.5 to
 * 0.8 s, by which time the packets are lost. At this rate they wait 25 ms at most. */
#define RTCP_BANDWIDTH 200000.0
#define RTP_HEADER 12           /* bytes that each packet has */

typedef struct
{
  int pt;
  int latency;                  /* ms */
  gboolean retransmitted;       /* the peer sends again what is asked for */
} Payload;

struct _WebrtcBuffers
{
  GstElement *rtpbin;           /* NULL: closed, or this webrtcbin has none */
  int audio_latency, video_latency;
  GArray *payloads;             /* of Payload; constant once threads can see it */
};

static void
clear (gpointer data)
{
  WebrtcBuffers *buffers = data;

  g_clear_object (&buffers->rtpbin);
  g_array_unref (buffers->payloads);
}

/* Tells libnice which addresses to gather on. Left alone it finds none where
 * loopback is all there is, and gathering never ends; it also takes link-local
 * ones, which no remote peer reaches. */
static guint
add_local_addresses (GObject * ice, gboolean loopback_only)
{
  struct ifaddrs *interfaces = NULL;
  guint added = 0;

  if (getifaddrs (&interfaces) == 0) {
    for (struct ifaddrs * i = interfaces; i != NULL; i = i->ifa_next) {
      char text[INET6_ADDRSTRLEN];
      gboolean loopback = (i->ifa_flags & IFF_LOOPBACK) != 0;
      const void *address;
      gboolean ok;

      if (i->ifa_addr == NULL || !(i->ifa_flags & IFF_UP)
          || loopback != loopback_only || added >= MAX_LOCAL_ADDRESSES)
        continue;
      if (i->ifa_addr->sa_family == AF_INET) {
        address = &((struct sockaddr_in *) i->ifa_addr)->sin_addr;
      } else if (i->ifa_addr->sa_family == AF_INET6) {
        address = &((struct sockaddr_in6 *) i->ifa_addr)->sin6_addr;
        if (IN6_IS_ADDR_LINKLOCAL ((const struct in6_addr *) address))
          continue;
      } else {
        continue;
      }
      if (inet_ntop (i->ifa_addr->sa_family, address, text, sizeof text)) {
        g_signal_emit_by_name (ice, "add-local-ip-address", text, &ok);
        added++;
      }
    }
    freeifaddrs (interfaces);
  }
  return added;
}

void
webrtc_setup_add_addresses (GstElement * webrtc)
{
  g_autoptr (GObject) ice = NULL;

  g_object_get (webrtc, "ice-agent", &ice, NULL);
  add_local_addresses (ice, FALSE);
}

void
webrtc_setup_ice (GstElement * webrtc, gboolean loopback_only,
    const char *servers, gboolean relay_only)
{
  g_autoptr (GObject) ice = NULL;
  g_autoptr (GObject) nice = NULL;
  g_auto (GStrv) each = NULL;

  if (relay_only)
    g_object_set (webrtc, "ice-transport-policy",
        GST_WEBRTC_ICE_TRANSPORT_POLICY_RELAY, NULL);
  g_object_get (webrtc, "ice-agent", &ice, NULL);
  if (add_local_addresses (ice, loopback_only) == 0 && !loopback_only)
    add_local_addresses (ice, TRUE);
  g_object_get (ice, "agent", &nice, NULL);
  /* UPnP adds 0.2 s to each gathering, and a hole in someone's router */
  if (nice != NULL)
    g_object_set (nice, "upnp", FALSE, "ice-tcp", FALSE, NULL);

  each = g_strsplit (servers ? servers : "", ",", -1);
  for (guint i = 0; each[i] != NULL; i++) {
    const char *server = g_strstrip (each[i]);
    gboolean ok;

    if (g_str_has_prefix (server, "stun://"))
      g_object_set (webrtc, "stun-server", server, NULL);
    else if (server[0] != '\0')
      g_signal_emit_by_name (webrtc, "add-turn-server", server, &ok);
  }
}

/* latencybuffer asks for the caps of the first packet's payload type: that is when it
 * is known which stream of the bundle it holds, and so which bound it has, and whether
 * the peer retransmits (it is no use to ask for Opus). In the thread of the packet;
 * rtpbin's own handler comes after and gives the caps. */
static GstCaps *
pt_map_requested (GstElement * buffer, guint pt, gpointer user_data)
{
  WebrtcBuffers *buffers = user_data;

  for (guint i = 0; i < buffers->payloads->len; i++) {
    const Payload *payload = &g_array_index (buffers->payloads, Payload, i);

    if (payload->pt == (int) pt)
      g_object_set (buffer, "do-retransmission", payload->retransmitted,
          "latency", payload->latency, NULL);
  }
  return NULL;
}

static GstElement *
jitter_buffer_requested (GstElement * rtpbin, guint session, gpointer user_data)
{
  GstElement *buffer = gst_element_factory_make ("latencybuffer", NULL);

  if (buffer != NULL)
    handlers_connect (buffer, "request-pt-map", G_CALLBACK (pt_map_requested),
        user_data, clear);
  /* NULL: rtpbin makes an rtpjitterbuffer */
  return buffer;
}

static void
rtpbin_element_added (GstBin * rtpbin, GstElement * element, gpointer user_data)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  g_autoptr (GObject) session = NULL;

  if (factory == NULL || !g_str_equal (GST_OBJECT_NAME (factory), "rtpsession"))
    return;
  g_object_get (element, "internal-session", &session, NULL);
  g_object_set (session, "rtcp-fraction", RTCP_BANDWIDTH, NULL);
}

/* rtpstorage keeps packets for forward error correction, which no answer of ours
 * accepts. Its references would make each packet be copied before it can be stamped. */
static void
storage_added (GstElement * rtpbin, GstElement * storage, guint session,
    gpointer user_data)
{
  g_object_set (storage, "size-time", (guint64) 0, NULL);
}

WebrtcBuffers *
webrtc_buffers_new (GstElement * webrtc, int audio_latency, int video_latency)
{
  WebrtcBuffers *buffers = g_atomic_rc_box_new0 (WebrtcBuffers);
  GstElement *rtpbin = gst_bin_get_by_name (GST_BIN (webrtc), "rtpbin");

  buffers->rtpbin = rtpbin;
  buffers->audio_latency = audio_latency;
  buffers->video_latency = video_latency;
  buffers->payloads = g_array_new (FALSE, FALSE, sizeof (Payload));
  if (rtpbin == NULL)
    return buffers;
  /* lost packets become events, and those gaps that decoders conceal */
  g_object_set (rtpbin, "do-lost", TRUE, "max-streams", MAX_STREAMS, NULL);
  handlers_connect (rtpbin, "request-jitterbuffer",
      G_CALLBACK (jitter_buffer_requested), buffers, clear);
  g_signal_connect (rtpbin, "new-storage", G_CALLBACK (storage_added), NULL);
  handlers_connect (rtpbin, "element-added", G_CALLBACK (rtpbin_element_added),
      buffers, clear);
  return buffers;
}

void
webrtc_buffers_set_offer (WebrtcBuffers * buffers, const LockstepOffer * offer)
{
  for (guint i = 0; i < offer->media->len; i++) {
    const LockstepOfferMedia *media = g_ptr_array_index (offer->media, i);
    Payload payload = { media->payload, buffers->video_latency,
      media->nack && media->rtx_payload >= 0
    };

    if (media->kind == LOCKSTEP_MEDIA_AUDIO)
      payload.latency = buffers->audio_latency;
    g_array_append_val (buffers->payloads, payload);
  }
}

void
webrtc_buffers_close (WebrtcBuffers * buffers)
{
  if (buffers->rtpbin != NULL)
    g_signal_handlers_disconnect_by_data (buffers->rtpbin, buffers);
  g_clear_object (&buffers->rtpbin);
  g_atomic_rc_box_release_full (buffers, clear);
}

/* What one rtpsession has sent so far; in the streaming thread of its pad. */
typedef struct
{
  guint32 audio;
  guint n;
  guint32 ssrcs[MAX_STREAMS];
} Sent;

/* rtpsession 1.22.0 asks for the clock rate of a stream that it sends at its first report,
 * while it goes through the table of its sources, and lets go of its lock until webrtcbin
 * answers. If a source is added meanwhile, that is a CRITICAL, and the others get no
 * report. It does not ask for a rate that caps have named. Those of our streams do, but
 * webrtcbin's rtpfunnel keeps them: so the session gets them here, before the first packet
 * of each SSRC, be it one of webrtcbin's (a retransmission) or FEC. */
static GstPadProbeReturn
packets_go (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  Sent *sent = user_data;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER
      ? GST_PAD_PROBE_INFO_BUFFER (info)
      : gst_buffer_list_get (GST_PAD_PROBE_INFO_BUFFER_LIST (info), 0);
  guint8 header[RTP_HEADER];
  guint32 ssrc;

  if (buffer == NULL || sent->n == MAX_STREAMS
      || gst_buffer_extract (buffer, 0, header, RTP_HEADER) < RTP_HEADER)
    return GST_PAD_PROBE_OK;
  ssrc = GST_READ_UINT32_BE (header + 8);
  for (guint i = 0; i < sent->n; i++)
    if (sent->ssrcs[i] == ssrc)
      return GST_PAD_PROBE_OK;
  sent->ssrcs[sent->n++] = ssrc;
  gst_pad_send_event (pad,
      gst_event_new_caps (gst_caps_new_simple ("application/x-rtp", "ssrc",
              G_TYPE_UINT, ssrc, "payload", G_TYPE_INT, header[1] & 0x7f,
              "clock-rate", G_TYPE_INT, ssrc == sent->audio ? 48000 : 90000,
              NULL)));
  return GST_PAD_PROBE_OK;
}

static void
session_pad_added (GstElement * session, GstPad * pad, gpointer user_data)
{
  Sent *sent;

  if (!g_str_equal (GST_PAD_NAME (pad), "send_rtp_sink"))
    return;
  sent = g_new0 (Sent, 1);
  sent->audio = GPOINTER_TO_UINT (user_data);
  gst_pad_add_probe (pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, packets_go,
      sent, g_free);
}

static void
sending_element_added (GstBin * rtpbin, GstElement * element,
    gpointer user_data)
{
  GstElementFactory *factory = gst_element_get_factory (element);

  if (factory != NULL && g_str_equal (GST_OBJECT_NAME (factory), "rtpsession"))
    g_signal_connect (element, "pad-added", G_CALLBACK (session_pad_added),
        user_data);
}

void
webrtc_setup_clock_rates (GstElement * webrtc, guint32 audio_ssrc)
{
  g_autoptr (GstElement) rtpbin = gst_bin_get_by_name (GST_BIN (webrtc),
      "rtpbin");

  if (rtpbin != NULL)
    g_signal_connect (rtpbin, "element-added",
        G_CALLBACK (sending_element_added), GUINT_TO_POINTER (audio_ssrc));
}

void
webrtc_setup_warm_up (void)
{
  static const char *const factories[] = { "dtlsdec", "dtlsenc", "srtpdec",
    "srtpenc", "nicesrc", "nicesink", "rtpbin", "latencybuffer",
    "rtpptdemux", "rtpssrcdemux", "rtprtxreceive", "rtpfunnel", "funnel"
  };

  for (guint i = 0; i < G_N_ELEMENTS (factories); i++) {
    GstElement *element = gst_element_factory_make (factories[i], NULL);

    if (element == NULL)
      continue;
    gst_object_ref_sink (element);
    /* reading the certificate makes the key that this process will use */
    if (g_str_equal (factories[i], "dtlsdec")) {
      g_autofree char *pem = NULL;

      g_object_get (element, "pem", &pem, NULL);
    }
    gst_object_unref (element);
  }
}
