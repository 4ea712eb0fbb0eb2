/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* H.264 fragmentation units that were never finished. */
#include <gst/lockstep/h264fu.h>

/* RFC 6184, section 5.2 and 5.8 */
#define TYPE_MASK 0x1f
#define TYPE_FU_A 28
#define TYPE_FU_B 29
#define FU_START 0x80
#define FU_END 0x40

gboolean
lockstep_h264_fu_cut_short (LockstepH264Fu * fu, const guint8 * payload,
    gsize size, guint32 timestamp)
{
  gboolean is_fu = size >= 2 && ((payload[0] & TYPE_MASK) == TYPE_FU_A
      || (payload[0] & TYPE_MASK) == TYPE_FU_B);
  gboolean starts = is_fu && (payload[1] & FU_START);
  gboolean was_open = fu->open;

  /* padding between packets of a unit says nothing */
  if (size == 0)
    return FALSE;
  fu->open = is_fu && !(payload[1] & FU_END);
  if (was_open && (!is_fu || starts || timestamp != fu->timestamp)) {
    /* a unit whose start is missing cannot be finished either */
    fu->timestamp = timestamp;
    return TRUE;
  }
  fu->timestamp = timestamp;
  return FALSE;
}
