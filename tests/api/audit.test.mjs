// stack: --env MOCK_BUILD_MS=100
// The audit: reading it, its filters, CSV, the access review, and what verify finds when somebody writes into the tables.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { before, test } from 'node:test';
import { assertError, deployment, get, login, post } from '../lib/client.mjs';
import { command } from '../lib/command.mjs';
import { deliver, pullRequest } from '../lib/github.mjs';
import { one, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

const path = '/orgs/org_demo/audit';
const owner = 'user_00000000000000000000000001';
let maintainer;
const audit = async (query = '', token = maintainer) => {
  const answer = await get(path + query, { token });
  assert.equal(answer.status, 200, answer.text);
  return answer;
};
const next = (answer) => /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];

// A row as the product writes it.
const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
const add = (action, { org = 'org_demo', id = owner, name = 'owner@demo.opshub.local', ip = '10.0.0.1', agent = 'test', target = 't1', project = null,
  was = null, became = null } = {}) => run(`select audit_add('audit_' || replace(gen_random_uuid()::text, '-', ''), ${quoted(org)},
    array['user', ${quoted(id)}, ${quoted(name)}, ${quoted(ip)}, ${quoted(agent)}, 'request-1'], ${quoted(action)}, 'thing', ${quoted(target)},
    ${project ? quoted(project) : 'null'}, ${was ? quoted(JSON.stringify(was)) : 'null'}, ${became ? quoted(JSON.stringify(became)) : 'null'})`);

const strange = 'tab\t quote" back\\slash line\nbell\u0007 del\u007f \u00fc \ud83d\ude00 <script> \u2028 \b\f\r\u001f';

before(async () => {
  maintainer = await login('maintainer');
  await deliver('pull_request', pullRequest('opened', 800));
  const ready = await deployment(800, 'READY');
  const retried = await post(`/deployments/${ready.id}/retry`, { headers: { 'user-agent': '=1+1' } });
  assert.equal(retried.status, 202, retried.text);
});

test('only from MAINTAINER up, and only of the own organization', async () => {
  for (const what of [path, '/orgs/org_demo/access-review']) {
    assertError(await get(what, { token: null }), 401, 'UnauthorizedError');
    for (const role of ['viewer', 'developer']) assertError(await get(what, { token: await login(role) }), 403, 'ForbiddenError');
    for (const role of ['maintainer', 'owner']) assert.equal((await get(what, { token: await login(role) })).status, 200);
    assertError(await get(what.replace('org_demo', 'org_other'), { token: maintainer }), 404, 'NotFoundError');
  }
});

test('a change is a row with who, from where, what, before and after', async () => {
  const [row, ...rest] = (await audit('?action=deployment.retry')).json;
  assert.deepEqual(rest, []);
  assert.deepEqual(Object.keys(row), ['id', 'at', 'actor', 'ip', 'userAgent', 'requestId', 'action', 'target', 'projectId', 'before', 'after']);
  assert.match(row.id, /^audit_/);
  assert.match(row.at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(row.actor, { kind: 'user', id: owner, name: 'owner@demo.opshub.local' });
  assert.equal(row.ip, '127.0.0.1');
  assert.equal(row.userAgent, '=1+1');
  assert.equal(row.action, 'deployment.retry');
  assert.equal(row.target.kind, 'deployment');
  assert.equal(row.projectId, 'proj_demo');
  assert.equal(row.before.status, 'READY');
  assert.equal(row.after.status, 'QUEUED');
});

test('what cannot be written down is not done', async () => {
  const [before] = (await get('/projects/proj_demo/deployments?pr=800')).json;
  const state = () => one(`select generation, status, (select count(*)::int from audit_log) as rows from previews where id = '${before.id}'`);
  await deployment(800, 'READY');
  const seen = state();
  run('alter table audit_heads rename to audit_heads_away');
  try {
    const answer = await post(`/deployments/${before.id}/retry`);
    assert.ok(answer.status >= 500, answer.text);
    assert.deepEqual(state(), seen);
  } finally {
    run('alter table audit_heads_away rename to audit_heads');
  }
  assert.equal((await post(`/deployments/${before.id}/retry`, { headers: { 'user-agent': 'M\u00fcller' } })).status, 202, 'also with a header that is no UTF-8');
  assert.equal((await audit('?limit=1')).json[0].userAgent, 'M?ller');
  await deployment(800, 'READY');
});

test('filters and pages', async () => {
  for (let i = 0; i < 7; i++) add('member.add', { id: 'user_x', name: 'X@Example.com', ip: '10.9.9.9', target: `m${i}`, project: 'proj_x' });
  add('member.role', { id: 'user_x', name: 'x@example.com (tok_1)', ip: '10.9.9.9' });
  add('memberships.other', { id: 'user_y', name: 'x@example.community' });
  const n = async (query) => (await audit(query)).json.length;
  assert.equal(await n('?action=member.add'), 7);
  assert.equal(await n('?action=member.'), 8);
  assert.equal(await n('?action=member'), 0);
  assert.equal(await n('?actor=user_x'), 8);
  assert.equal(await n('?actor=x@example.com'), 8, 'also when a token of his did it');
  assert.equal(await n('?actor=%25'), 0);
  assert.equal(await n('?project=proj_x'), 7);
  assert.equal(await n('?ip=10.9.9.9&action=member.role'), 1);
  assert.equal(await n('?from=2100-01-01'), 0);
  assert.equal(await n('?to=2020-01-01T00:00:00Z'), 0);
  const [newest] = (await audit('?limit=1')).json;
  assert.equal(newest.action, 'memberships.other');
  assert.equal(await n(`?from=${newest.at}`), 1);
  assert.ok(await n(`?to=${newest.at}`) > 8);
  const targets = [];
  let page = await audit('?action=member.add&limit=3');
  for (;;) {
    targets.push(...page.json.map((r) => r.target.id));
    if (!next(page)) break;
    assert.ok(next(page).includes('action=member.add'), 'the filter stays');
    page = await get(next(page), { token: maintainer });
  }
  assert.deepEqual(targets, ['m6', 'm5', 'm4', 'm3', 'm2', 'm1', 'm0']);
  for (const bad of ['?limit=0', '?limit=201', '?from=yesterday', '?to=1', '?format=xml', '?cursor=deploy_1', '?format=csv&limit=10001']) {
    assertError(await get(path + bad, { token: maintainer }), 422, 'ValidationError');
  }
  assert.deepEqual((await audit('?cursor=audit_nothing')).json, []);
});

// RFC 4180, as a spreadsheet reads it.
function readCsv(text) {
  const table = [[]];
  for (const [, cell, end] of text.matchAll(/("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/g)) {
    table.at(-1).push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell);
    if (end !== ',') table.push([]);
  }
  assert.deepEqual(table.pop(), []);
  return table;
}

test('CSV: what a spreadsheet would run is text', async () => {
  add('csv.check', { name: '@SUM(A1)', agent: '=HYPERLINK("http://x")', target: '+1', became: { a: strange } });
  for (const [query, headers] of [['?format=csv&', {}], ['?', { accept: 'application/json;q=0.5, text/csv' }]]) {
    const answer = await get(`${path}${query}action=csv.check`, { token: maintainer, headers });
    assert.equal(answer.headers.get('content-type'), 'text/csv; charset=utf-8');
    assert.match(answer.headers.get('content-disposition'), /attachment; filename="audit\.csv"/);
    const [head, row, ...rest] = readCsv(answer.text);
    assert.deepEqual(rest, []);
    assert.deepEqual(head, ['id', 'at', 'actorKind', 'actorId', 'actorName', 'ip', 'userAgent', 'requestId', 'action', 'targetKind', 'targetId',
      'projectId', 'before', 'after']);
    const cell = Object.fromEntries(head.map((name, i) => [name, row[i]]));
    assert.equal(cell.actorName, "'@SUM(A1)");
    assert.equal(cell.userAgent, `'=HYPERLINK("http://x")`);
    assert.equal(cell.targetId, "'+1");
    assert.deepEqual(JSON.parse(cell.after), { a: strange });
  }
});

test('CSV has 10,000 rows a page and says where it goes on', async () => {
  run(`select audit_add('audit_many' || i, 'org_demo', array['user', 'u', 'n', '', '', ''], 'many.rows', 'thing', i::text, null, null, null)
    from generate_series(1, 10003) i`);
  const first = await get(`${path}?format=csv&action=many.rows`, { token: maintainer, timeout: 60_000 });
  const table = readCsv(first.text);
  assert.equal(table.length, 10_001);
  assert.equal(table[1][10], '10003');
  const second = await get(next(first), { token: maintainer });
  assert.deepEqual(readCsv(second.text).slice(1).map((row) => row[10]), ['3', '2', '1']);
  assert.equal(next(second), undefined);
});

test('access review', async () => {
  await login('viewer');
  run(`insert into project_members (project_id, user_id, role) values ('proj_demo', 'user_00000000000000000000000004', 'MAINTAINER');
    insert into api_tokens (id, user_id, name, hash, scope, created_at) values
      ('tok_1', '${owner}', 'old', '\\x01', 'read', '2024-01-02T03:04:05Z'), ('tok_2', '${owner}', 'new', '\\x02', 'admin', now());
    insert into api_tokens (id, user_id, name, hash, scope, revoked_at) values ('tok_3', '${owner}', 'gone', '\\x03', 'write', now());
    insert into api_tokens (id, user_id, name, hash, scope, expires_at) values ('tok_4', '${owner}', 'over', '\\x04', 'write', now() - interval '1 h');
    insert into invitations (id, org_id, email, role, invited_by, expires_at) values
      ('inv_1', 'org_demo', '=new@example.com', 'MAINTAINER', '${owner}', now() + interval '1 d'),
      ('inv_2', 'org_demo', 'late@example.com', 'OWNER', '${owner}', now() - interval '1 d')`);
  const review = '/orgs/org_demo/access-review';
  const { json: all } = await get(review, { token: maintainer });
  assert.deepEqual(all.map((m) => m.role), ['VIEWER', 'DEVELOPER', 'MAINTAINER', 'OWNER', 'MAINTAINER']);
  const [viewer, , , boss, invited] = all;
  assert.deepEqual(viewer.projectRoles, [{ role: 'MAINTAINER', project: 'hello-world', projectId: 'proj_demo' }]);
  assert.deepEqual(viewer.tokens, { count: 0, oldest: null, scopes: [] });
  assert.equal(boss.email, 'owner@demo.opshub.local');
  assert.equal(boss.status, 'active');
  assert.equal(boss.active, true);
  assert.deepEqual(boss.tokens, { count: 2, oldest: '2024-01-02T03:04:05.000Z', scopes: ['admin', 'read'] });
  assert.equal(typeof boss.lastAction.action, 'string');
  for (const key of ['lastSeenAt', 'lastLoginAt', 'memberSince']) assert.match(boss[key], /Z$/, key);
  assert.equal(invited.status, 'invited');
  assert.equal(invited.email, '=new@example.com');
  assert.match(invited.expiresAt, /Z$/);
  const { json: high } = await get(`${review}?role=OWNER,MAINTAINER`, { token: maintainer });
  assert.deepEqual(high.map((m) => m.email), ['viewer@demo.opshub.local', 'maintainer@demo.opshub.local', 'owner@demo.opshub.local', '=new@example.com']);
  const page = await get(`${review}?limit=2`, { token: maintainer });
  assert.equal((await get(next(page), { token: maintainer })).json[0].role, 'MAINTAINER');
  assertError(await get(`${review}?role=KING`, { token: maintainer }), 422, 'ValidationError');
  const csv = readCsv((await get(`${review}?format=csv`, { token: maintainer })).text);
  assert.equal(csv.length, 6);
  const row = Object.fromEntries(csv[0].map((name, i) => [name, csv[4][i]]));
  assert.equal(row.tokens, '2');
  assert.equal(row.tokenScopes, 'admin read');
  assert.equal(row.oldestToken, '2024-01-02T03:04:05.000Z');
  assert.equal(csv[5][2], "'=new@example.com");
  assert.equal(csv[1][6], 'hello-world:MAINTAINER');
});

// ---- the chains ----

const verify = (...more) => command('audit', 'verify', ...more);
const last = (org = 'org_t') => one(`select seq, encode(hash, 'hex') as hash from audit_log where org_id = '${org}' order by seq desc limit 1`);
// The trigger is in the way of everybody, also of these tests.
const tamper = (sql) => run(`alter table audit_log disable trigger audit_only_grows; ${sql}; alter table audit_log enable trigger audit_only_grows`);
const anew = (seq) => `update audit_log r set hash = sha256(prev_hash || audit_content(r)) where org_id = 'org_t' and seq = ${seq}`;

test('untouched chains verify, and say what can be held against them later', async () => {
  add('strange.text', { org: 'org_strange', name: strange, agent: strange, target: strange, was: { a: strange }, became: { b: [1, null, 1.5, strange] } });
  for (let i = 0; i < 1005; i++) if (i % 201 === 0) add(`t.${i}`, { org: 'org_t', target: strange });
  const answer = await verify();
  assert.equal(answer.status, 0, answer.stdout + answer.stderr);
  const lines = answer.stdout.trim().split('\n');
  assert.deepEqual(lines.map((l) => l.split(':')[0]), ['installation', 'org_demo', 'org_strange', 'org_t']);
  const { n } = one("select count(*)::int as n from audit_log where org_id = 'org_demo'");
  assert.ok(n > 10_000, 'more than one page');
  const head = last('org_demo');
  assert.equal(lines[1], `org_demo: ${n} rows, head org_demo:${n}:${head.hash}`);
  const { seq, hash } = last();
  add('t.after', { org: 'org_t' });
  assert.equal((await verify('--org', 'org_t', '--expect', `org_t:${seq}:${hash}`)).status, 0);
  assert.equal((await verify('--org', 'org_demo')).stdout.trim().split('\n').length, 1);
});

test('the table refuses to be changed', () => {
  for (const sql of ["update audit_log set ip = ''", 'delete from audit_log', 'truncate audit_log']) assert.throws(() => run(sql), /only added to/);
});

// Each leaves the chain as it found it. What verify says names the first row that is wrong.
const ways = [
  ['a changed text', "update audit_log set actor_name = 'me' where org_id = 'org_t' and seq = 3", /row 3 \(audit_\w+, t\.402, .*\) was changed/],
  ['a changed time', "update audit_log set at = at + interval '1 us' where org_id = 'org_t' and seq = 2", /row 2 .*was changed/],
  ['a changed after', "update audit_log set after = '{}' where org_id = 'org_t' and seq = 4", /row 4 .*was changed/],
  ['a row taken out', "delete from audit_log where org_id = 'org_t' and seq = 3", /row 3 is missing/],
  ['two rows taken out', "delete from audit_log where org_id = 'org_t' and seq in (2, 3)", /rows 2 to 3 are missing/],
  ['the first row taken out', "delete from audit_log where org_id = 'org_t' and seq = 1", /row 1 is missing/],
  ['the newest row taken out', "delete from audit_log where org_id = 'org_t' and seq = 6", /row 6 is missing/],
  ['taken out, the others moved up', `delete from audit_log where org_id = 'org_t' and seq = 3;
    ${[4, 5, 6].map((n) => `update audit_log set seq = ${n - 1} where org_id = 'org_t' and seq = ${n}`).join(';')};
    update audit_heads set seq = 5 where org_id = 'org_t'`, /row 3 .*was changed/],
  ['two rows swapped', `update audit_log set seq = 99 where org_id = 'org_t' and seq = 2;
    update audit_log set seq = 2 where org_id = 'org_t' and seq = 3; update audit_log set seq = 3 where org_id = 'org_t' and seq = 99`, /row 2 .*was changed/],
  ['changed, its hash made anew', `update audit_log set action = 'nothing' where org_id = 'org_t' and seq = 3; ${anew(3)}`, /row 4 .*does not follow row 3/],
  ['the newest changed, its hash made anew', `update audit_log set action = 'nothing' where org_id = 'org_t' and seq = 6; ${anew(6)}`,
    /the head does not fit row 6/],
  ['the newest taken out, the head set back', `delete from audit_log where org_id = 'org_t' and seq = 6;
    update audit_heads set seq = 5 where org_id = 'org_t'`, /the head does not fit row 5/],
  ['a row put in behind the head', `insert into audit_log select (r).* from (select jsonb_populate_record(a, '{"seq": 7, "id": "audit_false"}') as r
    from audit_log a where org_id = 'org_t' and seq = 6) x`, /the head stands at row 6, but there are rows up to 7/],
  ['the head taken away', "delete from audit_heads where org_id = 'org_t'", /no head/],
  ['another head', "update audit_heads set hash = sha256('x') where org_id = 'org_t'", /the head does not fit row 6/],
  ['the head ahead', "update audit_heads set seq = 8 where org_id = 'org_t'", /rows 7 to 8 are missing/],
];
for (const [what, sql, says] of ways) {
  test(`found: ${what}`, async () => {
    run("create table keep_log as select * from audit_log where org_id = 'org_t'; create table keep_heads as select * from audit_heads where org_id = 'org_t'");
    try {
      tamper(sql);
      const answer = await verify();
      assert.equal(answer.status, 1, answer.stdout);
      assert.match(answer.stderr, /tampered/);
      const wrong = answer.stdout.split('\n').filter((line) => line.includes('BROKEN'));
      assert.equal(wrong.length, 1, answer.stdout);
      assert.ok(wrong[0].startsWith('org_t: BROKEN: '), wrong[0]);
      assert.match(wrong[0], says);
      assert.match(answer.stdout, /^org_demo: \d+ rows/m, 'the other chains are checked all the same');
    } finally {
      tamper(`delete from audit_log where org_id = 'org_t'; delete from audit_heads where org_id = 'org_t';
        insert into audit_log select * from keep_log; insert into audit_heads select * from keep_heads; drop table keep_log, keep_heads`);
    }
    assert.equal((await verify()).status, 0);
  });
}

test('a chain that was written anew from end to end fits itself; what was noted before finds it', async () => {
  const { seq, hash } = last();
  const noted = `org_t:${seq}:${hash}`;
  assert.equal((await verify('--expect', noted)).status, 0);
  tamper(`update audit_log set actor_name = 'somebody else' where org_id = 'org_t' and seq = 2;
    do $$
    declare so_far bytea := '';
    begin
      for n in 1..6 loop
        update audit_log set prev_hash = so_far where org_id = 'org_t' and seq = n;
        ${anew('n')} returning hash into so_far;
      end loop;
      update audit_heads set hash = so_far where org_id = 'org_t';
    end $$`);
  assert.equal((await verify()).status, 0);
  const answer = await verify('--expect', noted);
  assert.equal(answer.status, 1);
  assert.match(answer.stdout, /org_t: BROKEN: row 6 is not the one that was expected/);
  tamper("delete from audit_log where org_id = 'org_t'; delete from audit_heads where org_id = 'org_t'");
  const gone = await verify('--expect', noted);
  assert.equal(gone.status, 1);
  assert.match(gone.stdout, /org_t: BROKEN: row 6 was expected and is not there/);
  assert.equal((await verify('--expect', 'org_t:6')).status, 1);
  assert.equal((await verify('--unknown')).status, 2);
  assert.equal((await verify('--org', 'org_t')).status, 1);
});

test('while rows are added it finds nothing', async () => {
  const writer = spawn('psql', ['-Xqc', `do $$ begin for i in 1..100000 loop
    perform audit_add('audit_busy' || i, 'org_demo', array['user', 'u', 'n', '', '', ''], 'busy.row', 'thing', 't', null, null, null); commit;
    end loop; end $$`], { stdio: 'ignore' });
  const ended = once(writer, 'close');
  const n = () => one("select count(*)::int as n from audit_log where action = 'busy.row'").n;
  try {
    await until('it writes', () => n() > 0);
    for (let i = 0; i < 5; i++) {
      const answer = await verify('--org', 'org_demo');
      assert.equal(answer.status, 0, answer.stdout + answer.stderr);
    }
    assert.equal(writer.exitCode, null, 'it wrote all the time');
  } finally {
    writer.kill();
    await ended;
  }
  run("select pg_terminate_backend(pid) from pg_stat_activity where query like 'do $$ begin%' and pid <> pg_backend_pid()");
  await until('it has stopped', () => one("select count(*)::int as n from pg_stat_activity where query like 'do $$ begin%' and state = 'active'").n === 0);
});

test('export: JSON lines, oldest first', async () => {
  const lines = async (...words) => {
    const answer = await command('audit', 'export', ...words);
    assert.equal(answer.status, 0, answer.stderr);
    return answer.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  };
  const all = await lines('--org', 'org_demo');
  assert.equal(all.length, Number(last('org_demo').seq));
  assert.deepEqual(all.map((row) => row.seq), all.map((_, i) => i + 1));
  assert.equal(all.at(-1).hash, last('org_demo').hash);
  assert.equal(all[0].organization, 'org_demo');
  const [row] = await lines('--org', 'org_strange');
  assert.equal(row.actor.name, strange);
  assert.deepEqual(row.after, { b: [1, null, 1.5, strange] });
  assert.deepEqual(await lines('--org', 'org_demo', '--from', '2100-01-01'), []);
  assert.deepEqual(await lines('--org', 'org_demo', '--to=2020-01-01T00:00:00Z'), []);
  assert.equal((await command('audit', 'export')).status, 2);
  assert.equal((await command('audit', 'export', '--org', 'org_demo', '--installation')).status, 2);
  assert.equal((await command('audit', 'export', '--org', 'org_nowhere')).status, 1);
  assert.equal((await command('audit', 'export', '--org', 'org_demo', '--from', 'x')).status, 1);
});

test('a row whose JSON was broken is shown all the same', async () => {
  tamper("update audit_log set after = '{broken' where action = 'csv.check'");
  assert.equal((await audit('?action=csv.check')).json[0].after, '{broken');
});
