// stack: --env MOCK_BUILD_MS=400
// The product in one walk: a signed webhook becomes a READY preview through a plugin, a push replaces it, closing the
// pull request leaves nothing behind. Runs on the build with sanitizers and on the release build.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get, deployment, deploymentsOf } from '../lib/client.mjs';
import { inventory, stats } from '../lib/cloud.mjs';
import { commit, deliver, pullRequest } from '../lib/github.mjs';
import { rows } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

const PR = 42;
const first = commit('first');
const second = commit('second');
let ready;

test('an opened pull request is accepted with its delivery id', async () => {
  const answer = await deliver('pull_request', pullRequest('opened', PR, { sha: first }));
  assert.equal(answer.status, 202, answer.text);
  assert.equal(answer.json.success, true);
  assert.equal(typeof answer.json.message, 'string');
  assert.equal(answer.json.deliveryId, `hook_${answer.guid}`);
});

test('it becomes READY with a url', async () => {
  ready = await deployment(PR, 'READY', { sha: first });
  assert.match(ready.id, /^deploy_/);
  assert.equal(ready.prNumber, PR);
  assert.equal(ready.branch, `feature-${PR}`);
  assert.equal(ready.errorReason ?? null, null);
  for (const key of ['createdAt', 'readyAt']) assert.match(ready[key], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, key);
  assert.ok(Date.parse(ready.readyAt) >= Date.parse(ready.createdAt));
});

test('the preview answers, and shows the commit', async () => {
  const page = await get(ready.url, { token: null });
  assert.equal(page.status, 200);
  assert.ok(page.text.includes(first.slice(0, 7)), page.text.slice(0, 400));
});

test('its build log and its stages can be read', async () => {
  const logs = await get(`/deployments/${ready.id}/logs`);
  assert.equal(logs.status, 200, logs.text);
  assert.ok(logs.text.length > 2, 'the build log is empty');
  const events = await get(`/deployments/${ready.id}/events`);
  assert.equal(events.status, 200, events.text);
  assert.ok(Array.isArray(events.json) && events.json.length >= 2, events.text);
  assert.ok(/BUILDING/.test(events.text) && /READY/.test(events.text), events.text);
});

test('a push supersedes it: one deployment is alive, at the new commit', async () => {
  const answer = await deliver('pull_request', pullRequest('synchronize', PR, { sha: second }));
  assert.equal(answer.status, 202, answer.text);
  ready = await deployment(PR, 'READY', { sha: second });
  const page = await get(ready.url, { token: null });
  assert.ok(page.text.includes(second.slice(0, 7)));
  await until('one live deployment', async () => (await stats()).live === 1);
});

test('closing destroys everything that was ever made for it', async () => {
  const answer = await deliver('pull_request', pullRequest('closed', PR, { sha: second }));
  assert.equal(answer.status, 202, answer.text);
  const gone = await deployment(PR, 'DESTROYED');
  assert.match(gone.destroyedAt, /Z$/);
  const left = await stats();
  assert.equal(left.live, 0);
  assert.equal(left.created, left.destroyed);
  assert.deepEqual((await inventory()).filter((d) => ['QUEUED', 'BUILDING', 'READY'].includes(d.state)), []);
  const page = await get(ready.url, { token: null });
  assert.ok([404, 410].includes(page.status), `the preview still answers ${page.status}`);
});

test('reopening brings it back, closing during the build leaves nothing', async () => {
  await deliver('pull_request', pullRequest('reopened', PR, { sha: second }));
  await until('a new attempt', async () => (await deploymentsOf(PR))[0].status !== 'DESTROYED');
  await deliver('pull_request', pullRequest('closed', PR, { sha: second }));
  await deployment(PR, 'DESTROYED');
  await until('nothing alive', async () => (await stats()).live === 0);
});

test('no job is left waiting, running or dead', async () => {
  await until('no open job', () => {
    const jobs = rows("select id, key, state, attempts, last_error from jobs where kind = 'reconcile'");
    if (jobs.length === 0) return true;
    throw new Error(JSON.stringify(jobs));
  });
});
