// stack: --api 2 --env MOCK_BUILD_MS=200 --env REPAIR_MS=500
// seconds: 180
// Organizations: made, read, changed and deleted, and nobody else's business.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { api, assertError, get, post } from '../lib/client.mjs';
import { inventory } from '../lib/cloud.mjs';
import { deliver, ofRepository, pullRequest } from '../lib/github.mjs';
import { apiToken, audit, faultyFields, member, organization, person, project } from '../lib/people.mjs';
import { one, rows } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

let owner, org;
const create = (body, token = owner.token) => post('/orgs', { token, body });

before(async () => {
  owner = await person('owner');
  org = await organization(owner, 'Acme Tools');
});

test('an organization gets its slug from its name, and its maker owns it', async () => {
  const answer = await create({ name: '  Zürich & Söhne GmbH ' });
  assert.equal(answer.status, 201, answer.text);
  assert.equal(answer.json.slug, 'z-rich-s-hne-gmbh');
  assert.equal(answer.json.name, 'Zürich & Söhne GmbH');
  assert.equal(answer.json.role, 'OWNER');
  assert.equal(answer.json.status, 'active');
  assert.deepEqual(answer.json.projects, []);
  assert.match(answer.json.id, /^org_[0-9a-z]{26}$/);
  assert.match(answer.json.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const shown = await get(answer.headers.get('location'), { token: owner.token });
  assert.deepEqual(shown.json, answer.json);
  const [row] = audit(answer.json, 'organization.create');
  assert.equal(row.actor_id, owner.id);
  assert.equal(row.after.slug, 'z-rich-s-hne-gmbh');
});

test('slugs that are none are refused with the field', async () => {
  const bad = ['a', 'x'.repeat(41), 'Upper', 'two--hyphens', '-first', 'last-', 'under_score', 'dot.ted', 'sp ace', 'é', '',
    'api', 'admin', 'orgs', 'webhooks', 42, null, ['a'], true];
  for (const slug of bad) {
    const answer = await create({ name: 'Fine', slug });
    assertError(answer, 422, 'ValidationError');
    assert.deepEqual(faultyFields(answer), ['slug'], `${slug}: ${answer.text}`);
  }
  for (const slug of ['a1', `x${'y'.repeat(38)}z`, 'a-b-c', '007']) {
    const answer = await create({ name: 'Fine', slug: slug + (slug.length < 20 ? `-${Date.now()}` : '') });
    assert.equal(answer.status, 201, answer.text);
  }
});

test('a blank name is none', async () => {
  assert.deepEqual(faultyFields(await create({ name: ' \u0020 ', slug: 'blank-name' })), ['name']);
});

test('a name without letters needs a slug', async () => {
  const answer = await create({ name: '東京' });
  assertError(answer, 422, 'ValidationError');
  assert.deepEqual(faultyFields(answer), ['slug']);
  assert.equal((await create({ name: '東京', slug: `tokyo-${Date.now()}` })).status, 201);
});

test('a slug is taken once', async () => {
  const answer = await create({ name: 'Other', slug: org.slug });
  assertError(answer, 409, 'ConflictError');
  assert.match(answer.json.message, /acme-tools/);
  const other = await organization(owner);
  assertError(await api('PATCH', `/orgs/${other.id}`, { token: owner.token, body: { slug: org.slug } }), 409, 'ConflictError');
});

test('all faults of a body come at once', async () => {
  const answer = await create({ name: '', slug: '-', description: 'x'.repeat(501), colour: 'red', size: 4 });
  assertError(answer, 422, 'ValidationError');
  assert.deepEqual(faultyFields(answer), ['colour', 'description', 'name', 'size', 'slug']);
  assertError(await create('[]'), 415, 'UnsupportedMediaTypeError');
  assertError(await post('/orgs', { token: owner.token, body: '[]', headers: { 'content-type': 'application/json' } }), 400, 'BadRequestError');
});

test('a change says in the audit what it changed, and nothing else', async () => {
  const mine = await organization(owner);
  const answer = await api('PATCH', `/orgs/${mine.id}`, { token: owner.token, body: { description: 'Tools', name: mine.name } });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.description, 'Tools');
  assert.equal(answer.json.slug, mine.slug);
  const [row] = audit(mine, 'organization.update');
  assert.deepEqual(row.before, { description: '' });
  assert.deepEqual(row.after, { description: 'Tools' });
  assertError(await api('PATCH', `/orgs/${mine.id}`, { token: owner.token, body: {} }), 422, 'ValidationError');
});

test('the list is mine alone, newest first, and its pages lead through all of it', async () => {
  const lister = await person();
  const made = [];
  for (let i = 0; i < 7; i++) made.unshift((await organization(lister)).id);
  const seen = [];
  for (let path = '/orgs?limit=3', pages = 0; path; pages++) {
    assert.ok(pages < 5, 'the pages have no end');
    const answer = await get(path, { token: lister.token });
    assert.equal(answer.status, 200, answer.text);
    seen.push(...answer.json.map((o) => o.id));
    path = /<([^>]+)>;\s*rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
  }
  assert.deepEqual(seen, made);
});

test('what belongs to another tenant is not there', async () => {
  const stranger = await person();
  const body = { name: 'x' };
  for (const [method, path, sent] of [['GET', ''], ['PATCH', '', body], ['DELETE', ''], ['GET', '/members'],
    ['POST', '/members', { email: 'a@b.c', role: 'VIEWER' }], ['PATCH', `/members/${owner.id}`, { role: 'VIEWER' }],
    ['DELETE', `/members/${owner.id}`], ['POST', '/projects', { name: 'x', repoFullName: 'a/b' }]]) {
    const theirs = await api(method, `/orgs/${org.id}${path}`, { token: stranger.token, body: sent });
    const nobodys = await api(method, `/orgs/org_00000000000000000000000000${path}`, { token: stranger.token, body: sent });
    assertError(theirs, 404, 'NotFoundError');
    assert.equal(theirs.json.message.replace(org.id, ''), nobodys.json.message.replace('org_00000000000000000000000000', ''));
  }
  assert.deepEqual((await get('/orgs', { token: stranger.token })).json, []);
});

test('maintainers change it, owners delete it, the others read', async () => {
  const mine = await organization(owner);
  for (const [role, change] of [['VIEWER', 403], ['DEVELOPER', 403], ['MAINTAINER', 200]]) {
    const { token } = await member(mine, owner, role);
    assert.equal((await get(`/orgs/${mine.id}`, { token })).json.role, role);
    assert.equal((await api('PATCH', `/orgs/${mine.id}`, { token, body: { description: role } })).status, change, role);
    assertError(await api('DELETE', `/orgs/${mine.id}`, { token }), 403, 'ForbiddenError');
  }
});

test('a token for one project shows the organization of that project, with it alone', async () => {
  const mine = await organization(owner);
  const [first] = [await project(mine, owner), await project(mine, owner)];
  const token = apiToken(owner, 'admin', first.id);
  const answer = await get('/orgs', { token });
  assert.deepEqual(answer.json.map((o) => [o.id, o.projects.map((p) => p.id)]), [[mine.id, [first.id]]]);
  assertError(await get(`/orgs/${mine.id}`, { token }), 404, 'NotFoundError');
  assertError(await create({ name: 'No' }, token), 403, 'ForbiddenError');
});

test('nobody owns more than a hundred', async () => {
  const rich = await person();
  for (let i = 0; i < 100; i += 10) await Promise.all(Array.from({ length: 10 }, () => organization(rich)));
  assertError(await create({ name: `One more ${Date.now()}` }, rich.token), 409, 'ConflictError');
});

test('deleting takes its projects and their deployments along, then it is gone; its audit stays', async () => {
  const mine = await organization(owner);
  const viewer = await member(mine, owner, 'VIEWER');
  const projects = [await project(mine, owner), await project(mine, owner)];
  for (const p of projects) {
    const answer = await deliver('pull_request', ofRepository(pullRequest('opened', 1), p.repoFullName));
    assert.equal(answer.status, 202, answer.text);
  }
  const alive = async () => (await inventory()).filter((d) => projects.some((p) => p.id === d.projectId));
  await until('both are deployed', async () => (await alive()).length === 2);
  const answer = await api('DELETE', `/orgs/${mine.id}`, { token: owner.token });
  assert.equal(answer.status, 202, answer.text);
  assert.deepEqual(answer.json, { status: 'deleting' });
  assert.equal((await api('DELETE', `/orgs/${mine.id}`, { token: owner.token })).status, 202);
  const shown = await get(`/orgs/${mine.id}`, { token: viewer.token });
  assert.equal(shown.json.status, 'deleting');
  for (const [method, path, body] of [['PATCH', '', { name: 'x' }], ['POST', '/projects', { name: 'x', repoFullName: 'a/b' }],
    ['POST', '/members', { email: 'a@b.c', role: 'VIEWER' }]]) {
    assertError(await api(method, `/orgs/${mine.id}${path}`, { token: owner.token, body }), 409, 'ConflictError');
  }
  await until('nothing is left at the provider', async () => (await alive()).length === 0);
  await until('it is gone', async () => (await get(`/orgs/${mine.id}`, { token: owner.token })).status === 404, { seconds: 40 });
  const ids = projects.map((p) => `'${p.id}'`).join(', ');
  assert.deepEqual(rows(`select id from previews where project_id in (${ids}) union all select id from projects where id in (${ids})
    union all select user_id from members where org_id = '${mine.id}'`), []);
  assert.deepEqual(audit(mine).map((r) => r.action).slice(-4),
    ['organization.delete', 'project.deleted', 'project.deleted', 'organization.deleted']);
  assert.equal(one(`select count(*)::int as n from audit_log where org_id = '${mine.id}' and action = 'organization.delete'`).n, 1);
});
