// stack: --api 2
// seconds: 180
// Who belongs to an organization: asked in, raised, lowered, removed, and what nobody may do to whom.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { api, assertError, get, post } from '../lib/client.mjs';
import { apiToken, audit, faultyFields, member, organization, person, project } from '../lib/people.mjs';
import { one, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

const ranks = ['VIEWER', 'DEVELOPER', 'MAINTAINER', 'OWNER'];
let owner, org;
const add = (body, { token = owner.token, to = org } = {}) => post(`/orgs/${to.id}/members`, { token, body });
const setRole = (id, role, { token = owner.token, of = org } = {}) => api('PATCH', `/orgs/${of.id}/members/${id}`, { token, body: { role } });
const remove = (id, { token = owner.token, of = org } = {}) => api('DELETE', `/orgs/${of.id}/members/${id}`, { token });
const list = async (of = org) => (await get(`/orgs/${of.id}/members?limit=200`, { token: owner.token })).json;
const roleOf = async (id, of = org) => (await list(of)).find((m) => m.id === id)?.role;

before(async () => {
  owner = await person('owner');
  org = await organization(owner);
});

test('somebody who is known becomes a member, others are asked in, and both answers have one shape', async () => {
  const known = await person('known');
  const added = await add({ email: known.email.toUpperCase(), role: 'DEVELOPER' });
  assert.equal(added.status, 201, added.text);
  const asked = await add({ email: 'Nobody.Yet@example.org', role: 'DEVELOPER' });
  assert.equal(asked.status, 201, asked.text);
  assert.deepEqual(Object.keys(asked.json).sort(), Object.keys(added.json).sort());
  assert.equal(added.json.status, 'active');
  assert.equal(added.json.userId, known.id);
  assert.equal(asked.json.status, 'invited');
  assert.match(asked.json.id, /^inv_/);
  assert.equal(asked.json.email, 'Nobody.Yet@example.org');
  const days = (Date.parse(asked.json.expiresAt) - Date.now()) / 86_400_000;
  assert.ok(days > 13.9 && days < 14.1, asked.json.expiresAt);
  const everybody = await list();
  assert.deepEqual(everybody.find((m) => m.id === known.id), added.json);
  assert.deepEqual(everybody.find((m) => m.id === asked.json.id), asked.json);
  assert.equal((await get('/orgs', { token: known.token })).json[0].id, org.id);
  assert.equal(audit(org, 'member.add').find((r) => r.target_id === known.id).after.role, 'DEVELOPER');
  assert.equal(audit(org, 'invitation.create').find((r) => r.target_id === asked.json.id).after.email, 'Nobody.Yet@example.org');
});

test('by GitHub login too', async () => {
  const known = await person('hub');
  const login = `hub-${known.id.slice(-8)}`;
  run(`update users set github_login = '${login}' where id = '${known.id}'`);
  assert.equal((await add({ githubLogin: login.toUpperCase(), role: 'VIEWER' })).json.id, known.id);
  const asked = await add({ githubLogin: 'not-here-yet', role: 'VIEWER' });
  assert.equal(asked.json.githubLogin, 'not-here-yet');
  assert.equal(asked.json.status, 'invited');
});

test('a member is added once; an invitation is renewed', async () => {
  const known = await person();
  assert.equal((await add({ email: known.email, role: 'VIEWER' })).status, 201);
  assertError(await add({ userId: known.id, role: 'DEVELOPER' }), 409, 'ConflictError');
  assert.equal(await roleOf(known.id), 'VIEWER');
  const first = await add({ email: 'twice@example.org', role: 'VIEWER' });
  run(`update invitations set expires_at = now() - interval '1 day' where id = '${first.json.id}'`);
  assert.equal((await list()).some((m) => m.id === first.json.id), false, 'what has run out is not shown');
  const again = await add({ email: 'TWICE@example.org', role: 'DEVELOPER' });
  assert.equal(again.status, 201, again.text);
  assert.equal(again.json.id, first.json.id);
  assert.equal(again.json.role, 'DEVELOPER');
});

test('who becomes a member has no open invitation any more', async () => {
  const late = await person('late');
  run(`insert into invitations (id, org_id, email, role, invited_by, expires_at)
    values ('inv_late', '${org.id}', '${late.email}', 'VIEWER', '', now() + interval '1 day')`);
  assert.equal((await add({ userId: late.id, role: 'VIEWER' })).status, 201);
  assert.equal((await list()).some((m) => m.id === 'inv_late'), false);
});

test('an invitation can be changed and taken back', async () => {
  const { json: asked } = await add({ email: 'back@example.org', role: 'VIEWER' });
  const changed = await setRole(asked.id, 'MAINTAINER');
  assert.equal(changed.status, 200, changed.text);
  assert.equal(changed.json.role, 'MAINTAINER');
  assert.equal(changed.json.status, 'invited');
  const gone = await remove(asked.id);
  assert.equal(gone.status, 204, gone.text);
  assert.equal(gone.text, '');
  assertError(await remove(asked.id), 404, 'NotFoundError');
  assert.deepEqual(audit(org).filter((r) => r.target_id === asked.id).map((r) => r.action),
    ['invitation.create', 'invitation.role', 'invitation.remove']);
});

test('all faults of a body come at once', async () => {
  for (const [body, fields] of [
    [{}, ['body', 'role']],
    [{ email: 'nobody', role: 'BOSS', age: 3 }, ['age', 'email', 'role']],
    [{ email: 'a@b.c', githubLogin: 'a--b', role: 'VIEWER' }, ['body', 'githubLogin']],
    [{ userId: 'org_1', role: null }, ['role', 'userId']],
    [{ email: 7, role: 'viewer' }, ['email', 'role']],
    [{ email: 'a@b@c', role: 'VIEWER' }, ['email']],
    [{ githubLogin: 'x'.repeat(40), role: 'VIEWER' }, ['githubLogin']],
  ]) {
    const answer = await add(body);
    assertError(answer, 422, 'ValidationError');
    assert.deepEqual(faultyFields(answer), fields, answer.text);
  }
  const nobody = await add({ userId: 'user_00000000000000000000000000', role: 'VIEWER' });
  assertError(nobody, 422, 'ValidationError');
});

test('nobody gives, changes or takes what is above him', async () => {
  const manages = (actor, role) => actor === 'OWNER' || (actor === 'MAINTAINER' && ranks.indexOf(role) < 2);
  const actors = {};
  for (const rank of ranks) actors[rank] = await member(org, owner, rank);
  for (const actor of ranks) {
    const { token } = actors[actor];
    for (const target of ranks) {
      const answer = await add({ email: `${actor}.${target}@example.org`.toLowerCase(), role: target }, { token });
      assert.equal(answer.status, manages(actor, target) ? 201 : 403, `${actor} invites ${target}: ${answer.text}`);
      const victim = await member(org, owner, target);
      for (const role of ranks.filter((r) => r !== target)) {
        const changed = await setRole(victim.id, role, { token });
        const may = manages(actor, target) && manages(actor, role);
        assert.equal(changed.status, may ? 200 : 403, `${actor} makes ${target} a ${role}: ${changed.text}`);
        assert.equal(await roleOf(victim.id), may ? role : target);
        if (may) run(`update members set role = '${target}' where org_id = '${org.id}' and user_id = '${victim.id}'`);
      }
      const removed = await remove(victim.id, { token });
      assert.equal(removed.status, manages(actor, target) ? 204 : 403, `${actor} removes ${target}: ${removed.text}`);
    }
  }
});

test('a viewer does not learn by removing who is a member', async () => {
  const { token } = await member(org, owner, 'VIEWER');
  assertError(await remove('user_00000000000000000000000000', { token }), 403, 'ForbiddenError');
});

test('everybody may lower himself and leave, and is out at once, in every process', async () => {
  for (const rank of ranks) {
    const who = await member(org, owner, rank);
    if (rank === 'MAINTAINER') {
      assert.equal((await setRole(who.id, 'DEVELOPER', { token: who.token })).status, 200);
      assertError(await setRole(who.id, 'MAINTAINER', { token: who.token }), 403, 'ForbiddenError');
    }
    assert.equal((await get(`/orgs/${org.id}`, { token: who.token })).status, 200);
    assert.equal((await remove(who.id, { token: who.token })).status, 204);
    await until('no process lets him in', async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => get(`/orgs/${org.id}`, { token: who.token })));
      return answers.every((answer) => answer.status === 404);
    }, { seconds: 2 });
  }
});

test('a token with the scope write removes nobody', async () => {
  const victim = await member(org, owner, 'VIEWER');
  assertError(await remove(victim.id, { token: apiToken(owner, 'write') }), 403, 'ForbiddenError');
  assert.equal((await remove(victim.id, { token: apiToken(owner, 'admin') })).status, 204);
});

test('the last owner stays, and one who cannot log in does not count', async () => {
  const mine = await organization(owner);
  const other = await member(mine, owner, 'MAINTAINER');
  const refused = async () => {
    assertError(await remove(owner.id, { of: mine }), 409, 'ConflictError');
    assertError(await setRole(owner.id, 'MAINTAINER', { of: mine }), 409, 'ConflictError');
  };
  await refused();
  assert.equal((await setRole(other.id, 'OWNER', { of: mine })).status, 200);
  run(`update users set active = false where id = '${other.id}'`);
  await refused();
  run(`update users set active = true where id = '${other.id}'`);
  assert.equal((await setRole(owner.id, 'VIEWER', { of: mine })).status, 200);
  assert.equal(one(`select role from members where org_id = '${mine.id}' and user_id = '${owner.id}'`).role, 'VIEWER');
});

test('two owners who act at the same moment leave one', async () => {
  for (let round = 0; round < 12; round++) {
    const a = await person(), mine = await organization(a), b = await member(mine, a, 'OWNER');
    const acts = {
      0: () => [remove(a.id, { token: a.token, of: mine }), remove(b.id, { token: b.token, of: mine })],
      1: () => [setRole(b.id, 'VIEWER', { token: a.token, of: mine }), setRole(a.id, 'VIEWER', { token: b.token, of: mine })],
      2: () => [remove(b.id, { token: a.token, of: mine }), remove(a.id, { token: b.token, of: mine })],
    };
    const answers = await Promise.all(acts[round % 3]());
    const statuses = answers.map((answer) => answer.status).sort();
    assert.ok(statuses[0] < 300 && [403, 404, 409].includes(statuses[1]), `${round}: ${answers.map((x) => `${x.status} ${x.text}`)}`);
    assert.equal(one(`select count(*)::int as n from members where org_id = '${mine.id}' and role = 'OWNER'`).n, 1);
  }
});

test('an invited owner is no owner', async () => {
  const mine = await organization(owner);
  const { json: asked } = await add({ email: 'boss@example.org', role: 'OWNER' }, { to: mine });
  assertError(await remove(owner.id, { of: mine }), 409, 'ConflictError');
  assert.equal((await remove(asked.id, { of: mine })).status, 204);
});

test('the list leads through people and invitations once', async () => {
  const mine = await organization(owner);
  for (const rank of ranks) await member(mine, owner, rank);
  for (let i = 0; i < 3; i++) await add({ email: `page${i}@example.org`, role: 'VIEWER' }, { to: mine });
  const seen = [];
  for (let path = `/orgs/${mine.id}/members?limit=3`, pages = 0; path; pages++) {
    assert.ok(pages < 5, 'the pages have no end');
    const answer = await get(path, { token: owner.token });
    assert.equal(answer.status, 200, answer.text);
    seen.push(...answer.json.map((m) => m.id));
    path = /<([^>]+)>;\s*rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
  }
  assert.equal(seen.length, 8);
  assert.equal(new Set(seen).size, 8);
  assertError(await get(`/orgs/${mine.id}/members?cursor=proj_1`, { token: owner.token }), 422, 'ValidationError');
});

// ---- roles in one project ----

test('a role in one project counts there and nowhere else', async () => {
  const mine = await organization(owner);
  const [here, there] = [await project(mine, owner), await project(mine, owner)];
  const who = await member(mine, owner, 'VIEWER');
  const put = (role, { token = owner.token, id = who.id } = {}) => api('PUT', `/projects/${here.id}/members/${id}`, { token, body: { role } });
  const change = (p) => api('PATCH', `/projects/${p.id}`, { token: who.token, body: { description: 'x' } });
  assertError(await change(here), 403, 'ForbiddenError');
  const raised = await put('MAINTAINER');
  assert.equal(raised.status, 200, raised.text);
  assert.equal(raised.json.role, 'MAINTAINER');
  assert.equal(raised.json.organizationRole, 'VIEWER');
  await until('it counts', async () => (await change(here)).status === 200, { seconds: 5 });
  assertError(await change(there), 403, 'ForbiddenError');
  assert.equal((await get('/projects', { token: who.token })).json.find((p) => p.id === here.id).role, 'MAINTAINER');
  assert.deepEqual((await get(`/projects/${here.id}/members`, { token: who.token })).json, [raised.json]);

  const second = await member(mine, owner, 'VIEWER');
  assert.equal((await put('DEVELOPER', { token: who.token, id: second.id })).status, 200);
  assertError(await put('MAINTAINER', { token: who.token, id: second.id }), 403, 'ForbiddenError');
  assertError(await put('DEVELOPER', { token: who.token }), 403, 'ForbiddenError');

  assert.equal((await api('DELETE', `/projects/${here.id}/members/${who.id}`, { token: owner.token })).status, 204);
  await until('it is taken away', async () => (await change(here)).status === 403, { seconds: 2 });
  assert.deepEqual(audit(mine).filter((r) => r.project_id === here.id && r.target_id === who.id).map((r) => [r.action, r.before, r.after]),
    [['project_member.role', '', { role: 'MAINTAINER' }], ['project_member.remove', { role: 'MAINTAINER' }, '']]);
});

test('a role in a project is one, and above the one in the organization', async () => {
  const mine = await organization(owner);
  const here = await project(mine, owner);
  const who = await member(mine, owner, 'DEVELOPER');
  const put = (body, id = who.id) => api('PUT', `/projects/${here.id}/members/${id}`, { token: owner.token, body });
  for (const role of ['VIEWER', 'DEVELOPER', 'OWNER', 'BOSS', null, 3]) assertError(await put({ role }), 422, 'ValidationError');
  assertError(await put({ role: 'MAINTAINER' }, (await person()).id), 404, 'NotFoundError');
  assert.equal((await put({ role: 'MAINTAINER' })).status, 200);
  assert.equal((await remove(who.id, { of: mine })).status, 204);
  assert.equal((await add({ userId: who.id, role: 'VIEWER' }, { to: mine })).status, 201);
  assert.equal((await get(`/projects/${here.id}`, { token: who.token })).json.role, 'VIEWER', 'it does not come back with him');
});
