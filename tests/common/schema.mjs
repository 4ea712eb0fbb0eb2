/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON Schema (2020-12), as far as preset.schema.json uses it. A keyword that is not known here is an error. */

const types = {
  object: (v) => v !== null && typeof v === 'object' && !Array.isArray(v),
  array: Array.isArray,
  string: (v) => typeof v === 'string',
  number: (v) => typeof v === 'number',
  integer: Number.isInteger,
  boolean: (v) => typeof v === 'boolean',
  null: (v) => v === null,
};
const about = new Set(['$schema', '$defs', 'title', 'description']);

const keywords = {
  type: (want, v) => [want].flat().some((t) => types[t](v)),
  enum: (want, v) => want.includes(v),
  const: (want, v) => want === v,
  pattern: (want, v) => typeof v !== 'string' || new RegExp(want, 'u').test(v),
  maxLength: (want, v) => typeof v !== 'string' || v.length <= want,
  minimum: (want, v) => typeof v !== 'number' || v >= want,
  maximum: (want, v) => typeof v !== 'number' || v <= want,
  minItems: (want, v) => !Array.isArray(v) || v.length >= want,
  maxItems: (want, v) => !Array.isArray(v) || v.length <= want,
  maxProperties: (want, v) => !types.object(v) || Object.keys(v).length <= want,
  required: (want, v) => !types.object(v) || want.every((k) => k in v),
};

/** What of `value` the schema does not allow, as lines `place: why`; [] where it is right. */
export function faults(root, value) {
  const look = (schema, v, place) => {
    const found = [];
    const child = (s, x, key) => found.push(...look(s, x, `${place}.${key}`));
    const well = (s) => look(s, v, place).length === 0;
    for (const [keyword, want] of Object.entries(schema)) {
      if (about.has(keyword) || keyword === 'then')
        continue;
      if (keyword in keywords) {
        if (!keywords[keyword](want, v))
          found.push(`${place}: ${keyword} ${JSON.stringify(want)}`);
      } else if (keyword === '$ref') {
        found.push(...look(want.slice(2).split('/').reduce((o, k) => o[k], root), v, place));
      } else if (keyword === 'properties') {
        for (const key of types.object(v) ? Object.keys(v) : [])
          if (key in want)
            child(want[key], v[key], key);
      } else if (keyword === 'additionalProperties') {
        for (const key of types.object(v) ? Object.keys(v) : []) {
          if (key in (schema.properties ?? {}))
            continue;
          if (want === false)
            found.push(`${place}: no key ${key}`);
          else
            child(want, v[key], key);
        }
      } else if (keyword === 'propertyNames') {
        for (const key of types.object(v) ? Object.keys(v) : [])
          child(want, key, key);
      } else if (keyword === 'items') {
        for (const [i, item] of Array.isArray(v) ? v.entries() : [])
          child(want, item, i);
      } else if (keyword === 'anyOf') {
        if (!want.some(well))
          found.push(`${place}: none of anyOf: ${want.map((s) => look(s, v, place)[0]).join('; ')}`);
      } else if (keyword === 'oneOf') {
        if (want.filter(well).length !== 1)
          found.push(`${place}: not one of oneOf: ${want.map((s) => look(s, v, place)[0]).join('; ')}`);
      } else if (keyword === 'not') {
        if (well(want))
          found.push(`${place}: not ${JSON.stringify(want)}`);
      } else if (keyword === 'if') {
        if (well(want))
          found.push(...look(schema.then, v, place));
      } else {
        throw new Error(`keyword ${keyword} is not known`);
      }
    }
    return found;
  };
  return look(root, value, '$');
}
