/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The figures of a running session, once a second, from RTCPeerConnection.getStats (). */

import { fixed, kbps, showFigures, size, whole } from './common.js';

export class PublishFigures {
  #list;
  #report;
  #timer = 0;
  #last = null;

  /** list: a <dl> to fill. report: called with a plain summary each second, and null at the end. */
  constructor(list, report) {
    this.#list = list;
    this.#report = report;
    showFigures(list, this.#rows(null));
  }

  start(pc, settings) {
    this.stop();
    this.#timer = setInterval(() => this.#update(pc, settings), 1000);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#last = null;
    this.#report(null);
    showFigures(this.#list, this.#rows(null));
  }

  async #update(pc, settings) {
    if (pc.connectionState === 'closed')
      return;
    const timer = this.#timer;
    const s = { video: null, audio: null, rtt: null, path: null, cap: settings.videoBitrate };
    const all = await pc.getStats();
    if (timer !== this.#timer)
      return;
    for (const item of all.values()) {
      if (item.type === 'outbound-rtp') {
        const remote = all.get(item.remoteId);
        const before = this.#last?.get(item.id);
        const seconds = before ? (item.timestamp - before.timestamp) / 1000 : 0;
        s[item.kind] = {
          codec: all.get(item.codecId)?.mimeType.split('/')[1],
          kbps: seconds > 0 ? (item.bytesSent - before.bytesSent) * 8 / 1000 / seconds : NaN,
          packetsSent: item.packetsSent,
          /* by RFC 3550's count, which a packet that came twice makes less than nothing */
          packetsLost: remote?.packetsLost === undefined ? undefined : Math.max(0, remote.packetsLost),
          retransmitted: item.retransmittedPacketsSent,
          nackCount: item.nackCount,
          pliCount: item.pliCount,
          firCount: item.firCount,
          targetBitrate: item.targetBitrate,
          width: item.frameWidth,
          height: item.frameHeight,
          fps: item.framesPerSecond,
          framesEncoded: item.framesEncoded,
          keyFramesEncoded: item.keyFramesEncoded,
          encoder: item.encoderImplementation,
          limit: item.qualityLimitationReason,
        };
        if (Number.isFinite(remote?.roundTripTime))
          s.rtt = remote.roundTripTime * 1000;
      } else if (item.type === 'transport' && item.selectedCandidatePairId) {
        const pair = all.get(item.selectedCandidatePairId);
        if (Number.isFinite(pair?.currentRoundTripTime))
          s.rtt = pair.currentRoundTripTime * 1000;
        s.available = pair?.availableOutgoingBitrate;
        const local = all.get(pair?.localCandidateId);
        s.path = local ? `${local.protocol.toUpperCase()}, ${local.candidateType === 'relay' ? 'relayed' : 'direct'}` : null;
      }
    }
    this.#last = all;
    this.#report(s);
    showFigures(this.#list, this.#rows(s));
  }

  #rows(s) {
    const v = s?.video;
    const a = s?.audio;
    const lost = (x) => (Number.isFinite(x?.packetsLost) && x.packetsSent ? `${x.packetsLost} (${fixed(100 * x.packetsLost / x.packetsSent, 2, '%')})` : '–');
    const limits = { none: 'nothing', bandwidth: 'the network', cpu: 'the processor', other: 'something else' };
    return [
      ['Picture', v ? `${size(v.width, v.height)} at ${fixed(v.fps, 0, 'fps')}` : '–', 'What the encoder makes at present'],
      ['Picture rate', kbps(v?.kbps)],
      ['Target', v ? `${kbps(v.targetBitrate / 1000)} of ${kbps(s.cap / 1000)}` : '–', 'What the network allows the encoder now, and the most it was set to'],
      ['Held back by', v ? limits[v.limit] || '–' : '–'],
      ['Encoder', v?.encoder || '–'],
      ['Sound rate', kbps(a?.kbps)],
      ['Round trip', fixed(s?.rtt ?? NaN, 1, 'ms')],
      ['Path', s?.path || '–'],
      ['Picture packets lost', lost(v), 'As the server reports it'],
      ['Sound packets lost', lost(a), 'As the server reports it'],
      ['Sent again', whole(v?.retransmitted)],
      ['NACK · PLI · FIR', v ? `${whole(v.nackCount)} · ${whole(v.pliCount)} · ${whole(v.firCount)}` : '–', 'Retransmissions and whole pictures that the server asked for'],
    ];
  }
}
