// stack: --no-daemon --workers 2 --env USE_MOCK_PROVIDER=0 --env PLUGINS_ALLOW_PRIVATE=mock,netlify --env REPAIR_MS=500 --env PROVIDER_TIMEOUT_MS=5000 --env PROVIDER_SETTLE_MS=5000 --env REAP_MS=600000
// seconds: 300
// netlify.so through the real daemon, against a small Netlify that stands behind Netlify's own OpenAPI document.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { api, get, post } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { fakeNetlify } from '../lib/fake-netlify.mjs';
import { commit, deliver, ofRepository, pullRequest } from '../lib/github.mjs';
import { daemon } from '../lib/github-login.mjs';
import { part } from '../lib/part.mjs';
import { organization, person, project } from '../lib/people.mjs';
import { childrenOf, kill } from '../lib/processes.mjs';
import { one, run } from '../lib/sql.mjs';
import { eachOf, until } from '../lib/until.mjs';

let netlify, owner, org;

before(async () => {
  netlify = await fakeNetlify();
  daemon.set({ NETLIFY_API_BASE: netlify.api, NETLIFY_BUILDS_PER_MINUTE: '0' }); // as many as the fake takes
  await part('opshubd', 'start');
  owner = await person('owner');
  org = await organization(owner);
});
after(() => netlify.close());

// A project with a site of its own.
async function preview(more = {}) {
  const p = await project(org, owner);
  const site = netlify.site({ repo: p.repoFullName, ...more });
  const answer = await api('PUT', `/projects/${p.id}/provider`, { token: owner.token, body: { provider: 'NETLIFY', netlifyToken: netlify.token, netlifySiteId: site.id, ...more.settings } });
  assert.equal(answer.status, 200, answer.text);
  return { ...p, site };
}

async function event(p, action, pr, { sha = commit(`${p.id} ${pr}`), branch = `feature-${pr}`, ...more } = {}) {
  if (action !== 'closed' && branch) netlify.push(p.site, branch, sha);
  const answer = await deliver('pull_request', ofRepository(pullRequest(action, pr, { sha, branch, ...more }), p.repoFullName));
  assert.equal(answer.status, 202, answer.text);
}

const shown = async (p, pr) => (await get(`/projects/${p.id}/deployments`, { token: owner.token })).json.find((d) => d.prNumber === pr);
const reaches = (p, pr, status, { seconds = 60, sha } = {}) => until(`pull request ${pr} of ${p.name} in ${status}`, async () => {
  const d = await shown(p, pr);
  if (d?.status === status && (!sha || d.sha === sha)) return d;
  throw new Error(JSON.stringify(d));
}, { seconds });
const told = (p, pr, pattern) => until(`pull request ${pr} of ${p.name} says ${pattern}`, async () => {
  const d = await shown(p, pr);
  if (pattern.test(d?.message ?? '')) return d;
  throw new Error(JSON.stringify(d));
}, { seconds: 60 });
const emptied = (p) => until('nothing is left at Netlify', () => netlify.of(p.site).length === 0, { seconds: 60 });
// What was asked, each thing once: deploys by their number, builds by the commit that their title names.
function asked(p) {
  const numbers = new Map();
  const named = (id) => numbers.get(id) ?? numbers.set(id, `DEPLOY${numbers.size + 1}`).get(id);
  return [...new Set(netlify.asked(p.site).map((s) => `${s.method} ${s.path.replace(p.site.id, 'SITE').replace(/(?<=deploys.)[0-9a-f]{24}/, named)
    .replace(/title=.*%20([0-9a-f]{7})[0-9a-f]{33}$/, 'title=$1').replace(p.site.account, 'TEAM')}`))];
}

test('the life of a pull request', async () => {
  const p = await preview();
  await event(p, 'opened', 1, { branch: 'fix/the door' });
  const first = await reaches(p, 1, 'READY');
  const [deploy] = netlify.of(p.site);
  assert.equal(first.url, `https://${deploy.id}--${p.site.name}.netlify.app`);
  assert.equal(deploy.branch, 'fix/the door');
  assert.match(deploy.title, new RegExp(`^OpsHub #1 att_[a-z0-9_]+ ${commit(`${p.id} 1`)}$`));
  const second = commit('second push');
  await event(p, 'synchronize', 1, { branch: 'fix/the door', sha: second });
  await reaches(p, 1, 'READY', { sha: second });
  await until('the first deploy is gone', () => netlify.of(p.site).length === 1);
  assert.notEqual(netlify.of(p.site)[0].id, deploy.id);
  await event(p, 'closed', 1, { branch: 'fix/the door', sha: second });
  await reaches(p, 1, 'DESTROYED');
  await emptied(p);
  const short = (sha) => sha.slice(0, 7);
  assert.deepEqual(asked(p), ['GET /sites/SITE', 'GET /accounts/TEAM/env?site_id=SITE', `POST /sites/SITE/builds?branch=fix%2Fthe%20door&title=${short(commit(`${p.id} 1`))}`,
    'GET /deploys/DEPLOY1', 'GET /deploys/DEPLOY1/log', `POST /sites/SITE/builds?branch=fix%2Fthe%20door&title=${short(second)}`,
    'GET /deploys/DEPLOY2', 'GET /deploys/DEPLOY2/log', 'DELETE /deploys/DEPLOY1', 'DELETE /deploys/DEPLOY2']);
  for (const s of netlify.asked(p.site)) {
    assert.ok(s.status < 300, `${s.method} ${s.path}: ${s.status}`);
    assert.ok(!s.path.includes(netlify.token), 'the token is in a URL');
    assert.match(s.headers['user-agent'], /^OpsHub\//);
  }
});

test('the output of the build is kept, without the token', async () => {
  const p = await preview();
  await event(p, 'opened', 1);
  const d = await reaches(p, 1, 'READY');
  const text = await until('the whole output', async () => {
    const answer = await get(`/deployments/${d.id}/logs`, { token: owner.token });
    return JSON.stringify(answer.json ?? answer.text).includes('Build script finished') && (answer.text ?? JSON.stringify(answer.json));
  });
  assert.match(text, /Starting build script/);
  assert.ok(!text.includes(netlify.token));
  assert.ok(!readFileSync(env.log, 'utf8').includes(netlify.token), 'the token is in the log');
});

test('a newer commit than the wanted one is not called ready, and the next push is', async () => {
  const p = await preview(), older = commit('older'), newer = commit('newer');
  netlify.plan(p.site, 'feature-1', { sha: newer });
  await event(p, 'opened', 1, { sha: older });
  const d = await reaches(p, 1, 'ERROR');
  assert.equal(d.errorReason, 'PROVIDER_ERROR');
  assert.match(d.message, new RegExp(`built commit ${newer.slice(0, 12)}, not ${older.slice(0, 12)}.*branch has moved on`));
  await event(p, 'synchronize', 1, { sha: newer });
  await reaches(p, 1, 'READY', { sha: newer });
  await until('one deploy is left', () => netlify.of(p.site).length === 1);
});

test('a lost answer, and a worker that dies before it: one build each', async () => {
  const p = await preview();
  netlify.fault(/^POST .*builds/, 'lost', { site: p.site });
  await event(p, 'opened', 1);
  await reaches(p, 1, 'READY');
  assert.equal(netlify.of(p.site).length, 1);
  assert.equal(netlify.asked(p.site).filter((s) => s.method === 'POST').length, 1);

  let release;
  netlify.fault(/^POST .*builds/, 'held', { site: p.site, until: new Promise((resolve) => { release = resolve; }) });
  await event(p, 'opened', 2);
  await until('the build was asked for', () => netlify.of(p.site).length === 2);
  for (const child of childrenOf(Number(await part('opshubd', 'pid')))) if (child.role === 'worker') kill(child.pid, 'SIGKILL');
  release();
  const d = await reaches(p, 2, 'READY');
  assert.equal(netlify.of(p.site).length, 2);
  assert.ok(d.url.includes(netlify.of(p.site)[1].id));
  assert.ok(netlify.asked(p.site).some((s) => s.path.includes('/deploys?page=1&per_page=100')), 'nobody looked for it');
});

test('a request that never arrived is sent again', async () => {
  const p = await preview();
  netlify.fault(/^POST .*builds/, 'reset', { site: p.site });
  await event(p, 'opened', 1);
  await reaches(p, 1, 'READY');
  assert.equal(netlify.of(p.site).length, 1);
});

test('more pull requests than Netlify starts at once wait for their turn', async () => {
  const p = await preview();
  netlify.starts = [];
  netlify.limit = { builds: 3, ms: 2500 };
  await eachOf([1, 2, 3, 4, 5, 6, 7], 7, (pr) => event(p, 'opened', pr));
  await eachOf([1, 2, 3, 4, 5, 6, 7], 7, (pr) => reaches(p, pr, 'READY', { seconds: 120 }));
  netlify.limit = null;
  assert.equal(netlify.of(p.site).length, 7);
  assert.ok(netlify.asked(p.site).some((s) => s.status === 429), 'the limit was never met');
});

test('a burst sends what Netlify starts in a minute and no more, and those are looked at meanwhile', async () => {
  const p = await preview({ settings: { netlifyBuildsPerMinute: 3 } }), all = Array.from({ length: 40 }, (_, i) => i + 1), began = Date.now();
  await eachOf(all, 10, (pr) => event(p, 'opened', pr));
  const list = async () => (await get(`/projects/${p.id}/deployments?limit=100`, { token: owner.token })).json;
  const waiting = (d) => d.detail === 'RETRYING' && /other pull requests were first/.test(d.message ?? '');
  await until('some are ready and the others wait', async () => {
    const now = await list(), ready = now.filter((d) => d.status === 'READY').length;
    if (ready >= 3 && ready + now.filter(waiting).length === all.length) return true;
    throw new Error(JSON.stringify(now.map((d) => [d.status, d.detail, d.message])));
  }, { seconds: 60 });
  const builds = netlify.asked(p.site).filter((s) => s.method === 'POST');
  const seconds = (Date.now() - began) / 1000;
  assert.ok(builds.length <= 3 * 2 * Math.ceil(1 + seconds / 60), `${builds.length} builds of two workers in ${seconds} s`);
  assert.ok(builds.every((s) => s.status === 200), 'Netlify had to refuse one');
  assert.equal(netlify.asked(p.site).filter((s) => s.path === `/sites/${p.site.id}`).length, builds.length, 'who waits asks nothing');
  await eachOf(all, 10, (pr) => event(p, 'closed', pr));
  await emptied(p);
});

test('a turn that never comes ends at the deadline', async () => {
  const p = await preview();
  netlify.fault(/^POST .*builds/, 'status', { site: p.site, times: Infinity, status: 429, headers: { 'retry-after': '1' } });
  await event(p, 'opened', 1);
  await told(p, 1, /asked to start a build too often/);
  run(`update preview_attempts set deadline_at = now() where preview_id = (select id from previews where project_id = '${p.id}')`);
  const d = await reaches(p, 1, 'ERROR');
  assert.equal(d.errorReason, 'PROVIDER_RATE_LIMIT');
  assert.match(d.message, /retry it when less is going on/);
  assert.equal(netlify.of(p.site).length, 0);
});

test('cancelled by a person', async () => {
  const p = await preview();
  netlify.plan(p.site, 'feature-1', { stays: 'building' });
  await event(p, 'opened', 1);
  const d = await reaches(p, 1, 'BUILDING');
  await until('the build is there', () => netlify.of(p.site).length === 1);
  assert.ok((await post(`/deployments/${d.id}/cancel`, { token: owner.token })).status < 300);
  await emptied(p);
  const lines = asked(p);
  assert.ok(lines.indexOf('POST /deploys/DEPLOY1/cancel') < lines.indexOf('DELETE /deploys/DEPLOY1'), lines.join('\n'));
  assert.ok(lines.includes('POST /deploys/DEPLOY1/cancel'));
});

test('what is over cannot be cancelled, and what is gone need not be deleted', async () => {
  const p = await preview();
  netlify.plan(p.site, 'feature-1', { stays: 'enqueued' });
  netlify.fault(/^POST .*cancel/, 'status', { status: 422, site: p.site });
  await event(p, 'opened', 1);
  await until('the build is there', () => netlify.of(p.site).length === 1);
  await reaches(p, 1, 'BUILDING');
  netlify.of(p.site)[0].plan = {};
  netlify.fault(/^DELETE/, 'text', { status: 404, site: p.site });
  await event(p, 'closed', 1);
  await reaches(p, 1, 'DESTROYED');
  assert.equal(netlify.of(p.site).length, 1, 'it was deleted a second time');
});

test('how builds end', async () => {
  const p = await preview();
  const ends = [
    [{ state: 'error', error_message: "failed during stage 'building site': Build script returned non-zero exit code: 127" }, 'BUILD_FAILED', /non-zero exit code: 127/],
    [{ state: 'error', error_message: 'Canceled build' }, 'CANCELLED', /cancelled at the provider/],
    [{ state: 'canceled' }, 'CANCELLED', /cancelled at the provider/],
    [{ state: 'error', error_message: 'Canceled build due to no content change' }, 'BUILD_FAILED', /ignore command/],
    [{ state: 'error', error_message: 'Build exceeded maximum allowed runtime' }, 'PROVIDER_TIMEOUT', /faster/],
    [{ state: 'error', error_message: "failed during stage 'preparing repo': exit status 128" }, 'MISSING_PROVIDER_CONFIG', /link the site/],
    [{ state: 'error', error_message: 'Skipped due to account credit usage exceeded' }, 'PROVIDER_QUOTA', /allowance/],
    [{ state: 'error', error_message: 'Failed due to an internal error' }, 'PROVIDER_ERROR', /netlifystatus/],
    [{ state: 'error' }, 'BUILD_FAILED', /without a message/],
    [{ state: 'rejected' }, 'BUILD_FAILED', /rejected/],
  ];
  ends.forEach(([plan], i) => netlify.plan(p.site, `feature-${i + 1}`, plan));
  netlify.plan(p.site, 'feature-99', { meanwhile: 'rethinking' });
  await event(p, 'opened', 99);
  await eachOf(ends, 5, async ([, reason, message], i) => {
    await event(p, 'opened', i + 1);
    const d = await reaches(p, i + 1, 'ERROR');
    assert.equal(d.errorReason, reason, JSON.stringify(d));
    assert.match(d.message, message);
  });
  await reaches(p, 99, 'READY'); // a state nobody has heard of is one in which it still builds
});

test('what cannot be built says why', async () => {
  const fails = async (p, pattern, more) => {
    await event(p, 'opened', 1, more);
    const d = await reaches(p, 1, 'ERROR');
    assert.match(d.message, pattern);
    assert.equal(netlify.of(p.site).length, 0, d.message);
    return d;
  };
  await fails(await preview(), /to production/, { branch: 'main' });
  await fails(await preview({ repo: '' }), /not linked to a Git repository/);
  await fails(await preview({ repo: 'somebody/else' }), /builds somebody\/else, not acme/);
  await fails(await preview({ stopped: true }), /Builds of the Netlify site .* are stopped/);
  const fork = await preview();
  assert.equal((await api('PUT', `/projects/${fork.id}/rules`, { token: owner.token, body: { forks: 'deploy' } })).status, 200);
  await fails(fork, /comes from a fork/, { fork: true });
  assert.equal(netlify.asked(fork.site).length, 0);
  const refusals = [
    ['GET', { status: 404, message: 'Not Found' }, 'PROVIDER_ERROR', /knows no site.*netlifySiteId/],
    ['GET', { status: 401, message: 'Access Denied' }, 'PROVIDER_AUTH', /new personal access token/],
    ['GET', { status: 403, message: 'Forbidden' }, 'PROVIDER_AUTH', /owner of the token may not/],
    ['POST', { status: 404 }, 'PROVIDER_ERROR', /branch is not there any more/],
    ['POST', { status: 422, message: 'branch is invalid' }, 'PROVIDER_ERROR', /answered 422 when asked to start a build.*branch is invalid/],
    ['POST', { status: 400, message: 'bad' }, 'PROVIDER_ERROR', /answered 400/],
    ['POST', { status: 409, message: 'busy' }, 'PROVIDER_ERROR', /answered 409/],
    ['POST', { status: 200, body: { id: 'b', error: 'no builder' } }, 'PROVIDER_ERROR', /does not build it: no builder/],
  ];
  await eachOf(refusals, 4, async ([method, fault, reason, pattern]) => {
    const p = await preview();
    netlify.fault(new RegExp(`^${method} `), 'status', { site: p.site, ...fault });
    assert.equal((await fails(p, pattern)).errorReason, reason);
  });
});

test('an allowance that is used up is waited for', async () => {
  const p = await preview();
  netlify.fault(/^POST/, 'status', { site: p.site, status: 403, message: 'You have exceeded your build minutes' });
  await event(p, 'opened', 1);
  const d = await told(p, 1, /allowance of the account is used up/);
  assert.equal(d.detail, 'QUOTA_WAIT');
  assert.equal(d.status, 'QUEUED');
});

test('bad weather passes', async () => {
  const weather = [['status', { status: 500 }], ['status', { status: 503 }], ['html', {}], ['html', { status: 502 }], ['cut', {}], ['huge', {}], ['drip', {}], ['hang', {}],
    ['reset', {}], ['status', { status: 429, headers: { 'retry-after': '1' } }], ['status', { status: 200, body: {} }], ['status', { status: 200, body: [] }]];
  await eachOf(weather, 6, async ([kind, more]) => {
    const p = await preview();
    for (const match of [/^GET .sites/, /^POST .*builds/, /^GET .deploys.\w+$/]) netlify.fault(match, kind, { site: p.site, ...more });
    if (more.status !== 200) netlify.fault(/^DELETE/, kind, { site: p.site, ...more });
    await event(p, 'opened', 1);
    await reaches(p, 1, 'READY', { seconds: 100 });
    assert.equal(netlify.of(p.site).length, 1, kind);
    await event(p, 'closed', 1);
    await emptied(p);
  });
});

test('what Netlify says of an error page is not repeated, and says what to do', async () => {
  const p = await preview();
  netlify.fault(/^GET .deploys.\w+$/, 'html', { site: p.site, times: 3, status: 400 });
  await event(p, 'opened', 1);
  const row = await until('a message', () => {
    const found = one(`select a.message from preview_attempts a join previews v on v.id = a.preview_id where v.project_id = '${p.id}'`);
    return /400/.test(found?.message ?? '') && found;
  });
  assert.match(row.message, /Netlify answered 400 when asked to show a deploy/);
  assert.ok(!row.message.includes('hotel'));
  await reaches(p, 1, 'READY');
});

test('a second deployment of one attempt is destroyed, what is not ours stays', async () => {
  const p = await preview();
  await event(p, 'opened', 1);
  await reaches(p, 1, 'READY');
  const [ours] = netlify.of(p.site);
  const long = Date.now() - 300_000;
  const double = netlify.add(p.site, 'feature-1', ours.title, { at: long });
  for (let i = 0; i < 120; i++) netlify.add(p.site, 'main', `Fix door ${i}`, { at: long, context: 'production' });
  await daemon.restart({ REAP_MS: '1000' });
  await until('the double is gone', () => !netlify.deploys.has(double.id), { seconds: 60 });
  assert.equal(netlify.of(p.site).length, 121);
  assert.ok(netlify.deploys.has(ours.id));
  assert.ok(netlify.asked(p.site).some((s) => s.path.includes('page=2')));
});
