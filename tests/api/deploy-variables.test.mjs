// stack: --fast --env REPAIR_MS=300 --env PROVIDER_TIMEOUT_MS=4000 --env PROVIDER_SETTLE_MS=4000
// seconds: 240
// Variables on their way into deployments: which version, into which preview, what is written down of it, and what is not deployed.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { deployment, deploymentsOf, get, post } from '../lib/client.mjs';
import { faults, inventory } from '../lib/cloud.mjs';
import { commit, deliver, pullRequest } from '../lib/github.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';
import { digest, environment, setVariable, setVariables } from '../lib/variables.mjs';

const set = (key, value, more) => setVariable('proj_demo', key, value, more);
const open = async (pr, more) => assert.equal((await deliver('pull_request', pullRequest('opened', pr, more))).status, 202);
const given = async (pr, sha) => {
  const found = (await inventory()).filter((d) => d.prNumber === pr && (!sha || d.sha === sha));
  assert.equal(found.length, 1);
  return found[0].env;
};
const sent = (pr) => rows(`select v.key, t.version from attempt_variables t join env_vars v on v.id = t.var_id
  join preview_attempts a on a.id = t.attempt_id join previews p on p.id = a.preview_id
  where p.pr_number = ${pr} order by a.id, v.key`);
const usage = (key) => get(`/environments/${environment('proj_demo').id}/envvars/${key}/usage`);

afterEach(async () => {
  await faults({ mode: '' });
  for (const { pr } of rows('select pr_number as pr from previews where pr_open')) await deliver('pull_request', pullRequest('closed', pr));
  await until('everything is gone', async () => (await inventory()).length === 0, { seconds: 60 });
  run('delete from env_vars');
});

test('a preview is given the active versions, and the attempt says which', async () => {
  set('FIRST', 'an old value');
  set('FIRST', 'a new value');
  set('EMPTY', '');
  set('LINES', 'one\ntwo "three" \\ ä\n');
  set('NPM_TOKEN', 'for the build', { buildOnly: true });
  set('GONE', 'was deleted');
  run("update env_vars set deleted_at = now() where key = 'GONE'");
  await open(1);
  await deployment(1, 'READY');
  assert.deepEqual(await given(1), [digest('EMPTY', ''), digest('FIRST', 'a new value'), digest('LINES', 'one\ntwo "three" \\ ä\n'), `${digest('NPM_TOKEN', 'for the build')} build`]);
  assert.deepEqual(sent(1), [{ key: 'EMPTY', version: 1 }, { key: 'FIRST', version: 2 }, { key: 'LINES', version: 1 },
    { key: 'NPM_TOKEN', version: 1 }]);
  assert.equal(one(`select count(*)::int as n from attempt_variables t join env_var_versions v on v.var_id = t.var_id and v.version = t.version
    where t.fingerprint = v.fingerprint`).n, 4);
});

test('a new value waits for a push or a retry; who has which version can be asked', async () => {
  set('TOKEN', 'the first one');
  for (const pr of [10, 11]) { await open(pr); await deployment(pr, 'READY'); }
  set('TOKEN', 'the second one');
  await deliver('pull_request', pullRequest('labeled', 10));
  const before = await usage('TOKEN');
  assert.equal(before.status, 200, before.text);
  assert.deepEqual(before.json.map((v) => [v.version, v.state, v.previews.map((p) => p.prNumber)]), [[2, 'ACTIVE', []], [1, 'GRACE', [10, 11]]]);
  const [mine] = await deploymentsOf(10);
  assert.deepEqual(before.json[1].previews[0], { id: mine.id, prNumber: 10, url: mine.url, sha: mine.sha });

  const sha = commit('10 again');
  await deliver('pull_request', pullRequest('synchronize', 10, { sha }));
  await deployment(10, 'READY', { sha });
  assert.equal((await post(`/deployments/${(await deploymentsOf(11))[0].id}/retry`)).status, 202);
  await until('both have the second one', async () => {
    const { json } = await usage('TOKEN');
    return json.length === 2 && json[0].previews.length === 2 && json[1].previews.length === 0;
  });
  await until('the old ones are gone', async () => (await inventory()).length === 2);
  assert.deepEqual(await given(10), [digest('TOKEN', 'the second one')]);
  assert.deepEqual(await given(11), [digest('TOKEN', 'the second one')]);
  assert.equal((await usage('NOBODY')).status, 404);
  assert.equal((await get('/environments/env_00000000000000000000000000/envvars/TOKEN/usage')).status, 404);
});

test('a pending version goes into the preview that tries it, and into no other', async () => {
  set('TOKEN', 'active');
  for (const pr of [20, 21]) { await open(pr); await deployment(pr, 'READY'); }
  const trial = (await deploymentsOf(20))[0].id;
  set('TOKEN', 'on trial', { state: 'PENDING', trial });
  for (const pr of [20, 21]) {
    await deliver('pull_request', pullRequest('synchronize', pr, { sha: commit(`${pr} again`) }));
    await deployment(pr, 'READY', { sha: commit(`${pr} again`) });
  }
  assert.deepEqual(await given(20, commit('20 again')), [digest('TOKEN', 'on trial')]);
  assert.deepEqual(await given(21, commit('21 again')), [digest('TOKEN', 'active')]);
});

test('a fork is given nothing but what is marked as safe for forks', async () => {
  set('OURS', 'not for strangers');
  set('PUBLIC_URL', 'https://example.org', { forkSafe: true });
  await deliver('pull_request', pullRequest('opened', 30, { fork: true }));
  const held = await until('it is held', async () => (await deploymentsOf(30))[0]);
  assert.equal((await post(`/deployments/${held.id}/approve`, { body: { sha: held.sha } })).status, 202);
  await deployment(30, 'READY');
  assert.deepEqual(await given(30), [digest('PUBLIC_URL', 'https://example.org')]);
  assert.deepEqual(sent(30), [{ key: 'PUBLIC_URL', version: 1 }]);
});

test('without one of its variables nothing is deployed, and the message names it', async () => {
  const fails = async (pr, why) => {
    await open(pr);
    const d = await deployment(pr, 'ERROR');
    assert.equal(d.errorReason, 'VARIABLE_ERROR');
    assert.match(d.message, why);
    assert.ok(!(await inventory()).some((x) => x.prNumber === pr));
    assert.deepEqual(sent(pr), []);
  };
  set('GOOD', 'is fine');
  set('MOVED', 'sealed for another place', { sealedFor: 'OTHER' });
  await fails(40, /the variable MOVED does not open: it is damaged, or was moved from another place; set it again/);
  set('MOVED', 'set again');
  await deliver('pull_request', pullRequest('synchronize', 40, { sha: commit('40 again') }));
  await deployment(40, 'READY');

  run("update env_var_versions set sealed = substr(sealed, 1, length(sealed) - 3) where state = 'ACTIVE' and var_id like '%good'");
  await fails(41, /version 1 of the variable GOOD does not open/);
  run("update env_var_versions set sealed = null where state = 'ACTIVE' and var_id like '%good'");
  await fails(42, /the variable GOOD has no value: set it again, or delete it/);
  run("update env_var_versions set state = 'RETIRED' where state = 'ACTIVE' and var_id like '%good'");
  await fails(43, /the variable GOOD has no value/);
  run(`insert into project_keys (project_id, wrapped, master_id, key_id) values ('proj_demo', '\\x00', 'x', 'x')`);
  await fails(44, /the key of the project proj_demo does not open/);
  run('delete from project_keys');
});

test('what is sent again after a lost answer is what is current then, and so is what is written down', async () => {
  set('TOKEN', 'the first one');
  set('DROPPED', 'is deleted meanwhile');
  await faults({ mode: 'create-500-once', find: 'strict' });
  await open(50);
  await until('it was sent', () => sent(50).length === 2);
  set('TOKEN', 'the second one');
  run("update env_vars set deleted_at = now() where key = 'DROPPED'");
  await deployment(50, 'READY');
  assert.deepEqual(await given(50), [digest('TOKEN', 'the second one')]);
  assert.deepEqual(sent(50), [{ key: 'TOKEN', version: 2 }]);
});

test('a thousand variables go in', async () => {
  const values = Array.from({ length: 1000 }, (_, i) => [`V${String(i).padStart(4, '0')}`, `value number ${i} of a thousand`]);
  setVariables('proj_demo', Object.fromEntries(values));
  await open(60);
  await deployment(60, 'READY', { seconds: 60 });
  assert.deepEqual(await given(60), values.map(([key, value]) => digest(key, value)));
  set('ONE_MORE', 'x');
  await open(61);
  assert.match((await deployment(61, 'ERROR')).message, /more than 1000 variables/);
});
