// GET /projects/:id/deployments: token, role, 50 rows of 200.
import { empty, fillList, peerSchema } from '../lib/data.mjs';
import { assertAll, load, warmUp } from '../lib/load.mjs';
import { record } from '../lib/results.mjs';
import { opshubToken, peerToken, startOpshub, startPeer } from '../lib/servers.mjs';
import { settings } from '../lib/settings.mjs';

export const title = 'GET /projects/:id/deployments, 50 rows';

export async function measure() {
  await peerSchema();
  await empty();
  await fillList();
  const servers = [await startOpshub('api'), await startPeer('fastify'), await startPeer('nestjs')];
  const ours = await opshubToken();
  const args = (server) => ['get', `${server.url}/projects/proj_list/deployments`];
  const token = (server) => (server.name === 'opshub' ? ours : peerToken());
  for (const server of servers) await warmUp(server, args(server), { token: token(server) });
  for (let round = 0; round < settings.rounds; round++) {
    for (const connections of [32, 128]) {
      for (const server of servers) {
        const result = await load(server, args(server), { connections, token: token(server) });
        assertAll(result, 200, server.name);
        record('list', `${connections} connections`, server.name, result.rate, '/s', result);
      }
    }
  }
}
