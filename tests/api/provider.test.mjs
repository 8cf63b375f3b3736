// stack: --env MOCK_BUILD_MS=200 --env REPAIR_MS=500 --env REAP_MS=1000
// seconds: 180
// What a project deploys with: settings as the plugin declares them, secrets that nobody reads back, and a worker that uses both.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { api, assertError, get, post } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { deliver, ofRepository, pullRequest } from '../lib/github.mjs';
import { audit, faultyFields, organization, person, project } from '../lib/people.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

const secret = 'vcp_S3cretOfTheCloud0123456789', stale = 'vcp_AnotherSecret0123456789abc';
let owner, org, cloud;
const put = (p, body, method = 'PUT') => api(method, `/projects/${p.id}/provider`, { token: owner.token, body });
const show = async (p) => (await get(`/projects/${p.id}/provider`, { token: owner.token })).json;
const open = (p, pr, more) => deliver('pull_request', ofRepository(pullRequest('opened', pr, more), p.repoFullName));

// A cloud of its own, which wants a token.
async function startCloud() {
  const child = spawn(`${env.bin}/opshub-mock-cloud`, ['--port', '0', '--build-ms', '100', '--with-parent'],
    { env: { ...process.env, MOCK_CLOUD_TOKEN: secret }, stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise((resolve, reject) => {
    child.stdout.on('data', (data) => resolve(/listening on (\S+)/.exec(data)[1]));
    child.on('exit', () => reject(new Error('the cloud ended early')));
  });
  return { url, stop: () => child.kill('SIGTERM'), async deployments() {
    const answer = await fetch(`${url}/v1/deployments?limit=100`, { headers: { authorization: `Bearer ${secret}` } });
    assert.equal(answer.status, 200);
    return (await answer.json()).deployments;
  } };
}

async function ended(p, status) {
  return until(`a deployment of ${p.name} in ${status}`, async () => {
    const [newest] = (await get(`/projects/${p.id}/deployments`, { token: owner.token })).json;
    if (newest?.status === status) return newest;
    throw new Error(JSON.stringify(newest));
  });
}

before(async () => {
  owner = await person('owner');
  org = await organization(owner);
  cloud = await startCloud();
});
after(() => cloud.stop());

test('nothing is chosen at first', async () => {
  const p = await project(org, owner);
  assert.deepEqual(await show(p), { provider: null });
  assert.deepEqual(faultyFields(await put(p, {})), ['provider']);
});

test('settings come back as they were sent, a secret as its mask', async () => {
  const p = await project(org, owner);
  const answer = await put(p, { provider: 'Mock', url: cloud.url, token: secret, buildMs: 100, outcome: 'ready' });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.json, { provider: 'MOCK', url: cloud.url, token: 'vcp_***', buildMs: 100, outcome: 'ready' });
  assert.deepEqual(await show(p), answer.json);
  const whole = (await get(`/projects/${p.id}`, { token: owner.token })).json;
  assert.equal(whole.provider, 'MOCK');
  assert.deepEqual(whole.providerConfig, answer.json);
  assert.deepEqual((await put(p, { url: cloud.url }, 'POST')).json, { provider: 'MOCK', url: cloud.url, token: 'vcp_***' });
});

test('a secret that is not sent is kept, one that is null is deleted, and its mask is no secret', async () => {
  const p = await project(org, owner);
  const sealed = () => rows(`select key, encode(sealed, 'hex') as sealed, mask from provider_secrets where project_id = '${p.id}'`);
  await put(p, { provider: 'mock', token: secret });
  const [first] = sealed();
  assert.equal((await put(p, { provider: 'mock' })).json.token, 'vcp_***');
  assert.equal((await put(p, await show(p))).status, 200, 'what was shown can be sent back');
  assert.deepEqual(sealed(), [first]);
  assert.equal((await put(p, { token: 'plain-words-without-prefix' })).json.token, '***');
  assert.notEqual(sealed()[0].sealed, first.sealed);
  assert.deepEqual((await put(p, { token: null })).json, { provider: 'MOCK' });
  assert.deepEqual(sealed(), []);
  const rowsOfAudit = audit(org, 'project.provider').filter((r) => r.target_id === p.id);
  assert.deepEqual([rowsOfAudit[0].after.secretsSet, rowsOfAudit.at(-1).after.secretsDeleted], [['token'], ['token']]);
});

test('who changes the address sends the secret again', async () => {
  const p = await project(org, owner);
  await put(p, { provider: 'mock', url: cloud.url, token: secret });
  for (const body of [{ url: 'http://127.0.0.1:9' }, { url: 'http://127.0.0.1:9', token: 'vcp_***' }, {}, { url: null }]) {
    const answer = await put(p, body);
    assertError(answer, 422, 'ValidationError');
    assert.deepEqual(faultyFields(answer), ['token']);
  }
  assert.equal((await show(p)).url, cloud.url);
  assert.equal((await put(p, { url: 'http://127.0.0.1:9', token: secret })).status, 200);
  assert.deepEqual((await put(p, { url: cloud.url, token: null })).json, { provider: 'MOCK', url: cloud.url });
});

test('what the plugin does not declare, or not like this, is refused with all faults', async () => {
  const p = await project(org, owner);
  const answer = await put(p, { provider: 'mock', url: 'ftp://x', buildMs: 'soon', latencyMs: -1, outcome: 'maybe', token: 'a\nb', colour: 1, mockToken: 'x',
    createTimeoutMs: [1] });
  assertError(answer, 422, 'ValidationError');
  assert.deepEqual(faultyFields(answer), ['buildMs', 'colour', 'createTimeoutMs', 'latencyMs', 'mockToken', 'outcome', 'token', 'url']);
  for (const provider of ['nowhere', '', 7, null, 'x'.repeat(65)]) {
    assert.ok(faultyFields(await put(p, { provider })).includes('provider'), String(provider));
  }
  assert.deepEqual(await show(p), { provider: null });
  assert.equal((await put(p, { provider: 'mock', buildMs: '2s', latencyMs: 5 })).json.buildMs, '2s');
});

test('the names that clients of vercel and netlify know are taken and shown', async () => {
  const p = await project(org, owner);
  assert.deepEqual(faultyFields(await put(p, { provider: 'VERCEL' })), ['vercelProjectId', 'vercelToken']);
  const answer = await put(p, { provider: 'VERCEL', vercelToken: secret, vercelProjectId: 'prj_1' });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.json, { provider: 'VERCEL', token: 'vcp_***', vercelToken: 'vcp_***', projectId: 'prj_1', vercelProjectId: 'prj_1' });
  assert.deepEqual(faultyFields(await put(p, { vercelProjectId: 'a', projectId: 'b' })), ['vercelProjectId']);
  assert.deepEqual((await put(p, { provider: 'vercel', projectId: 'prj_2', vercelTeamId: 'team_1' })).json,
    { provider: 'VERCEL', token: 'vcp_***', vercelToken: 'vcp_***', projectId: 'prj_2', vercelProjectId: 'prj_2', teamId: 'team_1', vercelTeamId: 'team_1' });
  run(`update plugins set state = 'refused', reason = 'its owner is not root' where name = 'vercel'`);
  assert.match((await put(p, { vercelProjectId: 'prj_3' })).text, /its owner is not root/);

  // Back to the mock and again: each provider keeps what it had.
  assert.equal((await put(p, { provider: 'mock', token: stale })).json.provider, 'MOCK');
  run(`update plugins set state = 'loaded' where name = 'vercel'`);
  assert.equal((await put(p, { provider: 'vercel', projectId: 'prj_2' })).json.vercelToken, 'vcp_***');
});

test('the worker deploys with the address and the token of the project, and with new ones from then on', async () => {
  const p = await project(org, owner);
  await put(p, { provider: 'mock', url: cloud.url, token: stale });
  await open(p, 1);
  const failed = await ended(p, 'ERROR');
  assert.equal(failed.errorReason, 'PROVIDER_AUTH', JSON.stringify(failed));
  await put(p, { url: cloud.url, token: secret });
  assert.equal((await post(`/deployments/${failed.id}/retry`, { token: owner.token })).status, 202);
  await ended(p, 'READY');
  assert.deepEqual((await cloud.deployments()).map((d) => d.projectId), [p.id]);

  // With a token that does not do any more it cannot be deleted; with one that does it can, also in the middle.
  await put(p, { url: cloud.url, token: stale });
  assert.equal((await api('DELETE', `/projects/${p.id}`, { token: owner.token })).status, 202);
  await until('the provider was asked', async () => (await ended(p, 'READY')).message?.length > 0);
  assert.equal((await cloud.deployments()).length, 1);
  assert.equal((await put(p, { url: cloud.url, token: secret })).status, 200);
  await until('it is gone', async () => (await get(`/projects/${p.id}`, { token: owner.token })).status === 404, { seconds: 60 });
  assert.deepEqual(await cloud.deployments(), []);
});

test('what was deployed with one provider is destroyed with its settings after another was chosen', async () => {
  run(`insert into plugins (file, name, kind, version, abi, summary, license, state, reason, settings)
    values ('other.so', 'other', 'provider', '1', '1.0', '', '', 'loaded', '', '[]')`);
  const p = await project(org, owner);
  await put(p, { provider: 'mock', url: cloud.url, token: secret });
  await open(p, 1);
  await ended(p, 'READY');
  assert.deepEqual((await put(p, { provider: 'OTHER' })).json, { provider: 'OTHER' });
  await deliver('pull_request', ofRepository(pullRequest('closed', 1), p.repoFullName));
  await ended(p, 'DESTROYED');
  assert.deepEqual((await cloud.deployments()).filter((d) => d.projectId === p.id), []);
  run(`delete from plugins where name = 'other'`);
});

test('a secret that was moved to another row does not open, and the deployment says so', async () => {
  const [from, to] = [await project(org, owner), await project(org, owner)];
  for (const p of [from, to]) await put(p, { provider: 'mock', url: cloud.url, token: secret });
  run(`update provider_secrets set sealed = (select sealed from provider_secrets where project_id = '${from.id}') where project_id = '${to.id}'`);
  await open(to, 1);
  const failed = await until('it says so', async () => {
    const [newest] = (await get(`/projects/${to.id}/deployments`, { token: owner.token })).json;
    return /does not open/.test(newest?.message ?? '') && newest;
  });
  assert.doesNotMatch(JSON.stringify(failed), /S3cret/);
});

test('no secret stands in the database, the log or the audit', () => {
  const everything = one(`select (select string_agg(s::text, '') from provider_secrets s) || (select string_agg(s::text, '') from project_providers s)
    || (select string_agg(a::text, '') from audit_log a) || (select string_agg(p::text, '') from previews p) as text`).text;
  const log = readFileSync(env.log, 'utf8');
  for (const value of [secret, stale, 'plain-words-without-prefix']) {
    for (const form of [value, Buffer.from(value).toString('base64'), Buffer.from(value).toString('hex')]) {
      assert.equal(everything.includes(form), false, `in the database: ${form}`);
      assert.equal(log.includes(form), false, `in the log: ${form}`);
    }
  }
});
