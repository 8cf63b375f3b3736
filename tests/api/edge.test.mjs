// What the HTTP edge lets in and how it answers, byte for byte: framing, smuggling, methods, paths, headers.
// seconds: 240
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answers, connect, edge, exchange } from '../lib/edge.mjs';
import { eachOf } from '../lib/until.mjs';

let server;
before(async () => { server = await edge(); });
after(() => server.stop());

const HOST = 'Host: a\r\n';
const SECOND = `GET /count HTTP/1.1\r\n${HOST}\r\n`;
const get = (path, more = '') => `GET ${path} HTTP/1.1\r\n${HOST}${more}\r\n`;
const post = (path, headers, body = '') => `POST ${path} HTTP/1.1\r\n${HOST}${headers}\r\n${body}`;
const ask = async (bytes, options) => answers(await exchange(server.port, bytes), options);

function isErrorObject(answer, status) {
  assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8');
  const error = JSON.parse(answer.body);
  assert.equal(error.statusCode, status);
  assert.match(error.error, /^[A-Z][A-Za-z]+Error$/);
  assert.ok(error.message.length > 10);
  assert.equal(error.requestId, answer.headers.get('x-request-id'));
}

const refused = {
  'Content-Length and Transfer-Encoding': post('/echo', 'Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\nG'),
  'Transfer-Encoding and Content-Length': post('/echo', 'Transfer-Encoding: chunked\r\nContent-Length: 6\r\n', '0\r\n\r\nG'),
  'two different lengths': post('/echo', 'Content-Length: 5\r\nContent-Length: 0\r\n', 'hello'),
  'the same length twice': post('/echo', 'Content-Length: 5\r\nContent-Length: 5\r\n', 'hello'),
  'a list of lengths': post('/echo', 'Content-Length: 5, 5\r\n', 'hello'),
  'a length with a sign': post('/echo', 'Content-Length: +5\r\n', 'hello'),
  'a negative length': post('/echo', 'Content-Length: -1\r\n', 'hello'),
  'chunks in HTTP/1.0': `POST /echo HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  'another transfer coding': post('/echo', 'Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'),
  'two transfer codings': post('/echo', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n'),
  'a folded header': get('/echo', 'X-A: b\r\n c\r\n'),
  'a folded transfer coding': post('/echo', 'Transfer-Encoding:\r\n chunked\r\n', '0\r\n\r\n'),
  'bare line feeds': 'GET /echo HTTP/1.1\nHost: a\n\n',
  'one bare line feed': `GET /echo HTTP/1.1\r\n${HOST}X: a\n\r\n`,
  'a bare carriage return': get('/echo', 'X: a\rb\r\n'),
  'NUL in a value': get('/echo', 'X: a\0b\r\n'),
  'NUL in the path': get('/ec\0ho'),
  'a control character': get('/echo', 'X: a\x01\r\n'),
  'a space before the colon': post('/echo', 'Content-Length : 5\r\n', 'hello'),
  'two Hosts': get('/echo', 'Host: b\r\n'),
  'no Host': 'GET /echo HTTP/1.1\r\n\r\n',
  'an odd Host': 'GET /echo HTTP/1.1\r\nHost: a/b@c\r\n\r\n',
  'an absolute target': `GET http://b/echo HTTP/1.1\r\n${HOST}\r\n`,
  'an authority target': `CONNECT b:443 HTTP/1.1\r\n${HOST}\r\n`,
  'an asterisk': `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`,
  'a fragment': get('/echo#x'),
  'HTTP/2 by prior knowledge': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'HTTP/0.9': 'GET /echo\r\n\r\n',
  'an encoded slash': get('/echo%2Fx'),
  'an encoded NUL': get('/echo%00'),
  'a dot segment': get('/sleep/../echo'),
  'an encoded dot segment': get('/sleep/%2e%2e/echo'),
  'a bad escape': get('/echo%zz'),
  'an overlong escape': get('/%c0%afecho'),
};

test('what is not plain HTTP/1.1 gets 400, and nothing behind it is answered', async (t) => {
  for (const [name, bytes] of Object.entries(refused)) {
    await t.test(name, async () => {
      const [first, ...more] = await ask(bytes + SECOND);
      assert.equal(first.status, 400, first.body);
      if (/%|\.\./.test(bytes.split('\r\n')[0])) {
        assert.ok(more.length <= 1); // a bad path is well framed: the connection goes on
      } else {
        assert.equal(more.length, 0);
        assert.equal(first.headers.get('connection'), 'close');
      }
    });
  }
});

test('the gate answers with the error object; what the parser itself refuses gets plain text', async () => {
  isErrorObject((await ask(get('/echo', 'Host: b\r\n')))[0], 400);
  isErrorObject((await ask(get('/echo%00')))[0], 400);
  assert.equal((await ask('\x16\x03\x01\x02\x00\x01\r\n\r\n'))[0].body, 'Bad Request');
});

// Variants of a request with two readings: one by its Content-Length, in which SECOND is part of the body, and one by a
// Transfer-Encoding that some parser may see, in which SECOND is a request.
function* variants() {
  const body = `0\r\n\r\n${SECOND}`;
  const length = `Content-Length: ${body.length}\r\n`;
  const places = [
    (c) => `${c}Transfer-Encoding: chunked\r\n`, (c) => `Transfer-Encoding${c}: chunked\r\n`,
    (c) => `Transfer-Encoding:${c}chunked\r\n`, (c) => `Transfer-Encoding: ${c}chunked\r\n`,
    (c) => `Transfer-Encoding: chunked${c}\r\n`, (c) => `Transfer${c}Encoding: chunked\r\n`,
    (c) => `X: y${c}Transfer-Encoding: chunked\r\n`, (c) => `X: y\r${c}Transfer-Encoding: chunked\r\n`,
    (c) => `Transfer-Encoding: chunked\r${c}`, (c) => `Transfer-Encoding: chunked\r\n${c}\r\nX: y\r\n`,
  ];
  for (const place of places) {
    for (let code = 0; code < 256; code++) {
      const odd = place(String.fromCharCode(code));
      yield { name: `TE ${JSON.stringify(odd)}`, bytes: post('/echo', length + odd, body) };
    }
  }
  for (const values of ['identity', 'chunked, identity', 'identity, chunked', 'chunked, cow', 'cow, chunked', 'CHUNKED', 'chunk',
    'chunkedd', '"chunked"', '\'chunked\'', 'chunked;q=1', ',chunked', 'chunked,', '[chunked]', '', ' ', '\tchunked', 'x']) {
    yield { name: `TE value ${values}`, bytes: post('/echo', `${length}Transfer-Encoding: ${values}\r\n`, body) };
    yield { name: `TE value ${values} first`, bytes: post('/echo', `Transfer-Encoding: ${values}\r\n${length}`, body) };
    yield { name: `TE twice ${values}`, bytes: post('/echo', `${length}Transfer-Encoding: chunked\r\nTransfer-Encoding: ${values}\r\n`, body) };
  }
  // A length that some parser may read as another, or not at all: shorter readings leave SECOND over.
  for (let code = 0; code < 256; code++) {
    const c = String.fromCharCode(code);
    for (const odd of [`Content-Length${c}: 5\r\n`, `Content-Length:${c}5\r\n`, `Content-Length: 5${c}\r\n`, `Content-Length: 5${c}0\r\n`,
      `${c}Content-Length: 5\r\n`]) {
      yield { name: `CL ${JSON.stringify(odd)}`, bytes: post('/echo', length + odd, body) };
      yield { name: `CL ${JSON.stringify(odd)} first`, bytes: post('/echo', odd + length, body) };
    }
  }
  // Chunk sizes: what is not hexadecimal digits must not end the body early with the connection open.
  for (const size of ['0x3', '3XYZ', '3 ', ' 3', '+3', '-3', '3;a=b', '3\n', '03', '3\r', '3\t', '0x', '00', 'g', '', '\n', 'ffffffffffffffff',
    '10000000000000003', '3;\n', '3"', '3,3', '3.0']) {
    yield { name: `chunk ${JSON.stringify(size)}`, bytes: post('/echo', 'Transfer-Encoding: chunked\r\n', `${size}\r\nabc\r\n${body}`) };
    yield { name: `last chunk ${JSON.stringify(size)}`, bytes: post('/echo', 'Transfer-Encoding: chunked\r\n', `3\r\nabc\r\n${size}\r\n\r\n${SECOND}`) };
  }
}

test('no variant of a smuggled request gets two answers', async (t) => {
  const all = [...variants()];
  const doubles = [];
  const statuses = {};
  assert.ok(all.length >= 1000, `${all.length} variants`);
  await eachOf(all, 32, async ({ name, bytes }) => {
    const text = await exchange(server.port, bytes, 20);
    const lines = text.match(/HTTP\/1\.1 \d{3} /g) ?? [];
    statuses[lines[0]] = (statuses[lines[0]] ?? 0) + 1;
    if (lines.length > 1) doubles.push(`${name}: ${lines.join('')}`);
  });
  assert.deepEqual(doubles, []);
  assert.ok(statuses['HTTP/1.1 400 '] > 1000, JSON.stringify(statuses));
  assert.ok(statuses['HTTP/1.1 200 '] > 100, 'harmless headers are let through'); // else the set proves nothing
  t.diagnostic(`${all.length} variants: ${JSON.stringify(statuses)}`);
});

test('Upgrade: h2c is served as HTTP/1.1', async () => {
  const [answer] = await ask(get('/echo', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n'));
  assert.equal(answer.status, 200);
});

test('one connection serves many requests, with and without bodies of known length', async () => {
  const wire = await connect(server.port);
  for (let i = 1; i <= 5; i++) {
    wire.write(get('/healthz'));
    wire.write(post('/echo', 'Content-Length: 5\r\n', 'hello'));
    await wire.until((w) => w.text().split('HTTP/1.1 200').length === 2 * i + 1 && w.text().endsWith('}'));
  }
  const all = answers(wire.text());
  assert.equal(all.length, 10);
  assert.ok(all.every((answer) => answer.headers.get('connection') === 'keep-alive'));
  assert.equal(JSON.parse(all[9].body).body, 'hello');
  wire.end();
});

test('a connection is closed after chunks, and after a body in HTTP/1.0', async () => {
  const [first, second] = await ask(post('/echo', 'Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n') + SECOND);
  assert.equal(JSON.parse(first.body).body, 'hello');
  assert.equal(first.headers.get('connection'), 'close');
  assert.equal(second, undefined);
  const old = await ask(`POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello${SECOND}`);
  assert.equal(old.length, 1);
  assert.equal(JSON.parse(old[0].body).host, '');
});

test('pipelined requests are answered in order', async () => {
  const paths = ['/sleep/60', '/healthz', '/sleep/20', '/echo?q=4', '/nope', '/sleep/1'];
  const all = await ask(paths.map((path) => get(path)).join(''));
  assert.deepEqual(all.map((answer) => answer.status), [200, 200, 200, 200, 404, 200]);
  assert.equal(JSON.parse(all[0].body).path, '/sleep/60');
  assert.equal(JSON.parse(all[3].body).q, '4');
});

test('a request that comes byte by byte is read as one', async () => {
  const wire = await connect(server.port);
  wire.socket.setNoDelay(true);
  for (const c of post('/echo', 'Content-Length: 3\r\n', 'abc')) {
    wire.write(c);
    await new Promise((next) => setImmediate(next));
  }
  const text = await wire.until((w) => w.text().endsWith('}'));
  assert.equal(JSON.parse(answers(text)[0].body).body, 'abc');
  wire.end();
});

test('Expect: 100-continue', async () => {
  const wire = await connect(server.port);
  wire.write(post('/echo', 'Content-Length: 5\r\nExpect: 100-continue\r\n'));
  assert.equal(await wire.until((w) => w.text().endsWith('\r\n\r\n')), 'HTTP/1.1 100 Continue\r\n\r\n');
  wire.write('hello');
  const text = await wire.until((w) => w.text().endsWith('}'));
  assert.match(text, /"body":"hello"/);
  wire.end();
  isErrorObject((await ask(post('/echo', 'Content-Length: 5\r\nExpect: tea\r\n')))[0], 417);
});

test('methods: HEAD, OPTIONS, 405 with Allow, 404', async () => {
  const [full] = await ask(get('/echo'));
  const [head] = await ask(`HEAD /echo HTTP/1.1\r\n${HOST}\r\n`, { head: true });
  assert.equal(head.status, 200);
  assert.equal(Number(head.headers.get('content-length')), full.body.length + 1); // "HEAD" is one longer than "GET"
  const [options] = await ask(`OPTIONS /echo HTTP/1.1\r\n${HOST}\r\n`);
  assert.equal(options.status, 204);
  assert.equal(options.headers.get('allow'), 'GET, HEAD, POST, OPTIONS');
  for (const method of ['DELETE', 'TRACE', 'CONNECT', 'get', 'PROPFIND', 'X'.repeat(32)]) {
    const [answer] = await ask(`${method} /echo HTTP/1.1\r\n${HOST}\r\n`);
    assert.equal(answer.status, 405, method);
    assert.equal(answer.headers.get('allow'), 'GET, HEAD, POST, OPTIONS');
    isErrorObject(answer, 405);
  }
  const [missing] = await ask(get('/echo/'));
  assert.equal(missing.status, 404);
  isErrorObject(missing, 404);
});

test('what a handler sees is decoded once and belongs to it', async () => {
  const [answer] = await ask(`PUT /ech%6f/a%20b?q=%C3%A9+x&q=2 HTTP/1.1\r\nHOST: Example:4000\r\nCookie: b=1; c="two"\r\nCookie: c=3\r\nContent-Length: 0\r\n\r\n`);
  const seen = JSON.parse(Buffer.from(answer.body, 'latin1').toString());
  assert.equal(seen.path, '/echo/a b');
  assert.equal(seen.q, 'é x');
  assert.equal(seen.cookie, 'two');
  assert.equal(seen.host, 'Example:4000');
});

test('every answer carries its request id and the security headers, and no server header', async () => {
  for (const bytes of [get('/healthz'), get('/echo'), get('/nope'), get('/fail/12'), get('/echo', 'Host: b\r\n')]) {
    const [answer] = await ask(bytes);
    assert.match(answer.headers.get('x-request-id'), /^[0-9a-f]{16}-[0-9a-f]{8}$/);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(answer.headers.get('referrer-policy'), 'no-referrer');
    assert.equal(answer.headers.get('cache-control'), answer.headers.has('etag') ? 'private, no-cache' : 'no-store');
    assert.equal(answer.headers.has('etag'), answer.status === 200 && !bytes.includes('healthz'));
    assert.equal(answer.headers.get('x-frame-options'), 'DENY');
    assert.equal(answer.headers.get('cross-origin-resource-policy'), 'same-origin');
    assert.match(answer.headers.get('content-security-policy'), /default-src 'none'.*frame-ancestors 'none'/);
    assert.equal(answer.headers.has('server'), false);
  }
  const [kept] = await ask(get('/echo', 'X-Request-Id: abc.DEF-123_x\r\n'));
  assert.equal(kept.headers.get('x-request-id'), 'abc.DEF-123_x');
  for (const bad of ['short', 'x'.repeat(65), 'has space here', 'semi;colon1']) {
    const [answer] = await ask(get('/echo', `X-Request-Id: ${bad}\r\n`));
    assert.match(answer.headers.get('x-request-id'), /^[0-9a-f]{16}-[0-9a-f]{8}$/);
  }
});

test('failures become statuses, and 500 tells nothing of the inside', async () => {
  const wanted = { 1: 422, 2: 401, 3: 404, 4: 409, 5: 429, 6: 429, 7: 503, 8: 503, 9: 503, 11: 501, 12: 500, 55: 500 };
  for (const [code, status] of Object.entries(wanted)) {
    const [answer] = await ask(get(`/fail/${code}`));
    assert.equal(answer.status, status);
    isErrorObject(answer, status);
    assert.equal(answer.body.includes('the reason of code'), status !== 500);
    assert.equal(answer.headers.has('retry-after'), status === 429 || status === 503);
  }
  const [two] = await ask(post('/refuse', 'Content-Length: 0\r\n'));
  assert.deepEqual(JSON.parse(two.body).details, [{ field: 'url', message: 'not a "URL"' }, { field: 'name', message: 'missing' }]);
  assert.equal((await ask(get('/forbidden')))[0].status, 403);
});

test('a header with a line break in it is not sent', async () => {
  const [answer] = await ask(`DELETE /headers HTTP/1.1\r\n${HOST}\r\n`);
  assert.equal(answer.status, 204);
  assert.equal(answer.headers.get('x-refused'), 'yes');
  assert.equal(answer.headers.has('x-evil'), false);
  assert.equal(answer.headers.get('cache-control'), 'max-age=60');
});

test('bodies: the limit of a route, of the server, and broken chunks', async () => {
  const over = await ask(post('/echo', 'Content-Length: 65537\r\n', 'x'.repeat(65537)));
  assert.equal(over[0].status, 413);
  isErrorObject(over[0], 413);
  assert.equal((await ask(post('/echo', 'Content-Length: 65536\r\n', 'x'.repeat(65536))))[0].status, 200);
  const chunked = await ask(post('/echo', 'Transfer-Encoding: chunked\r\n', `10001\r\n${'x'.repeat(65537)}\r\n0\r\n\r\n`));
  assert.equal(chunked[0].status, 413);
  const announced = await ask(post('/upload', 'Content-Length: 26279937\r\n'));
  assert.equal(announced[0].status, 413);
  assert.equal(announced[0].headers.get('connection'), 'close');
  isErrorObject(announced[0], 413);
  const broken = await ask(post('/echo', 'Transfer-Encoding: chunked\r\n', 'zz\r\nabc\r\n0\r\n\r\n'));
  assert.equal(broken[0].status, 400);
  isErrorObject(broken[0], 400);
  const whole = 'x'.repeat(1 << 20);
  const wire = await connect(server.port); // chunks past the limit of the server, until it says no
  wire.socket.on('error', () => {});
  wire.write(post('/upload', 'Transfer-Encoding: chunked\r\n'));
  for (let i = 0; i < 27 && !wire.closed; i++) {
    wire.write(`100000\r\n${whole}\r\n`);
    await new Promise((next) => setTimeout(next, 5));
  }
  await wire.until((w) => w.closed, 10);
  assert.ok(wire.text() === '' || wire.text().startsWith('HTTP/1.1 413 ')); // the reset may overtake the answer
  wire.end();
});

test('25 MiB go through, each byte', async () => {
  const body = Buffer.alloc(25 * 1024 * 1024, 'y');
  const wire = await connect(server.port);
  wire.write(post('/upload', `Content-Length: ${body.length}\r\n`));
  wire.write(body);
  const text = await wire.until((w) => w.text().endsWith('}'), 20);
  const seen = JSON.parse(answers(text)[0].body);
  assert.equal(seen.length, body.length);
  assert.match(seen.body, /^y{4096}$/);
  wire.end();
});

test('long targets and long headers', async () => {
  assert.equal((await ask(get(`/${'x'.repeat(8190)}`)))[0].status, 404);
  const longTarget = (await ask(get(`/${'x'.repeat(8200)}`)))[0];
  assert.equal(longTarget.status, 414);
  isErrorObject(longTarget, 414);
  assert.equal((await ask(get('/echo', `X: ${'y'.repeat(8100)}\r\n`)))[0].status, 200);
  for (const more of [`X: ${'y'.repeat(8200)}\r\n`, `X: ${'y'.repeat(4000)}\r\n`.repeat(9)]) {
    const [answer] = await ask(get('/echo', more));
    assert.equal(answer.status, 431);
    assert.equal(answer.headers.get('connection'), 'close');
    isErrorObject(answer, 431);
  }
  assert.equal((await ask(get('/echo', 'X: y\r\n'.repeat(99))))[0].status, 200);
  assert.equal((await ask(get('/echo', 'X: y\r\n'.repeat(100))))[0].status, 400); // the parser's own limit
});

test('an answer that is too long becomes an error', async () => {
  const [answer] = await ask(get('/big/40000000'));
  assert.equal(answer.status, 500);
  isErrorObject(answer, 500);
  assert.equal((await ask(get('/big/20000000')))[0].body.length, 20000000);
});
