/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All that a preset may become, whatever its values and the machine: for those who look
 * it over. */
#include <gst/lockstep/preset-private.h>

#include <string.h>

static void
fragment_free (gpointer data)
{
  LockstepFragment *fragment = data;

  g_free (fragment->place);
  g_free (fragment->text);
  g_free (fragment);
}

static void
property_free (gpointer data)
{
  LockstepOutlineProperty *property = data;

  g_free (property->place);
  g_free (property->element);
  g_free (property->property);
  g_free (property->value);
  g_free (property);
}

const char *
lockstep_parameter_type_sample (LockstepParameterType type)
{
  switch (type) {
    case LOCKSTEP_PARAMETER_RENDITION:
      return "640x360p25/1@800000";
    case LOCKSTEP_PARAMETER_SIZE:
      return "640x360";
    case LOCKSTEP_PARAMETER_BITRATE:
      return "800000";
    case LOCKSTEP_PARAMETER_BOOL:
      return "true";
    case LOCKSTEP_PARAMETER_SDP:
      return "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nt=0 0\n"
          "m=audio 5004 RTP/AVP 96\nc=IN IP4 127.0.0.1\n"
          "a=rtpmap:96 opus/48000/2\n"
          "m=video 5006 RTP/AVP 97\nc=IN IP4 127.0.0.1\n"
          "a=rtpmap:97 H264/90000\n";
    case LOCKSTEP_PARAMETER_STRING:
      return "sample";
    default:
      return "1";
  }
}

typedef struct
{
  LockstepOutline *outline;
  const LockstepPreset *preset;
  GHashTable *values;
  const LockstepParameter *list;        /* repeated over; NULL: not */
  const char *alternative, *choice;
  gboolean line;                /* alternatives and numbers of an item only */
} Outline;

static const char *
value_of (Outline * o, const LockstepParameter * p)
{
  const char *value = g_hash_table_lookup (o->values, p->name);

  if (value != NULL)
    return value;
  return p->type == LOCKSTEP_PARAMETER_ENUM ? p->values[0]
      : lockstep_parameter_type_sample (p->type);
}

static char *
lookup (const char *name, gpointer user_data)
{
  Outline *o = user_data;
  const char *dot = strchr (name, '.');
  g_autofree char *first = g_strndup (name, dot != NULL ? (gsize) (dot - name)
      : strlen (name));
  const LockstepParameter *p;

  if (o->line && lockstep_preset_find_alternative (o->preset, name) != NULL)
    return g_strdup_printf ("{%s}", name);
  if (g_str_equal (name, "item.index"))
    return g_strdup ("0");
  if (g_str_equal (first, "item")) {
    LockstepParameterType type = o->list != NULL ? o->list->item_type
        : LOCKSTEP_PARAMETER_STRING;

    return dot == NULL ? g_strdup (lockstep_parameter_type_sample (type))
        : lockstep_value_field (type, lockstep_parameter_type_sample (type),
        dot + 1);
  }
  p = lockstep_preset_find_parameter (o->preset, first);
  if (p == NULL)
    return g_strdup ("channel");
  return dot == NULL ? g_strdup (value_of (o, p))
      : lockstep_value_field (p->type, value_of (o, p), dot + 1);
}

static char *
filled (Outline * o, const char *template, gboolean line)
{
  /* what is not known was a fault when the preset was read */
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();

  o->line = line;
  return lockstep_template_fill (template, lookup, o, "", faults);
}

static void
add_fragment (Outline * o, const char *place, const char *text)
{
  LockstepFragment *fragment = g_new0 (LockstepFragment, 1);

  fragment->place = g_strdup (place);
  fragment->text = filled (o, text, TRUE);
  fragment->alternative = o->alternative;
  fragment->choice = o->choice;
  g_ptr_array_add (o->outline->fragments, fragment);
}

static void
add_rules (Outline * o, const char *place, const GPtrArray * rules)
{
  for (guint i = 0; i < rules->len; i++) {
    const LockstepPropertyRule *rule = g_ptr_array_index (rules, i);
    LockstepOutlineProperty *property = g_new0 (LockstepOutlineProperty, 1);
    g_autofree char *target = filled (o, rule->target, TRUE);
    const char *dot = lockstep_target_dot (target);
    g_autofree char *number = NULL;

    property->place = g_strdup_printf ("%s.%s", place, rule->target);
    property->element = g_strndup (target, dot - target);
    property->property = g_strdup (dot + 1);
    property->alternative = o->alternative;
    property->choice = o->choice;
    if (rule->format != NULL) {
      property->value = filled (o, rule->format, FALSE);
    } else {
      o->line = FALSE;
      number = lookup (rule->parameter, o);
      property->value = g_strdup_printf ("%" G_GINT64_FORMAT,
          number != NULL ? g_ascii_strtoll (number, NULL, 10) / rule->divide
          : 0);
    }
    g_ptr_array_add (o->outline->properties, property);
  }
}

static void
add_alternative (Outline * o, const LockstepAlternative * alternative)
{
  for (guint i = 0; i < alternative->choices->len; i++) {
    const LockstepChoice *choice = g_ptr_array_index (alternative->choices, i);
    g_autofree char *place = g_strdup_printf ("alternatives.%s[%u]",
        alternative->name, i);
    g_autofree char *launch = g_strconcat (place, ".launch", NULL);
    g_autofree char *properties = g_strconcat (place, ".properties", NULL);

    o->alternative = alternative->name;
    o->choice = choice->name;
    add_fragment (o, launch, choice->launch);
    add_rules (o, properties, choice->properties);
  }
  o->alternative = o->choice = NULL;
}

LockstepOutline *
lockstep_preset_outline (const LockstepPreset * preset, GHashTable * values)
{
  LockstepOutline *outline = g_new0 (LockstepOutline, 1);
  Outline o = { outline, preset, values };

  outline->fragments = g_ptr_array_new_with_free_func (fragment_free);
  outline->properties = g_ptr_array_new_with_free_func (property_free);
  for (guint i = 0; i < preset->pipeline->len; i++) {
    const LockstepBlock *block = g_ptr_array_index (preset->pipeline, i);
    g_autofree char *properties =
        g_strconcat (block->place, ".properties", NULL);

    o.list = block->repeat != NULL
        ? lockstep_preset_find_parameter (preset, block->repeat) : NULL;
    for (guint k = 0; block->lines[k] != NULL; k++) {
      g_autofree char *place = block->plain ? g_strdup (block->place)
          : g_strdup_printf ("%s.lines[%u]", block->place, k);

      add_fragment (&o, place, block->lines[k]);
      for (guint n = 0; n < preset->alternatives->len; n++) {
        const LockstepAlternative *a = preset->alternatives->pdata[n];

        if (lockstep_template_has (block->lines[k], a->name))
          add_alternative (&o, a);
      }
    }
    add_rules (&o, properties, block->properties);
  }
  o.list = NULL;
  add_rules (&o, "properties", preset->properties);
  return outline;
}

void
lockstep_outline_free (LockstepOutline * outline)
{
  if (outline == NULL)
    return;
  g_ptr_array_unref (outline->fragments);
  g_ptr_array_unref (outline->properties);
  g_free (outline);
}

GStrv
lockstep_preset_get_alternatives (const LockstepPreset * preset)
{
  GStrv names = g_new0 (char *, preset->alternatives->len + 1);

  for (guint i = 0; i < preset->alternatives->len; i++)
    names[i] =
        g_strdup (((LockstepAlternative *) preset->alternatives->pdata[i])->
        name);
  return names;
}

GStrv
lockstep_preset_get_choices (const LockstepPreset * preset,
    const char *alternative)
{
  const LockstepAlternative *a =
      lockstep_preset_find_alternative (preset, alternative);
  GStrv names = g_new0 (char *, (a != NULL ? a->choices->len : 0) + 1);

  for (guint i = 0; a != NULL && i < a->choices->len; i++)
    names[i] = g_strdup (((LockstepChoice *) a->choices->pdata[i])->name);
  return names;
}

static const LockstepParameter *
parameter_of (const LockstepPreset * preset, const GPtrArray * rules,
    const char *target)
{
  for (guint i = 0; i < rules->len; i++) {
    const LockstepPropertyRule *rule = g_ptr_array_index (rules, i);

    if (rule->format == NULL || !g_str_equal (rule->target, target))
      continue;
    for (guint k = 0; k < preset->parameters->len; k++) {
      const LockstepParameter *p = g_ptr_array_index (preset->parameters, k);

      if (lockstep_template_has (rule->format, p->name))
        return p;
    }
  }
  return NULL;
}

const LockstepParameter *
lockstep_preset_device_parameter (const LockstepPreset * preset,
    const char *element)
{
  g_autofree char *target = g_strconcat (element, ".device", NULL);
  const LockstepParameter *p = parameter_of (preset, preset->properties,
      target);

  for (guint i = 0; p == NULL && i < preset->pipeline->len; i++)
    p = parameter_of (preset,
        ((LockstepBlock *) preset->pipeline->pdata[i])->properties, target);
  for (guint i = 0; p == NULL && i < preset->alternatives->len; i++) {
    const LockstepAlternative *a = g_ptr_array_index (preset->alternatives, i);

    for (guint k = 0; p == NULL && k < a->choices->len; k++)
      p = parameter_of (preset,
          ((LockstepChoice *) a->choices->pdata[k])->properties, target);
  }
  return p;
}
