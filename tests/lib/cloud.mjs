// The mock cloud, asked directly: what is really alive at the provider, whatever OpsHub believes.
import assert from 'node:assert/strict';
import { env } from './env.mjs';

async function call(method, path, body) {
  const answer = await fetch(env.cloud + path, { method, body: body && JSON.stringify(body),
    headers: body ? { 'content-type': 'application/json' } : {}, signal: AbortSignal.timeout(10_000) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.json();
}

export const stats = () => call('GET', '/v1/stats');
export const faults = (modes) => call('POST', '/v1/faults', modes);

// Every deployment the provider still has, as it lists them.
export async function inventory() {
  const all = [];
  let cursor = '';
  for (let page = 0; page < 1000; page++) {
    const answer = await call('GET', `/v1/deployments?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    all.push(...answer.deployments);
    cursor = answer.nextCursor ?? '';
    if (!cursor) return all;
  }
  throw new Error('the inventory has no end');
}
