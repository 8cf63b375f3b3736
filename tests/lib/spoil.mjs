// Requests with one thing wrong in them, or several, made from what docs/openapi.json says is right.
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { description } from './openapi.mjs';

const ajv = new Ajv({ strict: false });
addFormats(ajv);

export const resolve = (schema) => (schema?.$ref ? schema.$ref.split('/').slice(1).reduce((at, key) => at[key], description) : schema);
const typesOf = (schema) => [schema.type ?? []].flat();

// Numbers between 0 and 1, the same ones for the same seed.
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// Whether the schema forbids a value. What is not described (a provider's own settings) is not forbidden.
export function forbids(schema, value) {
  const whole = resolve(schema);
  return !ajv.validate({ ...whole, components: description.components, $id: undefined }, value);
}

// A value that the schema takes.
export function right(given) {
  const schema = resolve(given);
  if (schema.examples) return schema.examples[0];
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return right(schema.anyOf[0]);
  switch (typesOf(schema)[0]) {
    case 'integer': case 'number': return schema.minimum ?? 1;
    case 'boolean': return true;
    case 'array': return [];
    case 'object': return Object.fromEntries((schema.required ?? []).map((name) => [name, right(schema.properties[name])]));
    default: return 'x'.repeat(Math.max(schema.minLength ?? 1, 1));
  }
}

// Values that a field must not have, with a word for each.
export function wrongs(given) {
  const schema = resolve(given);
  const types = typesOf(schema);
  const all = [
    ['null', null], ['a number', 7], ['a fraction', 0.5], ['a text', 'no such word'], ['true', true], ['a list', [[]]], ['an object', { odd: {} }],
    ['an empty text', ''], ['a control character', 'a\u0007b'], ['very long', 'x'.repeat((schema.maxLength ?? 20_000) + 1)],
    ['below the least', (schema.minimum ?? -1e15) - 1], ['above the greatest', (schema.maximum ?? 1e15) + 1],
    ['beyond 32 bits', 2 ** 31 * 3], ['beyond doubles', Number.MAX_SAFE_INTEGER],
    ['too many', new Array((schema.maxItems ?? 2000) + 1).fill(right(schema.items ?? { type: 'string' }))],
  ];
  if (types.includes('array') && schema.items) all.push(...wrongs(schema.items).map(([word, value]) => [`a list with ${word}`, [value]]));
  return all.filter(([, value]) => forbids(schema, value));
}

// Of one field's name: what a fault of it may be called. Faults inside a field have its name in front.
export const names = (fields, name) => fields.some((field) => field === name || field.startsWith(`${name}.`) || field.startsWith(`${name}[`));

// Bodies with one fault: { what, field, body }.
export function* oneFault(schema, base) {
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    for (const [word, value] of wrongs(field)) yield { what: `${name} = ${word}`, fields: [name], body: { ...base, [name]: value } };
    if (schema.required?.includes(name)) {
      const { [name]: left, ...without } = base;
      void left;
      yield { what: `without ${name}`, fields: [name], body: without };
    }
  }
  if (schema.additionalProperties === false) {
    for (const odd of ['unknownField', '__proto__', 'a b', ''])
      yield { what: `the unknown field "${odd}"`, fields: [odd], body: Object.fromEntries([...Object.entries(base), [odd, 1]]) };
  }
}

// Bodies with several faults at once: count of them, by chance.
export function* manyFaults(schema, base, count, chance) {
  const fields = Object.keys(schema.properties ?? {}).filter((name) => wrongs(schema.properties[name]).length > 0);
  for (let i = 0; i < count && fields.length > 0; i++) {
    const body = { ...base };
    const spoiled = fields.filter(() => chance() < 0.5);
    for (const name of spoiled) {
      const values = wrongs(schema.properties[name]);
      [, body[name]] = values[Math.floor(chance() * values.length)];
    }
    if (schema.additionalProperties === false) {
      const odd = `odd${Math.floor(chance() * 1e6)}`;
      spoiled.push(odd);
      body[odd] = null;
    }
    if (spoiled.length > 0) yield { what: `${spoiled.join(' and ')} at once`, fields: spoiled, body };
  }
}
