/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps every segment of a session, and a VOD playlist of them. */
#pragma once

#include <gst/gst.h>

typedef struct _Archive Archive;

/**
 * archive_of:
 * @values: "archive" is the archive's folder, where there is to be one; "output" the folder
 *   that channels are served from
 *
 * Archives a session in a folder of its own, DATE-TIME in the channel's folder. Ends
 * playlists of the channel that an earlier process left unfinished. All work is done in a
 * thread: a slow or full disk holds nothing up, and is told of in the log.
 *
 * Returns: NULL where none is asked for
 */
Archive *archive_of (GHashTable * values, const char *channel);

/* Adds what @sink reported (its hlsalignsink-segment); @archive may be NULL. */
void archive_segment (Archive * archive, GstObject * sink,
    const GstStructure * segment);

/* Ends the playlists; waits for at most @timeout_ms. */
void archive_finish (Archive * archive, int timeout_ms);
