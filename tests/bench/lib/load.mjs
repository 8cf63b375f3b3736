// One run of bench_load against one server, with what it cost the server and PostgreSQL.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { cpuUs, postgres, residentMb } from './servers.mjs';
import { settings } from './settings.mjs';

const execute = promisify(execFile);

// Ten seconds before anything counts: a Node server is several times slower until V8 has compiled what runs often.
export const warmUp = (server, args, options) => load(server, args, { connections: 64, seconds: 10, warmup: 0, ...options });

export async function load(server, args, { connections, seconds = settings.seconds, warmup = 1, requests = 60_000, token } = {}) {
  const env = { PATH: process.env.PATH, GITHUB_WEBHOOK_SECRET: settings.webhookSecret, ...(token && { BENCH_TOKEN: token }) };
  const options = ['-c', connections, '-s', seconds, '-w', warmup, '-n', requests].map(String);
  const before = [cpuUs(server.pid), cpuUs(postgres())];
  const { stdout } = await execute(`${settings.build}/tests/bench_load`, [...options, ...args], { env, timeout: 600_000 });
  const result = JSON.parse(stdout);
  // the warm-up counts for CPU too, so its requests are estimated from the rate
  const all = result.requests + (result.ranOut ? 0 : result.rate * warmup);
  const memory = residentMb(server.pid);
  return { ...result, cpuUs: (cpuUs(server.pid) - before[0]) / all, pgUs: (cpuUs(postgres()) - before[1]) / all,
    rssMb: Math.max(...memory.map((m) => m.mb)), memory };
}

export function assertAll(result, status, who) {
  const others = Object.keys(result.status).filter((code) => Number(code) !== status);
  if (others.length > 0 || result.errors > 0 || !result.status[status]) {
    throw new Error(`${who}: every answer should be ${status}, but: ${JSON.stringify({ status: result.status, errors: result.errors })}`);
  }
}
