// stack: --fast --workers 3 --api 1
// Which private networks probes may reach is on record: a change of the configuration is in every organization's audit, once.
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import { get, login } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { part } from '../lib/part.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

const entries = async (token) => (await get('/orgs/org_demo/audit?action=probe.networks', { token })).json;

async function restart(cidrs) {
  await part('opshubd', 'stop');
  appendFileSync(`${env.stackDir}/daemon.env`, `export PROBE_ALLOW_CIDRS='${cidrs}'\n`);
  await part('opshubd', 'start');
}

const stored = () => rows('select cidr from probe_networks order by 1').map(({ cidr }) => cidr).join();

test('three workers that start at once write one row of what changed, and none of what did not', async () => {
  const token = await login('maintainer');
  await until('the first start is on record', () => stored() === '127.0.0.0/8,::1/128');
  await restart('10.1.2.3/8, fd00::/8');
  await until('the networks are the new ones', () => stored() === '10.0.0.0/8,fd00::/8');
  const [newest] = await entries(token);
  assert.deepEqual(newest.before, { networks: ['127.0.0.0/8', '::1/128'] });
  assert.deepEqual(newest.after, { networks: ['10.0.0.0/8', 'fd00::/8'] });
  assert.equal(newest.actor.kind ?? newest.actorKind, 'system');
  const ready = () => one("select count(*) as n from plugins where updated_at > now() - interval '1 hour'").n;
  run("update plugins set updated_at = '2000-01-01'");
  await restart('fd00::/8,10.0.0.0/8');
  await until('the workers are back', () => Number(ready()) > 0);
  await restart('');
  await until('there are none', () => stored() === '');
  const all = await entries(token);
  assert.deepEqual(all.map((entry) => entry.after.networks.length), [0, 2, 2]);
  assert.equal(Number(one("select count(*) as n from audit_log where action = 'probe.networks' and org_id = ''").n), 3, 'and in the chain of the installation');
});
