/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What commands share besides the table. */
#pragma once

#include <gst/lockstep/preset.h>
#include <json-glib/json-glib.h>

/* The version of what --json prints: it goes up when a member goes or changes its
 * meaning, not when one is added. */
#define COMMAND_JSON_VERSION 1

/* Prints what was built, on stdout. */
void command_print_json (JsonBuilder * builder);
/* A member; null for NULL. */
void command_json_string (JsonBuilder * builder, const char *name,
    const char *value);

/* PRESET [name=value …] in @argv, read and given its values (not where @values is
 * NULL). 0, or the exit status after all faults were said. */
int command_open_preset (const char *command, int argc, char **argv,
    LockstepPreset ** preset, GHashTable ** values);
/* What runs on this machine of preset @name; NULL with @status after all faults were
 * said. */
LockstepLaunch *command_launch (const char *name, LockstepPreset * preset,
    GHashTable * values, int *status);
