// stack: --no-daemon --env MOCK_BUILD_MS=200
// seconds: 180
// POST /projects/:id/deployments: previews of pull requests that no webhook told of, and what GitHub may answer.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, beforeEach, test } from 'node:test';
import { api, assertError, deployment, get, login, post } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { fakePulls } from '../lib/fake-pulls.mjs';
import { commit, deliver, pullRequest, timeOfEvent } from '../lib/github.mjs';
import { daemon, sweepNothing } from '../lib/github-login.mjs';
import { part } from '../lib/part.mjs';
import { one } from '../lib/sql.mjs';

const token = 'ghp_requested0123456789abcdefghij';
let github;

before(async () => {
  github = await fakePulls();
  daemon.set({ GITHUB_API_BASE: github.api, GITHUB_TOKEN: token });
  sweepNothing();
  await part('opshubd', 'start');
  process.env.OPSHUB_TOKEN = await login('owner');
});
after(() => github.close());
beforeEach(() => { github.seen.length = 0; github.fault = null; });

const ask = (body, options) => post('/projects/proj_demo/deployments', { body, ...options });
const pull = (number, more = {}) => github.pulls.set(number, { sha: commit(`pull ${number}`), branch: `feature-${number}`, updatedAt: timeOfEvent(), ...more });

test('by its number, asked by a developer, with the server\'s token', async () => {
  pull(7);
  assertError(await ask({ prNumber: 7 }, { token: await login('viewer') }), 403, 'ForbiddenError');
  const answer = await ask({ prNumber: 7 }, { token: await login('developer') });
  assert.equal(answer.status, 202, answer.text);
  assert.deepEqual([answer.json.prNumber, answer.json.sha, answer.json.branch], [7, commit('pull 7'), 'feature-7']);
  await deployment(7, 'READY', { sha: commit('pull 7') });
  assert.deepEqual(github.seen.map(([path]) => path.toLowerCase()), ['/repos/codertocat/hello-world/pulls/7']);
  assert.equal(github.seen[0][1], `Bearer ${token}`);
  const row = one("select * from audit_log where action = 'deployment.request'");
  assert.deepEqual([row.actor_name, row.project_id, JSON.parse(row.after)], ['developer@demo.opshub.local', 'proj_demo', { outcome: 'accepted' }]);
  assert.equal((await ask({ prNumber: 7 })).json.status, 'READY', 'once more changes nothing');
});

test('by a branch or a commit of an open pull request', async () => {
  pull(8, { branch: 'fix/ü-1' });
  pull(9, { state: 'closed' });
  assert.equal((await ask({ branch: 'fix/ü-1' })).json?.prNumber, 8);
  await deployment(8, 'READY');
  pull(10, { sha: commit('by commit') });
  assert.equal((await ask({ sha: commit('by commit').slice(0, 12) })).json?.prNumber, 10);
  for (const body of [{ branch: 'nowhere' }, { branch: 'feature-9' }, { sha: commit('pull 9') }, { sha: commit('nothing') }]) {
    const answer = await ask(body);
    assertError(answer, 409, 'ConflictError');
    assert.match(answer.json.message, /no open pull request of .* has this (branch|commit)/);
  }
});

test('rules decide as for a webhook; a fork waits, and what was destroyed comes back', async () => {
  pull(11, { draft: true });
  const draft = await ask({ prNumber: 11 });
  assertError(draft, 409, 'ConflictError');
  assert.match(draft.json.message, /the project's rules do not deploy it: drafts are not deployed/);
  pull(12, { fork: true });
  assert.equal((await ask({ prNumber: 12 })).json.detail, 'AWAITING_APPROVAL');
  const held = (await get('/projects/proj_demo/deployments?pr=12')).json[0];
  assert.equal((await post(`/deployments/${held.id}/approve`, { body: { sha: held.sha } })).status, 202);
  await deployment(12, 'READY');
  pull(12, { fork: true });
  assert.equal((await ask({ prNumber: 12 })).json.status, 'READY', 'an approved fork stays up');
  pull(12, { fork: true, sha: commit('12 again') });
  assert.equal((await ask({ prNumber: 12 })).json.detail, 'AWAITING_APPROVAL', 'its next commit waits');
  pull(9, { state: 'closed' });
  assert.match((await ask({ prNumber: 9 })).json.message, /the pull request is closed/);
  const sha = commit('13');
  await deliver('pull_request', pullRequest('opened', 13, { sha }));
  const d = await deployment(13, 'READY');
  await post(`/deployments/${d.id}/destroy`);
  await deployment(13, 'DESTROYED');
  pull(13, { sha });
  assert.equal((await ask({ prNumber: 13 })).status, 202);
  await deployment(13, 'READY', { sha });
});

test('what is no request is refused, and GitHub is not asked', async () => {
  for (const body of [{}, { prNumber: 0 }, { prNumber: '7' }, { prNumber: 7, branch: 'x' }, { sha: 'xyz' }, { sha: 'ABCDEF0' }, { branch: '-x..y' }, { prNumber: 7, ref: 'x' }]) {
    assertError(await ask(body), 422, 'ValidationError');
  }
  assert.deepEqual(github.seen, []);
});

test('what GitHub refuses, breaks or does not know ends in a sentence', async () => {
  assertError(await ask({ prNumber: 404404 }), 409, 'ConflictError');
  for (const [fault, status, error] of [[{ status: 502, body: '<html>' }, 503, 'UnavailableError'], [{ status: 200, body: '{"number":' }, 503, 'UnavailableError'],
    [{ status: 401, body: '{"message":"Bad credentials"}' }, 409, 'ConflictError'], [{ status: 403, headers: { 'retry-after': '7' }, body: '{}' }, 503, 'UnavailableError']]) {
    github.fault = fault;
    const answer = await ask({ prNumber: 7 });
    assertError(answer, status, error);
    assert.ok(!answer.text.includes(token));
    if (fault.headers) assert.equal(answer.headers.get('retry-after'), '7');
  }
  github.fault = { status: 200, body: '{"number":7,"state":"open"}' };
  assertError(await ask({ prNumber: 7 }), 503, 'UnavailableError');
  assert.equal((await get('/projects/proj_demo/deployments?pr=7')).json[0].status, 'READY');
  assert.equal((await api('POST', '/projects/proj_other/deployments', { body: { prNumber: 7 } })).status, 404);
});

test('a GitHub App alone is enough: its installation is asked as, with one token for many questions', async () => {
  const file = `${env.stackDir}/app.pem`;
  writeFileSync(file, github.app.key, { mode: 0o600 });
  await part('opshubd', 'stop');
  sweepNothing();
  await daemon.restart({ GITHUB_TOKEN: '', GITHUB_APP_ID: github.app.id, GITHUB_APP_PRIVATE_KEY_FILE: file, API_PROCESSES: '1' });
  github.seen.length = 0;
  github.app.skewMs = -90_000;
  const skewed = await ask({ prNumber: 20 });
  assertError(skewed, 409, 'ConflictError');
  assert.match(skewed.json.message, /because the clocks differ: GitHub's says 20\S+Z, this server's 20\S+Z: set this server's clock/);
  github.app.skewMs = 0;
  github.app.installed = false;
  assert.match((await ask({ prNumber: 20 })).json.message, /the GitHub App is not installed for .*: install it there/);
  github.app.installed = true;
  for (const number of [20, 21]) {
    pull(number);
    assert.equal((await ask({ branch: `feature-${number}` })).status, 202);
    await deployment(number, 'READY', { sha: commit(`pull ${number}`) });
  }
  const [first, second] = github.app.tokens;
  assert.equal(second, undefined, 'it is kept');
  assert.deepEqual(github.seen.map(([, authorization]) => authorization), Array(4).fill(`Bearer ${first}`));
  github.app.revoke();
  pull(22);
  assert.equal((await ask({ prNumber: 22 })).status, 202);
  assert.deepEqual(github.seen.slice(4).map(([, authorization]) => authorization), [first, github.app.tokens[1]].map((t) => `Bearer ${t}`));
  github.app.revoke();
  github.app.lifeMs = 4 * 60_000;
  for (let n = 3; n <= 5; n++) {
    assert.equal((await ask({ prNumber: 22 })).status, 202);
    assert.equal(github.app.tokens.length, n, 'one that ends soon is not kept');
  }
});

test('with neither a token nor an App public repositories are asked for, as nobody', async () => {
  await daemon.restart({ GITHUB_APP_ID: '', GITHUB_APP_PRIVATE_KEY_FILE: '' });
  pull(23);
  assert.equal((await ask({ prNumber: 23 })).status, 202);
  assert.deepEqual(github.seen.map(([, authorization]) => authorization), [undefined]);
});
