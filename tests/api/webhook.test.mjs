// stack: --env MOCK_BUILD_MS=200
// seconds: 240
// POST /webhooks/github: who is believed, what is refused and how, what is stored, and what it decides.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { verify } from '@octokit/webhooks-methods';
import { assertError, deployment, deploymentsOf } from '../lib/client.mjs';
import { stats } from '../lib/cloud.mjs';
import { env } from '../lib/env.mjs';
import { commit, deliver, payload, payloadText, pullRequest, signature, timeOfEvent } from '../lib/github.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { eachOf, sleep, until } from '../lib/until.mjs';

const loaded = createRequire(import.meta.url)('@octokit/webhooks-examples');
const examples = loaded.default ?? loaded;
const stored = () => one('select count(*)::int as n from deliveries').n;
const jobs = () => one('select count(*)::int as n from jobs').n;

test('the copied payloads still have the bytes their signatures were made of', async () => {
  const secret = "It's a Secret to Everybody";
  for (const line of payloadText('SIGNATURES.txt').trim().split('\n')) {
    const [expected, name] = line.split(/\s+/);
    assert.equal(await signature(payloadText(name), secret), expected, name);
    assert.ok(await verify(secret, payloadText(name), expected), name);
  }
});

test("every one of GitHub's sample payloads is taken", async () => {
  const all = examples.flatMap(({ name, examples: bodies }) => bodies.map((body) => ({ name, body })));
  assert.ok(all.length > 300, `only ${all.length} examples`);
  const seen = new Set();
  await eachOf(all, 8, async ({ name, body }) => {
    const answer = await deliver(name, body);
    assert.ok([200, 202].includes(answer.status), `${name} ${body.action ?? ''}: ${answer.status} ${answer.text}`);
    seen.add(name);
  });
  assert.equal(seen.size, examples.length);
});

test('the captured payloads of forks, old ones without newer fields, are taken', async () => {
  for (const name of ['pull_request.opened.fork.json', 'pull_request.synchronize.fork.json', 'pull_request.closed.merged.fork.json',
    'pull_request.opened.fork.with-installation.json', 'pull_request.opened.null-body.json']) {
    const answer = await deliver('pull_request', payloadText(name));
    assert.ok([200, 202].includes(answer.status), `${name}: ${answer.status} ${answer.text}`);
  }
});

test('ping is 200, push is 202 with a stored reason', async () => {
  assert.equal((await deliver('ping', payload('ping.json'))).status, 200);
  assert.equal((await deliver('ping', payload('ping.organization.json'))).status, 200);
  const push = await deliver('push', payloadText('push.new-branch.json').replace('"created": true', '"created": true ' + ' '.repeat(3)));
  assert.equal(push.status, 202, push.text);
  const row = one(`select outcome, reason from deliveries where id = 'hook_${push.guid}'`);
  assert.equal(row.outcome, 'ignored');
  assert.match(row.reason, /push/);
});

test('a signature that is wrong in any way is 401 and leaves nothing', async () => {
  const body = JSON.stringify(pullRequest('opened', 300));
  const good = await signature(body);
  const before = [stored(), jobs()];
  const flipped = good.slice(0, -1) + (good.endsWith('0') ? '1' : '0');
  const bad = {
    missing: null, empty: '', prefixOnly: 'sha256=', short: good.slice(0, -1), long: `${good}0`, flipped,
    firstDigit: `sha256=${good[7] === 'f' ? '0' : 'f'}${good.slice(8)}`, upperCase: `sha256=${good.slice(7).toUpperCase()}`,
    upperPrefix: good.replace('sha256', 'SHA256'), noPrefix: good.slice(7), sha1: `sha1=${good.slice(7, 47)}`,
    space: good.replace('=', '= '), notHex: `sha256=${'z'.repeat(64)}`, otherSecret: await signature(body, 'not the secret'),
    emptySecret: await signature(body, '\0'), ofOtherBody: await signature(`${body} `),
  };
  for (const [name, value] of Object.entries(bad)) {
    const answer = await deliver('pull_request', body, { headers: { 'x-hub-signature-256': value } });
    assert.equal(answer.status, 401, `${name}: ${answer.status} ${answer.text}`);
    assertError(answer, 401, 'UnauthorizedError');
  }
  const sha1Only = await deliver('pull_request', body, { headers: { 'x-hub-signature-256': null, 'x-hub-signature': `sha1=${good.slice(7, 47)}` } });
  assert.equal(sha1Only.status, 401);
  assert.deepEqual([stored(), jobs()], before);
});

// fetch joins doubled headers with a comma, which is refused as malformed; the strict gate's tests send two lines.
test('a doubled signature is 401', async () => {
  const body = JSON.stringify(pullRequest('opened', 301));
  const good = await signature(body);
  assert.equal((await deliver('pull_request', body, { headers: { 'x-hub-signature-256': `${good}, ${good}` } })).status, 401);
});

test('unreadable bodies are 400, name what is wrong, and leave nothing', async () => {
  const good = pullRequest('opened', 310);
  const text = JSON.stringify(good);
  const without = (path) => {
    const copy = structuredClone(good);
    const keys = path.split('.');
    const last = keys.pop();
    delete keys.reduce((object, key) => object[key], copy)[last];
    return copy;
  };
  const before = [stored(), jobs(), rows('select count(*)::int as n from previews')[0].n];
  const bad = {
    empty: '', 'not json': 'hello', cut: text.slice(0, -1), trailing: `${text}x`, 'two values': `${text}${text}`,
    array: '[]', string: '"x"', null: 'null',
    'deep arrays': '['.repeat(100_000), 'deep inside': text.replace(/}$/, `,"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
    'doubled key': text.replace('"action":', '"action":"closed","action":'),
    'doubled inner key': text.replace('"sha":', '"sha":"0000000000000000000000000000000000000000","sha":'),
    'invalid UTF-8': Buffer.from(text.replace('Change number 310', 'Change \xff\xfe 310'), 'latin1'),
    'cut UTF-8': Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from(',"x":"'), Buffer.from([0xe2, 0x82]), Buffer.from('"}')]),
    'number beyond 64 bits': text.replace('"number":310', '"number":99999999999999999999'),
    'NUL in a text': text.replace('feature-310', 'feature\\u0000310'),
    'raw control byte': text.replace('feature-310', 'feature\u0001310'),
    'lone surrogate': text.replace('feature-310', 'feature\\ud800310'),
    'number as text': text.replace('"number":310', '"number":"310"'),
    'number negative': text.replace('"number":310', '"number":-1'),
    'sha too short': text.replace(commit('310'), 'abc123'),
    'sha not hex': text.replace(commit('310'), 'z'.repeat(40)),
    'time is no time': JSON.stringify({ ...good, pull_request: { ...good.pull_request, updated_at: 'yesterday' } }),
  };
  for (const [name, body] of Object.entries(bad)) {
    const answer = await deliver('pull_request', body);
    assert.equal(answer.status, 400, `${name}: ${answer.status} ${answer.text}`);
    assert.equal(answer.json.statusCode, 400, name);
  }
  for (const path of ['action', 'number', 'pull_request', 'repository', 'pull_request.head', 'pull_request.base', 'pull_request.head.sha',
    'pull_request.head.ref', 'pull_request.base.ref', 'pull_request.updated_at', 'repository.full_name']) {
    const answer = await deliver('pull_request', without(path));
    assert.equal(answer.status, 400, `without ${path}: ${answer.status} ${answer.text}`);
    const name = path.split('.').pop();
    assert.ok(answer.text.includes(name), `without ${path}, the answer does not name it: ${answer.text}`);
  }
  assert.deepEqual([stored(), jobs(), rows('select count(*)::int as n from previews')[0].n], before);
});

test('the headers of a delivery are needed and checked', async () => {
  const body = JSON.stringify(pullRequest('opened', 311));
  for (const headers of [{ 'x-github-event': null }, { 'x-github-delivery': null }, { 'x-github-delivery': 'x'.repeat(300) },
    { 'x-github-event': '../../etc/passwd' }]) {
    const answer = await deliver('pull_request', body, { headers });
    assert.equal(answer.status, 400, `${JSON.stringify(headers).slice(0, 60)}: ${answer.status} ${answer.text}`);
  }
  assert.deepEqual(await deploymentsOf(311), []);
});

test('a wrong content type is 415, the form that GitHub also offers is taken', async () => {
  const body = JSON.stringify(pullRequest('opened', 320));
  for (const type of ['text/plain', 'application/xml', 'multipart/form-data; boundary=x', null]) {
    const answer = await deliver('pull_request', Buffer.from(body), { headers: { 'content-type': type } });
    assert.equal(answer.status, 415, `${type}: ${answer.status} ${answer.text}`);
  }
  assert.deepEqual(await deploymentsOf(320), []);
  const form = await deliver('pull_request', new URLSearchParams({ payload: body }).toString(),
    { headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  assert.equal(form.status, 202, form.text);
  await deployment(320, 'READY');
  const charset = await deliver('pull_request', pullRequest('closed', 320), { headers: { 'content-type': 'application/json; charset=utf-8' } });
  assert.equal(charset.status, 202, charset.text);
  for (const broken of ['', 'payload=', 'payload=%7', 'payload=%zz', 'other=1', `payload=${encodeURIComponent(body)}&payload=x`]) {
    const answer = await deliver('pull_request', Buffer.from(broken), { headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    assert.equal(answer.status, 400, `${broken.slice(0, 20)}: ${answer.status} ${answer.text}`);
  }
});

test('25 MB are taken, more is 413', async () => {
  const base = JSON.stringify({ ...pullRequest('opened', 330), padding: [''] });
  const sized = (bytes) => { // in texts of 500,000 bytes: GitHub's longest are far below
    const chunk = `"${'x'.repeat(500_000)}",`;
    const count = Math.floor((bytes - base.length) / chunk.length);
    const rest = 'x'.repeat((bytes - base.length) % chunk.length);
    return base.replace('"padding":[""]', () => `"padding":[${chunk.repeat(count)}"${rest}"]`);
  };
  assert.equal(sized(25 << 20).length, 25 << 20);
  const most = await deliver('pull_request', sized(25 << 20), { timeout: 60_000 });
  assert.equal(most.status, 202, most.text);
  let status;
  try {
    status = (await deliver('pull_request', sized((25 << 20) + (128 << 10)), { timeout: 60_000 })).status;
  } catch (error) {
    status = error.cause?.code ?? error.name; // the server may close while we still send
  }
  assert.ok([413, 'EPIPE', 'ECONNRESET', 'UND_ERR_SOCKET'].includes(status), `${status}`);
  await deployment(330, 'READY');
});

test('a delivery that comes twice is stored once', async () => {
  const event = pullRequest('opened', 340);
  const guid = randomUUID();
  const first = await deliver('pull_request', event, { guid });
  assert.equal(first.status, 202);
  const second = await deliver('pull_request', event, { guid });
  assert.equal(second.status, 200, second.text);
  assert.equal(second.json.duplicate, true);
  assert.equal(one(`select count(*)::int as n from deliveries where id = 'hook_${guid}'`).n, 1);
});

test('the same body under other ids is one event: neither id nor event name is signed', async () => {
  const event = pullRequest('opened', 341);
  const before = stored();
  const answers = await eachOf(Array.from({ length: 100 }), 16, () => deliver('pull_request', event));
  assert.equal(answers.filter((a) => a.status === 202).length, 1);
  assert.equal(answers.filter((a) => a.status === 200 && a.json.duplicate === true).length, 99);
  assert.equal(stored(), before + 1);
  await deployment(341, 'READY');
  assert.equal((await deploymentsOf(341)).length, 1);
});

test('a pull_request body sent as push deploys nothing', async () => {
  const answer = await deliver('push', pullRequest('opened', 342));
  assert.ok([202, 400].includes(answer.status), answer.text);
  await sleep(300);
  assert.deepEqual(await deploymentsOf(342), []);
});

test('an event older than what is known changes nothing', async () => {
  const early = timeOfEvent();
  await deliver('pull_request', pullRequest('opened', 350));
  await deployment(350, 'READY');
  await deliver('pull_request', pullRequest('closed', 350));
  await deployment(350, 'DESTROYED');
  const late = await deliver('pull_request', pullRequest('synchronize', 350, { sha: commit('late'), updatedAt: early }));
  assert.equal(late.status, 202, late.text);
  await sleep(500);
  const list = await deploymentsOf(350);
  assert.equal(list[0].status, 'DESTROYED');
  assert.ok(!list.some((d) => d.sha === commit('late')));
});

test('a draft is not deployed until it is ready for review, and goes when it is a draft again', async () => {
  await deliver('pull_request', pullRequest('opened', 360, { draft: true }));
  await sleep(400);
  assert.ok(!(await deploymentsOf(360)).some((d) => ['BUILDING', 'READY'].includes(d.status)));
  await deliver('pull_request', pullRequest('ready_for_review', 360, { draft: false }));
  await deployment(360, 'READY');
  await deliver('pull_request', pullRequest('converted_to_draft', 360, { draft: true }));
  await deployment(360, 'DESTROYED');
});

test('a pull request from a fork waits for approval and builds nothing', async () => {
  const created = (await stats()).created;
  await deliver('pull_request', pullRequest('opened', 361, { fork: true }));
  const waiting = await until('it waits', async () => (await deploymentsOf(361))[0]);
  assert.equal(waiting.detail, 'AWAITING_APPROVAL');
  await sleep(400);
  assert.equal((await stats()).created, created);
});

test('a deleted fork (head.repo is null) is a fork', async () => {
  const event = pullRequest('opened', 362);
  event.pull_request.head.repo = null;
  assert.equal((await deliver('pull_request', event)).status, 202);
  await sleep(400);
  assert.ok(!(await deploymentsOf(362)).some((d) => ['BUILDING', 'READY'].includes(d.status)));
});

test('without rules, labels and retargeting leave a READY preview as it is', async () => {
  await deliver('pull_request', pullRequest('opened', 363));
  const ready = await deployment(363, 'READY');
  for (const [action, more] of [['labeled', { labels: ['bug'] }], ['unlabeled', { labels: [] }],
    ['edited', { base: 'release', changes: { base: { ref: { from: 'master' }, sha: { from: commit('base') } } } }]]) {
    const answer = await deliver('pull_request', pullRequest(action, 363, more));
    assert.equal(answer.status, 202, `${action}: ${answer.text}`);
  }
  await sleep(400);
  const [now] = await deploymentsOf(363);
  assert.deepEqual([now.id, now.status], [ready.id, 'READY']);
});

test('rules of the project: a label that excludes, a base branch that is not ours', async () => {
  const rules = (value) => run(`update projects set rules = '${JSON.stringify(value)}' where id = '${env.project}'`);
  rules({ labelsNone: ['no-preview'], baseBranches: ['master'] });
  try {
    await deliver('pull_request', pullRequest('opened', 366));
    await deployment(366, 'READY');
    await deliver('pull_request', pullRequest('labeled', 366, { labels: ['no-preview'] }));
    await deployment(366, 'DESTROYED');
    await deliver('pull_request', pullRequest('unlabeled', 366, { labels: [] }));
    await deployment(366, 'READY');
    const retarget = await deliver('pull_request', pullRequest('edited', 366, { base: 'release', changes: { base: { ref: { from: 'master' } } } }));
    await deployment(366, 'DESTROYED');
    assert.match(JSON.stringify(one(`select decisions from deliveries where id = 'hook_${retarget.guid}'`)), /BASE_BRANCH/);
  } finally {
    rules({});
  }
});

test('actions that GitHub may invent are taken and ignored', async () => {
  const answer = await deliver('pull_request', pullRequest('teleported', 364));
  assert.equal(answer.status, 202, answer.text);
  assert.deepEqual(await deploymentsOf(364), []);
});

test('an unknown repository is 202, stored with its reason', async () => {
  const event = pullRequest('opened', 365);
  event.repository.id = 123;
  event.repository.full_name = 'nobody/nothing';
  const answer = await deliver('pull_request', event);
  assert.equal(answer.status, 202, answer.text);
  const row = one(`select outcome, reason from deliveries where id = 'hook_${answer.guid}'`);
  assert.equal(row.outcome, 'ignored');
  assert.match(row.reason, /project/i);
});

test('a burst is answered whole, and each pull request ends READY once', async () => {
  const numbers = Array.from({ length: 60 }, (_, i) => 400 + i);
  const answers = await eachOf(numbers, 60, (pr) => deliver('pull_request', pullRequest('opened', pr)));
  assert.deepEqual(answers.filter((a) => a.status !== 202).map((a) => a.text), []);
  for (const pr of numbers) await deployment(pr, 'READY', { seconds: 60 });
  const attempts = rows("select pr_number from previews p where pr_number between 400 and 459");
  assert.equal(attempts.length, 60);
});

test('the secret is nowhere in the database', () => {
  const hits = rows(`select id from deliveries d where to_jsonb(d)::text like '%${env.webhookSecret}%'`);
  assert.deepEqual(hits, []);
});
