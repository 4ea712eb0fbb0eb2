/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preset files: where they are, and how they become pipelines. */
#pragma once

#include <gst/gst.h>
#include <gst/lockstep/preset.h>

/* The folders that presets are looked for in: LOCKSTEP_PIPELINES_PATH where it
 * is set, else the installed one. */
GStrv presets_folders (void);
/* The names of all presets found, sorted. */
GStrv presets_list (void);
/* @name: a preset's name, or a path (with a slash or ending in .json).
 * NULL with faults when there is none or it is wrong. */
LockstepPreset *presets_load (const char *name, GPtrArray * faults);

/* Builds the pipeline of @launch and sets its properties. NULL with faults. */
GstElement *presets_build (LockstepLaunch * launch, GPtrArray * faults);
/* Whether an element factory is there: for lockstep_preset_launch(). */
gboolean presets_has_element (const char *factory, gpointer unused);
/* Sets @launch's properties on a pipeline that was built before. */
gboolean presets_apply (GstElement * pipeline, LockstepLaunch * launch,
    GPtrArray * faults);

/* Prints each fault as a line on stderr. */
void presets_print_faults (const char *preset, GPtrArray * faults);
