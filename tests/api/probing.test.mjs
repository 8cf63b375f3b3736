// stack: --fast --api 1 --workers 2 --env PROBE_ALLOW_CIDRS=127.0.0.0/8 --env PROBE_PORTS=1-65535 --env PROBE_SENTINELS=http://127.91.7.3:18080/
// seconds: 120
// Checks are probed at their slots, by one worker each, and what is found becomes samples, states and incidents.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertError, login, post } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { one, rows, run, session } from '../lib/sql.mjs';
import { check, checks, doubled, remove, samples, state, target } from '../lib/targets.mjs';
import { until } from '../lib/until.mjs';

let well;

before(async () => { well = await target(); });
after(async () => {
  await well.close();
  assert.deepEqual(doubled(), []);
});

const runNow = (id, options) => post(`/health-checks/${id}/run`, options);

test('a check is probed once in each of its slots, which are spread by its id', async () => {
  const ids = checks(Array.from({ length: 40 }, (_, i) => `${well.url}/slots/${i}`), { interval_ms: 2000, timeout_ms: 15_000 });
  const those = `health_check_id = any('{${ids}}')`;
  await until('three samples of each', () => one(`select count(*)::int as n from (select 1 from health_samples where ${those}
    group by health_check_id having count(*) >= 3) s`).n === 40, { seconds: 60 });
  assert.deepEqual(rows(`select * from health_samples where ${those} and not (ok and verdict = 'OK' and status_code = 200 and error is null
    and latency_ms >= 0)`), []);
  // The first one is due when the check is made, the others stand where the SQL function says.
  assert.deepEqual(rows(`select * from (select *, row_number() over (partition by health_check_id order by slot_at) as nr from health_samples
    where ${those}) s where nr > 1 and slot_at <> health_slot(health_check_id, 2000, slot_at - interval '1 ms')`), []);
  assert.deepEqual(rows(`select distinct status, last_ok, last_verdict, last_error from health_states where check_id = any('{${ids}}')`),
    [{ status: 'OK', last_ok: true, last_verdict: 'OK', last_error: null }]);
  const { n: phases } = one(`select count(distinct round(extract(epoch from slot_at) * 1000) % 2000)::int as n from health_samples where ${those}`);
  assert.ok(phases > 35, `${phases} different times`);
  remove(...ids);
});

test('it degrades at the threshold, confirmed soon after the first failure, and recovers; the incident follows', async () => {
  const shop = await target();
  const id = check(`${shop.url}/`, { interval_ms: 8000, failure_threshold: 2, recovery_threshold: 1 });
  await until('well', () => state(id).status === 'OK');
  shop.answer = { status: 500 };
  await until('DEGRADED', () => state(id).status === 'DEGRADED', { seconds: 40 });
  const bad = samples(id).filter((s) => !s.ok);
  assert.deepEqual([...new Set(bad.map((s) => `${s.verdict} ${s.error} ${s.status_code}`))], ['FAILED STATUS 500']);
  const pause = Date.parse(bad[1].slot_at) - Date.parse(bad[0].slot_at);
  assert.ok(pause < 8000, `the second look came ${pause} ms after the first`);
  const { incident_id: incident } = state(id);
  assert.ok(incident);
  assert.equal(one(`select error from health_incidents where id = '${incident}' and ended_at is null`).error, 'STATUS');
  shop.answer = { status: 204 };
  run(`update health_states set due_at = now() where check_id = '${id}' and worker is null`);
  await until('recovered', () => state(id).status === 'OK' && state(id).incident_id === null, { seconds: 40 });
  assert.equal(one(`select end_reason from health_incidents where id = '${incident}'`).end_reason, 'RECOVERED');
  assert.deepEqual(rows(`select kind from health_alerts where check_id = '${id}' order by id`).map((a) => a.kind), ['OPENED', 'RECOVERED']);
  remove(id);
  await shop.close();
});

test('a failure that meets somebody who holds the check is told afterwards', async () => {
  const shop = await target();
  const id = check(`${shop.url}/held`, { failure_threshold: 1 });
  await until('well', () => state(id).status === 'OK');
  const deleter = session();
  await deleter.ask(`begin; select id from health_checks where id = '${id}' for update`);
  const { length } = shop.asked;
  shop.answer = { status: 500 };
  await until('it failed', () => shop.asked.length > length + 1 || (shop.asked.length > length && state(id).status === 'DEGRADED'));
  const next = check(`${well.url}/behind`);
  await until('the next batches were written', () => samples(next).length >= 2);
  await deleter.ask('rollback');
  deleter.end();
  run(`update health_states set due_at = now() where check_id = '${id}'`); // as if the claim had run out
  await until('told', () => rows(`select 1 from health_alerts where check_id = '${id}' and kind = 'OPENED'`).length === 1);
  assert.ok(state(id).told && state(id).incident_id && state(id).status === 'DEGRADED');
  remove(id, next);
  await shop.close();
});

test('run now answers with the result and its phases, also of a check that is disabled', async () => {
  const id = check(`${well.url}/run`, { interval_ms: 3_600_000, enabled: false, expected_max: 299 });
  const answer = await runNow(id);
  assert.equal(answer.status, 200, answer.text);
  const { ok, verdict, error, statusCode, latencyMs, httpVersion, remoteAddress, redirects, phases, certificate } = answer.json;
  assert.deepEqual({ ok, verdict, error, statusCode, httpVersion, remoteAddress, redirects, certificate },
    { ok: true, verdict: 'OK', error: null, statusCode: 200, httpVersion: '1.1', remoteAddress: `127.0.0.1:${well.port}`, redirects: 0, certificate: null });
  assert.ok(latencyMs >= 0);
  assert.ok(phases.totalMs > 0 && phases.connectMs >= 0 && phases.firstByteMs > 0 && phases.tlsMs === null, answer.text);
  assert.equal(samples(id).length, 1);
  assert.equal(state(id).due_at, null, 'a disabled check is probed again');
  // Many at once share a probe or have their own; each is answered.
  const answers = await Promise.all(Array.from({ length: 5 }, () => runNow(id)));
  assert.ok(answers.every((a) => a.status === 200 && a.json.ok), answers.map((a) => a.text).join());
  well.answer = { status: 404 };
  const failed = await runNow(id, { path: `/projects/${env.project}/health-checks/${id}/run` });
  assert.deepEqual([failed.json.ok, failed.json.error, failed.json.expected], [false, 'STATUS', 'a status from 200 to 299']);
  assert.equal(state(id).status, null, 'a disabled check has a status by hand');
  well.answer = { status: 200, body: 'well' };
  assertError(await runNow(id, { token: await login('viewer') }), 403, 'ForbiddenError');
  assertError(await runNow('check_nobody'), 404, 'NotFoundError');
  remove(id);
});

test('each failure has its name', async () => {
  const closed = await target();
  await closed.close();
  const cases = [
    [`${closed.url}/`, {}, 'CONNECTION_REFUSED'],
    ['http://nowhere.invalid/', {}, 'DNS_FAILED'],
    [`${well.url}/`, { response_contains: 'nothing of it' }, 'BODY'],
    [`${well.url}/`, { json_path: '$.a', json_equals: '1' }, 'JSON'],
    ['http://169.254.169.254/', {}, 'ADDRESS_NOT_ALLOWED'],
  ];
  for (const [url, fields, error] of cases) {
    const id = check(url, { ...fields, enabled: false });
    const answer = await runNow(id);
    assert.deepEqual([answer.status, answer.json?.ok, answer.json?.error], [200, false, error], answer.text);
    remove(id);
  }
  const made = await post(`/projects/${env.project}/health-checks`,
    { body: { name: 'With a secret', url: `${well.url}/`, headers: [{ name: 'X-Key', value: 'not for everybody' }], enabled: false } });
  assert.equal(made.status, 201, made.text);
  assert.equal((await runNow(made.json.id)).json.error, null);
  run(`update health_checks set url = 'http://8.8.8.8/' where id = '${made.json.id}'`); // nobody asks it
  const answer = await runNow(made.json.id);
  assert.deepEqual([answer.json?.verdict, answer.json?.error], ['FAILED', 'HEADERS_NEED_TLS'], answer.text);
  remove(made.json.id);
});

test('of a long body what is looked for may stand in its first MiB; what is not read is not known', async () => {
  const long = await target({ status: 200, body: `{"status": "fine${'x'.repeat(2 << 20)}last"}` });
  const look = async (fields) => (await runNow(check(`${long.url}/`, { enabled: false, ...fields }))).json.error;
  assert.deepEqual([await look({ response_contains: 'fine' }), await look({ response_matches: '^..status' }), await look({ response_contains: 'last' }), await look({ response_matches: 'last' }),
    await look({ json_path: '$.status', json_equals: '1' }), await look({ response_contains: 'fine', expected_min: 201 })],
  [null, null, 'BODY_TOO_LONG', 'PATTERN', 'BODY_TOO_LONG', 'STATUS']);
  await long.close();
});

test('while no sentinel answers, failures that our network could be to blame for say nothing', async () => {
  const nameless = check('http://nowhere.invalid/', { failure_threshold: 1 });
  const closed = await target();
  await closed.close();
  const near = check(`${closed.url}/`, { failure_threshold: 1 });
  await until('the name was looked up twice', () => samples(nameless).length >= 2, { seconds: 40 });
  assert.deepEqual([...new Set(samples(nameless).map((s) => `${s.verdict} ${s.error}`))], ['INCONCLUSIVE DNS_FAILED']);
  assert.equal(state(nameless).status, null);
  // A private address needs nothing of the world outside.
  await until('the closed port is down', () => state(near).status === 'DEGRADED', { seconds: 40 });
  const sentinel = await target({ status: 404 }, { host: '127.91.7.3', port: 18080 });
  await until('it counts', () => state(nameless).status === 'DEGRADED', { seconds: 40 });
  assert.ok(sentinel.asked.length > 0);
  await sentinel.close();
  remove(nameless, near);
});

test('maintenance: it is probed, and nothing comes of it', async () => {
  const id = check(`${well.url}/maintained`, { expected_min: 500, expected_max: 599, failure_threshold: 1 });
  run(`insert into maintenance_windows (id, project_id, name, check_ids, starts_at, ends_at) values
    ('window_probing', '${env.project}', 'now', array['${id}'], now() - interval '1 hour', now() + interval '1 hour')`);
  run(`update health_states set status = null, failures = 0, incident_id = null where check_id = '${id}'`);
  const from = samples(id).length;
  await until('three looks', () => samples(id).filter((s) => s.verdict === 'MAINTENANCE').length >= 3);
  assert.ok(samples(id).slice(from + 1).every((s) => s.verdict === 'MAINTENANCE' && !s.ok && s.error === 'STATUS'));
  run("delete from maintenance_windows where id = 'window_probing'");
  await until('it counts again', () => state(id).status === 'DEGRADED');
  remove(id);
});

test('a parent that is down holds its children back', async () => {
  const base = await target({ status: 503 });
  const parent = check(`${base.url}/parent`, { failure_threshold: 1, recovery_threshold: 1, interval_ms: 86_400_000 });
  await until('the parent is down', () => state(parent).status === 'DEGRADED');
  const child = check(`${base.url}/child`, { failure_threshold: 1, depends_on: [parent] });
  await until('three looks', () => samples(child).length >= 3);
  assert.deepEqual([...new Set(samples(child).map((s) => `${s.verdict} ${s.error}`))], ['INCONCLUSIVE PARENT_DOWN']);
  assert.notEqual(state(child).status, 'DEGRADED');
  base.answer = (request, response) => response.writeHead(request.url === '/child' ? 503 : 200).end();
  // The parent is hurried: by itself it would be looked at tomorrow.
  await until('the child is down by itself', () => state(child).status === 'DEGRADED', { seconds: 40 });
  assert.equal(state(parent).status, 'OK');
  // One that says nothing hides nobody for ever.
  const mute = check(`${base.url}/mute`);
  run(`insert into health_check_headers (check_id, name, sealed, key_id, mask) values ('${mute}', 'X-Key', 'no seal', 'none', '***')`);
  const other = check(`${base.url}/child`, { failure_threshold: 1, interval_ms: 500, depends_on: [mute] });
  await until('down although its parent says nothing', () => state(other).status === 'DEGRADED', { seconds: 40 });
  assert.equal(state(mute).last_error, 'HEADERS_UNREADABLE');
  remove(child, parent, other, mute);
  await base.close();
});

test('changed, disabled or deleted while its probe is under way', async () => {
  const waiting = [];
  const slow = await target((request, response) => { waiting.push(response); });
  const goOn = () => { for (const response of waiting.splice(0)) response.end('late'); };
  const asked = (n) => until(`asked ${n} times`, () => slow.asked.length >= n);
  const options = { interval_ms: 500, timeout_ms: 20_000 };
  // Changed: the probe under way does not count, the next one is of the new address, and at once.
  let id = check(`${slow.url}/old`, { ...options, interval_ms: 86_400_000 });
  await asked(1);
  run(`update health_checks set url = '${slow.url}/new', updated_at = now() where id = '${id}'`);
  goOn();
  await asked(2);
  assert.deepEqual(slow.asked.slice(0, 2), ['/old', '/new']);
  // Disabled: nothing is written any more, and nothing asked.
  assert.deepEqual(samples(id), []);
  run(`update health_checks set enabled = false where id = '${id}'`);
  goOn();
  id = check(`${slow.url}/gone`, options);
  await asked(3);
  run(`delete from health_checks where id = '${id}'`);
  goOn();
  const last = check(`${well.url}/after`);
  await until('the next batches were written', () => samples(last).length >= 2);
  assert.equal(slow.asked.length, 3);
  assert.equal(one("select count(*)::int as n from health_samples s where not exists (select 1 from health_checks c where c.id = s.health_check_id) and created_at > now() - interval '3 s' and health_check_id = '" + id + "'").n, 0);
  // Switched on: not when its slot comes.
  const late = check(`${well.url}/late`, { interval_ms: 86_400_000, enabled: false });
  run(`update health_checks set enabled = true where id = '${late}'`);
  await until('looked at', () => samples(late).length === 1);
  remove(last, late);
  await slow.close();
});

test('five minutes that are over become rollups', async () => {
  const id = check(`${well.url}/sums`, { interval_ms: 500 });
  await until('two looks', () => samples(id).length >= 2);
  run(`update health_states set acc_at = acc_at - interval '5 minutes', acc_ok = 7, acc_latency_sum = 70, acc_latency_min = 3, acc_latency_max = 20
    where check_id = '${id}' and worker is null`);
  await until('rolled up', () => rows(`select 1 from health_rollups where check_id = '${id}'`).length >= 3 || (run(`update health_states
    set acc_at = date_bin('5 minutes', now(), 'epoch') - interval '5 minutes', acc_ok = 7, acc_latency_sum = 70, acc_latency_min = 3, acc_latency_max = 20
    where check_id = '${id}' and worker is null`), false));
  const found = rows(`select step, ok, failed, latency_sum, latency_min, latency_max from health_rollups where check_id = '${id}' order by step`);
  assert.deepEqual(found.map((r) => r.step), [5, 60, 1440]);
  assert.ok(found.every((r) => r.ok >= 7 && r.failed === 0 && r.latency_min === 3 && r.latency_max >= 20), JSON.stringify(found));
  remove(id);
});
