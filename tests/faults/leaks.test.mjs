// stack: --no-daemon --workers 1 --fast
// seconds: 300
// Where a secret may not be: every value that is secret here is searched for, after the product has been used in all ways, in the
// database, in Redis and what went to it, in all logs and answers, in command lines and environments, and in memory.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { api, get, post } from '../lib/client.mjs';
import { command } from '../lib/command.mjs';
import { env } from '../lib/env.mjs';
import { deliver, ofRepository, pullRequest } from '../lib/github.mjs';
import { daemon } from '../lib/github-login.mjs';
import { searchMemory } from '../lib/memory.mjs';
import { part } from '../lib/part.mjs';
import { organization, person, project } from '../lib/people.mjs';
import { childrenOf } from '../lib/processes.mjs';
import { keyName, newKey, openProjectKey } from '../lib/sealing.mjs';
import { rows, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

// With characters that look otherwise in a URL and in JSON.
const marked = (prefix) => `${prefix}${randomBytes(9).toString('hex')}/+"${randomBytes(9).toString('hex')}`;
const token = marked('vcp_token'), wrongToken = marked('vcp_wrong'), hookSecret = `whsec_${randomBytes(32).toString('base64')}`;
const variable = marked('vcp_variable'), imported = marked('imported'), broken = marked('broken'), revealed = marked('revealed');
const header = marked('header'), refusedHeader = marked('refused_header');
const first = Buffer.from(process.env.ENCRYPTION_KEY_BASE64, 'base64'), second = newKey();
const seen = []; // answers of the API
let owner, org, deployed, cloud, monitor, monitored = '', receiver;

const ask = async (method, path, body) => {
  const answer = await api(method, path, { token: owner.token, body });
  seen.push(answer.text, [...answer.headers].join('\n'));
  return answer;
};

async function newest(p, pr) {
  return (await get(`/projects/${p.id}/deployments`, { token: owner.token })).json.find((d) => d.prNumber === pr);
}
const ends = (p, pr, status) => until(`${pr} in ${status}`, async () => {
  const d = await newest(p, pr);
  if (d?.status === status) return d;
  throw new Error(JSON.stringify(d));
}, { seconds: 60 });
const open = (p, pr) => deliver('pull_request', ofRepository(pullRequest('opened', pr), p.repoFullName));

before(async () => {
  const child = spawn(`${env.bin}/opshub-mock-cloud`, ['--port', '0', '--build-ms', '100', '--with-parent'],
    { env: { ...process.env, MOCK_CLOUD_TOKEN: token }, stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise((resolve, reject) => {
    child.stdout.on('data', (data) => resolve(/listening on (\S+)/.exec(data)[1]));
    child.on('exit', () => reject(new Error('the cloud ended early')));
  });
  cloud = { url, stop: () => child.kill('SIGTERM') };
  receiver = { seen: 0 };
  receiver.server = createServer((request, answer) => request.resume().on('end', () => { receiver.seen++; answer.writeHead(204).end(); }));
  await new Promise((resolve) => { receiver.server.listen(0, '127.0.0.1', resolve); });
  daemon.set({ API_PROCESSES: '1', PLUGINS_ALLOW_PRIVATE: 'mock,webhook', MOCK_BUILD_MS: '100', REPAIR_MS: '500', LOG_LEVEL: 'debug',
    MOCK_PROVIDER_URL: '', MOCK_PROVIDER_PORT: '0' });
  monitor = spawn('redis-cli', ['-u', env.redis, 'monitor'], { stdio: ['ignore', 'pipe', 'inherit'] });
  monitor.stdout.setEncoding('latin1').on('data', (text) => { monitored += text; });
  await part('opshubd', 'start');
  owner = await person('owner');
  org = await organization(owner);
});
after(() => {
  monitor.kill('SIGTERM');
  cloud.stop();
  receiver.server.close();
});

test('the product is used, and misused', async () => {
  deployed = await project(org, owner);
  assert.equal((await ask('PUT', `/projects/${deployed.id}/provider`, { provider: 'mock', url: cloud.url, token })).status, 200);
  await open(deployed, 1);
  await ends(deployed, 1, 'READY');
  const hook = await ask('POST', `/projects/${deployed.id}/notifications`, { notifier: 'webhook',
    settings: { url: `http://127.0.0.1:${receiver.server.address().port}`, secret: hookSecret } });
  assert.equal(hook.status, 201, hook.text);
  const tested = await ask('POST', `/projects/${deployed.id}/notifications/${hook.json.id}/test`);
  assert.ok(tested.status < 300, tested.text);
  for (const [method, path] of [['GET', `/projects/${deployed.id}`], ['GET', `/projects/${deployed.id}/provider`], ['GET', `/projects/${deployed.id}/notifications`],
    ['GET', `/orgs/${org.id}/audit`], ['POST', `/projects/${deployed.id}/provider/verify`], ['GET', `/projects/${deployed.id}/deployments`]]) await ask(method, path);
  // wrong ones: a body that is refused, one that is no JSON, one that is too long, a token that the provider refuses
  assert.equal((await ask('PUT', `/projects/${deployed.id}/provider`, { provider: 'mock', url: 'ftp://x', token, colour: token })).status, 422);
  assert.equal((await ask('PUT', `/projects/${deployed.id}/provider`, `{"provider":"mock","token":${JSON.stringify(token)},`)).status, 415);
  const noJson = await api('PUT', `/projects/${deployed.id}/provider`, { token: owner.token, body: `{"token":${JSON.stringify(token)},`, headers: { 'content-type': 'application/json' } });
  assert.equal(noJson.status, 400);
  seen.push(noJson.text);
  const refused = await project(org, owner);
  assert.equal((await ask('PUT', `/projects/${refused.id}/provider`, { provider: 'mock', url: cloud.url, token: wrongToken })).status, 200);
  await open(refused, 2);
  await ends(refused, 2, 'ERROR');
  seen.push((await post('/webhooks/github', { token: null, body: { zen: 'unsigned' }, headers: { 'x-github-event': 'ping' } })).text);
});

// What an answer is for is no leak in it: these two are not kept.
const toldOnPurpose = async (path) => {
  const answer = await post(path, { token: owner.token, body: { reason: 'a test asks' } });
  assert.equal(answer.status, 200, answer.text);
  assert.ok(answer.text.includes(revealed.slice(0, 20)));
};

test('variables are set, imported, refused, rolled back and revealed', async () => {
  const [{ id }] = (await ask('GET', `/projects/${deployed.id}/environments`)).json, at = `/environments/${id}/envvars`;
  assert.equal((await ask('POST', at, { key: 'FIRST', value: variable })).status, 201);
  assert.equal((await ask('PUT', `${at}/FIRST`, { value: revealed })).status, 200);
  assert.ok((await ask('POST', `${at}/FIRST/rollback`, { version: 1 })).status < 300);
  assert.equal((await ask('PUT', `${at}/FIRST`, { value: revealed })).status, 200);
  const load = async (text) => {
    const answer = await post(`${at}/import`, { token: owner.token, body: text, headers: { 'content-type': 'text/plain' } });
    seen.push(answer.text);
    return answer.status;
  };
  assert.equal(await load(`SECOND='${imported}'\n`), 200);
  assert.equal(await load(`THIRD='${broken}'\nno line ${broken}\n`), 422);
  assert.equal((await ask('POST', at, { key: 'no key', value: broken })).status, 422);
  assert.equal((await ask('POST', at, { key: 'LONG', value: broken.repeat(3000) })).status, 422);
  for (const path of [at, `${at}/FIRST`, `${at}/FIRST/versions`, `${at}/export`, `/orgs/${org.id}/audit`]) await ask('GET', path);
  await toldOnPurpose(`${at}/FIRST/reveal`);
  await toldOnPurpose(`${at}/export`);
  await ask('DELETE', `${at}/SECOND`);
});

test('health checks with secret headers are made, refused, probed, changed and deleted', async () => {
  const at = `/projects/${deployed.id}/health-checks`, url = `http://127.0.0.1:${receiver.server.address().port}/`;
  const made = await ask('POST', at, { name: 'x', url, headers: [{ name: 'Authorization', value: header }] });
  assert.equal(made.status, 201, made.text);
  assert.equal((await ask('POST', at, { name: 'x', url, headers: [{ name: 'X Y', value: refusedHeader }] })).status, 422);
  assert.equal((await ask('POST', `/health-checks/${made.json.id}/run`)).status, 200);
  assert.equal((await ask('PATCH', `/health-checks/${made.json.id}`, { headers: made.json.headers })).status, 200);
  for (const path of [at, `/health-checks/${made.json.id}`, `/orgs/${org.id}/audit`]) await ask('GET', path);
  const gone = await ask('POST', at, { name: 'y', url, headers: [{ name: 'Authorization', value: header }] });
  assert.equal((await ask('DELETE', `/health-checks/${gone.json.id}`)).status, 204);
  assert.equal((await ask('POST', `/health-checks/${made.json.id}/disable`)).status, 200);
});

test('the master key is changed while it runs', async () => {
  daemon.set({ ENCRYPTION_KEY_BASE64: second.toString('base64'), ENCRYPTION_KEY_PREVIOUS_BASE64: first.toString('base64') });
  await part('opshubd', 'stop');
  await part('opshubd', 'start');
  const { status, stdout, stderr } = await command('keys', 'rotate');
  assert.equal(status, 0, stderr);
  seen.push(stdout, stderr);
  await open(deployed, 3);
  await ends(deployed, 3, 'READY');
  await ask('PUT', `/projects/${deployed.id}/provider`, { url: cloud.url, token });
  await until('the webhook was told', () => receiver.seen >= 2);
  await until('nothing is under way', () => rows("select id from jobs where state <> 'delayed'").length === 0
    && rows("select seq from notifications where state = 'waiting'").length === 0);
});

// ---- the search ----

const dataKeys = () => rows("select project_id, encode(wrapped, 'hex') as wrapped from project_keys")
  .map((row) => openProjectKey(second, row.project_id, Buffer.from(row.wrapped, 'hex')));
// Base64 of a text that has the value somewhere inside: without the digits that what stands around it decides about.
const inBase64 = (bytes) => [0, 1, 2].map((shift) => {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64').replace(/=+$/, '');
  return text.slice(shift ? shift + 1 : 0, bytes.length % 3 === (3 - shift) % 3 ? undefined : -1);
});

function forms(name, value) {
  const bytes = Buffer.from(value), text = typeof value === 'string' ? [encodeURIComponent(value), JSON.stringify(value).slice(1, -1)] : [];
  return [...new Set([bytes.toString('latin1'), bytes.toString('hex'), ...inBase64(bytes), ...text.map((t) => Buffer.from(t).toString('latin1'))])]
    .map((form) => ({ name, bytes: Buffer.from(form, 'latin1') }));
}

function needles() {
  const all = { token, 'a variable': variable, 'an imported variable': imported, 'a variable that was refused': broken, 'a variable that was revealed': revealed,
    'a header of a check': header, 'a header that was refused': refusedHeader,
    'a token that was refused': wrongToken, 'secret of the webhook notifier': hookSecret, JWT_SECRET: env.jwtSecret,
    GITHUB_WEBHOOK_SECRET: env.webhookSecret, 'the master key': second, 'the master key before': first };
  return [...Object.entries(all), ...dataKeys().map((key) => [`data key ${keyName(key)}`, key])].flatMap(([name, value]) => forms(name, value));
}

function assertClean(where, text) {
  const bytes = Buffer.from(text);
  for (const needle of needles()) {
    const at = bytes.indexOf(needle.bytes);
    assert.ok(at < 0, `${where} has ${needle.name}: …${bytes.subarray(Math.max(0, at - 80), at).toString('latin1')}`);
  }
}

test('the search finds what it searches for', () => {
  for (const value of [token, second]) {
    const bytes = Buffer.from(value);
    for (const around of ['', 'x', 'xy', 'xyz']) {
      const hidden = Buffer.concat([Buffer.from(around), bytes, Buffer.from(around)]);
      for (const text of [hidden, hidden.toString('base64'), bytes.toString('hex')]) assert.throws(() => assertClean('a text', text), /a text has/);
    }
  }
  assert.throws(() => assertClean('a text', `?t=${encodeURIComponent(token)}&x`), /a text has/);
});

test('not in the database', () => {
  const dump = execFileSync('pg_dump', ['--inserts', '--no-owner'], { maxBuffer: 256 << 20 });
  assert.ok(dump.includes(deployed.id));
  assertClean('the database', dump);
});

test('not in Redis, nor in anything that was sent to it', () => {
  const redis = (...words) => execFileSync('redis-cli', ['-u', env.redis, '--no-raw', ...words], { encoding: 'latin1', maxBuffer: 64 << 20 });
  assert.match(monitored, /preview-queue/);
  assertClean('MONITOR', monitored);
  for (const key of redis('keys', '*').matchAll(/"(.*)"$/gm)) assertClean(`Redis ${key[1]}`, execFileSync('redis-cli', ['-u', env.redis, 'dump', key[1]]));
});

test('not in a log, nor in an answer', () => {
  for (const name of readdirSync(env.stackDir).filter((file) => file.endsWith('.log'))) assertClean(name, readFileSync(`${env.stackDir}/${name}`));
  assertClean('an answer', seen.join('\n'));
});

test('not in a command line, nor in the environment of a child that does not need it', async () => {
  const supervisor = Number(await part('opshubd', 'pid')), children = childrenOf(supervisor);
  for (const { pid } of [{ pid: supervisor }, ...children]) assertClean(`the command line of ${pid}`, readFileSync(`/proc/${pid}/cmdline`));
  const mock = children.filter(({ role }) => !role);
  assert.equal(mock.length, 1);
  const environment = readFileSync(`/proc/${mock[0].pid}/environ`);
  assert.ok(environment.includes('MOCK_PROVIDER_PORT='));
  assertClean("the mock cloud's environment", environment);
  assert.ok(!environment.includes(process.env.PGPASSWORD), "the database's password is in the mock cloud's environment");
});

test('not in memory, once nothing needs it', async (context) => {
  if (process.getuid() !== 0) return context.skip('only root may read the memory of others');
  const supervisor = Number(await part('opshubd', 'pid'));
  const wrong = [];
  for (const { pid, role = 'mock-cloud' } of childrenOf(supervisor)) {
    for (const hit of searchMemory(pid, needles())) {
      if (hit.inEnvironment) continue; // how it was given its configuration: readable for root and the process itself
      // A variable is opened for a call and wiped with it, also there.
      if (hit.isSecretMemory && !/variable/.test(hit.name)) continue; // the keys, the configuration's secrets, and the settings of plugins that are open lie there
      if (hit.isCopyOfEnvironment) continue; // a sanitizer keeps one
      wrong.push(`${role}: ${hit.name} at ${hit.address.toString(16)} in ${hit.mapping}: ${JSON.stringify(hit.around)}`);
    }
  }
  assert.deepEqual(wrong, []);
});
