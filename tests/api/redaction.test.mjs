// stack: --no-daemon --env USE_MOCK_PROVIDER=0 --env REPAIR_MS=500
// seconds: 240
// A build that prints everything it was given: what is stored of it, what is said about it, and the log of the server.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { api, get, login } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { deliver, ofRepository, pullRequest } from '../lib/github.mjs';
import { part } from '../lib/part.mjs';
import { organization, person, project } from '../lib/people.mjs';
import { run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';
import { setVariables } from '../lib/variables.mjs';

const folder = `${env.stackDir}/redaction`, program = `${folder}/provider`, state = `${folder}/state`;
const values = {
  DATABASE_URL: 'postgres://user:p@ss/word+1@db.internal/app?x=1&y=%41',
  API_TOKEN: 'tok_5ecretOfTheBuild0123456789',
  PRIVATE_KEY: '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nsecondLineOfThatKey\n-----END KEY-----\n',
  SHORT: 'on',
};
const token = 'exec_S3cretOfTheProject0123456789';
let owner, p;

// Prints what it was given in every way there is, some of it by base64 behind other bytes, and 2,000 lines in between so that pages end.
const provider = `#!/usr/bin/env node
const { appendFileSync, existsSync, readFileSync, writeFileSync } = require('node:fs');
const input = JSON.parse(readFileSync(0, 'utf8')), operation = process.argv[2];
const say = (more) => console.log(JSON.stringify({ type: 'result', ...more }));
const secrets = input.environment && [...Object.values(input.environment), input.token];
if (operation === 'create') {
  const lines = [];
  for (const secret of secrets) {
    lines.push('plain: ' + secret, 'url: ' + encodeURIComponent(secret), 'form: ' + new URLSearchParams({ x: secret }));
    for (const before of ['', 'a', 'ab', 'abc']) {
      lines.push('base64: ' + Buffer.from(before + secret).toString('base64'), 'base64url: ' + Buffer.from(before + secret).toString('base64url'));
    }
    for (let i = 0; i < 700; i++) lines.push('line ' + i + ' and ' + secret.split('\\n')[0]);
  }
  const text = lines.join('\\n') + '\\nthe end\\n';
  appendFileSync(process.env.OPSHUB_LOG, text);
  writeFileSync('leak', secrets.join(' '));
  console.error('to the error stream: ' + secrets.join(' '));
  say({ state: 'BUILDING' });
} else if (operation === 'status') {
  const leak = readFileSync('leak', 'utf8');
  console.log(JSON.stringify({ type: 'progress', text: 'progress with ' + leak }));
  say({ state: 'FAILED', reason: 'BUILD', message: 'the build failed with ' + leak });
} else if (operation === 'destroy') say({});
else process.exit(21);
`;

const encodings = (secret) => [secret, encodeURIComponent(secret), ...['', 'a', 'ab'].flatMap((before) => {
  const from = Math.ceil(before.length * 8 / 6), to = Math.floor((before.length + Buffer.byteLength(secret)) * 8 / 6);
  return ['base64', 'base64url'].map((how) => Buffer.from(before + secret).toString(how).slice(from, to));
})];
const needles = [...Object.values(values).filter((v) => v.length > 5), token, ...values.PRIVATE_KEY.split('\n').filter((line) => line.length >= 12)].flatMap(encodings);
const nothingIn = (text, where) => {
  for (const needle of needles) assert.ok(!text.includes(needle), `${where} holds ${needle}`);
};
const event = (action, pr) => deliver('pull_request', ofRepository(pullRequest(action, pr), p.repoFullName));
const failed = (pr) => until(`PR ${pr} has failed`, async () => {
  const [d] = (await get(`/projects/${p.id}/deployments?pr=${pr}`, { token: owner.token })).json;
  if (d?.status === 'ERROR') return d;
  throw new Error(JSON.stringify(d));
}, { seconds: 60 });
const logOf = async (d) => {
  let text = '', after = 0;
  for (;;) {
    const { json } = await get(`/deployments/${d.id}/logs?after=${after}`, { token: owner.token });
    if (!json.length) return text;
    text += json.map((part) => part.text).join('');
    after = json.at(-1).seq;
  }
};

before(async () => {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  writeFileSync(program, provider, { mode: 0o755 });
  appendFileSync(`${env.stackDir}/daemon.env`, [`EXEC_PROGRAM='${program}'`, `STATE_DIRECTORY='${state}'`].map((line) => `export ${line}\n`).join(''));
  await part('opshubd', 'start');
  process.env.OPSHUB_TOKEN = await login('owner');
  owner = await person('owner');
  p = await project(await organization(owner), owner);
  await until('the plugin is loaded', async () => (await get('/providers')).json.find((one) => one.name === 'exec')?.state === 'loaded');
  assert.equal((await api('PUT', `/projects/${p.id}/provider`, { token: owner.token, body: { provider: 'exec', token } })).status, 200);
  setVariables(p.id, values);
});
after(() => part('opshubd', 'stop'));

test('a build log holds no value that the build was given, in no form, and says which it was', async () => {
  await event('opened', 1);
  const d = await failed(1), text = await logOf(d);
  nothingIn(text, 'the build log');
  assert.ok(text.split('\n').length > 2500, 'it goes over pages');
  for (const key of ['DATABASE_URL', 'API_TOKEN', 'PRIVATE_KEY', 'redacted']) assert.ok(text.includes(`plain: [${key}]`), key);
  assert.match(text, /url: \[DATABASE_URL\]/);
  assert.match(text, /form: x=\[DATABASE_URL\]/);
  assert.match(text, /base64: \[API_TOKEN\]/);
  assert.match(text, /plain: on\n/, 'a value of two letters is left alone');
  assert.match(text, /the end/);
});

test('nor does a message, an event, a notification, a row of the database or the log of the server', async () => {
  const d = await failed(1);
  assert.match(d.message, /the build failed with \[API_TOKEN\] \[DATABASE_URL\]/);
  nothingIn(readFileSync(env.log, 'utf8'), 'the log of the server');
  assert.match(readFileSync(env.log, 'utf8'), /progress with \[API_TOKEN\]/);
  nothingIn(run(`select t::text from previews t; select t::text from preview_attempts t; select t::text from deploy_events t;
    select t::text from notifications t; select t::text from jobs t; select t::text from build_logs t`), 'the database');
});

test('what cannot be searched for a value is not kept', async () => {
  run(`update env_var_versions set sealed = null where var_id = (select id from env_vars where key = 'API_TOKEN' and environment_id in
    (select id from environments where project_id = '${p.id}'))`);
  run(`update preview_attempts set status = 'QUEUED', deadline_at = now() + interval '1 hour', next_at = now(), log_cursor = '', log_bytes = 0
    where preview_id in (select id from previews where project_id = '${p.id}');
    delete from build_logs; update previews set settled_generation = 0, status = 'BUILDING', message = null where project_id = '${p.id}'`);
  const d = await failed(1);
  assert.match(d.message, /^what the provider said is not kept: .* the variable API_TOKEN has no value/);
  assert.match(await logOf(d), /^\[what the provider said is not kept: [^\n]*\]\n$/);
  nothingIn(readFileSync(env.log, 'utf8'), 'the log of the server');
});
