// Input that is wrong, as people and programs get it wrong: what the answer says, and that nothing came of it.
// stack: --fast
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertError, get, post } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { raw, statusOf } from '../lib/raw.mjs';
import { one } from '../lib/sql.mjs';

const path = '/test/login-as';
const login = (body, headers) => post(path, { token: null, body, headers });
const people = () => one('select count(*)::int as n from users').n;
const detailsOf = (answer) => Object.fromEntries((answer.json.details ?? []).map(({ field, message }) => [field, message]));

test('all faults of a body are told at once, each with its field', async () => {
  const before = people();
  const answer = await login({ email: 5, password: 'x', Email: 'a@b.example', '': null });
  assertError(answer, 422, 'ValidationError');
  assert.deepEqual(detailsOf(answer), {
    email: 'must be a text',
    password: 'is not a field of this request',
    Email: 'is not a field of this request',
    '': 'is not a field of this request',
  });
  assert.match(answer.json.message, /email must be a text/);
  assert.equal(people(), before);
});

test('a body with thousands of unknown fields gets a short answer', async () => {
  const answer = await login(Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`field${i}`, i])));
  assertError(answer, 422, 'ValidationError');
  assert.equal(detailsOf(answer).email, 'is required');
  assert.equal(answer.json.details.length, 21);
  const long = await login({ ['long'.repeat(10_000)]: 1 });
  assertError(long, 422, 'ValidationError');
  assert.ok(long.text.length < 1000, long.text);
});

test('types, lengths and patterns of a field', async () => {
  const before = people();
  const bad = {
    'is required': [{}],
    'must be a text': [{ email: null }, { email: 1 }, { email: true }, { email: [] }, { email: ['a@b.example'] }, { email: { a: 1 } }],
    'must have 1 to 254 bytes': [{ email: '' }, { email: `${'é'.repeat(122)}@example.org` }],
    'must not hold control characters': [{ email: 'a\n@b.example' }, { email: 'a@b.example\u007f' }],
    'must be an e-mail address': [{ email: 'nobody' }, { email: '@b.example' }, { email: 'a@' }, { email: 'a b@c.example' }, { email: '<a@b.example>' }],
  };
  for (const [why, bodies] of Object.entries(bad)) {
    for (const body of bodies) {
      const answer = await login(body);
      assertError(answer, 422, 'ValidationError');
      assert.equal(detailsOf(answer).email, why, JSON.stringify(body).slice(0, 100));
    }
  }
  assert.equal(people(), before);
});

test('a body that is no JSON object is 400, and where it breaks is told', async () => {
  const bad = [
    ['{"email":"a@b.example"', /byte 22: this is not JSON/], ['{"email":"a@b.example"}}', /byte \d+: this is not JSON/],
    ['{"email":"a@b.example","email":"c@d.example"}', /the key "email" twice/], ["{'email':'a@b.example'}", /this is not JSON/],
    [`{"email":${'['.repeat(33)}${']'.repeat(33)}}`, /nested deeper than 32/], ['{"email":"a\\u0000@b.example"}', /a NUL character in a text/],
    ['{"email":1e999}', /a number out of range/], ['{"email":99999999999999999999}', /an integer beyond 64 bits/],
    ['{"email":"\\ud800"}', /half a surrogate pair/], [Buffer.from('{"email":"\xe9@b.example"}', 'latin1'), /not valid UTF-8/],
    ['\ufeff{"email":"a@b.example"}', /this is not JSON/], ['[]', /must be a JSON object/], ['"a@b.example"', /must be a JSON object/],
    ['null', /must be a JSON object/], ['', /this is not JSON/], [' ', /this is not JSON/], ['email=a@b.example', /this is not JSON/],
  ];
  const before = people();
  for (const [body, why] of bad) {
    const answer = await login(body, { 'content-type': 'application/json' });
    assertError(answer, 400, 'BadRequestError');
    assert.match(detailsOf(answer).body, why, `${body}`);
  }
  assert.equal(people(), before);
});

test('content types: JSON and nothing else', async () => {
  const body = JSON.stringify({ email: 'types@example.org' });
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/json-patch+json', 'text/json',
    'application/xml', 'json', '*/*', 'application/jsonx', ';charset=utf-8']) {
    assertError(await login(body, { 'content-type': type }), 415, 'UnsupportedMediaTypeError');
  }
  const { port } = new URL(env.api);
  const none = await raw(`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
  assert.equal(statusOf(none.text), 415, none.text);
  assert.equal(one('select count(*)::int as n from users where email = \'types@example.org\'').n, 0);
  for (const type of ['application/json', 'Application/JSON', 'application/json; charset=utf-8', 'application/json;charset=UTF-8 ', 'application/json ; x=y'])
    assert.equal((await login(body, { 'content-type': type })).status, 200, type);
});

test('a body may have 64 KiB', async () => {
  const padded = (bytes) => `{"email":"long@example.org"${' '.repeat(bytes - 29)} }`;
  assert.equal((await login(padded(65536), { 'content-type': 'application/json' })).status, 200);
  assertError(await login(padded(65537), { 'content-type': 'application/json' }), 413, 'PayloadTooLargeError');
});

test('ids of another shape are 404, without a word of what there is', async () => {
  const shapes = ['proj_', 'proj_nowhere', 'org_demo', 'deploy_00000000000000000000000000', 'PROJ_DEMO', 'proj_demo%20', '%20proj_demo', 'proj_demo%27--', '*',
    'proj_%F0%9F%92%A9', `proj_${'x'.repeat(1000)}`];
  for (const id of shapes) {
    for (const what of [`/projects/${id}/deployments`, `/deployments/${id}`, `/deployments/${id}/logs`]) {
      const answer = await get(what);
      assertError(answer, 404, 'NotFoundError');
      assert.match(answer.json.message, /^there is no (project|deployment) .*, or you may not see it$/s);
    }
  }
});

test('a parameter of the query that is there twice is refused, whatever it is and however it is spelt', async () => {
  for (const query of ['limit=5&limit=6', 'limit=5&l%69mit=5', 'x=1&limit=5&x=1', 'cursor=&cursor=']) {
    const answer = await get(`/projects?${query}`);
    assertError(answer, 400, 'BadRequestError');
    assert.match(answer.json.message, /^(limit|x|cursor) is there twice/);
  }
  assertError(await get(`/projects?${Array.from({ length: 33 }, (_, i) => `p${i}=`).join('&')}`), 400, 'BadRequestError');
  assert.equal((await get(`/projects?${Array.from({ length: 32 }, (_, i) => `p${i}=`).join('&')}`)).status, 200);
  assertError(await get('/projects?limit=5&limit=6', { token: null }), 401, 'UnauthorizedError');
});

// The whole set is in edge.test.mjs, at the edge alone; here, that what is behind it never sees any of it.
test('a smuggled login leaves no trace', async () => {
  const { host } = new URL(env.api);
  const body = '{"email":"smuggled@example.org"}';
  const inner = `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const post = (headers, rest) => `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n${headers}\r\n${rest}`;
  const chunks = `0\r\n\r\n${inner}`;
  const smuggled = {
    'Content-Length twice': post(`Content-Length: ${inner.length}\r\nContent-Length: 0\r\n`, inner),
    'Content-Length and Transfer-Encoding': post(`Content-Length: ${chunks.length}\r\nTransfer-Encoding: chunked\r\n`, chunks),
    'Transfer-Encoding and Content-Length': post(`Transfer-Encoding: chunked\r\nContent-Length: ${chunks.length}\r\n`, chunks),
    'a folded header': post(`X-A: b\r\n Content-Length: 0\r\nContent-Length: ${body.length}\r\n`, `${body}${inner}`),
    'bare line feeds': inner.replaceAll('\r\n', '\n'),
    'one bare line feed': post(`X-A: b\nContent-Length: ${body.length}\r\n`, body),
    'NUL in a header': post(`X-A: b\0c\r\nContent-Length: ${body.length}\r\n`, body),
    'NUL in a name': post(`X-A\0: b\r\nContent-Length: ${body.length}\r\n`, body),
    'NUL in the path': inner.replace('login-as', 'login-as\0'),
    'a space before the colon': post(`Content-Length : ${body.length}\r\n`, body),
    'two Hosts': post(`Host: elsewhere\r\nContent-Length: ${body.length}\r\n`, body),
  };
  for (const [name, bytes] of Object.entries(smuggled)) {
    const { text } = await raw(Buffer.from(bytes, 'latin1'));
    assert.equal(statusOf(text), 400, `${name}: ${text.slice(0, 200)}`);
    assert.equal(text.match(/HTTP\/1\.1 \d{3} /g).length, 1, `${name}: what came behind was answered too`);
  }
  assert.equal(one('select count(*)::int as n from users where email = \'smuggled@example.org\'').n, 0);
  assert.equal(statusOf((await raw(Buffer.from(inner.replace('\r\n', '\r\nConnection: close\r\n')))).text), 200, 'the same login, sent plainly, works: else this proves nothing');
});
