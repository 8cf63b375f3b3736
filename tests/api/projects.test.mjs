// stack: --workers 2 --env MOCK_BUILD_MS=200 --env REPAIR_MS=500 --env JOB_LEASE_MS=4000 --env PROVIDER_TIMEOUT_MS=1500
// seconds: 240
// Projects: made, read, changed; the rules they deploy by; deleted with everything that stands at the provider.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { api, assertError, get, post } from '../lib/client.mjs';
import { inventory } from '../lib/cloud.mjs';
import { deliver, ofRepository, pullRequest } from '../lib/github.mjs';
import { apiToken, audit, faultyFields, member, organization, person, project } from '../lib/people.mjs';
import { childrenOf, kill } from '../lib/processes.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

let owner, org;
const create = (body, { token = owner.token, path = `/orgs/${org.id}/projects` } = {}) => post(path, { token, body });
const show = (p, who = owner) => get(`/projects/${p.id}`, { token: who.token });
const patch = (p, body, who = owner) => api('PATCH', `/projects/${p.id}`, { token: who.token, body });
const webhook = (p, action, pr, more) => deliver('pull_request', ofRepository(pullRequest(action, pr, more), p.repoFullName));
const deploymentsOf = async (p, who = owner) => (await get(`/projects/${p.id}/deployments`, { token: who.token })).json;
const alive = async (p) => (await inventory()).filter((d) => d.projectId === p.id);

async function deployed(p, numbers) {
  for (const pr of numbers) assert.equal((await webhook(p, 'opened', pr)).status, 202);
  await until('all are READY', async () => {
    const found = await deploymentsOf(p);
    return found.length === numbers.length && found.every((d) => d.status === 'READY');
  }, { seconds: 40 });
}

before(async () => {
  owner = await person('owner');
  org = await organization(owner);
});

test('a project is made in both ways, and has its defaults', async () => {
  const here = await create({ name: 'Shop', repoFullName: 'acme/shop' });
  assert.equal(here.status, 201, here.text);
  const { name, repoFullName, defaultBranch, description, provider, providerConfig, role, status, deployments, organization: of } = here.json;
  assert.deepEqual({ name, repoFullName, defaultBranch, description, provider, providerConfig, role, status, deployments },
    { name: 'Shop', repoFullName: 'acme/shop', defaultBranch: 'main', description: '', provider: null, providerConfig: null, role: 'OWNER',
      status: 'active', deployments: [] });
  assert.deepEqual(of, { id: org.id, name: org.name, slug: org.slug });
  assert.deepEqual((await get(here.headers.get('location'), { token: owner.token })).json, here.json);
  const there = await create({ orgId: org.id, name: 'Api', repoFullName: 'acme/shop', defaultBranch: 'release/2.x', description: 'The API' }, { path: '/projects' });
  assert.equal(there.status, 201, there.text);
  assert.equal(there.json.orgId, org.id);
  assert.equal(there.json.defaultBranch, 'release/2.x');
  assert.deepEqual(Object.keys(there.json), Object.keys(here.json));
  assert.equal(audit(org, 'project.create').find((r) => r.target_id === there.json.id).after.repoFullName, 'acme/shop');
});

test('a name is one in its organization, whatever its case', async () => {
  const p = await project(org, owner, { name: 'Unique' });
  assertError(await create({ name: 'unique', repoFullName: 'acme/x' }), 409, 'ConflictError');
  const other = await project(org, owner);
  assertError(await patch(other, { name: 'UNIQUE' }), 409, 'ConflictError');
  assert.equal((await create({ name: 'Unique', repoFullName: 'acme/x' }, { path: `/orgs/${(await organization(owner)).id}/projects` })).status, 201);
  assert.equal((await patch(p, { name: 'UNIQUE' })).status, 200);
});

test('repositories and branches are what GitHub and git take', async () => {
  const bad = { repoFullName: ['shop', 'acme/', '/shop', 'a/b/c', 'acme/shop.git', 'acme/shop.GIT', 'acme/.', 'acme/..', 'acme/sh op', 'acme/shöp', '-a/b', 'a-/b',
    'a--b/c', `${'a'.repeat(40)}/b`, `a/${'b'.repeat(101)}`, 'a_b/c', '', 7, null, 'https://github.com/acme/shop'],
  defaultBranch: ['', 'a..b', 'a b', '/a', 'a/', 'a//b', '.a', 'a/.b', 'a.lock', 'a/b.lock/c', 'a.', 'a~b', 'a^b', 'a:b', 'a?b', 'a*b', 'a[b', 'a\\b', '@', 'a@{b',
    'HEAD', '-a', 'x'.repeat(256), 'a\u007fb', 3] };
  for (const [field, values] of Object.entries(bad)) {
    for (const value of values) {
      const answer = await create({ name: 'Fine', repoFullName: 'acme/fine', [field]: value });
      assertError(answer, 422, 'ValidationError');
      assert.deepEqual(faultyFields(answer), [field], `${value}: ${answer.text}`);
    }
  }
  assert.match((await create({ name: 'Fine', repoFullName: 'acme/shop.git' })).text, /drop it/);
  const good = [['a/b', 'main'], [`${'a'.repeat(39)}/${'b'.repeat(100)}`, 'x'.repeat(255)], ['a-b/.github', 'feature/ü@x'], ['0/_', 'a.b-c_d/e{}'], ['a/...', 'lock']];
  for (const [i, [repoFullName, defaultBranch]] of good.entries()) {
    const answer = await create({ name: `Good ${i}`, repoFullName, defaultBranch });
    assert.equal(answer.status, 201, answer.text);
  }
});

test('all faults of a body come at once', async () => {
  const answer = await create({ orgId: 'nonsense', repoFullName: 'x', defaultBranch: '..', description: 5, colour: 1 }, { path: '/projects' });
  assertError(answer, 422, 'ValidationError');
  assert.deepEqual(faultyFields(answer), ['colour', 'defaultBranch', 'description', 'name', 'orgId', 'repoFullName']);
  assert.deepEqual(faultyFields(await create({ orgId: org.id, name: 'x', repoFullName: 'a/b' })), ['orgId'], 'the path says which');
});

test('what belongs to another tenant is not there', async () => {
  const stranger = await person();
  const p = await project(org, owner);
  const fine = { name: 'x', repoFullName: 'a/b' };
  for (const [method, path, body] of [['GET', ''], ['PATCH', '', { name: 'y' }], ['DELETE', ''], ['GET', '/members'], ['GET', '/deployments'],
    ['PUT', `/members/${owner.id}`, { role: 'DEVELOPER' }], ['DELETE', `/members/${owner.id}`], ['GET', '/provider'], ['PUT', '/provider', { provider: 'MOCK' }],
    ['POST', '/provider', { provider: 'MOCK' }], ['GET', '/rules'], ['PUT', '/rules', {}]]) {
    assertError(await api(method, `/projects/${p.id}${path}`, { token: stranger.token, body }), 404, 'NotFoundError');
  }
  for (const id of [org.id, 'org_00000000000000000000000000']) {
    assertError(await create({ orgId: id, ...fine }, { token: stranger.token, path: '/projects' }), 404, 'NotFoundError');
  }
  assert.deepEqual((await get('/projects', { token: stranger.token })).json, []);
  assert.deepEqual((await get(`/projects?orgId=${org.id}`, { token: stranger.token })).json, []);
});

test('maintainers change projects, owners delete them, the others read', async () => {
  const p = await project(org, owner);
  for (const role of ['VIEWER', 'DEVELOPER', 'MAINTAINER']) {
    const who = await member(org, owner, role), may = role === 'MAINTAINER';
    assert.equal((await show(p, who)).json.role, role);
    assert.equal((await patch(p, { description: role }, who)).status, may ? 200 : 403);
    assert.equal((await create({ orgId: org.id, name: `by ${role}`, repoFullName: 'a/b' }, { token: who.token, path: '/projects' })).status, may ? 201 : 403);
    assert.equal((await api('PUT', `/projects/${p.id}/rules`, { token: who.token, body: {} })).status, may ? 200 : 403);
    assert.equal((await api('PUT', `/projects/${p.id}/provider`, { token: who.token, body: { provider: 'mock' } })).status, may ? 200 : 403);
    assertError(await api('DELETE', `/projects/${p.id}`, { token: who.token }), 403, 'ForbiddenError');
    for (const path of ['', '/rules', '/provider', '/members']) assert.equal((await get(`/projects/${p.id}${path}`, { token: who.token })).status, 200);
  }
});

test('the list: mine, of one organization, of a token for one project', async () => {
  const lister = await person(), [a, b] = [await organization(lister), await organization(lister)];
  const made = [await project(a, lister), await project(b, lister), await project(a, lister)].map((p) => p.id);
  const list = async (query = '', token = lister.token) => (await get(`/projects${query}`, { token })).json.map((p) => p.id);
  assert.deepEqual(await list(), made.toReversed());
  assert.deepEqual(await list(`?orgId=${a.id}`), [made[2], made[0]]);
  assert.deepEqual(await list(`?orgId=${a.id}&limit=1`), [made[2]]);
  const token = apiToken(lister, 'admin', made[0]);
  assert.deepEqual(await list('', token), [made[0]]);
  assert.deepEqual(await list(`?orgId=${b.id}`, token), []);
  assert.equal((await get(`/projects/${made[0]}`, { token })).status, 200);
  assertError(await get(`/projects/${made[1]}`, { token }), 404, 'NotFoundError');
  assertError(await get('/projects?orgId=proj_1', { token }), 422, 'ValidationError');
});

test('a change says in the audit what it changed', async () => {
  const p = await project(org, owner);
  const answer = await patch(p, { repoFullName: 'acme/renamed', description: '' });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.repoFullName, 'acme/renamed');
  const row = audit(org, 'project.update').find((r) => r.target_id === p.id);
  assert.deepEqual([row.before, row.after, row.project_id], [{ repoFullName: p.repoFullName }, { repoFullName: 'acme/renamed' }, p.id]);
  assertError(await patch(p, {}), 422, 'ValidationError');
});

// ---- rules ----

const noRules = { drafts: 'skip', forks: 'approve', labelsAny: [], labelsNone: [], baseBranches: [], skipAuthors: [], skipMarker: '[skip preview]',
  approveLabel: '', decoys: false, maxBuilds: 0, maxPreviews: 0, ttlMs: 0 };

test('rules are shown with their defaults, replaced as a whole, and obeyed', async () => {
  const p = await project(org, owner);
  const rules = (body) => api(body ? 'PUT' : 'GET', `/projects/${p.id}/rules`, { token: owner.token, body });
  assert.deepEqual((await rules()).json, noRules);
  const set = await rules({ drafts: 'deploy', baseBranches: ['main', 'release/*'], skipMarker: '' });
  assert.equal(set.status, 200, set.text);
  assert.deepEqual(set.json, { ...noRules, drafts: 'deploy', baseBranches: ['main', 'release/*'], skipMarker: '' });
  assert.deepEqual((await rules()).json, set.json);
  await webhook(p, 'opened', 1, { draft: true, base: 'release/9' });
  await webhook(p, 'opened', 2, { base: 'develop' });
  await until('the draft is deployed', async () => (await deploymentsOf(p)).some((d) => d.prNumber === 1 && d.status === 'READY'));
  assert.deepEqual((await deploymentsOf(p)).map((d) => d.prNumber), [1]);
  assert.deepEqual((await rules({ labelsAny: ['preview'] })).json, { ...noRules, labelsAny: ['preview'] });
  const changed = audit(org, 'project.rules').filter((r) => r.target_id === p.id);
  assert.deepEqual([changed[1].before, changed[1].after].map((x) => x.labelsAny), [[], ['preview']]);
});

test('rules that are none are refused with all faults', async () => {
  const p = await project(org, owner);
  const put = (body) => api('PUT', `/projects/${p.id}/rules`, { token: owner.token, body });
  const all = await put({ drafts: 'maybe', forks: 1, labelsAny: 'x', labelsNone: [1], baseBranches: [''], skipAuthors: Array(33).fill('a'), skipMarker: 'x'.repeat(101), ttl: 3 });
  assertError(all, 422, 'ValidationError');
  assert.deepEqual(faultyFields(all), ['baseBranches', 'drafts', 'forks', 'labelsAny', 'labelsNone', 'skipAuthors', 'skipMarker', 'ttl']);
  assert.deepEqual((await get(`/projects/${p.id}/rules`, { token: owner.token })).json, noRules);
});

// ---- deletion ----

test('a deleted project takes its previews down first, and then it is gone', async () => {
  const p = await project(org, owner);
  const viewer = await member(org, owner, 'VIEWER');
  await deployed(p, [1, 2, 3]);
  assert.equal((await alive(p)).length, 3);
  assert.equal((await show(p)).json.deployments.length, 3);
  const answer = await api('DELETE', `/projects/${p.id}`, { token: owner.token });
  assert.equal(answer.status, 202, answer.text);
  assert.deepEqual(answer.json, { status: 'deleting' });
  assert.equal((await show(p, viewer)).json.status, 'deleting');
  assert.equal((await get('/projects', { token: viewer.token })).json.find((x) => x.id === p.id).status, 'deleting');

  const hook = await webhook(p, 'opened', 4);
  assert.equal(hook.status, 202);
  const { decisions } = one(`select decisions::jsonb as decisions from deliveries where id = '${hook.json.deliveryId}'`);
  assert.deepEqual([decisions[0].rule, decisions[0].reason], ['DELETING', 'the project is being deleted']);
  assertError(await patch(p, { name: 'again' }), 409, 'ConflictError');
  assertError(await api('PUT', `/projects/${p.id}/rules`, { token: owner.token, body: {} }), 409, 'ConflictError');
  assert.equal((await api('DELETE', `/projects/${p.id}`, { token: owner.token })).status, 202);

  await until('nothing is left at the provider', async () => (await alive(p)).length === 0);
  const [gone] = (await deploymentsOf(p)).filter((d) => d.status === 'DESTROYED');
  assertError(await post(`/deployments/${gone.id}/retry`, { token: owner.token }), 409, 'ConflictError');
  await until('it is gone', async () => (await show(p)).status === 404, { seconds: 40 });
  assert.deepEqual(rows(`select id from previews where project_id = '${p.id}' union all select id from deploy_events where project_id = '${p.id}'`), []);
  assert.deepEqual(audit(org).filter((r) => r.target_id === p.id).map((r) => [r.action, r.actor_kind]),
    [['project.create', 'user'], ['project.delete', 'user'], ['project.deleted', 'system']]);
  assert.equal((await create({ name: p.name, repoFullName: p.repoFullName })).status, 201, 'its name is free again');
});

test('whatever dies meanwhile, a deletion comes to its end', async () => {
  const p = await project(org, owner);
  await deployed(p, [1, 2, 3, 4]);
  // marked, and nothing more: as if the api process had died there
  run(`update projects set deleting_at = now() where id = '${p.id}'`);
  for (let round = 0; round < 3; round++) {
    for (const child of childrenOf(process.env.OPSHUBD_PID)) if (child.role === 'worker') kill(child.pid, 'SIGKILL');
    await until('workers are back', () => childrenOf(process.env.OPSHUBD_PID).filter((child) => child.role === 'worker').length === 2);
  }
  await until('nothing is left at the provider', async () => (await alive(p)).length === 0, { seconds: 60 });
  await until('it is gone', async () => (await show(p)).status === 404, { seconds: 60 });
  assert.deepEqual(rows(`select id from previews where project_id = '${p.id}'`), []);
});

test('a preview that is wanted again after the mark is told once more', async () => {
  const p = await project(org, owner);
  await deployed(p, [1]);
  assert.equal((await api('DELETE', `/projects/${p.id}`, { token: owner.token })).status, 202);
  // a batch of webhooks that had read the project before it was marked
  run(`update previews set desired = 'deployed', desired_why = 'DEFAULT', generation = generation + 1, status = 'QUEUED', detail = 'WAITING' where project_id = '${p.id}'`);
  await until('it is gone', async () => (await show(p)).status === 404, { seconds: 60 });
  assert.equal((await alive(p)).length, 0);
});
