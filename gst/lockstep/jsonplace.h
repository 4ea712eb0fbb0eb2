/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where in a JSON text each member and item stands: json-glib's nodes do not know. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _LockstepJsonPlaces LockstepJsonPlaces;

/**
 * lockstep_json_places_new:
 * @text: UTF-8, NUL-terminated
 * @max_depth: of objects and arrays in each other
 *
 * Walks over @text. What is not JSON ends the walk. Places are written "parameters.latency.default" and "pipeline[2]".
 *
 * Returns: (transfer full): never NULL
 */
LockstepJsonPlaces *lockstep_json_places_new (const char *text, guint max_depth);
void lockstep_json_places_free (LockstepJsonPlaces *places);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepJsonPlaces, lockstep_json_places_free)

/* FALSE where the text is nested deeper than was allowed: do not parse it. */
gboolean lockstep_json_places_depth_ok (LockstepJsonPlaces *places);
/* The line that the walk did not come past, and what it looked for there ("',' or
 * ']'"); 0: it came to the end. */
guint lockstep_json_places_stopped (LockstepJsonPlaces *places,
    const char **expected);
/* (element-type utf8): members that are there a second time in their object. */
const GPtrArray *lockstep_json_places_duplicates (LockstepJsonPlaces *places);
/* The line, from 1, of @place, else of the nearest thing around it: the length of what
 * was found goes to @matched (may be NULL). 0 where nothing of it is there. */
guint lockstep_json_places_line (LockstepJsonPlaces *places, const char *place,
    gsize *matched);

/**
 * lockstep_json_is_shallow:
 *
 * Before json-glib parses what others sent, which takes as much stack as the text is deep.
 * FALSE where it is deeper than @max_depth, or has something outside of its strings that JSON
 * has not: json-glib knows comments, in which quotes are none.
 */
gboolean lockstep_json_is_shallow (const char *text, gsize bytes, guint max_depth);

G_END_DECLS
