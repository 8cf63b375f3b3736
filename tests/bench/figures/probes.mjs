// Probes of health checks: one worker against a target on loopback, with every sample stored; a bare loop of curl's multi handle and
// prometheus-blackbox-exporter asking the same target; and 50,000 checks a minute: how late they start, and what they take.
import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { sql } from '../lib/data.mjs';
import { record } from '../lib/results.mjs';
import { cpuUs, freePort, postgres, residentMb, startOpshub, startPrinting, startServer, stop } from '../lib/servers.mjs';
import { settings } from '../lib/settings.mjs';

export const title = 'probes of health checks';

const AT_ONCE = 64;
const LOOP = 30_000;
const MANY = 20_000; // each due every second: more than one worker can do
const DAY_MINUTE = 50_000;
const run = promisify(execFile);
const program = (name) => `${settings.build}/tests/${name}`;

const startTarget = (...words) => startPrinting('target', program('bench_target'), words);

function workerOf(pid) {
  for (const name of readdirSync('/proc')) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      if (/^\d+$/.test(name) && Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid
        && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('--child=worker')) return Number(name);
    } catch { /* it ended while we looked */ }
  }
  throw new Error('no worker runs');
}

async function fill(n, url, intervalMs) {
  await sql('truncate health_checks, health_samples, health_rollups, health_states cascade');
  await sql(`insert into health_checks (id, project_id, name, url, interval_ms, timeout_ms)
    select 'check_' || lpad(i::text, 26, '0'), 'proj_demo', 'check ' || i, $2, $3, 5000 from generate_series(1, $1::int) i`, [n, url, intervalMs]);
  // Spread from the beginning, as they are after their first probe.
  await sql('update health_states s set due_at = health_slot(s.check_id, c.interval_ms, now() + interval \'2 s\') from health_checks c where c.id = s.check_id');
  await sql('vacuum analyze health_states, health_checks');
}

// Statements of the worker: every one of them is a transaction.
const counters = async (worker) => ({
  at: performance.now(), cpu: cpuUs(worker), pg: cpuUs(postgres()),
  samples: Number((await sql('select count(*) as n from health_samples'))[0].n),
  transactions: Number((await sql('select xact_commit as n from pg_stat_database where datname = current_database()'))[0].n),
});

async function over(worker, seconds) {
  const a = await counters(worker);
  await sleep(seconds * 1000);
  const b = await counters(worker);
  const samples = b.samples - a.samples;
  return { samples, rate: samples / ((b.at - a.at) / 1000), perCpuSecond: samples / ((b.cpu - a.cpu) / 1e6), cpuUs: (b.cpu - a.cpu) / samples,
    pgUs: (b.pg - a.pg) / samples, statements: (b.transactions - a.transactions) / samples };
}

const probing = { API_PROCESSES: '1', WORKER_PROCESSES: '1', PROBE_ALLOW_CIDRS: '127.0.0.0/8', PROBE_PORTS: '1-65535', PROBE_SENTINELS: 'none' };

async function wholeRate(what, target) {
  await fill(MANY, target.url, 1000);
  const server = await startOpshub('all', probing);
  const worker = workerOf(server.pid);
  await sleep(4000);
  const result = await over(worker, settings.seconds);
  const [{ n: failed }] = await sql("select count(*) as n from health_samples where verdict <> 'OK'");
  if (Number(failed) > 0) throw new Error(`${failed} probes failed`);
  record('probes', what, 'opshub', result.rate, '/s', result);
  record('probes', what, 'opshub', result.perCpuSecond, '/cpu s', { statements: result.statements });
  await stop(server);
}

// core/probe alone, with connections kept or not, and a bare loop of curl's.
async function loop(what, who, kind, target) {
  const { stdout } = await run(program('bench_probe_loop'), [kind, `${target.url}/`, String(LOOP), String(AT_ONCE)]);
  const result = JSON.parse(stdout);
  record('probes', what, who, result.perCpuSecond, '/cpu s', { rate: result.probes / result.seconds });
}

async function blackbox(what, target) {
  const binary = process.env.BLACKBOX_EXPORTER ?? '/usr/bin/prometheus-blackbox-exporter';
  if (!existsSync(binary)) return console.log(`${binary} is not there: apt-get install prometheus-blackbox-exporter`);
  const port = await freePort();
  const config = `${settings.stack}/blackbox.yml`;
  writeFileSync(config, 'modules:\n  http_2xx:\n    prober: http\n    timeout: 5s\n');
  const server = await startServer('blackbox', `http://127.0.0.1:${port}`, binary, [`--config.file=${config}`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=error'], '/-/healthy');
  const url = `${server.url}/probe?module=http_2xx&target=${encodeURIComponent(`${target.url}/`)}`;
  if (!/probe_success 1/.test(await (await fetch(url)).text())) throw new Error('blackbox_exporter does not reach the target');
  const before = cpuUs(server.pid);
  const { stdout } = await run('wrk', ['-t1', `-c${AT_ONCE}`, `-d${settings.seconds}s`, url]);
  const probes = Number(/(\d+) requests in/.exec(stdout)[1]);
  record('probes', what, 'blackbox', probes / ((cpuUs(server.pid) - before) / 1e6), '/cpu s', { rate: probes / settings.seconds });
  await stop(server);
}

async function aMinute(target) {
  await fill(DAY_MINUTE, target.url, 60_000);
  const server = await startOpshub('all', probing);
  const worker = workerOf(server.pid);
  await sleep(5000);
  const [{ at }] = await sql('select now() as at');
  const result = await over(worker, 65);
  const [late] = await sql(`select percentile_cont(0.5) within group (order by ms) as p50, percentile_cont(0.99) within group (order by ms) as p99, max(ms) as most
    from (select abs(extract(epoch from created_at - slot_at)) * 1000 as ms from health_samples where created_at > $1) s`, [at]);
  const rss = residentMb(server.pid).find((m) => m.process === 'worker').mb;
  record('probes', `${DAY_MINUTE} checks a minute`, 'opshub', result.rate, '/s', { p50Ms: Number(late.p50), p99Ms: Number(late.p99), mostMs: Number(late.most),
    rssMb: rss, statements: result.statements, cpuUs: result.cpuUs, pgUs: result.pgUs });
  await stop(server);
}

export async function measure() {
  const kept = await startTarget();
  const closing = await startTarget('close');
  for (let round = 0; round < settings.rounds; round++) {
    await wholeRate('connections kept', kept);
    await loop('connections kept', 'driver alone', 'kept', kept);
    await wholeRate('new connections', closing);
    await loop('new connections', 'driver alone', 'driver', closing);
    await loop('new connections', 'bare curl', 'bare', closing);
    await blackbox('new connections', closing);
  }
  await aMinute(kept);
}
