// JSONTestSuite against a route that takes JSON: what is not JSON is 400 and says so, what is JSON is read.
// stack: --fast
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { assertError, post } from '../lib/client.mjs';
import { deliver } from '../lib/github.mjs';
import { one } from '../lib/sql.mjs';
import { eachOf } from '../lib/until.mjs';

const suite = new URL('../contract/json-test-suite/', import.meta.url);
const verdicts = new Map(readFileSync(new URL('../contract/json-test-suite.verdicts.txt', import.meta.url), 'utf8').split('\n')
  .filter((line) => line && !line.startsWith('#')).map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]));
const names = readdirSync(suite).sort();

const read = (name) => readFileSync(new URL(encodeURIComponent(name), suite));
const send = (body) => post('/test/login-as', { token: null, body, headers: { 'content-type': 'application/json' } });
const LONGEST = 65536; // what the route takes

// JSON, but not what the route takes: no object, or other fields than `email`.
function assertRead(name, answer) {
  if (answer.status === 422) {
    assertError(answer, 422, 'ValidationError');
    assert.ok(answer.json.details.some(({ field, message }) => field === 'email' && message === 'is required'), answer.text);
  } else {
    assertError(answer, 400, 'BadRequestError');
    assert.deepEqual(answer.json.details, [{ field: 'body', message: 'must be a JSON object' }], name);
  }
}

function assertRefused(answer, why) {
  assertError(answer, 400, 'BadRequestError');
  assert.equal(answer.json.details[0].field, 'body', answer.text);
  assert.match(answer.json.details[0].message, /^byte \d+: /);
  assert.ok(answer.json.details[0].message.endsWith(why), answer.text);
}

test('each document of the suite', async () => {
  const seen = { y: 0, n: 0, i: 0 };
  const wrong = [];
  await eachOf(names, 16, async (name) => {
    const verdict = verdicts.get(name) ?? (name.startsWith('y_') ? 'taken' : '');
    seen[name[0]]++;
    try {
      if (read(name).length > LONGEST) assertError(await send(read(name)), 413, 'PayloadTooLargeError');
      const answer = await send(read(name).subarray(0, LONGEST)); // the long ones only open brackets: no less wrong when cut
      if (verdict === 'taken') assertRead(name, answer);
      else assertRefused(answer, verdict);
    } catch (error) {
      wrong.push(`${name}: ${error.message}`);
    }
  });
  assert.deepEqual(wrong, []);
  assert.deepEqual(seen, { y: 95, n: 188, i: 35 });
});

test('the same documents as signed webhooks: none is a pull request, each is told so, nothing is stored', async () => {
  const before = one('select count(*)::int as n from deliveries').n;
  const wrong = [];
  await eachOf(names, 16, async (name) => {
    const { status, text } = await deliver('pull_request', read(name));
    if (status !== 400) wrong.push(`${name}: ${status} ${text}`);
  });
  assert.deepEqual(wrong, []);
  assert.equal(one('select count(*)::int as n from deliveries').n, before);
});
