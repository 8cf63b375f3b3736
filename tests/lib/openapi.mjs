// What docs/openapi.json promises, held against every answer that a test gets.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

export const description = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'));

const ajv = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true });
addFormats(ajv);
const absolute = (schema) => JSON.parse(JSON.stringify(schema).replaceAll('"#/components/schemas/', '"openapi#/$defs/'));
// the description as one schema, whose parts the answers' schemas refer to
ajv.addSchema({ $id: 'openapi', $defs: absolute(description.components.schemas) });

const operations = Object.entries(description.paths).flatMap(([path, item]) => Object.entries(item).map(([method, operation]) => ({
  method: method.toUpperCase(),
  path,
  operation,
  // more literal segments first: /projects/{id}/members/me before /projects/{id}/members/{userId}
  parameters: (path.match(/\{/g) ?? []).length,
  matches: new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
}))).sort((a, b) => a.parameters - b.parameters);

export const all = operations;

// The operation that a request is, or undefined when there is none.
export function operationOf(method, path) {
  const [plain] = path.split('?');
  return operations.find((one) => one.method === (method === 'HEAD' ? 'GET' : method) && one.matches.test(plain));
}

const compiled = new Map();

function validator(schema) {
  const key = JSON.stringify(schema);
  if (!compiled.has(key)) compiled.set(key, ajv.compile(absolute(schema)));
  return compiled.get(key);
}

const resolve = (answer) => (answer.$ref ? answer.$ref.split('/').slice(1).reduce((at, name) => at[name], description) : answer);

// Fails when an answer has a status, a content type or a field that is not described. A path that is not described must be 404.
export function assertDescribed(method, path, { status, headers, text, json }) {
  const found = operationOf(method, path);
  const line = `${method} ${path} -> ${status}`;
  if (!found || status === 405 || status === 304 || status === 431 || status === 501 || method === 'OPTIONS') return;
  const described = found.operation.responses[status];
  assert.ok(described, `${line}: docs/openapi.json knows no such answer: ${text.slice(0, 300)}`);
  const answer = resolve(described);
  assert.match(headers.get('x-request-id') ?? '', /^[A-Za-z0-9._-]{8,64}$/, `${line}: X-Request-Id`);
  if (method === 'HEAD') return;
  if (!answer.content) {
    assert.equal(text, '', `${line} should have no body`);
    return;
  }
  const type = (headers.get('content-type') ?? '').split(';')[0];
  assert.ok(answer.content[type], `${line}: the content type ${type} is not described`);
  if (type !== 'application/json' || !answer.content[type].schema) return;
  assert.notEqual(json, undefined, `${line}: not JSON: ${text.slice(0, 300)}`);
  const valid = validator(answer.content[type].schema);
  assert.ok(valid(json), `${line} is not as docs/openapi.json says: ${ajv.errorsText(valid.errors)}\n${text.slice(0, 600)}`);
}
