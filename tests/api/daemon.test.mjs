// stack: --api 2 --workers 2 --env MOCK_BUILD_MS=1500 --env JOB_LEASE_MS=4000 --env PROVIDER_TIMEOUT_MS=1500 --env PROVIDER_SETTLE_MS=2000
// seconds: 240
// The supervisor: drain, replacement of workers, restart of what dies, life as PID 1.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { deployment, get } from '../lib/client.mjs';
import { faults, stats } from '../lib/cloud.mjs';
import { env } from '../lib/env.mjs';
import { deliver, deliverSurely, pullRequest } from '../lib/github.mjs';
import { logLines } from '../lib/log.mjs';
import { part } from '../lib/part.mjs';
import { childrenOf, isAlive, kill } from '../lib/processes.mjs';
import { rows } from '../lib/sql.mjs';
import { sleep, until } from '../lib/until.mjs';

const supervisor = async () => Number(await part('opshubd', 'pid'));
const family = async (role) => childrenOf(await supervisor()).filter((p) => p.role === role);
const ready = () => until('ready', async () => (await get('/readyz', { token: null })).status === 200);

test('there are two api and two worker processes', async () => {
  assert.equal((await family('api')).length, 2);
  assert.equal((await family('worker')).length, 2);
});

test('it says Ready once, in one JSON line with the promised keys', () => {
  const lines = logLines();
  assert.deepEqual(lines.filter((line) => line.level === 'raw'), []);
  assert.equal(lines.filter((line) => line.message === 'Ready').length, 1);
  for (const line of lines) {
    assert.match(line.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(['debug', 'info', 'warn', 'error'].includes(line.level));
    for (const key of ['message', 'context']) assert.equal(typeof line[key], 'string', key);
    assert.equal(typeof line.metadata, 'object');
  }
});

for (const role of ['api', 'worker']) {
  test(`a killed ${role} process comes back, and work goes on`, async () => {
    const [victim] = await family(role);
    kill(victim.pid, 'SIGKILL');
    await until(`two ${role} processes again`, async () => {
      const now = await family(role);
      return now.length === 2 && !now.some((p) => p.pid === victim.pid);
    });
    const pr = role === 'api' ? 500 : 501;
    await deliverSurely('pull_request', pullRequest('opened', pr));
    await deployment(pr, 'READY');
  });
}

test('SIGHUP replaces the workers one by one; a build in flight survives', async () => {
  const before = (await family('worker')).map((p) => p.pid);
  const api = (await family('api')).map((p) => p.pid).sort();
  await deliver('pull_request', pullRequest('opened', 510));
  await deployment(510, 'BUILDING');
  kill(await supervisor(), 'SIGHUP');
  await until('new workers', async () => {
    const now = await family('worker');
    assert.ok(now.length >= 1, 'no worker at all');
    return now.length === 2 && !now.some((p) => before.includes(p.pid));
  }, { seconds: 60 });
  await until('the end of the replacement', () => logLines().some((line) => line.message === 'All workers are replaced'));
  const lines = logLines();
  const since = lines.slice(lines.findIndex((line) => line.message === 'SIGHUP: the workers are replaced one by one'));
  assert.equal(since.filter((line) => line.message === 'Process started' && line.metadata.process === 'worker').length, 2, 'each of them once');
  await deployment(510, 'READY');
  assert.deepEqual((await family('api')).map((p) => p.pid).sort(), api);
  assert.equal(rows('select count(*)::int as n from preview_attempts a join previews p on p.id = a.preview_id where p.pr_number = 510')[0].n, 1);
});

// DB_POOL_SIZE is divided among the processes and one worker more.
test('while they are replaced there is never more than one worker too many, however long the old ones drain', async () => {
  const before = (await family('worker')).map((p) => p.pid);
  const numbers = [];
  let most = 0;
  await faults({ mode: 'none', latencyMs: 1000 });
  try {
    await until('both workers wait for the provider', async () => {
      // One more at each look: a worker that has just been started may not take jobs yet.
      numbers.push(550 + numbers.length);
      await deliver('pull_request', pullRequest('opened', numbers.at(-1)));
      return rows("select distinct worker from jobs where state = 'active'").length === 2;
    });
    kill(await supervisor(), 'SIGHUP');
    await until('new workers', async () => {
      const now = await family('worker');
      most = Math.max(most, now.length);
      return now.length === 2 && !now.some((p) => before.includes(p.pid));
    }, { seconds: 60, every: 10 });
  } finally {
    await faults({ mode: 'none' });
  }
  assert.equal(most, 3);
  for (const pr of numbers) await deployment(pr, 'READY');
});

test('SIGTERM drains: requests are finished, leases given back, nothing is lost', async () => {
  await deliver('pull_request', pullRequest('opened', 520));
  await deployment(520, 'BUILDING');
  const pid = await supervisor();
  const children = childrenOf(pid);
  const started = Date.now();
  kill(pid, 'SIGTERM');
  await until('the supervisor ended', () => !isAlive(pid), { seconds: 40 });
  assert.deepEqual(children.filter((p) => isAlive(p.pid)), [], 'children are left');
  assert.ok(Date.now() - started < 35_000);
  const leased = rows("select id, kind, state from jobs where state = 'active' and lease_until > now()");
  assert.deepEqual(leased, [], 'leases were not given back');
  await part('opshubd', 'start');
  await deployment(520, 'READY');
});

test('while it drains, new connections are refused and a request that had begun is answered', async () => {
  const { hostname, port } = new URL(env.api);
  const pid = await supervisor();
  const begun = net.connect(Number(port), hostname);
  let text = '';
  begun.on('data', (data) => { text += data; });
  await once(begun, 'connect');
  begun.write('GET /healthz HTTP/1.1\r\nHost: a\r\n');
  await sleep(100); // so that it has been read
  kill(pid, 'SIGTERM');
  await until('connections are refused', () => get('/healthz', { token: null }).then(() => false, (error) => error.cause?.code === 'ECONNREFUSED'));
  assert.ok(isAlive(pid), 'it waits for the request');
  begun.write('\r\n');
  await until('the answer', () => text.includes('{"ok": true}'));
  assert.match(text, /connection: close/i);
  await until('the supervisor ended', () => !isAlive(pid), { seconds: 40 });
  await part('opshubd', 'start');
});

test('a supervisor that is killed leaves no orphan', async () => {
  const pid = await supervisor();
  const children = childrenOf(pid);
  assert.ok(children.length >= 4);
  kill(pid, 'SIGKILL');
  await until('the children ended', () => children.every((p) => !isAlive(p.pid)), { seconds: 40 });
  await part('opshubd', 'start');
  await ready();
});

// The children ask for a signal at their parent's death, and must also notice one that died before they asked.
test('nor does one that is killed while its children start', async () => {
  await part('opshubd', 'stop');
  try {
    for (let delay = 10; delay <= 150; delay += 10) {
      const daemon = spawn('bash', ['-c', `set -a; . "${env.stackDir}/daemon.env"; exec "${env.bin}/opshubd"`], { stdio: 'ignore' });
      await sleep(delay);
      const children = childrenOf(daemon.pid);
      kill(daemon.pid, 'SIGKILL');
      await until(`no child is left after ${delay} ms`, () => children.every((p) => !isAlive(p.pid)), { seconds: 20 });
    }
  } finally {
    await part('opshubd', 'start');
  }
});

test('it works as PID 1: reaps, restarts, and ends on SIGTERM', async (context) => {
  if (spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status !== 0) return context.skip('unshare is not allowed here');
  await part('opshubd', 'stop');
  const daemon = spawn('bash', ['-c', `set -a; . "${env.stackDir}/daemon.env"; exec unshare --pid --fork --kill-child -- "${env.bin}/opshubd"`],
    { stdio: 'ignore' });
  try {
    await ready();
    const first = await until('PID 1', () => childrenOf(daemon.pid)[0]);
    const worker = childrenOf(first.pid).find((p) => p.role === 'worker');
    kill(worker.pid, 'SIGKILL');
    await until('a new worker', () => childrenOf(first.pid).filter((p) => p.role === 'worker' && p.pid !== worker.pid).length === 2);
    await deliverSurely('pull_request', pullRequest('opened', 530));
    await deployment(530, 'READY');
    kill(first.pid, 'SIGTERM');
    await until('it ended', () => !isAlive(first.pid), { seconds: 40 });
  } finally {
    for (const child of childrenOf(daemon.pid)) kill(child.pid, 'SIGKILL');
    kill(daemon.pid, 'SIGKILL');
    await part('opshubd', 'start');
  }
});

test('through all of that every pull request has exactly one live deployment', async () => {
  await sleep(200);
  await until('one for each', async () => {
    const { live } = await stats();
    return live === rows("select count(*)::int as n from previews where pr_number between 500 and 599")[0].n;
  });
});
