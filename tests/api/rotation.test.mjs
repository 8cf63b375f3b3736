// stack: --no-daemon --workers 2 --fast
// seconds: 400
// New values for variables: policies, what is due, trying a value with a preview and with the operator's program, failures, and workers that die
// on the way. The ACTIVE version is looked at all the time: nothing but a promotion may change it.
import assert from 'node:assert/strict';
import { createPublicKey, createPrivateKey, sign, verify } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { api, assertError, get, post } from '../lib/client.mjs';
import { faults } from '../lib/cloud.mjs';
import { env } from '../lib/env.mjs';
import { deliver, ofRepository, pullRequest } from '../lib/github.mjs';
import { daemon } from '../lib/github-login.mjs';
import { part } from '../lib/part.mjs';
import { audit, faultyFields, member, organization, person, project } from '../lib/people.mjs';
import { childrenOf, kill } from '../lib/processes.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

const folder = mkdtempSync(join(tmpdir(), 'rotation-'));
const file = (name) => join(folder, name);
const secrets = [];
let owner, org, viewer;

// What the operator's program says: 0 good, 1 not good, else it cannot tell.
const verdict = (status) => writeFileSync(file('verdict'), `${status}\n`);
const given = () => JSON.parse(readFileSync(file('input'), 'utf8'));

before(async () => {
  writeFileSync(file('verify'), `#!/bin/sh\ncat > ${folder}/input.new && mv ${folder}/input.new ${folder}/input\nenv > ${folder}/environment\n`
    + `exit $(cat ${folder}/verdict)\n`);
  chmodSync(file('verify'), 0o700);
  verdict(0);
  daemon.set({ MOCK_BUILD_MS: '200', REPAIR_MS: '300', JOB_LEASE_MS: '3000', ROTATION_VERIFY_PROGRAM: file('verify'), ROTATION_VALUES: '2',
    ROTATION_RETRY_MS: '300', ROTATION_EVALUATE_MS: '500', RATE_LIMIT_REVEAL: '1000', PLUGINS_ALLOW_PRIVATE: 'mock' });
  await part('opshubd', 'start');
  owner = await person('owner');
  org = await organization(owner);
  viewer = await member(org, owner, 'VIEWER');
});
after(() => rmSync(folder, { recursive: true }));

async function world() {
  const p = await project(org, owner);
  const environments = Object.fromEntries((await get(`/projects/${p.id}/environments`, { token: owner.token })).json.map((e) => [e.name, e.id]));
  return { ...p, environments };
}
const variable = async (p, key, value = 'the first value of it', environment = 'PREVIEW') => {
  const all = `/environments/${p.environments[environment]}/envvars`;
  let answer = await api('PUT', `${all}/${key}`, { token: owner.token, body: { value } });
  if (answer.status === 404) answer = await post(all, { token: owner.token, body: { key, value } });
  assert.ok([200, 201].includes(answer.status), answer.text);
};
const at = (p, path = '') => `/projects/${p.id}/secret-policies${path}`;
const wish = { name: 'tokens', keyPattern: '_TOKEN$', rotateEveryDays: 30, generator: { type: 'random', length: 40, alphabet: 'hex' } };
const policy = async (p, more = {}) => {
  const answer = await post(at(p), { token: owner.token, body: { ...wish, ...more } });
  assert.equal(answer.status, 201, answer.text);
  return answer.json;
};
const evaluate = async (p, id) => {
  const answer = await post(at(p, id ? `/${id}/evaluate` : '/evaluate'), { token: owner.token });
  assert.equal(answer.status, 200, answer.text);
  return answer.json.policies;
};
const rotate = (p, body) => post(`/projects/${p.id}/rotate`, { token: owner.token, body });
const rotations = async (p) => (await get(`/projects/${p.id}/rotations`, { token: viewer.token })).json;
const newest = async (p, state, seconds = 60) => until(`a rotation is ${state}`, async () => {
  const [r] = await rotations(p);
  if (r?.state === state) return r;
  throw new Error(JSON.stringify(r ?? null));
}, { seconds });
const states = (p, key) => Object.fromEntries(rows(`select s.version, s.state from env_var_versions s join env_vars v on v.id = s.var_id
  join environments e on e.id = v.environment_id where e.project_id = '${p.id}' and v.key = '${key}'`).map((s) => [s.version, s.state]));
const value = async (p, key, environment = 'PREVIEW') => {
  const answer = await post(`/environments/${p.environments[environment]}/envvars/${key}/reveal`, { token: owner.token, body: { reason: 'a test asks' } });
  assert.equal(answer.status, 200, answer.text);
  secrets.push(answer.json.value);
  return answer.json.value;
};
const age = (p, days) => run(`update env_var_versions s set activated_at = activated_at - interval '${days} days' from env_vars v join environments e
  on e.id = v.environment_id where v.id = s.var_id and e.project_id = '${p.id}' and s.state = 'ACTIVE'`);
async function preview(p, number) {
  const answer = await deliver('pull_request', ofRepository(pullRequest('opened', number), p.repoFullName));
  assert.equal(answer.status, 202, answer.text);
  return until(`#${number} is ready`, async () => {
    const [d] = (await get(`/projects/${p.id}/deployments?pr=${number}`, { token: owner.token })).json;
    if (d?.status === 'READY') return d;
    throw new Error(JSON.stringify(d ?? null));
  }, { seconds: 60 });
}

test('a policy is made, shown with what it means, changed and deleted; each is on record', async () => {
  const p = await world();
  await variable(p, 'API_TOKEN');
  await variable(p, 'TOKEN_NAME');
  const made = await policy(p);
  assert.deepEqual([made.environment, made.matchingKeys, made.matchingCount, made.verify, made.notify, made.enabled], ['PREVIEW', ['API_TOKEN'], 1, true, true, true]);
  assert.ok(Math.abs(Date.parse(made.nextDueAt) - Date.now() - 30 * 86400e3) < 600e3);
  assertError(await post(at(p), { token: owner.token, body: { ...wish, name: 'TOKENS' } }), 409, 'ConflictError');
  const changed = await api('PATCH', at(p, `/${made.id}`), { token: owner.token, body: { rotateEveryDays: 7, keyPattern: 'TOKEN', enabled: false } });
  assert.deepEqual([changed.json.rotateEveryDays, changed.json.matchingKeys, changed.json.nextDueAt], [7, ['API_TOKEN', 'TOKEN_NAME'], null]);
  assertError(await post(at(p, `/${made.id}/evaluate`), { token: owner.token }), 409, 'ConflictError');
  assertError(await post(at(p), { token: viewer.token, body: wish }), 403, 'ForbiddenError');
  assert.equal((await get(at(p), { token: viewer.token })).json.length, 1);
  assert.equal((await api('DELETE', at(p, `/${made.id}`), { token: owner.token })).status, 204);
  assertError(await get(at(p, `/${made.id}`), { token: owner.token }), 404, 'NotFoundError');
  const seen = audit(org).filter((row) => row.target_id === made.id);
  assert.deepEqual(seen.map((row) => row.action), ['policy.add', 'policy.change', 'policy.remove']);
  assert.deepEqual(seen[1].after, { enabled: false, keyPattern: 'TOKEN', rotateEveryDays: 7 });
});

test('what is wrong with a policy is named, all of it at once', async () => {
  const p = await world();
  const answer = await post(at(p), { token: owner.token, body: { name: ' ', keyPattern: '*_TOKEN', rotateEveryDays: 0, generator: { type: 'random', length: 7 },
    environment: 'TEST', verify: 'yes', more: 1 } });
  assertError(answer, 422, 'ValidationError');
  assert.deepEqual(faultyFields(answer), ['environment', 'generator', 'keyPattern', 'more', 'name', 'rotateEveryDays', 'verify']);
  assert.match(answer.json.details.find((d) => d.field === 'keyPattern').message, /at character 1/);
});

test('without a preview the program decides; what is due is rotated once, and what was active is retired', async () => {
  const p = await world();
  await variable(p, 'API_TOKEN');
  await policy(p);
  assert.equal((await evaluate(p))[0].keys[0].result, 'notDue');
  age(p, 100); // three periods were missed
  const done = await newest(p, 'DONE');
  assert.equal(done.reason, 'no live preview to try it with; the verify program accepted it');
  assert.deepEqual([done.formerVersion, done.version, done.startedBy, done.policy], [1, 2, 'policy tokens', 'tokens']);
  const fresh = await value(p, 'API_TOKEN');
  assert.match(fresh, /^[0-9a-f]{40}$/);
  assert.deepEqual({ ...given(), url: null }, { project: p.name, projectId: p.id, environment: 'PREVIEW', key: 'API_TOKEN', version: 2, url: null, value: fresh });
  assert.deepEqual(readFileSync(file('environment'), 'utf8').match(/^\w+(?==)/gm).filter((name) => !['PATH', 'HOME', 'LANG', 'PWD', 'SHLVL', '_', 'OLDPWD'].includes(name)), []);
  await until('version 1 is retired', () => states(p, 'API_TOKEN')[1] === 'RETIRED', { seconds: 60 });
  assert.equal((await rotations(p)).length, 1);
  assert.deepEqual(audit(org).filter((row) => row.project_id === p.id && row.action.startsWith('rotation')).map((row) => [row.action, row.actor_kind]),
    [['rotation.start', 'system'], ['rotation.done', 'system']]);
});

test('by hand: with a generator, with a policy; all keys or none; a second time joins', async () => {
  const p = await world();
  await variable(p, 'SIGNING_KEY', 'x', 'PRODUCTION');
  await variable(p, 'API_TOKEN');
  await variable(p, 'RSA_KEY');
  assertError(await rotate(p, { keys: ['API_TOKEN', 'NOT_THERE'], generator: { type: 'uuid' } }), 404, 'NotFoundError');
  assertError(await rotate(p, { keys: ['API_TOKEN'] }), 422, 'ValidationError');
  assert.deepEqual(await rotations(p), []);
  verdict(2);
  const first = await rotate(p, { keys: ['API_TOKEN'], generator: { type: 'uuid' } });
  assert.deepEqual([first.status, first.json.keys[0].result], [202, 'started']);
  const second = await rotate(p, { keys: ['API_TOKEN'], generator: { type: 'uuid' } });
  assert.deepEqual([second.json.keys[0].result, second.json.keys[0].rotationId], ['joined', first.json.keys[0].rotationId]);
  verdict(0);
  assert.equal((await newest(p, 'DONE')).startedBy, owner.email);
  assert.match(await value(p, 'API_TOKEN'), /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  assert.equal((await rotate(p, { keys: ['SIGNING_KEY'], environment: 'PRODUCTION', generator: { type: 'ed25519' } })).status, 202);
  const done = await newest(p, 'DONE');
  const signature = sign(null, Buffer.from('x'), createPrivateKey(await value(p, 'SIGNING_KEY', 'PRODUCTION')));
  assert.ok(verify(null, Buffer.from('x'), createPublicKey(done.publicKey), signature));
  assert.match(done.reason, /^no preview runs with this environment; the verify program/);
  assert.equal((await rotate(p, { keys: ['RSA_KEY'], generator: { type: 'rsa', bits: 2048 } })).status, 202);
  await until('the RSA key is there', async () => (await rotations(p))[0].key === 'RSA_KEY' && (await rotations(p))[0].state === 'DONE', { seconds: 60 });
  assert.equal(createPrivateKey(await value(p, 'RSA_KEY')).asymmetricKeyDetails.modulusLength, 2048);
});

test('what the program refuses never becomes active: another value later, then it is given up until the next period', async () => {
  const p = await world();
  await variable(p, 'API_TOKEN', 'the active value stays');
  verdict(1);
  await policy(p);
  age(p, 31);
  const failed = await newest(p, 'FAILED');
  assert.equal(failed.reason, 'the verify program did not accept it');
  assert.equal(failed.tries, 2);
  assert.deepEqual(states(p, 'API_TOKEN'), { 1: 'ACTIVE', 2: 'FAILED', 3: 'FAILED' });
  assert.equal(await value(p, 'API_TOKEN'), 'the active value stays');
  assert.equal(one(`select count(distinct fingerprint)::int as n from env_var_versions s join env_vars v on v.id = s.var_id join environments e
    on e.id = v.environment_id where e.project_id = '${p.id}'`).n, 3);
  assert.deepEqual((await evaluate(p))[0].keys.map((k) => k.result), ['notDue']);
  assert.equal(audit(org, 'rotation.failed').filter((row) => row.project_id === p.id).length, 2);
  verdict(0);
});

test('a value that is changed by hand meanwhile wins', async () => {
  const p = await world();
  await variable(p, 'API_TOKEN');
  verdict(2);
  await rotate(p, { keys: ['API_TOKEN'], generator: { type: 'uuid' } });
  await newest(p, 'VERIFYING');
  await variable(p, 'API_TOKEN', 'set by hand');
  verdict(0);
  await newest(p, 'SUPERSEDED');
  assert.deepEqual(states(p, 'API_TOKEN')[3], 'ACTIVE');
  assert.equal(await value(p, 'API_TOKEN'), 'set by hand');
});

test('a live preview is deployed with it first; when that fails it gets the active one back', async () => {
  const p = await world();
  await variable(p, 'API_TOKEN');
  const d = await preview(p, 901);
  const carried = () => one(`select u.version from previews v join attempt_variables u on u.attempt_id = v.attempt_id where v.id = '${d.id}'`)?.version;
  await rotate(p, { keys: ['API_TOKEN'], generator: { type: 'random' } });
  const done = await newest(p, 'DONE');
  assert.equal(done.reason, 'tried with the preview of #901, whose page answered; the verify program accepted it');
  assert.deepEqual([done.trialDeploymentId, carried(), given().version], [d.id, 2, 2]);
  await until('version 1 is retired', () => states(p, 'API_TOKEN')[1] === 'RETIRED', { seconds: 60 });

  verdict(1);
  await rotate(p, { keys: ['API_TOKEN'], generator: { type: 'random' } });
  await newest(p, 'FAILED', 90);
  await until('the preview is back at the active one', () => carried() === 2
    && one(`select status from previews where id = '${d.id}'`).status === 'READY', { seconds: 60 });
  assert.equal(states(p, 'API_TOKEN')[2], 'ACTIVE');
  verdict(0);
});

test('a build that fails with it takes it back, and without a preview to try it with no other value is let through', async () => {
  const p = await world();
  await variable(p, 'API_TOKEN', 'the value before the build');
  const d = await preview(p, 903);
  await faults({ mode: 'fail-build' });
  await rotate(p, { keys: ['API_TOKEN'], generator: { type: 'random' } });
  const refused = await until('the first value is refused', () => audit(org, 'rotation.failed').find((row) => row.project_id === p.id), { seconds: 60 });
  assert.match(refused.after.reason, /^the preview of #903 could not be deployed with it \(BUILD_FAILED: /);
  await until('the preview is in error', () => one(`select status from previews where id = '${d.id}'`).status === 'ERROR', { seconds: 60 });
  await newest(p, 'PENDING');
  assert.deepEqual(states(p, 'API_TOKEN'), { 1: 'ACTIVE', 2: 'FAILED', 3: 'PENDING' });
  await faults({ mode: 'none' });
  assert.equal(await value(p, 'API_TOKEN'), 'the value before the build');
  assert.equal((await post(`/deployments/${d.id}/retry`, { token: owner.token })).status, 202);
  assert.equal((await newest(p, 'DONE', 90)).version, 3);
});

test('a policy that reminds tells people once a period and changes nothing', async () => {
  const p = await world();
  await variable(p, 'API_TOKEN');
  await post(`/projects/${p.id}/notifications`, { token: owner.token, body: { notifier: 'webhook', settings: { url: 'http://127.0.0.1:9/' } } });
  age(p, 400);
  const made = await policy(p, { generator: { type: 'remind' } });
  await newest(p, 'REMINDED');
  await until('it was looked at again', async () => (await get(at(p, `/${made.id}`), { token: owner.token })).json.lastEvaluatedAt > new Date(Date.now() - 900).toISOString());
  assert.equal((await rotations(p)).length, 1);
  assert.deepEqual(states(p, 'API_TOKEN'), { 1: 'ACTIVE' });
  assertError(await rotate(p, { keys: ['API_TOKEN'] }), 422, 'ValidationError');
});

test('a worker that is killed in any state is followed by one that goes on with the same value', async () => {
  const p = await world();
  await variable(p, 'API_TOKEN');
  await preview(p, 902);
  verdict(2);
  await rotate(p, { keys: ['API_TOKEN'], generator: { type: 'random' } });
  const seen = new Set();
  const killAll = async () => {
    for (const { pid, role } of childrenOf(Number(await part('opshubd', 'pid')))) if (role === 'worker') kill(pid, 'SIGKILL');
  };
  for (let n = 0; n < 4; n++) {
    const [r] = await until('it has got further', async () => { const all = await rotations(p); return !seen.has(all[0].state) && all; }, { seconds: 60 })
      .catch(() => rotations(p));
    seen.add(r.state);
    await killAll();
    if (r.state === 'VERIFYING') break;
  }
  verdict(0);
  const done = await newest(p, 'DONE', 90);
  assert.equal(done.version, 2, `a second value was made: killed in ${[...seen]}`);
  assert.deepEqual(states(p, 'API_TOKEN')[2], 'ACTIVE');
  assert.equal(await value(p, 'API_TOKEN'), given().value);
});

test('no value is in the log, in a reason or in the audit', () => {
  const log = readFileSync(env.log, 'utf8');
  const told = run('select reason from rotations') + run('select facts from notifications') + run('select after from audit_log');
  assert.ok(secrets.length > 5);
  for (const one of secrets.filter((secret) => secret.length >= 20)) assert.ok(!log.includes(one) && !told.includes(one));
});
