// stack: --api 2 --workers 2 --env MOCK_BUILD_MS=400 --env JOB_LEASE_MS=3000 --env PROVIDER_TIMEOUT_MS=1500 --env PROVIDER_SETTLE_MS=2000 --env REAP_MS=2000
// seconds: 420
// 200 webhooks in flight over 50 pull requests while processes of the daemon, the supervisor among them, are killed at
// random moments. After recovery each pull request is in its desired state, and the provider holds exactly the right
// deployments: none missing, none over.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deploymentsOf } from '../lib/client.mjs';
import { inventory, stats } from '../lib/cloud.mjs';
import { commit, deliverSurely, pullRequest } from '../lib/github.mjs';
import { part } from '../lib/part.mjs';
import { childrenOf, kill } from '../lib/processes.mjs';
import { one, rows } from '../lib/sql.mjs';
import { eachOf, sleep, until } from '../lib/until.mjs';

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
let state = seed;
// Park and Miller: the run can be repeated by SEED=...
const random = (below) => {
  state = (state * 48271 + 1) % 2147483647;
  return state % below;
};
console.log(`# SEED=${seed}`);

const histories = Array.from({ length: 50 }, (_, i) => {
  const number = 1 + i;
  const events = ['opened', 'synchronize', ['synchronize', 'closed'][random(2)], ['closed', 'synchronize', 'reopened', 'closed'][random(4)]];
  return { number, events: events.map((action, n) => {
    const sha = commit(`${number}.${action === 'closed' ? n - 1 : n}`);
    return { action, sha, event: pullRequest(action, number, { sha }) };
  }) };
});
const wanted = new Map(histories.map(({ number, events }) => {
  const last = events.at(-1);
  return [number, last.action === 'closed' ? null : last.sha];
}));
const isLive = (d) => !['DESTROYED', 'GONE', 'CANCELLED', 'FAILED', 'ERROR'].includes(d.state.toUpperCase());

async function killer(run) {
  const killed = { supervisor: 0, api: 0, worker: 0, other: 0 };
  while (run.going) {
    await sleep(50 + random(500));
    const supervisor = Number(await part('opshubd', 'pid'));
    const children = childrenOf(supervisor);
    const choice = random(children.length + 1);
    if (choice === children.length || children.length === 0) {
      kill(supervisor, 'SIGKILL');
      killed.supervisor++;
      await part('opshubd', 'start');
    } else if (kill(children[choice].pid, 'SIGKILL')) {
      killed[children[choice].role ?? 'other']++;
    }
  }
  return killed;
}

test('200 webhooks survive the death of anything at any moment', async (context) => {
  const run = { going: true };
  const killing = killer(run);
  const deliveries = [];
  try {
    await eachOf(histories, 12, async ({ events }) => {
      for (const { event } of events) {
        deliveries.push(await deliverSurely('pull_request', event, { seconds: 120 }));
        await sleep(random(900));
      }
    });
    await sleep(3000); // the last of them are being built now
  } finally {
    run.going = false;
  }
  const killed = await killing;
  context.diagnostic(`killed ${JSON.stringify(killed)}`);
  assert.equal(deliveries.length, 200);
  assert.ok(killed.supervisor + killed.api + killed.worker >= 10, 'hardly anything was killed');
  assert.ok(killed.worker > 0);
});

test('each pull request ends in its desired state', async () => {
  for (const [number, sha] of wanted) {
    await until(`PR ${number} ${sha ? `READY at ${sha}` : 'DESTROYED'}`, async () => {
      const [newest] = await deploymentsOf(number);
      const now = newest ? `${newest.status} ${newest.detail ?? ''} ${newest.errorReason ?? ''} ${newest.sha}` : 'nothing';
      if (sha ? newest?.status === 'READY' && newest.sha === sha : !newest || newest.status === 'DESTROYED') return true;
      throw new Error(now);
    }, { seconds: 90, every: 200 });
  }
});

test('the provider holds exactly these deployments, at these commits', async () => {
  const expected = [...wanted].filter(([, sha]) => sha).map(([number, sha]) => `${number} ${sha}`).sort();
  await until('the right deployments and no other', async () => {
    const live = (await inventory()).filter(isLive).map((d) => `${d.prNumber} ${d.sha}`).sort();
    const over = live.filter((d, i) => !expected.includes(d) || live.indexOf(d) !== i);
    const missing = expected.filter((d) => !live.includes(d));
    if (over.length + missing.length === 0) return true;
    throw new Error(`over: ${over.join(', ')}; missing: ${missing.join(', ')}`);
  }, { seconds: 60, every: 300 });
  assert.equal((await stats()).live, expected.length);
});

test('every event is stored once, and no job is left behind', async () => {
  assert.equal(one('select count(*)::int as n from deliveries').n, 200);
  await until('no open job', () => {
    const open = rows("select id, key, state, attempts, last_error from jobs where kind = 'reconcile'");
    if (open.length === 0) return true;
    throw new Error(JSON.stringify(open.slice(0, 5)));
  }, { seconds: 60, every: 300 });
});
