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
  char *place;                  /* "parameters.latency.default", "pipeline[2]"; "":
                                   the file as a whole */
  char *text;
  char *file;                   /* NULL: not in a file */
  guint line;                   /* of the file, from 1; 0: not known */
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
  LOCKSTEP_PARAMETER_DURATION,  /* kept as a number of the parameter's unit */
  LOCKSTEP_PARAMETER_BITRATE,   /* kept in bit/s */
  LOCKSTEP_PARAMETER_SIZE,      /* kept as WIDTHxHEIGHT */
  LOCKSTEP_PARAMETER_RENDITION, /* see LockstepRendition */
  LOCKSTEP_PARAMETER_SDP,       /* kept as lockstep_sdp_plain_normalize() writes it */
  LOCKSTEP_PARAMETER_LIST,      /* kept with commas between the items */
} LockstepParameterType;

/* "string", "int" … */
const char *lockstep_parameter_type_name (LockstepParameterType type);

typedef struct
{
  char *name;
  char *summary;
  LockstepParameterType type;
  char *default_value;          /* as a user would type it; NULL: required */
  double min, max;              /* as the value is kept; -/+G_MAXDOUBLE: none */
  char *unit;                   /* of DURATION: ns, us, ms, s, m or h */
  GStrv values;                 /* of ENUM; NULL for other types */
  char *pattern;                /* of STRING: all of a value matches; NULL: any */
  GRegex *regex;
  GStrv encodings;              /* of SDP: RTP encoding names; NULL for other types */
  LockstepParameterType item_type;      /* of LIST: min, max … are the items' */
  guint min_items, max_items;
  gboolean secret;              /* never shown nor logged */
} LockstepParameter;

/* One version of a picture: "1280x720@2500k", "640x360p25@800k", "passthrough". */
typedef struct
{
  gboolean passthrough;         /* as the source has it; the rest is 0 */
  int width, height;            /* pixels, even */
  int fps_n, fps_d;             /* 0/1: the source's */
  gint64 bitrate;               /* bit/s */
} LockstepRendition;

/* FALSE where @text is none. */
gboolean lockstep_rendition_parse (const char *text, LockstepRendition *rendition);

typedef enum
{
  LOCKSTEP_SIGNALLING_NONE,
  LOCKSTEP_SIGNALLING_WHIP,     /* serve WHIP: the peer publishes */
  LOCKSTEP_SIGNALLING_WHEP,     /* serve WHEP, or publish where `whip` says: peers receive */
} LockstepSignalling;

typedef struct _LockstepPreset LockstepPreset;

/**
 * LockstepPresetOpen:
 * @name: a preset's name or path
 * @from: the file that says "extends": @name; NULL for the first
 * @file: (out) (transfer full): where it was found; may be NULL
 * @length: (out): bytes
 *
 * Returns: (transfer full): the preset's text; NULL with @error
 */
typedef char *(*LockstepPresetOpen) (const char *name, const char *from,
    char **file, gsize *length, gpointer user_data, GError **error);

/**
 * lockstep_preset_load:
 * @faults: (element-type LockstepFault): what is wrong is added here, with file and
 *   line
 *
 * Reads a preset, and what it extends, through @open. Unknown keys, wrong types and
 * names that nothing has are faults.
 *
 * Returns: (transfer full): the preset, or NULL when there was any fault
 */
LockstepPreset *lockstep_preset_load (const char *name, LockstepPresetOpen open,
    gpointer user_data, GPtrArray *faults);
/* The same with its JSON at hand, @length bytes (-1: to the NUL); it cannot extend
 * another. */
LockstepPreset *lockstep_preset_parse (const char *name, const char *text,
    gssize length, GPtrArray *faults);
void lockstep_preset_free (LockstepPreset *preset);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepPreset, lockstep_preset_free)

/* The text of a file that a parameter names; NULL with @error. */
typedef char *(*LockstepReadFile) (const char *path, GError **error);
/* Where a user's value may be the name of a file (sdp), lockstep_preset_resolve() reads it
 * through @read_file; without one the value must be the text itself. */
void lockstep_preset_set_read_file (LockstepPreset *preset, LockstepReadFile read_file);

/* Gives the faults from number @first on the file and line of their place. */
void lockstep_preset_locate (const LockstepPreset *preset, GPtrArray *faults,
    guint first);
const LockstepParameter *lockstep_preset_find_parameter (const LockstepPreset *preset,
    const char *name);

/* The parameter that the property "device" of @element is made of; NULL: none. */
const LockstepParameter *lockstep_preset_device_parameter (const LockstepPreset *preset,
    const char *element);

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
  char *element;                /* it takes the RTP; NULL: sent only */
  char *pad;                    /* of @element: static, or to be requested */
  char *parameter;              /* @element is there only where this parameter is not
                                   empty; NULL: always */
} LockstepStream;

/* What congestion control changes while the pipeline runs, each the name of a
 * parameter or element. */
typedef struct
{
  char *bitrate;                /* parameter: the video's, to begin with; NULL: nothing is
                                   changed */
  char *min, *max;              /* parameters: limits of it */
  char *format;                 /* a capsfilter before the encoder; NULL: size and frame
                                   rate stay */
} LockstepRate;

const LockstepRate *lockstep_preset_get_rate (const LockstepPreset *preset);
const LockstepStream *lockstep_preset_get_audio (const LockstepPreset *preset);
const LockstepStream *lockstep_preset_get_video (const LockstepPreset *preset);
/* Further pictures of the same source, one for each item of its parameter, a list; its
 * element is NULL where there is none. */
const LockstepStream *lockstep_preset_get_preview (const LockstepPreset *preset);
/* @stream's element of item @index: "{item.index}" in its name is that number. Returns:
 * (transfer full) (nullable): NULL where there is none for that item */
char *lockstep_stream_element (const LockstepStream *stream, guint index);

/* Returns a value from the environment, or NULL. */
typedef const char *(*LockstepGetenv) (const char *name);

typedef enum
{
  LOCKSTEP_ORIGIN_DEFAULT,
  LOCKSTEP_ORIGIN_ENVIRONMENT,
  LOCKSTEP_ORIGIN_ASSIGNMENT,
  LOCKSTEP_ORIGIN_MISSING,      /* it must be given, and was not */
} LockstepOrigin;

/* The variable that a parameter is looked up in: "audio-codec" in
 * LOCKSTEP_AUDIO_CODEC. */
char *lockstep_parameter_variable (const char *name);
/* Where lockstep_preset_resolve() takes a parameter's value from. */
LockstepOrigin lockstep_preset_origin (const LockstepPreset *preset,
    const char *name, const char *const *assignments, LockstepGetenv env);

/**
 * lockstep_preset_resolve:
 * @assignments: "name=value" words, NULL-terminated, or NULL
 * @env: where defaults may come from; NULL: nowhere
 *
 * Gives every parameter its value: the assignment, else the environment, else the
 * default; checks each against its type and limits. "use.ALTERNATIVE=CHOICE" (or
 * LOCKSTEP_USE_ALTERNATIVE) forces a choice.
 *
 * Returns: (transfer full) (element-type utf8 utf8): name to value as it is kept, or
 *   NULL when there was any fault
 */
GHashTable *lockstep_preset_resolve (const LockstepPreset *preset,
    const char *const *assignments, LockstepGetenv env, GPtrArray *faults);

/* The same for those that are given (or in the environment) alone: none is missing. */
GHashTable *lockstep_preset_resolve_given (const LockstepPreset *preset,
    const char *const *assignments, LockstepGetenv env, GPtrArray *faults);
/* @value as it is kept (a bitrate in bit/s, a duration in the parameter's unit);
 * NULL, with a fault at @place, where it is not one of @parameter. */
char *lockstep_parameter_normalize (const LockstepParameter *parameter,
    const char *value, const char *place, GPtrArray *faults);

/* What the machine at hand can do. */
typedef struct
{
  gboolean (*has_element) (const char *factory, gpointer user_data);
  /* Runs a choice for a moment: @launch is its fragment, @test the line around it
   * ("… {launch} …" filled in), or NULL where the preset has none. NULL: it works;
   * else (transfer full) why not. May be NULL: nothing is run. */
  char *(*try_choice) (const char *launch, const char *test, gpointer user_data);
  gpointer user_data;
  /* Forced choices too are tried. They are taken all the same: see doubts. */
  gboolean try_forced;
} LockstepMachine;

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
  GHashTable *mixed;            /* set of alternatives with more than one choice */
  GPtrArray *passed;            /* char*: "encoder: nvenc needs nvh264enc" */
  GPtrArray *doubts;            /* char*: "encoder: nvenc does not run: …", forced */
} LockstepLaunch;

/**
 * lockstep_preset_launch:
 * @values: from lockstep_preset_resolve(); may hold further names, such as
 *   "channel", that property values refer to as {channel}
 *
 * Chooses the alternatives, repeats what is to be repeated, and writes the launch
 * line. Values of parameters never become part of the line: they are set as
 * properties afterwards. (Numbers that a list's item was read into may be part.)
 *
 * Returns: (transfer full): NULL when there was any fault
 */
LockstepLaunch *lockstep_preset_launch (const LockstepPreset *preset,
    GHashTable *values, const LockstepMachine *machine, GPtrArray *faults);
/* Element factories named in a launch fragment. */
GPtrArray *lockstep_launch_elements (const char *launch);
void lockstep_launch_free (LockstepLaunch *launch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepLaunch, lockstep_launch_free)

/* Forces in @values the choices that @launch made, so that who launches again with
 * them need not find out what works. */
void lockstep_launch_pin (const LockstepLaunch *launch, GHashTable *values);

/* NULL-terminated (transfer full). */
GStrv lockstep_preset_get_alternatives (const LockstepPreset *preset);
GStrv lockstep_preset_get_choices (const LockstepPreset *preset,
    const char *alternative);
/* A value that is right for each type but an enum. */
const char *lockstep_parameter_type_sample (LockstepParameterType type);

/* A line of the pipeline, or a choice's fragment. */
typedef struct
{
  char *place;
  char *text;                   /* "{alternative}" stays; items are samples */
  const char *alternative, *choice;     /* NULL: a line */
} LockstepFragment;

typedef struct
{
  char *place;
  char *element, *property, *value;
  const char *alternative, *choice;     /* NULL: of lines, or of all */
} LockstepOutlineProperty;

/* All lines, choices and properties of a preset, also those that the values at hand
 * leave out. */
typedef struct
{
  GPtrArray *fragments;         /* LockstepFragment */
  GPtrArray *properties;        /* LockstepOutlineProperty */
} LockstepOutline;

/* @values: parameters without one get a sample. */
LockstepOutline *lockstep_preset_outline (const LockstepPreset *preset,
    GHashTable *values);
void lockstep_outline_free (LockstepOutline *outline);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepOutline, lockstep_outline_free)

/**
 * lockstep_nearest:
 *
 * Returns: the name of @names (NULL-terminated) that is fewest edits from @name,
 *   if at most a third of its letters differ; else NULL
 */
const char *lockstep_nearest (const char *name, const char *const *names);

G_END_DECLS
