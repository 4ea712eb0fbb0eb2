/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cameras, microphones and screens: getting their tracks, and saying in words why there are none. */

/** An error whose message is for the person at the page. */
export class MediaError extends Error {
  constructor(message) {
    super(message);
    this.name = 'MediaError';
  }
}

const insecure = 'Browsers give camera, microphone and screen only to secure pages: open this page over HTTPS, or on localhost.';

/** Why cameras cannot be had here at all, or '' if they can. */
export function whyNoDevices() {
  if (navigator.mediaDevices)
    return '';
  return globalThis.isSecureContext === false ? insecure : 'This browser offers no camera or microphone to pages.';
}

function explain(e, what) {
  const words = {
    NotAllowedError: `The browser did not allow the ${what}. Allow it beside the address bar, then try again.`,
    SecurityError: `The browser's settings forbid the ${what} on this page.`,
    NotFoundError: `There is no ${what} on this computer.`,
    NotReadableError: `The ${what} cannot be opened: another program may be using it.`,
    AbortError: `The ${what} stopped while it was being opened.`,
    OverconstrainedError: `The ${what} that was chosen is no longer there, or cannot do what was asked.`,
  };
  return new MediaError(words[e.name] || `The ${what} cannot be used: ${e.message || e.name}.`);
}

/* voice: the browser's echo cancelling and noise filters, which make the sound mono and fit for speech only. */
function audioConstraints({ device, voice }) {
  return {
    ...(device ? { deviceId: { exact: device } } : {}),
    echoCancellation: voice,
    noiseSuppression: voice,
    autoGainControl: voice,
    channelCount: { ideal: voice ? 1 : 2 },
    sampleRate: { ideal: 48000 },
  };
}

function videoConstraints({ device, width, height, fps }) {
  return {
    ...(device ? { deviceId: { exact: device } } : {}),
    width: { ideal: width },
    height: { ideal: height },
    frameRate: { ideal: fps, max: fps },
  };
}

/** Camera and microphone. video, audio: options for the constraints, or null to leave it out. */
export async function openCamera(video, audio) {
  const no = whyNoDevices();
  if (no)
    throw new MediaError(no);
  const what = video && audio ? 'camera or microphone' : video ? 'camera' : 'microphone';
  try {
    return await navigator.mediaDevices.getUserMedia({
      video: video ? videoConstraints(video) : false,
      audio: audio ? audioConstraints(audio) : false,
    });
  } catch (e) {
    /* With both asked for, the browser does not say which is missing: look. */
    if (e.name === 'NotFoundError' && video && audio) {
      const kinds = (await listDevices()).map((d) => d.kind);
      if (kinds.includes('videoinput') !== kinds.includes('audioinput')) {
        const missing = kinds.includes('videoinput') ? 'microphone' : 'camera';
        throw new MediaError(`There is no ${missing} on this computer. Untick “${missing === 'camera' ? 'Picture' : 'Sound'}” to publish without it.`);
      }
    }
    throw explain(e, what);
  }
}

/** A screen, window or tab that the person picks, with its sound where the system gives it. */
export async function openScreen(video, audio) {
  if (!navigator.mediaDevices?.getDisplayMedia) {
    throw new MediaError(whyNoDevices() || 'This browser cannot share a screen.');
  }
  try {
    return await navigator.mediaDevices.getDisplayMedia({
      video: { width: { max: video.width }, height: { max: video.height }, frameRate: { ideal: video.fps, max: video.fps } },
      audio: audio ? { echoCancellation: false, noiseSuppression: false, autoGainControl: false } : false,
    });
  } catch (e) {
    if (e.name === 'NotAllowedError')
      throw new MediaError('Nothing was chosen to share.');
    throw explain(e, 'screen');
  }
}

/** The cameras and microphones of this computer; names are empty until one of them was allowed. */
export async function listDevices() {
  try {
    return await navigator.mediaDevices.enumerateDevices();
  } catch {
    return [];
  }
}

/** Keeps the screen on while `wanted` () is true. Returns a function to call when that may have changed. */
export function wakeLockWhile(wanted) {
  let lock = null;
  const update = async () => {
    if (!wanted()) {
      lock?.release();
      lock = null;
    } else if (!lock && document.visibilityState === 'visible') {
      try {
        lock = await navigator.wakeLock?.request('screen') || null;
        lock?.addEventListener('release', () => { lock = null; });
      } catch {
        lock = null;
      }
    }
  };
  document.addEventListener('visibilitychange', update);
  return update;
}
