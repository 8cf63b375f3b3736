// What the HTTP edge does with clients that are slow, many, gone, or too big, and how it ends.
// seconds: 240
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { answers, connect, edge, exchange } from '../lib/edge.mjs';
import { sleep, until } from '../lib/until.mjs';

const HOST = 'Host: a\r\n';
const get = (path, more = '') => `GET ${path} HTTP/1.1\r\n${HOST}${more}\r\n`;
const post = (path, body) => `POST ${path} HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n\r\n${body}`;
const count = async (server) => JSON.parse(answers(await exchange(server.port, get('/count')))[0].body);

// A test on a server of its own, which must end cleanly (no leak, no sanitizer report, no descriptor left).
function on(options, name, work) {
  test(name, async (t) => {
    const server = await edge(...options);
    const descriptors = server.descriptors();
    try {
      await work(server, t);
      await until('descriptors are back', () => server.descriptors() <= descriptors + 1);
    } finally {
      await server.stop();
    }
  });
}

async function many(n, make) {
  const wires = await Promise.all(Array.from({ length: n }, make));
  for (const wire of wires) wire.socket.on('error', () => {});
  return wires;
}

const allClosed = (wires, seconds) => until('all are closed', () => wires.every((wire) => wire.closed), { seconds });

on(['request=600'], 'slow heads, slow bodies and idle connections are cut, others do not notice', async (server) => {
  const wires = await many(60, () => connect(server.port));
  const started = Date.now();
  wires.forEach((wire, i) => {
    if (i % 3 === 0) wire.write('GET /echo HT');
    if (i % 3 === 1) wire.write(`POST /echo HTTP/1.1\r\n${HOST}Content-Length: 1000\r\n\r\nx`);
  });
  const drip = setInterval(() => wires.forEach((wire, i) => i % 3 !== 2 && !wire.closed && wire.write('x')), 50);
  await sleep(200);
  const asked = Date.now();
  assert.equal(answers(await exchange(server.port, get('/fiber')))[0].status, 200);
  assert.ok(Date.now() - asked < 200);
  await allClosed(wires, 5);
  clearInterval(drip);
  assert.ok(Date.now() - started >= 500 && Date.now() - started < 3000, `${Date.now() - started} ms`);
  wires.forEach((wire) => wire.end());
});

on(['response=1500'], 'slow readers are cut, and cost no CPU meanwhile', async (server) => {
  const wires = await many(8, () => connect(server.port, { pause: true }));
  for (const wire of wires) wire.write(get('/big/12000000'));
  await until('the answers are on their way', async () => (await count(server)).busy === 18) /* requests and connections, with the one that asks */;
  const cpu = server.cpuMs();
  await sleep(400);
  assert.ok(server.cpuMs() - cpu < 200, `${server.cpuMs() - cpu} ms of CPU`);
  await until('the slow readers are gone', async () => (await count(server)).busy === 2, { seconds: 5 });
  wires.forEach((wire) => wire.end());
});

on(['response=400'], 'a handler that takes too long gives 503, and one that is cut takes nobody along', async (server) => {
  const [answer, next] = answers(await exchange(server.port, get('/sleep/5000') + get('/healthz')));
  assert.equal(answer.status, 503);
  assert.equal(JSON.parse(answer.body).error, 'UnavailableError');
  assert.ok(Number(answer.headers.get('retry-after')) > 0);
  assert.equal(next.status, 200);
});

on(['fibers=4'], 'when fibers run out: 503 with Retry-After and the error object, and then on as before', async (server) => {
  const texts = await Promise.all(Array.from({ length: 12 }, () => exchange(server.port, get('/sleep/300'))));
  const all = texts.map((text) => answers(text)[0]);
  assert.equal(all.filter((answer) => answer.status === 200).length, 4);
  for (const answer of all.filter((one) => one.status !== 200)) {
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get('retry-after'), '1');
    assert.equal(answer.headers.get('connection'), 'keep-alive');
    assert.equal(JSON.parse(answer.body).statusCode, 503);
  }
  assert.equal(answers(await exchange(server.port, get('/fiber')))[0].status, 200);
});

on(['connections=20', 'per_address=1000'], 'at the cap further connections wait, and come in when others leave', async (server) => {
  const wires = await many(20, () => connect(server.port));
  for (const wire of wires) wire.write(get('/healthz'));
  await until('all are answered', () => wires.every((wire) => wire.text().endsWith('}')));
  const late = await connect(server.port); // the kernel takes it; the server does not yet
  late.write(get('/healthz'));
  const cpu = server.cpuMs();
  await sleep(500);
  assert.equal(late.text(), '');
  assert.ok(server.cpuMs() - cpu < 150, 'it waits without spinning');
  for (const wire of wires.slice(0, 5)) wire.end();
  await late.until((wire) => wire.text().endsWith('}'));
  late.end();
  wires.forEach((wire) => wire.end());
});

on(['per_address=10'], 'an address has its share and no more', async (server) => {
  const wires = await many(10, () => connect(server.port));
  for (const wire of wires) wire.write(get('/healthz'));
  await until('all are answered', () => wires.every((wire) => wire.text().endsWith('}')));
  const [over] = await many(1, () => connect(server.port));
  await over.until((wire) => wire.closed);
  assert.equal(over.text(), '');
  wires[0].end();
  await until('its place is free again', async () => {
    const [again] = await many(1, () => connect(server.port));
    again.write(get('/healthz'));
    await again.until((wire) => wire.closed || wire.text().endsWith('}'));
    again.end();
    return again.text() !== '';
  });
  wires.forEach((wire) => wire.end());
});

on(['per_address=4', 'proxies=127.0.0.0/8'], 'behind a trusted proxy the client is the one it names', async (server) => {
  const wires = await many(12, () => connect(server.port)); // more than one address may have: proxies are not counted
  for (const wire of wires) wire.write(get('/healthz'));
  await until('all are answered', () => wires.every((wire) => wire.text().endsWith('}')));
  wires.forEach((wire) => wire.end());
  const more = 'X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\nX-Forwarded-Proto: https\r\n';
  const seen = JSON.parse(answers(await exchange(server.port, get('/echo', more)))[0].body);
  assert.equal(seen.client, '203.0.113.9');
  assert.equal(seen.tls, true);
});

on([], 'without one, what a client claims counts for nothing', async (server) => {
  const more = 'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n';
  const seen = JSON.parse(answers(await exchange(server.port, get('/echo', more)))[0].body);
  assert.equal(seen.client, '127.0.0.1');
  assert.equal(seen.tls, false);
});

on([], 'no descriptors left: it waits without spinning, and goes on when there are some', async (server) => {
  execFileSync('prlimit', ['--pid', String(server.pid), `--nofile=${server.descriptors() + 5}`]);
  const wires = await many(12, () => connect(server.port));
  for (const wire of wires) wire.write(get('/healthz'));
  const answered = () => wires.filter((wire) => wire.text().endsWith('}')).length;
  await until('some are answered', () => answered() >= 4);
  const cpu = server.cpuMs();
  await sleep(1000);
  assert.ok(answered() < 12);
  assert.ok(server.cpuMs() - cpu < 200, `${server.cpuMs() - cpu} ms of CPU in a second`);
  await until('the others are answered', () => { // who has an answer leaves, and lets the next ones in
    wires.filter((one) => one.text().endsWith('}')).forEach((wire) => wire.end());
    return answered() === 12;
  });
  assert.match(server.log(), /No file descriptors are left/);
});

on(['buffered=4000000'], 'bodies that are being read have a limit together', async (server) => {
  const wires = await many(6, () => connect(server.port));
  for (const wire of wires) {
    wire.write(`POST /upload HTTP/1.1\r\n${HOST}Content-Length: 2000000\r\n\r\n`);
    wire.write(Buffer.alloc(1500000));
  }
  await until('the newest are cut', () => wires.filter((wire) => wire.closed).length === 4);
  for (const wire of wires.filter((one) => !one.closed)) wire.write(Buffer.alloc(500000));
  await until('the others are answered', () => wires.filter((wire) => wire.text().includes('"length":2000000')).length === 2);
  wires.forEach((wire) => wire.end());
});

on([], 'a client that leaves while its request is worked on', async (server) => {
  const wires = await many(40, () => connect(server.port));
  wires.forEach((wire, i) => wire.write(i % 2 ? post('/sleep/200', 'x') : get('/sleep/200')));
  await until('all are being worked on', async () => (await count(server)).fibers >= 40);
  wires.forEach((wire, i) => (i % 4 < 2 ? wire.socket.resetAndDestroy() : wire.end()));
  await until('all handlers ended', async () => (await count(server)).fibers === 1);
  assert.equal((await count(server)).finished, 40); // taken in is worked off
});

on([], 'clients that come and go at any moment', async (server) => {
  const requests = [get('/sleep/3'), post('/echo', 'x'.repeat(3000)), get('/big/300000'), post('/echo', 'y'.repeat(70000)),
    'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', get('/nope') + get('/fiber')];
  let seed = 7;
  const random = (n) => { seed = (seed * 1103515245 + 12345) & 0x7fffffff; return (seed >> 8) % n; };
  for (let round = 0; round < 40; round++) {
    const wires = await many(25, () => connect(server.port, { pause: random(4) === 0 }));
    for (const wire of wires) {
      const bytes = requests[random(requests.length)];
      wire.write(random(3) ? bytes : bytes.slice(0, random(bytes.length) + 1));
    }
    await sleep(random(8));
    for (const wire of wires) random(2) ? wire.socket.resetAndDestroy() : wire.end();
  }
  await until('nothing is left over', async () => {
    const now = await count(server);
    return now.fibers === 1 && now.busy === 2;
  });
});

test('SIGTERM: requests that run are finished, idle connections closed, then it ends', async () => {
  const server = await edge();
  const idle = await many(5, () => connect(server.port));
  for (const wire of idle) wire.write(get('/healthz'));
  await until('all are answered', () => idle.every((wire) => wire.text().endsWith('}')));
  const running = await many(5, () => connect(server.port));
  for (const wire of running) wire.write(get('/sleep/500'));
  const [half] = await many(1, () => connect(server.port)); // its request is still coming
  half.write(`POST /echo HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhel`);
  await sleep(150);
  const started = Date.now();
  const ending = server.stop();
  await allClosed(idle, 1);
  assert.ok(Date.now() - started < 400);
  await assert.rejects(connect(server.port), /ECONNREFUSED/); // and does not wait in a queue that nobody looks at
  half.write('lo');
  await ending;
  assert.ok(Date.now() - started < 3000, `${Date.now() - started} ms`);
  for (const wire of [...running, half]) {
    const [answer] = answers(wire.text());
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('connection'), 'close');
    wire.end();
  }
});

test('SIGTERM, and requests that do not end in time: they are cancelled and told so', async () => {
  const server = await edge('grace=300');
  const wires = await many(4, () => connect(server.port));
  wires.forEach((wire, i) => wire.write(i % 2 ? get('/sleep/20000') : post('/sleep/20000', 'x')));
  await until('all are being worked on', async () => (await count(server)).fibers === 5);
  const started = Date.now();
  await server.stop();
  assert.ok(Date.now() - started < 2000, `${Date.now() - started} ms`);
  for (const wire of wires) {
    assert.equal(answers(wire.text())[0].status, 503);
    wire.end();
  }
});

on([], 'a long body outlives its connection, for as long as its handler runs', async (server) => {
  const body = Buffer.alloc(900000, 'z');
  const head = `POST /late HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n\r\n`;
  const wires = await many(8, () => connect(server.port));
  for (const wire of wires) wire.write(Buffer.concat([Buffer.from(head), body]));
  await until('all are being worked on', async () => (await count(server)).fibers === 9);
  for (const wire of wires.slice(0, 6)) wire.socket.resetAndDestroy();
  const last = await wires[7].until((wire) => wire.text().includes('"sum":'));
  assert.equal(JSON.parse(answers(last)[0].body).sum, body.length * 'z'.charCodeAt(0));
  await until('all handlers ended', async () => (await count(server)).fibers === 1);
  assert.equal((await count(server)).finished, 8);
  wires[7].write(Buffer.concat([Buffer.from(head), body, Buffer.from(get('/echo'))])); // with a request behind it
  const both = await wires[7].until((wire) => wire.text().endsWith('"body":""}'));
  assert.deepEqual(answers(both).map((answer) => answer.status), [200, 200, 200]);
  wires.forEach((wire) => wire.end());
});

test('a body of any size stays in memory', async () => {
  const server = await edge();
  const wire = await connect(server.port);
  wire.write(`POST /upload HTTP/1.1\r\n${HOST}Content-Length: 26000000\r\n\r\n`);
  wire.write(Buffer.alloc(25000000));
  await until('most of it has been read', () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1]) > 24000);
  await sleep(300);
  assert.ok(!/h2o\.b\./.test(readFileSync(`/proc/${server.pid}/maps`, 'utf8')));
  wire.write(Buffer.alloc(1000000));
  await wire.until((w) => w.text().includes('"length":26000000'));
  wire.end();
  await server.stop();
});

test('one access log line a request, without the query', async () => {
  const server = await edge('log=1');
  await exchange(server.port, get('/echo?token=geheim', 'X-Request-Id: my-request-1\r\n'));
  await exchange(server.port, get('/healthz'));
  await exchange(server.port, get('/echo', 'Host: b\r\n'));
  const log = await server.stop();
  const lines = log.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  const [echo, bad, ...more] = lines.filter((line) => line.message === 'Request answered');
  assert.equal(echo.context, 'HTTP');
  assert.equal(echo.level, 'info');
  const { duration, bytes, ...rest } = echo.metadata;
  assert.deepEqual(rest, { requestId: 'my-request-1', method: 'GET', path: '/echo', status: 200, client: '127.0.0.1' });
  assert.ok(duration >= 0 && bytes > 100);
  assert.equal(bad.metadata.status, 400);
  assert.equal(more.length, 0); // /healthz is quiet
  assert.ok(!log.includes('geheim'));
});
