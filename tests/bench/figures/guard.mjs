// What identity and role check add to a request, in CPU of the api process: requests that the guard itself answers (403: a VIEWER wants to
// retry a deployment), less a request that has no guard and is refused as well.
import { empty, fillList, peerSchema, sql } from '../lib/data.mjs';
import { client } from '../lib/client.mjs';
import { record } from '../lib/results.mjs';
import { startOpshub } from '../lib/servers.mjs';
import { settings } from '../lib/settings.mjs';
import { readFileSync, readdirSync } from 'node:fs';
import { tokenText } from '../../lib/token-text.mjs';

export const title = 'identity and role check, CPU of one request';

const REQUESTS = 6000;
const PATH = `/deployments/deploy_${'1'.padStart(26, '0')}/retry`; // of fillList

// Nanoseconds on a processor, of the daemon's only api process.
function cpuNs(pid) {
  const child = readdirSync('/proc').find((name) => /^\d+$/.test(name) && isApiOf(name, pid));
  return Number(readFileSync(`/proc/${child}/schedstat`, 'utf8').split(' ')[0]);
}

function isApiOf(name, parent) {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('--child=api');
  } catch {
    return false; // it ended while we looked
  }
}

// Microseconds a request: `ask(client, i)` is called REQUESTS times by so many clients, and answered with `status`.
async function cost(server, clients, status, ask) {
  const all = Array.from({ length: clients }, () => client(server.url));
  const before = cpuNs(server.pid);
  let next = 0;
  await Promise.all(all.map(async (one) => {
    while (next < REQUESTS) {
      const answer = await ask(one, next++);
      if (answer.status !== status) throw new Error(`answered with ${answer.status} instead of ${status}: ${answer.text}`);
    }
  }));
  all.forEach((one) => one.close());
  return (cpuNs(server.pid) - before) / 1000 / REQUESTS;
}

// Tokens of the demo organization's VIEWER: enough that none is asked for twice.
async function makeTokens(count) {
  const texts = Array.from({ length: count }, (_, i) => tokenText(`bench ${i}`));
  await sql('delete from api_tokens');
  await sql(`insert into api_tokens (id, user_id, name, hash, scope, expires_at)
    select 'tok_' || lpad(n::text, 26, '0'), 'user_00000000000000000000000004', 'bench', sha256(convert_to(text, 'UTF8')), 'write', now() + interval '1 day'
    from unnest($1::text[]) with ordinality as t (text, n)`, [texts]);
  await sql('analyze api_tokens');
  return texts;
}

export async function measure() {
  await peerSchema(); // fillList analyzes their tables too
  await empty();
  await fillList();
  const server = await startOpshub('api', { API_PROCESSES: '1' });
  const texts = await makeTokens(REQUESTS);
  const kinds = {
    'no guard': [404, (one) => one.ask('GET', '/dashboard/nothing')],
    remembered: [403, (one) => one.ask('POST', PATH, { token: texts[0] })],
    'asked for': [403, (one, i) => one.ask('POST', PATH, { token: texts[i] })],
  };
  for (let round = 0; round < settings.rounds; round++) {
    for (const clients of [1, 32]) {
      const us = {};
      for (const [kind, [status, ask]] of Object.entries(kinds)) {
        await sql('select pg_notify(\'opshub_access\', \'\')'); // nothing is remembered from the round before
        us[kind] = await cost(server, clients, status, ask);
      }
      for (const kind of ['remembered', 'asked for']) record('guard', `${kind}, ${clients} at once`, 'opshub', us[kind] - us['no guard'], 'us CPU');
    }
  }
}
