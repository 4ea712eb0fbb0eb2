/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Capture devices that come and go, with something to show meanwhile. */
#pragma once

#include <gst/gst.h>

typedef struct _Standby Standby;

/* Takes care of each input-selector of @pipeline, which has not been started: what feeds
 * its sink_0 is wanted, what feeds its sink_1 stands in for it. Both are bins, directly in
 * the pipeline. NULL when there is none. @name: for what is logged. */
Standby *standby_new (GstElement * pipeline);
/* The pipeline plays: starts the wanted ones. */
void standby_start (Standby * standby, const char *name);
/* TRUE: the error is that of a device, and is dealt with. @advice: ends what is said of it. */
gboolean standby_take_error (Standby * standby, GstMessage * message, const char *advice);
/* Once a second. TRUE while some device is away. */
gboolean standby_look (Standby * standby);
