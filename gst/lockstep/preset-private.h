/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What preset.c (reading) and preset-launch.c (using) share. */
#pragma once

#include <gst/lockstep/preset.h>

/* Where a property's value comes from: a template, or one parameter divided. */
typedef struct
{
  char *target;                 /* "element.property" */
  char *format;                 /* "{output}/x"; NULL: parameter ÷ divide */
  char *parameter;
  gint64 divide;
} LockstepPropertyRule;

typedef struct
{
  char *name;
  GHashTable *when;             /* parameter -> the value it must have */
  char *launch;
  GPtrArray *properties;        /* LockstepPropertyRule */
} LockstepChoice;

typedef struct
{
  char *name;
  GPtrArray *choices;           /* LockstepChoice */
} LockstepAlternative;

struct _LockstepPreset
{
  char *name;
  char *summary;
  GPtrArray *parameters;        /* LockstepParameter */
  GPtrArray *pipeline;          /* char* */
  GPtrArray *alternatives;      /* LockstepAlternative */
  GPtrArray *properties;        /* LockstepPropertyRule */
  LockstepSignalling signalling;
  char *signalling_element;
  LockstepStream audio, video;
};

const LockstepParameter *lockstep_preset_find_parameter (const LockstepPreset *
    preset, const char *name);
const LockstepAlternative *lockstep_preset_find_alternative (const LockstepPreset *
    preset, const char *name);
/* FALSE, with a fault at @place, where @value is not one of @parameter. */
gboolean lockstep_parameter_check (const LockstepParameter * parameter,
    const char *value, const char *place, GPtrArray * faults);
