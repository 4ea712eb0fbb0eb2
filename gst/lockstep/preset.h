/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Presets: pipelines written as data, with typed parameters. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A preset file is read up to this many bytes. */
#define LOCKSTEP_PRESET_MAX_BYTES (256 * 1024)

/* One thing that is wrong, and what to do about it. */
typedef struct
{
  char *place;                  /* "parameters.latency.default", "pipeline[2]" */
  char *text;
} LockstepFault;

/* Faults are gathered, so that a user sees all of them at once. */
GPtrArray *lockstep_faults_new (void);  /* of LockstepFault */
void lockstep_fault_add (GPtrArray *faults, const char *place,
    const char *format, ...) G_GNUC_PRINTF (3, 4);

typedef enum
{
  LOCKSTEP_PARAMETER_STRING,
  LOCKSTEP_PARAMETER_INT,
  LOCKSTEP_PARAMETER_DOUBLE,
  LOCKSTEP_PARAMETER_BOOL,
  LOCKSTEP_PARAMETER_ENUM,
} LockstepParameterType;

typedef struct
{
  char *name;
  char *summary;
  LockstepParameterType type;
  char *default_value;          /* as a user would type it; NULL: required */
  double min, max;              /* of INT and DOUBLE; -/+G_MAXDOUBLE: none */
  GStrv values;                 /* of ENUM */
  gboolean secret;              /* never shown nor logged */
} LockstepParameter;

typedef enum
{
  LOCKSTEP_SIGNALLING_NONE,
  LOCKSTEP_SIGNALLING_WHIP,     /* serve WHIP: the peer publishes */
  LOCKSTEP_SIGNALLING_WHIP_CLIENT,      /* publish to a WHIP server */
} LockstepSignalling;

typedef struct _LockstepPreset LockstepPreset;

/**
 * lockstep_preset_parse:
 * @name: the preset's name
 * @text: JSON, @length bytes
 * @faults: (element-type LockstepFault): what is wrong is added here
 *
 * Reads a preset. Unknown keys and wrong types are faults.
 *
 * Returns: (transfer full): the preset, or NULL when there was any fault
 */
LockstepPreset *lockstep_preset_parse (const char *name, const char *text,
    gssize length, GPtrArray *faults);
void lockstep_preset_free (LockstepPreset *preset);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepPreset, lockstep_preset_free)

const char *lockstep_preset_get_name (const LockstepPreset *preset);
const char *lockstep_preset_get_summary (const LockstepPreset *preset);
/* (element-type LockstepParameter), in the file's order */
const GPtrArray *lockstep_preset_get_parameters (const LockstepPreset *preset);
LockstepSignalling lockstep_preset_get_signalling (const LockstepPreset *preset);
/* The name of the WebRTC element in the pipeline; NULL without signalling. */
const char *lockstep_preset_get_signalling_element (const LockstepPreset *preset);
/* What signalling accepts of one kind of media, and where it goes. */
typedef struct
{
  GStrv encodings;              /* RTP encoding names, best first; never NULL */
  char *element;                /* its sink pad takes the RTP; NULL: sent only */
} LockstepStream;

const LockstepStream *lockstep_preset_get_audio (const LockstepPreset *preset);
const LockstepStream *lockstep_preset_get_video (const LockstepPreset *preset);

/* Returns a value from the environment, or NULL. */
typedef const char *(*LockstepGetenv) (const char *name);

/**
 * lockstep_preset_resolve:
 * @assignments: "name=value" words, NULL-terminated, or NULL
 * @env: where defaults may come from: a parameter "audio-codec" is looked up as
 *   LOCKSTEP_AUDIO_CODEC; NULL: nowhere
 *
 * Gives every parameter its value: the assignment, else the environment, else the
 * default; checks each against its type and limits.
 *
 * Returns: (transfer full) (element-type utf8 utf8): name to value, or NULL when
 *   there was any fault
 */
GHashTable *lockstep_preset_resolve (const LockstepPreset *preset,
    const char *const *assignments, LockstepGetenv env, GPtrArray *faults);

typedef gboolean (*LockstepHasElement) (const char *factory, gpointer user_data);

/* A property to set once the pipeline is parsed. */
typedef struct
{
  char *element, *property, *value;
} LockstepPropertySetting;

/* A preset with its values: what gst_parse_launch() takes, and what is set then. */
typedef struct
{
  char *launch;
  GPtrArray *properties;        /* LockstepPropertySetting */
  GHashTable *chosen;           /* alternative's name -> the choice's name */
} LockstepLaunch;

/**
 * lockstep_preset_launch:
 * @values: from lockstep_preset_resolve(); may hold further names, such as
 *   "channel", that property values refer to as {channel}
 * @has_element: whether an element factory is there
 *
 * Chooses the alternatives and writes the launch line. Values of parameters never
 * become part of the line: they are set as properties afterwards.
 *
 * Returns: (transfer full): NULL when there was any fault
 */
LockstepLaunch *lockstep_preset_launch (const LockstepPreset *preset,
    GHashTable *values, LockstepHasElement has_element, gpointer user_data,
    GPtrArray *faults);
void lockstep_launch_free (LockstepLaunch *launch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepLaunch, lockstep_launch_free)

/**
 * lockstep_nearest:
 *
 * Returns: the name of @names (NULL-terminated) that is fewest edits from @name,
 *   if at most a third of its letters differ; else NULL
 */
const char *lockstep_nearest (const char *name, const char *const *names);

G_END_DECLS
