// stack: --workers 2 --env MOCK_BUILD_MS=300 --env REPAIR_MS=500 --env SWEEP_MS=100 --env JOB_LEASE_MS=6000 --env PROVIDER_TIMEOUT_MS=2500 --env PLUGINS_ALLOW_PRIVATE=mock,recorder
// seconds: 300
// Many previews, a target that fails every now and then, workers that are killed: everything is told, each preview in its order, and what
// comes twice has the same id and comes twice in a row.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { commit, deliverSurely, ofRepository, pullRequest } from '../lib/github.mjs';
import { organization, person, project } from '../lib/people.mjs';
import { addNotifier, installRecorder, startRecorder, workers } from '../lib/recorder.mjs';
import { kill } from '../lib/processes.mjs';
import { one, run } from '../lib/sql.mjs';
import { eachOf, until } from '../lib/until.mjs';

const previews = Array.from({ length: 24 }, (_, i) => i + 1);
let owner, p, recorder, notifier;

before(async () => {
  owner = await person('owner');
  p = await project(await organization(owner), owner);
  await installRecorder();
  recorder = await startRecorder();
  notifier = await addNotifier(p, owner, recorder);
});

const webhook = (action, pr, options) => deliverSurely('pull_request', ofRepository(pullRequest(action, pr, options), p.repoFullName));
const allAre = (status) => until(`all are ${status}`, () => one(`select count(*)::int as n from previews where project_id = '${p.id}' and status = '${status}'`).n
  === previews.length, { seconds: 120 });

test('a storm', async (t) => {
  let number = 0;
  recorder.answer = () => (++number % 7 === 0 ? { status: 500, body: {} } : number % 31 === 0 ? 'hang' : undefined);
  await eachOf(previews, 8, (pr) => webhook('opened', pr));
  for (let n = 0; n < 3; n++) {
    const seen = recorder.seen.length;
    await until('more has come', () => recorder.seen.length > seen + 5, { seconds: 60 });
    const [victim] = await until('a worker', async () => { const pids = await workers(); return pids.length > 0 && pids; });
    kill(victim, 'SIGKILL');
  }
  await allAre('READY');
  await eachOf(previews, 8, (pr) => webhook('closed', pr, { sha: commit(`${pr}`) }));
  await allAre('DESTROYED');
  recorder.answer = () => undefined;
  // the target is well again: nobody has to wait for the end of a pause
  run(`update project_notifiers set paused_until = null where id = '${notifier.id}'; update notifications set next_at = now() where state = 'waiting'`);
  await until('nothing waits', () => one(`select count(*)::int as n from notifications where notifier_id = '${notifier.id}'`).n === 0, { seconds: 120 });
  recorder.stop();
  let doubles = 0;
  for (const pr of previews) {
    const events = recorder.of(pr).map((s) => s.event);
    const once = events.filter((e, i) => e.id !== events[i - 1]?.id);
    doubles += events.length - once.length;
    assert.equal(new Set(once.map((e) => e.id)).size, once.length, `#${pr}: one came again behind another`);
    assert.deepEqual(once.map((e) => e.kind), ['preview.queued', 'preview.building', 'preview.ready', 'preview.destroyed'], `#${pr}`);
  }
  assert.ok(doubles <= 3, `${doubles} doubles by three killed workers`);
  t.diagnostic(`${recorder.seen.length} requests, ${doubles} doubles`);
});
