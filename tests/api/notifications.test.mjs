// stack: --crashes --env MOCK_BUILD_MS=200 --env REPAIR_MS=500 --env SWEEP_MS=100 --env JOB_LEASE_MS=8000 --env PROVIDER_TIMEOUT_MS=3000 --env NOTIFY_AGE_MS=120000 --env PLUGINS_ALLOW_PRIVATE=mock,recorder
// seconds: 300
// What people are told: in order, nothing lost, while the target, Redis or a worker is away.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { api, assertError, get, post } from '../lib/client.mjs';
import { commit, deliver, ofRepository, pullRequest } from '../lib/github.mjs';
import { logLines } from '../lib/log.mjs';
import { part } from '../lib/part.mjs';
import { audit, faultyFields, member, organization, person, project } from '../lib/people.mjs';
import { addNotifier, installRecorder, startRecorder, workers } from '../lib/recorder.mjs';
import { kill } from '../lib/processes.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

let owner, org;
const stops = [];
const recording = async (options) => { const r = await startRecorder(options); stops.push(r.stop); return r; };

before(async () => {
  owner = await person('owner');
  org = await organization(owner);
  await installRecorder();
});
after(() => Promise.all(stops.map((stop) => stop())));

async function told() {
  const recorder = await recording(), p = await project(org, owner);
  return { recorder, p, notifier: await addNotifier(p, owner, recorder) };
}

async function event(p, action, pr, options) {
  const answer = await deliver('pull_request', ofRepository(pullRequest(action, pr, options), p.repoFullName));
  assert.equal(answer.status, 202, answer.text);
}

const at = (p, path = '') => `/projects/${p.id}/notifications${path}`;
const show = async (p, n) => (await get(at(p, `/${n.id}`), { token: owner.token })).json;
const kinds = (recorder, pr) => recorder.of(pr).map((s) => s.event.kind.replace('preview.', ''));
const toldOf = (recorder, pr, kind) => until(`told that #${pr} is ${kind}`, () => {
  const seen = kinds(recorder, pr);
  if (seen.at(-1) === kind) return true;
  throw new Error(seen.join());
}, { seconds: 60 });
const waiting = (n) => one(`select count(*)::int as n from notifications where notifier_id = '${n.id}' and state = 'waiting'`).n;

test('one message for a preview, edited with each change, in order', async () => {
  const { recorder, p, notifier } = await told(), sha = commit('first');
  await event(p, 'opened', 1, { sha });
  await toldOf(recorder, 1, 'ready');
  await event(p, 'closed', 1, { sha });
  await toldOf(recorder, 1, 'destroyed');
  const seen = recorder.of(1);
  assert.deepEqual(seen.map((s) => [s.op, s.event.kind]), [['send', 'preview.queued'], ['update', 'preview.building'],
    ['update', 'preview.ready'], ['update', 'preview.destroyed']]);
  const [first, , ready] = seen.map((s) => s.event);
  assert.deepEqual(seen.slice(1).map((s) => [s.event.receipt, s.event.thread]), Array(3).fill(['r1', 'r1']));
  assert.equal(first.thread, '');
  assert.equal(new Set(seen.map((s) => s.event.id)).size, 4);
  const id = one(`select id from previews where project_id = '${p.id}'`).id;
  assert.equal(ready.threadKey, `preview:${id}`);
  assert.deepEqual([ready.severity, ready.sha, ready.org, ready.project, ready.repo, ready.pr],
    [1, sha, org.name, p.name, p.repoFullName, 1]);
  assert.equal(ready.title, 'Preview ready: #1 Change number 1');
  assert.match(ready.url, /^http/);
  assert.deepEqual([ready.fields.Status, ready.fields.Branch, ready.fields.Commit, ready.fields.Deployment, ready.fields.Preview],
    ['READY', 'feature-1', sha.slice(0, 12), id, ready.url]);
  const now = await until('nothing waits', async () => { const n = await show(p, notifier); return n.waiting === 0 && n; });
  assert.ok(now.lastSuccessAt);
  assert.deepEqual([now.lastError, now.dead, now.pausedUntil], [null, 0, null]);
});

test('a push is told in the same thread, a failed build with its reason, a fork that it waits', async () => {
  const { recorder, p } = await told();
  await event(p, 'opened', 2, { branch: 'mock-fail-build' });
  await toldOf(recorder, 2, 'failed');
  const failed = recorder.of(2).at(-1).event;
  assert.deepEqual([failed.severity, failed.fields.Reason], [3, 'BUILD_FAILED']);
  assert.ok(failed.text.length > 0);
  await event(p, 'synchronize', 2, { sha: commit('better') });
  await toldOf(recorder, 2, 'ready');
  assert.deepEqual(kinds(recorder, 2), ['queued', 'building', 'failed', 'queued', 'building', 'ready']);
  assert.equal(recorder.of(2).filter((s) => s.op === 'send').length, 1);
  await event(p, 'opened', 3, { fork: true });
  await toldOf(recorder, 3, 'held');
  assert.equal(recorder.of(3).at(-1).event.severity, 2);
});

test('while the target is down nothing is lost and nothing is doubled; each thread keeps its order', async () => {
  const { recorder, p, notifier } = await told();
  await recorder.stop();
  for (const pr of [10, 11, 12]) await event(p, 'opened', pr, {});
  await until('they are ready', () => one(`select count(*)::int as n from previews where project_id = '${p.id}' and status = 'READY'`).n === 3, { seconds: 60 });
  const down = await until('the failure is shown', async () => { const n = await show(p, notifier); return n.lastError && n; });
  assert.equal(down.lastErrorCode, 'UNREACHABLE');
  assert.equal(down.waiting, 9);
  assert.ok(logLines().some((line) => line.level === 'warn' && /^Recorder notification failed/.test(line.message)));
  await recorder.start();
  run(`update project_notifiers set paused_until = null where id = '${notifier.id}'; update notifications set next_at = now() where notifier_id = '${notifier.id}'`);
  for (const pr of [10, 11, 12]) {
    await toldOf(recorder, pr, 'ready');
    assert.deepEqual(kinds(recorder, pr), ['queued', 'building', 'ready']);
    assert.deepEqual(recorder.of(pr).map((s) => s.op), ['send', 'update', 'update']);
  }
  await until('none is left', async () => (await show(p, notifier)).waiting === 0);
});

test('one thread that is refused for a while holds no other back', async () => {
  const { recorder, p } = await told();
  recorder.answer = (op, e) => (e.pr === 20 ? { status: 500, body: {} } : undefined);
  await event(p, 'opened', 20, {});
  await until('it was tried', () => recorder.seen.some((s) => s.event.pr === 20));
  await event(p, 'opened', 21, {});
  await toldOf(recorder, 21, 'ready');
  assert.deepEqual(kinds(recorder, 20), []);
  recorder.answer = () => undefined;
  await toldOf(recorder, 20, 'ready');
  assert.deepEqual(kinds(recorder, 20), ['queued', 'building', 'ready']);
  const tries = recorder.seen.filter((s) => s.event.pr === 20 && s.event.kind === 'preview.queued');
  assert.equal(new Set(tries.map((s) => s.event.id)).size, 1, 'the same id at each try');
});

test('what the target refuses is dead, with the reason; a message that was deleted is sent anew', async () => {
  const { recorder, p, notifier } = await told();
  recorder.answer = (op, e) => (e.kind === 'preview.building' ? { status: 400, body: {} } : op === 'update' ? { status: 404, body: {} } : undefined);
  await event(p, 'opened', 30, {});
  await toldOf(recorder, 30, 'ready');
  assert.deepEqual(recorder.of(30).map((s) => [s.op, s.event.kind, s.event.thread]), [['send', 'preview.queued', ''], ['send', 'preview.ready', '']]);
  const now = await show(p, notifier);
  assert.deepEqual([now.dead, now.lastErrorCode], [1, 'REFUSED']);
  const dead = one(`select kind, last_error from notifications where notifier_id = '${notifier.id}' and state = 'dead'`);
  assert.equal(dead.kind, 'preview.building');
  assert.match(dead.last_error, /400/);
});

test('a target that asks for a pause gets it', async () => {
  const { recorder, p, notifier } = await told();
  let until429 = 0;
  const early = [];
  recorder.answer = () => {
    if (until429 === 0) {
      until429 = Date.now() + 3000;
      return { status: 429, headers: { 'retry-after': '3' }, body: {} };
    }
    if (Date.now() < until429 - 200) early.push(Date.now() - until429);
    return undefined;
  };
  await event(p, 'opened', 40, {});
  const paused = await until('it pauses', async () => { const n = await show(p, notifier); return n.pausedUntil && n; });
  assert.equal(paused.lastErrorCode, 'LIMITED');
  await toldOf(recorder, 40, 'ready');
  assert.deepEqual(early, []);
  assert.deepEqual(kinds(recorder, 40), ['queued', 'building', 'ready']);
});

test('a token that is refused pauses it; new settings start it at once', async () => {
  const { recorder, p, notifier } = await told();
  recorder.token = 'another-token-0123456789';
  await event(p, 'opened', 50, {});
  const paused = await until('it pauses', async () => { const n = await show(p, notifier); return n.pausedUntil && n; });
  assert.equal(paused.lastErrorCode, 'TOKEN_REFUSED');
  await until('all three wait', () => waiting(notifier) === 3, { seconds: 60 });
  const answer = await api('PUT', at(p, `/${notifier.id}`), { token: owner.token, body: { settings: { url: recorder.url, token: recorder.token } } });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.pausedUntil, null);
  await toldOf(recorder, 50, 'ready');
  assert.deepEqual(kinds(recorder, 50), ['queued', 'building', 'ready']);
});

test('without Redis it works, slower', async () => {
  const { recorder, p } = await told();
  await part('redis', 'stop');
  try {
    await event(p, 'opened', 60, {});
    await toldOf(recorder, 60, 'ready');
  } finally {
    await part('redis', 'start');
  }
  assert.deepEqual(kinds(recorder, 60), ['queued', 'building', 'ready']);
});

test('a worker that dies over a message: it is sent again with the same id, the rest once and in order', async () => {
  const { recorder, p, notifier } = await told();
  let killed = 0;
  recorder.answer = (op, e) => {
    if (e.kind !== 'preview.building' || killed) return undefined;
    killed++;
    workers().then((pids) => pids.forEach((pid) => kill(pid, 'SIGKILL')));
    return 'hang';
  };
  await event(p, 'opened', 70, {});
  await toldOf(recorder, 70, 'ready');
  assert.deepEqual(kinds(recorder, 70), ['queued', 'building', 'ready']);
  const tries = recorder.seen.filter((s) => s.event.kind === 'preview.building');
  assert.deepEqual(tries.map((s) => s.status), [0, 200]);
  assert.equal(new Set(tries.map((s) => s.event.id)).size, 1);
  await until('nothing waits', () => waiting(notifier) === 0);
});

test('the database goes away between the answer and its record: perhaps once more, with the same id', async () => {
  const { recorder, p, notifier } = await told();
  let stopped;
  recorder.answer = async (op, e) => {
    if (e.kind === 'preview.building' && !stopped) await (stopped = part('pg', 'stop'));
    return undefined;
  };
  await event(p, 'opened', 75, {});
  await until('it was stopped', () => stopped !== undefined, { seconds: 60 });
  await stopped;
  await part('pg', 'start');
  await toldOf(recorder, 75, 'ready');
  const events = recorder.of(75).map((s) => s.event), once = events.filter((e, i) => e.id !== events[i - 1]?.id);
  assert.deepEqual(once.map((e) => e.kind), ['preview.queued', 'preview.building', 'preview.ready']);
  assert.equal(new Set(events.map((e) => e.id)).size, 3);
  await until('nothing waits', () => waiting(notifier) === 0);
});

test('the plugin crashes after the message has arrived: once more with the same id, and after the third time never again', async () => {
  const { recorder, p, notifier } = await told();
  recorder.answer = (op, e) => (e.kind === 'preview.building' ? { body: { crash: true } } : undefined);
  await event(p, 'opened', 80, {});
  // the job is dead after three crashes and goes on after a minute
  await until('three tries', () => recorder.seen.filter((s) => s.event.kind === 'preview.building').length === 3, { seconds: 90 });
  await until('the job is dead', () => one(`select state from jobs where kind = 'notify' and key = '${notifier.id}'`)?.state === 'dead', { seconds: 30 });
  run(`update jobs set run_at = now() - interval '2 minutes' where kind = 'notify' and key = '${notifier.id}'`);
  await toldOf(recorder, 80, 'ready');
  const tries = recorder.seen.filter((s) => s.event.kind === 'preview.building');
  assert.equal(tries.length, 3);
  assert.equal(new Set(tries.map((s) => s.event.id)).size, 1);
  const now = await show(p, notifier);
  assert.deepEqual([now.dead, now.lastErrorCode], [1, 'INTERRUPTED']);
});

test('a test says what the plugin says, and sends a message', async () => {
  const { recorder, p, notifier } = await told();
  const answer = await post(at(p, '/test'), { token: owner.token });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.json, { ok: true, notifiers: [{ id: notifier.id, name: 'recorder', notifier: 'RECORDER', test: {
    ok: true, sent: true, account: 'tester', lines: [{ label: 'Token', text: 'fine', state: 'ok' }] } }] });
  assert.deepEqual(recorder.seen.map((s) => [s.op, s.event.kind, s.event.threadKey]), [['send', 'test', '']]);
  recorder.report = { account: '', lines: [{ label: 'Channel', text: 'the bot is not in it: invite it', state: 2 }] };
  const { test: failed } = (await post(at(p, `/${notifier.id}/test`), { token: owner.token })).json.notifiers[0];
  assert.deepEqual([failed.ok, failed.sent, failed.code, failed.error], [false, false, 'VERIFY_FAILED', 'Channel: the bot is not in it: invite it']);
  recorder.token = 'another-token-0123456789';
  const refused = (await post(at(p, `/${notifier.id}/test`), { token: owner.token })).json;
  assert.deepEqual([refused.ok, refused.notifiers[0].test.code], [false, 'TOKEN_REFUSED']);
  await recorder.stop();
  assert.equal((await post(at(p, `/${notifier.id}/test`), { token: owner.token })).json.notifiers[0].test.code, 'UNREACHABLE');
  assert.equal((await show(p, notifier)).lastErrorCode, 'UNREACHABLE');
  assert.ok(logLines().some((line) => line.message === 'Recorder notification test failed' && line.metadata.code === 'TOKEN_REFUSED'));
  assert.equal(audit(org, 'notifier.test').filter((row) => row.project_id === p.id).length, 4);
  const empty = await project(org, owner);
  assertError(await post(at(empty, '/test'), { token: owner.token }), 404, 'NotFoundError');
});

test('settings: secrets are masked and sealed, faults named together, one switched off hears nothing', async () => {
  const { recorder, p, notifier } = await told();
  assert.deepEqual(notifier.settings, { url: recorder.url, token: 'xoxb-***' });
  assert.deepEqual(faultyFields(await post(at(p), { token: owner.token, body: { notifier: 'recorder', more: 1, settings: { url: 'ftp://x', other: 2 } } })),
    ['more', 'other', 'url']);
  assert.deepEqual(faultyFields(await post(at(p), { token: owner.token, body: { notifier: 'nothing' } })), ['notifier']);
  assert.deepEqual(faultyFields(await post(at(p), { token: owner.token, body: {} })), ['notifier']);
  assertError(await post(at(p), { token: owner.token, body: { notifier: 'recorder', settings: { url: recorder.url } } }), 409, 'ConflictError');
  const moved = await api('PUT', at(p, `/${notifier.id}`), { token: owner.token, body: { settings: { url: 'http://127.0.0.1:9' } } });
  assert.deepEqual(faultyFields(moved), ['token'], 'who changes the address sends the secret again');
  const kept = await api('PUT', at(p, `/${notifier.id}`), { token: owner.token, body: { name: 'Ops', settings: { url: recorder.url, token: 'xoxb-***', channel: 'C1' } } });
  assert.deepEqual([kept.json.name, kept.json.settings], ['Ops', { url: recorder.url, token: 'xoxb-***', channel: 'C1' }]);
  assert.ok((await post(at(p, '/test'), { token: owner.token })).json.ok, 'the secret is still there');
  const off = await api('PATCH', at(p, `/${notifier.id}`), { token: owner.token, body: { enabled: false } });
  assert.equal(off.json.enabled, false);
  await event(p, 'opened', 90, {});
  await until('it is ready', () => one(`select status from previews where project_id = '${p.id}'`).status === 'READY', { seconds: 60 });
  assert.equal(one(`select count(*)::int as n from notifications where notifier_id = '${notifier.id}'`).n, 0);
  const viewer = await member(org, owner, 'VIEWER');
  assert.equal((await get(at(p), { token: viewer.token })).json[0].settings.token, 'xoxb-***');
  const other = await project(org, owner);
  for (const [method, body] of [['GET'], ['PUT', {}], ['PATCH', { enabled: true }], ['DELETE']]) {
    assertError(await api(method, at(other, `/${notifier.id}`), { token: owner.token, body }), 404, 'NotFoundError');
  }
  run(`insert into notifications (id, notifier_id, kind, thread_key, facts, state) select 'note_' || s, '${notifier.id}', 'test', '', '{}', s
    from unnest(array['waiting', 'dead']) s`);
  assert.equal((await api('DELETE', at(p, `/${notifier.id}`), { token: owner.token })).status, 204);
  assert.deepEqual(rows(`select 1 from notifications where notifier_id = '${notifier.id}'`), []);
  assert.deepEqual((await get(at(p), { token: owner.token })).json, []);
  assert.deepEqual(rows(`select 1 from notifier_secrets where notifier_id = '${notifier.id}'`), []);
  assert.deepEqual(audit(org).filter((r) => r.target_id === notifier.id).map((r) => r.action), ['notifier.add', 'notifier.change', 'notifier.change', 'notifier.remove']);
  const everything = one(`select (select string_agg(a::text, '') from audit_log a) || coalesce((select string_agg(s::text, '') from project_notifiers s), '')
    || coalesce((select string_agg(s::text, '') from notifier_secrets s), '') || coalesce((select string_agg(s::text, '') from notifications s), '') as text`).text;
  assert.ok(!everything.includes('RecorderSecret'));
  assert.ok(!logLines().some((line) => JSON.stringify(line).includes('RecorderSecret')));
});

test('a secret that was moved to another notifier does not open', async () => {
  const a = await told(), b = await told();
  run(`update notifier_secrets set sealed = (select sealed from notifier_secrets where notifier_id = '${a.notifier.id}') where notifier_id = '${b.notifier.id}'`);
  run(`update project_notifiers set settings_version = settings_version + 1 where id = '${b.notifier.id}'`);
  const { test: result } = (await post(at(b.p, '/test'), { token: owner.token })).json.notifiers[0];
  assert.deepEqual([result.ok, result.code], [false, 'SETTINGS']);
  assert.match(result.error, /does not open/);
});

test('Slack by the names that clients know; DISABLE_SLACK sends nothing and says so', async () => {
  const p = await project(org, owner), path = `/projects/${p.id}/slack`;
  assert.deepEqual((await get(path, { token: owner.token })).json, { id: null, slackBotToken: null, slackChannel: null, enabled: false });
  const answer = await api('PUT', path, { token: owner.token, body: { botToken: 'xoxb-SlackSecret0123456789', channel: 'C0123456789' } });
  assert.equal(answer.status, 200, answer.text);
  const { id, ...rest } = answer.json;
  assert.deepEqual(rest, { slackBotToken: 'xoxb-***', slackChannel: 'C0123456789', enabled: true });
  const again = await api('POST', path, { token: owner.token, body: { slackBotToken: 'xoxb-***', slackChannel: 'C0000000001' } });
  assert.deepEqual(again.json, { id, slackBotToken: 'xoxb-***', slackChannel: 'C0000000001', enabled: true });
  await event(p, 'opened', 95, {});
  await until('the log says so', () => logLines().filter((line) => line.message === 'Slack notification skipped' && line.metadata.projectId === p.id).length === 3, { seconds: 60 });
  await until('nothing waits', () => waiting({ id }) === 0);
  const { test: result } = (await post(at(p, '/test'), { token: owner.token })).json.notifiers[0];
  assert.deepEqual([result.ok, result.code], [false, 'DISABLED']);
});

test('a target that does not answer is no wait without end; what could not be sent for too long is dead', async () => {
  const { recorder, p, notifier } = await told();
  recorder.answer = () => 'hang';
  await event(p, 'opened', 97, {});
  const slow = await until('the time-out is shown', async () => { const n = await show(p, notifier); return n.lastErrorCode && n; }, { seconds: 30 });
  assert.equal(slow.lastErrorCode, 'TIMEOUT');
  await until('all three wait', () => waiting(notifier) === 3, { seconds: 60 });
  run(`update notifications set created_at = now() - interval '1 day' where notifier_id = '${notifier.id}'`);
  const given = await until('they are dead', async () => { const n = await show(p, notifier); return n.dead === 3 && n; }, { seconds: 90 });
  assert.equal(given.waiting, 0);
  assert.ok(logLines().some((line) => line.message === 'Recorder notification failed for too long; rows are dead' && line.metadata.notifierId === notifier.id));
});
