// netlify.so against the fake Netlify without a daemon: the report on an account, and variables of a branch, of which only its
// own are touched.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { certificates } from '../lib/certificates.mjs';
import { fakeNetlify } from '../lib/fake-netlify.mjs';
import { commit } from '../lib/github.mjs';

const execute = promisify(execFile);
const build = process.env.OPSHUB_BUILD;
const sha = commit('wanted');
let netlify;

before(async () => { netlify = await fakeNetlify(); });
after(() => netlify.close());

function site(more = {}) {
  const made = netlify.site({ repo: 'acme/shop', ...more });
  for (const branch of ['feature', 'other']) netlify.push(made, branch, sha);
  return made;
}

// One operation: { result, rest, lines }.
async function drive(where, ...args) {
  const { stdout } = await execute(`${build}/tests/plugin-drive`, [`${build}/plugins`, 'netlify', ...args], { timeout: 60_000,
    env: { ...process.env, NETLIFY_API_BASE: netlify.api, NETLIFY_TOKEN: where.token ?? netlify.token, NETLIFY_SITE_ID: where.id } });
  const [first, ...lines] = stdout.trim().split('\n');
  const [result, ...rest] = first.split(' ');
  return { result, rest: rest.join(' '), lines };
}

async function make(where, attempt, branch, ...env) {
  const { result, rest } = await drive(where, 'create', attempt, 'acme/shop', branch, sha, ...env);
  assert.equal(result, 'OK', rest);
  return rest.split(' ')[0];
}
const destroy = async (where, id) => assert.deepEqual(await drive(where, 'destroy', id), { result: 'OK', rest: '', lines: [] });

// The site's variables as { KEY: { context or branch: value } }.
const variables = (where) => Object.fromEntries((netlify.variables.get(where.id) ?? []).map((v) => [v.key,
  Object.fromEntries(v.values.map((value) => [value.context_parameter ?? value.context, value.value]))]));
const theirs = (where, key, values) => {
  if (!netlify.variables.has(where.id)) netlify.variables.set(where.id, []);
  netlify.variables.get(where.id).push({ key, scopes: ['builds'], is_secret: false, values: Object.entries(values).map(([context, value], i) => ({ id: `${key}-${i}`, value,
    ...(context === 'all' ? { context } : { context: 'branch', context_parameter: context }) })) });
};
const wrote = (where) => netlify.asked(where).filter((s) => s.path.includes('/env') && s.method !== 'GET');

test('variables are made for the branch, before the build, and go with the deploy', async () => {
  const s = site();
  theirs(s, 'API_URL', { all: 'https://api.example.com' });
  const before = variables(s);
  const id = await make(s, 'att_1', 'feature', 'API_URL=https://staging.example.com', 'MODE=preview', 'KEY:=s3cret-of-the-shop');
  assert.deepEqual(variables(s), { API_URL: { all: 'https://api.example.com', feature: 'https://staging.example.com' }, MODE: { feature: 'preview' },
    KEY: { feature: 's3cret-of-the-shop' }, OPSHUB_VARIABLES: { feature: 'att_1 API_URL MODE KEY' } });
  assert.deepEqual(netlify.variables.get(s.id).map((v) => [v.key, v.is_secret]), [['API_URL', false], ['OPSHUB_VARIABLES', false], ['MODE', false], ['KEY', true]]);
  const order = netlify.asked(s).map((r) => `${r.method} ${r.path.replace(/\?.*/, '').replace(s.id, 'SITE').replace(s.account, 'TEAM')}`);
  assert.deepEqual(order, ['GET /sites/SITE', 'GET /accounts/TEAM/env', 'POST /accounts/TEAM/env', 'PATCH /accounts/TEAM/env/API_URL', 'POST /accounts/TEAM/env',
    'POST /sites/SITE/builds']);
  await destroy(s, id);
  assert.deepEqual(variables(s), before);
  assert.ok(netlify.asked(s).every((r) => r.status < 300 && !r.path.includes('s3cret')));
});

test('what only the build is to have has the scope of builds', async () => {
  const s = site();
  await make(s, 'att_1', 'feature', 'BUILD+=1', 'KEY:=s3cret-of-the-shop', 'MODE=preview');
  assert.deepEqual(Object.fromEntries(netlify.variables.get(s.id).map((v) => [v.key, v.scopes])), { BUILD: ['builds'],
    KEY: ['builds', 'functions', 'runtime'], MODE: netlify.variables.get(s.id).find((v) => v.key === 'OPSHUB_VARIABLES').scopes,
    OPSHUB_VARIABLES: netlify.variables.get(s.id).find((v) => v.key === 'MODE').scopes });
});

test('what somebody else has set for this branch stays, and other branches stay', async () => {
  const s = site();
  theirs(s, 'MODE', { feature: 'by hand', other: 'theirs' });
  const before = variables(s);
  const id = await make(s, 'att_1', 'feature', 'MODE=preview', 'NEW=1');
  assert.deepEqual(variables(s), { ...before, NEW: { feature: '1' }, OPSHUB_VARIABLES: { feature: 'att_1 NEW' } });
  const second = await make(s, 'att_2', 'other', 'NEW=2', 'MODE=preview');
  assert.deepEqual(variables(s).NEW, { feature: '1', other: '2' });
  await destroy(s, id);
  assert.deepEqual(variables(s), { ...before, NEW: { other: '2' }, OPSHUB_VARIABLES: { other: 'att_2 NEW' } });
  await destroy(s, second);
  assert.deepEqual(variables(s), before);
});

test('a push takes them over: the older deploy goes without them', async () => {
  const s = site();
  const first = await make(s, 'att_1', 'feature', 'A=1', 'B=1', 'SECRET:=first-secret');
  const second = await make(s, 'att_2', 'feature', 'A=2', 'C=1', 'SECRET:=second-secret');
  const { OPSHUB_VARIABLES: note, ...values } = variables(s);
  assert.deepEqual(values, { A: { feature: '2' }, B: {}, C: { feature: '1' }, SECRET: { feature: 'second-secret' } });
  assert.match(note.feature, /^att_2 /);
  await destroy(s, first);
  assert.deepEqual(variables(s), { ...values, OPSHUB_VARIABLES: note });
  await destroy(s, second);
  assert.deepEqual(variables(s), {});
});

test('what has not changed is not written again, and without variables nothing is', async () => {
  const s = site();
  await make(s, 'att_1', 'feature', 'A=1');
  const n = wrote(s).length;
  await make(s, 'att_2', 'feature', 'A=1');
  assert.deepEqual(wrote(s).slice(n).map((r) => r.method), ['PATCH'], 'only the note names the new attempt');
  const bare = site();
  await destroy(bare, await make(bare, 'att_1', 'feature'));
  assert.deepEqual(netlify.asked(bare).filter((r) => r.path.includes('/env')).map((r) => r.method), ['GET']);
  const shut = site(); // nor has anybody to be allowed to see variables who has none
  netlify.fault(/env\?/, 'status', { site: shut, status: 403 });
  await make(shut, 'att_1', 'feature');
});

test('pull requests that begin at one moment make the same variables', async () => {
  const s = site();
  const branches = ['feature', 'other', 'third', 'fourth'];
  for (const branch of branches) netlify.push(s, branch, sha);
  const ids = await Promise.all(branches.map((branch) => make(s, `att_${branch}`, branch, 'MODE=preview', 'KEY:=s3cret-of-the-shop')));
  assert.deepEqual(Object.keys(variables(s).MODE).sort(), [...branches].sort());
  // and one of them certainly comes too late
  const late = site();
  netlify.fault(/^POST .*env/, 'status', { site: late, status: 409, message: 'exists', first: () => theirs(late, 'OPSHUB_VARIABLES', { other: 'att_9 X' }) });
  const id = await make(late, 'att_1', 'feature', 'NEW=1');
  assert.deepEqual(variables(late), { OPSHUB_VARIABLES: { other: 'att_9 X', feature: 'att_1 NEW' }, NEW: { feature: '1' } });
  await destroy(late, id);
  assert.deepEqual(variables(late), { OPSHUB_VARIABLES: { other: 'att_9 X' } });
  await Promise.all(ids.map((one) => destroy(s, one)));
  assert.deepEqual(variables(s), {});
});

test('more variables than one round of requests allows are removed in several', async () => {
  const s = site();
  const names = Array.from({ length: 40 }, (_, i) => `K${i}`);
  const id = await make(s, 'att_1', 'feature', ...names.map((name) => `${name}=1`));
  const first = await drive(s, 'destroy', id);
  assert.equal(first.result, 'E_LIMITED', first.rest);
  await destroy(s, id);
  assert.deepEqual(variables(s), {});
  assert.equal(netlify.of(s).length, 0);
});

test('what the project has no more is not in the next build, also when it has none at all', async () => {
  const s = site();
  theirs(s, 'MODE', { all: 'theirs' });
  const before = variables(s);
  const first = await make(s, 'att_1', 'feature', 'MODE=preview', 'OLD=1', 'SECRET:=first-secret');
  const second = await make(s, 'att_2', 'feature');
  assert.deepEqual(variables(s), before);
  const order = netlify.asked(s).map((r) => `${r.method} ${r.path.replace(/\?.*/, '')}`);
  assert.equal(order.at(-1), `POST /sites/${s.id}/builds`, 'it was built before they were gone');
  await destroy(s, first);
  await destroy(s, second);
  assert.deepEqual(variables(s), before);
});

test('a create that surely started nothing takes its variables back, and one whose answer was lost does not', async () => {
  const faults = [[{ status: 400 }, true], [{ status: 401 }, true], [{ status: 402 }, true], [{ status: 403 }, true], [{ status: 404 }, true], [{ status: 409 }, true],
    [{ status: 422, message: 'no such thing' }, true], [{ status: 429, times: 3, headers: { 'retry-after': '37' } }, true], [{ status: 200, body: { error: 'not today' } }, true],
    [{ status: 500 }, false], [{ status: 504 }, false], [{ kind: 'html' }, false], [{ kind: 'cut' }, false], [{ kind: 'lost' }, false]];
  for (const [{ kind = 'status', ...fault }, back] of faults) {
    const s = site(), what = `${kind} ${fault.status}`;
    theirs(s, 'API_URL', { all: 'https://api.example.com', other: 'x' });
    const before = variables(s);
    netlify.fault(/^POST .*builds/, kind, { site: s, ...fault });
    const { result, rest } = await drive(s, 'create', 'att_1', 'acme/shop', 'feature', sha, 'API_URL=y', 'NEW=1', 'KEY:=s3cret-of-the-shop');
    assert.notEqual(result, 'OK');
    if (back) assert.deepEqual(variables(s), before, what);
    else assert.equal(variables(s).KEY?.feature, 's3cret-of-the-shop', what);
    if (fault.status === 429) assert.match(rest, /start a build too often.*in 37 s/);
    if (fault.status === 422) assert.match(rest, /no such thing/);
  }
  const s = site(); // what fails while it takes them back is not what is told
  netlify.fault(/^POST .*builds/, 'status', { site: s, status: 422, message: 'no such thing' });
  netlify.fault(/^DELETE .*env/, 'status', { site: s, status: 403, message: 'not you' });
  const { result, rest } = await drive(s, 'create', 'att_1', 'acme/shop', 'feature', sha, 'NEW=1');
  assert.equal(result, 'E_INVALID');
  assert.match(rest, /no such thing/);
  await destroy(s, await make(s, 'att_2', 'feature', 'OTHER=1'));
  assert.deepEqual(variables(s), {}, 'the next deploy does not take them along');
});

test('a deploy that was made twice goes without the variables of the one that stays', async () => {
  const s = site();
  const id = await make(s, 'att_1', 'feature', 'A=1', 'KEY:=s3cret-of-the-shop');
  const set = variables(s);
  const twin = netlify.add(s, 'feature', netlify.deploys.get(id).title);
  await destroy(s, twin.id);
  assert.deepEqual(variables(s), set);
  await destroy(s, id);
  assert.deepEqual(variables(s), {});
});

test('when a variable cannot be set nothing is built, and nothing of it stays', async () => {
  const s = site();
  netlify.fault(/^PATCH/, 'status', { site: s, status: 422, message: 'value is too long' });
  theirs(s, 'API_URL', { all: 'https://api.example.com' });
  const before = variables(s);
  const { result, rest } = await drive(s, 'create', 'att_1', 'acme/shop', 'feature', sha, 'NEW=1', 'API_URL=x');
  assert.equal(result, 'E_INVALID');
  assert.match(rest, /answered 422 when asked to set a variable for the branch.*value is too long/);
  assert.equal(netlify.of(s).length, 0);
  assert.deepEqual(variables(s), before);
  await destroy(s, await make(s, 'att_2', 'feature', 'NEW=1'));
  assert.deepEqual(variables(s), before);
  const many = Array.from({ length: 51 }, (_, i) => `K${i}=1`);
  assert.match((await drive(s, 'create', 'att_3', 'acme/shop', 'feature', sha, ...many)).rest, /50 variables at most/);
});

test('find goes through all pages, and trusts no title that only looks like ours', async () => {
  const s = site();
  const wanted = netlify.add(s, 'feature', `OpsHub #1 att_wanted ${sha}`);
  for (let i = 0; i < 130; i++) netlify.add(s, 'main', ['Fix the door', null, `OpsHub #1 att_wanted ${sha} or so`, `about OpsHub #1 att_wanted ${sha}`, 'OpsHub #1 att_wanted', 'OpsHub #x att_wanted'][i % 6]);
  const { result, rest } = await drive(s, 'find', 'att_wanted');
  assert.equal(result, 'OK', rest);
  assert.equal(rest.split(' ')[0], wanted.id);
  assert.deepEqual((await drive(s, 'find', 'att_want')).result, 'E_NOT_FOUND');
  assert.deepEqual((await drive({ id: 'no-such-site' }, 'find', 'att_wanted')).result, 'E_INVALID', 'not found would mean that it never arrived');
});

test('the report says what is set up wrong', async () => {
  const good = await drive(site(), 'verify');
  assert.equal(good.result, 'OK', good.rest);
  assert.deepEqual(good.lines.map((line) => line.replace(/\d+ of/, 'N of')), ['account Ada of Netlify', '0 Token: accepted', `0 Site: ${[...netlify.sites.values()].at(-1).name}`,
    '0 Repository: acme/shop; its branch main is production and is not built by OpsHub', '0 Builds: active; Netlify starts three a minute at most', '0 Variables: can be set',
    '0 Requests: N of 500 left in this minute']);
  const says = async (where, pattern) => assert.match((await drive(where, 'verify')).lines.join('\n'), pattern);
  await says({ id: 'x', token: 'nfp_wrong' }, /^2 Token: refused/m);
  await says({ id: 'x' }, /^2 Site: not found/m);
  await says(site({ repo: '' }), /^2 Repository: none/m);
  await says(site({ stopped: true }), /^2 Builds: stopped/m);
  await says(site({ password: 'open sesame' }), /^1 Protection: visitors need/m);
  const shut = site();
  netlify.fault(/env\?/, 'status', { site: shut, status: 403 });
  await says(shut, /^1 Variables: the token may not/m);
});

test('a published deploy is not deleted, and says so; one that is over is cancelled', async () => {
  const s = site();
  const deploy = netlify.add(s, 'feature', `OpsHub #1 att_1 ${sha}`, { at: Date.now() - 60_000 });
  assert.equal((await drive(s, 'cancel', deploy.id)).result, 'OK');
  deploy.published = true;
  const { result, rest } = await drive(s, 'destroy', deploy.id);
  assert.equal(result, 'E_INVALID');
  assert.match(rest, /delete a deploy.*Cannot delete the published deploy/);
  assert.equal((await drive(s, 'destroy', 'f'.repeat(24))).result, 'OK');
});

test('what each refusal of a build means', async () => {
  const meanings = [
    [{ status: 400 }, 'E_INVALID', /answered 400/], [{ status: 401 }, 'E_AUTH', /new personal access token/], [{ status: 402 }, 'E_QUOTA', /allowance/],
    [{ status: 403 }, 'E_AUTH', /member of the site's team/], [{ status: 403, message: 'Account has exceeded its usage limit' }, 'E_QUOTA', /exceeded its usage limit/],
    [{ status: 404 }, 'E_INVALID', /branch is not there/], [{ status: 409 }, 'E_CONFLICT', /409/], [{ status: 422, message: `no ${netlify.token}` }, 'E_INVALID', /It says: no /],
    [{ status: 301 }, 'E_UPSTREAM', /301/], [{ status: 500 }, 'E_UPSTREAM', /netlifystatus/], [{ status: 502 }, 'E_UPSTREAM', /502/], [{ status: 504 }, 'E_TIMEOUT', /504/],
    [{ kind: 'html' }, 'E_UPSTREAM', /no JSON/], [{ kind: 'text', status: 503 }, 'E_UPSTREAM', /503/], [{ kind: 'cut' }, 'E_UPSTREAM', /./], [{ kind: 'lost' }, 'E_UPSTREAM', /./],
    [{ kind: 'huge' }, 'E_UPSTREAM', /./], [{ status: 200, body: {} }, 'E_UPSTREAM', /did not say which deploy/], [{ status: 200, body: 7 }, 'E_UPSTREAM', /did not say which deploy/],
  ];
  for (const [{ kind = 'status', ...fault }, code, pattern] of meanings) {
    const s = site();
    netlify.fault(/^POST /, kind, { site: s, ...fault });
    const { result, rest } = await drive(s, 'create', 'att_1', 'acme/shop', 'feature', sha);
    assert.equal(result, code, `${JSON.stringify(fault)} ${kind}: ${rest}`);
    assert.match(rest, pattern);
    assert.ok(!rest.includes(netlify.token), 'the token is in a message');
    assert.ok(!/hotel/.test(rest), 'the page of somebody else is in a message');
    assert.equal(netlify.asked(s).filter((r) => r.method === 'POST').length, 1, 'a build may have been started twice');
  }
});

test('how long a limit lasts, whatever the clocks say', async () => {
  const now = Math.floor(Date.now() / 1000);
  for (const [headers, wait] of [[{}, '20'], [{ 'x-ratelimit-reset': String(now - 86400) }, '1'], [{ 'x-ratelimit-reset': String(now + 86400) }, '60'],
    [{ 'x-ratelimit-reset': 'tomorrow' }, '20'], [{ 'retry-after': '37' }, '37']]) {
    const s = site();
    netlify.fault(/^POST /, 'status', { site: s, times: 3, status: 429, headers });
    const { result, rest } = await drive(s, 'create', 'att_1', 'acme/shop', 'feature', sha);
    assert.equal(result, 'E_LIMITED', rest);
    assert.match(rest, new RegExp(`OpsHub asks again in ${wait} s$`));
  }
});

test('without a network, and with a certificate that nobody trusts', async () => {
  const verify = async (base) => (await execute(`${build}/tests/plugin-drive`, [`${build}/plugins`, 'netlify', 'verify'], { timeout: 60_000,
    env: { ...process.env, NETLIFY_API_BASE: base, NETLIFY_TOKEN: netlify.token, NETLIFY_SITE_ID: 'x' } })).stdout;
  assert.match(await verify('https://netlify.invalid/api/v1'), /^E_NETWORK /);
  const made = certificates();
  const { cert, key } = made.make('netlify');
  let asked = 0;
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, answer) => { asked++; answer.end('{}'); });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const said = await verify(`https://127.0.0.1:${server.address().port}/api/v1`);
  server.close();
  made.remove();
  assert.match(said, /^E_(UPSTREAM|NETWORK) .*(TLS|certificate)/i);
  assert.equal(asked, 0, 'the token was sent to somebody who could not prove who he is');
});
