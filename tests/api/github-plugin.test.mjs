// github.so against GitHub's document and a fake with its state: what people see in a pull request, and what they are told
// when it does not work.
// seconds: 300
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { fakeRest } from '../lib/github-rest.mjs';
import { codes, send, trial, update } from '../lib/trial.mjs';
import { leadsNowhere } from '../lib/weather.mjs';

let github, number = 0;
before(async () => { github = await fakeRest(); });
after(() => github.close());
afterEach(() => {
  const { faults, violations } = github;
  Object.assign(github, { faults: [], violations: [], seen: [], minted: 0, aheadMs: 0, tokenLife: 3600_000, scopes: 'repo' });
  github.lacking.clear();
  assert.deepEqual(faults, [], 'a fault that never happened');
  assert.deepEqual(violations, [], 'GitHub would not have it so');
});

const sha = (digit) => String(digit).repeat(40);
const run = (steps, { base = github.api, ...settings } = {}) => trial('github', { token: github.token, pause: '0', ...settings }, steps,
  { environment: { GITHUB_API_BASE: base }, secrets: [github.token, github.app.privateKey.split('\n')[1]] });
const asApp = (steps, settings) => run(steps, { token: '', appId: github.app.id, privateKey: github.app.privateKey.replaceAll('\n', ''), ...settings });
const field = (label, value) => ({ label, value });
const fresh = () => `octocat/web-${++number}`;
const event = (repo, kind, more = {}) => ({
  id: `note_${++number}`, kind: `preview.${kind}`, severity: { ready: 1, held: 2, waiting: 2, cancelled: 2, failed: 3, destroy_failed: 3 }[kind] ?? 0, at: 1700000000000,
  title: `Preview ${kind}: #7 Fix`, text: '', url: 'https://web-pr-7.example.app/', org: 'acme', project: 'web', repo, sha: sha('a'), pr: 7, threadKey: 'preview:deploy_1',
  fields: [field('Status', 'X'), field('Preview', 'https://web-pr-7.example.app/'), field('Build', 'https://build.example/7')], ...more,
});
const states = (deployment) => deployment.statuses.map((one) => one.state).reverse();

test('a pull request: deployments, commit statuses and one comment, from queued to destroyed', async () => {
  const repo = fresh(), second = { sha: sha('b') };
  const steps = [...['queued', 'building', 'ready'].map((kind) => send(event(repo, kind))),
    ...['queued', 'building', 'failed'].map((kind) => update(event(repo, kind, { ...second, text: kind === 'failed' ? 'npm ERR! 1' : '' }))),
    update(event(repo, 'ready', second)), update(event(repo, 'destroyed', second))];
  const results = await run(steps, { comment: 'on' });
  assert.deepEqual(codes(results), Array(8).fill('OK'), JSON.stringify(results));
  const { deployments, statuses, comments } = github.repository(repo);
  assert.equal(comments.length, 1);
  assert.deepEqual(results.map((result) => result.receipt), ['', '', String(comments[0].id), '', '', '', '', '']);
  assert.equal(comments[0].edits, 5);
  assert.ok(comments[0].body.startsWith('<!-- opshub preview:deploy_1 -->\n**Preview destroyed\\: '), comments[0].body);
  assert.deepEqual(deployments.map((one) => [one.sha, one.environment, one.transient_environment, one.production_environment]),
    [[sha('b'), 'preview/web/pr-7', true, false], [sha('a'), 'preview/web/pr-7', true, false]]);
  assert.deepEqual(states(deployments[1]), ['queued', 'in_progress', 'success', 'inactive']);
  assert.deepEqual(states(deployments[0]), ['queued', 'in_progress', 'failure', 'success', 'inactive']);
  assert.deepEqual(deployments[1].statuses[1], { ...deployments[1].statuses[1], environment_url: 'https://web-pr-7.example.app/', log_url: 'https://build.example/7' });
  assert.deepEqual(statuses.map((one) => [one.sha[0], one.state]).reverse(), [['a', 'pending'], ['a', 'pending'], ['a', 'success'], ['b', 'pending'], ['b', 'pending'], ['b', 'failure'], ['b', 'success']]);
  assert.equal(statuses[1].description, 'npm ERR! 1');
  assert.deepEqual([statuses[0].context, statuses[0].target_url], ['opshub/web', 'https://web-pr-7.example.app/']);
});

test('an event that is sent twice changes nothing but the times', async () => {
  const repo = fresh();
  github.fail('POST', /\/issues\/7\/comments$/, 'lost');
  const ready = event(repo, 'ready');
  const results = await run([send(ready), send(ready), send(ready)], { comment: 'on' });
  assert.deepEqual(codes(results), ['E_UPSTREAM', 'OK', 'OK']);
  const { deployments, comments } = github.repository(repo);
  assert.deepEqual([deployments.length, comments.length], [1, 1]);
  assert.equal(results[2].receipt, String(comments[0].id));
});

test('an answer that was lost, a connection that broke, a body without end: nothing is made twice', async () => {
  const repo = fresh(), queued = event(repo, 'queued');
  github.fail('POST', /\/deployments$/, 'lost');
  github.fail('POST', /\/deployments\/\d+\/statuses$/, 'break');
  for (let i = 0; i < 3; i++) github.fail('GET', /\/deployments\?/, { status: 200, body: ' '.repeat(20 * 1024 * 1024) });
  const results = await run([send(queued), send(queued), send(queued)], { comment: 'off' });
  assert.deepEqual(codes(results), ['E_UPSTREAM', 'E_UPSTREAM', 'OK'], JSON.stringify(results));
  const { deployments, statuses } = github.repository(repo);
  assert.deepEqual([deployments.map(states), statuses.length], [[['queued']], 1]);
});

test('comments: off, at failures only, and one that somebody deleted', async () => {
  const repo = fresh(), failing = [send(event(repo, 'ready')), send(event(repo, 'failed')), send(event(repo, 'ready'))];
  const { comments } = github.repository(repo);
  assert.deepEqual(codes(await run(failing, { comment: 'off' })), ['OK', 'OK', 'OK']);
  assert.equal(comments.length, 0);
  const results = await run(failing);
  assert.deepEqual(results.map((result) => Boolean(result.receipt)), [false, true, true]);
  assert.deepEqual([comments.length, comments[0].edits], [1, 1]);
  const before = github.seen.length;
  comments.length = 0;
  const [gone] = await run([update(event(repo, 'ready'), results[1].receipt)]);
  assert.equal(gone.code, 'E_NOT_FOUND');
  assert.equal(github.seen.length, before + 1, 'it did more before the host could send it anew');
});

test('ours is found among many comments, and a copy of it is left alone', async () => {
  const repo = fresh(), { comments } = github.repository(repo);
  for (let i = 0; i < 120; i++) comments.push({ id: 10 + i, pr: 7, edits: 0, body: i === 70 ? '<!-- opshub preview:deploy_1 -->\nours' : i === 90 ? '<!-- opshub preview:deploy_1 -->\na copy' : `no <!-- opshub preview:deploy_1 --> ${i}` });
  assert.deepEqual(codes(await run([send(event(repo, 'ready'))], { comment: 'on' })), ['OK']);
  assert.deepEqual(comments.filter((one) => one.edits).map((one) => one.id), [80]);
});

test('what strangers write cannot speak through the comment', async () => {
  const repo = fresh(), { comments } = github.repository(repo);
  const title = 'Preview failed: #7 @octocat fixes #1 <img src=x> [a](https://evil.example) **b** `c`';
  const results = await run([send(event(repo, 'failed', { title, text: 'one\n| two |\n# three', fields: [field('Branch', 'a|b@c'), field('Preview', 'https://x.example/a?b=1&c=2'), field('Build', 'https://evil.example/) [x](y')] }))]);
  assert.deepEqual(codes(results), ['OK']);
  const { body } = comments[0];
  for (const mark of ['@octocat', '#1', '<img', '](', ' **b**', ' `c`', '|b']) assert.ok(!body.replaceAll(/\\./g, '').includes(mark), `${mark} in ${body}`);
  assert.ok(body.includes('one<br>\\| two \\|<br>#\u200b three'), body);
  assert.ok(body.includes('| Preview | <https://x.example/a?b=1&c=2> |'), body);
});

test('a long reason is cut to what GitHub takes', async () => {
  const repo = fresh();
  assert.deepEqual(codes(await run([send(event(repo, 'failed', { text: 'ä'.repeat(200) })), send(event(repo, 'failed', { text: 'ö'.repeat(140) }))])), ['OK', 'OK']);
  assert.deepEqual(github.repository(repo).statuses.map((one) => one.description), ['ö'.repeat(140), `${'ä'.repeat(137)}...`]);
});

test('held, waiting and cancelled are told; tests and other kinds change nothing', async () => {
  const repo = fresh();
  const kinds = [event(repo, 'held', { text: 'Waits for approval' }), event(repo, 'cancelled'), event(repo, 'destroy_failed'),
    { ...event(repo, 'x'), kind: 'test', pr: 0, threadKey: '' }, { ...event(repo, 'x'), kind: 'incident.opened' }];
  assert.deepEqual(codes(await run(kinds.map(send), { comment: 'off' })), Array(5).fill('OK'));
  const { deployments, statuses } = github.repository(repo);
  assert.deepEqual(deployments.map(states), [['error']]);
  assert.deepEqual(statuses.map((one) => [one.state, one.description]), [['error', 'Preview cancelled: #7 Fix'], ['pending', 'Waits for approval']]);
});

test('switched off, and deleted instead of inactive', async () => {
  const repo = fresh(), other = fresh();
  assert.deepEqual(codes(await run([send(event(repo, 'ready'))], { deployments: 'off', statuses: 'off', comment: 'off' })), ['OK']);
  assert.deepEqual(github.seen, []);
  const steps = [send(event(other, 'ready')), send(event(other, 'ready', { sha: sha('b') })), send(event(other, 'destroyed', { sha: sha('b') }))];
  assert.deepEqual(codes(await run(steps, { deleteDeployments: 'on' })), ['OK', 'OK', 'OK']);
  assert.deepEqual(github.repository(other).deployments, []);
});

test('a GitHub App: found by its repository, its token kept until a minute before its end', async () => {
  const repo = fresh(), steps = ['queued', 'building', 'ready'].map((kind) => send(event(repo, kind)));
  const [alone] = await asApp([steps[0]]);
  assert.equal(alone.code, 'E_AUTH');
  assert.match(alone.why, /The GitHub App is not installed on octocat/);
  github.app.installed.set(repo, 99);
  assert.deepEqual(codes(await asApp(steps)), ['OK', 'OK', 'OK']);
  assert.equal(github.minted, 1);
  github.tokenLife = 60_000;
  assert.deepEqual(codes(await asApp(steps.slice(0, 1), { comment: 'off' })), ['OK']);
  assert.equal(github.minted, 4, 'a token with less than a minute is used once');
});

test('an App\'s token that was revoked is replaced once', async () => {
  const repo = fresh();
  github.app.installed.set(repo, 100);
  github.fail('POST', /\/statuses\/a+$/, { status: 401, body: '{"message":"Bad credentials"}' });
  assert.deepEqual(codes(await asApp([send(event(repo, 'queued'))])), ['OK']);
  assert.equal(github.minted, 2);
});

test('verify says what the account may do', async () => {
  const verify = [{ op: 'verify' }];
  const lines = ([result]) => result.lines.map((line) => [line.label, line.state]);
  const [classic] = await run(verify);
  assert.equal(classic.account, 'hubot');
  assert.deepEqual(lines([classic]), [['Token', 0], ['Scopes', 0]]);
  github.scopes = 'read:user';
  assert.deepEqual(lines(await run(verify)), [['Token', 0], ['Scopes', 2]]);
  github.scopes = '';
  assert.deepEqual(lines(await run(verify)), [['Token', 0], ['Permissions', 1]]);
  assert.deepEqual(lines(await run(verify, { token: 'ghp_wrong' })), [['Token', 2]]);
  github.permissions.statuses = 'read';
  const [app] = await asApp(verify);
  delete github.permissions.statuses;
  assert.deepEqual([app.account, ...lines([app])], ['OpsHub', ['App', 0], ['Deployments', 0], ['Commit statuses', 2], ['Pull requests', 0]]);
  assert.deepEqual(lines(await asApp(verify, { appId: '4712' })), [['App', 2]]);
  const [wrong] = await asApp(verify, { privateKey: 'no key' });
  assert.deepEqual([wrong.code, /The private key is no private key in PEM form/.test(wrong.why)], ['E_INVALID', true]);
  const [nothing] = await run(verify, { token: '' });
  assert.match(nothing.why, /give a token, or appId and privateKey/);
});

test('refusals: each with its code, its reason and how long to wait', async () => {
  const repo = fresh(), at = /\/deployments\?/, reset = String(Math.floor(Date.now() / 1000) + 300);
  const json = (message) => JSON.stringify({ message });
  const rows = [
    [{ status: 403, headers: { 'retry-after': '42' }, body: json('You have exceeded a secondary rate limit') }, 'E_LIMITED', 42_000, /rate limit.*tried again in 42 s/],
    [{ status: 403, body: json('You have exceeded a secondary rate limit') }, 'E_LIMITED', 60_000, /rate limit/],
    [{ status: 403, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset }, body: json('API rate limit exceeded') }, 'E_LIMITED', 300_000, /rate limit/],
    [{ status: 429, headers: { 'retry-after': '30' }, body: json('slow down') }, 'E_LIMITED', 30_000, /rate limit/],
    [{ status: 403, body: json('Resource not accessible by integration') }, 'E_AUTH', 0, /Resource not accessible by integration.*"Deployments: write"/],
    [{ status: 404, body: json('Not Found') }, 'E_AUTH', 0, /list the deployments \(404, Not Found\): check that the repository exists/],
    [{ status: 401, body: json('Bad credentials') }, 'E_AUTH', 0, /revoked or expired/],
    [{ status: 301, headers: { location: 'https://api.github.com/repositories/1' }, body: json('Moved Permanently') }, 'E_INVALID', 0, /has moved/],
    [{ status: 500, body: '<html>unicorn</html>', headers: { 'content-type': 'text/html' } }, 'E_UPSTREAM', 0, /GitHub answered 500/],
    [{ status: 200, body: '<html>hotel wifi</html>' }, 'E_UPSTREAM', 0, /not usable JSON/],
    [{ status: 200, body: '[{"id": 1, "sha"' }, 'E_UPSTREAM', 0, /not usable JSON/],
  ];
  for (const [fault] of rows) github.fail('GET', at, fault);
  const results = await run(rows.map(() => send(event(repo, 'queued'))));
  rows.forEach(([, code, wait, why], i) => {
    assert.deepEqual([code, why.test(results[i].why)], [results[i].code, true], JSON.stringify(results[i]));
    if (code === 'E_LIMITED') assert.ok(Math.abs(results[i].retryAfterMs - wait) < 20_000 && results[i].retryAfterMs > wait / 2, `${i}: ${results[i].retryAfterMs}`);
  });
  github.lacking.add('statuses');
  const [lacks] = await run([send(event(repo, 'queued'))]);
  assert.match(lacks.why, /set the commit status.*"Commit statuses: write"/);
  github.fail('POST', /\/deployments$/, { status: 422, body: json('No ref found for: aaaa') });
  const [invalid] = await run([send(event(fresh(), 'queued'))]);
  assert.deepEqual([invalid.code, /No ref found/.test(invalid.why)], ['E_INVALID', true]);
});

test('limits that do not say for how long double, until something is written again', async () => {
  const repo = fresh(), at = /\/deployments\?/, limited = { status: 403, body: JSON.stringify({ message: 'You have exceeded a secondary rate limit' }) };
  for (let i = 0; i < 6; i++) github.fail('GET', at, limited);
  const queued = send(event(repo, 'queued')), results = await run(Array(7).fill(queued));
  assert.deepEqual(results.map((one) => [one.code, one.retryAfterMs]), [...[60, 120, 240, 480, 900, 900].map((s) => ['E_LIMITED', s * 1000]), ['OK', 0]]);
  for (let i = 0; i < 2; i++) github.fail('GET', at, limited);
  const again = await run([queued, send(event(repo, 'building')), queued].flatMap((one, i) => (i === 1 ? [one, one] : [one])));
  assert.deepEqual(again.map((one) => one.retryAfterMs), [60_000, 120_000, 0, 0]);
});

test('clocks that differ: limits and an App\'s tokens go by GitHub\'s', async () => {
  const repo = fresh(), queued = send(event(repo, 'queued'));
  github.app.installed.set(repo, 101);
  for (const minutes of [-10, 10, -180, 180]) {
    Object.assign(github, { aheadMs: minutes * 60_000, minted: 0, seen: [] });
    const reset = String(Math.floor((Date.now() + github.aheadMs) / 1000) + 300);
    github.fail('POST', /\/statuses\/a+$/, { status: 403, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset }, body: '{"message":"API rate limit exceeded"}' });
    const results = await asApp([queued, queued, queued]);
    assert.deepEqual(codes(results), ['E_LIMITED', 'OK', 'OK'], `${minutes}: ${JSON.stringify(results)}`);
    assert.ok(Math.abs(results[0].retryAfterMs - 300_000) < 20_000, `${minutes}: ${results[0].retryAfterMs}`);
    assert.equal(github.seen.filter((line) => line.endsWith('/installation')).length, 2, 'once by our clock, once by theirs');
    assert.equal(github.minted, 1, 'the token is kept for as long as it is good');
    const [{ lines }] = await asApp([{ op: 'verify' }]);
    assert.deepEqual(lines.slice(0, 2).map((line) => [line.label, line.state]), [['Clock', 1], ['App', 0]]);
    assert.match(lines[0].text, minutes < 0 ? /clock is \d+ s ahead of GitHub's: set it right/ : /clock is \d+ s behind GitHub's/);
    const [wrong] = await asApp([queued], { appId: '4712' });
    assert.equal(wrong.code, 'E_AUTH');
    assert.match(wrong.why, /id and key do not belong together; this server's clock is \d+ s .*: set it right/);
  }
});

test('bad weather: nothing is made twice, and what is said helps', async () => {
  const repo = fresh(), queued = event(repo, 'queued');
  for (const weather of ['html', 'cut', 'huge', 'drip']) github.fail('POST', /\/deployments$/, { weather });
  const results = await run([...Array(4).fill({ ...send(queued), timeoutMs: 8000 }), send(queued)], { comment: 'off' });
  assert.deepEqual(codes(results), ['E_UPSTREAM', 'E_UPSTREAM', 'E_UPSTREAM', 'E_TIMEOUT', 'OK'], JSON.stringify(results));
  assert.ok(results.every((one) => !one.why.includes('hotel')));
  assert.equal(github.repository(repo).deployments.length, 1);
  await leadsNowhere(async (base) => (await run([send(queued)], { base }))[0]);
});
