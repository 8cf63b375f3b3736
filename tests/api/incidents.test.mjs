// stack: --fast --workers 2 --env SWEEP_MS=100 --env HEALTH_GROUP_MS=300 --env PROBES=0 --env PLUGINS_ALLOW_PRIVATE=mock,recorder
// seconds: 180
// Incidents as people see them, are told of them and say that they look after them. What the prober would write is written by SQL here; how it
// writes it, and what is told together, is tests/unit/store/test_incidents.c.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { api, assertError, get, post } from '../lib/client.mjs';
import { apiToken, audit, faultyFields, member, organization, person, project } from '../lib/people.mjs';
import { kill } from '../lib/processes.mjs';
import { addNotifier, installRecorder, startRecorder, workers } from '../lib/recorder.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

let owner, viewer, developer, org, p, recorder;
const token = () => ({ token: owner.token });
before(async () => {
  owner = await person('owner');
  org = await organization(owner);
  viewer = await member(org, owner, 'VIEWER');
  developer = await member(org, owner, 'DEVELOPER');
  p = await project(org, owner);
  recorder = await startRecorder();
  await installRecorder();
  await addNotifier(p, owner, recorder);
});
after(() => recorder.stop());

async function check(name, of = p) {
  const answer = await post(`/projects/${of.id}/health-checks`, { ...token(), body: { name, url: `https://${name}.example.org/health?key=hidden` } });
  assert.equal(answer.status, 201, answer.text);
  run(`update health_states set due_at = null, last_status_code = 503, failures = 3 where check_id = '${answer.json.id}'`); // nobody probes it
  return answer.json;
}

// As incident_events() of core/store/incidents.h writes it.
function open(c, { told = true, cause = c.id } = {}) {
  const id = one("select id_new('inc_') as id").id;
  run(`insert into health_incidents (id, project_id, check_id, began_at, error, message, cause, thread_key)
      values ('${id}', '${c.projectId}', '${c.id}', now() - interval '65 s', 'STATUS', 'It answered 503, which is not an expected status.', '${cause}', 'incident:${id}');
    update health_states set status = 'DEGRADED', incident_id = '${id}', told = ${told} where check_id = '${c.id}'`);
  if (told) alert(c, id, 'OPENED', 'It answered 503, which is not an expected status.');
  return id;
}
function alert(c, incident, kind, message) {
  run(`insert into health_alerts (id, project_id, check_id, incident_id, kind, error, message)
    values (id_new('alert_'), '${c.projectId}', '${c.id}', ${incident ? `'${incident}'` : 'null'}, '${kind}', 'STATUS', '${message}')`);
}
function recover(c, incident) {
  run(`update health_incidents set ended_at = now(), end_reason = 'RECOVERED' where id = '${incident}';
    update health_states set status = 'OK', incident_id = null, told = false, failures = 0, acknowledged = false where check_id = '${c.id}'`);
  alert(c, incident, 'RECOVERED', 'It answers as expected again.');
}
const toldOf = (incident) => recorder.seen.filter((s) => s.status === 200 && Object.values(s.event.fields).includes(incident));
const told = (incident, ...kinds) => until(`told: ${kinds}`, () => {
  const seen = toldOf(incident).map((s) => `${s.op} ${s.event.kind}`);
  assert.deepEqual(seen, kinds);
  return true;
}, { seconds: 45 });

test('an incident is one message, from its opening to its end', async () => {
  const c = await check('shop'), incident = open(c);
  await told(incident, 'send health.degraded');
  const [{ event }] = toldOf(incident);
  assert.equal(event.title, 'Health check is down: shop');
  assert.equal(event.text, 'It answered 503, which is not an expected status.');
  assert.equal(event.url, 'https://shop.example.org/health');
  const { fields } = event;
  assert.equal(fields['Last status'], '503');
  assert.equal(fields['Failures in a row'], '3');
  assert.match(fields.Duration, /^1 min \d+ s$/);
  assert.ok(!JSON.stringify(recorder.seen).includes('hidden'));

  const path = `/health-checks/${c.id}/incidents/${incident}/acknowledge`;
  assertError(await post(path, { token: viewer.token, body: {} }), 403, 'ForbiddenError');
  assert.deepEqual(faultyFields(await post(path, { token: developer.token, body: { note: '', more: 1 } })).sort(), ['more', 'note']);
  const answer = await post(path, { token: developer.token, body: { note: 'I look at the database' } });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.note, 'I look at the database');
  assert.ok(answer.json.acknowledgedAt && answer.json.acknowledgedBy);
  assert.deepEqual((await post(path, { token: developer.token, body: { note: 'and again' } })).json, answer.json, 'a second time changes nothing');
  assert.equal(one(`select acknowledged from health_states where check_id = '${c.id}'`).acknowledged, true);
  await told(incident, 'send health.degraded', 'update health.acknowledged');
  const [row, ...others] = audit(org, 'incident.acknowledge');
  assert.deepEqual([others.length, row.actor_id, row.target_id, row.project_id], [0, developer.id, c.id, p.id]);

  recover(c, incident);
  await told(incident, 'send health.degraded', 'update health.acknowledged', 'update health.recovered');
  assertError(await post(path, { token: developer.token, body: {} }), 409, 'ConflictError');
});

test('lists of incidents and alerts, newest first, in pages', async () => {
  const c = await check('listed'), other = await check('calm'), strangers = await project(org, owner);
  const ids = [];
  for (let i = 0; i < 3; i++) {
    ids.unshift(open(c));
    if (i < 2) recover(c, ids[0]);
  }
  const all = (await get(`/health-checks/${c.id}/incidents`, { token: viewer.token })).json;
  assert.deepEqual(all.map((i) => i.id), ids);
  assert.deepEqual(all.map((i) => i.endReason), [null, 'RECOVERED', 'RECOVERED']);
  assert.deepEqual([all[0].healthCheck, all[0].healthCheckId, all[0].projectId, all[0].error, all[0].flapping], ['listed', c.id, p.id, 'STATUS', false]);
  const first = await get(`/health-checks/${c.id}/incidents?limit=2`, token());
  const next = first.headers.get('link').match(/cursor=([^>&]+)/)[1];
  assert.deepEqual((await get(`/health-checks/${c.id}/incidents?limit=2&cursor=${next}`, token())).json.map((i) => i.id), [ids[2]]);
  assert.deepEqual((await get(`/projects/${p.id}/incidents?open=true`, token())).json.map((i) => i.id), [ids[0]]);
  assert.deepEqual((await get(`/projects/${p.id}/incidents?limit=3`, token())).json.map((i) => i.id), ids);
  assert.deepEqual(faultyFields(await get(`/projects/${p.id}/incidents?open=maybe`, token())), ['open']);
  const alerts = (await get(`/projects/${p.id}/health-checks/${c.id}/alerts`, token())).json;
  assert.deepEqual(alerts.map((a) => a.kind), ['OPENED', 'RECOVERED', 'OPENED', 'RECOVERED', 'OPENED']);
  assert.equal(alerts[0].incidentId, ids[0]);
  assert.deepEqual((await get(`/health-checks/${other.id}/alerts`, token())).json, []);
  assertError(await get(`/projects/${strangers.id}/health-checks/${c.id}/alerts`, token()), 404, 'NotFoundError');
  assertError(await post(`/health-checks/${other.id}/incidents/${ids[0]}/acknowledge`, { ...token(), body: {} }), 404, 'NotFoundError');
  assertError(await post(`/health-checks/${c.id}/incidents/${ids[0]}/acknowledge`, { token: apiToken(owner, 'read'), body: {} }), 403, 'ForbiddenError');
  assert.equal((await post(`/projects/${p.id}/health-checks/${c.id}/incidents/${ids[0]}/acknowledge`, { token: apiToken(owner, 'write'), body: {} })).status, 200);
});

test('a check that is switched off, or deleted, says so where it was told', async () => {
  const off = await check('off'), gone = await check('gone');
  const incidents = [open(off), open(gone)];
  await told(incidents[0], 'send health.degraded');
  await told(incidents[1], 'send health.degraded');
  assert.equal((await post(`/health-checks/${off.id}/disable`, token())).status, 200);
  assert.equal((await api('DELETE', `/health-checks/${gone.id}`, token())).status, 204);
  for (const incident of incidents) await told(incident, 'send health.degraded', 'update health.disabled');
  const [incident] = (await get(`/health-checks/${off.id}/incidents`, token())).json;
  assert.deepEqual([incident.endReason, incident.endedAt !== null], ['DISABLED', true]);
  assert.equal((await get(`/health-checks/${off.id}`, token())).json.lastStatus, null);
});

test('workers are killed while they announce: each alert is told once', async () => {
  const c = await check('many');
  const alerts = 60;
  for (let i = 0; i < alerts; i++) {
    alert(c, null, 'CERTIFICATE', `number ${i}.`);
    if (i % 20 === 10) (await workers()).forEach((pid) => kill(pid, 'SIGKILL'));
  }
  await until('all are announced', () => one('select count(*) as n from health_alerts where announced_at is null').n === 0, { seconds: 60 });
  await until('all are sent', () => one(`select count(*) as n from notifications where state = 'waiting'`).n === 0, { seconds: 60 });
  const ids = new Map();
  for (const { event, status } of recorder.seen) {
    if (status === 200 && /^number/.test(event.text)) ids.set(event.text, (ids.get(event.text) ?? new Set()).add(event.id));
  }
  assert.equal(ids.size, alerts, 'none is missing');
  for (const [text, set] of ids) assert.equal(set.size, 1, `${text} was announced twice`);
  assert.deepEqual(rows('select id from notifications where state <> \'waiting\''), []);
});
