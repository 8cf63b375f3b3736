// stack: --fast --env REPAIR_MS=300 --env SWEEP_MS=200
// seconds: 180
// A fork's deployment is given an address that nobody else knows; its use freezes the pull request and tells the project.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { api, assertError, deployment, deploymentsOf, get, login, post } from '../lib/client.mjs';
import { inventory } from '../lib/cloud.mjs';
import { env } from '../lib/env.mjs';
import { commit, deliver, pullRequest } from '../lib/github.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';
import { digest, projectKey, setVariable, token } from '../lib/variables.mjs';

const key = 'OPSHUB_DEPLOY_KEY_URL';
const rules = (body) => api('PUT', '/projects/proj_demo/rules', { body });
const open = (pr, more) => deliver('pull_request', pullRequest('opened', pr, { fork: true, ...more }));
const given = async (pr) => (await inventory()).filter((d) => d.prNumber === pr).flatMap((d) => d.env);
const attempts = (pr) => rows(`select a.id from preview_attempts a join previews p on p.id = a.preview_id where p.pr_number = ${pr} order by a.id`);
// As core/store/decoys.c computes it: the database has its hash alone.
const address = (attempt) => `${env.api}/d/${token(projectKey('proj_demo'), attempt)}`;
const visit = (url, options) => fetch(url, { redirect: 'manual', ...options });
const show = async (pr) => (await get(`/deployments/${(await deploymentsOf(pr))[0].id}`)).json;
const alerts = () => rows("select kind, thread_key, facts from notifications where kind = 'preview.decoy'");
const audited = (action) => rows(`select actor_kind, ip, target_id, after from audit_log where action = '${action}' order by seq`);

before(async () => {
  run(`insert into project_notifiers (id, project_id, notifier, name) values ('ntf_decoys', 'proj_demo', 'nowhere', 'x')`);
  assert.equal((await rules({ forks: 'deploy' })).status, 200);
});

test('without the rule, and for a branch of the repository itself, there is none', async () => {
  await open(1);
  await deployment(1, 'READY');
  assert.deepEqual(await given(1), []);
  assert.equal((await rules({ forks: 'deploy', decoys: true })).json.decoys, true);
  await open(2, { fork: false });
  await deployment(2, 'READY');
  assert.deepEqual(await given(2), []);
  assert.equal(one('select count(*)::int as n from decoys').n, 0);
});

test('each deployment has its own, of which we keep a hash', async () => {
  setVariable('proj_demo', 'FOR_ALL', 'is public', { forkSafe: true });
  for (const pr of [10, 11]) { await open(pr); await deployment(pr, 'READY'); }
  const urls = [10, 11].map((pr) => address(attempts(pr)[0].id));
  assert.notEqual(urls[0], urls[1]);
  for (const [i, pr] of [10, 11].entries()) assert.deepEqual(await given(pr), [digest('FOR_ALL', 'is public'), digest(key, urls[i])]);
  const stored = rows("select encode(token_hash, 'hex') as hash, sha, visits from decoys order by sha");
  assert.deepEqual(stored.map((r) => r.hash).sort(), urls.map((url) => createHash('sha256').update(url.split('/d/')[1]).digest('hex')).sort());
  assert.deepEqual(stored.map((r) => [r.sha, r.visits]), [commit('10'), commit('11')].sort().map((sha) => [sha, 0]));
});

test('a variable of that name counts, and there is no decoy', async () => {
  setVariable('proj_demo', key, 'the project\'s own', { forkSafe: true });
  await open(12);
  await deployment(12, 'READY');
  assert.deepEqual(await given(12), [digest('FOR_ALL', 'is public'), digest(key, 'the project\'s own')]);
  run(`delete from env_vars where key = '${key}'`);
});

test('whoever calls learns nothing; who may know is told at once, and once', async () => {
  const [attempt] = attempts(10), url = address(attempt.id), unknown = `${env.api}/d/${'0'.repeat(40)}`;
  const same = (answer) => [answer.status, answer.headers.get('content-type'), answer.headers.get('cache-control')];
  const nothing = await visit(unknown), nobody = await nothing.text();
  const first = await visit(url, { headers: { 'user-agent': 'thief/1.0' } }), body = await first.text();
  assert.equal(first.status, 204);
  assert.deepEqual(same(first), same(nothing));
  assert.deepEqual([body, nobody], ['', '']);

  const d = await show(10);
  assert.equal(d.status, 'READY', 'what is up stays up: it is evidence');
  assert.match(d.frozenReason, new RegExp(`^the decoy ${key}, which only the deployment of ${commit('10').slice(0, 12)} was given, was used at 20.* from 127.0.0.1:`));
  assert.match(d.frozenAt, /^20/);
  assert.equal((await show(11)).frozenAt, null);
  assert.deepEqual(audited('decoy.use').map((r) => [r.actor_kind, r.ip, r.target_id, JSON.parse(r.after).sha]), [['anonymous', '127.0.0.1', d.id, commit('10')]]);
  assert.deepEqual(alerts().map((a) => [a.thread_key, a.facts.prNumber, a.facts.sha, a.facts.deploymentId]), [['', 10, commit('10'), d.id]]);
  const line = await until('the log has it', () => readFileSync(env.log, 'utf8').split('\n').find((l) => l.includes('A decoy was used')));
  const { level, metadata } = JSON.parse(line);
  assert.deepEqual([level, metadata.prNumber, metadata.sha, metadata.deploymentId], ['warn', 10, commit('10'), d.id]);

  for (const method of ['GET', 'HEAD', 'POST']) assert.equal((await visit(url, { method })).status, 204);
  await Promise.all(Array.from({ length: 10 }, () => visit(url)));
  assert.equal(one(`select visits::int as n from decoys where attempt_id = '${attempt.id}'`).n, 14);
  assert.equal(alerts().length, 1);
  assert.equal(audited('decoy.use').length, 1);
  const text = readFileSync(env.log, 'utf8') + run('select * from notifications; select * from audit_log; select * from deploy_events');
  assert.ok(!text.includes(url.split('/d/')[1]), 'the token is written down nowhere');
});

test('a frozen pull request is not deployed until a maintainer lifts it, whatever is pushed', async () => {
  const { id } = await show(10), sha = commit('10 again');
  await deliver('pull_request', pullRequest('synchronize', 10, { fork: true, sha }));
  const held = await until('it is held', async () => {
    const d = await show(10);
    return d.detail === 'FROZEN' && d;
  });
  assert.equal(held.status, 'QUEUED');
  assert.match(held.message, /^the decoy OPSHUB_DEPLOY_KEY_URL/);
  assert.equal(attempts(10).length, 1);
  assertError(await post(`/deployments/${id}/unfreeze`, { token: await login('developer') }), 403, 'ForbiddenError');
  await deliver('pull_request', pullRequest('opened', 13, { fork: true }));
  await deployment(13, 'READY'); // others go on

  assert.equal((await post(`/deployments/${id}/unfreeze`, { token: await login('maintainer') })).status, 202);
  await deployment(10, 'READY', { sha });
  assert.equal((await show(10)).frozenAt, null);
  assertError(await post(`/deployments/${id}/unfreeze`), 409, 'ConflictError');
  assert.equal(audited('deployment.unfreeze').length, 1);

  await visit(address(attempts(10)[1].id)); // the new deployment has a new one
  assert.equal(alerts().length, 2);
  assertError(await post(`/deployments/${id}/retry`), 409, 'ConflictError');
  assert.match((await show(10)).frozenReason, new RegExp(sha.slice(0, 12)));
  assert.equal((await post(`/deployments/${id}/destroy`)).status, 202);
  await deployment(10, 'DESTROYED');
});
