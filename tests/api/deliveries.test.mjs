// stack: --api 1
// GET /projects/:id/deliveries: what came, what was decided and why, for maintainers; and taking one through the rules again.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { assertError, get, login, post } from '../lib/client.mjs';
import { commit, deliver, payload, pullRequest, timeOfEvent } from '../lib/github.mjs';
import { one, run } from '../lib/sql.mjs';
import { eachOf } from '../lib/until.mjs';

const list = '/projects/proj_demo/deliveries';
let maintainer;
const show = (guid, project = 'proj_demo') => get(`/projects/${project}/deliveries/hook_${guid}`, { token: maintainer });
const replay = (guid, project = 'proj_demo') => post(`/projects/${project}/deliveries/hook_${guid}/replay`, { token: maintainer });
const preview = (pr, project = 'proj_demo') =>
  one(`select desired, sha, generation from previews where project_id = '${project}' and pr_number = ${pr}`);

before(async () => {
  maintainer = await login('maintainer');
  // the seed is of this second, and so is what follows
  run("update projects set created_at = created_at - interval '1 hour'");
  run(`insert into projects (id, org_id, name, repo_full_name, provider, rules, created_at) values
    ('proj_second', 'org_demo', 'second', 'CODERTOCAT/hello-world', 'mock', '{"labelsAny":["preview"]}', now() - interval '1 hour')`);
});

test('maintainers and owners read it, others do not', async () => {
  const { guid } = await deliver('pull_request', pullRequest('opened', 1));
  for (const role of ['owner', 'maintainer']) assert.equal((await get(list, { token: await login(role) })).status, 200, role);
  for (const role of ['developer', 'viewer']) {
    const token = await login(role);
    for (const path of [list, `${list}/hook_${guid}`]) assertError(await get(path, { token }), 403, 'ForbiddenError');
    assertError(await post(`${list}/hook_${guid}/replay`, { token }), 403, 'ForbiddenError');
  }
  assertError(await get(list, { token: null }), 401, 'UnauthorizedError');
  assertError(await get('/projects/proj_nowhere/deliveries', { token: maintainer }), 404, 'NotFoundError');
});

test('one delivery: what it was, what was decided for this project and why, and the payload as it came', async () => {
  const content = pullRequest('opened', 2, { draft: true });
  content.pull_request.body = 'a <b>, a "quote", \u0001, \ud83d\ude00';
  const { guid } = await deliver('pull_request', content);
  const answer = await show(guid);
  assert.equal(answer.status, 200, answer.text);
  const { payload: came, decision, receivedAt, ...rest } = answer.json;
  assert.deepEqual(came, content);
  assert.match(receivedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual([decision.desired, decision.rule], ['destroyed', 'DRAFT']);
  assert.deepEqual(decision.trace.map((t) => t.rule), ['CLOSED', 'DRAFT']);
  assert.deepEqual(rest, { id: `hook_${guid}`, delivery: guid, event: 'pull_request', action: 'opened', prNumber: 2, outcome: 'accepted',
    reason: decision.reason });
  const other = (await show(guid, 'proj_second')).json;
  assert.equal(other.decision.rule, 'DRAFT');
  assert.equal(JSON.stringify(other).includes('proj_demo'), false);
});

test('each project sees its own decision', async () => {
  const { guid } = await deliver('pull_request', pullRequest('opened', 3));
  const [first, second] = [(await show(guid)).json, (await show(guid, 'proj_second')).json];
  assert.deepEqual([first.decision.rule, second.decision.rule], ['DEFAULT', 'LABEL_MISSING']);
  assert.notEqual(first.reason, second.reason);
});

test('a form is shown as the JSON that was in it', async () => {
  const content = pullRequest('opened', 4);
  const { guid, status } = await deliver('pull_request', new URLSearchParams({ payload: JSON.stringify(content) }).toString(),
    { headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  assert.equal(status, 202);
  assert.deepEqual((await show(guid)).json.payload, content);
  assert.equal((await replay(guid)).json.outcome, 'accepted');
});

test('events that reach no project are listed with their reason', async () => {
  const ping = payload('ping.json');
  ping.repository = { ...payload('pull_request.opened.json').repository, full_name: 'Codertocat/HELLO-World' };
  const { guid } = await deliver('ping', ping);
  const { json } = await show(guid);
  assert.deepEqual([json.event, json.outcome, json.decision], ['ping', 'ignored', null]);
  assert.match(json.reason, /webhook is set up/);
});

test('what is not this project’s is 404: another repository, what came before it was made, what was decided for others', async () => {
  run(`insert into projects (id, org_id, name, repo_full_name, provider) values ('proj_other', 'org_demo', 'other', 'Someone/Else', 'mock')`);
  const { guid } = await deliver('pull_request', pullRequest('opened', 5));
  run(`insert into projects (id, org_id, name, repo_full_name, provider) values ('proj_late', 'org_demo', 'late', 'Codertocat/Hello-World', 'mock')`);
  run(`insert into projects (id, org_id, name, repo_full_name, provider, created_at)
    values ('proj_early', 'org_demo', 'early', 'Codertocat/Hello-World', 'mock', now() - interval '1 day')`); // had another repository then
  for (const project of ['proj_other', 'proj_late', 'proj_early']) {
    assertError(await show(guid, project), 404, 'NotFoundError');
    assertError(await replay(guid, project), 404, 'NotFoundError');
    assert.deepEqual((await get(`/projects/${project}/deliveries?outcome=accepted`, { token: maintainer })).json, [], project);
  }
  run(`delete from projects where id in ('proj_other', 'proj_late', 'proj_early')`);
  for (const id of ['nonsense', `hook_${'a'.repeat(200)}`, 'hook_00000000', "hook_'--"]) {
    assertError(await get(`${list}/${encodeURIComponent(id)}`, { token: maintainer }), 404, 'NotFoundError');
  }
});

test('the list is newest first, Link leads through all of it once, outcomes filter', async () => {
  const old = timeOfEvent();
  await eachOf(Array.from({ length: 70 }, (_, i) => i), 24, async (i) => {
    const answer = await deliver('pull_request', pullRequest('opened', 100 + i));
    assert.equal(answer.status, 202, answer.text);
  });
  for (let i = 0; i < 5; i++) {
    const event = pullRequest('synchronize', 100 + i, { updatedAt: old, sha: commit(`old ${i}`) });
    assert.equal((await deliver('pull_request', event)).json.outcome, 'stale');
  }
  const seen = [];
  let path = `${list}?limit=7`;
  for (let pages = 0; path; pages++) {
    assert.ok(pages < 40, 'the pages have no end');
    const answer = await get(path, { token: maintainer });
    assert.equal(answer.status, 200, answer.text);
    seen.push(...answer.json);
    path = /<([^>]+)>;\s*rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
  }
  assert.equal(new Set(seen.map((d) => d.id)).size, seen.length);
  assert.equal(seen.length, one("select count(*)::int as n from deliveries where repo_full_name = 'codertocat/hello-world'").n);
  seen.forEach((d, i) => assert.ok(i === 0 || d.receivedAt <= seen[i - 1].receivedAt, 'not by time'));
  assert.deepEqual(Object.keys(seen[0]).sort(), ['action', 'decision', 'delivery', 'event', 'id', 'outcome', 'prNumber', 'reason', 'receivedAt']);
  const stale = (await get(`${list}?outcome=stale`, { token: maintainer })).json;
  assert.deepEqual(stale.map((d) => [d.outcome, d.prNumber]), [104, 103, 102, 101, 100].map((pr) => ['stale', pr]));
  assert.match(stale[0].reason, /newer events/);
  assert.equal(stale[0].decision.desired, 'deployed');
  for (const query of ['outcome=late', 'limit=0', 'limit=201', 'cursor=abc', 'cursor=1', 'cursor=1.deploy_x', `cursor=${'9'.repeat(30)}.hook_x`]) {
    assertError(await get(`${list}?${query}`, { token: maintainer }), 422, 'ValidationError');
  }
});

test('a replay decides by the rules of now', async () => {
  const { guid } = await deliver('pull_request', pullRequest('opened', 200, { draft: true }));
  assert.equal(preview(200).desired, 'destroyed');
  run(`update projects set rules = '{"drafts":"deploy"}' where id in ('proj_demo', 'proj_second')`);
  const answer = await replay(guid);
  assert.equal(answer.status, 202, answer.text);
  assert.deepEqual([answer.json.success, answer.json.outcome, answer.json.replayOf], [true, 'accepted', `hook_${guid}`]);
  assert.equal(preview(200).desired, 'deployed');
  assert.equal(preview(200, 'proj_second').desired, 'destroyed'); // this project alone
  const stored = (await get(`${list}/${answer.json.deliveryId}`, { token: maintainer })).json;
  assert.equal(stored.decision.replayOf, `hook_${guid}`);
  assert.equal(stored.payload.number, 200);
  const row = one(`select org_id, actor_name, project_id, after::json as after from audit_log
    where action = 'delivery.replay' and target_id = '${answer.json.deliveryId}'`);
  assert.deepEqual(row, { org_id: 'org_demo', actor_name: 'maintainer@demo.opshub.local', project_id: 'proj_demo',
    after: { outcome: 'accepted', replayOf: `hook_${guid}` } });
  assertError(await get(`/projects/proj_second/deliveries/${answer.json.deliveryId}`, { token: maintainer }), 404, 'NotFoundError');
  // again: nothing left to change, and one job is enough
  const { generation } = preview(200);
  assert.equal((await replay(guid)).json.outcome, 'accepted');
  assert.equal(preview(200).generation, generation);
  run(`update projects set rules = '{}' where id = 'proj_demo'`);
});

test('the replay of an overtaken event is stale, says so, and changes nothing', async () => {
  const opened = await deliver('pull_request', pullRequest('opened', 201));
  await deliver('pull_request', pullRequest('closed', 201));
  const answer = await replay(opened.guid);
  assert.equal(answer.status, 202, answer.text);
  assert.equal(answer.json.outcome, 'stale');
  assert.match(answer.json.message, /newer events of this pull request are known/);
  assert.equal(preview(201).desired, 'destroyed');
  assert.equal((await get(`${list}/${answer.json.deliveryId}`, { token: maintainer })).json.outcome, 'stale');
});

test('the replay of what changes no preview is ignored again', async () => {
  const push = payload('push.new-branch.json');
  push.repository.full_name = 'Codertocat/Hello-World';
  const { guid } = await deliver('push', push);
  const answer = await replay(guid);
  assert.deepEqual([answer.status, answer.json.outcome], [202, 'ignored'], answer.text);
});
