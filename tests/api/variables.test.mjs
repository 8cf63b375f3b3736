// Variables of environments: set, changed, deleted, rolled back, shown. What may not be seen is looked for in everything that is answered
// and stored.
// stack: --fast --env RATE_LIMIT_REVEAL=100
// seconds: 240
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, test } from 'node:test';
import { api, assertError, get, post } from '../lib/client.mjs';
import { apiToken, audit, faultyFields, member, organization, person, project } from '../lib/people.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

let owner, org, developer, viewer;

before(async () => {
  owner = await person('owner');
  org = await organization(owner);
  developer = await member(org, owner, 'DEVELOPER');
  viewer = await member(org, owner, 'VIEWER');
});

// The three environments of a new project, by name.
async function environments(who = owner) {
  const p = await project(org, owner);
  const answer = await get(`/projects/${p.id}/environments`, { token: who.token });
  assert.equal(answer.status, 200, answer.text);
  return { project: p, ...Object.fromEntries(answer.json.map((e) => [e.name, e])) };
}

const at = (e, key = '', more = '') => `/environments/${e.id}/envvars${key && `/${key}`}${more}`;
const add = (e, body, who = developer) => post(at(e), { token: who.token, body });
const put = (e, key, body, who = developer) => api('PUT', at(e, key), { token: who.token, body });
const remove = (e, key, who = developer) => api('DELETE', at(e, key), { token: who.token });
const show = (e, key, who = viewer) => get(at(e, key), { token: who.token });
const versions = async (e, key) => (await get(at(e, key, '/versions'), { token: viewer.token })).json;
const rollback = (e, key, version, who = developer) => post(at(e, key, '/rollback'), { token: who.token, body: { version } });
const reveal = (e, key, body = {}, who = owner) => post(at(e, key, '/reveal'), { token: who.token, body: { reason: 'a test asks', ...body } });
const valueOf = async (e, key, version) => {
  const answer = await reveal(e, key, version ? { version } : {});
  assert.equal(answer.status, 200, answer.text);
  return answer.json.value;
};
const states = async (e, key) => Object.fromEntries((await versions(e, key)).map((v) => [v.version, v.state]));
const outcome = (answer) => [answer.status, answer.json.outcome, answer.json.version];

test('every project has three environments from the start, and they are empty', async () => {
  const { PREVIEW, STAGING, PRODUCTION } = await environments(viewer);
  for (const e of [PREVIEW, STAGING, PRODUCTION]) assert.deepEqual([e.id.slice(0, 4), e.vars], ['env_', []]);
  assert.deepEqual((await get(at(STAGING), { token: viewer.token })).json, []);
});

test('a value is masked everywhere from the moment it is set; with a reason it is shown as it was', async () => {
  const e = (await environments()).PREVIEW, slack = `xoxb-${randomBytes(12).toString('hex')}`, plain = `s3cr3t ${randomBytes(12).toString('hex')}`;
  const answers = [await add(e, { key: 'SLACK_TOKEN', value: slack }), await add(e, { key: 'PLAIN', value: plain, forkSafe: true, buildOnly: true })];
  assert.deepEqual(answers.map(outcome), [[201, 'created', 1], [201, 'created', 1]]);
  assert.ok(answers[0].headers.get('location').endsWith(at(e, 'SLACK_TOKEN')));
  assert.equal(await valueOf(e, 'SLACK_TOKEN'), slack);
  answers.push(await show(e, 'SLACK_TOKEN'), await show(e, 'PLAIN'), await get(at(e), { token: viewer.token }), await get(at(e, 'PLAIN', '/versions'), { token: viewer.token }),
    await get(at(e, 'export'), { token: viewer.token }), await get(`/projects/${one(`select project_id as id from environments where id = '${e.id}'`).id}/environments`, { token: viewer.token }));
  assert.equal(answers[2].json.mask, 'xoxb-***');
  assert.deepEqual((({ mask, version, forkSafe, buildOnly, source, changedBy }) => ({ mask, version, forkSafe, buildOnly, source, changedBy }))(answers[3].json),
    { mask: '***', version: 1, forkSafe: true, buildOnly: true, source: 'SET', changedBy: developer.email });
  assert.deepEqual(answers[4].json.map((v) => v.key), ['PLAIN', 'SLACK_TOKEN']);
  assert.match(answers[6].text, /^# PLAIN=\*\*\*\n# SLACK_TOKEN=xoxb-\*\*\*$/m);
  assert.deepEqual(answers[7].json[0].vars.map((v) => [v.key, v.mask]), [['PLAIN', '***'], ['SLACK_TOKEN', 'xoxb-***']]);
  const shown = await reveal(e, 'PLAIN');
  assert.deepEqual([shown.status, shown.json, shown.headers.get('cache-control')], [200, { key: 'PLAIN', version: 1, value: plain }, 'no-store']);
  const stored = rows("select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'")
    .map(({ name }) => run(`select t::text from ${name} t`)).join('\n');
  for (const value of [slack.slice(5), plain]) {
    for (const answer of answers) assert.ok(!answer.text.includes(value), answer.text);
    for (const form of [value, Buffer.from(value).toString('hex'), Buffer.from(value).toString('base64')]) assert.ok(!stored.includes(form));
  }
});

test('each new value is a version; the same value is none, and neither are flags', async () => {
  const e = (await environments()).PREVIEW;
  assert.deepEqual(outcome(await add(e, { key: 'A', value: 'one' })), [201, 'created', 1]);
  assertError(await add(e, { key: 'A', value: 'two' }), 409, 'ConflictError');
  assert.deepEqual(outcome(await put(e, 'A', { value: 'two' })), [200, 'updated', 2]);
  assert.deepEqual(outcome(await put(e, 'A', { value: 'two' })), [200, 'unchanged', 2]);
  assert.deepEqual(outcome(await put(e, 'A', { value: 'two', forkSafe: false })), [200, 'unchanged', 2]);
  const flagged = await put(e, 'A', { forkSafe: true });
  assert.deepEqual([...outcome(flagged), flagged.json.forkSafe, flagged.json.buildOnly], [200, 'updated', 2, true, false]);
  const both = await put(e, 'A', { value: 'three', buildOnly: true });
  assert.deepEqual([...outcome(both), both.json.forkSafe, both.json.buildOnly], [200, 'updated', 3, true, true]);
  assert.deepEqual(await states(e, 'A'), { 1: 'RETIRED', 2: 'RETIRED', 3: 'ACTIVE' });
  assert.deepEqual([await valueOf(e, 'A', 1), await valueOf(e, 'A', 2), await valueOf(e, 'A')], ['one', 'two', 'three']);
  const [last, , first] = await versions(e, 'A');
  assert.deepEqual([last.createdBy, last.source, last.endedAt, last.reason], [developer.email, 'SET', null, null]);
  assert.ok(first.activatedAt <= first.endedAt);
  assertError(await reveal(e, 'A', { version: 4 }), 404, 'NotFoundError');
});

test('who says which version he has seen changes no other', async () => {
  const e = (await environments()).PREVIEW;
  await add(e, { key: 'A', value: 'one' });
  assert.deepEqual(outcome(await put(e, 'A', { value: 'two', version: 1 })), [200, 'updated', 2]);
  const late = await put(e, 'A', { value: 'other', version: 1 });
  assertError(late, 409, 'ConflictError');
  assert.deepEqual(late.json.details, [{ field: 'version', message: 'is 2 now' }]);
  assertError(await put(e, 'A', { forkSafe: true, version: 1 }), 409, 'ConflictError');
  assert.deepEqual([await valueOf(e, 'A'), (await show(e, 'A')).json.forkSafe], ['two', false]);
});

test('of changes at the same time each makes a version or is told of another: never two are active', async () => {
  const e = (await environments()).PREVIEW;
  let conflicts = 0, version = 1;
  await add(e, { key: 'A', value: '0' });
  for (let round = 0; round < 10; round++) {
    const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => put(e, 'A', { value: `${round} ${i}` })));
    const won = answers.filter((a) => a.status === 200);
    assert.ok(won.length >= 1);
    for (const a of answers.filter((one) => one.status !== 200)) {
      assertError(a, 409, 'ConflictError');
      assert.match(a.json.details[0].message, /^is \d+ now$/);
      conflicts++;
    }
    version += won.length;
    assert.deepEqual(Object.entries(await states(e, 'A')).filter(([, s]) => s === 'ACTIVE'), [[String(version), 'ACTIVE']]);
    const last = won.find((a) => a.json.version === version);
    assert.equal(await valueOf(e, 'A'), JSON.parse(JSON.stringify(`${round} ${answers.indexOf(last)}`)));
  }
  assert.ok(conflicts > 0, 'no two of 80 changes met');
  assert.equal(one(`select count(*)::int as n from env_var_versions x join env_vars v on v.id = x.var_id where v.environment_id = '${e.id}'`).n, version);
  const created = await Promise.all(Array.from({ length: 6 }, (_, i) => add(e, { key: 'B', value: `${i}` })));
  assert.deepEqual(created.map((a) => a.status).sort(), [201, 409, 409, 409, 409, 409]);
});

test('what is deleted is gone from lists; its versions stay, numbers go on, and a rollback brings it back', async () => {
  const e = (await environments()).PREVIEW;
  await add(e, { key: 'A', value: 'one', forkSafe: true });
  assert.equal((await remove(e, 'A')).status, 204);
  for (const answer of [await show(e, 'A'), await put(e, 'A', { value: 'x' }), await remove(e, 'A'), await reveal(e, 'A')]) assertError(answer, 404, 'NotFoundError');
  assert.deepEqual((await get(at(e), { token: viewer.token })).json, []);
  assert.deepEqual(await states(e, 'A'), { 1: 'RETIRED' });
  const again = await add(e, { key: 'A', value: 'one' });
  assert.deepEqual([...outcome(again), again.json.forkSafe], [201, 'created', 2, false]);
  await put(e, 'A', { forkSafe: true });
  assert.equal((await remove(e, 'A')).status, 204);
  const back = await rollback(e, 'A', 1);
  assert.deepEqual([...outcome(back), back.json.source, back.json.forkSafe], [200, 'created', 3, 'ROLLBACK', true]);
  assert.deepEqual([await states(e, 'A'), await valueOf(e, 'A')], [{ 1: 'RETIRED', 2: 'RETIRED', 3: 'ACTIVE' }, 'one']);
});

test('a rollback is a new version with the old value', async () => {
  const e = (await environments()).PREVIEW;
  await add(e, { key: 'A', value: 'one' });
  await put(e, 'A', { value: 'two' });
  assert.deepEqual(outcome(await rollback(e, 'A', 1)), [200, 'updated', 3]);
  assert.equal(await valueOf(e, 'A'), 'one');
  assert.deepEqual((await versions(e, 'A')).map((v) => [v.version, v.state, v.source]), [[3, 'ACTIVE', 'ROLLBACK'], [2, 'RETIRED', 'SET'], [1, 'RETIRED', 'SET']]);
  assert.deepEqual(outcome(await rollback(e, 'A', 1)), [200, 'unchanged', 3]);
  assertError(await rollback(e, 'A', 9), 404, 'NotFoundError');
  assertError(await rollback(e, 'B', 1), 404, 'NotFoundError');
  assert.deepEqual(faultyFields(await rollback(e, 'A', 0)), ['version']);
});

test('an earlier value is GRACE while a deployment runs with it; what a rotation was trying has failed', async () => {
  const { project: p, PREVIEW: e } = await environments();
  const { id } = (await add(e, { key: 'A', value: 'one' })).json;
  run(`insert into previews (id, project_id, pr_number, title, branch, base_branch, author, html_url, from_fork, pr_open, pr_updated_at, reopened, desired, desired_why,
      sha, before_sha, changed_by, settled_generation, status, detail, visible)
    values ('deploy_${p.id}', '${p.id}', 1, 'x', 'x', 'main', 'x', '', false, true, now(), false, 'deployed', 'OPEN', '${'a'.repeat(40)}', '', 'x', 1, 'READY', 'READY', true);
    insert into preview_attempts (id, preview_id, generation, sha, branch, provider, state, deadline_at)
    select 'att_' || state || '${p.id}', 'deploy_${p.id}', 1, 'a', 'x', 'mock', state, now() from unnest(array['gone', 'created']) state;
    insert into attempt_variables (attempt_id, var_id, version, fingerprint) values ('att_gone${p.id}', '${id}', 1, ''), ('att_created${p.id}', '${id}', 2, '')`);
  await put(e, 'A', { value: 'two' });
  assert.deepEqual(await states(e, 'A'), { 1: 'RETIRED', 2: 'ACTIVE' });
  run(`insert into env_var_versions (var_id, version, state, sealed, key_id, mask, fingerprint, source) values ('${id}', 3, 'PENDING', '\\x00', '', '***', '', 'ROTATION');
    update env_vars set last_version = 3 where id = '${id}'`);
  assert.equal((await show(e, 'A')).json.pendingVersion, 3);
  assertError(await rollback(e, 'A', 3), 409, 'ConflictError');
  assert.deepEqual(outcome(await put(e, 'A', { value: 'four' })), [200, 'updated', 4]);
  assert.deepEqual(await states(e, 'A'), { 1: 'RETIRED', 2: 'GRACE', 3: 'FAILED', 4: 'ACTIVE' });
  const failed = (await versions(e, 'A')).find((v) => v.version === 3);
  assert.equal(failed.reason, 'another value was set while it waited');
  assert.ok(failed.endedAt);
  run(`insert into attempt_variables (attempt_id, var_id, version, fingerprint) values ('att_gone${p.id}', '${id}', 4, '') on conflict (attempt_id, var_id) do update set version = 4;
    update attempt_variables set version = 4 where attempt_id = 'att_created${p.id}'`);
  assert.equal((await remove(e, 'A')).status, 204);
  assert.equal((await states(e, 'A'))[4], 'GRACE');
});

test('keys and values that cannot be are refused by name, and the longest are taken', async () => {
  const e = (await environments()).PREVIEW;
  for (const key of ['', 'a', '1A', 'A-B', 'A B', 'Ä', 'A.B', 'K'.repeat(129), 7, null]) {
    const answer = await add(e, { key, value: 'x' });
    assertError(answer, 422, 'ValidationError');
    assert.deepEqual(faultyFields(answer), ['key'], String(key));
  }
  for (const value of [undefined, null, 7, {}, 'x'.repeat(65537), '***', 'xoxb-***']) {
    const answer = await add(e, { key: 'A', value });
    assertError(answer, 422, 'ValidationError');
    assert.deepEqual(faultyFields(answer), ['value'], String(value).slice(0, 20));
  }
  const raw = (body) => post(at(e), { token: developer.token, body: Buffer.from(body, 'latin1'), headers: { 'content-type': 'application/json' } });
  assertError(await raw('{"key":"A","value":"\\u0000"}'), 400, 'BadRequestError');
  assertError(await raw('{"key":"A","value":"\xff"}'), 400, 'BadRequestError');
  assertError(await raw('{"key":"A","value":"\\ud800"}'), 400, 'BadRequestError');
  assertError(await put(e, 'a', { value: 'x' }), 404, 'NotFoundError');
  assertError(await put(e, 'A', { value: 'x' }), 404, 'NotFoundError');
  assert.deepEqual((await get(at(e), { token: viewer.token })).json, []);
  const values = { EMPTY: '', ['K'.repeat(128)]: 'k', _: '\t\r\n\u0001\u007f"\\', PEM: '-----BEGIN-----\nabc\n', LONG: '\u0001'.repeat(65536), UNICODE: '東京 🦀' };
  for (const [key, value] of Object.entries(values)) {
    assert.deepEqual(outcome(await add(e, { key, value })), [201, 'created', 1], key);
    assert.equal(await valueOf(e, key), value);
  }
  const nothing = await put(e, 'EMPTY', {});
  assertError(nothing, 422, 'ValidationError');
  assert.deepEqual(outcome(await put(e, 'EMPTY', { value: '' })), [200, 'unchanged', 1]);
});

test('the values of an environment have at most 1 MiB in all', async () => {
  const e = (await environments()).PREVIEW;
  const large = 'x'.repeat(65536);
  for (let i = 0; i < 16; i++) assert.equal((await add(e, { key: `L${i}`, value: large })).status, 201);
  assert.equal((await add(e, { key: 'EMPTY', value: '' })).status, 201);
  const more = await add(e, { key: 'SMALL', value: 'x' });
  assertError(more, 422, 'ValidationError');
  assert.match(more.json.message, /^the values of an environment have at most 1024 KiB in all/);
  assert.equal((await put(e, 'L0', { value: large.slice(1) })).status, 200);
  assert.equal((await add(e, { key: 'SMALL', value: 'x' })).status, 201);
});

test('an environment has at most 1,000 variables', async () => {
  const e = (await environments()).PREVIEW;
  const text = (n, from = 0) => Array.from({ length: n }, (_, i) => `K${from + i}=${i}`).join('\n');
  const load = (body) => post(at(e, 'import'), { token: developer.token, body: { text: body } });
  const all = await load(text(999));
  assert.deepEqual([all.status, all.json.created], [200, 999]);
  assertError(await load(text(2, 999)), 422, 'ValidationError');
  assert.equal((await add(e, { key: 'K999', value: 'x' })).status, 201);
  const full = await add(e, { key: 'K1000', value: 'x' });
  assertError(full, 422, 'ValidationError');
  assert.match(full.json.message, /at most 1000 variables/);
  assert.equal((await put(e, 'K5', { value: 'changed' })).status, 200);
  assert.equal((await remove(e, 'K5')).status, 204);
  assert.equal((await add(e, { key: 'K1000', value: 'x' })).status, 201);
  assert.equal((await rollback(e, 'K5', 1)).status, 422);
  assert.equal((await get(at(e), { token: viewer.token })).json.length, 1000);
});

test('viewers see masks, developers change, maintainers see values; tokens do what they are for', async () => {
  const { project: p, PREVIEW: e } = await environments();
  const other = await environments();
  await add(e, { key: 'A', value: 'one' });
  assertError(await put(e, 'A', { value: 'x' }, viewer), 403, 'ForbiddenError');
  assertError(await reveal(e, 'A', {}, developer), 403, 'ForbiddenError');
  assertError(await post(at(e, 'export'), { token: developer.token, body: { reason: 'a test asks' } }), 403, 'ForbiddenError');
  const reads = apiToken(owner, 'read'), here = apiToken(owner, 'admin', p.id), writes = apiToken(owner, 'write');
  assert.equal((await get(at(e, 'A'), { token: reads })).status, 200);
  for (const [method, path] of [['PUT', at(e, 'A')], ['POST', at(e, 'A', '/reveal')], ['DELETE', at(e, 'A')], ['POST', at(e, 'import')]])
    assertError(await api(method, path, { token: reads, body: {} }), 403, 'ForbiddenError');
  assertError(await reveal(e, 'A', {}, { token: writes }), 403, 'ForbiddenError');
  assert.equal((await reveal(e, 'A', {}, { token: here })).json.value, 'one');
  assertError(await get(at(other.PREVIEW), { token: here }), 404, 'NotFoundError');
  const stranger = await person();
  for (const [method, path] of [['GET', at(e)], ['GET', at(e, 'A')], ['PUT', at(e, 'A')], ['POST', at(e, 'A', '/reveal')], ['GET', `/projects/${p.id}/environments`]])
    assertError(await api(method, path, { token: stranger.token, ...(method === 'GET' ? {} : { body: { value: 'x' } }) }), 404, 'NotFoundError');
  assert.equal(await valueOf(e, 'A'), 'one');
});

test('the audit says who did what to which version and why, and never a value', async () => {
  const { project: p, STAGING: e } = await environments();
  const { id } = (await add(e, { key: 'A', value: 'first value' })).json;
  await put(e, 'A', { value: 'second value', forkSafe: true });
  await put(e, 'A', { buildOnly: true });
  await put(e, 'A', { value: 'second value' });
  await rollback(e, 'A', 1);
  await reveal(e, 'A', { reason: ' the database moves ', version: 2 });
  await post(at(e, 'export'), { token: owner.token, body: { reason: 'a copy' } });
  await remove(e, 'A');
  const seen = (await audit(org)).filter((row) => row.project_id === p.id && /^variable/.test(row.action));
  assert.deepEqual(seen.map((row) => row.action),
    ['variable.add', 'variable.change', 'variable.change', 'variable.rollback', 'variable.reveal', 'variable.export', 'variable.remove']);
  const facts = { key: 'A', environment: 'STAGING', mask: '***' };
  assert.deepEqual(seen[0].after, { ...facts, version: 1, forkSafe: false, buildOnly: false, source: 'SET' });
  assert.deepEqual([seen[1].before, seen[1].after], [{ ...facts, version: 1, forkSafe: false, buildOnly: false },
    { ...facts, version: 2, forkSafe: true, buildOnly: false, source: 'SET' }]);
  assert.deepEqual(seen[2].after, { ...facts, version: 2, forkSafe: true, buildOnly: true });
  assert.deepEqual([seen[3].after.version, seen[3].after.source], [3, 'ROLLBACK']);
  assert.deepEqual([seen[4].after, seen[4].actor_id], [{ key: 'A', environment: 'STAGING', version: 2, reason: 'the database moves' }, owner.id]);
  assert.deepEqual(seen[5].after, { environment: 'STAGING', reason: 'a copy', variables: { A: 3 } });
  assert.equal(seen[6].before.version, 3);
  for (const row of seen) assert.ok(!/(first|second) value/.test(JSON.stringify(row)));
  assert.deepEqual([...new Set(seen.filter((row) => row.target_kind === 'variable').map((row) => row.target_id))], [id]);
});

test('a reason is needed to see a value', async () => {
  const e = (await environments()).PREVIEW;
  await add(e, { key: 'A', value: 'one' });
  for (const reason of [undefined, '', '  ', 'no', 'x'.repeat(501), 7]) {
    const answer = await reveal(e, 'A', { reason });
    assertError(answer, 422, 'ValidationError');
    assert.deepEqual(faultyFields(answer), ['reason']);
    assertError(await post(at(e, 'export'), { token: owner.token, body: { reason } }), 422, 'ValidationError');
  }
});

test('a sealed value in another place, a cut tag and a damaged key are found and named; setting anew heals', async () => {
  const { project: p, PREVIEW: e, STAGING: s } = await environments();
  const other = (await environments()).PREVIEW;
  for (const [where, key, value] of [[e, 'A', 'value of a'], [e, 'B', 'value of b'], [s, 'A', 'value of staging'], [other, 'A', 'value of another']])
    await add(where, { key, value });
  await put(e, 'A', { value: 'second of a' });
  const sealed = (where, key, version) => `(select sealed from env_var_versions where var_id = (select id from env_vars where environment_id = '${where.id}' and key = '${key}') and version = ${version})`;
  const spoil = (expression) => run(`update env_var_versions set sealed = ${expression} where version = 2
    and var_id = (select id from env_vars where environment_id = '${e.id}' and key = 'A')`);
  const good = one(`select encode(${sealed(e, 'A', 2)}, 'hex') as hex`).hex;
  for (const bad of [sealed(e, 'B', 1), sealed(s, 'A', 1), sealed(other, 'A', 1), sealed(e, 'A', 1), `'\\x${good.slice(0, -2)}'`, `'\\x${good.slice(0, -32)}'`, `'\\x${good}00'`, "'\\x'"]) {
    spoil(bad);
    const answer = await reveal(e, 'A');
    assertError(answer, 409, 'ConflictError');
    assert.match(answer.json.message, /^version 2 of the variable A does not open: .*set it again$/);
    const file = await post(at(e, 'export'), { token: owner.token, body: { reason: 'a test asks' } });
    assertError(file, 409, 'ConflictError');
    assert.match(file.json.message, /variable A/);
    assert.ok(!/value of|second of/.test(answer.text + file.text));
  }
  assertError(await rollback(e, 'A', 2), 409, 'ConflictError');
  const again = await put(e, 'A', { value: 'second of a' });
  assert.deepEqual([again.status, again.json.version], [200, 3], 'the value that does not open any more is set again');
  assert.equal((await reveal(e, 'A')).json.value, 'second of a');
  run(`delete from env_var_versions where version = 3 and var_id = (select id from env_vars where environment_id = '${e.id}' and key = 'A');
    update env_var_versions set state = 'ACTIVE', ended_at = null where version = 2 and var_id = (select id from env_vars where environment_id = '${e.id}' and key = 'A');
    update env_vars set last_version = 2 where environment_id = '${e.id}' and key = 'A'`);
  spoil('null');
  assert.match((await reveal(e, 'A')).json.message, /forgotten/);
  assert.equal(await valueOf(e, 'B'), 'value of b');
  assert.deepEqual(outcome(await put(e, 'A', { value: 'third of a' })), [200, 'updated', 3]);
  assert.equal(await valueOf(e, 'A'), 'third of a');
  assert.equal((await audit(org, 'variable.reveal')).filter((row) => row.project_id === p.id).length, 3);
  run(`update project_keys set wrapped = substring(wrapped from 1 for length(wrapped) - 1) where project_id = '${p.id}'`);
  const broken = await put(e, 'A', { value: 'fourth of a' });
  assertError(broken, 409, 'ConflictError');
  assert.match(broken.json.message, new RegExp(`the key of the project ${p.id} does not open`));
});

test('versions come in pages, newest first', async () => {
  const e = (await environments()).PREVIEW;
  await add(e, { key: 'A', value: '1' });
  for (let i = 2; i <= 5; i++) await put(e, 'A', { value: String(i) });
  const page = await get(`${at(e, 'A', '/versions')}?limit=3`, { token: viewer.token });
  assert.deepEqual(page.json.map((v) => v.version), [5, 4, 3]);
  const next = /<([^>]+)>; rel="next"/.exec(page.headers.get('link'))[1];
  assert.deepEqual((await get(next, { token: viewer.token })).json.map((v) => v.version), [2, 1]);
  assert.deepEqual(faultyFields(await get(`${at(e, 'A', '/versions')}?cursor=x`, { token: viewer.token })), ['cursor']);
  assertError(await get(at(e, 'B', '/versions'), { token: viewer.token }), 404, 'NotFoundError');
});

test('one user is shown so many values in a while, by whatever token he asks', async () => {
  const e = (await environments()).PREVIEW, maintainer = await member(org, owner, 'MAINTAINER');
  await add(e, { key: 'A', value: 'one' });
  const token = apiToken(maintainer, 'admin');
  assert.equal((await post(at(e, 'export'), { token, body: { reason: 'counts as one' } })).status, 200);
  let left = 100, answer;
  for (let i = 1; i < 100; i++) {
    answer = await reveal(e, 'A', {}, i % 2 ? maintainer : { token });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers.get('x-ratelimit-limit'), '100');
    left = Math.min(left, Number(answer.headers.get('x-ratelimit-remaining')));
  }
  assert.ok(left <= 1, `${left} are left`);
  const refused = await until('the limit', async () => { // one comes back every 36 seconds
    const next = await reveal(e, 'A', {}, maintainer);
    return next.status === 429 && next;
  });
  assertError(refused, 429, 'RateLimitError');
  assert.match(refused.json.message, /^too many secrets shown to you: 100 in 3600 s/);
  assert.ok(Number(refused.headers.get('retry-after')) <= 37);
  assert.equal((await get(at(e), { token: maintainer.token })).status, 200);
  assert.equal((await reveal(e, 'A')).status, 200);
});

test('variables go with their project, and none is set while it goes', async () => {
  const { project: p, PREVIEW: e } = await environments();
  await add(e, { key: 'A', value: 'one' });
  run(`update projects set deleting_at = now() + interval '1 year' where id = '${p.id}'`); // on its way, for as long as this test looks
  for (const answer of [await put(e, 'A', { value: 'two' }), await add(e, { key: 'B', value: 'x' }), await remove(e, 'A')]) {
    assertError(answer, 404, 'NotFoundError');
    assert.match(answer.json.message, /gone, or its project is being deleted/);
  }
  run(`update projects set deleting_at = null where id = '${p.id}'`);
  assert.equal(await valueOf(e, 'A'), 'one');
  assert.equal((await api('DELETE', `/projects/${p.id}`, { token: owner.token })).status, 202);
  await until('the variable is gone', () => one(`select count(*)::int as n from env_vars where environment_id = '${e.id}'`).n === 0, { seconds: 120 });
  assertError(await show(e, 'A'), 404, 'NotFoundError');
});
