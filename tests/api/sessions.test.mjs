// stack: --no-daemon --api 2 --fast
// seconds: 240
// Sessions: what is refused as one, the list, the end everywhere at once, the change of the secret, people who are shut out.
import assert from 'node:assert/strict';
import { createHash, createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Browser } from '../lib/browser.mjs';
import { api, assertError, get } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { command, daemon, logInWith, startWithGitHub, upToCallback } from '../lib/github-login.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { eachOf, until } from '../lib/until.mjs';

let github;
before(async () => { github = await startWithGitHub(); });
after(() => github.close());

// Logs somebody in who is nobody's test's but the caller's.
async function newcomer(login) {
  github.person(login);
  const { token, browser } = await logInWith(github, login);
  return { token, browser, ...(await get('/me', { token })).json };
}

// The statuses of GET /me from both processes: each request has a connection of its own.
async function statuses(token, n = 24) {
  const answers = await eachOf(Array.from({ length: n }), 8, () => new Browser().go(`${env.api}/me`, { headers: { authorization: `Bearer ${token}` } }));
  return [...new Set(answers.map((a) => a.status))];
}

// ---- what is not a session token ----

const part = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const hs256 = (text, secret = env.jwtSecret) => createHmac('sha256', secret).update(text).digest('base64url');
const token = (claims, { header = { alg: 'HS256', typ: 'JWT' }, secret } = {}) => {
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${hs256(text, secret)}`;
};

test('forged, expired, future and misshapen tokens are 401; the same claims, well made, are not', async () => {
  const { token: good } = await newcomer('forger');
  const claims = JSON.parse(Buffer.from(good.split('.')[1], 'base64url'));
  const [header, body, signature] = good.split('.');
  const now = Math.floor(Date.now() / 1000);
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  const rs256 = `${part({ alg: 'RS256', typ: 'JWT' })}.${body}`;
  const bad = {
    'alg none': `${part({ alg: 'none', typ: 'JWT' })}.${body}.`,
    'alg None with a signature': `${part({ alg: 'None', typ: 'JWT' })}.${body}.${signature}`,
    'alg HS512': token(claims, { header: { alg: 'HS512', typ: 'JWT' } }),
    'RS256 by a key of his own': `${rs256}.${sign('sha256', Buffer.from(rs256), privateKey).toString('base64url')}`,
    'RS256 in the head, HS256 with the public key': (() => `${rs256}.${hs256(rs256, pem)}`)(),
    'RS256 in the head, our own HMAC': `${rs256}.${hs256(rs256)}`,
    'a key id in the head': token(claims, { header: { alg: 'HS256', typ: 'JWT', kid: '../../dev/null' } }),
    'another spelling of the head': token(claims, { header: '{"typ":"JWT","alg":"HS256"}' }),
    'another secret': token(claims, { secret: 'another secret of more than thirty-two bytes' }),
    'an empty secret': token(claims, { secret: '' }),
    'no signature': `${header}.${body}.`,
    'two parts': `${header}.${body}`,
    'four parts': `${good}.x`,
    'a dot at the end': `${good}.`,
    'one letter changed': `${header}.${body}.${signature.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))}`,
    expired: token({ ...claims, exp: now - 1 }),
    'no exp': token({ ...claims, exp: undefined }),
    'exp as a text': token({ ...claims, exp: `${claims.exp}` }),
    'exp in a hundred years': token({ ...claims, exp: now + 3_153_600_000 }),
    'iat in the future': token({ ...claims, iat: now + 3600 }),
    'no iat': token({ ...claims, iat: undefined }),
    'another issuer': token({ ...claims, iss: 'somebody' }),
    'another audience': token({ ...claims, aud: 'opshub' }),
    'no sid': token({ ...claims, sid: undefined }),
    'a sid that is no id': token({ ...claims, sid: 'sess_1' }),
    'a sid of another kind': token({ ...claims, sid: claims.sub }),
    'a sid with SQL in it': token({ ...claims, sid: "sess_' or 1=1 --" }),
    'a sid that is a list': token({ ...claims, sid: [claims.sid] }),
    'a sub that is no id': token({ ...claims, sub: 'user_1' }),
    'claims that are a list': token([claims]),
    'claims that are no JSON': token('{'),
    'a session nobody has': token({ ...claims, sid: `sess_${'0'.repeat(26)}` }),
    'only dots': '..',
    'five kilobytes': `${header}.${body}.${'A'.repeat(5000)}`,
  };
  for (const [what, text] of Object.entries(bad)) {
    const answer = await get('/me', { token: text });
    assert.equal(answer.status, 401, `${what}: ${answer.text}`);
    assertError(answer, 401, 'UnauthorizedError');
    const cookie = await get('/me', { token: null, headers: { cookie: `opshub_token=${text}` } });
    assert.equal(cookie.status, 401, `${what}, as a cookie`);
  }
  assert.equal((await get('/me', { token: token(claims) })).status, 200, 'the forger of this test forges well');
  assert.match(claims.jti, /^jwt_[0-9a-z]{26}$/);
});

test('a token of one user and the session of another is not believed about the user', async () => {
  const a = await newcomer('claims-a');
  const b = await newcomer('claims-b');
  const claims = JSON.parse(Buffer.from(a.token.split('.')[1], 'base64url'));
  const answer = await get('/me', { token: token({ ...claims, sub: b.id }) });
  assert.equal(answer.json?.id ?? a.id, a.id);
});

// ---- the list, and the end ----

test('logging out ends the session in every process at once, for the cookie and for copies of it', async () => {
  const { token: copy, browser, id } = await newcomer('leaver');
  assert.deepEqual(await statuses(copy), [200]); // now every process remembers it
  const answer = await browser.go(`${env.api}/auth/logout`, { method: 'POST', headers: { origin: env.api } });
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.cookies[0], /^opshub_token=; Path=\/; HttpOnly; SameSite=Lax; Max-Age=0$/);
  assert.ok(!browser.cookies.has('opshub_token'));
  await until('401 everywhere', async () => (await statuses(copy)).join() === '401', { seconds: 1.5 });
  assert.equal(one(`select count(*)::int as n from audit_log where actor_id = '${id}' and action = 'session.logout'`).n, 1);
});

test('another site cannot log anybody out, nor log in for him', async () => {
  const { browser, token: mine } = await newcomer('stayer');
  const answer = await browser.go(`${env.api}/auth/logout`, { method: 'POST', headers: { origin: 'https://evil.example' } });
  assert.equal(answer.status, 403);
  assert.equal((await get('/me', { token: mine })).status, 200);
});

test('my sessions are listed newest first, and each can be ended alone', async () => {
  const first = await newcomer('many');
  const second = (await logInWith(github, 'many', { browser: new Browser() })).token;
  const stranger = await newcomer('stranger');
  const list = (await get('/me/sessions', { token: second })).json;
  assert.equal(list.length, 2);
  assert.deepEqual(list.map((s) => s.current), [true, false]);
  for (const session of list) {
    assert.deepEqual(Object.keys(session).sort(), ['createdAt', 'current', 'expiresAt', 'id', 'ip', 'userAgent']);
    assert.equal(session.ip, '127.0.0.1');
    assert.equal(new Date(session.expiresAt) - new Date(session.createdAt), 86_400_000);
  }
  const page = await get('/me/sessions?limit=1', { token: second });
  assert.deepEqual(page.json, [list[0]]);
  const next = /<([^>]+)>; rel="next"/.exec(page.headers.get('link'))[1];
  assert.deepEqual((await get(next, { token: second })).json, [list[1]]);
  const end = (id, by) => api('DELETE', `/me/sessions/${id}`, { token: by });
  assertError(await end(list[1].id, stranger.token), 404, 'NotFoundError');
  assertError(await end('sess_1', second), 404, 'NotFoundError');
  assert.equal((await get('/me', { token: first.token })).status, 200);
  assert.equal((await end(list[1].id, second)).status, 204);
  assertError(await end(list[1].id, second), 404, 'NotFoundError');
  await until('401 everywhere', async () => (await statuses(first.token)).join() === '401', { seconds: 1.5 });
  assert.deepEqual(await statuses(second), [200]);
  const audit = rows(`select target_id from audit_log where actor_id = '${first.id}' and action = 'session.revoke'`);
  assert.deepEqual(audit, [{ target_id: list[1].id }]);
  const own = await end(list[0].id, second);
  assert.equal(own.status, 204);
  assert.match(own.headers.get('set-cookie'), /^opshub_token=; /);
  assert.equal((await get('/me', { token: second })).status, 401);
});

test('a session ends after its day', async () => {
  const { token: old, id } = await newcomer('day');
  run(`update sessions set expires_at = now() where user_id = '${id}'`);
  await until('401', async () => (await statuses(old)).join() === '401', { seconds: 10 });
});

// ---- people who are shut out ----

test('deactivating somebody ends sessions and tokens at once and for good, audited where he is a member', async () => {
  const person = await newcomer('fired');
  const secret = `oph_${apiToken()}`;
  run(`insert into organizations (id, name, slug) values ('org_f1', 'F1', 'f-1'), ('org_f2', 'F2', 'f-2');
    insert into members (org_id, user_id, role) values ('org_f1', '${person.id}', 'OWNER'), ('org_f2', '${person.id}', 'VIEWER'),
      ('org_f1', 'user_00000000000000000000000001', 'OWNER');
    insert into api_tokens (id, user_id, name, hash, scope) values ('tok_f', '${person.id}', 'x', decode('${createHash('sha256').update(secret).digest('hex')}', 'hex'), 'read')`);
  assert.deepEqual(await statuses(person.token), [200]);
  assert.deepEqual(await statuses(secret), [200]);
  const done = await command('users', 'deactivate', 'FIRED@example.com');
  assert.deepEqual([done.status, done.out], [0, 'FIRED@example.com is inactive: every session and token is revoked\n']);
  await until('401 everywhere', async () => (await statuses(person.token)).join() === '401', { seconds: 1.5 });
  assert.deepEqual(await statuses(secret), [401]);
  const audit = rows(`select org_id, action, actor_kind, actor_name, target_id, before, after from audit_log where actor_kind = 'cli' order by org_id`);
  assert.deepEqual(audit.map((a) => [a.org_id, a.action, a.target_id]), ['org_f1', 'org_f2'].map((org) => [org, 'user.deactivate', person.id]));
  assert.notEqual(audit[0].actor_name, '');
  assert.deepEqual([JSON.parse(audit[0].before), JSON.parse(audit[0].after)], [{ active: true }, { active: false, email: 'fired@example.com' }]);
  assert.equal((await command('users', 'deactivate', 'fired@example.com')).out, 'fired@example.com is inactive already\n');
  assert.equal((await command('users', 'activate', 'fired@example.com')).status, 0);
  assert.deepEqual(await statuses(person.token), [401], 'the old session came back');
  assert.deepEqual(await statuses(secret), [401], 'the old token came back');
  assert.equal((await logInWith(github, 'fired')).answer.status, 302);
});

// 43 digits of base 62 and their CRC-32, as core/crypto/token.c makes them.
function apiToken() {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const base62 = (number, n) => Array.from({ length: n }, () => {
    const digit = digits[Number(number % 62n)];
    number /= 62n;
    return digit;
  }).reverse().join('');
  const random = base62(BigInt(`0x${randomBytes(32).toString('hex')}`), 43);
  let crc = 0xffffffff;
  for (const byte of Buffer.from(`oph_${random}`)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return random + base62(BigInt(~crc >>> 0), 6);
}

test('the last active owner of an organization cannot be deactivated', async () => {
  const a = await newcomer('owner-a');
  const b = await newcomer('owner-b');
  run(`insert into organizations (id, name, slug) values ('org_own', 'Own', 'own-it');
    insert into members (org_id, user_id, role) values ('org_own', '${a.id}', 'OWNER'), ('org_own', '${b.id}', 'OWNER')`);
  const both = await Promise.all([command('users', 'deactivate', a.email), command('users', 'deactivate', b.email)]);
  assert.deepEqual(both.map((r) => r.status).sort(), [0, 1], JSON.stringify(both));
  const refusal = both.find((r) => r.status === 1);
  assert.match(refusal.err, /^opshubd: owner-[ab]@example\.com is the only active owner of organization own-it: make somebody else/);
  assert.equal(one(`select count(*)::int as n from users where id in ('${a.id}', '${b.id}') and active`).n, 1);
});

test('users list shows who is here; --inactive-days those whom nobody has seen', async () => {
  const person = await newcomer('asleep');
  const lines = async (...args) => (await command('users', 'list', ...args)).out.trim().split('\n').slice(1).map((line) => line.split('\t'));
  const find = (list) => list.find(([address]) => address === 'asleep@example.com');
  assert.deepEqual(find(await lines()).slice(0, 3), ['asleep@example.com', 'asleep', 'yes']);
  assert.equal((await lines()).find(([address]) => address === 'viewer@demo.opshub.local')[4], 'demo VIEWER');
  assert.equal(find(await lines('--inactive-days', '90')), undefined);
  run(`update users set last_seen_at = now() - interval '91 days' where id = '${person.id}'`);
  assert.ok(find(await lines('--inactive-days', '90')));
  run(`insert into users (id, email) select 'user_bulk' || n, 'bulk' || n || '@example.com' from generate_series(1, 1200) n`);
  assert.equal((await lines()).filter(([address]) => address.startsWith('bulk')).length, 1200);
});

test('users: what the command does not understand, and whom it does not know', async () => {
  for (const args of [['list', '--inactive-days'], ['list', '--inactive-days', '-1'], ['list', 'x'], ['deactivate'], ['deactivate', 'nobody'],
    ['activate', 'a@b', 'c@d']]) {
    const answer = await command('users', ...args);
    assert.equal(answer.status, 2, args.join(' '));
    assert.match(answer.err, /usage: opshubd users/);
  }
  const nobody = await command('users', 'deactivate', 'nobody@example.com');
  assert.equal(nobody.status, 1);
  assert.match(nobody.err, /nobody here has the e-mail nobody@example\.com/);
});

// ---- the change of the secret ----

test('JWT_SECRET_PREVIOUS: old sessions and logins under way hold until it is taken away', async () => {
  const before = await newcomer('roller');
  const half = await upToCallback(github, 'roller');
  const secret = randomBytes(32).toString('hex');
  await daemon.restart({ JWT_SECRET: secret, JWT_SECRET_PREVIOUS: env.jwtSecret });
  assert.deepEqual(await statuses(before.token), [200]);
  assert.equal((await half.browser.go(half.callback)).status, 302);
  const fresh = (await logInWith(github, 'roller')).token;
  const [head, body, signature] = fresh.split('.');
  assert.equal(signature, hs256(`${head}.${body}`, secret), 'new sessions are signed with the new secret');
  const stale = await upToCallback(github, 'roller', { browser: new Browser() });
  await daemon.restart({ JWT_SECRET: randomBytes(32).toString('hex'), JWT_SECRET_PREVIOUS: secret });
  assert.deepEqual(await statuses(before.token), [401]);
  assert.deepEqual(await statuses(fresh), [200]);
  assert.equal((await stale.browser.go(stale.callback)).status, 302);
  await daemon.restart({ JWT_SECRET_PREVIOUS: '' });
  assert.deepEqual(await statuses(fresh), [401]);
});

test('in production both cookies are Secure, and GitHub is only spoken to by https', async () => {
  await daemon.restart({ NODE_ENV: 'production', ALLOW_TEST_LOGIN: '0', GITHUB_WEB_BASE: 'https://github.com', GITHUB_API_BASE: 'https://api.github.com' });
  const start = await new Browser().go(`${env.api}/auth/github`);
  assert.ok(start.location.startsWith('https://github.com/login/oauth/authorize?'));
  assert.match(start.cookies[0], /; Secure$/);
  assert.deepEqual((await get('/auth/methods', { token: null })).json, { github: true, testLogin: false });
  daemon.set({ GITHUB_WEB_BASE: github.web });
  const refused = await command('config', 'check');
  assert.deepEqual([refused.status, refused.err], [78, 'opshubd: GITHUB_WEB_BASE must begin with https:// in production\n']);
});
