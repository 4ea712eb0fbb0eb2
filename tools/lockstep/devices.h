/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hardware of this machine. */
#pragma once

#include <gst/gst.h>

typedef void (*DevicesFound) (const char *kind, const char *name,
    const char *text, gpointer user_data);

/* Names GPUs with their drivers, then capture devices with what they deliver. A kind of
 * which there is none is named "-". */
void devices_list (DevicesFound found, gpointer user_data);

/* A property as text; NULL where the element has no such. */
char *devices_property_text (GstElement * element, const char *property);
