// webhook.so: every message is verified by the reference library of Standard Webhooks, not by us.
// seconds: 200
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { bodyOf, listen } from '../lib/prism.mjs';
import { codes, send, trial } from '../lib/trial.mjs';
import { leadsNowhere, spoil } from '../lib/weather.mjs';

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;
const secret = newSecret(), older = newSecret();
let server, seen, answers;
before(async () => {
  server = await listen(async (request, answer) => {
    seen.push({ path: request.url, method: request.method, headers: request.headers, body: await bodyOf(request) });
    const next = answers.shift() ?? { status: 204 };
    if (next === 'break') return request.socket.destroy();
    if (next.weather) return spoil(next.weather, request, answer);
    return answer.writeHead(next.status, next.headers).end(next.body ?? '');
  });
});
after(() => server.close());
beforeEach(() => { seen = []; answers = []; });

const run = (steps, settings = {}) => trial('webhook', { url: `http://127.0.0.1:${server.port}/hook?from=opshub`, secret, ...settings }, steps,
  { secrets: [secret.slice(6), older.slice(6)] });
const event = (more = {}) => ({
  id: 'note_00112233445566778899aabbccddeeff', kind: 'preview.ready', severity: 1, at: 1700000000123, title: 'Preview ready: #7 "Fix" ä 🚀', text: 'a\nb', url: 'https://web-pr-7.example.app/',
  org: 'acme', project: 'web', repo: 'octocat/web', sha: 'a'.repeat(40), pr: 7, threadKey: 'preview:deploy_1', fields: [{ label: 'Branch', value: 'fix' }], ...more,
});

test('a message that a receiver can verify and read', async () => {
  assert.deepEqual(codes(await run([send(event())])), ['OK']);
  const [{ path, method, headers, body }] = seen;
  assert.deepEqual([method, path, headers['content-type'], headers['webhook-id']], ['POST', '/hook?from=opshub', 'application/json', event().id]);
  assert.deepEqual(new Webhook(secret).verify(body, headers), {
    type: 'preview.ready', timestamp: '2023-11-14T22:13:20.123Z',
    data: { id: event().id, severity: 'success', title: event().title, text: 'a\nb', url: event().url, organization: 'acme', project: 'web', repository: 'octocat/web',
      sha: event().sha, pullRequest: 7, thread: 'preview:deploy_1', fields: [{ label: 'Branch', value: 'fix' }] },
  });
  assert.throws(() => new Webhook(older).verify(body, headers), /No matching signature/);
  assert.throws(() => new Webhook(secret).verify(body.replace('web', 'wed'), headers), /No matching signature/);
  assert.throws(() => new Webhook(secret).verify(body, { ...headers, 'webhook-id': 'note_other' }), /No matching signature/);
});

test('while the secret is changed both fit', async () => {
  const results = await run([{ op: 'verify' }, send(event())], { secret: `${secret} ${older}` });
  assert.deepEqual(codes(results), ['OK', 'OK']);
  assert.deepEqual(results[0].lines.map((line) => [line.label, line.state]), [['Address', 1], ['Signing secrets', 1]]);
  for (const one of [secret, older]) new Webhook(one).verify(seen[0].body, seen[0].headers);
  assert.equal(seen.length, 1, 'verify() has sent something');
});

test('a try again has the same id; what the answers mean', async () => {
  answers = [{ status: 503 }, { status: 200 }];
  assert.deepEqual(codes(await run([send(event())])), ['OK']);
  assert.equal(new Set(seen.map((one) => one.headers['webhook-id'])).size, 1);
  assert.equal(seen.length, 2);
  const rows = [[200, 'OK', /^$/], [202, 'OK', /^$/], [302, 'E_UPSTREAM', /a redirect/], [400, 'E_UPSTREAM', /answered 400/], [401, 'E_UPSTREAM', /does not accept the signature/],
    [404, 'E_UPSTREAM', /answered 404/], [410, 'E_NOT_FOUND', /wants no more events/], [429, 'E_LIMITED', /takes no more/], [500, 'E_UPSTREAM', /answered 500/]];
  answers = rows.map(([status]) => ({ status, headers: { ...(status === 429 && { 'retry-after': '77' }), location: 'https://elsewhere.example' } }));
  const results = await run(rows.map(() => send(event())));
  rows.forEach(([, code, why], i) => assert.ok(results[i].code === code && why.test(results[i].why), JSON.stringify(results[i])));
  assert.equal(results[7].retryAfterMs, 77_000);
});

test('settings that cannot work are refused, without a word of the secret', async () => {
  for (const wrong of ['hunter2', 'whsec_AAAA', `whsec_${randomBytes(65).toString('base64')}`, secret.slice(0, -1), Array(5).fill(secret).join(' ')]) {
    const [result] = await run([send(event())], { secret: wrong });
    assert.ok(result.code === 'E_INVALID' && /secret must be whsec_/.test(result.why), JSON.stringify(result));
  }
  assert.equal(seen.length, 0);
});

test('bad weather: sent again as often as is of use, with the same id', async () => {
  answers = ['break', 'break', { weather: 'html' }];
  assert.deepEqual(codes(await run([send(event())])), ['OK'], 'what the body says is of no interest');
  assert.deepEqual([seen.length, new Set(seen.map((one) => one.headers['webhook-id'])).size], [3, 1]);
  for (const [weather, code] of [['cut', 'E_UPSTREAM'], ['huge', 'E_UPSTREAM'], ['drip', 'E_TIMEOUT']]) {
    answers = Array(3).fill({ weather });
    const [result] = await run([{ ...send(event()), timeoutMs: 8000 }]);
    assert.equal(result.code, code, `${weather}: ${result.why}`);
  }
  answers = [];
  await leadsNowhere(async (url) => (await run([send(event())], { url }))[0]);
});
