// The other side of tests/plugins/notifier/recorder.c, and how that plugin gets into a running server.
//
//   const recorder = await startRecorder();   recorder.url, recorder.token
//   recorder.seen                             [{ op: 'send' | 'update', event, status }] in the order in which they came; status 0: no answer
//   recorder.answer = (op, event) => ({ status, headers, body }) or 'hang'   what comes back; undefined = { receipt: 'r1' } and so on
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import assert from 'node:assert/strict';
import { api, get } from './client.mjs';
import { part } from './part.mjs';
import { childrenOf, kill } from './processes.mjs';
import { until } from './until.mjs';

export const workers = async () => childrenOf(Number(await part('opshubd', 'pid'))).filter((p) => p.role === 'worker').map((p) => p.pid);

// Puts the plugin into the server's folder; on return every worker has it.
export async function installRecorder() {
  execFileSync('install', ['-m', '644', `${process.env.OPSHUB_BUILD}/tests/notifier/recorder.so`, `${process.env.OPSHUB_PLUGIN_DIR}/recorder.so`]);
  const before = await until('workers', async () => { const now = await workers(); return now.length > 0 && now; });
  kill(Number(await part('opshubd', 'pid')), 'SIGHUP');
  await until('new workers that know the plugin', async () => {
    const now = await workers();
    assert.ok(now.length >= before.length && !now.some((pid) => before.includes(pid)), 'the old ones are still there');
    const [found] = (await get('/notifiers')).json.filter((n) => n.name === 'recorder');
    return found?.state === 'loaded';
  }, { seconds: 90 });
}

export async function startRecorder({ port = 0, token = 'xoxb-RecorderSecret0123456789' } = {}) {
  const recorder = { token, seen: [], answer: () => undefined, report: { account: 'tester', lines: [{ label: 'Token', text: 'fine', state: 0 }] }, verified: 0 };
  const server = createServer(async (request, response) => {
    const parts = [];
    for await (const piece of request) parts.push(piece);
    const op = request.url.slice(1);
    if (request.headers.authorization !== `Bearer ${recorder.token}`) return response.writeHead(401).end('{}');
    if (op === 'verify') {
      recorder.verified++;
      return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(recorder.report));
    }
    const event = JSON.parse(Buffer.concat(parts));
    const answer = await recorder.answer(op, event);
    recorder.seen.push({ op, event, status: answer === 'hang' ? 0 : answer?.status ?? 200 });
    if (answer === 'hang') return undefined;
    return response.writeHead(answer?.status ?? 200, { 'content-type': 'application/json', ...answer?.headers })
      .end(JSON.stringify(answer?.body ?? { receipt: `r${recorder.seen.length}` }));
  });
  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  recorder.port = server.address().port;
  recorder.url = `http://127.0.0.1:${recorder.port}`;
  recorder.stop = () => new Promise((done) => { server.close(done); server.closeAllConnections(); });
  recorder.start = () => new Promise((done) => server.listen(recorder.port, '127.0.0.1', done));
  // What arrived (2xx) about one pull request.
  recorder.of = (pr) => recorder.seen.filter((s) => s.event.pr === pr && s.status >= 200 && s.status < 300);
  return recorder;
}

export async function addNotifier(p, who, recorder, more = {}) {
  const answer = await api('POST', `/projects/${p.id}/notifications`, { token: who.token,
    body: { notifier: 'recorder', settings: { url: recorder.url, token: recorder.token }, ...more } });
  assert.equal(answer.status, 201, answer.text);
  return answer.json;
}
