// stack: --workers 3 --env MOCK_BUILD_MS=400 --env REPAIR_MS=300 --env BUILDS_PER_ACCOUNT=6
// seconds: 300
// Room: builds of a project and of a provider account, previews of a project, who goes first, and previews that have an end.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { api, assertError, deployment, deploymentsOf, get, login, post } from '../lib/client.mjs';
import { inventory } from '../lib/cloud.mjs';
import { commit, deliver, ofRepository, pullRequest } from '../lib/github.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { eachOf, sleep, until } from '../lib/until.mjs';

const rules = (more, project = 'proj_demo') => api('PUT', `/projects/${project}/rules`, { body: more });
const range = (from, n) => Array.from({ length: n }, (_, i) => from + i);
const open = (pr, more = {}) => deliver('pull_request', { ...pullRequest('opened', pr, more), ...more.event }).then((answer) => assert.equal(answer.status, 202, answer.text));
const close = (pr) => deliver('pull_request', pullRequest('closed', pr));
const detail = async (pr) => (await deploymentsOf(pr))[0]?.detail;
const waiting = (pr) => until(`PR ${pr} waits`, async () => {
  const [d] = await deploymentsOf(pr);
  return d?.detail === 'WAITING' && d.message && d;
});
const byBot = (pr) => {
  const event = pullRequest('opened', pr);
  Object.assign(event.pull_request.user, { login: 'dependabot[bot]', type: 'Bot' });
  return deliver('pull_request', event);
};

// Builds as the provider has them: a slot is one from before the create until the end of its build.
const building = async (prs) => (await inventory()).filter((d) => prs.includes(d.prNumber) && ['QUEUED', 'BUILDING'].includes(d.state)).length;
const claimed = (where = 'true') => one(`select count(*)::int as n from preview_attempts a join previews p on p.id = a.preview_id
  where a.state <> 'gone' and not a.cancelled and a.status in ('UNKNOWN', 'QUEUED', 'BUILDING') and ${where}`).n;

// Looks all the time while work() runs; the most that was seen.
async function mostOf(look, work) {
  let most = 0, over = false;
  const watch = (async () => {
    while (!over) {
      most = Math.max(most, await look());
      await sleep(20);
    }
  })();
  try { await work(); } finally { over = true; await watch; }
  return most;
}

afterEach(async () => {
  assert.equal((await rules({})).status, 200);
  for (const { pr } of rows("select pr_number as pr from previews where pr_open and project_id = 'proj_demo'")) await close(pr);
  await until('everything is gone', async () => (await inventory()).length === 0, { seconds: 60 });
});

test('sixty pull requests and three workers never build more than a project may', async () => {
  const prs = range(100, 60);
  assert.equal((await rules({ maxBuilds: 3 })).status, 200);
  const mostClaimed = await mostOf(() => claimed(), async () => {
    const mostBuilding = await mostOf(() => building(prs), async () => {
      await eachOf(prs, 12, (pr) => open(pr));
      const last = await waiting(prs.find((pr) => pr > 130));
      assert.match(last.message, /^it waits for other builds of this project: rule maxBuilds is 3; place \d+ in line$/);
      for (const pr of prs) await deployment(pr, 'READY', { seconds: 150 });
    });
    assert.ok(mostBuilding <= 3, `the provider had ${mostBuilding} builds`);
  });
  assert.ok(mostClaimed <= 3 && mostClaimed > 1, `${mostClaimed} builds at once`);
  assert.equal(one('select count(*)::int as n from build_line').n, 0);
  for (const { n } of rows('select count(*)::int as n from preview_attempts group by preview_id')) assert.equal(n, 1);
});

test('an account is shared by projects, and one that is at its own limit holds up nobody else', async () => {
  run(`insert into projects (id, org_id, name, repo_full_name, provider, rules) values ('proj_second', 'org_demo', 'second', 'codertocat/second', 'mock', '{}')
    on conflict (id) do nothing`);
  const second = (pr) => ofRepository(pullRequest('opened', pr, { branch: 'mock-slow' }), 'Codertocat/second');
  assert.equal((await rules({ maxBuilds: 1 })).status, 200);
  const most = await mostOf(() => claimed(), async () => {
    await eachOf(range(200, 6), 6, (pr) => open(pr, { branch: 'mock-slow' }));
    await until('one of the first project builds', () => claimed("p.project_id = 'proj_demo'") === 1);
    for (const pr of range(300, 7)) await deliver('pull_request', second(pr));
    await until('the second one has the rest of the account', () => claimed("p.project_id = 'proj_second'") === 5);
    await until('two of it wait for the account', async () => (await get('/projects/proj_second/deployments')).json
      .filter((d) => /^it waits for other builds of this provider account: BUILDS_PER_ACCOUNT is 6; place/.test(d.message ?? '')).length === 2);
  });
  assert.ok(most <= 6, `${most} builds of the account`);
  for (const pr of range(300, 7)) await deliver('pull_request', ofRepository(pullRequest('closed', pr), 'Codertocat/second'));
});

test('people go before bots, and who waits longer goes first; a push keeps its place', async () => {
  assert.equal((await rules({ maxBuilds: 1 })).status, 200);
  await open(400, { branch: 'mock-slow' });
  await until('it builds', () => claimed() === 1);
  for (const pr of [401, 402]) { await byBot(pr); await waiting(pr); }
  for (const pr of [403, 404]) { await open(pr); await waiting(pr); }
  await deliver('pull_request', pullRequest('synchronize', 403, { sha: commit('403 again') }));
  await until('the push waits', () => one("select count(*)::int as n from build_line w join previews p on p.id = w.preview_id where p.pr_number = 403 and w.generation = p.generation").n === 1);
  await close(400);
  for (const pr of [401, 402, 403, 404]) await deployment(pr, 'READY', { seconds: 60 });
  const order = rows('select p.pr_number as pr from preview_attempts a join previews p on p.id = a.preview_id where p.pr_number between 401 and 404 order by a.id');
  assert.deepEqual(order.map((r) => r.pr), [403, 404, 401, 402]);
});

test('a push at a limit of one replaces its own build', async () => {
  assert.equal((await rules({ maxBuilds: 1, maxPreviews: 1 })).status, 200);
  await open(450, { branch: 'mock-slow' });
  await until('it builds', () => claimed() === 1);
  const sha = commit('450 again');
  await deliver('pull_request', pullRequest('synchronize', 450, { sha }));
  await deployment(450, 'READY', { sha });
});

test('no more previews stand than a project may have; the next one comes when one goes', async () => {
  assert.equal((await rules({ maxPreviews: 2 })).status, 200);
  const prs = range(500, 5);
  const most = await mostOf(async () => new Set((await inventory()).map((d) => d.prNumber)).size, async () => {
    for (const pr of prs) await open(pr);
    for (const pr of [500, 501]) await deployment(pr, 'READY');
    assert.match((await waiting(502)).message, /^it waits until another preview of this project goes: rule maxPreviews is 2; place 1 in line$/);
    await deliver('pull_request', pullRequest('synchronize', 500, { sha: commit('500 again') }));
    await deployment(500, 'READY', { sha: commit('500 again') });
    assert.equal(await detail(502), 'WAITING', 'a push to one that stands needs no new place');
    await close(501);
    await deployment(502, 'READY');
    assert.equal(await detail(503), 'WAITING');
    await close(503); // it never came up, and holds nobody up
    await close(500);
    await deployment(504, 'READY');
  });
  assert.ok(most <= 2, `${most} previews`);
});

test('a limit that is raised lets them go; one that is locked down waits for nothing', async () => {
  assert.equal((await rules({ maxBuilds: 1 })).status, 200);
  await eachOf([600, 601, 602], 3, (pr) => open(pr, { branch: 'mock-slow' }));
  await until('two wait', () => one('select count(*)::int as n from build_line').n === 2);
  assert.equal((await rules({ maxBuilds: 3 })).status, 200);
  await until('all build', () => claimed() === 3);
});

test('a preview goes when its time is over, and comes back when somebody wants it', async () => {
  assert.equal((await rules({ ttlMs: 3600000 })).status, 200);
  await open(700);
  const ready = await deployment(700, 'READY');
  assert.ok(Math.abs(Date.parse(ready.expiresAt) - Date.now() - 3600000) < 120000, ready.expiresAt);
  run("update previews set expires_at = now() where pr_number = 700");
  const gone = await deployment(700, 'DESTROYED');
  assert.equal(gone.detail, 'EXPIRED');
  assert.equal((await inventory()).length, 0);
  assert.ok((await get(`/deployments/${gone.id}/events`)).json.some((e) => e.stage === 'EXPIRED'));
  await deliver('pull_request', pullRequest('labeled', 700, { labels: ['bug'] }));
  assert.equal((await deploymentsOf(700))[0].detail, 'EXPIRED', 'a label is no news');
  assert.equal((await post(`/deployments/${gone.id}/retry`)).status, 202);
  const back = await deployment(700, 'READY');
  assert.ok(Date.parse(back.expiresAt) > Date.now() + 3000000, back.expiresAt);
});

test('its time is extended by those who may, never shortened, and only when it has an end', async () => {
  assert.equal((await rules({ ttlMs: 3600000 })).status, 200);
  await open(710);
  const { id, expiresAt } = await deployment(710, 'READY');
  const extend = (forMs, options = {}) => post(`/deployments/${id}/extend`, { body: { forMs }, ...options });
  assertError(await extend(7200000, { token: await login('viewer') }), 403, 'ForbiddenError');
  for (const forMs of [0, 59999, 90 * 86400000 + 1, '1h', null]) assertError(await extend(forMs), 422, 'ValidationError');
  assert.equal((await extend(60000)).json.expiresAt, expiresAt);
  const answer = await extend(86400000, { token: await login('developer') });
  assert.equal(answer.status, 200, answer.text);
  assert.ok(Date.parse(answer.json.expiresAt) > Date.parse(expiresAt) + 70000000);
  assert.equal(one("select count(*)::int as n from audit_log where action = 'deployment.extend'").n, 2);
  await deliver('pull_request', pullRequest('synchronize', 710, { sha: commit('710 again') }));
  const pushed = await deployment(710, 'READY', { sha: commit('710 again') });
  assert.equal(pushed.expiresAt, answer.json.expiresAt, 'a push does not shorten it either');
  assert.equal((await rules({})).status, 200);
  await open(711);
  const endless = await deployment(711, 'READY');
  assert.equal(endless.expiresAt, null);
  assertError(await post(`/deployments/${endless.id}/extend`, { body: { forMs: 60000 } }), 409, 'ConflictError');
});

test('rules refuse limits that are none', async () => {
  for (const body of [{ maxBuilds: -1 }, { maxBuilds: 1.5 }, { maxPreviews: '3' }, { ttlMs: 59999 }, { ttlMs: 1e15 }, { approveLabel: 7 }]) {
    assertError(await rules(body), 422, 'ValidationError');
  }
  const answer = await rules({ maxBuilds: 2, maxPreviews: 9, ttlMs: 60000, approveLabel: 'ok' });
  assert.deepEqual([answer.json.maxBuilds, answer.json.maxPreviews, answer.json.ttlMs, answer.json.approveLabel], [2, 9, 60000, 'ok']);
});
