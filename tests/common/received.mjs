/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In a page that watches by WebRTC: what it receives. These functions are given to the page, and so refer to nothing
 * outside themselves. */

/** Before the page is loaded. */
export function keepConnections() {
  const Original = window.RTCPeerConnection;
  window.kept = [];
  window.RTCPeerConnection = class extends Original {
    constructor(...args) {
      super(...args);
      window.kept.push(this);
    }
  };
}

/** Before the page is loaded, after keepConnections(): FlexFEC is not offered. */
export function withoutFec() {
  const Kept = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Kept {
    addTransceiver(kind, ...rest) {
      const transceiver = super.addTransceiver(kind, ...rest);
      if (kind === 'video')
        transceiver.setCodecPreferences(RTCRtpReceiver.getCapabilities('video').codecs.filter((c) => !/flexfec/i.test(c.mimeType)));
      return transceiver;
    }
  };
}

/** The statistics of the picture that comes; null: none has. */
export async function receivedVideo() {
  for (const pc of window.kept) {
    const all = await pc.getStats();
    for (const s of all.values())
      if (s.type === 'inbound-rtp' && s.kind === 'video' && s.framesDecoded > 0)
        return { ...s, codec: all.get(s.codecId)?.mimeType };
  }
  return null;
}
