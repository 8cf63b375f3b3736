// seconds: 240
// Probes go where the operator lets them and nowhere else, however an address is written. Witnesses on 127.0.0.1 and ::1 count who comes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { after, test } from 'node:test';
import { closeAll, listening } from '../lib/nasty.mjs';
import { probes } from '../lib/probe-trial.mjs';

const spellings = readFileSync(new URL('../contract/ssrf/spellings.txt', import.meta.url), 'utf8').split('\n')
  .filter((line) => line && !line.startsWith('# '));
let accepted = 0;

function witness() {
  return net.createServer((socket) => {
    accepted++;
    socket.on('error', () => {}).end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  });
}

const port = await listening(witness());
await listening(witness(), '::1', port);
// Where they may go. /to?URL leads there.
await listening(http.createServer((request, response) => {
  const to = /^\/to\?(.*)$/.exec(request.url)?.[1];
  if (to) response.writeHead(302, { location: decodeURIComponent(to) });
  response.end();
}), '127.0.0.2', port);
after(closeAll);

const REFUSED = ['BAD_URL', 'ADDRESS_NOT_ALLOWED', 'PORT_NOT_ALLOWED', 'DNS_FAILED'];

for (const locale of ['C', 'C.UTF-8']) {
  test(`${spellings.length} spellings in the locale ${locale}`, async () => {
    const strangers = probes({}, { LC_ALL: locale });
    const wrong = [];
    const names = ['home-a.test', 'both-a.test', 'mixed-a.test', 'HOME-a.test.'].map((name) => `http://${name}:PORT/`);
    await Promise.all([...spellings, ...names].map(async (line) => {
      const { end } = await strangers.probe({ url: line.replaceAll('PORT', port), redirects: 3, timeout: 20_000 });
      if (!REFUSED.includes(end)) wrong.push(`${line}: ${end}`);
    }));
    await strangers.end();
    assert.deepEqual(wrong, []);
    assert.equal(accepted, 0, 'a witness was reached');
  });
}

test('the witnesses see who may come', async () => {
  const friend = probes({ cidrs: '127.0.0.0/8,::1' });
  for (const host of ['127.0.0.1', '0x7f.1', '2130706433', '[::1]', 'home-a.test']) assert.equal((await friend.probe(`http://${host}:${port}/`)).end, 'ANSWERED', host);
  await friend.end();
  assert.equal(accepted, 5);
  accepted = 0;
});

test('no redirect leads to a spelling either', async () => {
  const narrow = probes({ cidrs: '127.0.0.2/32' });
  const wrong = [];
  await Promise.all(spellings.map(async (line) => {
    const to = line.replaceAll('PORT', port);
    const { end } = await narrow.probe({ url: `http://127.0.0.2:${port}/to?${encodeURIComponent(encodeURI(to))}`, redirects: 1, timeout: 20_000 });
    if (!['REDIRECT_REFUSED', 'DNS_FAILED', 'ANSWERED', 'TOO_MANY_REDIRECTS'].includes(end)) wrong.push(`${line}: ${end}`);
  }));
  await narrow.end();
  assert.deepEqual(wrong, []);
  assert.equal(accepted, 0, 'a witness was reached');
});

test('a name that changes between two look-ups: what is connected to is what was judged', async () => {
  const narrow = probes({ cidrs: '127.0.0.2/32' });
  const results = [];
  for (let i = 0; i < 200; i++) results.push(await narrow.probe({ url: `http://flip-a.test:${port}/`, fresh: i % 3 > 0 }));
  await narrow.end();
  const ends = new Set(results.map(({ end }) => end));
  assert.deepEqual([...ends].sort(), ['ADDRESS_NOT_ALLOWED', 'ANSWERED']);
  for (const { end, ip } of results) assert.equal(ip, end === 'ANSWERED' ? '127.0.0.2' : '');
  assert.equal(accepted, 0, 'a witness was reached');
});

test('proxies, and what else the environment says, are not asked', async () => {
  const proxy = `http://127.0.0.1:${port}`;
  const variables = Object.fromEntries(['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'].map((name) => [name, proxy]));
  const narrow = probes({ cidrs: '127.0.0.2/32' }, { ...variables, no_proxy: '', NO_PROXY: '', HOME: '/nonexistent', SSL_CERT_FILE: '/nonexistent' });
  assert.equal((await narrow.probe(`http://127.0.0.2:${port}/`)).end, 'ANSWERED');
  assert.equal((await narrow.probe(`https://127.0.0.2:${port}/`)).end, 'TLS_FAILED');
  assert.equal((await narrow.probe(`http://none-a.test:${port}/`)).end, 'DNS_FAILED');
  await narrow.end();
  assert.equal(accepted, 0, 'a witness was reached');
});
