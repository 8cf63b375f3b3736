// stack: --env MOCK_BUILD_MS=300
// Lockdown: everybody is out, nothing new is deployed, closing still destroys, and what is wanted by the end is deployed then.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { assertError, get, login, post } from '../lib/client.mjs';
import { stats } from '../lib/cloud.mjs';
import { command } from '../lib/command.mjs';
import { commit, deliver, pullRequest } from '../lib/github.mjs';
import { logLines } from '../lib/log.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

const org = '/orgs/org_demo';
const mine = [700, 701, 702, 703, 704];
let owner; // the one who pulls the lever
const frozen = (pr) => until(`PR ${pr} is held back`, async () => {
  const [d] = await list(pr);
  return d?.detail === 'FROZEN' && d;
});
const list = async (pr) => (await get(`/projects/proj_demo/deployments?pr=${pr}`, { token: owner })).json;
const deployed = (pr, status, { sha } = {}) => until(`PR ${pr} ${status}`, async () => {
  const [d] = await list(pr);
  return d?.status === status && (!sha || d.sha === sha) && d;
});
const created = async () => (await stats()).created;
const audit = (action) => one(`select * from audit_log where action = '${action}' order by seq desc limit 1`);

before(async () => {
  owner = await login('owner');
  for (const pr of [700, 701]) await deliver('pull_request', pullRequest('opened', pr));
  for (const pr of [700, 701]) await deployed(pr, 'READY');
});

test('only an owner may, with a reason', async () => {
  for (const role of ['maintainer', 'developer', 'viewer']) {
    const token = await login(role);
    for (const path of ['lockdown', 'unlock']) assertError(await post(`${org}/${path}`, { token, body: { reason: 'x' } }), 403, 'ForbiddenError');
  }
  assertError(await post(`${org}/lockdown`, { token: null, body: { reason: 'x' } }), 401, 'UnauthorizedError');
  assertError(await post('/orgs/org_other/lockdown', { token: owner, body: { reason: 'x' } }), 404, 'NotFoundError');
  for (const body of [{}, { reason: '' }, { reason: 7 }, { reason: 'x'.repeat(501) }, { reason: 'x', force: true }]) {
    assertError(await post(`${org}/lockdown`, { token: owner, body }), 422, 'ValidationError');
  }
  assertError(await post(`${org}/unlock`, { token: owner }), 409, 'ConflictError');
  assert.equal(one("select count(*)::int as n from audit_log where action like 'organization.%'").n, 0);
});

test('lockdown ends every other session and every token at once', async () => {
  const others = await Promise.all(['owner', 'maintainer', 'viewer'].map(login));
  run(`insert into api_tokens (id, user_id, name, hash, scope)
    values ('tok_a', 'user_00000000000000000000000003', 'ci', '\\x01', 'write'), ('tok_b', 'user_00000000000000000000000001', 'ci', '\\x02', 'admin');
    insert into organizations (id, name, slug) values ('org_else', 'Else', 'else');
    insert into users (id, email) values ('user_00000000000000000000000009', 'somebody@else.example');
    insert into members values ('org_else', 'user_00000000000000000000000009', 'OWNER');
    insert into api_tokens (id, user_id, name, hash, scope) values ('tok_c', 'user_00000000000000000000000009', 'ci', '\\x03', 'read')`);
  const elsewhere = await post('/test/login-as', { token: null, body: { email: 'somebody@else.example' } });
  const answer = await post(`${org}/lockdown`, { token: owner, body: { reason: 'a laptop was stolen' } });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.id, 'org_demo');
  assert.match(answer.json.frozenAt, /Z$/);
  assert.equal(answer.json.revokedTokens, 2);
  assert.ok(answer.json.revokedSessions >= 3, answer.text);
  for (const token of others) assertError(await get('/me', { token }), 401, 'UnauthorizedError');
  assert.equal((await get('/me', { token: owner })).status, 200);
  assert.equal((await get('/me', { token: elsewhere.json.token })).status, 200, 'a member of another organization alone');
  assert.deepEqual(rows('select id from api_tokens where revoked_at is null'), [{ id: 'tok_c' }]);
  assert.ok(logLines().some((l) => l.context === 'Security' && l.level === 'warn' && l.message === 'An organization was locked down'));
  const row = audit('organization.lockdown');
  assert.equal(row.actor_name, 'owner@demo.opshub.local');
  assert.equal(JSON.parse(row.after).reason, 'a laptop was stolen');
  assert.equal(JSON.parse(row.after).revokedTokens, 2);
  assert.equal(JSON.parse(row.before).locked, false);
  assert.equal((await get(org, { token: owner })).json.status, 'locked');
});

test('webhooks are stored and nothing is deployed', async () => {
  const n = await created();
  for (const pr of [702, 703]) assert.equal((await deliver('pull_request', pullRequest('opened', pr))).status, 202);
  await deliver('pull_request', pullRequest('synchronize', 700, { sha: commit('newer') }));
  await deliver('pull_request', pullRequest('synchronize', 700, { sha: commit('newest') }));
  for (const pr of [700, 702, 703]) {
    const d = await frozen(pr);
    assert.equal(d.status, 'QUEUED');
    assert.match(d.message, /locked down/);
    assert.equal(d.errorReason, null);
  }
  assert.equal(await created(), n);
  assert.equal((await stats()).live, 2, 'the previews that were READY stay');
  assert.equal(one("select count(*)::int as n from deliveries where pr_number in (702, 703)").n, 2);
  assert.equal(one("select count(*)::int as n from jobs where state = 'dead'").n, 0);
});

test('retry says why not; nothing of it is in the audit', async () => {
  const [d] = await list(701);
  const answer = await post(`/deployments/${d.id}/retry`, { token: owner });
  assertError(answer, 409, 'ConflictError');
  assert.match(answer.json.message, /locked down/);
  assert.equal(audit('deployment.retry'), undefined);
});

test('closing destroys', async () => {
  await deliver('pull_request', pullRequest('closed', 701));
  await deployed(701, 'DESTROYED');
  await deliver('pull_request', pullRequest('closed', 703)); // never deployed
  await deployed(703, 'DESTROYED');
  assert.equal((await stats()).live, 1);
});

test('so does a person', async () => {
  const [d] = await list(702);
  assert.equal((await post(`/deployments/${d.id}/destroy`, { token: owner })).status, 202);
  await deployed(702, 'DESTROYED');
});

test('locking again revokes again and keeps the time', async () => {
  const { frozen_at: at } = one("select frozen_at from organizations where id = 'org_demo'");
  const token = await login('developer');
  const answer = await post(`${org}/lockdown`, { token: owner, body: { reason: 'and a phone' } });
  assert.equal(answer.json.revokedSessions, 1, answer.text);
  assertError(await get('/me', { token }), 401, 'UnauthorizedError');
  assert.deepEqual(one("select frozen_at, frozen_why from organizations where id = 'org_demo'"), { frozen_at: at, frozen_why: 'and a phone' });
});

test('unlocking deploys the newest commit of what is open, once', async () => {
  const n = await created();
  const answer = await post(`${org}/unlock`, { token: owner, body: { reason: 'found again' } });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.json, { id: 'org_demo', previews: 1 });
  const d = await deployed(700, 'READY', { sha: commit('newest') });
  assert.equal(d.message, null);
  await until('one is live', async () => (await stats()).live === 1);
  assert.equal(await created(), n + 1);
  assert.equal((await get(org, { token: owner })).json.status, 'active');
  const row = audit('organization.unlock');
  assert.deepEqual([JSON.parse(row.before).reason, JSON.parse(row.after).reason], ['and a phone', 'found again']);
  assertError(await post(`${org}/unlock`, { token: owner }), 409, 'ConflictError');
});

test('an attempt that has not reached the provider is forgotten and made anew', async () => {
  run("update organizations set frozen_at = now() where id = 'org_demo'");
  await deliver('pull_request', pullRequest('opened', 704));
  await frozen(704);
  // as if the worker had died between writing it down and sending it
  run(`insert into preview_attempts (id, preview_id, generation, sha, branch, provider, state, deadline_at)
    select 'att_lost', id, generation, sha, branch, 'mock', 'intent', now() from previews where pr_number = 704;
    update jobs set state = 'waiting', run_at = now() where key = (select id from previews where pr_number = 704)`);
  await until('it is forgotten', () => one("select state from preview_attempts where id = 'att_lost'").state === 'gone');
  assert.equal((await frozen(704)).status, 'QUEUED');
  assert.equal((await post(`${org}/unlock`, { token: owner })).status, 200);
  await deployed(704, 'READY');
});

test('the command line does the same', async () => {
  assert.equal((await command('lockdown', '--org', 'org_demo')).status, 2);
  assert.equal((await command('lockdown', '--reason', 'x')).status, 2);
  assert.equal((await command('lockdown', '--org', 'org_demo', '--all', '--reason', 'x')).status, 2);
  const nowhere = await command('lockdown', '--org', 'org_nowhere', '--reason', 'x');
  assert.equal(nowhere.status, 1);
  assert.match(nowhere.stderr, /there is no organization org_nowhere/);
  const token = await login('viewer');
  const locked = await command('lockdown', '--org', 'org_demo', '--reason', 'by hand');
  assert.equal(locked.status, 0, locked.stderr);
  assert.match(locked.stdout, /^org_demo is locked down: \d+ sessions and 0 tokens were revoked\n$/);
  await until('every process knows', async () => (await get('/me', { token })).status === 401);
  assertError(await get('/me', { token: owner }), 401, 'UnauthorizedError');
  const row = audit('organization.lockdown');
  assert.deepEqual([row.actor_kind, JSON.parse(row.after).reason], ['cli', 'by hand']);
  assert.ok(row.actor_id.length > 0);
  const again = await command('unlock', '--org', 'org_demo', '--reason', 'done');
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.stdout, /^org_demo is open again: 0 previews are worked on\n$/);
  assert.equal((await command('unlock', '--org', 'org_demo')).status, 1);
});

test('--all takes the whole installation, and gives it back', async () => {
  owner = await login('owner');
  const locked = await command('lockdown', '--all', '--reason', 'everything');
  assert.equal(locked.status, 0, locked.stderr);
  assert.match(locked.stdout, /every session and token of the installation/);
  assert.equal(one('select count(*)::int as n from organizations where frozen_at is null').n, 0);
  assert.equal(one('select count(*)::int as n from sessions where revoked_at is null').n, 0);
  assert.equal(one('select count(*)::int as n from api_tokens where revoked_at is null').n, 0);
  assert.equal(audit('installation.lockdown').org_id, '');
  await until('every process knows', async () => (await get('/me', { token: owner })).status === 401);
  assert.equal((await command('unlock', '--all')).status, 0);
  assert.equal(one('select count(*)::int as n from organizations where frozen_at is not null').n, 0);
  owner = await login('owner');
  await deliver('pull_request', pullRequest('synchronize', 704, { sha: commit('after all') }));
  await deployed(704, 'READY', { sha: commit('after all') });
  for (const pr of mine) await deliver('pull_request', pullRequest('closed', pr));
  await until('nothing is left', async () => (await stats()).live === 0);
});
