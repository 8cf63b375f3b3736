// stack: --no-daemon
// seconds: 240
// TLS at the edge: versions, ALPN, what is cut, and a certificate that changes while connections go on.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { certificates } from '../lib/certificates.mjs';
import { answers, edge, exchange } from '../lib/edge.mjs';
import { env } from '../lib/env.mjs';
import { isAlive, kill } from '../lib/processes.mjs';
import { eachOf, until } from '../lib/until.mjs';

const made = certificates();
const first = made.make('first.example');
const files = { cert: join(made.folder, 'server.pem'), key: join(made.folder, 'server.key') };
const port = Number(new URL(env.api).port);
const shell = (program, extra) => ['-c', `set -a; . "${env.stackDir}/daemon.env"; ${extra} exec "${env.bin}/opshubd" ${program}`];
let daemon;
let log = '';

function install({ cert, key }) {
  copyFileSync(cert, files.cert);
  copyFileSync(key, files.key);
}

before(async () => {
  install(first);
  daemon = spawn('bash', shell('', `TLS_CERT='${files.cert}' TLS_KEY='${files.key}' API_PROCESSES=2`), { stdio: ['ignore', 'pipe', 'inherit'] });
  daemon.stdout.on('data', (data) => { log += data; });
  await until('it is ready', () => log.includes('"message":"Ready"'));
});

after(async () => {
  kill(daemon.pid, 'SIGTERM');
  await until('it ended', () => !isAlive(daemon.pid), { seconds: 40 });
  made.remove();
});

// One TLS connection: { protocol, alpn, cn, cipher }, or { error }.
function shake(options = {}, to = port) {
  return new Promise((resolve) => {
    const socket = tls.connect({ host: '127.0.0.1', port: to, rejectUnauthorized: false, ...options });
    socket.setTimeout(8000, () => socket.destroy(new Error('silent')));
    socket.on('error', (error) => resolve({ error: error.code ?? error.message }));
    socket.on('secureConnect', () => {
      resolve({ protocol: socket.getProtocol(), alpn: socket.alpnProtocol, cn: socket.getPeerCertificate().subject.CN, cipher: socket.getCipher().name });
      socket.end();
    });
  });
}

function request(path, options = {}) {
  return new Promise((resolve, reject) => {
    const out = https.request({ host: '127.0.0.1', port, path, rejectUnauthorized: false, agent: false, ...options }, (answer) => {
      const parts = [];
      const { socket } = answer; // a connection that is kept loses its answer at the end
      const { CN: cn } = socket.getPeerCertificate().subject ?? {};
      answer.on('data', (data) => parts.push(data));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts).toString(), socket, cn }));
    });
    out.on('error', reject);
    out.end(options.body);
  });
}

test('TLS 1.3 and 1.2 are spoken, with forward secrecy; 1.1 is not', async () => {
  assert.equal((await shake()).protocol, 'TLSv1.3');
  const old = await shake({ maxVersion: 'TLSv1.2' });
  assert.equal(old.protocol, 'TLSv1.2');
  assert.match(old.cipher, /^ECDHE-.*(GCM|CHACHA20)/);
  for (const version of ['TLSv1.1', 'TLSv1']) {
    const refused = await shake({ minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' });
    assert.ok(refused.error, JSON.stringify(refused));
  }
  assert.ok((await shake({ maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' })).error, 'no forward secrecy');
});

test('HTTP/2 is not negotiated', async () => {
  assert.equal((await shake({ ALPNProtocols: ['h2', 'http/1.1'] })).alpn, 'http/1.1');
  assert.equal((await shake({ ALPNProtocols: ['http/1.1'] })).alpn, 'http/1.1');
  assert.equal((await shake()).alpn, false);
  assert.ok((await shake({ ALPNProtocols: ['h2'] })).error, 'who speaks nothing else is turned away');
});

test('sessions are not resumed: another process could not', async () => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
    const agent = new https.Agent({ keepAlive: false, maxVersion });
    const answer = await request('/healthz', { agent });
    assert.equal(answer.status, 200);
    assert.equal(answer.socket.isSessionReused(), false);
    const again = await request('/healthz', { agent, session: answer.socket.getSession() });
    assert.equal(again.socket.isSessionReused(), false);
  }
});

test('requests are answered as without TLS, bodies of any length, records of any size', async () => {
  const answer = await request('/healthz');
  assert.deepEqual(JSON.parse(answer.body), { ok: true });
  assert.equal(answer.headers['strict-transport-security'], undefined); // this is no production
  for (const size of [1, 8169, 8170, 8171, 16384, 60000]) {
    const body = 'x'.repeat(size);
    const refused = await request('/test/login-as', { method: 'POST', body, headers: { 'content-type': 'application/json', 'content-length': size } });
    assert.ok(refused.status >= 400 && refused.status < 500, `${size}: ${refused.status}`);
    assert.equal(JSON.parse(refused.body).statusCode, refused.status);
  }
});

test('plain HTTP to the TLS port is cut without an answer, also when it comes in pieces', async () => {
  for (const bytes of ['GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n', 'G', '\x16\x03\x01\xff\xff']) {
    const text = await exchange(port, bytes, 9);
    assert.ok(!text.includes('HTTP/'), text);
  }
});

test('who does not finish the handshake is cut after five seconds', async () => {
  const started = Date.now();
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'close');
  assert.ok(Date.now() - started > 3500 && Date.now() - started < 8000, `${Date.now() - started} ms`);
});

const names = async (n = 12) => [...new Set(await eachOf(Array.from({ length: n }), 4, async () => (await shake()).cn))];
const hangUp = () => kill(daemon.pid, 'SIGHUP');
const count = (text) => log.split(text).length - 1;

test('SIGHUP brings the new certificate; a connection that is open goes on with the old one', async () => {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  const before = await request('/healthz', { agent });
  install(made.make('second.example', { kind: 'rsa' }));
  assert.deepEqual(await names(), ['first.example']); // not before it is told
  hangUp();
  await until('every process has it', async () => (await names()).join() === 'second.example');
  const later = await request('/healthz', { agent });
  assert.equal(later.status, 200);
  assert.equal(later.socket, before.socket);
  assert.equal(later.cn, 'first.example');
  agent.destroy();
});

test('files that are no good change nothing, and the log says which and why', async () => {
  const kept = readFileSync(files.cert);
  writeFileSync(files.cert, 'not a certificate');
  hangUp();
  await until('both processes complain', () => count('The new certificate cannot be used, the old one stays') >= 2);
  assert.match(log, /TLS_CERT [^"]*server\.pem: is no certificate in PEM form/);
  assert.deepEqual(await names(), ['second.example']);
  writeFileSync(files.cert, kept);
  copyFileSync(first.key, files.key);
  hangUp();
  await until('both complain of the key', () => count('is not the key of the certificate') >= 2);
  assert.deepEqual(await names(), ['second.example']);
  install(made.make('third.example'));
  hangUp();
  await until('every process has the third', async () => (await names()).join() === 'third.example');
});

function start(variables) {
  return spawnSync('bash', shell('', Object.entries({ PORT: '1', ...variables }).map(([key, value]) => `${key}='${value}'`).join(' ')),
    { encoding: 'utf8', timeout: 20_000 });
}

test('a start with files that are no good ends with 78 and names the file', () => {
  const other = made.make('other.example', { kind: 'rsa' });
  const locked = join(made.folder, 'locked.key');
  spawnSync('openssl', ['ec', '-aes128', '-passout', 'pass:secret', '-in', first.key, '-out', locked]);
  const rows = [
    [{ TLS_CERT: '/no/such/file.pem', TLS_KEY: first.key }, /TLS_CERT \/no\/such\/file\.pem: No such file/],
    [{ TLS_CERT: first.cert, TLS_KEY: '/no/such/file.key' }, /TLS_KEY \/no\/such\/file\.key: No such file/],
    [{ TLS_CERT: first.key, TLS_KEY: first.key }, /TLS_CERT .*first\.example\.key: is no certificate/],
    [{ TLS_CERT: first.cert, TLS_KEY: first.cert }, /TLS_KEY .*first\.example\.pem: is no private key/],
    [{ TLS_CERT: first.cert, TLS_KEY: locked }, /TLS_KEY .*locked\.key: is no private key .*password/],
    [{ TLS_CERT: first.cert, TLS_KEY: other.key }, /TLS_KEY .*other\.example\.key: is not the key/],
    [{ TLS_CERT: other.cert, TLS_KEY: made.make('one.example', { kind: 'rsa' }).key }, /TLS_KEY .*is not the key/],
    [{ TLS_CERT: first.cert }, /TLS_KEY is missing/],
    [{ TLS_KEY: first.key }, /TLS_CERT is missing/],
  ];
  for (const [variables, pattern] of rows) {
    const result = start(variables);
    assert.equal(result.status, 78, JSON.stringify(variables) + result.stdout + result.stderr);
    assert.equal(result.stderr.trim().split('\n').length, 1, result.stderr);
    assert.match(result.stderr, pattern);
  }
});

test('one that has expired is used, with a warning', async () => {
  const expired = made.make('expired.example', { days: '-1' });
  const check = spawnSync('bash', shell('config check', `TLS_CERT='${expired.cert}' TLS_KEY='${expired.key}'`), { encoding: 'utf8' });
  assert.equal(check.status, 0, check.stderr);
  assert.match(check.stderr, /TLS_CERT .*expired\.example\.pem: has expired/);
  const server = await edge(`cert=${expired.cert}`, `key=${expired.key}`);
  assert.equal((await shake({}, server.port)).cn, 'expired.example');
  assert.match(await server.stop(), /has expired/);
});

test('in production what came encrypted is told to stay so, directly or through a proxy', async () => {
  const direct = await edge(`cert=${first.cert}`, `key=${first.key}`, 'production=1');
  const answer = await request('/echo', { port: direct.port });
  assert.equal(answer.headers['strict-transport-security'], 'max-age=31536000');
  assert.equal(JSON.parse(answer.body).tls, true);
  await direct.stop();
  const behind = await edge('proxies=127.0.0.0/8', 'production=1');
  const said = async (more) => answers(await exchange(behind.port, `GET /echo HTTP/1.1\r\nHost: a\r\n${more}\r\n`))[0].headers.get('strict-transport-security');
  assert.equal(await said('X-Forwarded-Proto: https\r\n'), 'max-age=31536000');
  assert.equal(await said('X-Forwarded-Proto: http\r\n'), undefined);
  await behind.stop();
  const believed = await edge('production=1');
  assert.equal(answers(await exchange(believed.port, 'GET /echo HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n'))[0].headers.get('strict-transport-security'), undefined);
  await believed.stop();
});

test('however connections end, no descriptor is left', async () => {
  const server = await edge(`cert=${first.cert}`, `key=${first.key}`, 'request=1500');
  const descriptors = server.descriptors();
  await eachOf(Array.from({ length: 120 }, (_, i) => i), 24, async (i) => {
    const socket = tls.connect({ host: '127.0.0.1', port: server.port, rejectUnauthorized: false });
    socket.on('error', () => {});
    if (i % 6 === 0) return socket.destroy();
    await once(socket, 'secureConnect');
    if (i % 6 === 1) return socket.destroy();
    socket.write('GET /list/3000 HTTP/1.1\r\nHost: a\r\n\r\n');
    if (i % 6 === 2) return socket.destroy();
    await once(socket, 'data');
    if (i % 6 === 3) return socket.destroy();
    if (i % 6 === 4) return socket.end();
    socket.write('POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\nx');
    return setImmediate(() => socket.destroy());
  });
  await until('descriptors are back', () => server.descriptors() <= descriptors + 1);
  await server.stop();
});
