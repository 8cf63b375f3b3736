// stack: --api 2 --env LOGIN_FAILURE_THRESHOLD=10 --env LOGIN_FAILURE_WINDOW_MS=15000 --env TRUSTED_PROXIES=127.0.0.1 --env ALLOW_TEST_LOGIN=1
// Failed logins: in the audit of the installation with address and reason, few rows however many there are, one event at the threshold.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertError, get, login, post } from '../lib/client.mjs';
import { command } from '../lib/command.mjs';
import { logLines } from '../lib/log.mjs';
import { part } from '../lib/part.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { eachOf, until } from '../lib/until.mjs';

const from = (address, more = {}) => ({ 'x-forwarded-for': address, ...more });
const guess = (address, token = 'not.a.token', more = {}) => get('/me', { token, headers: from(address, more) });
const many = (address, n) => eachOf(Array.from({ length: n }), 8, () => guess(address));
const audit = (address, action = 'login.failed') => rows(`select * from audit_log where org_id = '' and target_id = '${address}' and action = '${action}' order by seq`)
  .map((row) => ({ ...row, after: JSON.parse(row.after) }));
const counted = (address) => audit(address).reduce((sum, row) => sum + row.after.failures, 0);
const warnings = (address) => logLines().filter((l) => l.context === 'Security' && l.metadata.address === address);

// A token of the right form that nobody has.
function unknownToken() {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const body = `oph_${'k'.repeat(43)}`;
  let crc = 0xffffffff;
  for (const byte of Buffer.from(body)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  let rest = ~crc >>> 0, check = '';
  for (let i = 0; i < 6; i++, rest = Math.floor(rest / 62)) check = digits[rest % 62] + check;
  return body + check;
}

test('each kind of refused credential has its reason, and the row nothing of what was sent', async () => {
  const token = await login('viewer');
  assert.equal((await post('/auth/logout', { token })).status, 200);
  assertError(await guess('192.0.2.1', token, { 'user-agent': 'guesser' }), 401, 'UnauthorizedError');
  assertError(await guess('192.0.2.2', unknownToken()), 401, 'UnauthorizedError');
  assertError(await guess('192.0.2.3', 'secret-guess-1'), 401, 'UnauthorizedError');
  const cases = [['192.0.2.1', 'SESSION_OVER'], ['192.0.2.2', 'TOKEN_UNKNOWN'], ['192.0.2.3', 'CREDENTIAL_INVALID']];
  for (const [address, reason] of cases) {
    const [row] = await until(`${reason} is in the audit`, () => { const found = audit(address); return found.length && found; });
    assert.deepEqual(row.after, { reason, failures: 1 });
    assert.deepEqual([row.actor_kind, row.ip, row.target_kind], ['anonymous', address, 'address']);
    assert.match(row.request_id, /^[A-Za-z0-9._-]{8,64}$/);
  }
  assert.equal(audit('192.0.2.1')[0].user_agent, 'guesser');
  const all = one("select string_agg(a::text, ' ') as text from audit_log a where org_id = ''").text;
  for (const secret of [token, 'secret-guess', unknownToken()]) assert.ok(!all.includes(secret));
});

test('a request without any credential is no failed login', async () => {
  assertError(await get('/me', { token: null, headers: from('192.0.2.9') }), 401, 'UnauthorizedError');
  await guess('192.0.2.10');
  await until('the one after it is written', () => audit('192.0.2.10').length === 1);
  assert.deepEqual(audit('192.0.2.9'), []);
});

test('hundreds from one address: a few rows, one event, one warning; the rest is counted when the window ends', async () => {
  const address = '198.51.100.7';
  await many(address, 300);
  const [event] = await until('the threshold', () => { const found = audit(address, 'login.threshold'); return found.length && found; });
  assert.ok(event.after.failures >= 10);
  await until('the rest', () => counted(address) === 300, { seconds: 60 });
  assert.equal(audit(address, 'login.threshold').length, 1);
  assert.ok(audit(address).length <= 8, `${audit(address).length} rows`);
  assert.ok(audit(address).some((row) => row.after.since), 'one says what was only counted');
  assert.equal(warnings(address).length, 1);
  assert.equal(warnings(address)[0].level, 'warn');
});

test('below the threshold there is no event', async () => {
  await many('198.51.100.8', 9);
  await until('they are counted', () => counted('198.51.100.8') === 9, { seconds: 60 });
  assert.deepEqual(audit('198.51.100.8', 'login.threshold'), []);
  assert.deepEqual(warnings('198.51.100.8'), []);
});

test('an IPv6 address counts as its /64', async () => {
  for (let i = 1; i <= 12; i++) await guess(`2001:db8:1:2:${i}::1`);
  await until('the event', () => audit('2001:db8:1:2::/64', 'login.threshold').length === 1);
  assert.match(audit('2001:db8:1:2::/64')[0].ip, /^2001:db8:1:2:\d+::1$/);
});

test('from thousands of addresses the table stays small, and none is lost', async (t) => {
  t.after(() => run("delete from login_failures where address like 'full%'"));
  run('delete from login_failures'); // windows of the tests before this one
  run("insert into login_failures select 'full' || i, now() + interval '1 h', 1, 1 from generate_series(1, 1000) i");
  await eachOf(Array.from({ length: 400 }, (_, i) => i), 8, (i) => guess(`203.0.${Math.floor(i / 250)}.${i % 250}`));
  await until('all are counted, together', () => counted('') === 400, { seconds: 60 });
  assert.ok(one('select count(*)::int as n from login_failures').n <= 1001);
  assert.ok(one("select count(*)::int as n from audit_log where target_id like '203.0.%'").n === 0);
  assert.ok(warnings('many addresses').length >= 1);
});

test('while the database is away they wait', async () => {
  await part('pg', 'stop');
  await many('198.51.100.9', 3);
  await part('pg', 'start');
  await until('they are written', () => counted('198.51.100.9') === 3, { seconds: 60 });
});

test('what is left is written when the daemon stops', async () => {
  await guess('198.51.100.10');
  await part('opshubd', 'stop');
  assert.equal(counted('198.51.100.10'), 1);
  await part('opshubd', 'start');
});

test('they are in the chain of the installation, which only the command line reads', async () => {
  const verified = await command('audit', 'verify', '--org', 'installation');
  assert.equal(verified.status, 0, verified.stdout + verified.stderr);
  assert.match(verified.stdout, /^installation: \d+ rows, head installation:\d+:[0-9a-f]{64}\n$/);
  const exported = await command('audit', 'export', '--installation');
  assert.equal(exported.status, 0, exported.stderr);
  const lines = exported.stdout.trim().split('\n').map((line) => JSON.parse(line));
  assert.ok(lines.some((row) => row.action === 'login.threshold'));
  assert.ok(lines.every((row) => row.organization === 'installation'));
  const owner = await login('owner');
  for (const path of ['/orgs//audit', '/orgs/installation/audit']) assertError(await get(path, { token: owner }), 404, 'NotFoundError');
});
