// How much of a bare h2o's speed is left with everything of ours around it.
import { assertAll, load } from '../lib/load.mjs';
import { record } from '../lib/results.mjs';
import { startHello, startOpshub } from '../lib/servers.mjs';
import { settings } from '../lib/settings.mjs';

export const title = 'GET /healthz against a bare hello on the same loop';

export async function measure() {
  const servers = [await startOpshub('api'), await startHello()];
  for (let round = 0; round < settings.rounds; round++) {
    for (const server of servers) {
      const result = await load(server, ['get', `${server.url}/healthz`], { connections: 64 });
      assertAll(result, 200, server.name);
      record('healthz', '64 connections', server.name, result.rate, '/s', result);
    }
  }
}
