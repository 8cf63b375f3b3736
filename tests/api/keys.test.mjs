// stack: --api 1 --workers 1 --env MOCK_BUILD_MS=100 --env REPAIR_MS=500
// seconds: 240
// The master key: the database knows which one is right, and it can be changed while everything runs.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { api, assertError, get } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { deliver, ofRepository, pullRequest } from '../lib/github.mjs';
import { part } from '../lib/part.mjs';
import { organization, person, project } from '../lib/people.mjs';
import { keyName, newKey, open, openProjectKey, seal } from '../lib/sealing.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

const secret = 'vcp_S3cretOfTheCloud0123456789';
const first = Buffer.from(process.env.ENCRYPTION_KEY_BASE64, 'base64'), second = newKey(), third = newKey();
const base64 = (key) => key?.toString('base64') ?? '';
let owner, org, cloud;

const put = (p, body) => api('PUT', `/projects/${p.id}/provider`, { token: owner.token, body });
const masters = (...ids) => rows('select distinct master_id from project_keys order by 1').map((row) => row.master_id).join() === ids.sort().join();

// opshubd with these two keys: { status, text }.
function opshubd(current, previous, ...words) {
  return new Promise((done) => {
    const child = spawn('bash', ['-c', 'set -a; . "$0/daemon.env"; ENCRYPTION_KEY_BASE64=$2 ENCRYPTION_KEY_PREVIOUS_BASE64=$3 PORT=1; exec "$1/opshubd" "${@:4}"',
      env.stackDir, env.bin, base64(current), base64(previous), ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (more) => { text += more; });
    child.on('close', (status) => done({ status, text }));
  });
}

async function restart(current, previous) {
  await part('opshubd', 'stop');
  appendFileSync(`${env.stackDir}/daemon.env`, `export ENCRYPTION_KEY_BASE64='${base64(current)}'\nexport ENCRYPTION_KEY_PREVIOUS_BASE64='${base64(previous)}'\n`);
  await part('opshubd', 'start');
}

async function startCloud() {
  const child = spawn(`${env.bin}/opshub-mock-cloud`, ['--port', '0', '--build-ms', '100', '--with-parent'],
    { env: { ...process.env, MOCK_CLOUD_TOKEN: secret }, stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise((resolve, reject) => {
    child.stdout.on('data', (data) => resolve(/listening on (\S+)/.exec(data)[1]));
    child.on('exit', () => reject(new Error('the cloud ended early')));
  });
  return { url, stop: () => child.kill('SIGTERM') };
}

async function newProject() {
  const p = await project(org, owner);
  const answer = await put(p, { provider: 'mock', url: cloud.url, token: secret });
  assert.equal(answer.status, 200, answer.text);
  return p;
}

// The provider takes a deployment only with the token.
async function deploys(p, pr) {
  await deliver('pull_request', ofRepository(pullRequest('opened', pr), p.repoFullName));
  await until(`a preview of ${p.name}`, async () => {
    const [newest] = (await get(`/projects/${p.id}/deployments`, { token: owner.token })).json;
    if (newest?.status === 'READY') return newest;
    throw new Error(JSON.stringify(newest));
  }, { seconds: 60 });
}

const dataKey = (master, p) => openProjectKey(master, p.id,
  Buffer.from(one(`select encode(wrapped, 'hex') as wrapped from project_keys where project_id = '${p.id}'`).wrapped, 'hex'));
const stored = (p) => one(`select encode(sealed, 'hex') as sealed, key_id from provider_secrets where project_id = '${p.id}' and key = 'token'`);

before(async () => {
  owner = await person('owner');
  org = await organization(owner);
  cloud = await startCloud();
});
after(() => cloud.stop());

test('the first start wrote the canary', () => {
  const { canary, master } = one("select encode(canary, 'hex') as canary, canary_master as master from instance");
  assert.equal(master, keyName(first));
  assert.equal(open(first, ['instance', 'canary'], Buffer.from(canary, 'hex')).toString(), 'opshub/canary/v1');
});

test('ten that start at once agree on one canary, also when they have different keys', async () => {
  const kept = one("select encode(canary, 'hex') as canary from instance").canary;
  run('update instance set canary = null, canary_master = null');
  const all = await Promise.all(Array.from({ length: 10 }, (_, i) => opshubd(i % 2 ? first : second, null, 'keys', 'status')));
  const winner = one('select canary_master as id from instance').id;
  assert.ok([keyName(first), keyName(second)].includes(winner));
  all.forEach(({ status, text }, i) => assert.equal(status, keyName(i % 2 ? first : second) === winner ? 0 : 78, text));
  run(`update instance set canary = '\\x${kept}', canary_master = '${keyName(first)}'`);
});

test('with another key nothing starts: as after a restored dump', async () => {
  for (const words of [[], ['--role=api'], ['--role=worker'], ['keys', 'status'], ['keys', 'rotate']]) {
    const { status, text } = await opshubd(second, null, ...words);
    assert.equal(status, 78, `${words}: ${text}`);
    assert.match(text, new RegExp(`wrong key for this database: it was sealed with the key ${keyName(first)}, ENCRYPTION_KEY_BASE64 is the key ${keyName(second)}; `
      + 'give the old one as ENCRYPTION_KEY_PREVIOUS_BASE64 and run opshubd keys rotate, or restore the right one'));
    for (const key of [first, second]) assert.ok(!text.includes(base64(key)), 'a key is in the message');
  }
});

test('nor on a database from before there was a canary', async () => {
  const p = await project(org, owner);
  run(`begin; create table kept as table project_keys; delete from project_keys; create table canary as select canary from instance;
    update instance set canary = null; insert into project_providers (project_id, provider) values ('${p.id}', 'mock');
    insert into provider_secrets values ('${p.id}', 'mock', 'token', '\\x${seal(first, ['provider_secrets', p.id, 'mock', 'token'], secret).toString('hex')}',
    '${keyName(first)}', '***', now() + interval '1 day'); commit;`);
  const { status, text } = await opshubd(second, null, 'keys', 'status');
  assert.equal(status, 78, text);
  assert.match(text, new RegExp(`sealed with the key ${keyName(first)}`));
  run(`begin; insert into project_keys table kept; update instance set canary = (select canary from canary); drop table kept; drop table canary;
    delete from project_providers where project_id = '${p.id}'; commit;`);
});

test("a token is sealed with the project's data key, and one that the master key had sealed still opens", async () => {
  const p = await newProject(), old = await newProject();
  assert.equal(open(dataKey(first, p), ['provider_secrets', p.id, 'mock', 'token'], Buffer.from(stored(p).sealed, 'hex')).toString(), secret);
  assert.equal(stored(p).key_id, keyName(dataKey(first, p)));
  const sealed = seal(first, ['provider_secrets', old.id, 'mock', 'token'], secret);
  run(`update provider_secrets set sealed = '\\x${sealed.toString('hex')}', key_id = '${keyName(first)}' where project_id = '${old.id}';
    delete from project_keys where project_id = '${old.id}'`);
  await deploys(p, 1);
  await deploys(old, 1);
  const { status, text } = await opshubd(first, null, 'keys', 'rotate');
  assert.equal(status, 0, text);
  assert.match(text, /secrets: 1\b/);
  assert.equal(stored(old).key_id, keyName(dataKey(first, old)));
  await deploys(old, 2);
});

test('the whole change: both keys, rotate, the new one alone; deployments go on at each step', async () => {
  const p = await newProject();
  const check = (await api('POST', `/projects/${p.id}/health-checks`, { token: owner.token, body: { name: 'x', url: 'https://a.example/', headers: [{ name: 'X-Key', value: secret }] } })).json;
  const header = () => open(dataKey(second, p), ['health_check_headers', check.id, 'X-Key'],
    Buffer.from(one(`select encode(sealed, 'hex') as sealed from health_check_headers where check_id = '${check.id}'`).sealed, 'hex')).toString();
  await restart(second, first);
  await deploys(p, 1);
  const fresh = await newProject();
  assert.ok(masters(keyName(first), keyName(second)), 'what is new is sealed with the new key');

  const before = await opshubd(second, first, 'keys', 'status');
  assert.match(before.text, new RegExp(`${keyName(first)}  ENCRYPTION_KEY_PREVIOUS_BASE64 .*the canary`));
  assert.match(before.text, /keys rotate would seal with ENCRYPTION_KEY_BASE64: keys of projects: [1-9]/);
  assert.match(before.text, /ENCRYPTION_KEY_PREVIOUS_BASE64 is needed/);

  const done = await opshubd(second, first, 'keys', 'rotate');
  assert.equal(done.status, 0, done.text);
  assert.match(done.text, /ENCRYPTION_KEY_PREVIOUS_BASE64 may be taken away now/);
  assert.ok(masters(keyName(second)));
  const row = one("select actor_kind, after::jsonb as after from audit_log where org_id = '' and action = 'installation.keys' order by seq desc limit 1");
  assert.equal(row.actor_kind, 'cli');
  assert.deepEqual([row.after.master, row.after.previousMayGo], [keyName(second), true]);
  assert.match((await opshubd(second, first, 'keys', 'status')).text, /PREVIOUS_BASE64 is not needed any more/);
  assert.equal((await opshubd(second, first, 'keys', 'rotate')).status, 0, 'once more does nothing');
  assert.deepEqual((await opshubd(first, null, 'keys', 'status')).status, 78);
  const old = await opshubd(first, second);
  assert.equal(old.status, 78);
  assert.match(old.text, /which opshubd keys rotate has replaced/);

  assert.equal(header(), secret, 'headers of checks went with the key of their project');
  await restart(second, null);
  await deploys(p, 2);
  await deploys(fresh, 1);
});

test('a process from before the change seals nothing new, says why, and loses nothing', async () => {
  const known = await newProject(), unknown = await project(org, owner); // the daemon has only `second`
  assert.equal((await opshubd(third, second, 'keys', 'rotate')).status, 0);
  const answer = await put(unknown, { provider: 'mock', url: cloud.url, token: secret });
  assertError(answer, 503, 'UnavailableError');
  assertError(await put(known, { token: secret }), 503, 'UnavailableError');
  await deliver('pull_request', ofRepository(pullRequest('opened', 77), known.repoFullName));
  await until('the job has been tried', () => one(`select count(*)::int as n from jobs j join previews p on p.id = j.key
    where p.project_id = '${known.id}' and p.pr_number = 77`).n === 1);
  await restart(third, second);
  await until('it deploys with the right key', async () => {
    const [newest] = (await get(`/projects/${known.id}/deployments`, { token: owner.token })).json;
    if (newest?.status === 'READY') return true;
    throw new Error(JSON.stringify(newest));
  }, { seconds: 60 });
});

test('what does not open is named, and the previous key is kept', async () => {
  const p = await newProject(), lost = newKey();
  const kept = one(`select encode(wrapped, 'hex') as wrapped from project_keys where project_id = '${p.id}'`).wrapped;
  run(`update project_keys set wrapped = '\\x${seal(lost, ['project_keys', p.id], newKey()).toString('hex')}', master_id = '${keyName(lost)}' where project_id = '${p.id}'`);
  const { status, text } = await opshubd(third, second, 'keys', 'rotate');
  assert.equal(status, 1, text);
  assert.match(text, new RegExp(`the key of the project ${p.id} is sealed with the master key ${keyName(lost)}`));
  assert.match(text, /keep ENCRYPTION_KEY_PREVIOUS_BASE64/);
  assert.doesNotMatch(text, /may be taken away/);
  assert.match((await opshubd(third, second, 'keys', 'status')).text, new RegExp(`${keyName(lost)}  not here`));
  run(`update project_keys set wrapped = '\\x${kept}', master_id = '${keyName(third)}' where project_id = '${p.id}'`);
  assert.equal((await opshubd(third, second, 'keys', 'rotate')).status, 0);
});
