// stack: --env MOCK_BUILD_MS=200
// What people asked for, against what events say afterwards: a destroyed preview stays away, an approved fork stays up,
// and a cancelled build leaves what was ready before it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deployment, deploymentsOf, post } from '../lib/client.mjs';
import { inventory } from '../lib/cloud.mjs';
import { commit, deliver, pullRequest } from '../lib/github.mjs';
import { one } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

async function event(action, pr, options) {
  const answer = await deliver('pull_request', pullRequest(action, pr, options));
  assert.equal(answer.status, 202, answer.text);
}

async function ask(verb, pr) {
  const [{ id }] = await deploymentsOf(pr);
  const answer = await post(`/deployments/${id}/${verb}`);
  assert.ok(answer.status < 300, `${verb}: ${answer.status} ${answer.text}`);
}

// A webhook is answered when its commit is durable: what it changed can be read at once.
const wish = (pr) => one(`select desired, desired_why, generation, title, pr_open from previews where pr_number = ${pr}`);
const alive = async (pr) => (await inventory()).filter((d) => d.prNumber === pr && d.state !== 'CANCELLED').map((d) => d.sha);

test('what a person destroyed is not brought back by labels, titles and drafts', async () => {
  await event('opened', 1);
  await deployment(1, 'READY');
  await ask('destroy', 1);
  await deployment(1, 'DESTROYED');
  const before = wish(1);
  for (const [action, options] of [['labeled', { labels: ['bug'] }], ['edited', {}], ['unlabeled', { labels: [] }],
    ['converted_to_draft', { draft: true }], ['labeled', { labels: ['x'], draft: true }], ['ready_for_review', { draft: false }], ['edited', {}]]) {
    await event(action, 1, options);
    assert.deepEqual(wish(1), before, `after ${action}`);
  }
  assert.equal((await deploymentsOf(1))[0].detail, 'ASKED');
  assert.deepEqual(await alive(1), []);
});

test('a push brings it back', async () => {
  const sha = commit('pushed after destroy');
  await event('synchronize', 1, { sha });
  await deployment(1, 'READY', { sha });
});

test('so does a retry, and so do closing and opening again', async () => {
  const sha = commit('pushed after destroy');
  await ask('destroy', 1);
  await deployment(1, 'DESTROYED');
  await ask('retry', 1);
  await deployment(1, 'READY');
  await ask('destroy', 1);
  await deployment(1, 'DESTROYED');
  await event('closed', 1, { sha });
  assert.equal(wish(1).desired_why, 'CLOSED');
  await event('reopened', 1, { sha });
  await deployment(1, 'READY', { sha });
});

test('a reopening whose closing was never heard of brings it back too', async () => {
  const sha = commit('pushed after destroy');
  await ask('destroy', 1);
  await deployment(1, 'DESTROYED');
  await event('reopened', 1, { sha });
  await deployment(1, 'READY', { sha });
});

test('a fork that was approved stays up until its next push', async () => {
  await event('opened', 2, { fork: true });
  await until('it waits for approval', async () => (await deploymentsOf(2))[0]?.detail === 'AWAITING_APPROVAL');
  await ask('destroy', 2); // what waits cannot be retried, what is gone can
  await deployment(2, 'DESTROYED');
  await ask('retry', 2);
  await deployment(2, 'READY');
  const before = wish(2);
  await event('labeled', 2, { fork: true, labels: ['bug'] });
  assert.deepEqual(wish(2), before);
  await event('labeled', 2, { fork: true, labels: ['bug'], draft: true });
  assert.equal(wish(2).desired_why, 'DRAFT', 'the rules still take it away');
  await deployment(2, 'DESTROYED');
});

test('cancelling the build of a push leaves what was ready before it, and says so', async () => {
  const [first, second, third] = ['first', 'second', 'third'].map(commit);
  await event('opened', 3, { sha: first });
  const ready = await deployment(3, 'READY');
  await event('synchronize', 3, { sha: second, branch: 'mock-slow' });
  await deployment(3, 'BUILDING', { sha: second });
  await ask('cancel', 3);
  const cancelled = await deployment(3, 'ERROR');
  assert.equal(cancelled.detail, 'CANCELLED');
  assert.equal(cancelled.errorReason, 'CANCELLED');
  assert.equal(cancelled.sha, second);
  assert.equal(cancelled.url, ready.url);
  assert.match(cancelled.message, new RegExp(`cancelled; the deployment of ${first.slice(0, 12)}, .* stays up; retry`));
  assert.equal((await fetch(cancelled.url)).status, 200);
  assert.deepEqual(await alive(3), [first]);
  const before = wish(3);
  await event('labeled', 3, { sha: second, branch: 'mock-slow', labels: ['bug'] });
  assert.deepEqual(wish(3), before, 'nor does a label start the build again');
  await event('synchronize', 3, { sha: third });
  await deployment(3, 'READY', { sha: third });
  await until('only the newest is left', async () => (await alive(3)).join() === third);
});

test('closing takes away what a cancelled build had left', async () => {
  await event('synchronize', 3, { sha: commit('fourth'), branch: 'mock-slow' });
  await deployment(3, 'BUILDING');
  await ask('cancel', 3);
  await deployment(3, 'ERROR');
  await event('closed', 3, { sha: commit('fourth') });
  assert.equal((await deployment(3, 'DESTROYED')).url, null);
  assert.deepEqual(await alive(3), []);
});

test('cancelling a first build leaves nothing', async () => {
  await event('opened', 4, { branch: 'mock-slow' });
  await deployment(4, 'BUILDING');
  await ask('cancel', 4);
  const cancelled = await deployment(4, 'ERROR');
  assert.equal(cancelled.url, null);
  assert.equal(cancelled.message, 'it was cancelled; retry deploys it again');
  assert.deepEqual(await alive(4), []);
});
