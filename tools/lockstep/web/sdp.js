/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text side of WHIP: editing fmtp lines, building the fragment that RFC 9725 sends for a late
 * candidate, and reading Link headers. Plain functions over strings: no browser API is used here. */

/** Payload types whose rtpmap names `codec` (any case), as strings. */
export function payloadTypes(sdp, codec) {
  const found = [];
  for (const m of sdp.matchAll(/^a=rtpmap:(\d+) ([^/\r\n]+)\//gm)) {
    if (m[2].toLowerCase() === codec.toLowerCase())
      found.push(m[1]);
  }
  return found;
}

/** Sets parameters in the fmtp line of every payload type of `codec`; a line that is missing is added
 * after its rtpmap. Parameters that are there already and not named are kept. */
export function setFmtp(sdp, codec, params) {
  for (const pt of payloadTypes(sdp, codec)) {
    const line = new RegExp(`^a=fmtp:${pt} (.*?)(\\r?)$`, 'm');
    const known = new Map();
    const old = sdp.match(line);
    if (old) {
      for (const item of old[1].split(';')) {
        const at = item.indexOf('=');
        if (item.trim())
          known.set((at < 0 ? item : item.slice(0, at)).trim(), at < 0 ? null : item.slice(at + 1).trim());
      }
    }
    for (const [key, value] of Object.entries(params))
      known.set(key, String(value));
    const text = [...known].map(([k, v]) => (v === null ? k : `${k}=${v}`)).join(';');
    if (old)
      sdp = sdp.replace(line, `a=fmtp:${pt} ${text}$2`);
    else
      sdp = sdp.replace(new RegExp(`^(a=rtpmap:${pt} .*?)(\\r?\\n)`, 'm'), `$1$2a=fmtp:${pt} ${text}$2`);
  }
  return sdp;
}

/** The media sections of a description: [{mid, line, ufrag, pwd}]. ICE credentials may stand at session level. */
export function mediaSections(sdp) {
  const parts = sdp.split(/^(?=m=)/m);
  const value = (text, name) => (text.match(new RegExp(`^a=${name}:(.*?)\\r?$`, 'm')) || [])[1];
  return parts.slice(1).map((text) => ({
    mid: value(text, 'mid'),
    line: text.match(/^m=.*?(?=\r?$)/m)[0],
    ufrag: value(text, 'ice-ufrag') || value(parts[0], 'ice-ufrag'),
    pwd: value(text, 'ice-pwd') || value(parts[0], 'ice-pwd'),
  }));
}

/** An application/trickle-ice-sdpfrag body (RFC 8840, as RFC 9725 §4.3.1 uses it).
 * candidates: [{candidate, sdpMid}] of the local description `sdp`; `end` adds end-of-candidates. */
export function trickleFragment(sdp, candidates, end) {
  const sections = mediaSections(sdp);
  const lines = [];
  const group = sdp.match(/^a=group:BUNDLE .*?(?=\r?$)/m);
  if (group)
    lines.push(group[0]);
  /* With BUNDLE the first section carries the transport: the place for an end without candidates. */
  const mids = new Set(candidates.map((c) => c.sdpMid));
  if (!mids.size && sections.length)
    mids.add(sections[0].mid);
  for (const section of sections) {
    if (!mids.has(section.mid))
      continue;
    lines.push(section.line, `a=mid:${section.mid}`, `a=ice-ufrag:${section.ufrag}`, `a=ice-pwd:${section.pwd}`);
    for (const c of candidates) {
      if (c.sdpMid === section.mid)
        lines.push(`a=${c.candidate}`);
    }
    if (end)
      lines.push('a=end-of-candidates');
  }
  return lines.join('\r\n') + '\r\n';
}

/** RTCIceServer objects from the Link header(s) of a WHIP answer: those with rel="ice-server". */
export function iceServersFromLink(header) {
  const servers = [];
  for (const part of (header || '').split(/,(?=\s*<)/)) {
    const target = part.match(/^\s*<([^>]*)>(.*)$/s);
    if (!target)
      continue;
    const attr = {};
    for (const m of target[2].matchAll(/;\s*([\w!#$&+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/g))
      attr[m[1].toLowerCase()] = m[2] !== undefined ? m[2].replace(/\\(.)/g, '$1') : m[3];
    if (!(attr.rel || '').split(/\s+/).includes('ice-server') || !/^(stun|turn)s?:/i.test(target[1]))
      continue;
    const server = { urls: target[1] };
    if (attr.username !== undefined)
      server.username = attr.username;
    if (attr.credential !== undefined)
      server.credential = attr.credential;
    servers.push(server);
  }
  return servers;
}
