// stack: --fast --api 1 --workers 3 --env PROBE_ALLOW_CIDRS=127.0.0.0/8 --env PROBE_PORTS=1-65535
// seconds: 180
// Whoever dies, or whatever is away for a while: every check is probed again within its interval and a lease, and none twice in a slot.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { part } from '../lib/part.mjs';
import { childrenOf, kill } from '../lib/processes.mjs';
import { one, rows } from '../lib/sql.mjs';
import { checks, doubled, remove, target } from '../lib/targets.mjs';
import { sleep, until } from '../lib/until.mjs';

const INTERVAL_MS = 1500;
const LEASE_MS = 15_000;
const CHECKS = 120;
let well, ids;

before(async () => {
  well = await target();
  ids = checks(Array.from({ length: CHECKS }, (_, i) => `${well.url}/${i}`), { interval_ms: INTERVAL_MS, timeout_ms: 10_000 });
});
after(async () => {
  remove(...ids);
  await well.close();
});

const workers = async () => childrenOf(Number(await part('opshubd', 'pid'))).filter((p) => p.role === 'worker').map((p) => p.pid);
// How many checks have a sample of a slot that came after this moment.
const since = (at) => one(`select count(distinct health_check_id)::int as n from health_samples where slot_at > '${at}'`).n;
const now = () => one('select clock_timestamp() as at').at;
const longest = () => one(`select max(gap) as gap from (select extract(epoch from created_at - lag(created_at) over
  (partition by health_check_id order by created_at)) * 1000 as gap from health_samples) s`).gap;

test('three workers share the checks, and none is probed twice in a slot', async () => {
  await until('all probed four times', () => one(`select count(*)::int as n from (select 1 from health_samples group by health_check_id
    having count(*) >= 4) s`).n === CHECKS, { seconds: 60 });
  assert.deepEqual(doubled(), []);
});

test('one of them is killed, over and over: nobody is forgotten', async () => {
  for (let round = 0; round < 4; round++) {
    const [victim] = (await workers()).sort(() => Math.random() - 0.5);
    const at = now();
    assert.ok(kill(victim, 'SIGKILL'));
    await until('every check has a new sample', () => since(at) === CHECKS, { seconds: 60, every: 200 });
  }
  assert.deepEqual(doubled(), []);
  // A loaded machine adds to what the interval and the lease allow.
  assert.ok(longest() < INTERVAL_MS + LEASE_MS + 10_000, `${longest()} ms between two samples of a check`);
});

test('one that hangs loses its claims, and writes nothing when it wakes up', async () => {
  const [victim] = await workers();
  kill(victim, 'SIGSTOP');
  const at = now();
  try {
    await until('every check has a new sample', () => since(at) === CHECKS, { seconds: 90, every: 300 });
  } finally {
    kill(victim, 'SIGCONT');
  }
  const awake = now();
  await until('and another one', () => since(awake) === CHECKS, { seconds: 60, every: 300 });
  assert.deepEqual(doubled(), []);
});

test('PostgreSQL is away for some seconds: what was probed is stored afterwards, and it goes on by itself', async () => {
  const pids = await workers();
  await part('pg', 'stop');
  await sleep(3000);
  await part('pg', 'start');
  const at = now();
  await until('every check has a new sample', () => since(at) === CHECKS, { seconds: 90, every: 300 });
  assert.deepEqual((await workers()).sort(), pids.sort(), 'a worker died with the database');
  assert.deepEqual(doubled(), []);
  assert.deepEqual(rows("select check_id from health_states where worker is not null and due_at < now() - interval '5 seconds'"), []);
});
