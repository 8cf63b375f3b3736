// Durable webhooks: ours, the peers', and what PostgreSQL alone takes of our own statement. Nobody works on the jobs
// meanwhile: the peers have no worker, and ours runs its api role alone.
import { empty, peerSchema, sql } from '../lib/data.mjs';
import { assertAll, load, warmUp } from '../lib/load.mjs';
import { ceiling } from '../lib/pgbench.mjs';
import { record } from '../lib/results.mjs';
import { startOpshub, startPeer } from '../lib/servers.mjs';
import { settings } from '../lib/settings.mjs';

export const title = 'POST /webhooks/github, each verified, stored durably and queued';

const stored = { opshub: 'deliveries', fastify: 'peer.webhook_events', nestjs: 'peer.webhook_events' };

const args = (server) => ['webhook', `${server.url}/webhooks/github`, settings.payload];

async function one(server, connections) {
  await empty();
  const result = await load(server, args(server), { connections });
  assertAll(result, 202, server.name);
  const [{ n }] = await sql(`select count(*)::int as n from ${stored[server.name]}`);
  if (n < result.requests) throw new Error(`${server.name} answered ${result.requests} webhooks and stored ${n}`);
  record('webhooks', `${connections} connections`, server.name, result.rate, '/s', result);
}

export async function measure() {
  await peerSchema();
  await empty();
  const servers = [await startOpshub('api'), await startPeer('fastify'), await startPeer('nestjs')];
  for (const server of servers) await warmUp(server, args(server));
  for (let round = 0; round < settings.rounds; round++) {
    for (const connections of [64, 32, 128]) {
      for (const server of servers) await one(server, connections);
    }
    for (const clients of [2, 4]) {
      await empty();
      const { rate, pgUs } = await ceiling(clients);
      record('webhooks', '64 connections', `pgbench -c ${clients}`, rate, '/s', { pgUs });
    }
  }
}
