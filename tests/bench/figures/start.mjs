// From exec to the first 200 of /readyz, on a migrated database.
import { record } from '../lib/results.mjs';
import { launchOpshub, stop } from '../lib/servers.mjs';
import { settings } from '../lib/settings.mjs';

export const title = 'start to ready';

export async function measure() {
  for (let round = 0; round < 3 * settings.rounds; round++) {
    const begin = performance.now();
    const server = launchOpshub();
    while (!(await fetch(`${settings.api}/readyz`).then((a) => a.ok, () => false))) {
      if (performance.now() - begin > 30_000) throw new Error('opshubd is not ready after 30 s');
      await new Promise((next) => setTimeout(next, 2));
    }
    record('start', 'until /readyz', 'opshub', performance.now() - begin, 'ms');
    await stop(server);
  }
}
