// stack: --fast --api 2 --workers 1 --env RATE_LIMIT_GENERAL=60 --env RATE_LIMIT_GENERAL_WINDOW_MS=60000 --env RATE_LIMIT_AUTH=20 --env RATE_LIMIT_AUTH_WINDOW_MS=60000 --env RATE_LIMIT_WEBHOOK=10 --env RATE_LIMIT_WEBHOOK_WINDOW_MS=20000 --env TRUSTED_PROXIES=127.0.0.0/8
// seconds: 240
// Rate limits on two api processes and a real Redis: who is counted, exactly how much gets in, what every answer says, and
// what happens when Redis does not answer. The stack's own address is a trusted proxy: each test is a client of its own.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { api, assertError, get, post } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { deliver } from '../lib/github.mjs';
import { logLines } from '../lib/log.mjs';
import { part } from '../lib/part.mjs';
import { eachOf, until } from '../lib/until.mjs';

const redis = (...args) => execFileSync('redis-cli', ['-u', env.redis, ...args], { encoding: 'utf8', timeout: 10_000 }).trim();
const from = (address, more = {}) => ({ 'x-forwarded-for': address, connection: 'close', ...more });
const number = (answer, name) => Number(answer.headers.get(name) ?? NaN);
const left = (answer) => number(answer, 'x-ratelimit-remaining');
const who = (answer) => answer.headers.get('x-request-id').slice(0, 16); // one for each api process
const count = (answers, status) => answers.filter((answer) => answer.status === status).length;
// What Redis was asked for, and for how many requests; and how often processes counted alone.
const leases = () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(redis('info', 'commandstats'))?.[1] ?? 0);
const alone = () => logLines().filter((line) => /does for itself/.test(line.message)).length;
const connections = () => redis('client', 'list').split('\n').filter((line) => line.includes('name=opshub-limits')).length;
// A process that counted alone says so, and says when it does not any more: at its next request from somebody new.
let passers = 0;
const shared = () => until('both processes ask Redis', async () => {
  await get('/me', { token: null, headers: from(`192.0.2.${passers++ % 256}`) });
  return connections() === 2 && alone() === logLines().filter((line) => /counts requests again/.test(line.message)).length;
}, { every: 10 });

// A user nobody else uses, logged in from an address nobody else has.
let users = 0;
async function user() {
  const n = ++users;
  const answer = await post('/test/login-as', { token: null, headers: from(`198.51.100.${n}`), body: { email: `limits-${n}@example.com` } });
  assert.equal(answer.status, 200, answer.text);
  return { token: answer.json.token, id: answer.json.user.id, ask: (path = '/me', headers = {}) => get(path, { token: answer.json.token, headers: from(`198.51.100.${n}`, headers) }) };
}

const webhook = (address, secret) => deliver('ping', { zen: 'Keep it logically awesome.' }, { secret, headers: from(address) });

test('every answer of a limited route says where its caller stands, errors too', async () => {
  const u = await user();
  const before = Math.floor(Date.now() / 1000);
  const first = await u.ask();
  assert.equal(first.status, 200, first.text);
  assert.equal(number(first, 'x-ratelimit-limit'), 60);
  assert.equal(left(first), 59);
  assert.ok(number(first, 'x-ratelimit-reset') > before && number(first, 'x-ratelimit-reset') <= before + 3, 'one token comes back in a second');
  for (const [path, status] of [['/projects/proj_nothing/deployments', 404], ['/deployments/nothing', 404], ['/projects?limit=x', 422]]) {
    const answer = await u.ask(path);
    assert.equal(answer.status, status, answer.text);
    assert.ok(left(answer) < 59 && left(answer) > 50, `${path}: ${left(answer)}`);
  }
  const head = await api('HEAD', '/me', { token: u.token, headers: from('198.51.100.250') });
  assert.ok(left(head) > 50);
});

test('health, readiness and the dashboard have no limit', async () => {
  for (const path of ['/healthz', '/readyz', '/', '/dashboard', '/dashboard/app.js']) {
    const answers = await eachOf(Array(80).fill(path), 8, () => get(path, { token: null, headers: from('198.51.100.251') }));
    assert.equal(count(answers, 200), 80, path);
    assert.equal(answers[0].headers.get('x-ratelimit-limit'), null, path);
  }
});

// Counting alone for a moment, on a machine that is busy with other things, is no fault; but then nothing is exact.
async function together(work) {
  for (let i = 0; i < 4; i++) {
    await shared();
    const before = alone();
    const failure = await work().then(() => null, (error) => error);
    if (alone() === before) {
      if (failure) throw failure;
      return;
    }
  }
  throw new Error('Redis did not answer within 50 ms in any of four runs');
}

test('two processes let in exactly as many as the limit says, and say when to come back', () => together(async () => {
  const u = await user();
  await shared();
  const started = Date.now();
  const answers = await eachOf(Array(240).fill(0), 24, () => u.ask());
  const back = Math.floor((Date.now() - started) / 1000); // one token a second comes back meanwhile
  const taken = count(answers, 200);
  assert.ok(taken >= 60 && taken <= 60 + back, `${taken} in ${Date.now() - started} ms`);
  assert.equal(taken + count(answers, 429), 240);
  assert.equal(new Set(answers.filter((answer) => answer.status === 200).map(who)).size, 2, 'both processes answered');
  for (const answer of answers.filter((one) => one.status === 429)) {
    assertError(answer, 429, 'RateLimitError');
    assert.match(answer.json.message, /60 in 60 s.*Try again in 1 s/);
    assert.equal(answer.headers.get('retry-after'), '1');
    assert.equal(left(answer), 0);
    assert.equal(number(answer, 'x-ratelimit-limit'), 60);
    assert.ok(number(answer, 'x-ratelimit-reset') >= Math.floor(started / 1000) + 57);
  }
}));

test('what Retry-After says is enough', async () => {
  const u = await user();
  await until('it is used up', async () => (await u.ask()).status === 429, { every: 0 });
  const again = await until('a token is back', async () => {
    const answer = await u.ask();
    return answer.status === 200 && answer;
  }, { seconds: 3 });
  assert.equal(left(again), 0);
});

test('one user at the limit bothers no other, and a user is one user from everywhere', async () => {
  const u = await user();
  const other = await user();
  await until('it is used up', async () => (await u.ask()).status === 429, { every: 0 });
  assert.equal((await other.ask()).status, 200);
  assertError(await get('/me', { token: u.token, headers: from('203.0.113.200') }), 429, 'RateLimitError');
});

test('a busy caller costs Redis little: tokens are leased, the last ones one by one', () => together(async () => {
  const u = await user();
  const agent = (path) => get(path, { token: u.token, headers: { 'x-forwarded-for': '198.51.100.252' } }); // keeps its connection
  const before = leases();
  for (let i = 0; i < 40; i++) assert.equal((await agent('/me')).status, 200);
  assert.ok(leases() - before < 36, `${leases() - before} for 40 requests`);
  const key = `opshub:limit:{general:${u.id}}`;
  assert.equal(redis('type', key), 'string');
  const ttl = Number(redis('pttl', key));
  assert.ok(ttl > 20_000 && ttl <= 60_000, `gone when the bucket is full: ${ttl} ms`);
}));

test('nobody logged in: by address, and an IPv6 customer is his /64', async () => {
  const ask = (address) => get('/me', { token: null, headers: from(address) });
  const first = await ask('2001:db8:7:1::1');
  assertError(first, 401, 'UnauthorizedError');
  assert.equal(left(first), 59);
  await until('it is used up', async () => (await ask(`2001:db8:7:1::${Math.floor(Math.random() * 60000).toString(16)}`)).status === 429, { every: 0 });
  assert.equal((await ask('2001:db8:7:2::1')).status, 401);
  assert.equal((await ask('198.51.100.240')).status, 401);
});

test('logins: by address; past the limit nobody is let in from there, with a good token too', async () => {
  const login = (address) => post('/test/login-as', { token: null, headers: from(address), body: { email: 'limits-0@example.com' } });
  const answers = await eachOf(Array(40).fill(0), 4, () => login('203.0.113.1'));
  assert.ok(count(answers, 200) >= 20 && count(answers, 200) <= 22, `${count(answers, 200)}`);
  const refused = answers.find((answer) => answer.status === 429);
  assertError(refused, 429, 'RateLimitError');
  assert.match(refused.json.message, /logins/);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  assert.equal(number(refused, 'x-ratelimit-limit'), 20);
  const elsewhere = await login('203.0.113.2');
  assert.equal(elsewhere.status, 200);
  assert.equal((await get('/me', { token: elsewhere.json.token, headers: from('203.0.113.1') })).status, 200, 'who is logged in may go on');
  const out = await post('/auth/logout', { token: elsewhere.json.token, headers: from('203.0.113.1') });
  assert.equal(out.status, 429, 'everything below /auth/');
});

test('refused credentials: by address, whichever they are', async () => {
  const tokens = ['nonsense', `${env.token.slice(0, -3)}AAA`, 'oph_0000000000000000000000000000000000000000000'];
  const answers = await eachOf(Array(40).fill(0), 4, (_, i) => get('/me', { token: tokens[i % 3], headers: from('203.0.113.10') }));
  assert.ok(count(answers, 401) >= 20 && count(answers, 401) <= 22, `${count(answers, 401)}`);
  assert.equal(count(answers, 429), 40 - count(answers, 401));
  assert.equal(number(answers[0], 'x-ratelimit-limit'), 20);
  const login = await post('/test/login-as', { token: null, headers: from('203.0.113.10'), body: { email: 'limits-0@example.com' } });
  assert.equal(login.status, 429, 'guessing and logging in are one bucket');
  const u = await user();
  assert.equal((await get('/me', { token: u.token, headers: from('203.0.113.10') })).status, 200, 'a good token is good');
});

test('webhooks: those that verify are never limited nor counted, the others are, by address', async () => {
  const one = await webhook('203.0.113.20');
  assert.equal(one.status, 200, one.text);
  assert.equal(one.headers.get('x-ratelimit-limit'), null);
  const bad = await eachOf(Array(30).fill(0), 6, () => webhook('203.0.113.20', 'not the secret'));
  assert.ok(count(bad, 401) >= 10 && count(bad, 401) <= 12, `${count(bad, 401)}`);
  assert.equal(count(bad, 429), 30 - count(bad, 401));
  assert.equal(number(bad[0], 'x-ratelimit-limit'), 10);
  const refused = bad.find((answer) => answer.status === 429);
  assertError(refused, 429, 'RateLimitError');
  assert.match(refused.json.message, /signature/);
  const good = await eachOf(Array(100).fill(0), 8, () => webhook('203.0.113.20'));
  assert.equal(count(good, 200), 100);
  assert.equal(good[0].headers.get('x-ratelimit-limit'), null);
  assert.equal((await webhook('203.0.113.21', 'not the secret')).status, 401, 'another address');
  const recovered = await until('a token is back', async () => (await webhook('203.0.113.20', 'not the secret')).status === 401, { seconds: 10 });
  assert.ok(recovered);
});

test('only what a trusted proxy adds names the client: an address in front of it does not help', async () => {
  const ask = (n) => get('/me', { token: null, headers: from(`10.9.8.${n}, 203.0.113.30, 127.0.0.1`) });
  const answers = await eachOf(Array.from({ length: 100 }, (_, i) => i), 4, ask);
  assert.ok(count(answers, 429) >= 30, `${count(answers, 429)}`);
});

// ---- without Redis ----

// Each of two processes may let in a bucket of its own, no more.
async function limitedAlone() {
  const u = await user();
  const started = Date.now();
  const answers = await eachOf(Array(240).fill(0), 12, async () => {
    const asked = Date.now();
    const answer = await u.ask();
    return { ...answer, ms: Date.now() - asked };
  });
  const back = 2 * Math.ceil((Date.now() - started) / 1000);
  const taken = count(answers, 200);
  assert.ok(taken >= 60 && taken <= 120 + back, `${taken}`);
  assert.equal(taken + count(answers, 429), 240);
  assert.equal(number(answers[0], 'x-ratelimit-limit'), 60);
  return answers;
}

test('Redis stopped: each process counts for itself, and nobody notices', async () => {
  await part('redis', 'stop');
  try {
    await until('the connections are gone', async () => (await get('/readyz', { token: null })).json.redis !== 'up');
    await limitedAlone();
  } finally {
    await part('redis', 'start');
  }
});

test('Redis is back, empty: counted together again', () => together(async () => {
  const u = await user();
  const answers = await eachOf(Array(120).fill(0), 8, () => u.ask());
  assert.ok(count(answers, 200) >= 60 && count(answers, 200) < 75, `${count(answers, 200)}`);
  assert.ok(redis('keys', 'opshub:limit:*').length > 0);
}));

test('Redis hanging: a request waits a moment at most, then counts alone', async () => {
  await shared();
  const u = await user();
  await part('redis', 'pause');
  try {
    const times = [];
    for (let i = 0; i < 40; i++) {
      const asked = Date.now();
      assert.equal((await u.ask()).status, 200);
      times.push(Date.now() - asked);
    }
    const slow = times.filter((ms) => ms > 45);
    assert.ok(slow.length <= 6, `${slow.length} of 40 were slow: ${slow}`);
    assert.ok(Math.max(...times) < 400, `${Math.max(...times)} ms`);
    await limitedAlone();
  } finally {
    await part('redis', 'resume');
  }
});

test('Redis refusing writes: counted alone, said once, and together again when it can', async () => {
  await shared();
  redis('config', 'set', 'maxmemory', '1');
  const before = alone();
  try {
    await limitedAlone();
    assert.ok(alone() > before);
  } finally {
    redis('config', 'set', 'maxmemory', '536870912');
  }
  await shared();
});

test('a script that Redis has lost is sent again', () => together(async () => {
  redis('script', 'flush');
  const u = await user();
  assert.equal((await u.ask()).status, 200);
  assert.equal(redis('exists', `opshub:limit:{general:${u.id}}`), '1');
}));

test('an operator can let somebody in again', () => together(async () => {
  const u = await user();
  await until('it is used up', async () => (await u.ask()).status === 429, { every: 0 });
  redis('del', `opshub:limit:{general:${u.id}}`);
  await until('all of it is there', async () => left(await u.ask()) > 50, { seconds: 5 });
}));

test('keys are gone by themselves, and hold no secret', () => {
  const keys = redis('keys', 'opshub:limit:*').split('\n').filter(Boolean);
  for (const key of keys) {
    assert.match(key, /^opshub:limit:\{(general|auth|webhook):[\w.:/-]+\}$/);
    assert.ok(Number(redis('pttl', key)) !== -1, key);
    assert.ok(!key.includes(env.token.slice(0, 20)));
  }
});
