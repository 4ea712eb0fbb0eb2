/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looks a preset over, without running it. */
#pragma once

#include <gst/lockstep/preset.h>

typedef struct
{
  GPtrArray *faults;            /* LockstepFault: what is wrong */
  GPtrArray *missing;           /* LockstepFault: elements that are not there */
  GPtrArray *notes;             /* LockstepFault: choices that are not to be had here */
} LintReport;

LintReport *lint_report_new (void);
void lint_report_free (LintReport * report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LintReport, lint_report_free)

/* @values: given values; others are the defaults, or samples. All lines and choices are
 * looked at; then pipelines are built with each choice and each value of each enum. */
void lint_preset (const char *name, LockstepPreset * preset,
    GHashTable * values, LintReport * report);
