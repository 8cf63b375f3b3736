// Starting and stopping what is measured, and what it costs the machine.
import { execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { settings } from './settings.mjs';

const running = new Set();
process.on('exit', () => running.forEach((server) => server.child.kill('SIGKILL')));
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => process.exit(1));

// A server: { name, url, pid, child }.
function start(name, url, program, args, env) {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const server = { name, url, pid: child.pid, child, out: '' };
  child.stdout.on('data', (data) => { server.out = (server.out + data).slice(-65536); });
  running.add(server);
  server.ended = new Promise((resolve) => child.once('exit', () => { running.delete(server); resolve(); }));
  return server;
}

export async function stop(server) {
  const killer = setTimeout(() => server.child.kill('SIGKILL'), 40_000);
  server.child.kill('SIGTERM');
  await server.ended;
  clearTimeout(killer);
}

export const stopAll = () => Promise.all([...running].map(stop));

const answers = (url) => fetch(url, { signal: AbortSignal.timeout(2000) }).then((a) => a.status === 200, () => false);

async function ready(server, path) {
  const end = Date.now() + 30_000;
  while (!(await answers(server.url + path))) {
    if (!running.has(server) || Date.now() > end) throw new Error(`${server.name} did not start: ${server.out}`);
    await sleep(20);
  }
  return server;
}

export const freePort = () => new Promise((resolve, reject) => {
  const probe = net.createServer().once('error', reject).listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});

// ---- ours: with the environment that the stack has written for it ----
function daemonEnvironment() {
  const text = execFileSync('env', ['-i', `PATH=${process.env.PATH}`, 'bash', '--norc', '-c', '. "$1" && env -0', 'bash', `${settings.stack}/daemon.env`], { encoding: 'utf8' });
  return Object.fromEntries(text.split('\0').filter(Boolean).map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

// Not yet ready: figures/start.mjs takes the time.
export const launchOpshub = (role = 'all', more = {}) =>
  start('opshub', settings.api, `${settings.bin}/opshubd`, [`--role=${role}`], { ...daemonEnvironment(), ...more });

export const startOpshub = async (role, more) => ready(launchOpshub(role, more), '/readyz');

export async function opshubToken() {
  const answer = await fetch(`${settings.api}/test/login-as`, { method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'owner@demo.opshub.local' }) });
  return (await answer.json()).token;
}

// ---- the peers ----
export async function startPeer(name) {
  const file = { nestjs: 'nest/main.js', fastify: 'fastify.js' }[name];
  const port = await freePort();
  const env = { PATH: process.env.PATH, NODE_ENV: 'production', PORT: String(port), DATABASE_URL: settings.database,
    REDIS_URL: settings.redis, JWT_SECRET: settings.jwtSecret, GITHUB_WEBHOOK_SECRET: settings.webhookSecret };
  return ready(start(name, `http://127.0.0.1:${port}`, process.execPath, [`${settings.peers}/dist/${file}`], env), '/healthz');
}

export function peerToken() {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: 'user_bench', iat: now, exp: now + 86400 })}`;
  return `${text}.${createHmac('sha256', settings.jwtSecret).update(text).digest('base64url')}`;
}

// A program that prints "port N" when it is there.
export async function startPrinting(name, program, args = []) {
  const server = start(name, '', program, args, {});
  const end = Date.now() + 10_000;
  while (!/port (\d+)/.test(server.out)) {
    if (Date.now() > end) throw new Error(`${name} did not start`);
    await sleep(10);
  }
  server.url = `http://127.0.0.1:${/port (\d+)/.exec(server.out)[1]}`;
  return server;
}

export const startHello = () => startPrinting('bare h2o', `${settings.build}/tests/bench_hello`);

export const startServer = async (name, url, program, args, path) => ready(start(name, url, program, args, { PATH: process.env.PATH }), path);

// ---- what they cost ----
const stat = (pid) => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
};

// A process and its children, which is as deep as it goes here.
function family(pid) {
  const found = [Number(pid)];
  for (const name of readdirSync('/proc')) {
    try {
      if (/^\d+$/.test(name) && Number(stat(name)[1]) === Number(pid)) found.push(Number(name));
    } catch { /* it ended while we looked */ }
  }
  return found;
}

// CPU microseconds that a process and its children, alive or ended, have used; the kernel counts in hundredths of a second.
export function cpuUs(pid) {
  let ticks = 0;
  for (const one of family(pid)) {
    try {
      const fields = stat(one).map(Number);
      ticks += fields[11] + fields[12] + (one === Number(pid) ? fields[13] + fields[14] : 0);
    } catch { /* it ended while we looked */ }
  }
  return ticks * 10_000;
}

export const postgres = () => Number(readFileSync(`${settings.stack}/pg.pid`, 'utf8'));

// Resident megabytes of each process: { "opshubd": [12.1], "opshubd --child=api": [...] }
export function residentMb(pid) {
  return family(pid).map((one) => {
    const kb = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${one}/status`, 'utf8'))?.[1] ?? 0);
    const words = readFileSync(`/proc/${one}/cmdline`, 'utf8').split('\0');
    return { process: /--child=(\w+)/.exec(words.join(' '))?.[1] ?? words[0].split('/').pop(), mb: Math.round(kb / 102.4) / 10 };
  });
}
