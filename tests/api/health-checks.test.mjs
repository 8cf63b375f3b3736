// stack: --fast --env PROBE_ALLOW_CIDRS=10.20.0.0/16 --env PROBES=0
// seconds: 120
// Health checks as people make and change them: every fault has its name, secret headers stay secret, no two changes make what none of them may.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { api, assertError, get, post } from '../lib/client.mjs';
import { audit, faultyFields, member, organization, person, project } from '../lib/people.mjs';
import { open, openProjectKey } from '../lib/sealing.mjs';
import { one, rows, run } from '../lib/sql.mjs';

let owner, org, p, viewer;
const token = () => ({ token: owner.token });
const wish = { name: 'Shop', url: 'https://shop.example.org/health' };
const create = (fields = {}, { of = p, who = owner } = {}) => post(`/projects/${of.id}/health-checks`, { token: who.token, body: { ...wish, ...fields } });
const made = async (fields, more) => {
  const answer = await create(fields, more);
  assert.equal(answer.status, 201, answer.text);
  return answer.json;
};
const patch = (check, body) => api('PATCH', `/health-checks/${check.id}`, { ...token(), body });
const patched = async (check, body) => {
  const answer = await patch(check, body);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
};
const show = async (check) => (await get(`/health-checks/${check.id}`, token())).json;
const remove = (check) => api('DELETE', `/health-checks/${check.id}`, token());

before(async () => {
  owner = await person('owner');
  org = await organization(owner);
  viewer = await member(org, owner, 'VIEWER');
  p = await project(org, owner);
});

test('a check has its defaults, and is found in both places', async () => {
  const answer = await create();
  assert.equal(answer.status, 201, answer.text);
  const { id, createdAt, updatedAt, ...fields } = answer.json;
  assert.match(id, /^check_[0-9a-z]{26}$/);
  assert.deepEqual(fields, { projectId: p.id, previewId: null, ...wish, method: 'GET', headers: [], expectedMin: 200, expectedMax: 399, responseContains: null,
    responseMatches: null, jsonPath: null, jsonEquals: null, maxLatencyMs: null, intervalSec: 60, timeoutMs: 5000, redirects: 0, verifyTls: true, httpVersion: 'auto',
    failureThreshold: 3, recoveryThreshold: 2, alertCooldownMin: 30, reminderMin: 240, flapChanges: 6, flapWindowMin: 60, dependsOn: [], enabled: true,
    lastStatus: null, lastLatencyMs: null, lastCheckedAt: null, lastError: null, lastStatusCode: null, uptime: null, flapping: false, openIncidentId: null,
    certificateExpiresAt: null, inMaintenance: false });
  assert.deepEqual((await get(answer.headers.get('location'), token())).json, answer.json);
  assert.deepEqual((await get(`/projects/${p.id}/health-checks/${id}`, { token: viewer.token })).json, answer.json);
  assert.deepEqual((await get(`/projects/${p.id}/health-checks`, token())).json, [answer.json]);
  assert.equal(one(`select due_at <= now() as due from health_states where check_id = '${id}'`).due, true, 'it is looked at at once');
});

test('a check behind another project is not there, nor is one of strangers', async () => {
  const other = await project(org, owner), check = await made(), stranger = await person();
  for (const path of [`/projects/${other.id}/health-checks/${check.id}`, '/health-checks/check_00000000000000000000000000', '/health-checks/nonsense', `/projects/nonsense/health-checks/${check.id}`]) {
    assertError(await get(path, token()), 404, 'NotFoundError');
  }
  assertError(await get(`/health-checks/${check.id}`, { token: stranger.token }), 404, 'NotFoundError');
  assertError(await api('PATCH', `/health-checks/${check.id}`, { token: viewer.token, body: { name: 'x' } }), 403, 'ForbiddenError');
  for (const what of ['enable', 'disable']) assertError(await post(`/health-checks/${check.id}/${what}`, { token: viewer.token }), 403, 'ForbiddenError');
});

const bad = {
  name: ['', '   ', 'x'.repeat(81), 7, null, 'a\nb'],
  url: ['', 'shop.example.org', 'ftp://shop.example.org/', 'file:///etc/passwd', 'javascript:alert(1)', 'http://', 'https://user:pass@shop.example.org/', 'https://user@shop.example.org/',
    `https://shop.example.org/${'x'.repeat(10240)}`, 'https://shöp.example.org/', 'https://shop.example.org/ü', 'https://shop.example.org/\r\nHost: x', 'https://shop example.org/',
    'https://shop.example.org:99999/', 'http://127.0.0.1/', 'http://127.1/', 'http://2130706433/', 'http://0x7f000001/', 'http://[::1]/', 'http://[::ffff:127.0.0.1]/',
    'http://10.0.0.1/', 'http://169.254.169.254/latest/', 'http://0.0.0.0/', 8, null],
  method: ['get', 'PUT', 'DELETE', 'CONNECT', '', 1],
  expectedMin: [99, 600, '200', 200.5, null, 400],
  expectedMax: [99, 600, 199],
  responseContains: ['', 'x'.repeat(1001), 5, 'a\u0001'],
  responseMatches: ['', '(', '(a+)+\\1', 'a{1,9999}', '(?=x)', 'x'.repeat(257), 5],
  jsonPath: ['', 'status', '$.', '$..a', '$[', '$.a[*]', 'x'.repeat(257), 5],
  maxLatencyMs: [0, -1, 30001, '5', 6000],
  intervalSec: [9, 86401, 0, -1, 60.5, '60', null],
  timeoutMs: [999, 30001, '5000', null],
  redirects: [-1, 4, '1'],
  verifyTls: ['yes', 1, null],
  httpVersion: ['1', 2, '3', 'h2'],
  failureThreshold: [0, 21, 1.5], recoveryThreshold: [0, 21, 'x'], alertCooldownMin: [-1, 10081], reminderMin: [-1, 10081], flapChanges: [1, -1, 17], flapWindowMin: [0, 10081],
  dependsOn: ['check_00000000000000000000000000', ['nonsense'], [7], [null], {}, ['check_00000000000000000000000000'], Array(6).fill('check_00000000000000000000000000')],
  enabled: ['true', 0, null],
  headers: [{}, 'x', Array(17).fill({ name: 'a', value: 'b' })],
};

test('each fault is a 422 that names its field', async () => {
  for (const [field, values] of Object.entries(bad)) {
    for (const value of values) {
      const answer = await create({ [field]: value, ...(field === 'jsonPath' && { jsonEquals: 1 }) });
      assertError(answer, 422, 'ValidationError');
      assert.ok(faultyFields(answer).includes(field) && faultyFields(answer).every((f) => f === field || field === 'jsonPath'), `${field} = ${JSON.stringify(value)}: ${answer.text}`);
    }
  }
  assert.deepEqual(faultyFields(await post(`/projects/${p.id}/health-checks`, { ...token(), body: { colour: 1 } })), ['colour', 'name', 'url']);
  const twice = await create({ url: 'ftp://x', intervalSec: 1, method: 'x' });
  assert.deepEqual(faultyFields(twice), ['intervalSec', 'method', 'url'], 'all of them at once');
});

test('headers that are none are refused by their place', async () => {
  const fine = { name: 'Accept', value: 'a/b', secret: false };
  for (const wrong of [{ name: 'X', value: 'a\r\nb: c' }, { name: 'X\r\nY', value: 'a' }, { name: 'X Y', value: 'a' }, { name: '', value: 'a' }, { name: 'X:', value: 'a' }, { name: 'Host', value: 'a' },
    { name: 'Content-Length', value: '1' }, { name: 'Transfer-Encoding', value: 'x' }, { name: 'x'.repeat(129), value: 'a' }, { name: 'X', value: 'x'.repeat(4097) }, { name: 'X' }, { value: 'a' },
    { name: 'X', value: 'a', secret: 'yes' }, { name: 'X', value: 7 }, { name: 'X', value: 'a', more: 1 }, 'X: a', null, { name: 'accept', value: 'again' }]) {
    const answer = await create({ headers: [fine, wrong] });
    assertError(answer, 422, 'ValidationError');
    assert.deepEqual(faultyFields(answer), ['headers[1]'], `${JSON.stringify(wrong)}: ${answer.text}`);
  }
});

test('fields that contradict each other', async () => {
  const cases = [[{ timeoutMs: 20000, intervalSec: 10 }, 'timeoutMs'], [{ jsonPath: '$.a' }, 'jsonEquals'], [{ jsonEquals: 5 }, 'jsonEquals'], [{ method: 'HEAD', responseContains: 'x' }, 'responseContains'],
    [{ method: 'HEAD', responseMatches: 'x' }, 'responseMatches'], [{ method: 'HEAD', jsonPath: '$.a', jsonEquals: 1 }, 'jsonPath'], [{ expectedMin: 300, expectedMax: 299 }, 'expectedMax'],
    [{ maxLatencyMs: 5001 }, 'maxLatencyMs']];
  for (const [fields, field] of cases) {
    const answer = await create(fields);
    assertError(answer, 422, 'ValidationError');
    assert.deepEqual(faultyFields(answer), [field], answer.text);
  }
  const check = await made({ intervalSec: 10, responseContains: 'ok', jsonPath: '$.a', jsonEquals: 1 });
  assert.deepEqual(faultyFields(await patch(check, { timeoutMs: 10001 })), ['timeoutMs'], 'with what is stored');
  assert.deepEqual(faultyFields(await patch(check, { method: 'HEAD' })), ['method', 'method']);
  assert.deepEqual(faultyFields(await patch(check, { expectedMin: 500 })), ['expectedMin']);
  run(`update health_checks set interval_ms = 200 where id = '${check.id}'`);
  assert.equal((await patched(check, { failureThreshold: 1 })).failureThreshold, 1, 'who does not touch it is not told of it');
  assert.equal(one(`select interval_ms from health_checks where id = '${check.id}'`).interval_ms, 200);
});

test('what is good is taken as it was meant', async () => {
  const good = { url: 'https://Shop.Example.ORG/a%20b?x=1#part', method: 'POST', headers: [{ name: 'Accept', value: 'a/b', secret: false }], expectedMin: 100, expectedMax: 599, responseContains: '"ok" <b>',
    responseMatches: '^(ok|fine)+$', jsonPath: "$.a['b c'][0]", jsonEquals: { deep: [1, 2.5, null, true, 'text "quoted"', { 'ü k': -0.125 }] }, maxLatencyMs: 10000, intervalSec: 10, timeoutMs: 10000,
    redirects: 3, verifyTls: false, httpVersion: '2', failureThreshold: 20, recoveryThreshold: 1, alertCooldownMin: 0, reminderMin: 0, flapChanges: 0, flapWindowMin: 10080, enabled: false };
  const check = await made(good);
  assert.deepEqual(Object.fromEntries(Object.keys(good).map((key) => [key, check[key]])), { ...good, url: 'https://shop.example.org/a%20b?x=1' });
  assert.equal(one(`select due_at from health_states where check_id = '${check.id}'`).due_at, null, 'one that is switched off is not looked at');
  for (const value of [null, false, 0, '', [], {}, 'x']) assert.deepEqual((await patched(check, { jsonEquals: value })).jsonEquals, value);
  const bare = await patched(check, { responseContains: null, responseMatches: null, jsonPath: null, maxLatencyMs: null, headers: [], dependsOn: [] });
  assert.deepEqual([bare.responseContains, bare.responseMatches, bare.jsonPath, bare.jsonEquals, bare.maxLatencyMs, bare.headers], [null, null, null, null, null, []]);
  for (const url of ['http://10.20.30.40/', 'https://xn--shp-sna.example.org/', 'http://[2606:4700::1111]/', 'https://shop.example.org:8443/']) assert.equal((await create({ url })).status, 201, url);
});

// ---- headers ----

const sealedOf = (check) => Object.fromEntries(rows(`select name, encode(sealed, 'hex') as sealed, mask from health_check_headers where check_id = '${check.id}'`).map((row) => [row.name, row]));
function opened(check, name) {
  const master = Buffer.from(process.env.ENCRYPTION_KEY_BASE64, 'base64');
  const key = openProjectKey(master, p.id, Buffer.from(one(`select encode(wrapped, 'hex') as wrapped from project_keys where project_id = '${p.id}'`).wrapped, 'hex'));
  return open(key, ['health_check_headers', check.id, name], Buffer.from(sealedOf(check)[name].sealed, 'hex')).toString();
}

test('secret headers are sealed and masked, and a mask that is sent back keeps them', async () => {
  const headers = [{ name: 'Authorization', value: 'Bearer S3cretOfTheTarget' }, { name: 'X-Api-Key', value: 'xoxb-An0therSecret', secret: true }, { name: 'Accept', value: 'text/plain', secret: false }];
  const check = await made({ headers });
  assert.deepEqual(check.headers, [{ name: 'Accept', value: 'text/plain', secret: false }, { name: 'Authorization', value: '***', secret: true }, { name: 'X-Api-Key', value: 'xoxb-***', secret: true }]);
  assert.equal(opened(check, 'Authorization'), 'Bearer S3cretOfTheTarget');
  assert.equal(opened(check, 'X-Api-Key'), 'xoxb-An0therSecret');
  const before = sealedOf(check);

  const same = await patched(check, { headers: check.headers });
  assert.deepEqual(same.headers, check.headers);
  assert.deepEqual(sealedOf(check), before, 'the masks kept what is stored');
  await patched(check, { name: 'Another name' });
  assert.deepEqual(sealedOf(check), before);
  const other = await patched(check, { headers: [{ name: 'authorization', value: '***' }, { name: 'X-Api-Key', value: 'N3wSecret' }] });
  assert.deepEqual(other.headers, [{ name: 'Authorization', value: '***', secret: true }, { name: 'X-Api-Key', value: '***', secret: true }]);
  assert.equal(opened(check, 'Authorization'), 'Bearer S3cretOfTheTarget');
  assert.equal(opened(check, 'X-Api-Key'), 'N3wSecret');
  const shown = await patch(check, { headers: [{ name: 'Authorization', value: '***', secret: false }] });
  assert.deepEqual(faultyFields(shown), ['headers[0]']);
  assert.match(shown.text, /send its value/);
  assert.deepEqual((await patched(check, { headers: [] })).headers, []);
  assert.deepEqual(sealedOf(check), {});

  const log = JSON.stringify(audit(org).filter((row) => row.target_id === check.id));
  for (const secret of ['S3cretOfTheTarget', 'An0therSecret', 'N3wSecret', 'text/plain', '***']) assert.ok(!log.includes(secret), `the audit has ${secret}`);
});

test('who may change a check cannot have its secrets sent elsewhere, or where they can be read', async () => {
  const secret = { name: 'Authorization', value: 'Bearer S3cretOfTheTarget' }, plain = { name: 'Accept', value: 'a/b', secret: false };
  const check = await made({ url: 'https://shop.example.org/health', headers: [secret, plain] });
  for (const change of [{ url: 'https://thief.example.org/health' }, { url: 'https://shop.example.org:8443/health' }, { url: 'http://shop.example.org/health' }, { verifyTls: false }]) {
    for (const headers of [{}, { headers: check.headers }, { headers: [{ name: 'authorization', value: '***' }] }]) {
      const answer = await patch(check, { ...change, ...headers });
      assertError(answer, 422, 'ValidationError');
      assert.deepEqual(faultyFields(answer), ['headers'], answer.text);
    }
  }
  assert.equal((await show(check)).url, check.url);
  assert.equal((await patched(check, { url: 'https://SHOP.example.org:443/other?x=1' })).url, 'https://shop.example.org:443/other?x=1', 'the same place');
  await patched(check, { url: 'https://new.example.org/', headers: [{ ...secret, value: 'for the new one' }, plain] });
  assert.equal(opened(check, 'Authorization'), 'for the new one');
  await patched(check, { verifyTls: false, headers: [secret] });
  await patched(check, { name: 'with it switched off', verifyTls: false });
  await patched(check, { url: 'https://third.example.org/', headers: [plain] });
  await patched(check, { url: 'http://8.8.8.8/' });
  for (const [fields, field] of [[{ headers: [secret] }, 'headers'], [{ headers: [secret], url: 'http://9.9.9.9/' }, 'url']]) {
    const answer = await patch(check, fields);
    assert.deepEqual(faultyFields(answer), [field], answer.text);
    assert.match(answer.text, /use https/);
  }
  assert.deepEqual(faultyFields(await create({ url: 'http://8.8.8.8/', headers: [secret] })), ['url']);
  await patched(check, { url: 'http://10.20.30.40/', headers: [secret] });
});

test('the query of an URL may hold a secret: the audit has that it changed, not what it is', async () => {
  const check = await made({ url: 'https://shop.example.org/health?token=S3cretInTheQuery' });
  await patched(check, { url: 'https://shop.example.org/health?token=An0therInTheQuery' });
  await patched(check, { url: 'https://shop.example.org/other' });
  await remove(check);
  const log = audit(org).filter((row) => row.target_id === check.id);
  const cut = 'https://shop.example.org/health?***';
  assert.deepEqual(log.map((row) => [row.before.url, row.after.url]), [[undefined, cut], [cut, cut], [cut, 'https://shop.example.org/other'], ['https://shop.example.org/other', undefined]]);
  assert.doesNotMatch(JSON.stringify(log), /InTheQuery/);
});

// ---- dependencies ----

test('dependencies stay in the project, make no circle, and end with what they are on', async () => {
  const [a, b, c] = [await made({ name: 'a' }), await made({ name: 'b' }), await made({ name: 'c' })];
  const foreign = await made({}, { of: await project(org, owner) });
  await patched(b, { dependsOn: [a.id, a.id] });
  assert.deepEqual((await patched(c, { dependsOn: [b.id] })).dependsOn, [b.id]);
  for (const [check, id] of [[a, c.id], [a, b.id], [a, a.id], [b, c.id], [a, foreign.id]]) {
    const answer = await patch(check, { dependsOn: [id] });
    assertError(answer, 422, 'ValidationError');
    assert.deepEqual(faultyFields(answer), ['dependsOn'], answer.text);
  }
  assert.equal((await remove(a)).status, 204);
  assert.deepEqual((await show(b)).dependsOn, []);
  const pair = [await made({ name: 'x' }), await made({ name: 'y' })]; // two that ask at the same moment: one is told of the circle
  for (let i = 0; i < 10; i++) {
    const answers = await Promise.all([patch(pair[0], { dependsOn: [pair[1].id] }), patch(pair[1], { dependsOn: [pair[0].id] })]);
    assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 422]);
    for (const check of pair) await patched(check, { dependsOn: [] });
  }
});

test('changes of one check at the same moment: none is lost unseen', async () => {
  const check = await made();
  const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => patch(check, i % 2 ? { reminderMin: 10 + i } : { alertCooldownMin: 10 + i })));
  for (const answer of answers) assert.ok([200, 409].includes(answer.status), answer.text);
  const log = audit(org, 'check.change').filter((row) => row.target_id === check.id), now = await show(check);
  assert.equal(log.length, answers.filter((answer) => answer.status === 200).length);
  let state = { reminderMin: 240, alertCooldownMin: 30 };
  for (const row of log) {
    for (const [key, value] of Object.entries(row.before)) assert.equal(state[key], value, 'each began where the one before it ended');
    state = { ...state, ...row.after };
  }
  assert.deepEqual([now.reminderMin, now.alertCooldownMin], [state.reminderMin, state.alertCooldownMin]);
});

test('switched off and on, and deleted; all of it is in the audit', async () => {
  const check = await made({ headers: [{ name: 'X-Key', value: 'value of it' }] });
  const turn = async (what) => (await post(`/health-checks/${check.id}/${what}`, token()));
  assert.equal((await turn('disable')).json.enabled, false);
  assert.equal(one(`select due_at from health_states where check_id = '${check.id}'`).due_at, null);
  assert.equal((await turn('disable')).status, 200);
  assert.equal((await post(`/projects/${p.id}/health-checks/${check.id}/enable`, token())).json.enabled, true);
  assert.ok(one(`select due_at from health_states where check_id = '${check.id}'`).due_at);
  assert.equal((await turn('enable')).status, 200);
  assert.equal(opened(check, 'X-Key'), 'value of it');
  await patched(check, { failureThreshold: 5, headers: [{ name: 'X-Key', value: 'another one' }] });
  await patched(check, { failureThreshold: 5 });
  assert.equal((await remove(check)).status, 204);
  assertError(await get(`/health-checks/${check.id}`, token()), 404, 'NotFoundError');
  const log = audit(org).filter((row) => row.target_id === check.id);
  assert.deepEqual(log.map((row) => [row.action, row.target_kind, row.project_id]), ['add', 'disable', 'enable', 'change', 'remove'].map((word) => [`check.${word}`, 'check', p.id]));
  assert.equal(log[0].after.url, wish.url);
  assert.deepEqual([log[0].after.headers, log[0].after.secretsSet], [['X-Key'], ['X-Key']]);
  assert.deepEqual(log.slice(1, 4).map((row) => [row.before, row.after]),
    [[{ enabled: true }, { enabled: false }], [{ enabled: false }, { enabled: true }], [{ failureThreshold: 3 }, { failureThreshold: 5, secretsSet: ['X-Key'] }]]);
  assert.equal(log[4].before.failureThreshold, 5);
});

test('at most 500 of a project; the list comes in pages', async () => {
  const full = await project(org, owner);
  run(`insert into health_checks (id, project_id, name, url) select id_new('check_'), '${full.id}', 'c' || n, 'https://a.example/' from generate_series(1, 499) n`);
  await made({}, { of: full });
  const answer = await create({}, { of: full });
  assertError(answer, 409, 'ConflictError');
  assert.match(answer.text, /500/);
  const seen = [];
  for (let path = `/projects/${full.id}/health-checks?limit=200`; path;) {
    const page = await get(path.replace(/^https?:\/\/[^/]+/, ''), token());
    seen.push(...page.json.map((check) => check.id));
    path = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1];
  }
  assert.equal(new Set(seen).size, 500);
  assert.deepEqual(seen, [...seen].sort().reverse());
});

test('uptime and what was seen last are shown', async () => {
  const check = await made();
  run(`insert into health_rollups (check_id, step, at, ok, failed, inconclusive, latency_sum) values ('${check.id}', 60, date_trunc('hour', now()), 299, 1, 50, 0);
    update health_states set status = 'DEGRADED', last_latency_ms = 12, last_checked_at = '2026-11-01T10:00:00Z', last_error = 'STATUS', last_status_code = 503 where check_id = '${check.id}'`);
  const { uptime, lastStatus, lastLatencyMs, lastCheckedAt, lastError, lastStatusCode } = await show(check);
  assert.deepEqual({ uptime, lastStatus, lastLatencyMs, lastCheckedAt, lastError, lastStatusCode },
    { uptime: 99.666, lastStatus: 'DEGRADED', lastLatencyMs: 12, lastCheckedAt: '2026-11-01T10:00:00.000Z', lastError: 'STATUS', lastStatusCode: 503 });
});

test('a project that is being deleted gets no check any more', async () => {
  const going = await project(org, owner), check = await made({}, { of: going });
  run(`update projects set deleting_at = now() where id = '${going.id}'`);
  assertError(await create({}, { of: going }), 409, 'ConflictError');
  assertError(await patch(check, { name: 'x' }), 409, 'ConflictError');
});
