// stack: --env RETENTION_SWEEP_MS=86400000
// Results of a check over time: ranges, resolutions, pages; what a query costs; uptime.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { assertError, get } from '../lib/client.mjs';
import { addCheck, addRollup, checkId } from '../lib/health-rows.mjs';
import { one, run } from '../lib/sql.mjs';
import { env } from '../lib/env.mjs';

const DAY = 86_400_000;
const iso = (ms) => new Date(ms).toISOString();
// A statement as the server prepares it.
const queryText = (name) => readFileSync(new URL('../../sql/queries/samples.sql', import.meta.url), 'utf8').split(/^-- name: /m)
  .find((part) => part.startsWith(`${name}\n`)).replace(/^.*\n(--.*\n)*/, '').replace(/;\s*$/, '');
const samplesOf = (id, query = '') => get(`/health-checks/${id}/samples${query}`);
const sample = (check, id, at, { ok = true, verdict = 'OK', status = 200, latency = 12, error = null } = {}) => run(
  `insert into health_samples (id, project_id, health_check_id, ok, verdict, status_code, latency_ms, error, slot_at, created_at) values
  ('sample_${id}', '${env.project}', '${check}', ${ok}, '${verdict}', ${status}, ${latency}, ${error ? `'${error}'` : 'null'}, '${at}', '${at}')`);

// Follows the Link headers; gives back all rows.
async function pagesOf(path) {
  const rows = [];
  for (let next = path, n = 0; next; n++) {
    assert.ok(n < 50, 'the pages do not end');
    const page = await get(next);
    assert.equal(page.status, 200, page.text);
    rows.push(...page.json);
    next = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1];
    next &&= next.slice(env.api.length);
  }
  return rows;
}

test('from is inclusive, to is exclusive; dates are in UTC, times have their zone', async () => {
  const id = addCheck('ranges');
  const noon = Math.floor(Date.now() / DAY) * DAY - 2 * DAY + DAY / 2, day = iso(noon).slice(0, 10), next = iso(noon + DAY).slice(0, 10);
  const midnight = noon - DAY / 2;
  for (const [name, at] of [['before', midnight - 1], ['first', midnight], ['noon', noon], ['last', midnight + DAY - 1], ['after', midnight + DAY]]) sample(id, name, iso(at));
  const names = async (query) => (await samplesOf(id, query)).json.map((row) => row.id.slice(7));
  assert.deepEqual(await names(`?from=${day}&to=${next}`), ['last', 'noon', 'first']);
  assert.deepEqual(await names(`?from=${iso(noon)}&to=${iso(noon + 1)}`), ['noon']);
  const zoned = `${iso(noon + 7_200_000).slice(0, 19)}%2B02:00`;
  assert.deepEqual(await names(`?from=${zoned}&to=${next}`), ['last', 'noon']);
  assert.deepEqual(await names(`?to=${next}`), ['last', 'noon', 'first'], 'without from: 24 hours before to');
  assert.deepEqual(await names(''), [], 'without both: the last 24 hours');
  sample(id, 'now', iso(Date.now()), { ok: false, verdict: 'FAILED', status: 'null', latency: 'null', error: 'DNS_FAILED' });
  const [row] = (await samplesOf(id)).json;
  assert.deepEqual({ ...row, createdAt: 'x' }, { id: 'sample_now', statusCode: null, ok: false, verdict: 'FAILED', latencyMs: null, error: 'DNS_FAILED', createdAt: 'x' });
  const same = await get(`/projects/${env.project}/health-checks/${id}/samples`);
  assert.deepEqual(same.json, [row]);
  assertError(await get(`/projects/proj_other/health-checks/${id}/samples`), 404, 'NotFoundError');
});

test('nonsense is refused by name, with what to do', async () => {
  const id = checkId('ranges');
  const bad = [
    ['from=2023-02-29', 'from'], ['from=2023-13-01', 'from'], ['to=2023-12-32', 'to'], ['from=yesterday', 'from'], ['from=', 'from'], ['from=2023-12-01T25:00:00Z', 'from'],
    ['from=2023-12-01T10:00:00', 'from'], ['from=1700000000', 'from'], ["to=2023-12-01'--", 'to'],
    ['from=2023-12-02&to=2023-12-01', 'from'], ['from=2023-12-01&to=2023-12-01', 'from'],
    ['from=2023-01-01&to=2023-12-01', 'from'], ['from=2023-01-01&to=2023-12-01&resolution=5m', 'from'], ['from=2019-01-01&to=2023-12-01&resolution=1h', 'from'],
    ['from=1900-01-01&to=2023-12-01&resolution=1d', 'from'], ['from=0000-01-01&to=2023-12-01&resolution=auto', 'from'],
    ['resolution=1m', 'resolution'], ['resolution=', 'resolution'], ['limit=0', 'limit'], ['limit=201', 'limit'],
    ['cursor=x', 'cursor'], ['cursor=at_', 'cursor'], ['cursor=at_1x.y', 'cursor'], ['cursor=at_99999999999999999999.x', 'cursor'],
  ];
  for (const [query, field] of bad) {
    const answer = await samplesOf(id, `?${query}`);
    assertError(answer, 422, 'ValidationError');
    assert.equal(answer.json.details[0].field, field, query);
  }
  assert.match((await samplesOf(id, '?from=2023-01-01&to=2023-12-01')).json.message, /at most 31 days .* ask for 5m/);
  assertError(await samplesOf(checkId('nobody made it')), 404, 'NotFoundError');
  for (const good of ['from=2024-02-29&to=2024-03-01', 'from=1970-01-01&to=1970-01-02', 'from=2100-01-01', 'from=2016-12-31T23:59:60Z&to=2017-01-02']) {
    const answer = await samplesOf(id, `?${good}`);
    assert.equal(answer.status, 200, `${good}: ${answer.text}`);
    assert.deepEqual(answer.json, []);
  }
});

test('pages hold every row once, newest first, also those of one instant', async () => {
  const id = addCheck('pages');
  const base = Date.now() - 3_600_000;
  run(`insert into health_samples (id, project_id, health_check_id, ok, verdict, slot_at, created_at)
    select 'sample_' || lpad(n::text, 4, '0'), '${env.project}', '${id}', true, 'OK', now(), timestamptz '${iso(base)}' - (n / 40) * interval '333 microseconds'
    from generate_series(1, 205) n`);
  const rows = await pagesOf(`/health-checks/${id}/samples?limit=20&from=${iso(base - 1000)}`);
  assert.equal(rows.length, 205);
  assert.equal(new Set(rows.map((row) => row.id)).size, 205);
  assert.deepEqual(rows.map((row) => row.createdAt), rows.map((row) => row.createdAt).sort().reverse());
});

test('steps: what they hold, their pages, and what auto chooses', async () => {
  const id = addCheck('steps');
  addRollup(id, "now() - interval '2 hours'", { ok: 3, failed: 1, inconclusive: 2 });
  addRollup(id, "now() - interval '50 hours'", { inconclusive: 1 });
  const [step] = (await samplesOf(id, '?resolution=5m')).json;
  assert.deepEqual({ ...step, at: 'x' }, { at: 'x', minutes: 5, ok: 3, failed: 1, inconclusive: 2, latencyAvgMs: 30, latencyMinMs: 10, latencyMaxMs: 50, uptime: 75 });
  const days = (await samplesOf(id, `?resolution=1d&from=${iso(Date.now() - 4 * DAY)}`)).json;
  assert.equal(days.length, 2);
  assert.deepEqual([days[1].uptime, days[1].latencyAvgMs, days[1].inconclusive, days[1].minutes], [null, null, 1, 1440]);
  assert.match(days[1].at, /T00:00:00\.000Z$/);
  run(`insert into health_rollups select '${id}', 5, date_bin('5 minutes', now(), 'epoch') - n * interval '5 minutes', 1, 0, 0, 5, 5, 5 from generate_series(40, 240) n on conflict do nothing`);
  const rows = await pagesOf(`/health-checks/${id}/samples?resolution=5m&limit=37`);
  assert.equal(rows.length, one(`select count(*)::int as n from health_rollups where check_id = '${id}' and step = 5 and at >= now() - interval '24 hours'`).n);
  assert.equal(new Set(rows.map((row) => row.at)).size, rows.length);
  const chosen = async (hours) => (await samplesOf(id, `?resolution=auto&from=${iso(Date.now() - hours * 3_600_000)}`)).json[0]?.minutes;
  sample(id, 'auto', iso(Date.now()));
  assert.deepEqual([await chosen(1), await chosen(12), await chosen(100), await chosen(1000)], [undefined, 5, 60, 1440]);
});

test('the five minutes under way are in the step they belong to, and their own', async () => {
  const at = "date_bin('5 minutes', now(), 'epoch')";
  const id = addCheck('under way', { state: { acc_at: at, acc_ok: 3, acc_failed: 1, acc_inconclusive: 1, acc_latency_sum: 300, acc_latency_min: 80, acc_latency_max: 120 } });
  const began = Date.parse(one(`select acc_at from health_states where check_id = '${id}'`).acc_at), DAYS = `from=${iso(began - 2 * DAY)}&to=${iso(began + DAY)}`;
  const mine = { ok: 3, failed: 1, inconclusive: 1, latencyAvgMs: 100, latencyMinMs: 80, latencyMaxMs: 120, uptime: 75 };
  const steps = [['5m', 5], ['1h', 60], ['1d', 1440]];
  const startOf = (minutes) => iso(Math.floor(began / (minutes * 60_000)) * minutes * 60_000);
  for (const [resolution, minutes] of steps) {
    assert.deepEqual((await samplesOf(id, `?resolution=${resolution}&${DAYS}`)).json, [{ at: startOf(minutes), minutes, ...mine }]);
    run(`insert into health_rollups values ('${id}', ${minutes}, '${startOf(minutes)}', 1, 0, 0, 20, 20, 20)`); // what went before in that step
    run(`insert into health_rollups values ('${id}', ${minutes}, timestamptz '${startOf(minutes)}' - interval '${minutes} minutes', 0, 2, 0, 0, null, null)`);
    const rows = await pagesOf(`/health-checks/${id}/samples?resolution=${resolution}&limit=1&${DAYS}`);
    assert.deepEqual(rows.map((row) => [row.at, row.ok, row.failed, row.latencyAvgMs, row.latencyMinMs, row.latencyMaxMs]),
      [[startOf(minutes), 4, 1, 80, 20, 120], [iso(Date.parse(startOf(minutes)) - minutes * 60_000), 0, 2, null, null, null]], resolution);
    const past = await samplesOf(id, `?resolution=${resolution}&from=${iso(began - 2 * DAY)}&to=${startOf(minutes)}`);
    assert.deepEqual(past.json.map((row) => row.failed), [2], 'to is not in the range');
  }
});

test('a page is read from an index of the partitions that can hold it', () => {
  const id = addCheck('plans');
  for (let n = 1; n <= 5; n++) run(`select health_partition_make('health_samples', 'created_at', 'day', d, d + interval '1 day') from date_trunc('day', now() at time zone 'UTC' - interval '${n} days') d`);
  run(`insert into health_samples (id, project_id, health_check_id, ok, verdict, slot_at, created_at)
    select 'sample_plan' || n, '${env.project}', case when n % 20 = 0 then '${id}' else 'check_other' || n % 20 end, true, 'OK', now(), now() - n * interval '10 s'
    from generate_series(1, 40000) n; analyze health_samples;
    insert into health_rollups select 'check_other' || n % 20, 60, date_bin('1 h', now(), 'epoch') - n / 20 * interval '1 h', 1, 0, 0, 1, 1, 1 from generate_series(1, 10000) n
    on conflict do nothing; analyze health_rollups`);
  const plan = (mode, statement, ...values) => run(`set plan_cache_mode = ${mode}; prepare p as ${statement}; explain (analyze, costs off, timing off, summary off) execute p (${values.join(', ')})`);
  const raw = queryText('samples_raw'), rolled = queryText('samples_rolled');
  for (const mode of ['force_custom_plan', 'force_generic_plan']) {
    const day = plan(mode, raw, `'${id}'`, "now() - interval '3 days'", "now() - interval '2 days'", 'null', "''", '50');
    assert.doesNotMatch(day, /Seq Scan on health_samples_2/, day);
    const touched = new Set([...day.matchAll(/ on (health_samples_2\d+)(?![^\n]*never executed)/g)].map(([, name]) => name));
    assert.ok(touched.size >= 1 && touched.size <= 2, `a day touches two partitions at most: ${day}`);
    const hours = plan(mode, rolled, "'check_other7'", '60', "now() - interval '5 days'", 'now()', 'null', '50');
    assert.doesNotMatch(hours, /Seq Scan on health_rollups_1h_2/, hours);
    assert.doesNotMatch(hours, /health_rollups_5m_2\d+(?![^\n]*never executed)/, hours);
  }
});

test('uptime: what counts, from the steps that there are and the five minutes under way', async () => {
  const id = addCheck('uptime');
  const answer = await get(`/health-checks/${id}/uptime`);
  const nothing = { uptime: null, ok: 0, failed: 0, inconclusive: 0 };
  assert.deepEqual(answer.json, { '1h': nothing, '24h': nothing, '7d': nothing, '30d': nothing, '90d': nothing, errorRate: null });
  run(`update health_states set acc_at = date_bin('5 minutes', now(), 'epoch'), acc_ok = 8, acc_failed = 2, acc_inconclusive = 7 where check_id = '${id}'`);
  addRollup(id, "now() - interval '20 hours'", { ok: 10 });
  addRollup(id, "now() - interval '3 days'", { ok: 20, failed: 20, inconclusive: 5 });
  addRollup(id, "now() - interval '20 days'", { ok: 40 });
  addRollup(id, "now() - interval '80 days'", { ok: 999_919, failed: 1 });
  addRollup(id, "now() - interval '95 days'", { failed: 1000 });
  const { json } = await get(`/health-checks/${id}/uptime`);
  assert.deepEqual(json['1h'], { uptime: 80, ok: 8, failed: 2, inconclusive: 7 });
  assert.deepEqual(json['24h'], { uptime: 90, ok: 18, failed: 2, inconclusive: 7 });
  assert.deepEqual(json['7d'], { uptime: 63.333, ok: 38, failed: 22, inconclusive: 12 });
  assert.deepEqual(json['30d'], { uptime: 78, ok: 78, failed: 22, inconclusive: 12 });
  assert.deepEqual(json['90d'], { uptime: 99.997, ok: 999_997, failed: 23, inconclusive: 12 }, 'cut, not rounded');
  assert.equal(json.errorRate, 0.2);
  run(`update health_states set acc_at = now() - interval '2 days', acc_failed = 50 where check_id = '${id}'`);
  assert.equal((await get(`/health-checks/${id}/uptime`)).json['24h'].failed, 0, 'five minutes that were never ended are as old as they are');
  assert.equal(one(`select health_uptime('${id}', 24) as u`).u, 100);
});
