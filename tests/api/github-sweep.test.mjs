// stack: --no-daemon --api 1 --workers 2 --fast --env MOCK_BUILD_MS=100
// seconds: 480
// What GitHub's webhooks did not bring is asked for: missed events, deliveries that failed, and what is never done without being sure.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { deployment, deploymentsOf, get, login, post } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { fakeGitHubPulls } from '../lib/fake-github-pulls.mjs';
import { commit, deliver, payload, pullRequest } from '../lib/github.mjs';
import { command, daemon } from '../lib/github-login.mjs';
import { part } from '../lib/part.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

let github;
const pulls = '/repos/Codertocat/Hello-World/pulls', hooks = '/repos/Codertocat/Hello-World/hooks';
const open = (number, more) => github.put(pullRequest('opened', number, more).pull_request);
const sweeps = () => github.asked(pulls).filter((s) => s.status && s.query.get('page') === '1').length;
const swept = (more = 2) => {
  const from = sweeps();
  return until(`${more} more sweeps`, () => sweeps() >= from + more, { seconds: 60 });
};
const closings = () => rows('select pr_number as number, why, held_at is not null as held, confirmed_at is not null as confirmed from github_closings order by 1');
const repo = () => one("select swept_at, last_error, etags, next_at > now() + interval '1 minute' as waits from github_repos where repo = 'codertocat/hello-world'");

before(async () => {
  github = await fakeGitHubPulls();
  github.hookUrl = `${env.api}/webhooks/github/`;
  daemon.set({ GITHUB_API_BASE: github.api, GITHUB_TOKEN: github.token, GITHUB_SWEEP_MS: '1000' });
  await part('opshubd', 'start');
  process.env.OPSHUB_TOKEN = await login('owner');
});
after(() => github.end());

test('a pull request whose webhook was missed is deployed; the delivery says why it is there and can be replayed', async () => {
  open(1);
  const { sha } = await deployment(1, 'READY', { seconds: 60 });
  assert.equal(sha, commit('1'));
  const all = (await get(`/projects/${env.project}/deliveries`)).json.filter((d) => d.prNumber === 1);
  assert.deepEqual(all.map((d) => [d.event, d.action, d.outcome]), [['sweep', 'opened', 'accepted']]);
  assert.equal(all[0].decision.rule, 'DEFAULT');
  const replay = await post(`/projects/${env.project}/deliveries/${all[0].id}/replay`);
  assert.equal(replay.status, 202, replay.text);
  assert.equal(replay.json.outcome, 'accepted');
});

test('what nothing is missed of is asked for with its entity tag, and makes no delivery', async () => {
  const before = one('select count(*)::int as n from deliveries').n;
  await until('the list is known', () => repo().etags !== '');
  const from = github.seen.length;
  await swept(3);
  const asked = github.seen.slice(from).filter((s) => s.path === pulls && s.status);
  assert.ok(asked.length >= 3);
  for (const s of asked) assert.deepEqual([s.tagged, s.status], [true, 304]);
  assert.equal(one('select count(*)::int as n from deliveries').n, before);
  assert.equal(github.mostListing, 1, 'two workers swept one repository at a time');
});

test('a missed push, a missed draft and a missed close; a webhook that comes late changes nothing', async () => {
  const late = pullRequest('synchronize', 1, { sha: commit('late') });
  github.change(1, { head: { ...github.pulls.get(1).head, sha: commit('pushed') } });
  await deployment(1, 'READY', { sha: commit('pushed'), seconds: 60 });
  assert.equal((await deliver('pull_request', late)).json.outcome, 'stale');
  open(2);
  await deployment(2, 'READY', { seconds: 60 });
  github.change(2, { draft: true });
  await deployment(2, 'DESTROYED', { seconds: 60 });
  github.change(2, { draft: false });
  await deployment(2, 'READY', { seconds: 60 });
  github.close(2);
  await deployment(2, 'DESTROYED', { seconds: 60 });
  assert.equal(one("select desired_why from previews where pr_number = 2").desired_why, 'CLOSED');
  github.change(2, { state: 'open', closed_at: null });
  await deployment(2, 'READY', { seconds: 60 });
  assert.equal((await deploymentsOf(1))[0].status, 'READY');
});

test('a fork is held as by its webhook', async () => {
  open(3, { fork: true });
  assert.equal((await deployment(3, 'QUEUED', { seconds: 60 })).detail, 'AWAITING_APPROVAL');
  github.close(3);
  await deployment(3, 'DESTROYED', { seconds: 60 });
});

test('404 once takes nothing down, nor does being back; twice, ten minutes apart, does', async () => {
  const pull = github.pulls.get(2), path = `${pulls}/2`;
  github.forget(2);
  await until('it is asked for by itself, three times', () => github.asked(path).filter((s) => s.status === 404).length >= 3, { seconds: 60 });
  assert.deepEqual(closings(), [{ number: 2, why: 'gone', held: false, confirmed: false }]);
  assert.equal((await deploymentsOf(2))[0].status, 'READY');
  github.put(pull);
  await until('nothing is open any more', () => closings().length === 0, { seconds: 60 });
  github.forget(2);
  await until('missing again', () => closings().length === 1, { seconds: 60 });
  run("update github_closings set first_at = now() - interval '11 minutes'");
  await deployment(2, 'DESTROYED', { seconds: 60 });
  await until('settled', () => closings().length === 0);
  github.put(pull); // whatever it was: it is back, with the time it had
  await deployment(2, 'READY', { seconds: 60 });
});

test('while GitHub fails nothing is taken down, whatever is missing in it', async () => {
  for (const fault of [{ status: 502, body: '<html>Bad Gateway</html>' }, { status: 200, body: '[{"number": 1' }, { status: 404, body: '{"message":"Not Found"}' },
    { status: 200, headers: { 'content-type': 'application/json' }, body: '{"message":"no list"}' }, 'break']) {
    github.faults.set(pulls, fault);
    await until(`a sweep fails: ${JSON.stringify(fault)}`, () => repo().last_error, { seconds: 60 });
    assert.match(repo().last_error, /GitHub|connection|\w+/);
    github.faults.delete(pulls);
    run('update github_repos set next_at = now()'); // it waits longer after an error
    await until('it is well again', () => repo().last_error === null, { seconds: 60 });
  }
  assert.deepEqual([(await deploymentsOf(1))[0].status, (await deploymentsOf(2))[0].status], ['READY', 'READY']);
  // a list that leaves out what is open takes nothing down: each is asked for by itself
  github.faults.set(pulls, { status: 200, headers: { 'content-type': 'application/json', etag: '"empty"' }, body: '[]' });
  const from = github.asked(`${pulls}/1`).length;
  await until('it is asked for', () => github.asked(`${pulls}/1`).filter((s) => s.status).length > from, { seconds: 60 });
  github.faults.delete(pulls);
  await swept();
  assert.deepEqual([closings(), (await deploymentsOf(1))[0].status], [[], 'READY']);
});

test('many that would go at once are held back until somebody says yes', async () => {
  const many = [11, 12, 13, 14];
  for (const number of many) open(number);
  for (const number of many) await deployment(number, 'READY', { seconds: 60 });
  github.faults.set(`${pulls}/11`, { status: 500, body: '{}' }); // all are found in one sweep
  for (const number of many) github.close(number);
  github.faults.delete(`${pulls}/11`);
  await until('held', () => closings().filter((c) => c.held).length === many.length, { seconds: 60 });
  await swept(3);
  for (const number of many) assert.equal((await deploymentsOf(number))[0].status, 'READY');
  const dry = await command('reconcile', '--dry-run');
  assert.equal(dry.status, 0, dry.err);
  for (const number of many) assert.match(dry.out, new RegExp(`^Codertocat/Hello-World: pull request ${number} \\(closed\\) is held back`, 'm'));
  assert.equal((await command('reconcile')).status, 2);
  assert.equal((await command('reconcile', '--confirm', '--dry-run')).status, 2);
  const other = await command('reconcile', '--confirm', '--repo', 'some/other');
  assert.deepEqual([other.status, other.out], [0, 'nothing is held back\n']);
  const yes = await command('reconcile', '--confirm', '--repo', 'codertocat/hello-world');
  assert.equal(yes.status, 0, yes.err);
  assert.equal(yes.out.trim().split('\n').length, many.length, yes.out);
  for (const number of many) await deployment(number, 'DESTROYED', { seconds: 60 });
  assert.equal((await deploymentsOf(1))[0].status, 'READY');
  const audit = rows("select actor_kind, after from audit_log where action = 'github.confirm' order by seq");
  assert.deepEqual(audit.map((a) => [a.actor_kind, JSON.parse(a.after)]), many.map((n) => ['cli', { why: 'closed', prNumber: n }]));
});

test('a dry run says what would be done, and does nothing', async () => {
  github.faults.set(`${hooks}/42/deliveries`, { status: 200, headers: { 'content-type': 'application/json' }, body: '[]' });
  run("update github_repos set next_at = now() + interval '1 hour'");
  await until('no sweep is under way', () => one('select count(*)::int as n from github_repos where worker is not null').n === 0);
  open(15);
  github.close(2);
  github.forget(1);
  const before = [one('select count(*)::int as n from deliveries').n, closings()];
  const { out, err, status } = await command('reconcile', '--dry-run');
  assert.equal(status, 0, err);
  assert.match(out, /pull request 15: the event "opened" was missed\n/);
  assert.match(out, /pull request 2: the event "closed" was missed; its preview would be taken down\n/);
  assert.match(out, /pull request 1 is not there \(404\)/);
  assert.match(out, /^providers: the last inventories fit/m);
  assert.deepEqual([one('select count(*)::int as n from deliveries').n, closings()], before);
  assert.doesNotMatch(out + err, new RegExp(github.token));
  github.faults.clear();
  open(1);
  run('update github_repos set next_at = now()');
  await deployment(15, 'READY', { seconds: 60 });
  await deployment(2, 'DESTROYED', { seconds: 60 });
});

test('below the reserve nobody asks until the allowance is new', async () => {
  github.allowance = { limit: 5000, remaining: 499, reset: Math.floor(Date.now() / 1000) + 8 };
  await until('all wait', () => one("select count(*)::int as n from github_repos where next_at > now() + interval '2 s'").n === 1, { seconds: 60 });
  await until('no sweep is under way', () => one('select count(*)::int as n from github_repos where worker is not null').n === 0);
  const { reset } = github.allowance, from = github.seen.length;
  github.allowance = { limit: 5000, remaining: 4900, reset: reset + 3600 };
  open(16);
  await deployment(16, 'READY', { seconds: 60 });
  assert.ok(github.seen[from].at >= reset * 1000, `asked ${reset * 1000 - github.seen[from].at} ms before the reset`);
});

test('the allowance is new by GitHub\'s clock, whatever ours says', async () => {
  github.app.skewMs = 600_000;
  github.allowance = { limit: 5000, remaining: 499, reset: Math.floor((Date.now() + github.app.skewMs) / 1000) + 8 };
  const { seconds } = await until('all wait', () => one("select extract(epoch from next_at - now())::int as seconds from github_repos where next_at > now() + interval '2 s'"), { seconds: 60 });
  github.app.skewMs = 0;
  github.allowance = { limit: 5000, remaining: 4900, reset: Math.floor(Date.now() / 1000) + 3600 };
  assert.ok(seconds <= 10, `waits for ${seconds} s`);
  await until('no sweep is under way', () => one('select count(*)::int as n from github_repos where worker is not null').n === 0);
  run('update github_repos set next_at = now()');
  await swept();
});

test('a refusal for too many requests is obeyed', async () => {
  github.faults.set(pulls, { status: 403, headers: { 'retry-after': '4' }, body: '{"message":"You have exceeded a secondary rate limit."}' });
  await until('all wait', () => one("select count(*)::int as n from github_repos where next_at > now() + interval '1500 ms'").n === 1, { seconds: 60 });
  await until('no sweep is under way', () => one('select count(*)::int as n from github_repos where worker is not null').n === 0);
  const refused = github.seen.findLast((s) => s.status === 403), from = github.seen.length;
  github.faults.clear();
  await until('asked again', () => github.seen.length > from, { seconds: 60 });
  assert.ok(github.seen[from].at - refused.at >= 3500, `asked after ${github.seen[from].at - refused.at} ms`);
  await until('well again', () => repo().last_error === null, { seconds: 60 });
});

test('deliveries that failed are asked for again, those that arrived or do not matter are not', async () => {
  const missed = pullRequest('opened', 20);
  const known = pullRequest('opened', 21);
  github.put(known.pull_request);
  const { guid: arrived } = await deliver('pull_request', known);
  github.fails('pull_request', known, { guid: arrived, status: 504 });
  github.fails('push', { ref: 'x' });
  github.fails('pull_request', missed, { at: new Date(Date.now() - 4 * 24 * 3600_000) });
  const guid = github.fails('pull_request', missed);
  await until('it is delivered', () => github.attempts.some((a) => a.guid === guid && a.status === 202), { seconds: 60 });
  await swept(3);
  const asked = github.seen.filter((s) => s.method === 'POST');
  assert.deepEqual(asked.map((s) => s.path), [`${hooks}/42/deliveries/1003/attempts`]);
  assert.equal(one(`select event, outcome from deliveries where id = 'hook_${guid}'`).outcome, 'accepted');
});

test('a delivery that GitHub does not give again holds up neither the others nor the pull requests', async () => {
  const [first, second] = [pullRequest('opened', 23), pullRequest('opened', 24)];
  for (const { pull_request: pull } of [first, second]) github.put({ ...pull, draft: true });
  await until('both are known', () => one('select count(*)::int as n from previews where pr_number in (23, 24)').n === 2, { seconds: 60 });
  const lost = github.fails('pull_request', first), path = `${hooks}/42/deliveries/${github.attempts[0].id}/attempts`;
  const other = github.fails('pull_request', second);
  for (const [status, number] of [[500, 25], [422, 26]]) {
    github.faults.set(path, { status, headers: { 'content-type': 'application/json' }, body: '{"message":"no"}' });
    await until('the error is remembered', () => new RegExp(`${status}`).test(repo().last_error), { seconds: 60 });
    open(number);
    await deployment(number, 'READY', { seconds: 60 });
  }
  assert.ok(github.attempts.some((a) => a.guid === other && a.status < 300), 'the other one came');
  github.faults.clear();
  await until('it is delivered', () => github.attempts.some((a) => a.guid === lost && a.status < 300), { seconds: 60 });
  await until('well again', () => repo().last_error === null, { seconds: 60 });
});

test('a comment that was lost is asked for again, when it could ask for something', async () => {
  const comment = payload('issue_comment.created.json');
  Object.assign(comment.issue, { number: 23, state: 'open', pull_request: { url: `https://api.github.com${pulls}/23` } });
  Object.assign(comment.comment, { body: '/opshub approve', created_at: new Date().toISOString(), author_association: 'MEMBER' });
  const edited = github.fails('issue_comment', { ...comment, action: 'edited' });
  const guid = github.fails('issue_comment', comment);
  await until('it is delivered', () => github.attempts.some((a) => a.guid === guid && a.status === 202), { seconds: 60 });
  await swept();
  assert.equal(one(`select outcome from deliveries where id = 'hook_${guid}'`).outcome, 'accepted');
  assert.equal(github.attempts.filter((a) => a.guid === edited).length, 1);
});

test('a token that may not read webhooks still sweeps', async () => {
  github.hooksAllowed = false;
  run('update github_repos set hook_id = 0');
  open(22);
  await deployment(22, 'READY', { seconds: 60 });
  assert.equal(repo().last_error, null);
  github.hooksAllowed = true;
});

test('a repository of many pages: each page has its tag, and one change is found', async () => {
  for (let number = 100; number < 170; number++) open(number, { draft: true });
  await until('all are known', () => one('select count(*)::int as n from previews where pr_number between 100 and 169').n === 70, { seconds: 90 });
  await until('two tags', () => repo().etags.trim().split('\n').length === 2, { seconds: 60 });
  github.change(1, { head: { ...github.pulls.get(1).head, sha: commit('on the second page') } });
  await deployment(1, 'READY', { sha: commit('on the second page'), seconds: 60 });
});

test('as a GitHub App: its own token for its webhook, the installation\'s for the repository', async () => {
  const file = `${env.stackDir}/app.pem`;
  writeFileSync(file, github.app.key, { mode: 0o600 });
  await part('opshubd', 'stop');
  const from = github.seen.length;
  await daemon.restart({ GITHUB_TOKEN: '', GITHUB_APP_ID: github.app.id, GITHUB_APP_PRIVATE_KEY_FILE: file });
  const guid = github.fails('pull_request', pullRequest('opened', 30), { app: true });
  open(31);
  await deployment(31, 'READY', { seconds: 60 });
  await until('it is delivered', () => github.attempts.some((a) => a.guid === guid && a.status === 202), { seconds: 60 });
  assert.ok(github.seen.slice(from).every((s) => s.status !== 401));
  assert.equal(github.seen.slice(from).filter((s) => s.path.startsWith(hooks)).length, 0);
  await swept(4);
  assert.ok(github.app.tokens.length <= 2, `each of two workers keeps its token: ${github.app.tokens.length} were made`);
  github.app.revoke();
  open(32);
  await deployment(32, 'READY', { seconds: 60 });
  assert.equal(repo().last_error, null);
  assert.ok(github.app.tokens.length <= 4);
  github.app.installed = false;
  await until('it says that it is not installed', () => /not installed for Codertocat\/Hello-World/.test(repo().last_error), { seconds: 60 });
  github.app.installed = true;
  await until('well again', () => repo().last_error === null, { seconds: 60 });
});

test('as an App, a used-up allowance is that of one account; the others are swept on', async () => {
  const made = await post(`/orgs/${one('select org_id from projects limit 1').org_id}/projects`, { body: { name: 'elsewhere', repoFullName: 'Elsewhere/Thing' } });
  assert.equal(made.status, 201, made.text);
  github.faults.set(pulls, { status: 403, headers: { 'retry-after': '600' }, body: '{"message":"You have exceeded a secondary rate limit."}' });
  await until('its account waits', () => repo().waits, { seconds: 60 });
  const others = () => github.asked('/repos/Elsewhere/Thing/pulls').length, hook = () => github.asked('/app/hook/deliveries').length, from = [others(), hook()];
  await until('the others do not', () => others() > from[0] + 1 && hook() > from[1] + 1, { seconds: 60 });
  assert.ok(repo().waits);
  github.faults.clear();
  run("update github_repos set next_at = now()");
});

test('a clock that differs from GitHub\'s is named as what is wrong', async () => {
  github.app.skewMs = -90_000;
  await until('it says so', () => /clocks differ: GitHub's says \S+Z, this server's \S+Z/.test(one("select last_error from github_repos where repo = '(app)'").last_error), { seconds: 60 });
  github.app.skewMs = 0;
  await until('well again', () => one("select last_error from github_repos where repo = '(app)'").last_error === null, { seconds: 60 });
});

test('without a token and an App nothing is asked', async () => {
  await daemon.restart({ GITHUB_APP_ID: '', GITHUB_APP_PRIVATE_KEY_FILE: '' });
  const from = github.seen.length;
  const { status, out } = await command('reconcile', '--dry-run');
  assert.deepEqual([status, out.split('\n')[0]], [0, 'GitHub is not asked: neither GITHUB_TOKEN nor GITHUB_APP_ID is set']);
  await deliver('pull_request', pullRequest('opened', 40));
  await deployment(40, 'READY', { seconds: 60 });
  assert.equal(github.seen.length, from);
});

test('no token stands in the log, or in what was stored', () => {
  const log = readFileSync(env.log, 'utf8');
  assert.match(log, /A webhook was missed; GitHub's state was taken instead/);
  for (const secret of [github.token, ...github.app.tokens, github.app.key.split('\n')[1]]) {
    assert.ok(!log.includes(secret));
    assert.equal(one(`select count(*)::int as n from github_repos g where g::text like '%${secret}%'`).n, 0);
  }
});
