// stack: --no-daemon --api 1 --workers 1 --fast --env MOCK_BUILD_MS=100 --env REAP_MS=1000
// seconds: 180
// The ledger: what a provider has and our rows do not, and the other way round. The mock cloud stands behind a proxy that adds to its
// inventory and takes out of it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertError, deployment, get, login } from '../lib/client.mjs';
import { inventory } from '../lib/cloud.mjs';
import { env } from '../lib/env.mjs';
import { deliver, pullRequest } from '../lib/github.mjs';
import { command, daemon } from '../lib/github-login.mjs';
import { part } from '../lib/part.mjs';
import { forward, listen } from '../lib/prism.mjs';
import { one, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

let front;
const added = [], hidden = new Set(), destroyed = [];
let listings = 0;

before(async () => {
  front = await listen(async (request, answer) => {
    const url = new URL(request.url, 'http://fake'), id = url.pathname.split('/')[3];
    if (request.method === 'GET' && url.pathname === '/v1/deployments') {
      const said = await fetch(env.cloud + request.url, { headers: { authorization: request.headers.authorization ?? '' } }), body = await said.json();
      listings++;
      if (!said.ok) return answer.writeHead(said.status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      body.deployments = body.deployments.filter((d) => !hidden.has(d.attemptId));
      if (!body.nextCursor) body.deployments.push(...added);
      return answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    }
    if (request.method === 'DELETE') destroyed.push(id);
    return forward(new URL(env.cloud).port, request.url, request, answer);
  });
  daemon.set({ MOCK_PROVIDER_URL: `http://127.0.0.1:${front.port}` });
  await part('opshubd', 'start');
  process.env.OPSHUB_TOKEN = await login('owner');
});
after(() => front.close());

const orphans = async (query = '') => {
  const answer = await get(`/projects/${env.project}/orphans${query}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
};
const reaped = (more = 2) => {
  const from = listings;
  return until(`${more} more inventories`, () => listings >= from + more, { seconds: 60 });
};
const hoursAgo = (n) => Date.now() - n * 3600_000;

test('nothing is in the ledger while all fits', async () => {
  await deliver('pull_request', pullRequest('opened', 1));
  await deployment(1, 'READY');
  await reaped();
  assert.deepEqual(await orphans(), []);
});

test('a deployment of ours that no row knows is named, once, and settled when it is gone', async () => {
  const [like] = await inventory(), { id } = one('select id from instance');
  const unknown = { ...like, id: 'dpl_unknown', attemptId: `att_0123456789${id.slice(-8)}`, createdMs: hoursAgo(2), url: 'http://127.0.0.1:1/p/x/' };
  added.push(unknown, { ...unknown, id: 'dpl_young', attemptId: `att_1123456789${id.slice(-8)}`, createdMs: Date.now() },
    { ...unknown, id: 'dpl_foreign', attemptId: 'att_2123456789ffffffff' });
  const [entry] = await until('it is in the ledger', async () => { const all = await orphans(); return all.length && all; }, { seconds: 60 });
  assert.deepEqual([entry.kind, entry.action, entry.provider, entry.providerDeploymentId, entry.attemptId, entry.url, entry.resolvedAt],
    ['UNKNOWN', 'NAMED', 'mock', unknown.id, unknown.attemptId, unknown.url, null]);
  await reaped();
  const again = await orphans();
  assert.equal(again.length, 1);
  assert.equal(again[0].id, entry.id);
  assert.equal(again[0].firstSeenAt, entry.firstSeenAt);
  const dry = await command('reconcile', '--dry-run');
  assert.match(dry.out, /^mock: UNKNOWN dpl_unknown since \S+: NAMED$/m);
  added.length = 0;
  await until('it is settled', async () => (await orphans()).length === 0, { seconds: 60 });
  assert.ok((await orphans('?resolved=true'))[0].resolvedAt);
  assert.deepEqual(destroyed, []);
});

test('what is only not listed is left alone; what the provider says is gone is written down, and nothing is done', async () => {
  await deliver('pull_request', pullRequest('opened', 2));
  await deployment(2, 'READY');
  const attempt = one('select a.id, a.provider_id from preview_attempts a join previews p on p.id = a.preview_id where p.pr_number = 2');
  hidden.add(attempt.id);
  run("update preview_attempts set ready_at = now() - interval '1 minute'");
  await reaped(3);
  assert.deepEqual(await orphans(), []);
  const gone = await fetch(`${env.cloud}/v1/deployments/${attempt.provider_id}`, { method: 'DELETE' });
  assert.ok(gone.ok, gone.status);
  const [entry] = await until('it is in the ledger', async () => { const all = await orphans(); return all.length && all; }, { seconds: 60 });
  assert.deepEqual([entry.kind, entry.action, entry.attemptId], ['VANISHED', 'NAMED', attempt.id]);
  assert.equal((await deployment(2, 'READY')).status, 'READY');
  await deliver('pull_request', pullRequest('closed', 2));
  await deployment(2, 'DESTROYED');
  await until('it is settled', async () => (await orphans()).length === 0, { seconds: 60 });
});

test('an inventory that could not be read settles nothing', async () => {
  const [like] = await inventory(), { id } = one('select id from instance');
  added.push({ ...like, id: 'dpl_again', attemptId: `att_3123456789${id.slice(-8)}`, createdMs: hoursAgo(2) });
  await until('it is in the ledger', async () => (await orphans()).length === 1, { seconds: 60 });
  await fetch(`${env.cloud}/v1/faults`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"mode":"auth"}' });
  await reaped(3);
  assert.equal((await orphans()).length, 1);
  await fetch(`${env.cloud}/v1/faults`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"mode":"none"}' });
});

test('the list has pages, and refuses what it does not know', async () => {
  assertError(await get(`/projects/${env.project}/orphans?resolved=perhaps`), 422, 'ValidationError');
  assertError(await get(`/projects/${env.project}/orphans?cursor=deploy_1`), 422, 'ValidationError');
  const first = await get(`/projects/${env.project}/orphans?resolved=true&limit=1`);
  assert.equal(first.json.length, 1);
  const next = await get(/<([^>]+)>/.exec(first.headers.get('link'))[1].replace(env.api, ''));
  assert.notEqual(next.json[0].id, first.json[0].id);
});

test('three workers ask an account once in an interval, and one that died is followed', async () => {
  await daemon.restart({ WORKER_PROCESSES: '3', REAP_MS: '2000', JOB_LEASE_MS: '3000' });
  await reaped(1);
  const from = Date.now();
  await reaped(6);
  // the first one may have been counted late, so five intervals of nine tenths at least
  assert.ok(Date.now() - from >= 5 * 1800, `six inventories in ${Date.now() - from} ms`);
  const lease = Number(run(`update inventories set worker = 'worker_ghost', next_at = now(), lease_until = now() + interval '6 s'
    returning (extract(epoch from lease_until) * 1000)::bigint`));
  const before = listings;
  await until('somebody takes over', () => listings > before + 1, { seconds: 60 });
  assert.ok(Date.now() >= lease, 'not before the lease was over');
});
