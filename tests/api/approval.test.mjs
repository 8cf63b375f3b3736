// stack: --no-daemon --workers 2 --env MOCK_BUILD_MS=200
// seconds: 240
// Forks: nothing of them is deployed before somebody who may has approved exactly that commit: by route, by comment, by label.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, beforeEach, test } from 'node:test';
import { api, assertError, deployment, deploymentsOf, get, login, post } from '../lib/client.mjs';
import { inventory } from '../lib/cloud.mjs';
import { env } from '../lib/env.mjs';
import { fakeCollaborators } from '../lib/fake-collaborators.mjs';
import { commit, deliver, payload, pullRequest, timeOfEvent } from '../lib/github.mjs';
import { daemon, sweepNothing } from '../lib/github-login.mjs';
import { part } from '../lib/part.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { eachOf, until } from '../lib/until.mjs';

let github;

before(async () => {
  github = await fakeCollaborators();
  daemon.set({ GITHUB_API_BASE: github.api, GITHUB_TOKEN: github.token });
  sweepNothing();
  await part('opshubd', 'start');
  process.env.OPSHUB_TOKEN = await login('owner');
});
after(() => github.close());
beforeEach(() => { github.seen.length = 0; github.fault = null; });

const held = (pr, { sha } = {}) => until(`PR ${pr} is held`, async () => {
  const [d] = await deploymentsOf(pr);
  return d?.detail === 'AWAITING_APPROVAL' && (!sha || d.sha === sha) && d;
});
// Forks are opened an hour ago by GitHub's clock, unless said otherwise: what a comment means by "it" has stood for long.
const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString().replace(/\.\d+/, '');
async function fork(pr, { action = 'opened', sha = commit(`fork ${pr}`), updatedAt = ago(3600), ...more } = {}) {
  const answer = await deliver('pull_request', pullRequest(action, pr, { fork: true, sha, updatedAt, ...more }));
  assert.equal(answer.status, 202, answer.text);
  return sha;
}
async function comment(pr, body, { by = 'octocat', association = 'MEMBER', action = 'created', at = ago(0), issue = {} } = {}) {
  const event = payload('issue_comment.created.json');
  event.action = action;
  Object.assign(event.issue, { number: pr, state: 'open', pull_request: { url: `https://api.github.com/repos/Codertocat/Hello-World/pulls/${pr}` }, ...issue });
  Object.assign(event.comment, { body, created_at: at, author_association: association });
  event.comment.user.login = by;
  return deliver('issue_comment', event);
}
const approve = (d, sha, options) => post(`/deployments/${d.id}/approve`, { body: { sha }, ...options });
const shas = async (pr) => [...new Set((await inventory()).filter((d) => d.prNumber === pr).map((d) => d.sha))];
const event = (d, stage) => until(`${stage} is noted`, async () => (await get(`/deployments/${d.id}/events`)).json.find((e) => e.stage === stage));
const nothing = (pr) => assert.equal(one(`select count(*)::int as n from preview_attempts a join previews p on p.id = a.preview_id where p.pr_number = ${pr}`).n, 0);

test('a maintainer approves the commit he looked at, once', async () => {
  const sha = await fork(1);
  const d = await held(1);
  for (const role of ['viewer', 'developer']) assertError(await approve(d, sha, { token: await login(role) }), 403, 'ForbiddenError');
  for (const body of [{}, { sha: 'abc' }, { sha: null }, { sha, more: 1 }]) assertError(await post(`/deployments/${d.id}/approve`, { body }), 422, 'ValidationError');
  const other = await approve(d, commit('something else'));
  assertError(other, 409, 'ConflictError');
  assert.match(other.json.message, new RegExp(`another commit waits for approval by now: ${sha}`));
  nothing(1);
  const answer = await approve(d, sha, { token: await login('maintainer') });
  assert.equal(answer.status, 202, answer.text);
  await deployment(1, 'READY', { sha });
  assertError(await approve(d, sha), 409, 'ConflictError');
  const row = one("select * from audit_log where action = 'deployment.approve'");
  assert.equal(row.actor_name, 'maintainer@demo.opshub.local');
  assert.equal(JSON.parse(row.after).sha, sha);
});

test('a push is held again, and takes what was approved away; other events do not', async () => {
  await fork(1, { action: 'labeled', labels: ['bug'], sha: commit('fork 1'), updatedAt: timeOfEvent() });
  assert.equal((await deploymentsOf(1))[0].status, 'READY');
  const sha = await fork(1, { action: 'synchronize', sha: commit('evil'), updatedAt: timeOfEvent() });
  const d = await held(1, { sha });
  await until('nothing is left', async () => (await shas(1)).length === 0);
  assertError(await approve(d, commit('fork 1')), 409, 'ConflictError');
});

test('an approval that races with a push deploys the approved commit or none', async () => {
  const prs = Array.from({ length: 24 }, (_, i) => 100 + i);
  await eachOf(prs, 8, async (pr) => {
    const sha = await fork(pr), evil = commit(`evil ${pr}`);
    const d = await held(pr);
    await Promise.all([approve(d, sha), fork(pr, { action: 'synchronize', sha: evil, updatedAt: timeOfEvent() })]);
    await held(pr, { sha: evil });
  });
  assert.deepEqual(rows("select a.sha from preview_attempts a join previews p on p.id = a.preview_id where p.pr_number between 100 and 199 and a.sha = p.sha"), []);
});

test('a comment of somebody who may push approves what stands, and the audit has his name', async () => {
  github.roles.set('octocat', 'write');
  const sha = await fork(200);
  const d = await held(200);
  const answer = await comment(200, 'Looks good.\r\n/opshub approve\r\n');
  assert.equal(answer.status, 202, answer.text);
  await deployment(200, 'READY', { sha });
  assert.match((await event(d, 'APPROVED')).message, /^Approved at [0-9a-f]{12} by octocat \(comment at GitHub\)$/);
  assert.equal(one("select count(*)::int as n from audit_log where action = 'deployment.approve' and actor_kind = 'system' and actor_name = 'octocat (comment at GitHub)'").n, 1);
  assert.equal(one('select count(*)::int as n from approvals').n, 0);
  assert.deepEqual(github.seen, ['octocat']);
});

test('who may read only is refused, whatever the event says of him, and so is who is unknown', async () => {
  github.roles.set('reader', 'read');
  await fork(210);
  const d = await held(210);
  await comment(210, '/opshub approve', { by: 'reader', association: 'OWNER' });
  assert.match((await event(d, 'APPROVAL_REFUSED')).message, /that of reader by comment was refused: reader may not push to codertocat\/hello-world$/);
  assert.match((await deploymentsOf(210))[0].message, /reader may not push/);
  await comment(210, '/opshub approve', { by: 'unheard-of', association: 'COLLABORATOR' });
  await until('that too', async () => /unheard-of .* does not know him/.test((await deploymentsOf(210))[0].message));
  await comment(210, '/opshub approve', { by: 'octocat', association: 'CONTRIBUTOR' });
  await until('that too', async () => /only those who may push/.test((await deploymentsOf(210))[0].message));
  assert.deepEqual(github.seen, ['reader', 'unheard-of'], 'strangers are refused without a question');
  nothing(210);
});

test('a comment after a push that it may not have seen names its commit, or is refused', async () => {
  const sha = await fork(220, { updatedAt: ago(3600) });
  await held(220);
  const evil = await fork(220, { action: 'synchronize', sha: commit('evil 220'), updatedAt: ago(20) });
  const d = await held(220, { sha: evil });
  await comment(220, '/opshub approve', { at: ago(10) });
  assert.match((await event(d, 'APPROVAL_REFUSED')).message, /a new commit came just before: look at it, and name it in the comment/);
  await comment(220, `/opshub approve ${sha.slice(0, 12)}`, { at: ago(5) });
  await until('that too', async () => /another commit stands there by now/.test((await deploymentsOf(220))[0].message));
  nothing(220);
  await comment(220, `/opshub approve ${evil.slice(0, 7)}`, { at: ago(5) });
  await deployment(220, 'READY', { sha: evil });
});

test('other comments ask for nothing', async () => {
  await fork(230);
  await held(230);
  for (const [body, more] of [['hello', {}], ['> /opshub approve', {}], ['/opshub approved', {}], ['/opshub approve please', {}], ['say `/opshub approve`', {}],
    ['/opshub approve', { action: 'edited' }], ['/opshub approve', { issue: { state: 'closed' } }], ['/opshub approve', { issue: { pull_request: undefined } }],
    ['/opshub approve', { by: '../../user' }]]) {
    const answer = await comment(230, body, more);
    assert.equal(answer.status, 202, answer.text);
    assert.equal(answer.json.outcome, 'ignored', `${body} ${JSON.stringify(more)}`);
  }
  assert.equal(one("select count(*)::int as n from jobs where kind = 'approval'").n, 0);
  assert.deepEqual(github.seen, []);
  nothing(230);
});

test('a GitHub that is down is asked again; HTML is no answer', async () => {
  const sha = await fork(240);
  await held(240);
  github.fault = { status: 502, body: '<html>' };
  await comment(240, '/opshub approve');
  await until('it was asked', () => github.seen.length > 0);
  nothing(240);
  github.fault = null;
  await deployment(240, 'READY', { sha });
});

for (const [what, headers, message] of [
  ['primary', { 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '0' }, 'API rate limit exceeded for user ID 1.'],
  ['secondary', {}, 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.'],
]) {
  test(`a ${what} limit without a Retry-After refuses nobody: it is asked again when that is over`, async () => {
    const pr = what === 'primary' ? 245 : 246, sha = await fork(pr);
    await held(pr);
    github.fault = { status: 403, headers: { 'content-type': 'application/json', ...headers, ...(what === 'primary' && { 'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + 8) }) },
      body: JSON.stringify({ message }) };
    await comment(pr, '/opshub approve');
    const waiting = await until('it waits', () => rows("select last_error, state from jobs where kind = 'approval' and state = 'delayed' and last_error is not null")[0]);
    assert.match(waiting.last_error, /allowance of requests is used up/);
    nothing(pr);
    github.fault = null;
    run("update jobs set run_at = now() where kind = 'approval'");
    await deployment(pr, 'READY', { sha });
  });
}

test('a label approves the commit of that moment, when the project says which and who sets it may push', async () => {
  const label = async (pr, by, options = {}) => {
    const sha = options.sha ?? commit(`fork ${pr}`);
    const content = pullRequest('labeled', pr, { fork: true, labels: ['ok to deploy'], sha, updatedAt: timeOfEvent(), ...options });
    content.label = { ...content.label, name: 'OK to deploy' };
    content.sender = { ...content.sender, login: by };
    return deliver('pull_request', content);
  };
  await fork(250);
  await held(250);
  await label(250, 'octocat');
  assert.deepEqual(github.seen, [], 'no project listens to it');
  assert.equal((await api('PUT', '/projects/proj_demo/rules', { body: { approveLabel: 'ok to deploy' } })).status, 200);
  github.roles.set('triage', 'read');
  await label(250, 'triage');
  await until('triage is refused', async () => /triage by label was refused: triage may not push/.test((await deploymentsOf(250))[0].message));
  await label(250, 'octocat');
  await deployment(250, 'READY');
  const evil = await fork(250, { action: 'synchronize', sha: commit('evil 250'), labels: ['ok to deploy'], updatedAt: timeOfEvent() });
  await held(250, { sha: evil });
  await label(251, 'octocat'); // its opening was never heard of
  await deployment(251, 'READY');
});

test('a GitHub App alone is enough: its installation is asked as, with one token until that is taken back', async () => {
  const file = `${env.stackDir}/app.pem`;
  writeFileSync(file, github.app.key, { mode: 0o600 });
  await part('opshubd', 'stop');
  sweepNothing();
  await daemon.restart({ GITHUB_TOKEN: '', GITHUB_APP_ID: github.app.id, GITHUB_APP_PRIVATE_KEY_FILE: file, WORKER_PROCESSES: '1' });
  for (const pr of [270, 271]) {
    const sha = await fork(pr);
    await held(pr);
    await comment(pr, '/opshub approve');
    await deployment(pr, 'READY', { sha });
  }
  assert.equal(github.app.tokens.length, 1);
  github.app.revoke();
  const sha = await fork(272);
  await held(272);
  await comment(272, '/opshub approve');
  await deployment(272, 'READY', { sha });
  assert.equal(github.app.tokens.length, 2);
  github.app.installed = false;
  await fork(273);
  const d = await held(273);
  await comment(273, '/opshub approve');
  assert.match((await event(d, 'APPROVAL_REFUSED')).message, /the GitHub App is not installed for codertocat\/hello-world: install it there/);
});

test('without a token nobody approves at GitHub, and everybody is told why', async () => {
  await daemon.restart({ GITHUB_TOKEN: '', GITHUB_APP_ID: '', GITHUB_APP_PRIVATE_KEY_FILE: '' });
  await fork(260);
  const d = await held(260);
  await comment(260, '/opshub approve');
  assert.match((await event(d, 'APPROVAL_REFUSED')).message, /its operator has to set GITHUB_TOKEN, or GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY; a MAINTAINER can approve it in the dashboard/);
  nothing(260);
});
