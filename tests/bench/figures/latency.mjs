// From sending a webhook to the provider's create, on an idle system: one webhook after another.
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { empty } from '../lib/data.mjs';
import { percentile, record } from '../lib/results.mjs';
import { startOpshub } from '../lib/servers.mjs';
import { settings } from '../lib/settings.mjs';

export const title = "webhook sent to provider's create, 200 one after another";

const WEBHOOKS = 200;

async function send(number) {
  const event = JSON.parse(readFileSync(settings.payload, 'utf8'));
  event.number = event.pull_request.number = number;
  event.pull_request.head.sha = createHash('sha1').update(String(number)).digest('hex');
  const body = JSON.stringify(event);
  const signature = createHmac('sha256', settings.webhookSecret).update(body).digest('hex');
  const sent = Date.now(), begin = performance.now();
  const answer = await fetch(`${settings.api}/webhooks/github`, { method: 'POST', body, headers: { 'content-type': 'application/json',
    'x-github-event': 'pull_request', 'x-github-delivery': randomUUID(), 'x-hub-signature-256': `sha256=${signature}` } });
  await answer.text();
  if (answer.status !== 202) throw new Error(`the webhook was answered with ${answer.status}`);
  return { sent, answerMs: performance.now() - begin };
}

// The mock cloud's own times, by pull request.
async function created() {
  const found = new Map();
  let cursor = '';
  do {
    const answer = await fetch(`${settings.cloud}/v1/deployments?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    const page = await answer.json();
    for (const deployment of page.deployments) found.set(deployment.prNumber, deployment.createdMs);
    cursor = page.nextCursor ?? '';
  } while (cursor);
  return found;
}

export async function measure() {
  await empty();
  await startOpshub();
  const first = 1 + Math.floor(Math.random() * 1e9), sent = [];
  await send(first - 1); // opens the plugin's instance and the connections
  await sleep(1000);
  for (let i = 0; i < WEBHOOKS; i++) {
    sent.push(await send(first + i));
    await sleep(50);
  }
  await sleep(1000);
  const times = await created();
  const lags = sent.map((s, i) => times.get(first + i) - s.sent).filter((lag) => Number.isFinite(lag));
  if (lags.length < WEBHOOKS) throw new Error(`only ${lags.length} of ${WEBHOOKS} webhooks reached the provider`);
  for (const [name, values] of [['until create', lags], ['until answered', sent.map((s) => s.answerMs)]]) {
    for (const [what, share] of [['p50', 0.5], ['p99', 0.99], ['max', 1]]) record('latency', `${name}, ${what}`, 'opshub', percentile(values, share), 'ms');
  }
}
