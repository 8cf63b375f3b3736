// stack: --env MOCK_BUILD_MS=200 --env SWEEP_MS=100 --env SLACK_BOT_TOKEN=xoxb-OfTheServer0123456789 --env SLACK_CHANNEL=C0123456789
// A token and a channel in the server's environment: every project that has no notifier for Slack gets one.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { api, get } from '../lib/client.mjs';
import { deliver, ofRepository, pullRequest } from '../lib/github.mjs';
import { logLines } from '../lib/log.mjs';
import { organization, person, project } from '../lib/people.mjs';
import { one, rows } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

let owner, org;
before(async () => {
  owner = await person('owner');
  org = await organization(owner);
  await until('a worker has looked', () => rows('select notifier from notifier_defaults').length === 1, { seconds: 60 });
});

async function opened(p, pr) {
  const answer = await deliver('pull_request', ofRepository(pullRequest('opened', pr), p.repoFullName));
  assert.equal(answer.status, 202, answer.text);
  await until('it is ready', () => one(`select status from previews where project_id = '${p.id}' and pr_number = ${pr}`)?.status === 'READY', { seconds: 60 });
}
const skipped = (p) => logLines().filter((line) => line.message === 'Slack notification skipped' && line.metadata.projectId === p.id).length;

test('a project that has set up nothing is told by default', async () => {
  const p = await project(org, owner);
  assert.deepEqual((await get(`/projects/${p.id}/notifications`, { token: owner.token })).json, []);
  await opened(p, 1);
  const [only, ...more] = (await get(`/projects/${p.id}/notifications`, { token: owner.token })).json;
  assert.deepEqual(more, []);
  assert.deepEqual([only.notifier, only.byDefault, only.enabled, only.settings], ['SLACK', true, true, {}]);
  await until('queued, building and ready', () => skipped(p) === 3, { seconds: 60 });
});

test('one that has its own, switched off, is not', async () => {
  const p = await project(org, owner);
  assert.equal((await api('PUT', `/projects/${p.id}/slack`, { token: owner.token, body: { enabled: false } })).status, 200);
  await opened(p, 2);
  const all = (await get(`/projects/${p.id}/notifications`, { token: owner.token })).json;
  assert.deepEqual(all.map((n) => [n.enabled, n.byDefault, n.waiting]), [[false, false, 0]]);
  assert.equal(skipped(p), 0);
});
