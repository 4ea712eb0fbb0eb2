/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The part of a pipeline that makes one rendition: ended, and begun again, while the rest
 * goes on. */
#pragma once

#include <gst/gst.h>

typedef struct _RenditionBranch RenditionBranch;

/* @sink: where the elements behind the valves "picture-valve-@index" and
 * "sound-valve-@index" lead to. Never freed: the process ends with its pipeline. */
RenditionBranch *rendition_branch_new (GstElement * pipeline, guint index,
    GstElement * sink);

/* Whether all between its valves and the sink stands in a row, and so can begin again. */
gboolean rendition_branch_is_plain (const RenditionBranch * branch);

/* Closes its valves; what is behind them comes to its end. */
void rendition_branch_end (RenditionBranch * branch);

/* After the sink's end: opens them, with a new encoder and a sink that joins its group. */
void rendition_branch_begin_again (RenditionBranch * branch);

/* Whether it has since this was called last: its sink is not at its end any more. */
gboolean rendition_branch_has_begun (RenditionBranch * branch);

/* Opens, or closes, the valve "decode-valve" of @pipeline, where there is one. */
void rendition_branch_decode (GstElement * pipeline, gboolean decode);
