// stack: --fast
// API tokens: made, shown once, limited by scope and project, rotated, revoked; and the ways to send a credential.
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { api, assertError, get, login, post } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { raw, statusOf } from '../lib/raw.mjs';
import { one, rows, run } from '../lib/sql.mjs';

const list = '/projects/proj_demo/deployments';
const shape = ['id', 'name', 'scope', 'projectId', 'rotatedFrom', 'createdAt', 'expiresAt', 'lastUsedAt', 'revokedAt'];
const remove = (id, options) => api('DELETE', `/me/tokens/${id}`, options);
const rotate = (id, body, options) => post(`/me/tokens/${id}/rotate`, { body, ...options });
const day = 24 * 3600 * 1000;
let n = 0;

async function make(wish = {}, options = {}) {
  const answer = await post('/me/tokens', { body: { name: `token ${++n}`, scope: 'admin', ...wish }, ...options });
  assert.equal(answer.status, 201, answer.text);
  return answer.json;
}

async function faults(wish) {
  const answer = await post('/me/tokens', { body: wish });
  assertError(answer, 422, 'ValidationError');
  return answer.json.details.map((d) => d.field);
}

const audits = (id) => rows(`select org_id, actor_kind, action, before, after from audit_log where target_id = '${id}' order by seq`);
const clear = () => run('delete from api_tokens');

before(() => run(`insert into organizations (id, name, slug) values ('org_other', 'Other', 'other');
  insert into projects (id, org_id, name, repo_full_name) values ('proj_other', 'org_other', 'other', 'other/other'),
    ('proj_second', 'org_demo', 'second', 'demo/second')`));

test('a new token is shown once, works, and only its hash is stored', async () => {
  const answer = await post('/me/tokens', { body: { name: 'ci', scope: 'read' } });
  assert.equal(answer.status, 201, answer.text);
  const { token, ...rest } = answer.json;
  assert.match(token, /^oph_[0-9A-Za-z]{49}$/);
  assert.deepEqual(Object.keys(rest), shape);
  assert.equal(answer.headers.get('location'), `/me/tokens/${rest.id}`);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.ok(Math.abs(Date.parse(rest.expiresAt) - Date.now() - 90 * day) < 60_000, rest.expiresAt);
  assert.equal((await get(list, { token })).status, 200);
  const seen = await get(`/me/tokens/${rest.id}`);
  assert.deepEqual(Object.keys(seen.json), shape);
  assert.ok(Math.abs(Date.parse(seen.json.lastUsedAt) - Date.now()) < 60_000, seen.text);
  const stored = one(`select encode(hash, 'hex') as hash from api_tokens where id = '${rest.id}'`).hash;
  assert.equal(stored, createHash('sha256').update(token).digest('hex'));
  for (const table of ['api_tokens', 'audit_log']) assert.ok(!run(`select * from ${table}`).includes(token), table);
  assert.ok(!(await get('/me/tokens')).text.includes(token));
});

test('what a token is to be is checked, all faults at once', async () => {
  assert.deepEqual(await faults({ name: '', scope: 'root', projectId: 7, expiresInDays: 366, extra: 1 }),
    ['name', 'scope', 'projectId', 'expiresInDays', 'extra']);
  assert.deepEqual(await faults({}), ['name', 'scope']);
  assert.deepEqual(await faults({ name: 'x'.repeat(81), scope: 'read' }), ['name']);
  assert.deepEqual(await faults({ name: 'x', scope: 'read', expiresInDays: 0 }), ['expiresInDays']);
  assert.deepEqual(await faults({ name: 'x', scope: 'read', expiresInDays: 1, expiresAt: new Date(Date.now() + day).toISOString() }), ['expiresAt']);
  for (const at of ['tomorrow', new Date(Date.now() - 1000).toISOString(), new Date(Date.now() + 366 * day).toISOString()]) {
    assert.deepEqual(await faults({ name: 'x', scope: 'read', expiresAt: at }), ['expiresAt'], at);
  }
  assertError(await post('/me/tokens', { body: '{"name":' , headers: { 'content-type': 'application/json' } }), 400, 'BadRequestError');
  assertError(await post('/me/tokens', { body: 'name=x', headers: { 'content-type': 'text/plain' } }), 415, 'UnsupportedMediaTypeError');
});

test('its end is what was asked for; only a reader may have none', async () => {
  const at = new Date(Date.now() + 10 * day).toISOString();
  assert.equal((await make({ expiresAt: at })).expiresAt, at);
  assert.ok(Math.abs(Date.parse((await make({ expiresInDays: 365 })).expiresAt) - Date.now() - 365 * day) < 60_000);
  assert.equal((await make({ scope: 'read', expiresInDays: null })).expiresAt, null);
  assert.equal((await make({ scope: 'read', expiresAt: null })).expiresAt, null);
  assert.deepEqual(await faults({ name: 'x', scope: 'write', expiresInDays: null }), ['expiresInDays']);
  assert.deepEqual(await faults({ name: 'x', scope: 'admin', expiresAt: null }), ['expiresAt']);
});

test('an expired token is refused', async () => {
  const { id, token } = await make();
  run(`update api_tokens set expires_at = now() - interval '1 second' where id = '${id}'`);
  assertError(await get('/me', { token }), 401, 'UnauthorizedError');
  assertError(await rotate(id, {}), 409, 'ConflictError');
});

test("a token for one project needs one that its owner may see, and opens nothing else", async () => {
  for (const project of ['proj_other', 'proj_nowhere', 'x']) {
    assert.deepEqual(await faults({ name: 'x', scope: 'read', projectId: project }), ['projectId'], project);
  }
  const { token, id, projectId } = await make({ projectId: 'proj_demo' });
  assert.equal(projectId, 'proj_demo');
  assert.equal((await get(list, { token })).status, 200);
  assertError(await get('/projects/proj_second/deployments', { token }), 404, 'NotFoundError');
  assertError(await get('/me/tokens', { token }), 403, 'ForbiddenError');
  assertError(await post('/me/tokens', { token, body: { name: 'x', scope: 'read' } }), 403, 'ForbiddenError');
  assert.deepEqual(audits(id).map((a) => [a.org_id, a.action]), [['org_demo', 'token.create']]);
});

test('a scope is a limit: read and write tokens manage no tokens but themselves', async () => {
  const other = await make();
  for (const scope of ['read', 'write']) {
    const { token, id } = await make({ scope });
    assertError(await get('/me/tokens', { token }), 403, 'ForbiddenError');
    assertError(await post('/me/tokens', { token, body: { name: 'x', scope: 'read' } }), 403, 'ForbiddenError');
    assertError(await remove(other.id, { token }), 403, 'ForbiddenError');
    assertError(await rotate(other.id, {}, { token }), 403, 'ForbiddenError');
    assert.equal((await get(`/me/tokens/${id}`, { token })).status, 200);
    const next = await rotate(id, {}, { token });
    assert.equal(next.status, 201, next.text);
    assert.equal(next.json.scope, scope);
    assert.equal((await remove(id, { token })).status, 204);
    assertError(await get('/me', { token }), 401, 'UnauthorizedError');
    assert.equal((await remove(next.json.id, { token: next.json.token })).status, 204);
  }
  assert.equal((await get('/me', { token: other.token })).status, 200);
});

test('an admin token makes tokens', async () => {
  const { token } = await make();
  assert.equal((await make({ scope: 'admin' }, { token })).scope, 'admin');
});

test('rotation: the successor may do the same and lasts as long; the old one goes on for the overlap', async () => {
  const old = await make({ scope: 'write', projectId: 'proj_demo', expiresInDays: 30 });
  const answer = await rotate(old.id, { overlapMinutes: 5 });
  assert.equal(answer.status, 201, answer.text);
  const next = answer.json;
  assert.deepEqual(Object.keys(next), [...shape, 'previousExpiresAt', 'token']);
  assert.deepEqual([next.name, next.scope, next.projectId, next.rotatedFrom], [old.name, 'write', 'proj_demo', old.id]);
  assert.ok(Math.abs(Date.parse(next.expiresAt) - Date.now() - 30 * day) < 60_000);
  assert.ok(Math.abs(Date.parse(next.previousExpiresAt) - Date.now() - 5 * 60_000) < 60_000);
  for (const token of [old.token, next.token]) assert.equal((await get(list, { token })).status, 200);
  const again = await rotate(old.id, {}); // its answer was lost, say
  assert.equal(again.status, 201);
  assert.ok(Math.abs(Date.parse(again.json.expiresAt) - Date.now() - 30 * day) < 60_000, 'the overlap shortened the successor');
  assert.ok(Date.parse(again.json.previousExpiresAt) <= Date.parse(next.previousExpiresAt), 'the overlap grew');
  assert.deepEqual(audits(old.id).map((a) => a.action), ['token.create', 'token.rotate', 'token.rotate']);
});

test('rotation without overlap ends the old one at once; bad overlaps are refused', async () => {
  const old = await make();
  for (const overlapMinutes of [-1, 1441, '5', 1.5, null]) {
    assertError(await rotate(old.id, { overlapMinutes }), 422, 'ValidationError');
  }
  const answer = await rotate(old.id, { overlapMinutes: 0 });
  assert.equal(answer.status, 201, answer.text);
  assertError(await get('/me', { token: old.token }), 401, 'UnauthorizedError');
  assert.equal((await get('/me', { token: answer.json.token })).status, 200);
  assertError(await rotate(old.id, {}), 409, 'ConflictError');
  const endless = await make({ scope: 'read', expiresInDays: null });
  assert.equal((await rotate(endless.id, {})).json.expiresAt, null);
});

test('a row that was made by hand has a successor with an end', async () => {
  const { id } = await make();
  run(`update api_tokens set lifetime = null, created_at = now() - interval '1 day', expires_at = now() + interval '9 days' where id = '${id}'`);
  const { expiresAt } = (await rotate(id, {})).json;
  assert.ok(Math.abs(Date.parse(expiresAt) - Date.now() - 10 * day) < 60_000, expiresAt);
});

test('revoking is at once, can be repeated, and is audited once', async () => {
  const { id, token } = await make();
  assert.equal((await get('/me', { token })).status, 200);
  assert.equal((await remove(id)).status, 204);
  assertError(await get('/me', { token }), 401, 'UnauthorizedError');
  assert.equal((await remove(id)).status, 204);
  assert.deepEqual(audits(id).map((a) => [a.org_id, a.actor_kind, a.action]),
    [['', 'user', 'token.create'], ['', 'user', 'token.revoke']]);
});

test("other people's tokens are not there", async () => {
  const { id } = await make();
  const viewer = await login('viewer');
  for (const answer of [await get(`/me/tokens/${id}`, { token: viewer }), await remove(id, { token: viewer }), await rotate(id, {}, { token: viewer })]) {
    assertError(answer, 404, 'NotFoundError');
  }
  assert.ok(!(await get('/me/tokens', { token: viewer })).text.includes(id));
  for (const odd of ['tok_x', 'nonsense', 'a'.repeat(200), 'tok_00000000000000000000000000']) {
    assertError(await get(`/me/tokens/${odd}`), 404, 'NotFoundError');
    assertError(await remove(odd), 404, 'NotFoundError');
  }
});

test('the list is newest first, by pages, without what has been over for a month', async () => {
  clear();
  const made = [];
  for (let i = 0; i < 5; i++) made.unshift((await make({ scope: 'read' })).id);
  const first = await get('/me/tokens?limit=3');
  const next = /<([^>]+)>;\s*rel="next"/.exec(first.headers.get('link'))[1];
  assert.deepEqual([...first.json, ...(await get(next)).json].map((t) => t.id), made);
  run(`update api_tokens set revoked_at = now() - interval '31 days' where id = '${made[0]}';
    update api_tokens set expires_at = now() - interval '31 days' where id = '${made[1]}';
    update api_tokens set revoked_at = now() where id = '${made[2]}'`);
  const newest = (await make({ scope: 'read' })).id;
  assert.deepEqual((await get('/me/tokens')).json.map((t) => t.id), [newest, ...made.slice(2)]);
});

test('fifty live tokens are the most, also when many are made at once', async () => {
  clear();
  for (let i = 0; i < 40; i++) await make({ scope: 'read' });
  const race = () => post('/me/tokens', { body: { name: 'race', scope: 'read' } });
  const answers = await Promise.all(Array.from({ length: 20 }, race));
  assert.equal(answers.filter((a) => a.status === 201).length, 10);
  answers.filter((a) => a.status !== 201).forEach((a) => assertError(a, 409, 'ConflictError'));
  const [{ id }] = (await get('/me/tokens?limit=1')).json;
  assertError(await rotate(id, { overlapMinutes: 1 }), 409, 'ConflictError');
  assert.equal((await rotate(id, { overlapMinutes: 0 })).status, 201);
  assert.equal(one('select count(*)::int as n from api_tokens where revoked_at is null and expires_at > now()').n, 50);
  clear();
});

test('one that is revoked while it is rotated has no successor', async () => {
  const { id } = await make();
  const [, rotated] = await Promise.all([remove(id), rotate(id, { overlapMinutes: 60 })]);
  assert.ok(one(`select revoked_at is not null as over from api_tokens where id = '${id}'`).over, 'rotation gave a revoked token back');
  if (rotated.status !== 201) assertError(rotated, 409, 'ConflictError');
});

// ---- the ways to send a credential ----

const head = (lines) => `GET /me HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${lines.map((l) => `${l}\r\n`).join('')}\r\n`;
const ask = async (...lines) => statusOf((await raw(head(lines))).text);

test('odd Authorization headers open nothing', async () => {
  const { token } = await make();
  const cookie = `Cookie: opshub_token=${env.token}`;
  assert.equal(await ask(`Authorization: Bearer ${token}`), 200);
  assert.equal(await ask(`Authorization: bearer   ${token} `), 200);
  assert.equal(await ask(cookie), 200);
  assert.equal(await ask(`Authorization: Basic ${Buffer.from(`x:${token}`).toString('base64')}`), 401);
  assert.equal(await ask('Authorization: Basic eDp5', cookie), 200, "a proxy's own password beside our cookie");
  for (const value of ['Bearer', 'Bearer ', `Bearer\t${token}`, `Bearer${token}`, token, `Token ${token}`, `Bearer ${token} x`, `Bearer ${token},`,
    `Bearer ${token.slice(0, -1)}`, `Bearer ${token}0`, `Bearer ${token.toLowerCase()}`, `Bearer ${'a'.repeat(4097)}`, `Bearer oph_${'0'.repeat(4093)}`,
    'Bearer ..', 'Bearer a.b.c', 'Bearer \xff\xfe']) {
    assert.equal(await ask(`Authorization: ${value}`), 401, value.slice(0, 80));
  }
  for (const value of ['Bearer', 'Bearer garbage', `Bearer ${'a'.repeat(4097)}`]) {
    assert.equal(await ask(`Authorization: ${value}`, cookie), 401, `the cookie must not stand in for: ${value.slice(0, 40)}`);
  }
  assert.equal(await ask(`Authorization: Bearer ${token}`, 'Cookie: opshub_token=garbage'), 200, 'the header counts, not the cookie');
  assert.equal(await ask(`Authorization: Bearer ${token}`, `Authorization: Bearer ${token}`), 400);
  assert.equal(await ask('Authorization: Basic eDp5', `Authorization: Bearer ${token}`), 400);
});

test('an API token is no cookie, whether or not it was just used', async () => {
  const { token } = await make();
  assert.equal(await ask(`Cookie: opshub_token=${token}`), 401);
  assert.equal(await ask(`Authorization: Bearer ${token}`), 200);
  assert.equal(await ask(`Cookie: opshub_token=${token}`), 401);
});

test('a token in a URL is refused, with or without another credential', async () => {
  const { token } = await make();
  for (const query of [`access_token=${token}`, 'access_token=x', `opshub_token=${env.token}`, `anything=${token}`, `a=1&b=${token}`]) {
    for (const options of [{ token: null }, {}]) assertError(await get(`/me?${query}`, options), 400, 'BadRequestError');
  }
  assertError(await get(`/readyz?access_token=${token}`, { token: null }), 400, 'BadRequestError');
});

test("a session token names its session's own user", async () => {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = JSON.parse(Buffer.from(env.token.split('.')[1], 'base64url'));
  const text = `${env.token.split('.')[0]}.${part({ ...claims, sub: 'user_00000000000000000000000004' })}`;
  const forged = `${text}.${createHmac('sha256', env.jwtSecret).update(text).digest('base64url')}`;
  assertError(await get(list, { token: forged }), 401, 'UnauthorizedError');
});

test('no token has reached the log', () => {
  const log = readFileSync(env.log, 'utf8');
  assert.ok(log.length > 0);
  assert.doesNotMatch(log, /oph_[0-9A-Za-z]{20}/);
});
