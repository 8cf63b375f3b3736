// stack: --api 1
// Lists under load and lists of many rows: who asks for the same at once shares one reading and never sees a state older than his
// request; and no filter walks rows that it does not show.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { get, login } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { one, run, session } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

const list = '/projects/proj_demo/deployments';
const fill = (project, first, n, status, age) => run(`insert into previews (id, project_id, pr_number, title, branch, base_branch, author,
    html_url, from_fork, pr_open, pr_updated_at, reopened, desired, desired_why, sha, before_sha, changed_by, settled_generation, status,
    detail, visible, created_at)
  select 'deploy_' || lpad(i::text, 26, '0'), '${project}', i, 'Change ' || i, 'b', 'main', 'a', 'https://github.com/x', false, true, now(),
    false, 'deployed', 'DEFAULT', md5(i::text), '', 'test', 1, '${status}', '${status}', true, now() - interval '${age}' + i * interval '1 ms'
  from generate_series(${first}, ${first + n - 1}) i`);

let holder;
before(() => { holder = session(); });
after(() => holder.end());

const waiting = () => one("select count(*)::int as n from pg_stat_activity where application_name like 'opshub-api%' and wait_event_type = 'Lock'").n;

// PostgreSQL writes each run of a prepared statement into its log.
const logged = (name) => readFileSync(`${env.stackDir}/pg.log`, 'utf8').split(`execute ${name}:`).length - 1;
async function withStatementLog(work) {
  const admin = session({ PGUSER: 'postgres' });
  try {
    await admin.ask("alter system set log_statement = 'all'; select pg_reload_conf()");
    await until('statements are logged', async () => (await get(`${list}?pr=1`)) && logged('deployments_of_pr') > 0);
    await work();
  } finally {
    await admin.ask("alter system reset log_statement; select pg_reload_conf()");
    admin.end();
  }
}

test('sixty who ask at once for the same are answered by two readings', async () => {
  fill('proj_demo', 1, 60, 'READY', '1 day');
  assert.equal((await get(list)).json.length, 50); // and who may see it is known from here on
  await withStatementLog(async () => {
    const before = logged('deployments_list');
    await holder.ask('begin; lock table previews in access exclusive mode');
    const first = get(list);
    await until('the first reading waits for the lock', () => waiting() === 1);
    const others = Array.from({ length: 60 }, () => get(list));
    await get('/healthz', { token: null }); // they are on their way; the lock may be waited for 2 s at most
    await holder.ask('commit');
    const answers = await Promise.all([first, ...others]);
    for (const answer of answers) {
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.text, answers[0].text);
      assert.match(answer.headers.get('link'), /cursor=deploy_0{24}11>; rel="next"/);
    }
    // one, and one for all who came meanwhile; two more if some came late
    const readings = logged('deployments_list') - before;
    assert.ok(readings >= 2 && readings <= 4, `${readings} readings`);
  });
});

test('who has written sees it, however many read meanwhile', async () => {
  let busy = true;
  const readers = Array.from({ length: 16 }, async () => {
    for (let n = 0; busy; n++) assert.equal((await get(list)).status, 200);
  });
  try {
    for (let i = 0; i < 60; i++) {
      run(`update previews set title = 'written ${i}' where project_id = 'proj_demo' and pr_number = 60`);
      const { json } = await get(list);
      assert.equal(json.find((d) => d.prNumber === 60).title, `written ${i}`);
    }
  } finally {
    busy = false;
    await Promise.all(readers);
  }
});

test('access is decided for each, before', async () => {
  const viewer = await login('viewer');
  await holder.ask('begin; lock table previews in access exclusive mode');
  const mine = get(list);
  await until('a reading waits for the lock', () => waiting() === 1);
  const answers = await Promise.all([get(list, { token: null }), get(list, { token: 'a.b.c' })]);
  assert.deepEqual(answers.map((a) => a.status), [401, 401]); // at once: they are not in the line
  const shared = get(list, { token: viewer });
  await holder.ask('commit');
  assert.deepEqual([(await mine).status, (await shared).status], [200, 200]);
});

// ---- plans ----
// A statement of sql/queries, as it is prepared.
function query(file, name) {
  const text = readFileSync(new URL(`../../sql/queries/${file}`, import.meta.url), 'utf8').split(`-- name: ${name}\n`)[1].split('-- name:')[0];
  return text.replace(/--.*$/gm, '').trim().replace(/;$/, '');
}

// As the daemon's connections have it: core/db/target.c.
const settings = ['plan_cache_mode = force_generic_plan', 'enable_seqscan = off', 'enable_bitmapscan = off', 'enable_sort = off', 'jit = off']
  .map((setting) => `set ${setting};`).join(' ');

// Blocks that a statement touches, and the rows it finds.
function look(file, name, args) {
  const text = run(`${settings} prepare q as ${query(file, name)}; explain (analyze, buffers, timing off, format json) execute q(${args})`);
  const [{ Plan: plan }] = JSON.parse(text);
  return { blocks: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'], rows: plan['Actual Rows'] };
}

test('a filter that matches one of 100,000 does not walk the others', { timeout: 60_000 }, () => {
  fill('proj_large', 1_000_001, 100_000, 'DESTROYED', '1 hour');
  fill('proj_large', 2_000_001, 1, 'READY', '2 days');
  run('vacuum analyze previews');
  for (const [status, n] of [['READY', 1], ['ERROR', 0], ['DESTROYED', 50]]) {
    const seen = look('deployments.sql', 'deployments_of_status', `'proj_large', '~', 'infinity', 50, '${status}'`);
    assert.equal(seen.rows, n, status);
    assert.ok(seen.blocks < 100, `${status}: ${seen.blocks} blocks`);
  }
  assert.ok(look('deployments.sql', 'deployments_list', "'proj_large', '~', 'infinity', 50").blocks < 100);
});

test('the one ready among 100,000 is what the API answers', async () => {
  run(`insert into projects (id, org_id, name, repo_full_name) values ('proj_large', 'org_demo', 'large', 'Large/Repository')`);
  const answer = await get('/projects/proj_large/deployments?status=READY');
  assert.deepEqual(answer.json.map((d) => [d.prNumber, d.status]), [[2_000_001, 'READY']]);
});

test('deliveries: an outcome that one of 50,000 has, and all of them, are read by the index', { timeout: 60_000 }, () => {
  run(`insert into deliveries (id, digest, event, action, repo_full_name, pr_number, outcome, reason, decisions, payload, received_at)
    select 'hook_' || i, sha256(i::text::bytea), 'pull_request', 'opened', 'large/repository', i, case i when 7 then 'stale' else 'accepted' end,
      'r', '[{"projectId":"proj_large","desired":"deployed"}]', 'x', now() + i * interval '1 ms' from generate_series(1, 50000) i`);
  run('vacuum analyze deliveries');
  for (const [outcome, n] of [["'stale'", 1], ["'ignored'", 0], ["'accepted'", 50], ['null', 50]]) {
    const seen = look('deliveries.sql', 'deliveries_list', `'proj_large', 9000000000000000, '~', 50, ${outcome}`);
    assert.equal(seen.rows, n, outcome);
    assert.ok(seen.blocks < 300, `${outcome}: ${seen.blocks} blocks`);
  }
});

test('whether a delivery is known is looked up by its keys, also before the table was ever analyzed', () => {
  const text = run(`begin; truncate deliveries; ${settings} prepare q as ${query('webhook.sql', 'webhook_ingest')};
    explain (format json) execute q(${Array(31).fill("'{}'").join(', ')}, null); rollback`);
  const scans = [...text.matchAll(/"Node Type": "([\w ]*Scan)"(?:(?!"Node Type")[^])*?"(?:Relation|Index) Name": "(\w+)"/g)].map((m) => m.slice(1));
  assert.deepEqual(scans.filter(([kind]) => kind === 'Seq Scan'), [], text);
  for (const key of ['deliveries_pkey', 'deliveries_digest_key']) assert.ok(scans.some(([, name]) => name === key), `${key}: ${text}`);
});
