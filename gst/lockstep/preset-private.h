/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files that read presets and those that use them share. */
#pragma once

#include <gst/lockstep/jsonplace.h>
#include <gst/lockstep/preset.h>

/* Names that begin so are alternatives: a value forces a choice, a condition asks which was
 * taken in the lines before. */
#define LOCKSTEP_USE "use."

/* Values that must hold, and values that must not. */
typedef struct
{
  GHashTable *when, *unless;    /* name -> value */
} LockstepConditions;

/* Where a property's value comes from: a template, or one number divided. */
typedef struct
{
  char *target;                 /* "element.property", a template too */
  char *format;                 /* "{output}/x"; NULL: parameter ÷ divide */
  char *parameter;
  gint64 divide;
  LockstepConditions conditions;
} LockstepPropertyRule;

typedef struct
{
  char *name;
  LockstepConditions conditions;
  char *launch;
  char *test;                   /* launch line with {launch}; NULL: none given */
  GPtrArray *properties;        /* LockstepPropertyRule */
} LockstepChoice;

typedef struct
{
  char *name;
  GPtrArray *choices;           /* LockstepChoice */
} LockstepAlternative;

/* Lines of the pipeline: all of the time, under a condition, or once for each item of
 * a list. */
typedef struct
{
  char *place;                  /* "pipeline[2]" */
  gboolean plain;               /* a line of its own, not an object with lines */
  GStrv lines;
  char *repeat;                 /* a list parameter; NULL: once */
  LockstepConditions conditions;
  GPtrArray *properties;        /* LockstepPropertyRule */
} LockstepBlock;

/* A file that the preset was read from: itself, then what it extends. */
typedef struct
{
  char *file;                   /* NULL: from memory */
  LockstepJsonPlaces *places;
} LockstepPresetSource;

struct _LockstepPreset
{
  char *name;
  char *summary;
  GPtrArray *sources;           /* LockstepPresetSource */
  GPtrArray *parameters;        /* LockstepParameter */
  GPtrArray *pipeline;          /* LockstepBlock */
  GPtrArray *alternatives;      /* LockstepAlternative */
  GPtrArray *properties;        /* LockstepPropertyRule */
  LockstepSignalling signalling;
  char *signalling_element;
  LockstepStream audio, video, preview;
  LockstepRate rate;
  LockstepReadFile read_file;   /* NULL: values are never files */
};

const LockstepAlternative *lockstep_preset_find_alternative (const LockstepPreset *
    preset, const char *name);
const LockstepChoice *lockstep_alternative_find (const LockstepAlternative *
    alternative, const char *name);

/* preset-value.c */

gboolean lockstep_parameter_type_parse (const char *name,
    LockstepParameterType * type);
/* Whether 'min' and 'max' mean something. */
gboolean lockstep_parameter_type_has_limits (LockstepParameterType type);
/* What stands behind the dot in {name.width}; an empty list for most. */
const char *const *lockstep_parameter_type_fields (LockstepParameterType type);
/* @value: as lockstep_parameter_normalize() writes it. NULL: no such field. */
char *lockstep_value_field (LockstepParameterType type, const char *value,
    const char *field);
/* ns; 0: there is no such unit. */
double lockstep_duration_unit (const char *name);
/* To a number of @unit (in ns), which a bare number is one of. */
gboolean lockstep_duration_parse (const char *text, double unit,
    double *value);
gboolean lockstep_bitrate_parse (const char *text, gint64 * value);
/* Matches whole values only, at a bounded cost. */
GRegex *lockstep_pattern_new (const char *pattern, GError ** error);
/* preset-template.c */

/* NULL: the name is not known. */
typedef char *(*LockstepLookup) (const char *name, gpointer user_data);

/* Replaces each {name} by what @lookup gives for it; braces around anything but a
 * name are GStreamer's lists and stay. An unknown name is a fault at @place. */
char *lockstep_template_fill (const char *format, LockstepLookup lookup,
    gpointer user_data, const char *place, GPtrArray * faults);
/* Whether {@name} is in @format. */
gboolean lockstep_template_has (const char *format, const char *name);
/* The dot between element and property in "element.property"; NULL: it is no such
 * name. */
const char *lockstep_target_dot (const char *target);
/* Checks that all names that are referred to are there. */
void lockstep_preset_check_references (const LockstepPreset * preset,
    GPtrArray * faults);

/* Values that every pipeline has besides its parameters. */
extern const char *const lockstep_preset_builtins[];
