// Jobs that do nothing: ours are each claimed and taken out in PostgreSQL, BullMQ's live in Redis alone. Both stand ready in
// full before the clock starts.
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { empty, query, redisPipe, sql } from '../lib/data.mjs';
import { record } from '../lib/results.mjs';
import { cpuUs, postgres, residentMb, startOpshub } from '../lib/servers.mjs';
import { settings } from '../lib/settings.mjs';

export const title = 'no-op jobs processed';

const JOBS = 40_000;
const CONCURRENCY = 100;

async function ours(server) {
  const ids = (await sql(query('jobs.sql', 'jobs_fill'), [`job_${Date.now()}_`, JOBS])).map((row) => row.id);
  const before = [cpuUs(server.pid), cpuUs(postgres())];
  const begin = performance.now();
  redisPipe(Array.from({ length: JOBS / 1000 }, (_, i) => `RPUSH bull:preview-queue:waiting ${ids.slice(i * 1000, (i + 1) * 1000).join(' ')}`));
  while ((await sql('select 1 from jobs limit 1')).length > 0) {
    if (performance.now() - begin > 120_000) throw new Error('jobs are left after 120 s');
    await sleep(25);
  }
  const seconds = (performance.now() - begin) / 1000;
  return { rate: JOBS / seconds, cpuUs: (cpuUs(server.pid) - before[0]) / JOBS, pgUs: (cpuUs(postgres()) - before[1]) / JOBS,
    rssMb: Math.max(...residentMb(server.pid).map((m) => m.mb)) };
}

async function bullmq() {
  const env = { PATH: process.env.PATH, REDIS_URL: settings.redis, NODE_ENV: 'production' };
  const { stdout } = await promisify(execFile)(process.execPath, [`${settings.peers}/dist/bullmq-noop.js`, String(JOBS), String(CONCURRENCY)],
    { env, timeout: 300_000 });
  return JSON.parse(stdout);
}

export async function measure() {
  await empty();
  const server = await startOpshub();
  for (let round = 0; round < settings.rounds; round++) {
    await empty();
    const result = await ours(server);
    record('queue', `${JOBS} no-ops`, 'opshub', result.rate, '/s', result);
    const theirs = await bullmq();
    record('queue', `${JOBS} no-ops`, 'bullmq', theirs.rate, '/s', { cpuUs: theirs.cpuUs });
  }
}
