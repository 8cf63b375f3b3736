// stack:
// What a load balancer, an operator and a browser ask first.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get, api, assertError } from '../lib/client.mjs';
import { part } from '../lib/part.mjs';
import { until } from '../lib/until.mjs';

const anonymous = { token: null };

test('/healthz is {"ok": true} and nothing else', async () => {
  const answer = await get('/healthz', anonymous);
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json, { ok: true });
  assert.match(answer.headers.get('content-type'), /^application\/json/);
});

test('HEAD /healthz has the head of GET and no body', async () => {
  const answer = await api('HEAD', '/healthz', anonymous);
  assert.equal(answer.status, 200);
  assert.equal(answer.text, '');
});

test('/readyz is 200 while database, Redis and migrations are fine', async () => {
  const answer = await get('/readyz', anonymous);
  assert.equal(answer.status, 200, answer.text);
});

test('/readyz names what is missing, /healthz does not care', async () => {
  await part('pg', 'stop');
  try {
    const answer = await until('readyz 503', async () => {
      const seen = await get('/readyz', anonymous);
      return seen.status === 503 && seen;
    });
    assert.match(answer.text, /database/i);
    assert.equal((await get('/healthz', anonymous)).status, 200);
  } finally {
    await part('pg', 'start');
  }
  await until('readyz 200 again', async () => (await get('/readyz', anonymous)).status === 200);
});

test('an unknown path is 404 with the error object', async () => {
  assertError(await get('/no/such/path'), 404, 'NotFoundError');
});

test('a wrong method is 405 and names the right ones', async () => {
  const answer = await api('DELETE', '/healthz', anonymous);
  assert.equal(answer.status, 405, answer.text);
  assert.match(answer.headers.get('allow') ?? '', /GET/);
});

test('the front page is HTML', async () => {
  const answer = await get('/', anonymous);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type'), /^text\/html/);
  assert.match(answer.text, /<title>/i);
});

test('a request id that is sent comes back', async () => {
  const answer = await get('/no/such/path', { headers: { 'x-request-id': 'abcdef-123456' } });
  assert.equal(answer.json.requestId, 'abcdef-123456');
});

test('without a contact there is no security.txt, and the answer says what to set', async () => {
  const answer = await get('/.well-known/security.txt', anonymous);
  assertError(answer, 404, 'NotFoundError');
  assert.match(answer.json.message, /SECURITY_CONTACT/);
});
