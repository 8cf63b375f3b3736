// stack: --no-daemon --workers 2 --fast
// seconds: 300
// GitHub and a signed webhook through the daemon: the life of a pull request told in both, while they are well and while not.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { api, get, post } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { commit, deliver, ofRepository, pullRequest } from '../lib/github.mjs';
import { daemon } from '../lib/github-login.mjs';
import { fakeRest } from '../lib/github-rest.mjs';
import { part } from '../lib/part.mjs';
import { organization, person, project } from '../lib/people.mjs';
import { bodyOf, listen } from '../lib/prism.mjs';
import { until } from '../lib/until.mjs';

const secret = `whsec_${randomBytes(32).toString('base64')}`;
let github, receiver, owner, org;

before(async () => {
  github = await fakeRest();
  receiver = { seen: [], answer: () => 204 };
  receiver.server = await listen(async (request, answer) => {
    const body = await bodyOf(request), status = receiver.answer(request.url);
    if (status < 300) receiver.seen.push({ path: request.url, id: request.headers['webhook-id'], event: new Webhook(secret).verify(body, request.headers) });
    answer.writeHead(status).end();
  });
  receiver.url = `http://127.0.0.1:${receiver.server.port}`;
  daemon.set({ GITHUB_API_BASE: github.api, PLUGINS_ALLOW_PRIVATE: 'mock,github,webhook', MOCK_BUILD_MS: '200', REPAIR_MS: '500',
    GITHUB_APP_ID: github.app.id, GITHUB_APP_PRIVATE_KEY: github.app.privateKey.replaceAll('\n', '') });
  await part('opshubd', 'start');
  owner = await person('owner');
  org = await organization(owner);
});
after(() => {
  github.close();
  receiver.server.close();
  assert.deepEqual(github.violations, [], 'GitHub would not have it so');
});

const at = (p, path = '') => `/projects/${p.id}/notifications${path}`;
const event = async (p, action, pr, more) => {
  const answer = await deliver('pull_request', ofRepository(pullRequest(action, pr, more), p.repoFullName));
  assert.equal(answer.status, 202, answer.text);
};

async function add(p, notifier, settings) {
  const answer = await post(at(p), { token: owner.token, body: { notifier, settings } });
  assert.equal(answer.status, 201, answer.text);
  assert.ok(!answer.text.includes(secret.slice(6)) && !answer.text.includes(github.token));
  return answer.json;
}

const show = async (p, n) => (await get(at(p, `/${n.id}`), { token: owner.token })).json;
const empty = (p, n, look = () => true) => until('the outbox is empty', async () => {
  const { waiting, dead, lastError } = await show(p, n);
  if (waiting === 0 && dead === 0 && look()) return true;
  throw new Error(JSON.stringify({ waiting, dead, lastError, seen: github.seen.slice(-3), told: receiver.seen.length }));
}, { seconds: 90 });

const told = (path) => receiver.seen.filter((one) => one.path === path);
const kinds = (path) => told(path).map((one) => one.event.type.replace('preview.', ''));

test('a pull request from opened over a push to closed, at GitHub and at a webhook', async () => {
  const p = await project(org, owner);
  const hub = await add(p, 'github', { token: github.token, pause: '0', comment: 'on' });
  const hook = await add(p, 'webhook', { url: `${receiver.url}/life`, secret });
  const first = commit('first of 7'), second = commit('second of 7');
  await event(p, 'opened', 7, { sha: first });
  await empty(p, hub, () => github.repository(p.repoFullName).statuses[0]?.state === 'success');
  await event(p, 'synchronize', 7, { sha: second });
  await empty(p, hub, () => github.repository(p.repoFullName).statuses[0]?.sha === second && github.repository(p.repoFullName).statuses[0].state === 'success');
  await event(p, 'closed', 7, { sha: second });
  await empty(p, hook, () => kinds('/life').at(-1) === 'destroyed');
  await empty(p, hub, () => github.repository(p.repoFullName).comments[0]?.body.includes('destroyed'));

  const { deployments, comments } = github.repository(p.repoFullName);
  assert.deepEqual(deployments.map((one) => one.sha), [second, first]);
  for (const { statuses } of deployments) {
    assert.equal(statuses[0].state, 'inactive');
    assert.match(statuses.find((one) => one.state === 'success').environment_url, /^http:\/\/127\.0\.0\.1:\d+\/p\//);
  }
  assert.equal(comments.length, 1);
  assert.ok(comments[0].edits >= 3);
  const seen = kinds('/life');
  assert.deepEqual(seen.filter((kind) => kind !== 'building'), ['queued', 'ready', 'queued', 'ready', 'destroyed']);
  assert.equal(new Set(told('/life').map((one) => one.id)).size, seen.length, 'an event came twice');
  assert.equal(told('/life')[0].event.data.sha, first);
});

test('a failed build is a failed check with its reason', async () => {
  const p = await project(org, owner);
  const hub = await add(p, 'github', { token: github.token, pause: '0' });
  await event(p, 'opened', 8, { branch: 'mock-fail-build' });
  await empty(p, hub, () => github.repository(p.repoFullName).statuses[0]?.state === 'failure');
  const { statuses, comments } = github.repository(p.repoFullName);
  const description = statuses[0].description;
  assert.ok(description.length > 10 && !description.includes('#8'), description);
  assert.equal(comments.length, 1);
});

test('the operator\'s App serves a project without a token of its own', async () => {
  const p = await project(org, owner);
  const hub = await add(p, 'github', { pause: '0', comment: 'off' });
  const [tried] = (await post(at(p, '/test'), { token: owner.token })).json.notifiers;
  assert.equal(tried.test.account, 'OpsHub', JSON.stringify(tried));
  await event(p, 'opened', 9);
  await until('the reason is told', async () => /The GitHub App is not installed on/.test((await show(p, hub)).lastError ?? ''), { seconds: 60 });
  github.app.installed.set(p.repoFullName, 77);
  const saved = await api('PUT', at(p, `/${hub.id}`), { token: owner.token, body: { settings: { pause: '0', comment: 'failures' } } });
  assert.equal(saved.status, 200, saved.text);
  await empty(p, hub, () => github.repository(p.repoFullName).statuses[0]?.state === 'success');
});

test('GitHub\'s limit is waited for, and nothing is lost; with an App of the project\'s own', async () => {
  const p = await project(org, owner);
  github.app.installed.set(p.repoFullName, 78);
  const hub = await add(p, 'github', { appId: github.app.id, privateKey: github.app.privateKey.replaceAll('\n', ''), pause: '0' });
  assert.ok(!JSON.stringify(await show(p, hub)).includes(github.app.privateKey.split('\n')[1]));
  github.fail('POST', /\/deployments$/, { status: 403, headers: { 'retry-after': '1' }, body: '{"message":"You have exceeded a secondary rate limit"}' });
  await event(p, 'opened', 10);
  await empty(p, hub, () => github.repository(p.repoFullName).statuses[0]?.state === 'success');
  assert.equal(github.repository(p.repoFullName).deployments.length, 1);
  assert.deepEqual(github.faults, []);
});

test('a receiver that is down gets everything later, once and in order; 410 is believed', async () => {
  const p = await project(org, owner);
  const hook = await add(p, 'webhook', { url: `${receiver.url}/down`, secret });
  let refused = 0;
  receiver.answer = (path) => (path === '/down' && refused++ < 2 ? 500 : 204);
  await event(p, 'opened', 11);
  await empty(p, hook, () => kinds('/down').at(-1) === 'ready');
  assert.ok(refused > 2);
  assert.equal(kinds('/down')[0], 'queued');
  assert.equal(new Set(told('/down').map((one) => one.id)).size, told('/down').length);

  receiver.answer = (path) => (path === '/down' ? 410 : 204);
  await event(p, 'closed', 11);
  const paused = await until('paused', async () => { const n = await show(p, hook); return n.pausedUntil && n; }, { seconds: 60 });
  assert.match(paused.lastError, /answered 410: it wants no more events/);
  receiver.answer = () => 204;
  const saved = await api('PUT', at(p, `/${hook.id}`), { token: owner.token, body: { settings: { url: `${receiver.url}/down` } } });
  assert.equal(saved.status, 200, saved.text);
  await empty(p, hook, () => kinds('/down').at(-1) === 'destroyed');
});

test('no secret is in the log', () => {
  const log = readFileSync(env.log, 'utf8');
  assert.match(log, /Webhook notification sent/);
  for (const one of [secret.slice(6), github.token, github.app.privateKey.split('\n')[1]]) assert.ok(!log.includes(one));
});
