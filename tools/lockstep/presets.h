/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preset files: where they are, and how they become pipelines. */
#pragma once

#include <gst/gst.h>
#include <gst/lockstep/preset.h>

/* The folders that presets are looked for in: the user's, then
 * LOCKSTEP_PIPELINES_PATH where it is set, else the installed one. */
GStrv presets_folders (void);
/* The names of all presets found, sorted. */
GStrv presets_list (void);
/* @name: a preset's name, or a path (with a slash or ending in .json).
 * NULL with faults when there is none or it is wrong. */
LockstepPreset *presets_load (const char *name, GPtrArray * faults);

/* The file of a preset, or NULL. */
char *presets_find (const char *name);
/* Gives @values a "channel": a source runs as one, named by its parameter or after the
 * preset; publishers name theirs, until then there is a placeholder. FALSE after saying
 * that it is no name for one. */
gboolean presets_name_channel (LockstepPreset * preset, const char *name,
    GHashTable * values);

/* Builds the pipeline of @launch and sets its properties. NULL with faults. */
GstElement *presets_build (LockstepLaunch * launch, GPtrArray * faults);
/* What this machine can do, for lockstep_preset_launch(). */
extern const LockstepMachine presets_machine;
/* Sets @launch's properties on a pipeline that was built before. */
gboolean presets_apply (GstElement * pipeline, LockstepLaunch * launch,
    GPtrArray * faults);

/* What is wrong with setting @property of @element to @text, and the cure; NULL:
 * nothing. */
char *presets_property_problem (GstElement * element, const char *property,
    const char *text);

/* Sets those that differ from @before, of the same preset. */
gboolean presets_apply_changes (GstElement * pipeline,
    const LockstepLaunch * before, const LockstepLaunch * launch,
    GPtrArray * faults);

/* Prints each fault as a line on stderr. */
void presets_print_faults (const char *preset, GPtrArray * faults);
