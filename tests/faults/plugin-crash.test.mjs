// stack: --api 1 --workers 2 --crashes --env MOCK_BUILD_MS=200 --env JOB_LEASE_MS=3000 --env PROVIDER_TIMEOUT_MS=1500 --env PROVIDER_SETTLE_MS=2000
// seconds: 240
// A plugin that crashes takes one worker with it, three times, then its job is put aside with the plugin's name on it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deployment, post } from '../lib/client.mjs';
import { commit, deliver, pullRequest } from '../lib/github.mjs';
import { logLines } from '../lib/log.mjs';
import { part } from '../lib/part.mjs';
import { childrenOf } from '../lib/processes.mjs';
import { rows } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

const workers = async () => childrenOf(Number(await part('opshubd', 'pid'))).filter((p) => p.role === 'worker').map((p) => p.pid);
const crashes = () => logLines().filter((line) => line.level === 'error' && /crash/i.test(line.message) && JSON.stringify(line).includes('mock'));
let api;
let dead;

test('the crashing pull request ends as ERROR with PLUGIN_CRASH, the others READY', async () => {
  api = childrenOf(Number(await part('opshubd', 'pid'))).filter((p) => p.role === 'api').map((p) => p.pid);
  for (let pr = 1; pr <= 10; pr++) {
    const branch = pr === 5 ? 'mock-crash-create' : `feature-${pr}`;
    assert.equal((await deliver('pull_request', pullRequest('opened', pr, { branch }))).status, 202);
  }
  for (let pr = 1; pr <= 10; pr++) if (pr !== 5) await deployment(pr, 'READY', { seconds: 60 });
  dead = await deployment(5, 'ERROR', { seconds: 60 });
  assert.equal(dead.errorReason, 'PLUGIN_CRASH');
  assert.match(dead.message, /mock/, 'the message does not name the plugin');
});

test('its job is dead after three attempts, and names the plugin', () => {
  const jobs = rows("select attempts, last_error from jobs where state = 'dead'");
  assert.equal(jobs.length, 1, JSON.stringify(jobs));
  assert.match(jobs[0].last_error, /mock/);
});

test('each crash is one line in the log, with plugin and signal', () => {
  const lines = crashes();
  assert.ok(lines.length >= 3, `${lines.length} lines`);
  assert.match(JSON.stringify(lines[0]), /SIGSEGV|"signal":11/);
});

test('the api processes never noticed', async () => {
  const now = childrenOf(Number(await part('opshubd', 'pid'))).filter((p) => p.role === 'api').map((p) => p.pid);
  assert.deepEqual(now, api);
});

test('a stack overflow in a plugin is the same kind of death', async () => {
  await deliver('pull_request', pullRequest('opened', 20, { branch: 'mock-overflow' }));
  const failed = await deployment(20, 'ERROR', { seconds: 60 });
  assert.equal(failed.errorReason, 'PLUGIN_CRASH');
});

test('workers are back, and new work is done', async () => {
  await until('two workers', async () => (await workers()).length === 2);
  await deliver('pull_request', pullRequest('opened', 30));
  await deployment(30, 'READY', { seconds: 60 });
});

test('retry raises the dead job; it crashes again, and is put aside again', async () => {
  const before = crashes().length;
  const answer = await post(`/deployments/${dead.id}/retry`);
  assert.ok(answer.status < 300, answer.text);
  await until('three more crashes', () => crashes().length >= before + 3, { seconds: 60 });
  assert.equal((await deployment(5, 'ERROR', { seconds: 60 })).errorReason, 'PLUGIN_CRASH');
});

test('a push that does not crash the plugin is deployed: the dead job stands in nobody\'s way', async () => {
  const sha = commit('mended');
  assert.equal((await deliver('pull_request', pullRequest('synchronize', 5, { sha }))).status, 202);
  await deployment(5, 'READY', { seconds: 60, sha });
});
