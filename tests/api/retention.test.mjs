// stack: --workers 2 --env MOCK_BUILD_MS=100 --env RETENTION_SWEEP_MS=300 --env BUILD_LOG_RETENTION_DAYS=7
// What is kept for a while only: old deliveries and the build output of what is gone. Nothing younger goes with it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { deployment, deploymentsOf, get } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { deliver, pullRequest } from '../lib/github.mjs';
import { logLines } from '../lib/log.mjs';
import { one, rows, run, session } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

const count = (from) => one(`select count(*)::int as n from ${from}`).n;
const old = (days) => `received_at < now() - interval '${days} days'`;

test('deliveries older than 30 days go, all of them; the others stay', async () => {
  await deliver('pull_request', pullRequest('opened', 1));
  await deployment(1, 'READY');
  run(`insert into deliveries (id, digest, event, action, repo_full_name, outcome, reason, decisions, payload, received_at)
    select 'hook_old-' || n, sha256(n::text::bytea), 'pull_request', 'opened', 'a/b', 'accepted', '', '[]', 'x',
      now() - case when n <= 1500 then interval '31 days 1 minute' else interval '29 days 23 hours' end
    from generate_series(1, 1600) n`);
  await until('the old ones are gone', () => count(`deliveries where ${old(31)}`) === 0);
  assert.equal(count(`deliveries where ${old(29)}`), 100);
  assert.equal(count("deliveries where id not like 'hook_old-%'"), 1);
  const said = await until('the log says so', () => {
    const lines = logLines().filter((line) => line.context === 'Retention' && line.metadata.what === 'deliveries');
    return lines.reduce((n, line) => n + line.metadata.rows, 0) === 1500 && lines;
  });
  assert.ok(said.every((line) => line.level === 'info' && line.metadata.days === 30));
});

test('a delivery that was forgotten and comes again changes nothing', async () => {
  const guid = randomUUID();
  const opened = pullRequest('opened', 2);
  assert.equal((await deliver('pull_request', opened, { guid })).status, 202);
  await deployment(2, 'READY');
  await deliver('pull_request', pullRequest('closed', 2));
  await deployment(2, 'DESTROYED');
  assert.equal((await deliver('pull_request', opened, { guid })).status, 200, 'a duplicate while it is known');
  run(`update deliveries set received_at = now() - interval '31 days' where id = 'hook_${guid}'`);
  await until('it is forgotten', () => count(`deliveries where id = 'hook_${guid}'`) === 0);
  assert.equal((await deliver('pull_request', opened, { guid })).status, 202);
  assert.equal(one('select desired from previews where pr_number = 2').desired, 'destroyed');
});

test('build output goes a week after its deployment, what is up keeps its own', async () => {
  for (const pr of [3, 4]) await deliver('pull_request', pullRequest('opened', pr));
  for (const pr of [3, 4]) await deployment(pr, 'READY');
  await deliver('pull_request', pullRequest('closed', 3));
  await deployment(3, 'DESTROYED');
  const logsOf = async (pr) => (await get(`/deployments/${(await deploymentsOf(pr))[0].id}/logs`)).json;
  assert.ok((await logsOf(3)).length > 0);
  const attempts = (pr) => `preview_attempts where preview_id = (select id from previews where pr_number = ${pr})`;
  run(`update preview_attempts set gone_at = now() - interval '7 days 1 minute' where id in (select id from ${attempts(3)})`);
  run(`update preview_attempts set created_at = now() - interval '80 days' where id in (select id from ${attempts(4)})`);
  await until('it is deleted', async () => (await logsOf(3)).length === 0);
  assert.ok((await logsOf(4)).length > 0);
  assert.equal(count(attempts(3)), 1, 'the attempt stays');
  assert.ok(count('deploy_events where preview_id = (select id from previews where pr_number = 3)') >= 3, 'and so does its history');
});

// ---- health ----

const partitions = () => rows(`select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent in ('health_samples'::regclass, 'health_rollups_5m'::regclass, 'health_rollups_1h'::regclass) order by 1`).map((row) => row.name);
const compact = (shift) => one(`select to_char((now() at time zone 'UTC') + interval '${shift}', 'YYYYMMDD') as day`).day;
const check = (id) => run(`insert into health_checks (id, project_id, name, url) values ('${id}', '${env.project}', '${id}', 'https://x.example')`);
const sample = (id, at) => run(`insert into health_samples (id, project_id, health_check_id, ok, verdict, slot_at, created_at)
  values ('${id}', '${env.project}', 'check_a', true, 'OK', ${at}, ${at})`);
const rollup = (id, step, at) => run(`insert into health_rollups values ('${id}', ${step}, ${at}, 1, 0, 0, 1, 1, 1)`);
const make = (table, column, unit, at) => run(`select health_partition_make('${table}', '${column}', '${unit}', d, d + interval '1 ${unit}')
  from date_trunc('${unit}', (${at}) at time zone 'UTC') d`);

test('partitions are there from today on, days by days and months by months in UTC', () => {
  const now = partitions();
  for (const shift of ['0 day', '1 day', '2 days', '3 days']) {
    assert.ok(now.includes(`health_samples_${compact(shift)}`), `samples of ${shift}: ${now}`);
    assert.ok(now.includes(`health_rollups_5m_${compact(shift)}`));
  }
  const month = one("select to_char(now() at time zone 'UTC' + interval '1 month', 'YYYYMM') as m").m;
  assert.ok(now.includes(`health_rollups_1h_${month}`));
});

test('what is ahead and what is kept, at the ends of days, months and years, whatever the time zone of a session', () => {
  const at = (time, table, zone = 'UTC') => run(`set timezone to '${zone}';
    select to_char(first, 'YYYY-MM-DD') || ' ' || to_char(last, 'YYYY-MM-DD') || ' ' || to_char(kept, 'YYYY-MM-DD HH24:MI')
    from health_partitioned('${time}', 14, 30, 120) where parent = '${table}'`);
  assert.equal(at('2024-02-28T23:59:59.999Z', 'health_samples'), '2024-02-28 2024-03-02 2024-02-14 00:00');
  assert.equal(at('2024-02-29T00:00:00Z', 'health_samples'), '2024-02-29 2024-03-03 2024-02-15 00:00');
  assert.equal(at('2023-12-31T23:59:59.999Z', 'health_rollups_1h'), '2023-12-01 2024-01-01 2023-09-02 00:00');
  assert.equal(at('2024-01-31T12:00:00Z', 'health_rollups_1h'), '2024-01-01 2024-02-01 2023-10-03 00:00');
  for (const zone of ['America/New_York', 'Pacific/Kiritimati', 'Asia/Beirut']) {
    assert.equal(at('2024-03-31T00:30:00Z', 'health_rollups_5m', zone), '2024-03-31 2024-04-03 2024-03-01 00:00', zone);
    const bounds = run(`set timezone to '${zone}'; begin;
      select health_partition_make('health_samples', 'created_at', 'day', '2024-03-31', '2024-04-01');
      set timezone to 'UTC'; select pg_get_expr(relpartbound, oid) from pg_class where relname = 'health_samples_20240331'; rollback`);
    assert.match(bounds, /FROM \('2024-03-31 00:00:00\+00'\) TO \('2024-04-01 00:00:00\+00'\)/, zone);
  }
});

test('whole partitions go when all in them is too old, and nothing younger', async () => {
  for (const days of [14, 15, 40]) make('health_samples', 'created_at', 'day', `now() - interval '${days} days'`);
  for (const days of [14, 15]) make('health_rollups_5m', 'at', 'day', `now() - interval '${days} days'`);
  make('health_rollups_1h', 'at', 'month', "now() - interval '155 days'");
  make('health_rollups_1h', 'at', 'month', "now() - interval '100 days'");
  await until('what is too old is gone', () => {
    const there = partitions();
    return !there.some((name) => [`health_samples_${compact('-15 days')}`, `health_samples_${compact('-40 days')}`, `health_rollups_5m_${compact('-15 days')}`,
      `health_rollups_1h_${compact('-155 days').slice(0, 6)}`].includes(name)) && there;
  });
  const there = partitions();
  for (const name of [`health_samples_${compact('-14 days')}`, `health_rollups_5m_${compact('-14 days')}`, `health_rollups_1h_${compact('-100 days').slice(0, 6)}`]) {
    assert.ok(there.includes(name), `${name} is kept: ${there}`);
  }
  assert.ok(logLines().some((line) => line.context === 'Retention' && line.metadata.what === `health_samples_${compact('-40 days')}` && line.metadata.days === 14));
});

test('rows without a partition get one, go with their age, or are warned of', async () => {
  sample('sample_five', "now() - interval '5 days'");
  sample('sample_old', "now() - interval '16 days'");
  sample('sample_ahead', "now() + interval '30 days'");
  rollup('check_a', 5, "now() - interval '6 days'");
  rollup('check_a', 60, "now() - interval '60 days'");
  rollup('check_a', 60, "now() - interval '130 days'");
  rollup('check_a', 1440, "now() - interval '799 days'");
  rollup('check_a', 1440, "now() - interval '801 days'");
  const placeOf = (id) => one(`select tableoid::regclass::text as t from health_samples where id = '${id}'`)?.t;
  await until('the one of five days ago has its partition', () => placeOf('sample_five') === `health_samples_${compact('-5 days')}`);
  await until('the old one is gone', () => !placeOf('sample_old'));
  await until('rollups as well', () => count('health_rollups_5m_default') === 0 && count('health_rollups_1h_default') === 0
    && count("health_rollups where check_id = 'check_a'") === 3);
  assert.equal(placeOf('sample_ahead'), 'health_samples_default', 'nobody knows which clock is right');
  await until('the log says so', () => logLines().some((line) => line.level === 'warn' && line.context === 'Retention' && line.metadata.samples === 1));
  run("delete from health_samples where id = 'sample_ahead'");
});

test('rollups of a deleted check go, those of others stay', async () => {
  check('check_leaving');
  check('check_staying');
  for (const id of ['check_leaving', 'check_staying']) for (const step of [60, 1440]) for (const hours of [1, 49]) rollup(id, step, `now() - interval '${hours} hours'`);
  run("delete from health_checks where id = 'check_leaving'");
  await until('they are gone', () => count("health_rollups where check_id = 'check_leaving'") === 0 && count('health_gone') === 0);
  assert.equal(count("health_rollups where check_id = 'check_staying'"), 4);
});

test('a partition that is in use waits for another time, and nobody waits for it', async () => {
  const worker = session(); // does what a worker does, for so long that there is time to prepare
  const reader = session();
  try {
    await worker.ask("begin; select pg_advisory_xact_lock(hashtextextended('health partitions', 0))");
    run("select health_partition_make('health_samples', 'created_at', 'day', '2020-01-01', '2020-01-02')");
    await reader.ask('begin; select count(*) from health_samples');
    await worker.ask('rollback');
    await until('the log says that it is in use', () => logLines().some((line) => line.metadata?.what === 'health_samples_20200101' && /in use/.test(line.message)));
    const began = Date.now();
    for (let n = 0; n < 20; n++) sample(`sample_meanwhile_${n}`, 'now()');
    assert.ok(Date.now() - began < 20_000, `twenty rows took ${Date.now() - began} ms`);
    assert.equal(count("health_samples where id like 'sample_meanwhile_%'"), 20);
    await reader.ask('rollback');
    await until('it goes when nobody uses it', () => !partitions().includes('health_samples_20200101'));
  } finally {
    worker.end();
    reader.end();
  }
});
