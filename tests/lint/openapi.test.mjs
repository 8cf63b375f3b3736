// docs/openapi.json and docs/api.md are what docs/openapi/ makes, valid, and about the routes that opshubd serves.
//
//     node docs/openapi/build.mjs      writes both anew
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { outputs } from '../../docs/openapi/build.mjs';
import { all, assertDescribed, description } from '../lib/openapi.mjs';
import { forbids } from '../lib/spoil.mjs';
import { read, root } from './source.mjs';

const program = join(process.env.OPSHUB_BUILD ?? join(root, 'build/release'), 'bin/opshubd');

for (const [name, text] of Object.entries(outputs()))
  test(`docs/${name} is what docs/openapi/build.mjs writes`, () => {
    assert.ok(read(`docs/${name}`) === text, `docs/${name} is not: run node docs/openapi/build.mjs`);
  });

test('docs/openapi.json is valid OpenAPI 3.1', async () => {
  const result = await new Validator().validate(structuredClone(description));
  assert.ok(result.valid, JSON.stringify(result.errors, null, 1));
  const ids = all.map((one) => one.operation.operationId);
  assert.equal(new Set(ids).size, ids.length, 'two operations have one id');
});

test('the examples of answers are as their schemas say, and so are those of bodies', () => {
  let n = 0;
  const headers = new Headers({ 'content-type': 'application/json', 'x-request-id': '0000000000000000' });
  for (const { method, path, operation } of all) {
    for (const [status, answer] of Object.entries(operation.responses)) {
      const json = answer.content?.['application/json']?.example;
      if (json === undefined) continue;
      assertDescribed(method, path.replace(/\{\w+\}/g, 'x'), { status, headers, json, text: JSON.stringify(json) });
      n++;
    }
    const body = operation.requestBody?.content['application/json'];
    if (body?.example) assert.ok(!forbids(body.schema, body.example), `${operation.operationId}: its example is not what its schema takes`);
  }
  assert.ok(n >= 10, `${n} examples`);
});

test('links inside docs/api.md lead to a heading', () => {
  const page = read('docs/api.md');
  const anchors = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading.toLowerCase().replace(/[^a-z0-9 -]/g, '').replace(/ /g, '-'));
  assert.deepEqual([...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, to]) => to).filter((to) => !anchors.includes(to)), []);
});

// Pages of the dashboard are for browsers, not part of the API.
const isPage = (line) => /^GET \/(dashboard.*)?$/.test(line);
// Parameters have their names for readers here and for handlers there.
const shape = (line) => line.replace(/:\w+|\{\w+\}/g, ':x');

test('every route is described, and every description is served', () => {
  const served = execFileSync(program, ['routes'], { encoding: 'utf8' }).trim().split('\n')
    .map((line) => line.split(/\s+/).slice(0, 2).join(' ')).filter((line) => !isPage(line)).map(shape).sort();
  const described = all.map((one) => shape(`${one.method} ${one.path}`)).sort();
  assert.deepEqual(served.filter((line, i) => served.indexOf(line) !== i), [], 'twice in core/api/routes.c: the daemon will not start');
  assert.deepEqual(served.filter((line) => !described.includes(line)), [], 'served, but not in docs/openapi.json');
  assert.deepEqual(described.filter((line) => !served.includes(line)), [], 'in docs/openapi.json, but not served');
});
