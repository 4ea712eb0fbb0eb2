/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A preset with its values, as a line that gst-launch-1.0 runs. */
#pragma once

#include <gst/lockstep/preset.h>

G_BEGIN_DECLS

/**
 * lockstep_launch_export:
 * @latency: ms that RTP which takes the place of WebRTC is held
 * @notes: (element-type utf8): what had to be replaced is added here
 *
 * Properties are written into the line. gst-launch has no signalling: where peers send,
 * RTP from UDP ports 5004 (sound) and 5006 (picture) takes the WebRTC element's place;
 * where they receive, RTP goes to 127.0.0.1 on those.
 *
 * Returns: (transfer full): words as a shell takes them, a line of theirs for each
 *   element; NULL with a fault
 */
char *lockstep_launch_export (const LockstepPreset *preset,
    const LockstepLaunch *launch, guint latency, GPtrArray *notes,
    GPtrArray *faults);

G_END_DECLS
