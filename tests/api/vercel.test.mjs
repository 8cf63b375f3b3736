// stack: --fast --no-daemon --env USE_MOCK_PROVIDER=0 --env PLUGINS_ALLOW_PRIVATE=vercel --env PROVIDER_SETTLE_MS=8000 --env PROVIDER_TIMEOUT_MS=8000 --env REPAIR_MS=500 --env SWEEP_MS=200
// seconds: 420
// vercel.so in the real daemon, against a Vercel that is checked by Vercel's own OpenAPI document: the life of a pull request with every
// request counted, answers that get lost, everything that Vercel can refuse, and all that can come instead of an answer.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { after, before, test } from 'node:test';
import { certificates } from '../lib/certificates.mjs';
import { api, get, post } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { fakeVercel } from '../lib/fake-vercel.mjs';
import { commit, deliver, ofRepository, pullRequest } from '../lib/github.mjs';
import { daemon } from '../lib/github-login.mjs';
import { part } from '../lib/part.mjs';
import { audit, faultyFields, organization, person, project } from '../lib/people.mjs';
import { childrenOf, kill } from '../lib/processes.mjs';
import { one, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';
import { setVariables } from '../lib/variables.mjs';

let vercel, owner, org, shop, number = 0;
const bypass = 'bypassSecretOfTheShop0123456789a';
const settings = () => ({ provider: 'VERCEL', vercelToken: vercel.token, vercelProjectId: vercel.project.id, vercelTeamId: 'team_acme' });
const put = (body, p = shop) => api('PUT', `/projects/${p.id}/provider`, { token: owner.token, body });
const event = (action, pr, more) => deliver('pull_request', ofRepository(pullRequest(action, pr, more), shop.repoFullName));
const newest = async (pr) => (await get(`/projects/${shop.id}/deployments?pr=${pr}`, { token: owner.token })).json[0];
const verify = () => post(`/projects/${shop.id}/provider/verify`, { token: owner.token, timeout: 60_000 });
const isCreate = (pr) => (s) => s.method === 'POST' && s.path === '/v13/deployments' && s.body.meta.opshubPr === String(pr);
const creates = (pr) => vercel.seen.filter(isCreate(pr)).length;

async function seen(pr, what, check) {
  return until(`PR ${pr}: ${what}`, async () => {
    const d = await newest(pr);
    if (d && check(d)) return d;
    throw new Error(JSON.stringify(d));
  }, { seconds: 60 });
}
const ready = (pr, sha) => seen(pr, 'READY', (d) => d.status === 'READY' && (!sha || d.sha === sha));

before(async () => {
  vercel = await fakeVercel();
  daemon.set({ VERCEL_API_BASE: `${vercel.url}/` });
  await part('opshubd', 'start');
  owner = await person('owner');
  org = await organization(owner);
  shop = await project(org, owner, { name: 'shop' });
  assert.equal((await put(settings())).status, 200);
});
after(() => vercel.close());

test('where requests go is the operator\'s to say, and no project\'s', async () => {
  const { json } = await get('/providers', { token: owner.token });
  const declared = json.find((p) => p.name === 'vercel').settings.find((s) => s.key === 'apiBase');
  assert.deepEqual([declared.operator, declared.env, declared.envIsSet], [true, 'VERCEL_API_BASE', true]);
  const answer = await put({ ...settings(), apiBase: 'http://127.0.0.1:9' });
  assert.equal(answer.status, 422);
  assert.deepEqual(faultyFields(answer), ['apiBase']);
  assert.match(answer.text, /operator.*VERCEL_API_BASE/);
});

test('the life of a pull request, request by request', async () => {
  const pr = ++number, branch = `feature-${pr}`, team = (s) => s.query.get('teamId') === 'team_acme';
  let from = vercel.seen.length;
  await event('opened', pr);
  const d = await ready(pr);
  const [made] = vercel.of(pr);
  assert.equal(d.url, `https://${made.alias}`);
  assert.equal(d.provider, 'vercel');
  const sent = vercel.seen.find(isCreate(pr)).body;
  assert.deepEqual(sent.gitSource, { type: 'github', org: 'acme', repo: 'shop', ref: branch, sha: commit(`${pr}`) });
  assert.deepEqual([sent.project, sent.meta.opshubPr, sent.meta.opshubProject, sent.target], [vercel.project.id, '1', shop.id, undefined]);
  assert.match(sent.meta.opshubAttempt, /^att_/);
  const look = ['GET /v13/deployments/ID', 'GET /v3/deployments/ID/events'];
  // four looks: initializing, building, built without its alias, built
  assert.deepEqual(vercel.requests(from), [`GET /v10/projects/${vercel.project.id}/env`, 'POST /v13/deployments', ...look, ...look, ...look, ...look]);
  assert.ok(vercel.seen.every(team), 'every request names the team');
  assert.ok(vercel.seen.every((s) => s.headers.authorization === `Bearer ${vercel.token}`));

  from = vercel.seen.length;
  await event('synchronize', pr, { sha: commit('pushed'), branch });
  await ready(pr, commit('pushed'));
  await until('the older one is gone', () => vercel.of(pr).length === 1);
  assert.equal(vercel.of(pr)[0].gitSource.sha, commit('pushed'));
  assert.deepEqual(vercel.requests(from).slice(-2), ['GET /v13/deployments/ID', 'DELETE /v13/deployments/ID']);
  assert.equal(creates(pr), 2);

  from = vercel.seen.length;
  await event('closed', pr, { sha: commit('pushed'), branch });
  await seen(pr, 'DESTROYED', (x) => x.status === 'DESTROYED');
  assert.deepEqual(vercel.requests(from), ['GET /v13/deployments/ID', 'DELETE /v13/deployments/ID']);
  assert.equal(vercel.of(pr).length, 0);
  const log = (await get(`/deployments/${d.id}/logs`, { token: owner.token })).text;
  for (const line of ['Cloning github.com', 'npm run build', 'Build Completed']) assert.equal(log.split(line).length - 1 >= 1, true, log);
});

test('variables are set for the branch of the preview, in clear there and nowhere else, and go with it', async () => {
  const pr = ++number, branch = `feature-${pr}`, value = 'vercel_5ecretOfTheShop';
  setVariables(shop.id, { API_KEY: value, EMPTY: '' });
  await event('opened', pr);
  await ready(pr);
  const set = () => [...vercel.variables.values()].filter((v) => v.gitBranch === branch).map((v) => [v.key, v.value, v.type]).sort();
  assert.deepEqual(set(), [['API_KEY', value, 'sensitive'], ['EMPTY', '', 'sensitive']]);
  setVariables(shop.id, { API_KEY: `${value} again` });
  await event('synchronize', pr, { sha: commit('with variables'), branch });
  await ready(pr, commit('with variables'));
  assert.deepEqual(set()[0], ['API_KEY', `${value} again`, 'sensitive']);
  await event('closed', pr, { sha: commit('with variables'), branch });
  await seen(pr, 'DESTROYED', (x) => x.status === 'DESTROYED');
  assert.deepEqual(set(), []);
  assert.ok(!readFileSync(env.log, 'utf8').includes(value));
  run(`delete from env_vars where environment_id in (select id from environments where project_id = '${shop.id}')`);
});

test('a push during a build cancels it at Vercel', async () => {
  const pr = ++number;
  await event('opened', pr);
  await until('it builds', () => vercel.of(pr).length === 1);
  const [first] = vercel.of(pr);
  first.fixed = 'BUILDING';
  await event('synchronize', pr, { sha: commit('newer'), branch: `feature-${pr}` });
  await ready(pr, commit('newer'));
  await until('the first is gone', () => vercel.of(pr).length === 1);
  assert.ok(vercel.requests().includes('PATCH /v12/deployments/ID/cancel'));
});

test('a build that fails says why; a person who takes a deployment away there is noticed', async () => {
  const pr = ++number, other = ++number;
  vercel.faults.push({ on: isCreate(pr), times: 1, how: (from, answer) => {
    for (const d of vercel.of(pr)) d.fixed = 'ERROR';
    answer.writeHead(from.status, from.headers).end(from.body);
  } });
  vercel.faults.push({ on: isCreate(other), times: 1, how: (from, answer) => {
    for (const d of vercel.of(other)) vercel.deployments.delete(d.id);
    answer.writeHead(from.status, from.headers).end(from.body);
  } });
  await event('opened', pr);
  await event('opened', other);
  const d = await seen(pr, 'ERROR', (x) => x.status === 'ERROR');
  assert.deepEqual([d.errorReason, d.message], ['BUILD_FAILED', 'BUILD_FAILED: Command "npm run build" exited with 1']);
  assert.equal((await seen(other, 'ERROR', (x) => x.status === 'ERROR')).errorReason, 'PROVIDER_ERROR');
});

const refusals = [
  [400, { code: 'bad_request', message: 'Failed to link acme/shop. You need to add a Login Connection to your GitHub account first.', link: 'https://vercel.com/account/login-connections' },
    'PROVIDER_ERROR', /answered 400.*refused.*Login Connection.*https:\/\/vercel.com\/account/],
  [401, null, 'PROVIDER_AUTH', /answered 401.*token/],
  [403, { code: 'forbidden', message: 'Not authorized' }, 'PROVIDER_AUTH', /answered 403.*token.*Not authorized/],
  [404, { code: 'not_found', message: 'Project not found' }, 'PROVIDER_ERROR', /answered 404.*projectId.*teamId/],
  [409, { code: 'conflict', message: 'There is one already' }, 'PROVIDER_ERROR', /answered 409/],
  [410, null, 'PROVIDER_ERROR', /answered 410.*gone/],
  [426, null, 'PROVIDER_ERROR', /answered 426.*update OpsHub/],
];
for (const [status, error, reason, words] of refusals) {
  test(`a create that is answered ${status} ends as ${reason}`, async () => {
    const pr = ++number;
    vercel.faults.push({ on: isCreate(pr), how: { status, body: error ? JSON.stringify({ error }) : '' } });
    await event('opened', pr);
    const d = await seen(pr, 'ERROR', (x) => x.status === 'ERROR');
    assert.equal(d.errorReason, reason);
    assert.match(d.message, words);
    assert.equal(creates(pr), 1, 'it is not tried again');
  });
}

test('limits are waited for, and it is said until when', async () => {
  const soon = Math.floor(Date.now() / 1000), limited = (limit) => JSON.stringify({ error: { code: 'rate_limited', message: 'api-deployments-free-per-day', limit } });
  const kinds = [
    [{ status: 429, headers: { 'retry-after': '12000' }, body: limited({}) }, /in 3 h 20 min, at about \d{4}-\d\d-\d\d \d\d:\d\d UTC/, 11_000],
    [{ status: 429, headers: { 'x-ratelimit-reset': String(soon + 7500) }, body: '' }, /in 2 h \d+ min/, 7000],
    // a clock that is three hours fast: what counts is how much later than the answer's own date
    [{ status: 429, headers: { date: new Date((soon + 10_800) * 1000).toUTCString() }, body: limited({ remaining: 0, reset: soon + 10_800 + 4000, total: 100 }) }, /in 1 h 6 min/, 3900],
    [{ status: 402, headers: {}, body: JSON.stringify({ error: { code: 'payment_required', message: 'The account was soft-blocked' } }) }, /Billing/, 500],
  ];
  for (const [how, words, seconds] of kinds) {
    const pr = ++number;
    vercel.faults.push({ on: isCreate(pr), how });
    await event('opened', pr);
    const d = await seen(pr, 'QUOTA_WAIT', (x) => x.detail === 'QUOTA_WAIT');
    assert.equal(d.status, 'QUEUED');
    assert.match(d.message, words);
    const { left } = one(`select extract(epoch from next_at - now())::int as left from preview_attempts where preview_id = '${d.id}' order by created_at desc limit 1`);
    assert.ok(left > seconds, `${left} s are left of ${seconds}`);
    await event('closed', pr);
    await seen(pr, 'DESTROYED', (x) => x.status === 'DESTROYED');
  }
});

// What comes instead of an answer to a create that happened, or did not: one deployment in the end, and never two.
for (const how of ['lost', 'refused', 'html', 'empty', 'truncated', 'huge', 'drip', { status: 500, body: '{"error":{"code":"internal_server_error","message":"oops"}}' },
  { status: 503, headers: { 'retry-after': '1' }, body: '<html>busy</html>' }, { status: 302, headers: { location: 'https://vercel.com/' } }]) {
  test(`a create whose answer is ${how.status ?? how} is looked for and not doubled`, async () => {
    const pr = ++number, happens = typeof how === 'string' && how !== 'refused';
    vercel.faults.push({ on: isCreate(pr), times: 1, how });
    await event('opened', pr);
    await ready(pr);
    assert.equal(vercel.of(pr).length, 1);
    assert.equal(creates(pr), happens ? 1 : 2);
    const found = vercel.seen.filter((s) => s.path === '/v6/deployments' && s.query.get('meta-opshubAttempt') === vercel.of(pr)[0].meta.opshubAttempt);
    assert.ok(found.length >= 1);
    assert.equal(found[0].query.get('projectId'), vercel.project.id);
  });
}

test('a worker that dies between sending and the answer leaves one deployment', async () => {
  const pr = ++number;
  vercel.faults.push({ on: isCreate(pr), times: 1, how: async (from, answer) => {
    for (const child of childrenOf(Number(await part('opshubd', 'pid')))) if (child.role === 'worker') kill(child.pid, 'SIGKILL');
    answer.destroy();
  } });
  await event('opened', pr);
  await ready(pr);
  assert.deepEqual([vercel.of(pr).length, creates(pr)], [1, 1]);
});

test('bad weather while it builds, and while it is destroyed, delays and ends nothing', async () => {
  const pr = ++number, of = (method) => (s) => s.method === method && vercel.of(pr).some((d) => s.path === `/v13/deployments/${d.id}`);
  for (const how of [{ status: 500 }, { status: 429, headers: { 'retry-after': '1' } }, 'html', 'truncated', 'lost']) {
    vercel.faults.push({ on: of('GET'), times: 1, how });
    vercel.faults.push({ on: of('DELETE'), times: 1, how });
  }
  vercel.faults.push({ on: (s) => s.path.endsWith('/events') && vercel.of(pr).some((d) => s.path.includes(d.id)), how: { status: 500, body: 'x' } });
  await event('opened', pr);
  await ready(pr);
  await event('closed', pr);
  await seen(pr, 'DESTROYED', (x) => x.status === 'DESTROYED');
  assert.equal(vercel.of(pr).length, 0);
});

// ---- would it work? ----

const states = (answer) => Object.fromEntries(answer.json.lines.map((line) => [line.label, line.state]));

test('asking whether a deployment would work', async () => {
  const from = vercel.seen.length, before_ = audit(org, 'project.provider.verify').length;
  const good = await verify();
  assert.equal(good.status, 200, good.text);
  assert.deepEqual([good.json.provider, good.json.ok, good.json.account], ['VERCEL', true, 'team_acme']);
  assert.equal(audit(org, 'project.provider.verify').length, before_ + 1);
  assert.deepEqual(vercel.requests(from), ['GET /v2/user', `GET /v9/projects/${vercel.project.id}`, 'GET /v6/deployments']);
  const { Token, Project, Repository, Protection, Deployments } = states(good);
  assert.deepEqual([Token, Project, Repository, Protection, Deployments], ['ok', 'ok', 'ok', 'ok', 'ok']);
  assert.match(good.text, /accepted, of octocat.*acme\/shop.*in the last 24 hours/);

  vercel.project.ssoProtection = { deploymentType: 'preview' };
  assert.equal(states(await verify()).Protection, 'warn');
  vercel.project.protectionBypass = { [bypass]: { createdAt: 1, createdBy: 'x', scope: 'automation-bypass' } };
  await put({ ...settings(), vercelProtectionBypass: bypass });
  assert.equal(states(await verify()).Protection, 'ok');
  delete vercel.project.ssoProtection;
  delete vercel.project.protectionBypass;
  const wrong = await verify();
  assert.deepEqual([wrong.json.ok, states(wrong).Protection], [false, 'fail']);
  assert.equal(wrong.text.includes(bypass), false);

  await put({ ...settings(), vercelProtectionBypass: null, vercelProjectId: 'prj_other' });
  const unknown = await verify();
  assert.deepEqual([unknown.json.ok, states(unknown)], [false, { Token: 'ok', Project: 'fail' }]);
  assert.match(unknown.text, /prj_other/);
  await put({ ...settings(), vercelToken: 'vcp_oldTokenOfSomebody0123' });
  const refused = await verify();
  assert.deepEqual([refused.json.ok, states(refused)], [false, { Token: 'fail' }]);
  vercel.faults.push({ on: (s) => s.path === '/v2/user', how: { status: 500 } });
  assert.match((await verify()).json.lines[0].text, /answered 500.*vercel-status/);
  vercel.faults.length = 0;
  await put(settings());
  const empty = await project(org, owner);
  const none = await post(`/projects/${empty.id}/provider/verify`, { token: owner.token });
  assert.deepEqual([none.json.provider, none.json.ok, states(none)], [null, false, { Settings: 'fail' }]);
});

test('an address without a name, and one with a certificate nobody knows', async () => {
  const pr = ++number;
  await daemon.restart({ VERCEL_API_BASE: 'https://vercel.invalid' });
  await event('opened', pr);
  const d = await seen(pr, 'RETRYING', (x) => x.detail === 'RETRYING');
  assert.match(d.message, /vercel\.invalid.*(could not be reached|in time)/);
  assert.match((await verify()).json.lines[0].text, /vercel\.invalid/);
  const made = certificates(), { cert, key } = made.make('api.vercel.com');
  const impostor = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, answer) => answer.end('{}'));
  await new Promise((on) => { impostor.listen(0, '127.0.0.1', on); });
  await daemon.restart({ VERCEL_API_BASE: `https://127.0.0.1:${impostor.address().port}` });
  assert.match((await verify()).json.lines[0].text, /127\.0\.0\.1.*certificate/);
  impostor.close();
  impostor.closeAllConnections();
  made.remove();
  await daemon.restart({ VERCEL_API_BASE: vercel.url, VERCEL_TOKEN: vercel.token, VERCEL_PROJECT_ID: vercel.project.id });
  // five tries are few when a daemon takes long to start
  const end = await seen(pr, 'READY or ERROR', (x) => ['READY', 'ERROR'].includes(x.status));
  if (end.status === 'ERROR') assert.equal((await post(`/deployments/${d.id}/retry`, { token: owner.token })).status, 202);
  await ready(pr);
  assert.equal(vercel.of(pr).length, 1);
});

test('without settings of its own a project has the server\'s', async () => {
  const p = await project(org, owner, { name: 'plain' });
  assert.equal((await put({ provider: 'vercel' }, p)).status, 200);
  assert.equal((await post(`/projects/${p.id}/provider/verify`, { token: owner.token })).json.ok, true);
});

// tests/unit/plugin/test_vercel.c holds the plugin to these requests byte by byte; here they are held against the contract.
test('the requests for variables are as Vercel wants them', async () => {
  const path = `${vercel.url}/v10/projects/${vercel.project.id}/env`, headers = { authorization: `Bearer ${vercel.token}`, 'content-type': 'application/json' };
  const variable = (key, type) => ({ key, value: 'x', type, target: ['preview'], gitBranch: 'feature', comment: 'OpsHub att_2' });
  const body = JSON.stringify([variable('API_KEY', 'sensitive'), variable('MODE', 'encrypted')]);
  assert.equal((await fetch(`${path}?upsert=true&teamId=team_acme`, { method: 'POST', headers, body })).status, 201);
  const { envs } = await (await fetch(`${path}?gitBranch=feature&teamId=team_acme`, { headers })).json();
  assert.deepEqual(envs.map((e) => [e.key, e.comment]), [['API_KEY', 'OpsHub att_2'], ['MODE', 'OpsHub att_2']]);
  for (const { id } of envs) assert.equal((await fetch(`${path.replace('v10', 'v9')}/${id}`, { method: 'DELETE', headers })).status, 200);
  assert.deepEqual(vercel.violations, []);
  const wrong = await fetch(path, { method: 'POST', headers, body: JSON.stringify([{ key: 'X', value: 'x' }]) });
  assert.ok(wrong.status >= 400 && vercel.violations.splice(0).length === 1, 'a wrong one would have been noticed');
});

test('nothing that was sent or answered is against Vercel\'s contract, and no token stands in the log', () => {
  assert.deepEqual(vercel.violations, []);
  const log = readFileSync(env.log, 'utf8');
  for (const secret of [vercel.token, bypass, 'vcp_oldTokenOfSomebody0123']) assert.equal(log.includes(secret), false);
});
