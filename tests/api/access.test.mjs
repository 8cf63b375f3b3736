// stack: --api 2 --fast --env MOCK_BUILD_MS=200
// What is taken from somebody is gone at once in every api process, though each remembers for some seconds who may do what.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { api, post } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { lineToEach } from '../lib/lines.mjs';
import { isAlive, kill } from '../lib/processes.mjs';
import { run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';
import { fill, identities, ids, makeWorld } from '../lib/world.mjs';

const list = `/projects/${ids.project}/deployments`;
const change = `/deployments/${ids.deployment}/retry`; // 409 for who may: the fixture's build is not over
const remembered = 3000; // ms that a process would go on by itself
let lines, who;

before(async () => {
  lines = await lineToEach(Number(process.env.OPSHUBD_PID));
  assert.equal(lines.length, 2);
  who = Object.fromEntries(identities().map((one) => [one.name, one]));
});
after(() => lines.forEach((line) => line.close()));

const idOf = (kind, person) => fill(`:${kind}`, { person });

// Both processes learn that this is allowed, it is taken away, and both must refuse it long before they would forget by themselves.
async function taken(what, { credential, path, method = 'GET', allowed, refused, by }) {
  for (const line of lines) assert.equal((await line.ask(method, path, credential)).status, allowed, `${what}: not allowed before`);
  const start = performance.now();
  await by();
  const committed = performance.now();
  for (const line of lines) {
    await until(`${what}: ${refused} in process ${line.pid}`, async () => (await line.ask(method, path, credential)).status === refused,
      { every: 2, seconds: 10 });
  }
  const lag = performance.now() - committed;
  assert.ok(performance.now() - start < remembered - 500, `${what}: took so long that forgetting cannot be told from hearing of it`);
  return lag;
}

const cases = {
  'a role that is lowered': () => ({ credential: who.developer.credential, path: change, method: 'POST', allowed: 409, refused: 403,
    by: () => run(`update members set role = 'VIEWER' where org_id = '${ids.organization}' and role = 'DEVELOPER'`) }),
  'a raised role that is taken back': () => ({ credential: who.raised.credential, path: change, method: 'POST', allowed: 409, refused: 403,
    by: () => run(`delete from project_members where project_id = '${ids.project}'`) }),
  'a member who is removed': () => ({ credential: who.viewer.credential, path: list, allowed: 200, refused: 404,
    by: () => run(`delete from members where org_id = '${ids.organization}' and role = 'VIEWER'`) }),
  'a login that is logged out': () => ({ credential: who.developer.credential, path: '/me', allowed: 200, refused: 401,
    by: () => post('/auth/logout', { token: who.developer.credential }) }),
  'a login that is ended by hand': () => ({ credential: who.maintainer.credential, path: '/me', allowed: 200, refused: 401,
    by: () => run("update sessions set revoked_at = now() where user_id in (select id from users where email = 'maintainer@matrix.example')") }),
  'a token that is revoked': () => ({ credential: who['token ownerReads'].credential, path: list, allowed: 200, refused: 401, by: async () => {
    const mine = await api('GET', '/me/tokens', { token: who.owner.credential });
    const { id } = mine.json.find((token) => token.name === 'ownerReads');
    assert.equal((await api('DELETE', `/me/tokens/${id}`, { token: who.owner.credential })).status, 204);
  } }),
  'a token that rotates itself without overlap': () => ({ credential: who['token ownerWrites'].credential, path: list, allowed: 200, refused: 401,
    by: async () => {
      const mine = await api('GET', '/me/tokens', { token: who.owner.credential });
      const { id } = mine.json.find((token) => token.name === 'ownerWrites');
      const answer = await post(`/me/tokens/${id}/rotate`, { token: who['token ownerWrites'].credential, body: { overlapMinutes: 0 } });
      assert.equal(answer.status, 201, answer.text);
    } }),
  'a user who is made inactive': () => ({ credential: who['token viewerAdmin'].credential, path: list, allowed: 200, refused: 401,
    by: () => run("update users set active = false where email = 'viewer@matrix.example'") }),
  'a project that is gone': () => ({ credential: who.owner.credential, path: list, allowed: 200, refused: 404,
    by: () => run(`delete from previews where project_id = '${ids.project}'; delete from projects where id = '${ids.project}'`) }),
};

for (const [what, make] of Object.entries(cases)) {
  test(`${what} is over at once in both processes`, async (context) => {
    makeWorld();
    const lag = await taken(what, make());
    context.diagnostic(`${lag.toFixed(1)} ms until both refused`);
    assert.ok(lag < 1000, `${lag} ms`);
  });
}

test('what takes nothing away tells nobody to forget', () => {
  const told = run(`listen opshub_access; delete from projects where false; delete from sessions where false; delete from api_tokens where false;
    update members set role = role where false; select 'the end'`);
  assert.equal(told, 'the end');
  assert.match(run(`listen opshub_access; update members set role = role where org_id = '${ids.organization}'; select 'the end'`), /opshub_access/);
});

test('a role that is given counts at once: what is not allowed is not remembered', async () => {
  makeWorld();
  for (const line of lines) assert.equal((await line.get(list, who.nobody.credential)).status, 404);
  run(`insert into members (org_id, user_id, role) select '${ids.organization}', id, 'VIEWER' from users where email = 'nobody@matrix.example'`);
  for (const line of lines) assert.equal((await line.get(list, who.nobody.credential)).status, 200);
});

// ---- what it costs ----

// A PostgreSQL that is far away: every byte is late by `delay` ms each way, so a request's time counts its round trips.
function farAway(delay) {
  const target = new URL(process.env.DATABASE_URL);
  const server = net.createServer((near) => {
    const far = net.connect(Number(target.port), target.hostname);
    for (const [from, to] of [[near, far], [far, near]]) {
      from.on('data', (data) => setTimeout(() => to.destroyed || to.write(data), delay));
      from.on('close', () => setTimeout(() => to.destroy(), delay));
      from.on('error', () => to.destroy());
    }
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

const freePort = () => new Promise((resolve) => {
  const probe = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});

test('the guard costs one round trip, and none for what is remembered', async () => {
  makeWorld();
  const delay = 100, trip = 2 * delay;
  const proxy = await farAway(delay), port = await freePort();
  const url = new URL(process.env.DATABASE_URL);
  url.port = String(proxy.address().port);
  const far = `http://127.0.0.1:${port}`;
  const start = 'set -a; . "$0/daemon.env"; PORT=$2 API_BASE_URL=$3 DATABASE_URL=$4 API_PROCESSES=1; exec "$1/opshubd" --role=api';
  const daemon = spawn('bash', ['-c', start, env.stackDir, env.bin, String(port), far, url.href], { stdio: 'ignore' });
  const trips = async (path, credential) => {
    const start = performance.now();
    const answer = await api('GET', far + path, { token: credential });
    assert.equal(answer.status, 200, answer.text);
    return Math.floor((performance.now() - start) / trip);
  };
  try {
    await until('the far api is ready', async () => (await api('GET', `${far}/readyz`, { token: null })).status === 200, { seconds: 60 });
    await api('GET', `${far}/providers`); // every connection is there
    const deployment = `/deployments/${ids.deployment}`;
    for (const name of ['owner', 'token raisedWrites']) { // two people: what one may do is remembered for his tokens too
      const { credential } = who[name];
      assert.equal(await trips(deployment, credential), 2, `${name}: identity and standing together, and the handler's own query`);
      assert.equal(await trips(deployment, credential), 1, `${name}: only the handler's own query`);
      assert.equal(await trips(list, credential), 2, `${name}: standing in another place, and the handler's own query`);
    }
  } finally {
    kill(daemon.pid, 'SIGTERM');
    await until('the far api has ended', () => !isAlive(daemon.pid), { seconds: 40 });
    proxy.close();
  }
});
