/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the rules ask of one snapshot of a media playlist: durations, dates, versions,
 * parts and what the server says of itself. */
#include <gst/lockstep/hlscheck-private.h>

#define tell lockstep_hls_tell
#define PDT_TOLERANCE 10000     /* us */
#define SECOND G_GINT64_CONSTANT (1000000)

/* @last: of a segment that is complete; @next_gap: the part after it is a gap */
static void
check_partial (LockstepHlsCheck * check, const LockstepHlsSnapshot * s,
    const LockstepHlsPartial * part, gboolean last, gboolean next_gap)
{
  if (part->duration > s->part_target + 1)
    tell (check, 24, ERROR, part->at.uri, "let no part be longer than "
        "PART-TARGET", "DURATION %.6f is above PART-TARGET %.6f",
        part->duration / 1e6, s->part_target / 1e6);
  else if (part->duration * 100 < s->part_target * 85 && !last && !part->gap
      && !next_gap && !part->independent)
    tell (check, 24, ERROR, part->at.uri,
        "let parts be 85 % of PART-TARGET or more",
        "DURATION %.6f is below 85 %% of PART-TARGET %.6f",
        part->duration / 1e6, s->part_target / 1e6);
}

static void
check_parts (LockstepHlsCheck * check, const LockstepHlsSnapshot * s,
    const GPtrArray * parts, const LockstepHlsSegment * parent)
{
  gint64 sum = 0;

  for (guint i = 0; parts != NULL && i < parts->len; i++) {
    const LockstepHlsPartial *part = g_ptr_array_index (parts, i);
    const LockstepHlsPartial *next = i + 1 < parts->len ?
        g_ptr_array_index (parts, i + 1) : NULL;

    sum += part->duration;
    check_partial (check, s, part, parent != NULL && next == NULL,
        next != NULL && next->gap);
  }
  if (parent != NULL && parts != NULL
      && ABS (sum - parent->extinf) > SECOND / 20)
    tell (check, 24, ERROR, parent->at.uri,
        "let parts and their segment hold the same samples",
        "its parts last %.6f s, and EXTINF is %.6f", sum / 1e6,
        parent->extinf / 1e6);
}

static void
check_control (LockstepHlsCheck * check, const LockstepHlsSnapshot * s)
{
  if (s->hold_back > 0 && s->hold_back < 3 * SECOND * s->target)
    tell (check, 25, ERROR, check->place,
        "let HOLD-BACK be three target durations or more",
        "HOLD-BACK is %.3f s, EXT-X-TARGETDURATION %u", s->hold_back / 1e6,
        s->target);
  if (s->can_skip > 0 && s->can_skip < 6 * SECOND * s->target)
    tell (check, 25, ERROR, check->place,
        "let CAN-SKIP-UNTIL be six target durations or more",
        "CAN-SKIP-UNTIL is %.3f s, EXT-X-TARGETDURATION %u",
        s->can_skip / 1e6, s->target);
  if (s->part_target == 0)
    return;
  if (s->part_hold_back == 0)
    tell (check, 25, ERROR, check->place, "give PART-HOLD-BACK",
        "EXT-X-PART-INF without PART-HOLD-BACK");
  else if (s->part_hold_back < 2 * s->part_target)
    tell (check, 25, ERROR, check->place,
        "let PART-HOLD-BACK be three PART-TARGETs or more",
        "PART-HOLD-BACK is %.3f s, PART-TARGET %.3f s",
        s->part_hold_back / 1e6, s->part_target / 1e6);
  else if (s->part_hold_back < 3 * s->part_target)
    tell (check, 25, WARNING, check->place,
        "let PART-HOLD-BACK be three PART-TARGETs or more (Apple 14.3)",
        "PART-HOLD-BACK is %.3f s, PART-TARGET %.3f s",
        s->part_hold_back / 1e6, s->part_target / 1e6);
  if (!s->ended && s->hint == NULL)
    tell (check, 26, WARNING, check->place,
        "hint at the next part (profile B.1)",
        "live with parts, and no EXT-X-PRELOAD-HINT");
}

static void
check_segment (LockstepHlsCheck * check, const LockstepHlsSnapshot * s,
    const LockstepHlsSegment * segment, const LockstepHlsSegment * before,
    gboolean dates)
{
  const char *uri = segment->at.uri;

  if (segment->extinf <= 0)
    tell (check, 4, ERROR, uri, "list no empty segment", "EXTINF is 0");
  else if (segment->decimals < 6)
    tell (check, 4, WARNING, uri, "write 6 decimals",
        "EXTINF has %u decimals: the sum will drift", segment->decimals);
  if ((segment->extinf + SECOND / 2) / SECOND > s->target)
    tell (check, 3, ERROR, uri,
        "cut in time, or write a larger EXT-X-TARGETDURATION from the start",
        "EXTINF %.6f is above EXT-X-TARGETDURATION %u",
        segment->extinf / 1e6, s->target);
  if (segment->discontinuity && segment->pdt < 0 && dates)
    tell (check, 7, ERROR, uri,
        "write EXT-X-PROGRAM-DATE-TIME after each EXT-X-DISCONTINUITY",
        "a discontinuity without a date");
  if (before != NULL && segment->pdt >= 0 && before->pdt >= 0
      && !segment->discontinuity
      && ABS (before->pdt + before->extinf - segment->pdt) > PDT_TOLERANCE)
    tell (check, 7, WARNING, uri, "let the date follow the durations",
        "the date is %+.3f s from what the one before and its EXTINF make",
        (segment->pdt - before->pdt - before->extinf) / 1e6);
  if (segment->map.uri != NULL && segment->key != NULL && segment->key->aes128
      && !segment->map_key_has_iv)
    tell (check, 9, ERROR, uri, "give IV where EXT-X-MAP is encrypted",
        "EXT-X-MAP is encrypted, and its EXT-X-KEY has no IV");
}

void
lockstep_hls_check_one (LockstepHlsCheck * check, const LockstepHlsSnapshot * s)
{
  gint64 total = 0, longest = 0;
  gboolean dates = FALSE, all_dates = TRUE;
  guint needs = s->needs;

  for (guint i = 0; i < s->segments->len; i++) {
    const LockstepHlsSegment *segment = g_ptr_array_index (s->segments, i);

    dates |= segment->pdt >= 0;
    all_dates &= segment->pdt >= 0;
    total += segment->extinf;
    longest = MAX (longest, segment->extinf);
    check_segment (check, s, segment, i > 0 ?
        g_ptr_array_index (s->segments, i - 1) : NULL, dates);
    check_parts (check, s, segment->parts, segment);
  }
  check_parts (check, s, s->parts, NULL);
  check_control (check, s);
  if (!all_dates && !s->ended)
    tell (check, 7, WARNING, check->place,
        "write EXT-X-PROGRAM-DATE-TIME for each segment (Apple 8.4)",
        "live, and not every segment has a date");
  /* Up to version 5 EXT-X-TARGETDURATION is a maximum, not a rounded one */
  if (longest > s->target * SECOND)
    needs = MAX (needs, 6);
  if (s->version < needs)
    tell (check, 2, ERROR, check->place, "write the version that is needed",
        "EXT-X-VERSION is %u, and what is in the list needs %u", s->version,
        needs);
  if (s->vod && !s->ended)
    tell (check, 6, WARNING, check->place, "write EXT-X-ENDLIST",
        "VOD without an end");
  if (!s->ended && s->sequence > 0 && (s->vod || s->event))
    tell (check, 6, ERROR, check->place, "write no EXT-X-PLAYLIST-TYPE",
        "segments were removed from a list that says EVENT or VOD");
  if (!s->ended && s->sequence > 0 && total < 3 * s->target * SECOND)
    tell (check, 14, ERROR, check->place,
        "keep more segments in the list",
        "the list has %.3f s, less than three times %u s", total / 1e6,
        s->target);
  if (s->skipped == 0)
    check->longest = MAX (check->longest, total);
}
