// seconds: 240
// Probes against servers that misbehave: each has a result with a name, in its time, and none costs another anything.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { X509Certificate } from 'node:crypto';
import { after, test } from 'node:test';
import { certificates } from '../lib/certificates.mjs';
import { closeAll, listening, raw, url } from '../lib/nasty.mjs';
import { probes } from '../lib/probe-trial.mjs';
import { until } from '../lib/until.mjs';

const SLACK_MS = 1500; // of a machine that is busy; time-outs themselves are exact to milliseconds
const made = certificates();
const authority = made.authority('authority');
const here = probes({ cidrs: '127.0.0.0/8,::1', caFile: authority.cert });
const answer = (text) => (socket) => socket.write(text);
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

after(async () => {
  closeAll();
  await here.end();
  made.remove();
});

const good = http.createServer((request, response) => {
  const seen = JSON.stringify({ method: request.method, headers: request.headers });
  const [, code, to] = /^\/(30\d)\?(.*)$/.exec(request.url) ?? [];
  if (code) response.writeHead(Number(code), { location: decodeURIComponent(to) }).end();
  else response.end(request.url === '/echo' ? seen : 'ok');
});
const goodPort = await listening(good);
let connections = 0;
good.on('connection', () => { connections++; });

const talks = {
  'never ends its body': [answer('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'), { wantsBody: true }, 'TIMEOUT', 200],
  'never ends its body, which is not wanted': [answer('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'), {}, 'ANSWERED', 200],
  'never begins its body, which is not wanted': [answer('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n'), {}, 'ANSWERED', 200],
  'never ends its chunks': [answer('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'), { wantsBody: true }, 'TIMEOUT', 200],
  'closes within its body': [(s) => s.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'), { wantsBody: true }, 'CONNECTION_CLOSED', 200],
  'closes mid-header': [(s) => s.end('HTTP/1.1 200 OK\r\nContent-Le'), {}, 'CONNECTION_CLOSED', 0],
  'closes after the status line': [(s) => s.end('HTTP/1.1 200 OK\r\n'), {}, 'CONNECTION_CLOSED', 0],
  'closes without a word': [(s) => s.end(), {}, 'CONNECTION_CLOSED', 0],
  'resets without a word': [(s) => s.resetAndDestroy(), {}, 'CONNECTION_CLOSED', 0],
  'never answers': [() => {}, {}, 'TIMEOUT', 0],
  'sends an interim answer and no other': [answer('HTTP/1.1 103 Early Hints\r\n\r\n'), {}, 'TIMEOUT', 0],
  'sends an interim answer first': [answer(`HTTP/1.1 103 Early Hints\r\n\r\n${OK}`), { wantsBody: true }, 'ANSWERED', 200],
  'speaks HTTP/0.9': [(s) => s.end('<html>hello, this is no head</html>\n'), {}, 'NOT_HTTP', 0],
  'speaks something else': [(s) => s.end('220 mail.example.com ESMTP\r\n'), {}, 'NOT_HTTP', 0],
  'has a status of letters': [(s) => s.end('HTTP/1.1 abc OK\r\n\r\n'), {}, 'NOT_HTTP', 0],
  'has a head of 70 KB': [answer(`HTTP/1.1 200 OK\r\n${'X: y'.padEnd(1000, 'y').concat('\r\n').repeat(70)}\r\n`), {}, 'HEAD_TOO_LONG', 0],
  'has a line of 200 KB': [answer(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(200_000)}\r\n\r\n`), {}, 'HEAD_TOO_LONG', 0],
  'has a line without an end': [answer(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(400_000)}`), {}, 'HEAD_TOO_LONG', 0],
};

for (const [what, [talk, request, end, status]] of Object.entries(talks)) {
  test(`a server that ${what}: ${end}`, async () => {
    const { port } = await raw(talk);
    const result = await here.probe({ url: url(port), timeout: 1000, ...request });
    assert.equal(result.end, end, JSON.stringify(result));
    assert.equal(result.status, status);
    assert.ok(result.total < 1_000_000 + SLACK_MS * 1000, `${result.total} us`);
    if (end === 'TIMEOUT') assert.ok(result.total >= 990_000, `${result.total} us`);
  });
}

test('a body of a gigabyte is not read: 1 MiB of it is', async () => {
  let sent = 0;
  const block = Buffer.alloc(1 << 16, 'x');
  const { port } = await raw((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${2 ** 30}\r\n\r\n`);
    const more = () => { while (sent < 2 ** 30 && socket.writable && socket.write(block)) sent += block.length; };
    socket.on('drain', more);
    more();
  });
  const result = await here.probe({ url: url(port), wantsBody: true });
  assert.equal(result.end, 'BODY_TOO_LONG');
  assert.deepEqual([result.status, result.bytes, result.cut], [200, 1 << 20, true]);
  assert.ok(sent < 2 ** 26, `${sent} bytes left the server`);
  assert.equal((await here.probe({ url: url(port) })).end, 'ANSWERED', 'not wanted, it is no fault');
});

test('a body of 1 MiB is whole', async () => {
  const { port } = await raw((socket) => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${1 << 20}\r\n\r\n${'x'.repeat(1 << 20)}`));
  const result = await here.probe({ url: url(port), wantsBody: true });
  assert.deepEqual([result.end, result.bytes, result.cut], ['ANSWERED', 1 << 20, false]);
});

test('a head that comes a byte at a time ends with the time-out, not later', async () => {
  const timers = [];
  const { port } = await raw((socket) => timers.push(setInterval(() => socket.writable && socket.write('H'), 50)));
  const slow = await here.probe({ url: url(port), timeout: 1000 });
  timers.forEach(clearInterval);
  assert.equal(slow.end, 'NOT_HTTP', JSON.stringify(slow)); // "HH" is no status line: known before the time is over
  const loris = await raw((socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    timers.push(setInterval(() => socket.writable && socket.write('X'), 50));
  });
  const result = await here.probe({ url: url(loris.port), timeout: 1000 });
  timers.forEach(clearInterval);
  assert.equal(result.end, 'TIMEOUT');
  assert.ok(result.total >= 990_000 && result.total < 1_000_000 + SLACK_MS * 1000, `${result.total} us`);
});

test('nobody listens, and nobody answers a name', async () => {
  const { port, server } = await raw(() => {});
  await new Promise((resolve) => { server.close(resolve); });
  const refused = await here.probe({ url: url(port) });
  assert.equal(refused.end, 'CONNECTION_REFUSED');
  const unknown = await here.probe('http://none-a.test/');
  assert.equal(unknown.end, 'DNS_FAILED');
  assert.ok(unknown.dns >= 0);
});

test('of two addresses the one that answers is used', async () => {
  const result = await here.probe({ url: `http://both-a.test:${goodPort}/`, wantsBody: true });
  assert.deepEqual([result.end, result.ip, result.body], ['ANSWERED', '127.0.0.1', 'ok']);
});

test('methods, headers, and what is not sent', async () => {
  const echo = async (request) => {
    const result = await here.probe({ url: url(goodPort, '/echo'), wantsBody: true, ...request });
    assert.equal(result.end, 'ANSWERED');
    return JSON.parse((await seen(request)).body);
  };
  const seen = (request) => here.probe({ url: url(goodPort, '/echo'), wantsBody: true, ...request });
  for (const method of ['GET', 'OPTIONS', 'POST']) {
    const { method: sent, headers } = await echo({ method });
    assert.equal(sent, method);
    assert.equal(headers.cookie, undefined);
    assert.equal(headers.authorization, undefined);
    assert.equal(headers['accept-encoding'], undefined);
    assert.equal(headers['content-type'], undefined);
    assert.equal(headers['content-length'], method === 'POST' ? '0' : undefined);
    assert.equal(headers.expect, undefined);
  }
  const head = await seen({ method: 'HEAD' });
  assert.deepEqual([head.end, head.status, head.bytes], ['ANSWERED', 200, 0]);
  assert.equal((await echo({ headers: { 'X-Mine': 'a b' } })).headers['x-mine'], 'a b');
  assert.equal((await echo({ method: 'GET' })).headers['x-mine'], undefined, 'of the probe before it');
  for (const [name, value] of [['X', 'a\r\nX-More: b'], ['X', 'a\nb'], ['Host', 'other'], ['Content-Length', '5'], ['X-Aws-Ec2', '1'], ['a b', 'c'], ['', 'c']]) {
    assert.equal((await here.probe({ url: url(goodPort), headers: { [name]: value } })).end, 'BAD_HEADER', name);
  }
});

test('connections are kept, and not shared where they must not be', async () => {
  await here.probe(url(goodPort));
  const before = connections;
  const kept = await here.probe(url(goodPort));
  assert.deepEqual([kept.kept, kept.connect, kept.tls], [true, -1, -1]);
  assert.equal(connections, before, 'a connection was made');
  const fresh = await here.probe({ url: url(goodPort), fresh: true });
  assert.equal(fresh.kept, false);
  assert.ok(fresh.connect >= 0 && fresh.firstByte >= 0 && fresh.total >= fresh.connect);
  assert.equal(connections, before + 1);
  assert.equal((await here.probe({ url: url(goodPort), method: 'POST' })).kept, false, 'a POST is not sent on a connection that may be dead');
});

test('no more connections are kept than may be', async () => {
  const one = probes({ cidrs: '127.0.0.0/8', idle: 3 });
  const { port, sockets } = await raw((socket) => { setTimeout(() => socket.write(OK), 50); });
  const ends = (await one.times(20, url(port))).map(({ end }) => end);
  assert.deepEqual([...new Set(ends)], ['ANSWERED']);
  await until('the others are closed', () => sockets.size === 3);
  assert.equal((await one.probe(url(port))).kept, true);
  await one.end();
});

test('a connection of a preview is nobody else\'s way in', async () => {
  const strangers = probes({ cidrs: '' });
  const preview = { url: `http://home-b.test:${goodPort}/`, allowPrivate: true };
  assert.equal((await strangers.probe(preview)).end, 'ANSWERED');
  assert.equal((await strangers.probe(preview)).kept, true);
  const before = connections;
  assert.equal((await strangers.probe(`http://home-b.test:${goodPort}/`)).end, 'ADDRESS_NOT_ALLOWED');
  assert.equal((await strangers.probe(preview)).end, 'ANSWERED');
  assert.equal((await strangers.probe(url(goodPort))).end, 'ADDRESS_NOT_ALLOWED');
  assert.ok(connections <= before + 1);
  await strangers.end();
});

test('redirects: an answer, followed, in a circle, too many', async () => {
  const to = (code, target) => url(goodPort, `/${code}?${encodeURIComponent(target)}`);
  const plain = await here.probe(to(302, '/'));
  assert.deepEqual([plain.end, plain.status, plain.redirects], ['ANSWERED', 302, 0]);
  const followed = await here.probe({ url: to(302, '/echo#part'), redirects: 3, wantsBody: true, headers: { 'X-Mine': '1' } });
  assert.deepEqual([followed.end, followed.status, followed.redirects], ['ANSWERED', 200, 1]);
  const circle = await raw((socket, head) => socket.write(`HTTP/1.1 302 Found\r\nLocation: ${head.split(' ')[1]}x\r\nContent-Length: 0\r\n\r\n`));
  const round = await here.probe({ url: url(circle.port), redirects: 3 });
  assert.deepEqual([round.end, round.redirects], ['TOO_MANY_REDIRECTS', 3]);
  const post = await here.probe({ url: to(303, '/echo'), method: 'POST', redirects: 1, wantsBody: true });
  assert.equal(JSON.parse(post.body.slice(0, post.body.indexOf(',')) + '}').method, 'GET');
});

test('headers of one place are not another\'s', async () => {
  const seen = [];
  const other = await raw((socket, head) => { seen.push(head); socket.write(OK); });
  const request = { redirects: 1, headers: { 'X-Mine': 'secret' }, hostHeaders: { 'X-Theirs': 'secret' } };
  await here.probe({ url: url(other.port), ...request });
  assert.match(seen[0], /X-Mine: secret[\s\S]*X-Theirs: secret/);
  for (const target of [url(other.port), `http://home-c.test:${other.port}/`]) {
    const result = await here.probe({ url: url(goodPort, `/302?${encodeURIComponent(target)}`), ...request });
    assert.deepEqual([result.end, result.redirects], ['ANSWERED', 1]);
    assert.doesNotMatch(seen.at(-1), /secret/);
  }
});

test('secret headers are not sent in plain HTTP to a public address, and that is said', async () => {
  const seen = [];
  const { port } = await raw((socket, head) => { seen.push(head); socket.write(OK); });
  const secret = { secretHeaders: { 'X-Key': 'secret' } };
  assert.equal((await here.probe({ url: url(port), ...secret })).end, 'ANSWERED', 'a private address');
  assert.match(seen[0], /X-Key: secret/);
  const refused = await here.probe({ url: 'http://8.8.8.8/', ...secret });
  assert.deepEqual([refused.end, refused.ip], ['HEADERS_NEED_TLS', ''], 'nobody was asked');
});

test('redirects to where nobody may go are refused', async () => {
  const narrow = probes({ cidrs: '127.0.0.1/32', ports: `80,443,${goodPort}` });
  const witness = await raw(() => {});
  let met = 0;
  witness.server.on('connection', () => { met++; });
  for (const target of ['http://169.254.169.254/latest/meta-data/', 'http://[::1]/', 'http://10.0.0.1/', `http://2130706433:${witness.port}/`, url(witness.port),
    `http://127.0.0.2:${goodPort}/`, 'file:///etc/passwd', 'gopher://127.0.0.1:80/x', 'ftp://127.0.0.1/', `http://u:p@127.0.0.1:${goodPort}/`, 'http://', '//', 'http://%E2%91%A0.1.1.1/']) {
    const { end } = await narrow.probe({ url: url(goodPort, `/302?${encodeURIComponent(target)}`), redirects: 3 });
    assert.equal(end, 'REDIRECT_REFUSED', target);
  }
  assert.equal((await narrow.probe({ url: url(goodPort, `/302?${encodeURIComponent('http://mixed-z.test:1/')}`), redirects: 1 })).end, 'REDIRECT_REFUSED', 'a port');
  const preview = { url: url(goodPort, `/302?${encodeURIComponent(`http://127.0.0.2:${goodPort}/`)}`), redirects: 1, allowPrivate: true };
  assert.equal((await narrow.probe(preview)).end, 'REDIRECT_REFUSED', 'leave to go to private addresses ends with the host');
  assert.equal(met, 0);
  await narrow.end();
});

test('a login of another host is known as one', async () => {
  const login = async (target, redirects = 0) => (await here.probe({ url: url(goodPort, `/302?${encodeURIComponent(target)}`), redirects })).login;
  assert.equal(await login('https://vercel.com/sso-api?url=x'), true);
  assert.equal(await login('https://accounts.example.com/'), true);
  assert.equal(await login('https://example.com/welcome?next=login'), false);
  assert.equal(await login('/login'), false);
  const { port } = await raw(answer('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n'));
  const result = await here.probe(url(port));
  assert.deepEqual([result.end, result.status, result.login], ['ANSWERED', 401, true]);
});

async function secure(certificate, options = {}, kind = https) {
  const files = { cert: readFileSync(certificate.cert), key: readFileSync(certificate.key), ...options };
  const server = kind === https ? https.createServer(files, (q, r) => r.end('ok')) : http2.createSecureServer(files, (q, r) => r.end('ok'));
  server.on('tlsClientError', () => {}).on('sessionError', () => {});
  return listening(server);
}

test('certificates: good, expired, of another host, of nobody known', async () => {
  const fine = made.issue(authority, 'fine');
  const port = await secure(fine);
  const first = await here.probe(`https://127.0.0.1:${port}/`);
  const x = new X509Certificate(readFileSync(fine.cert));
  assert.equal(first.end, 'ANSWERED', JSON.stringify(first));
  assert.equal(first.sha256, x.fingerprint256.replaceAll(':', '').toLowerCase());
  assert.equal(first.expires, Date.parse(x.validTo));
  assert.deepEqual([first.subject, first.issuer], ['CN=fine', 'CN=authority']);
  assert.ok(first.tls >= 0);
  const kept = await here.probe(`https://127.0.0.1:${port}/`);
  assert.deepEqual([kept.kept, kept.sha256, kept.tls], [true, undefined, -1]);

  const wrong = [
    ['CERTIFICATE_EXPIRED', made.issue(authority, 'expired', { days: '-1' })],
    ['CERTIFICATE_MISMATCH', made.issue(authority, 'mismatch', { names: 'DNS:other.example' })],
    ['CERTIFICATE_UNTRUSTED', made.make('self')],
    ['CERTIFICATE_EXPIRED', made.make('self-expired', { days: '-1' })],
  ];
  for (const [end, certificate] of wrong) {
    const target = `https://127.0.0.1:${await secure(certificate)}/`;
    const result = await here.probe(target);
    assert.equal(result.end, end, certificate.name);
    assert.equal(result.subject, `CN=${certificate.name}`, 'read although it is not good');
    const looked = await here.probe({ url: target, skipTlsVerify: true });
    assert.deepEqual([looked.end, looked.subject], ['ANSWERED', `CN=${certificate.name}`]);
    assert.equal((await here.probe({ url: target, skipTlsVerify: true })).kept, true);
    assert.equal((await here.probe(target)).end, end, 'not on the connection of a probe that does not judge');
  }
  const { port: deaf } = await raw((socket) => socket.end('no TLS here\r\n'), { greet: true });
  assert.equal((await here.probe(`https://127.0.0.1:${deaf}/`)).end, 'TLS_FAILED');
  const old = await secure(fine, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' });
  assert.equal((await here.probe(`https://127.0.0.1:${old}/`)).end, 'TLS_FAILED');
});

test('from https to http no redirect is followed', async () => {
  const files = made.issue(authority, 'down');
  const server = https.createServer({ cert: readFileSync(files.cert), key: readFileSync(files.key) },
    (q, r) => r.writeHead(302, { location: url(goodPort) }).end());
  const port = await listening(server);
  assert.equal((await here.probe({ url: `https://127.0.0.1:${port}/`, redirects: 1 })).end, 'REDIRECT_REFUSED');
  assert.equal((await here.probe({ url: url(goodPort, `/302?${encodeURIComponent(`https://127.0.0.1:${port}/`)}`), redirects: 1 })).end, 'TOO_MANY_REDIRECTS');
});

test('HTTP/2: as the server likes it, never, or nothing else', async () => {
  const both = `https://127.0.0.1:${await secure(made.issue(authority, 'two'), { allowHTTP1: true }, http2)}/`;
  const one = `https://127.0.0.1:${await secure(made.issue(authority, 'one'))}/`;
  assert.equal((await here.probe({ url: both, wantsBody: true })).http, 20);
  assert.equal((await here.probe({ url: both, http: '1.1' })).http, 11);
  assert.equal((await here.probe({ url: both, http: '2' })).http, 20);
  assert.equal((await here.probe(both)).http, 20);
  assert.equal((await here.probe(one)).http, 11);
  assert.equal((await here.probe({ url: one, http: '2' })).end, 'NOT_HTTP_2');
  const clear = await listening(http2.createServer((q, r) => r.end('ok')));
  assert.deepEqual((({ end, http: version }) => [end, version])(await here.probe({ url: url(clear), http: '2' })), ['ANSWERED', 20]);
  assert.notEqual((await here.probe({ url: url(goodPort), http: '2' })).end, 'ANSWERED');
});

test('a thousand probes and some black holes: nobody waits for them', async () => {
  const hole = await raw(() => {});
  const holes = here.times(20, { url: url(hole.port), timeout: 5000 });
  const began = Date.now();
  const results = await here.times(1000, { url: url(goodPort), timeout: 20000 });
  const took = Date.now() - began;
  assert.equal(results.filter(({ end }) => end === 'ANSWERED').length, 1000);
  const late = await holes;
  assert.deepEqual([...new Set(late.map(({ end }) => end))], ['TIMEOUT']);
  for (const { total } of late) assert.ok(total >= 4_990_000 && total < 5_000_000 + SLACK_MS * 1000, `${total} us`);
  assert.ok(took < 20000, `${took} ms`);
});

test('more than may be under way at once wait, and their time begins when they start', async () => {
  const few = probes({ cidrs: '127.0.0.0/8', atOnce: 4 });
  let most = 0;
  let now = 0;
  const { port } = await raw((socket) => {
    most = Math.max(most, ++now);
    setTimeout(() => { now--; socket.write(OK); }, 100);
  });
  const results = await few.times(40, { url: url(port), timeout: 5000 });
  assert.deepEqual([...new Set(results.map(({ end }) => end))], ['ANSWERED']);
  assert.equal(most, 4);
  await few.end();
});

test('a resolver that is dead delays those who need it, until their time is over, and nobody else', async () => {
  const few = probes({ cidrs: '127.0.0.0/8', lookups: 2 });
  assert.equal((await few.probe(`http://home-d.test:${goodPort}/`)).end, 'ANSWERED');
  const slow = Promise.all(['a', 'b', 'c', 'd'].map((name) => few.times(5, { url: `http://slow-${name}.test:${goodPort}/`, timeout: 1000 })));
  const known = await few.times(50, { url: `http://home-d.test:${goodPort}/`, timeout: 20000 });
  const literal = await few.times(50, { url: url(goodPort), timeout: 20000 });
  for (const { end, lookups } of [...known, ...literal]) assert.deepEqual([end, lookups <= 3], ['ANSWERED', true]);
  for (const { end, total, mostLookups } of (await slow).flat()) {
    assert.equal(end, 'DNS_FAILED');
    assert.ok(total >= 990_000 && total < 1_000_000 + SLACK_MS * 1000, `${total} us`);
    assert.ok(mostLookups <= 2, `${mostLookups} look-ups at once`);
  }
  const patient = await few.times(5, { url: `http://slow-y.test:${goodPort}/`, timeout: 30000 });
  assert.deepEqual([...new Set(patient.map(({ end }) => end))], ['ANSWERED']);
  await few.end();
});

test('few descriptors: fewer at once, none for want of them', async () => {
  const poor = probes({ cidrs: '127.0.0.0/8' }, {}, ['prlimit', '--nofile=400:400']);
  const { port } = await raw((socket) => { setTimeout(() => socket.write(OK), 20); });
  const results = await poor.times(600, { url: url(port), timeout: 20000, fresh: true });
  assert.deepEqual([...new Set(results.map(({ end }) => end))], ['ANSWERED']);
  await poor.end();
  assert.match(poor.log(), /not enough file descriptors.*"atOnce":100,"wanted":2000/);
});

test('many names of one domain that nobody answers for hold nobody else up', async () => {
  const some = probes({ cidrs: '127.0.0.0/8', lookups: 3 });
  const order = [];
  const ask = (name, request) => some.probe({ url: `http://${name}:${goodPort}/`, timeout: 30000, ...request })
    .then((result) => { order.push(name); return result; });
  const slow = Promise.all([1, 2, 3].map((n) => ask(`slow-${n}.tenant.test`)));
  const other = await ask('home-y.other.test');
  assert.deepEqual([other.end, order], ['ANSWERED', ['home-y.other.test']]);
  const others = Promise.all(['slow-1', 'slow-2'].map((name) => ask(`${name}.b-${name}.test`)));
  const sentinel = await ask('home-z.test', { first: true });
  assert.deepEqual([sentinel.end, order], ['ANSWERED', ['home-y.other.test', 'home-z.test']]);
  for (const { end } of [...await slow, ...await others]) assert.equal(end, 'ANSWERED');
  await some.end();
});

test('a name that nobody answers for is not asked for again for a while', async () => {
  const one = probes({ cidrs: '127.0.0.0/8' });
  const ask = (request) => one.probe({ url: `http://dead-a.test:${goodPort}/`, timeout: 30000, ...request });
  const first = await ask();
  assert.deepEqual([first.end, first.remembered, first.lookups], ['DNS_FAILED', false, 1]);
  for (const { end, remembered, lookups } of await one.times(20, `http://dead-a.test:${goodPort}/`)) {
    assert.deepEqual([end, remembered, lookups], ['DNS_FAILED', true, 1]);
  }
  const trace = await ask({ fresh: true });
  assert.deepEqual([trace.end, trace.remembered, trace.lookups], ['DNS_FAILED', false, 2]);
  await one.end();
});

test('known addresses are used while nobody answers for their name, and not when it is gone', async () => {
  const one = probes({ cidrs: '127.0.0.0/8', knownMs: 1 });
  const ask = (name) => one.probe(`http://${name}.test:${goodPort}/`);
  assert.equal((await ask('fading-a')).end, 'ANSWERED');
  await until('it was looked up again', async () => {
    const result = await ask('fading-a');
    assert.equal(result.end, 'ANSWERED');
    return result.lookups >= 2;
  });
  assert.deepEqual((({ end, dns }) => [end, dns])(await ask('fading-a')), ['ANSWERED', -1]);
  assert.equal((await ask('gone-a')).end, 'ANSWERED');
  await until('it is gone', async () => (await ask('gone-a')).end === 'DNS_FAILED');
  await one.end();
});

test('a trace looks its name up again', async () => {
  const one = probes({ cidrs: '127.0.0.0/8' });
  const ask = (fresh) => one.probe({ url: `http://home-e.test:${goodPort}/`, fresh });
  assert.equal((await ask(false)).lookups, 1);
  assert.deepEqual((({ lookups, dns }) => [lookups, dns])(await ask(false)), [1, -1]);
  const trace = await ask(true);
  assert.ok(trace.lookups === 2 && trace.dns >= 0);
  await one.end();
});

test('when the driver closes, all that was under way ends as STOPPED', async () => {
  const one = probes({ cidrs: '127.0.0.0/8', atOnce: 3, lookups: 1 });
  const hole = await raw(() => {});
  let met = 0;
  const connected = new Promise((resolve) => { hole.server.on('connection', () => { if (++met === 3) resolve(); }); });
  const running = one.times(6, { url: url(hole.port) });
  const looking = one.times(3, 'http://slow-x.test/');
  await connected;
  one.close();
  for (const { end } of [...await running, ...await looking]) assert.equal(end, 'STOPPED');
  await one.end();
});
