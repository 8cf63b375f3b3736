// stack: --no-daemon --env USE_MOCK_PROVIDER=0
// seconds: 240
// exec.so with the program of docs/plugins/examples: docker compose, of which the test has one of its own, and a repository on disk.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { api, get, login } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { commit, deliver, ofRepository, pullRequest } from '../lib/github.mjs';
import { part } from '../lib/part.mjs';
import { organization, person, project } from '../lib/people.mjs';
import { until } from '../lib/until.mjs';

const folder = `${env.stackDir}/exec-test`, docker = `${folder}/bin/docker`, calls = `${folder}/docker.calls`, gate = `${folder}/gate`;
const program = `${folder}/compose.sh`, state = `${env.stackDir}/state`;
const secret = 'exec_S3cretOfTheProject0123456789';
let owner, p, sha, ready;

// It builds while the file "gate" is there, and fails when the sources have a file "broken".
const fakeDocker = `#!/bin/sh
echo "$*" >>'${calls}'
env >>'${folder}/docker.environment'
case "$*" in
*" up "*)
	echo "building $(cat source/page)"; while [ -e '${gate}' ]; do sleep 0.1; done
	[ ! -e source/chatty ] || seq -f 'line %g.' 5000
	[ ! -e source/broken ] || { echo 'no such base image' >&2; exit 17; };;
*" port web 80") echo 0.0.0.0:49155;;
esac
`;

const git = (...args) => execFileSync('git', ['-C', `${folder}/checkout`, '-c', 'user.name=x', '-c', 'user.email=x@example.org', ...args],
  { encoding: 'utf8' }).trim();
function push(file, text, branch) {
  git('checkout', '-qB', branch);
  writeFileSync(`${folder}/checkout/${file}`, text);
  git('add', '-A');
  git('commit', '-qm', text);
  git('push', '-q', `${folder}/acme/${p.name}.git`, branch);
  return git('rev-parse', 'HEAD');
}

const newest = async (pr) => (await get(`/projects/${p.id}/deployments?pr=${pr}`, { token: owner.token })).json[0];
const reached = (pr, status, more = () => true) => until(`PR ${pr} in ${status}`, async () => {
  const seen = await newest(pr);
  if (seen?.status === status && more(seen)) return seen;
  throw new Error(JSON.stringify(seen));
}, { seconds: 60 });
const event = (action, pr, more) => deliver('pull_request', ofRepository(pullRequest(action, pr, more), p.repoFullName));
const logOf = async (d) => (await get(`/deployments/${d.id}/logs`, { token: owner.token })).text;
const folders = () => (existsSync(`${state}/exec`) ? readdirSync(`${state}/exec`) : []);

before(async () => {
  mkdirSync(`${folder}/bin`, { recursive: true });
  mkdirSync(state, { mode: 0o700 });
  writeFileSync(docker, fakeDocker, { mode: 0o755 });
  copyFileSync(fileURLToPath(new URL('../../docs/plugins/examples/compose.sh', import.meta.url)), program);
  chmodSync(program, 0o755);
  appendFileSync(`${env.stackDir}/daemon.env`, [`EXEC_PROGRAM='${program}'`, `STATE_DIRECTORY='${state}'`,
    `PATH='${folder}/bin':"$PATH"`, `COMPOSE_SOURCE='file://${folder}'`, 'EXEC_PASS=COMPOSE_SOURCE,COMPOSE_HOST', 'COMPOSE_HOST=127.0.0.1']
    .map((line) => `export ${line}\n`).join(''));
  await part('opshubd', 'start');
  process.env.OPSHUB_TOKEN = await login('owner');
  owner = await person('owner');
  p = await project(await organization(owner), owner);
  mkdirSync(`${folder}/acme/${p.name}.git`, { recursive: true });
  execFileSync('git', ['init', '-q', '--bare', `${folder}/acme/${p.name}.git`]);
  execFileSync('git', ['init', '-q', `${folder}/checkout`]);
});
after(() => part('opshubd', 'stop'));

test('a project chooses it, and cannot choose the program', async () => {
  const put = (body) => api('PUT', `/projects/${p.id}/provider`, { token: owner.token, body });
  await until('the plugin is loaded', async () => (await get('/providers')).json.find((one) => one.name === 'exec')?.state === 'loaded');
  const refused = await put({ provider: 'exec', program: '/bin/sh' });
  assert.equal(refused.status, 422, refused.text);
  assert.equal((await put({ provider: 'exec', token: secret })).status, 200);
});

test('a pull request is built by docker compose, in the background, from its commit', async () => {
  sha = push('page', 'hello-1', 'feature-1');
  writeFileSync(gate, '');
  assert.equal((await event('opened', 1, { sha })).status, 202);
  const building = await reached(1, 'BUILDING');
  await until('its output is there while it builds', async () => (await logOf(building)).includes('building hello-1'), { seconds: 60 });
  execFileSync('rm', [gate]);
  ready = await reached(1, 'READY');
  assert.equal(ready.url, 'http://127.0.0.1:49155/');
  assert.equal(folders().length, 1);
  assert.match(folders()[0], /^att_[a-z0-9_]+$/);
});

test('docker gets a clean environment, and neither the token nor what is the server\'s', () => {
  const seen = readFileSync(`${folder}/docker.environment`, 'utf8');
  assert.match(seen, /^OPSHUB_SHA=/m);
  assert.match(seen, /^COMPOSE_SOURCE=file:/m);
  assert.doesNotMatch(seen, /DATABASE_URL|JWT_SECRET|ENCRYPTION_KEY/);
  assert.ok(!seen.includes(secret));
  assert.match(readFileSync(calls, 'utf8'), new RegExp(`--project-name ${folders()[0]} --project-directory source up --build --detach`));
});

test('long output is stored to its last page, without the token', async () => {
  push('chatty', 'x', 'feature-4');
  const talks = push('page', `the token is ${secret}`, 'feature-4');
  assert.equal((await event('opened', 4, { sha: talks })).status, 202);
  await reached(4, 'READY');
  const text = await logOf(await newest(4));
  assert.match(text, /the token is \[redacted\]/);
  assert.ok(!text.includes(secret));
  for (const n of [1, 1999, 2000, 2001, 4000, 4001, 5000]) assert.ok(text.includes(`line ${n}.`), `line ${n} is missing`);
});

test('a build that fails says so, with its output', async () => {
  const broken = push('broken', 'x', 'feature-2');
  assert.equal((await event('opened', 2, { sha: broken })).status, 202);
  const failed = await reached(2, 'ERROR');
  assert.equal(failed.errorReason, 'BUILD_FAILED');
  assert.match(failed.message, /docker compose did not bring it up/);
  assert.match(await logOf(failed), /no such base image/);
});

test('a commit that is not there is a failed build too', async () => {
  assert.equal((await event('opened', 3, { sha: commit('nowhere') })).status, 202);
  assert.equal((await reached(3, 'ERROR')).errorReason, 'BUILD_FAILED');
});

test('closing takes everything down and leaves no files', async () => {
  const destroyed = folders();
  for (const pr of [1, 2, 3, 4]) assert.equal((await event('closed', pr)).status, 202);
  for (const pr of [1, 2, 3, 4]) await reached(pr, 'DESTROYED');
  await until('no folder is left', () => folders().length === 0 || Promise.reject(new Error(folders().join())), { seconds: 30 });
  const seen = readFileSync(calls, 'utf8');
  for (const id of destroyed) assert.ok(seen.includes(`--project-name ${id} down --volumes`), id);
});

test('the token is nowhere in the log of the server', () => {
  assert.ok(!readFileSync(env.log, 'utf8').includes(secret));
});
