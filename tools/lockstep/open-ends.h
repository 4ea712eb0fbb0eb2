/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams that a source turns out not to have. */
#pragma once

#include <gst/gst.h>

/* @pipeline: parsed, and not started yet. */
void open_ends_watch (GstElement * pipeline);
