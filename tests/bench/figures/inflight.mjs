// A thousand deployments that build at the same time, on one worker: what it holds in memory, and how it asks the provider. A proxy
// in front of the mock cloud counts the calls; each second's share shows whether they come in waves.
import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { empty, sql } from '../lib/data.mjs';
import { percentile, record } from '../lib/results.mjs';
import { residentMb, startOpshub, stop } from '../lib/servers.mjs';
import { settings } from '../lib/settings.mjs';

export const title = 'deployments in flight on one worker';

const COUNT = 1000;
const BUILD_MS = 150_000;
const LOOK_S = 90;

async function countingProxy() {
  const calls = []; // a time each
  const target = new URL(settings.cloud);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  const server = http.createServer((request, answer) => {
    calls.push(Date.now());
    const onward = http.request({ host: target.hostname, port: target.port, path: request.url, method: request.method, headers: request.headers, agent }, (from) => {
      answer.writeHead(from.statusCode, from.headers);
      from.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    request.pipe(onward);
  });
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  return { calls, url: `http://127.0.0.1:${server.address().port}`, close: () => { server.close(); server.closeAllConnections(); } };
}

async function open(number) {
  const event = JSON.parse(readFileSync(settings.payload, 'utf8'));
  event.number = event.pull_request.number = number;
  const body = JSON.stringify(event);
  const answer = await fetch(`${settings.api}/webhooks/github`, { method: 'POST', body, headers: { 'content-type': 'application/json',
    'x-github-event': 'pull_request', 'x-github-delivery': randomUUID(),
    'x-hub-signature-256': `sha256=${createHmac('sha256', settings.webhookSecret).update(body).digest('hex')}` } });
  if (answer.status !== 202) throw new Error(`webhook: ${answer.status} ${await answer.text()}`);
}

async function reached(what, condition, seconds) {
  const end = Date.now() + seconds * 1000;
  while ((await sql(`select count(*)::int as n from ${condition}`))[0].n < COUNT) {
    if (Date.now() > end) throw new Error(`after ${seconds} s not yet ${COUNT} ${what}`);
    await sleep(250);
  }
}

const workerMb = (pid) => residentMb(pid).find((p) => p.process === 'worker').mb;

export async function measure() {
  await empty();
  const proxy = await countingProxy();
  const server = await startOpshub('all', { MOCK_PROVIDER_URL: proxy.url, MOCK_BUILD_MS: String(BUILD_MS), API_PROCESSES: '1', WORKER_PROCESSES: '1' });
  const idle = workerMb(server.pid);
  for (let n = 1; n <= COUNT; n += 20) await Promise.all(Array.from({ length: 20 }, (_, i) => open(n + i)));
  await reached('are building', "preview_attempts where state = 'created' and status in ('QUEUED', 'BUILDING')", 60);
  const from = Date.now();
  let most = 0;
  while (Date.now() < from + LOOK_S * 1000) {
    most = Math.max(most, workerMb(server.pid));
    await sleep(500);
  }
  const seconds = new Array(LOOK_S).fill(0);
  for (const at of proxy.calls) if (at >= from && at < from + LOOK_S * 1000) seconds[Math.floor((at - from) / 1000)]++;
  const later = seconds.slice(30); // every attempt is older than that: the intervals no longer change much
  await reached('are READY', "previews where status = 'READY'", 300);
  most = Math.max(most, workerMb(server.pid));
  record('inflight', `${COUNT} builds`, 'opshub', most, 'MB', { idleMb: idle });
  record('inflight', 'provider calls', 'opshub', later.reduce((a, b) => a + b, 0) / later.length, '/s', { p95: percentile(later, 0.95), max: Math.max(...later) });
  console.log(`calls in each second: ${seconds.join(' ')}`);
  record('inflight', 'calls each', 'opshub', proxy.calls.length / COUNT, 'calls', { buildS: BUILD_MS / 1000 });
  await stop(server);
  proxy.close();
}
