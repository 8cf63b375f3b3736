// stack: --api 1 --workers 1 --env MOCK_BUILD_MS=200 --env JOB_LEASE_MS=4000 --env PROVIDER_TIMEOUT_MS=1500 --env PROVIDER_SETTLE_MS=2000 --env REPAIR_MS=1000
// seconds: 240
// Redis only makes it fast: flushed, stopped, hanging, empty or full, every webhook is taken and every preview is built.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { deployment, get } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { deliver, pullRequest } from '../lib/github.mjs';
import { part } from '../lib/part.mjs';
import { eachOf, sleep, until } from '../lib/until.mjs';

const redis = (...args) => execFileSync('redis-cli', ['-u', env.redis, ...args], { encoding: 'utf8', timeout: 10_000 }).trim();
let next = 1;

// Opens pull requests and waits until each is READY. Webhooks may be slower now, but never refused.
async function works(count = 6) {
  const numbers = Array.from({ length: count }, () => next++);
  await eachOf(numbers, 4, async (pr) => {
    const answer = await deliver('pull_request', pullRequest('opened', pr));
    assert.equal(answer.status, 202, answer.text);
  });
  await eachOf(numbers, 2, (pr) => deployment(pr, 'READY', { seconds: 40 }));
}

test('with Redis the waiting list is a list, and empty when the work is done', async () => {
  await works();
  assert.equal(redis('llen', 'bull:preview-queue:waiting'), '0');
});

test('FLUSHALL, again and again during the work, loses nothing', async () => {
  let going = true;
  const flushing = (async () => {
    while (going) {
      redis('flushall');
      await sleep(50);
    }
  })();
  try {
    await works(15);
  } finally {
    going = false;
    await flushing;
  }
});

test('stopped: webhooks are taken and previews built by polling', async () => {
  await part('redis', 'stop');
  try {
    await works();
    assert.equal((await get('/healthz', { token: null })).status, 200);
    assert.equal((await get('/projects/proj_demo/deployments')).status, 200);
  } finally {
    await part('redis', 'start');
  }
  await works();
});

test('hanging (SIGSTOP): the same', async () => {
  await part('redis', 'pause');
  try {
    await works();
  } finally {
    await part('redis', 'resume');
  }
  await works();
});

test('restarted empty: the same', async () => {
  await part('redis', 'kill');
  await part('redis', 'wipe');
  await part('redis', 'start');
  await works();
  await until('ready', async () => (await get('/readyz', { token: null })).status === 200);
});

test('full, every write refused (OOM): the same', async () => {
  redis('config', 'set', 'maxmemory', '1');
  try {
    await works();
  } finally {
    redis('config', 'set', 'maxmemory', '536870912');
  }
  await works();
});

test('somebody overwrote the list with a key of another type: the same', async () => {
  redis('del', 'bull:preview-queue:waiting');
  redis('set', 'bull:preview-queue:waiting', 'not a list');
  try {
    await works();
  } finally {
    redis('del', 'bull:preview-queue:waiting');
  }
  await works();
});

test('ids that mean nothing on the list are harmless', async () => {
  for (let i = 0; i < 50; i++) redis('lpush', 'bull:preview-queue:waiting', `job_nonsense${i}`, '', 'x'.repeat(10_000));
  await works();
});

test('no secret and no webhook body ever reached Redis', () => {
  for (const key of redis('keys', '*').split('\n').filter(Boolean)) {
    const dump = redis('dump', key);
    for (const secret of [env.webhookSecret, env.jwtSecret, env.token, 'pull_request']) assert.ok(!dump.includes(secret), key);
  }
});
