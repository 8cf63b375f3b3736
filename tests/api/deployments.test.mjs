// stack: --env MOCK_BUILD_MS=200
// Reading deployments back, who may, and what may be done to one.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { before, test } from 'node:test';
import { api, assertError, deployment, deploymentsOf, get, login, post } from '../lib/client.mjs';
import { stats } from '../lib/cloud.mjs';
import { env } from '../lib/env.mjs';
import { commit, deliver, pullRequest } from '../lib/github.mjs';
import { rows, run } from '../lib/sql.mjs';
import { eachOf, until } from '../lib/until.mjs';

const list = '/projects/proj_demo/deployments';
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
function jwt(claims, { secret = env.jwtSecret, header = { alg: 'HS256', typ: 'JWT' } } = {}) {
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}
const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
const count = 60;
const numbers = Array.from({ length: count }, (_, i) => 1000 + i);
let viewer;

before(async () => {
  viewer = await login('viewer');
  await eachOf(numbers, 8, async (pr) => {
    const answer = await deliver('pull_request', pullRequest('opened', pr));
    assert.equal(answer.status, 202, answer.text);
  });
  for (const pr of numbers) await deployment(pr, 'READY', { seconds: 60 });
});

test('nobody reads without a token', async () => {
  const answer = await get(list, { token: null });
  assertError(answer, 401, 'UnauthorizedError');
});

test('garbage, foreign, expired and unsigned tokens are 401', async () => {
  const good = claimsOf(env.token);
  const now = Math.floor(Date.now() / 1000);
  const bad = {
    garbage: 'not.a.token', empty: ' ', oneDot: 'a.b', huge: 'a'.repeat(6000),
    otherSecret: jwt(good, { secret: 'x'.repeat(48) }),
    expired: jwt({ ...good, iat: now - 7200, exp: now - 3600 }),
    algNone: `${encode({ alg: 'none', typ: 'JWT' })}.${encode(good)}.`,
    algOther: jwt(good, { header: { alg: 'HS512', typ: 'JWT' } }),
    expText: jwt({ ...good, exp: 'tomorrow' }), expFloat: jwt({ ...good, exp: now + 100.5 }),
    expHuge: jwt({ ...good, exp: 2 ** 63 }), noExp: jwt({ ...good, exp: undefined }),
    noSubject: jwt({ ...good, sub: undefined }), otherSubject: jwt({ ...good, sub: 'user_nobody' }),
  };
  for (const [name, token] of Object.entries(bad)) {
    const answer = await get(list, { token });
    assert.equal(answer.status, 401, `${name}: ${answer.status} ${answer.text}`);
  }
});

test('the cookie works as the bearer token does', async () => {
  const answer = await get(list, { token: null, headers: { cookie: `opshub_token=${env.token}` } });
  assert.equal(answer.status, 200, answer.text);
});

test('login sets a cookie that scripts cannot read', async () => {
  const answer = await post('/test/login-as', { token: null, body: { email: 'owner@demo.opshub.local' } });
  assert.equal(answer.json.success, true);
  assert.equal(answer.json.user.email, 'owner@demo.opshub.local');
  const cookie = answer.headers.get('set-cookie');
  assert.match(cookie, /^opshub_token=[^;]+;/);
  for (const part of [/HttpOnly/i, /SameSite=Lax/i, /Path=\//i]) assert.match(cookie, part);
});

test('a change by cookie from another origin is refused', async () => {
  const [newest] = await deploymentsOf(numbers[0]);
  const answer = await post(`/deployments/${newest.id}/destroy`, {
    token: null, headers: { cookie: `opshub_token=${env.token}`, origin: 'https://evil.example' } });
  assert.equal(answer.status, 403, answer.text);
  assert.equal((await deploymentsOf(numbers[0]))[0].status, 'READY');
});

test('a stranger does not learn that the project exists', async () => {
  // Test login makes a member of the demo organization of everybody, so the stranger is made by taking that away.
  const answer = await post('/test/login-as', { token: null, body: { email: 'stranger@example.com' } });
  assert.equal(answer.status, 200, answer.text);
  const { id } = answer.json.user;
  assert.match(id, /^user_[A-Za-z0-9_]+$/);
  run(`delete from members where user_id = '${id}'`);
  const [newest] = await deploymentsOf(numbers[0]);
  for (const path of [list, `/deployments/${newest.id}`, `/deployments/${newest.id}/logs`, `/deployments/${newest.id}/events`]) {
    assertError(await get(path, { token: answer.json.token }), 404, 'NotFoundError');
  }
  assertError(await post(`/deployments/${newest.id}/retry`, { token: answer.json.token }), 404, 'NotFoundError');
});

test('a viewer reads and changes nothing', async () => {
  assert.equal((await get(list, { token: viewer })).status, 200);
  const [newest] = await deploymentsOf(numbers[0]);
  for (const verb of ['retry', 'cancel', 'destroy']) {
    assertError(await post(`/deployments/${newest.id}/${verb}`, { token: viewer }), 403, 'ForbiddenError');
  }
});

test('the list is newest first, 50 a page, and Link leads through all of it once', async () => {
  const page = await get(list);
  assert.equal(page.status, 200);
  assert.equal(page.json.length, 50);
  const seen = [];
  let path = `${list}?limit=17`;
  for (let pages = 0; path; pages++) {
    assert.ok(pages < 20, 'the pages have no end');
    const answer = await get(path);
    assert.equal(answer.status, 200, answer.text);
    assert.ok(answer.json.length <= 17);
    seen.push(...answer.json);
    const next = /<([^>]+)>;\s*rel="next"/.exec(answer.headers.get('link') ?? '');
    path = next && next[1];
  }
  assert.equal(new Set(seen.map((d) => d.id)).size, seen.length);
  assert.deepEqual(numbers.filter((pr) => !seen.some((d) => d.prNumber === pr)), []);
  const ids = seen.map((d) => d.id); // ids carry the time they were made at
  assert.deepEqual(ids, [...ids].sort().reverse());
  seen.forEach((d, i) => assert.ok(i === 0 || Date.parse(d.createdAt) <= Date.parse(seen[i - 1].createdAt) + 1000, 'not by time'));
});

test('limit reaches 200, and nonsense is refused with the field', async () => {
  assert.ok((await get(`${list}?limit=200`)).json.length >= count);
  for (const query of ['limit=0', 'limit=-1', 'limit=abc', 'limit=999999999999999999999', 'cursor=%00%01', 'cursor=zzzz', 'pr=abc', 'status=NONSENSE']) {
    const answer = await get(`${list}?${query}`);
    assert.ok([400, 422].includes(answer.status), `${query}: ${answer.status} ${answer.text}`);
    assertError(answer, answer.status, answer.json.error);
  }
});

test('status and pr filter', async () => {
  const only = await get(`${list}?pr=${numbers[3]}`);
  assert.deepEqual([...new Set(only.json.map((d) => d.prNumber))], [numbers[3]]);
  const ready = await get(`${list}?status=READY&limit=200`);
  assert.ok(ready.json.length >= count - 1);
  assert.deepEqual([...new Set(ready.json.map((d) => d.status))], ['READY']);
  assert.deepEqual((await get(`${list}?pr=987654`)).json, []);
  const paged = [];
  for (let path = `${list}?status=READY&limit=17`; path;) {
    const answer = await get(path);
    paged.push(...answer.json);
    path = /<([^>]+)>;\s*rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
    assert.ok(!path || path.includes('status=READY'), path);
    assert.ok(paged.length <= 400, 'the pages have no end');
  }
  assert.deepEqual(paged.map((d) => d.id), ready.json.map((d) => d.id));
});

test('one deployment has every promised field', async () => {
  const [newest] = await deploymentsOf(numbers[1]);
  const answer = await get(`/deployments/${newest.id}`);
  assert.equal(answer.status, 200, answer.text);
  for (const key of ['id', 'prNumber', 'branch', 'sha', 'provider', 'status', 'detail', 'url', 'errorReason', 'message', 'attempts',
    'createdAt', 'readyAt', 'destroyedAt']) {
    assert.ok(key in answer.json, `${key} is missing: ${answer.text}`);
  }
});

test('an unknown or malformed id is 404', async () => {
  for (const id of ['deploy_00000000000000000000', 'nonsense', "'%20or%201=1", 'a'.repeat(300)]) {
    assertError(await get(`/deployments/${id}`), 404, 'NotFoundError');
  }
  assertError(await get('/projects/proj_nowhere/deployments'), 404, 'NotFoundError');
});

test('destroy takes it away at the provider, retry brings it back at the same commit', async () => {
  const pr = numbers[5];
  const [before] = await deploymentsOf(pr);
  const live = (await stats()).live;
  const destroyed = await post(`/deployments/${before.id}/destroy`);
  assert.ok(destroyed.status >= 200 && destroyed.status < 300, destroyed.text);
  await deployment(pr, 'DESTROYED');
  assert.equal((await stats()).live, live - 1);
  const retried = await post(`/deployments/${before.id}/retry`);
  assert.ok(retried.status >= 200 && retried.status < 300, retried.text);
  const again = await deployment(pr, 'READY');
  assert.equal(again.sha, before.sha);
  assert.equal((await stats()).live, live);
});

test('a failed build says why, and can be retried', async () => {
  const pr = 2000;
  await deliver('pull_request', pullRequest('opened', pr, { branch: 'mock-fail-build' }));
  const failed = await deployment(pr, 'ERROR');
  assert.equal(failed.errorReason, 'BUILD_FAILED');
  assert.ok(failed.message?.length > 0, 'no message');
  await deliver('pull_request', pullRequest('synchronize', pr, { branch: 'mock-fail-build', sha: commit('mended') }));
  const answer = await post(`/deployments/${failed.id}/retry`);
  assert.ok([200, 202, 409].includes(answer.status), answer.text);
});

test('an allowance that stays used up ends with its own reason, not as a time-out', async () => {
  const pr = 2002;
  await deliver('pull_request', pullRequest('opened', pr, { branch: 'mock-quota' }));
  await until('it waits for the allowance', async () => (await deploymentsOf(pr))[0]?.detail === 'QUOTA_WAIT');
  const preview = `(select id from previews where pr_number = ${pr})`;
  const putOff = (before) => until('its job is put off', () => rows(`select a.tries, a.sent_at::text as sent from preview_attempts a
    join jobs j on j.key = a.preview_id where a.preview_id = ${preview} and a.state = 'intent' and j.state = 'delayed'
    and a.sent_at is distinct from ${before ? `'${before}'::timestamptz` : 'null'}`)[0]);
  for (let wait = 1, sent = null, tries; wait <= 6; wait++) {
    if (sent) run(`update preview_attempts set next_at = now() where preview_id = ${preview}; update jobs set run_at = now() where key = ${preview}`);
    ({ sent, tries } = await putOff(sent));
    assert.ok(tries <= 3, `${tries} tries used up by waiting: a lost answer would be the end`);
  }
  run(`update preview_attempts set created_at = now() - interval '24 h', deadline_at = now() - interval '1 s' where preview_id = ${preview};
    update jobs set run_at = now() where key = ${preview}`);
  const failed = await deployment(pr, 'ERROR');
  assert.equal(failed.errorReason, 'PROVIDER_QUOTA');
  assert.match(failed.message, /used up for 24 hours: raise it there, or wait .* retry/);
});

test('cancel stops a build', async () => {
  const pr = 2001;
  await deliver('pull_request', pullRequest('opened', pr, { branch: 'mock-slow' }));
  const building = await until('it builds', async () => {
    const [newest] = await deploymentsOf(pr);
    return newest?.status === 'BUILDING' && newest;
  });
  const answer = await post(`/deployments/${building.id}/cancel`);
  assert.ok(answer.status >= 200 && answer.status < 300, answer.text);
  const ended = await until('it ended', async () => {
    const [newest] = await deploymentsOf(pr);
    return ['ERROR', 'DESTROYED'].includes(newest.status) && newest;
  });
  assert.notEqual(ended.status, 'READY');
});

test('the same paths work under the project', async () => {
  const [newest] = await deploymentsOf(numbers[8]);
  const answer = await api('POST', `${list}/${newest.id}/retry`);
  assert.ok(answer.status < 300, `${answer.status} ${answer.text}`);
});
