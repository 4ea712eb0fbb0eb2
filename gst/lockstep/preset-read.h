/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the parts of a preset. */
#pragma once

#include <gst/lockstep/preset-json.h>

/* Empty arrays for what is read here. */
void lockstep_preset_init_pipeline (LockstepPreset * preset);
void lockstep_preset_read_parameter (LockstepPreset * preset,
    const char *name, JsonNode * node, GPtrArray * faults);
void lockstep_preset_read_alternatives (LockstepPreset * preset,
    JsonNode * node, GPtrArray * faults);
void lockstep_preset_read_pipeline (LockstepPreset * preset, JsonNode * node,
    GPtrArray * faults);
/* {"element.property": "template" | {"parameter": P, "divide": N} | {"value": …}} */
GPtrArray *lockstep_preset_read_properties (JsonNode * node, const char *place,
    GPtrArray * faults);
