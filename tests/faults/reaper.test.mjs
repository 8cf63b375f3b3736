// stack: --api 1 --workers 1 --env MOCK_BUILD_MS=100 --env REAP_MS=1500
// seconds: 240
// The reaper: what a provider has and nobody wants goes away, wherever in a long listing it stands.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deployment } from '../lib/client.mjs';
import { inventory, stats } from '../lib/cloud.mjs';
import { env } from '../lib/env.mjs';
import { deliver, pullRequest } from '../lib/github.mjs';
import { one } from '../lib/sql.mjs';
import { eachOf, until } from '../lib/until.mjs';

const foreign = 10_200; // a page has 100

async function create(attemptId) {
  const answer = await fetch(`${env.cloud}/v1/deployments`, { method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ attemptId, project: 'somebody else', buildMs: 0 }) });
  assert.equal(answer.status, 201, await answer.text());
}

test('a deployment that is known as gone, behind 10,200 of others, is destroyed; those stay', async () => {
  await deliver('pull_request', pullRequest('opened', 1));
  await deployment(1, 'READY');
  await deliver('pull_request', pullRequest('closed', 1));
  await deployment(1, 'DESTROYED');
  const { id } = one("select a.id from preview_attempts a join previews p on p.id = a.preview_id where p.pr_number = 1 and a.state = 'gone'");
  await eachOf(Array.from({ length: foreign }, (_, i) => `other-${i}`), 32, create);
  await create(id); // as a create that the provider took on an hour late
  await until('it is gone again', async () => (await stats()).live === foreign, { seconds: 120, every: 500 });
  assert.deepEqual((await inventory()).filter((d) => d.attemptId === id), []);
});
