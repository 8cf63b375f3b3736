// stack: --env WEB_BASE_URL=https://Web.example:443/app --env SECURITY_CONTACT=security@example.net --env MANAGEMENT_CONTACT=https://example.net/management
// seconds: 240
// How browsers, caches and other programs may use the API: origins, tags, packing, security headers.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import http from 'node:http';
import { before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { api, assertError, get, login } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { answers, connect, edge } from '../lib/edge.mjs';
import { run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

const WEB = 'https://web.example'; // what browsers write for the WEB_BASE_URL above
const own = new URL(env.api);
const list = `/projects/${env.project}/deployments`;

// One request with nothing that fetch would add or unpack: { status, headers, bytes }.
function ask(path, { method = 'GET', headers = {}, token = env.token, body } = {}) {
  return new Promise((resolve, reject) => {
    const sent = token ? { authorization: `Bearer ${token}`, ...headers } : headers;
    const request = http.request({ host: own.hostname, port: own.port, path, method, headers: sent }, (answer) => {
      const parts = [];
      answer.on('data', (data) => parts.push(data));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, bytes: Buffer.concat(parts) }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

before(() => {
  run(`insert into previews (id, project_id, pr_number, title, branch, base_branch, author, html_url, from_fork, pr_open, pr_updated_at, reopened,
      desired, desired_why, sha, before_sha, changed_by, settled_generation, status, detail, visible, created_at)
    select 'deploy_' || lpad(i::text, 26, '0'), 'proj_demo', 9000 + i, 'A title ' || i, 'branch', 'main', 'somebody', 'https://github.com/x', false, false, now(),
      false, 'destroyed', 'CLOSED', repeat('a', 40), '', 'test', 1, 'DESTROYED', 'DESTROYED', true, now() + i * interval '1 ms'
    from generate_series(1, 60) i`);
});

// ---- CORS ----

const cors = (answer) => Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'));

test("WEB_BASE_URL's pages may read answers with the cookie, errors too", async () => {
  for (const [path, status] of [[list, 200], ['/healthz', 200], ['/no/such/path', 404], [`${list}?limit=0`, 422]]) {
    const answer = await ask(path, { headers: { origin: WEB } });
    assert.equal(answer.status, status);
    assert.equal(answer.headers['access-control-allow-origin'], WEB);
    assert.equal(answer.headers['access-control-allow-credentials'], 'true');
    for (const name of ['link', 'etag', 'x-request-id', 'retry-after']) {
      assert.ok(answer.headers['access-control-expose-headers'].split(', ').includes(name), name);
    }
    assert.match(answer.headers.vary, /\borigin\b/);
  }
});

test('nobody else may, and what is no origin is nobody', async () => {
  for (const origin of ['https://evil.example', 'https://web.example.evil.example', 'http://web.example', 'https://web.example:443', 'https://web.example/',
    'null', '*', 'https://WEB.example', 'web.example', `${WEB}, https://evil.example`, own.origin]) {
    for (const method of ['GET', 'OPTIONS']) {
      const answer = await ask(list, { method, headers: { origin, 'access-control-request-method': 'GET' } });
      assert.deepEqual(cors(answer), [], origin);
      assert.match(answer.headers.vary, /\borigin\b/); // a cache must not give this answer to WEB
    }
  }
});

test('a preflight is answered from the route table, without a login', async () => {
  const answer = await ask('/deployments/deploy_x/retry', { method: 'OPTIONS', token: null,
    headers: { origin: WEB, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' } });
  assert.equal(answer.status, 204);
  assert.equal(answer.headers['access-control-allow-methods'], 'POST, OPTIONS');
  assert.equal(answer.headers['access-control-allow-origin'], WEB);
  assert.equal(answer.headers['access-control-allow-credentials'], 'true');
  assert.match(answer.headers['access-control-allow-headers'], /authorization, content-type/);
  assert.ok(Number(answer.headers['access-control-max-age']) > 0);
  assert.equal(answer.bytes.length, 0);
  const plain = await ask(list, { method: 'OPTIONS', token: null });
  assert.equal(plain.status, 204);
  assert.equal(plain.headers.allow, 'GET, HEAD, POST, OPTIONS');
  assert.deepEqual(cors(plain), []);
  assert.equal((await ask('/no/such/path', { method: 'OPTIONS', headers: { origin: WEB, 'access-control-request-method': 'POST' } })).status, 404);
});

// ---- CSRF ----

test('a change by cookie comes from our own pages or from WEB_BASE_URL, or not from a browser', async () => {
  const cookie = `opshub_token=${await login('viewer')}`;
  const change = (headers) => ask('/deployments/deploy_00000000000000000000000001/retry', { method: 'POST', token: null, headers: { cookie, ...headers } });
  const refused = [{ origin: 'https://evil.example' }, { origin: 'null' }, { origin: `${own.origin}.evil.example` }, { origin: `${own.protocol}//127.0.0.1:1` },
    { origin: 'http://web.example' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' },
    { origin: own.origin, 'sec-fetch-site': 'cross-site' }, { origin: 'file://' }, { origin: own.host }];
  for (const headers of refused) {
    const answer = await change(headers);
    assert.equal(answer.status, 403, JSON.stringify(headers));
    assert.match(String(answer.bytes), /origin/);
  }
  for (const headers of [{}, { origin: own.origin }, { origin: own.origin, 'sec-fetch-site': 'same-origin' }, { origin: WEB, 'sec-fetch-site': 'cross-site' }]) {
    const answer = await change(headers);
    assert.doesNotMatch(String(answer.bytes), /origin/, JSON.stringify(headers)); // 403 for the role is another matter
  }
  assert.equal((await ask(list, { token: null, headers: { cookie, origin: 'https://evil.example' } })).status, 200); // reading: CORS hides it
});

// ---- headers ----

test('every answer says how it may be used', async () => {
  for (const [method, path] of [['GET', '/healthz'], ['GET', '/readyz'], ['GET', list], ['HEAD', list], ['GET', '/nope'], ['DELETE', '/healthz'], ['OPTIONS', '/healthz'],
    ['GET', '/'], ['GET', '/dashboard/app.js'], ['POST', '/webhooks/github'], ['POST', '/test/login-as']]) {
    const { headers, status } = await ask(path, { method });
    const what = `${method} ${path}`;
    assert.equal(headers['x-content-type-options'], 'nosniff', what);
    assert.equal(headers['referrer-policy'], 'no-referrer', what);
    assert.equal(headers['x-frame-options'], 'DENY', what);
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin', what);
    assert.match(headers['content-security-policy'], /^default-src 'none'; .*frame-ancestors 'none'$/, what);
    assert.match(headers['x-request-id'], /^[\w.-]{8,64}$/, what);
    assert.equal(headers['strict-transport-security'], undefined, what);
    assert.ok(headers['cache-control'], what);
    if (status >= 400 || path === '/healthz') assert.equal(headers['cache-control'], 'no-store', what);
  }
});

// ---- tags ----

test('a list has a tag; who has it already gets 304 with the same headers and no body', async () => {
  const whole = await ask(`${list}?limit=20`);
  assert.equal(whole.status, 200);
  assert.match(whole.headers.etag, /^W\/"[0-9a-f]{32}"$/);
  assert.equal(whole.headers['cache-control'], 'private, no-cache');
  for (const value of [whole.headers.etag, whole.headers.etag.slice(2), '*', `"other", ${whole.headers.etag}`]) {
    const answer = await ask(`${list}?limit=20`, { headers: { 'if-none-match': value, origin: WEB } });
    assert.equal(answer.status, 304, value);
    assert.equal(answer.bytes.length, 0);
    assert.equal(answer.headers['content-type'], undefined);
    for (const name of ['etag', 'link', 'cache-control', 'vary', 'content-security-policy']) assert.equal(answer.headers[name], whole.headers[name], name);
    assert.equal(answer.headers['access-control-allow-origin'], WEB);
  }
  for (const value of ['"other"', `${whole.headers.etag}x`.replace('"x', 'x"'), '']) {
    assert.equal((await ask(`${list}?limit=20`, { headers: { 'if-none-match': value } })).status, 200, value);
  }
  assert.equal((await ask(`${list}?limit=20`, { method: 'HEAD', headers: { 'if-none-match': whole.headers.etag } })).status, 304);
});

test('the tag is the same from every process, until something changes', async () => {
  const tags = new Set();
  for (let i = 0; i < 12; i++) tags.add((await ask(list)).headers.etag);
  assert.equal(tags.size, 1);
  const [tag] = tags;
  run("update previews set title = 'Another title' where pr_number = 9060 and project_id = 'proj_demo'");
  const changed = await until('the list changed', async () => {
    const answer = await ask(list, { headers: { 'if-none-match': tag } });
    return answer.status === 200 && answer;
  });
  assert.notEqual(changed.headers.etag, tag);
});

test('a tag is no way around the access check, and changes and errors have none', async () => {
  const { etag } = (await ask(list)).headers;
  assert.equal((await ask(list, { token: null, headers: { 'if-none-match': etag } })).status, 401);
  assert.equal((await ask('/deployments/deploy_00000000000000000000000099', { headers: { 'if-none-match': '*' } })).status, 404);
  const logged = await api('POST', '/test/login-as', { token: null, body: { email: 'viewer@demo.opshub.local' }, headers: { 'if-none-match': '*' } });
  assert.equal(logged.status, 200);
  assert.equal(logged.headers.get('etag'), null);
  assert.equal(logged.headers.get('cache-control'), 'no-store');
});

// ---- packing ----

test('long JSON is packed for who asks, and only for them', async () => {
  const plain = await ask(list);
  assert.equal(plain.headers['content-encoding'], undefined);
  assert.ok(plain.bytes.length > 5000);
  assert.equal(Number(plain.headers['content-length']), plain.bytes.length);
  for (const value of ['gzip', 'br, gzip;q=0.5', '*', 'GZIP']) {
    const packed = await ask(list, { headers: { 'accept-encoding': value } });
    assert.equal(packed.headers['content-encoding'], 'gzip', value);
    assert.ok(packed.bytes.length < plain.bytes.length / 2);
    assert.equal(Number(packed.headers['content-length']), packed.bytes.length);
    assert.deepEqual(gunzipSync(packed.bytes), plain.bytes);
    assert.equal(packed.headers.etag, plain.headers.etag);
    assert.match(packed.headers.vary, /\baccept-encoding\b/);
  }
  for (const value of ['gzip;q=0', 'identity', 'br', 'gzip;q=0.2, identity', '*;q=0', '']) {
    assert.equal((await ask(list, { headers: { 'accept-encoding': value } })).headers['content-encoding'], undefined, value);
  }
  assert.match(plain.headers.vary, /\baccept-encoding\b/);
  assert.equal((await ask('/me', { headers: { 'accept-encoding': 'gzip' } })).headers['content-encoding'], undefined); // too short
  assert.equal((await ask('/healthz', { headers: { 'accept-encoding': 'gzip' } })).headers['content-encoding'], undefined);
});

test('HEAD has the headers of GET, packed or not', async () => {
  for (const headers of [{}, { 'accept-encoding': 'gzip' }]) {
    const [whole, head] = [await ask(list, { headers }), await ask(list, { method: 'HEAD', headers })];
    const steady = ({ date, 'x-request-id': id, 'x-ratelimit-remaining': left, 'x-ratelimit-reset': full, ...rest }) => rest;
    assert.deepEqual(steady(head.headers), steady(whole.headers));
    assert.equal(head.bytes.length, 0);
    assert.equal(head.status, 200);
  }
});

test('what is really long is packed while others are served', async () => {
  const server = await edge();
  const wires = await Promise.all(Array.from({ length: 4 }, () => connect(server.port)));
  for (const wire of wires) wire.write('GET /list/150000 HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n');
  const wide = await connect(server.port);
  for (const wire of wires) await wire.until((w) => /\r\n\r\n/.test(w.text()), 30);
  wide.write('GET /list/200000 HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n');
  for (const wire of wires) {
    const size = () => Number(/content-length: (\d+)/i.exec(wire.text())[1]);
    await wire.until((w) => w.text().length - w.text().indexOf('\r\n\r\n') - 4 === size(), 30);
    const [answer] = answers(wire.text());
    assert.equal(answer.headers.get('content-encoding'), 'gzip');
    assert.equal(JSON.parse(gunzipSync(Buffer.from(answer.body, 'latin1'))).length, 150000);
    wire.end();
  }
  await wide.until((w) => w.text().includes('\r\n\r\n'), 30);
  wide.end();
  await server.stop(); // and nothing is left over
});

test('an answer that must not be kept has no tag; one that is no text is not packed', async () => {
  const server = await edge();
  const wire = await connect(server.port);
  wire.write('GET /secret HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\nGET /big/5000 HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n');
  const [secret, big] = await until('both', async () => { const all = answers(wire.text()); return all.length === 2 && all; });
  assert.equal(secret.status, 200);
  assert.equal(secret.headers.get('etag'), undefined);
  assert.equal(secret.headers.get('cache-control'), 'no-store');
  assert.equal(big.headers.get('content-encoding'), undefined);
  wire.end();
  await server.stop();
});

// ---- security.txt ----

test('security.txt names the contacts in their order, and does not expire soon or in a year', async () => {
  const answer = await get('/.well-known/security.txt', { token: null });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
  const fields = answer.text.trim().split('\n').map((line) => line.split(/: (.*)/).slice(0, 2));
  assert.deepEqual(fields.filter(([name]) => name === 'Contact').map(([, value]) => value), ['mailto:security@example.net', 'https://example.net/management']);
  const days = (Date.parse(fields.find(([name]) => name === 'Expires')[1]) - Date.now()) / 86_400_000;
  assert.ok(days > 30 && days < 365, `${days} days`);
  assert.equal(fields.find(([name]) => name === 'Canonical')[1], `${env.api}/.well-known/security.txt`);
});

// ---- the dashboard ----

test("the dashboard's files are fresh each time, and cheap", async () => {
  for (const path of ['/', '/dashboard/app.js', '/dashboard/style.css']) {
    const whole = await ask(path, { token: null });
    assert.equal(whole.headers['cache-control'], 'no-cache');
    assert.equal((await ask(path, { token: null, headers: { 'if-none-match': whole.headers.etag } })).status, 304);
  }
  const [plain, packed] = [{}, { 'accept-encoding': 'gzip' }].map((headers) => ask('/dashboard/app.js', { token: null, headers }));
  assert.deepEqual(gunzipSync((await packed).bytes), (await plain).bytes);
});

test('a browser runs the dashboard under its content security policy', (context) => {
  if (!existsSync('/usr/bin/chromium')) return context.skip('there is no chromium here');
  const seen = spawnSync('chromium', ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--enable-logging=stderr',
    '--virtual-time-budget=4000', '--dump-dom', `${env.api}/`], { encoding: 'utf8', timeout: 60_000 });
  assert.equal(seen.status, 0, seen.stderr);
  assert.doesNotMatch(seen.stderr, /Content Security Policy|Refused to/i);
  assert.match(seen.stdout, /<form id="login-test">/, 'the script has shown the form'); // it is hidden in the file
});

test('errors are errors to a page of WEB_BASE_URL too', async () => {
  assertError(await get('/no/such/path', { headers: { origin: WEB } }), 404, 'NotFoundError');
});
