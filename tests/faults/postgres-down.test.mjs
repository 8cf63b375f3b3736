// stack: --api 1 --workers 1 --env MOCK_BUILD_MS=200 --env JOB_LEASE_MS=4000 --env PROVIDER_TIMEOUT_MS=1500 --env PROVIDER_SETTLE_MS=2000 --env REPAIR_MS=1000
// seconds: 300
// PostgreSQL is the record: while it is away nothing is acknowledged, nothing crashes, and it all goes on by itself.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { assertError, deployment, get } from '../lib/client.mjs';
import { deliver, deliverSurely, pullRequest } from '../lib/github.mjs';
import { part } from '../lib/part.mjs';
import { childrenOf } from '../lib/processes.mjs';
import { rows } from '../lib/sql.mjs';
import { eachOf, sleep, until } from '../lib/until.mjs';

const anonymous = { token: null };
const ready = () => until('ready', async () => (await get('/readyz', anonymous)).status === 200, { seconds: 30 });
const children = async () => childrenOf(Number(await part('opshubd', 'pid'))).map((p) => p.pid).sort();

afterEach(async () => {
  await part('pg', 'resume');
  await ready();
});

function assertUnavailable(answer) {
  assertError(answer, 503, 'UnavailableError');
  assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
}

test('stopped: 503 with Retry-After for webhooks and reads, and health stays', async () => {
  const before = await children();
  await part('pg', 'stop');
  const event = pullRequest('opened', 1);
  const started = Date.now();
  const answer = await deliver('pull_request', event);
  assertUnavailable(answer);
  assert.ok(Date.now() - started < 6000, 'slower than GitHub waits');
  assertUnavailable(await get('/projects/proj_demo/deployments'));
  assert.deepEqual((await get('/healthz', anonymous)).json, { ok: true });
  // A wrong signature is refused without the database: nobody learns from outside that it is away.
  assert.equal((await deliver('pull_request', event, { secret: 'wrong' })).status, 401);
  await part('pg', 'start');
  await ready();
  assert.deepEqual(await children(), before, 'a process died with the database');
  await deliverSurely('pull_request', event, { guid: answer.guid });
  await deployment(1, 'READY');
});

test('killed under load: what was acknowledged is stored, and only once', async () => {
  const acknowledged = [];
  let next = 100;
  let going = true;
  const senders = Promise.all(Array.from({ length: 8 }, async () => {
    while (going) {
      const pr = next++;
      const event = pullRequest('opened', pr);
      const answer = await deliver('pull_request', event).catch((error) => ({ status: 0, text: error.message }));
      if (answer.status === 202) acknowledged.push(answer.guid);
      else assert.ok([0, 200, 503].includes(answer.status), `${answer.status} ${answer.text}`);
      await sleep(20);
    }
  }));
  try {
    for (let round = 0; round < 3; round++) {
      await sleep(700);
      await part('pg', 'kill');
      await sleep(300);
      await part('pg', 'start');
    }
    await ready();
    await sleep(500);
  } finally {
    going = false;
    await senders;
  }
  assert.ok(acknowledged.length > 20, `only ${acknowledged.length} were taken`);
  const stored = new Set(rows('select substr(id, 6) as id from deliveries').map((r) => r.id));
  assert.deepEqual(acknowledged.filter((guid) => !stored.has(guid)), []);
  const numbers = rows("select pr_number as n from previews where pr_number >= 100").map((r) => r.n);
  await eachOf(numbers, 4, (pr) => deployment(pr, 'READY', { seconds: 90 }));
});

test('hanging (SIGSTOP): deadlines act, health stays quick, and it goes on afterwards', async () => {
  await part('pg', 'pause');
  const started = Date.now();
  const answers = await Promise.all([deliver('pull_request', pullRequest('opened', 2), { timeout: 20_000 }), get('/projects/proj_demo/deployments')]);
  for (const answer of answers) assertUnavailable(answer);
  assert.ok(Date.now() - started < 10_000, `took ${Date.now() - started} ms`);
  for (let i = 0; i < 20; i++) {
    const before = performance.now();
    assert.equal((await get('/healthz', anonymous)).status, 200);
    assert.ok(performance.now() - before < 500, 'the loop is blocked');
  }
  await part('pg', 'resume');
  await ready();
  await deliverSurely('pull_request', pullRequest('synchronize', 2));
  await deployment(2, 'READY');
});

test('away while previews are being built: they become READY afterwards', async () => {
  for (const pr of [10, 11, 12, 13]) await deliverSurely('pull_request', pullRequest('opened', pr));
  await part('pg', 'stop');
  await sleep(3000);
  await part('pg', 'start');
  for (const pr of [10, 11, 12, 13]) await deployment(pr, 'READY', { seconds: 60 });
});
