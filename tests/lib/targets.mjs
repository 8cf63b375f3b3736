// Targets of health checks: an HTTP server on loopback whose answers a test chooses, and the checks that point at it.
import { createServer } from 'node:http';
import { one, rows, run } from './sql.mjs';

// answer: what each request gets, to be changed at any time; or a function of (request, response). asked: paths, in order.
export async function target(answer = { status: 200, body: 'well' }, { host = '127.0.0.1', port = 0 } = {}) {
  const it = { answer, asked: [], headers: [], sockets: new Set() };
  const server = createServer((request, response) => {
    it.asked.push(request.url);
    it.headers.push(request.headers);
    if (typeof it.answer === 'function') return it.answer(request, response);
    response.writeHead(it.answer.status, it.answer.headers ?? {}).end(it.answer.body ?? '');
  });
  server.on('connection', (socket) => { it.sockets.add(socket); socket.on('close', () => it.sockets.delete(socket)); });
  server.keepAliveTimeout = 60_000;
  await new Promise((done) => server.listen(port, host, done));
  it.port = server.address().port;
  it.url = `http://${host}:${it.port}`;
  it.close = () => new Promise((done) => { server.close(done); for (const socket of it.sockets) socket.destroy(); });
  return it;
}

let made = 0;
const literal = (value) => (value === null ? 'null' : Array.isArray(value) ? `array[${value.map(literal)}]::text[]`
  : typeof value === 'object' ? `'${JSON.stringify(value)}'` : typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value));

// Checks by SQL, which may be quicker than the API allows.
export function checks(urls, fields = {}) {
  const all = urls.map((url) => {
    const id = `check_${String(++made).padStart(26, '0')}`; // as ids look
    return { id, project_id: process.env.OPSHUB_PROJECT, name: id, url, interval_ms: 1000, timeout_ms: 3000, failure_threshold: 2,
      recovery_threshold: 2, alert_cooldown_min: 0, ...fields };
  });
  run(`insert into health_checks (${Object.keys(all[0])}) values ${all.map((c) => `(${Object.values(c).map(literal)})`)}`);
  return all.map((c) => c.id);
}

export const check = (url, fields) => checks([url], fields)[0];
export const state = (id) => one(`select * from health_states where check_id = '${id}'`);
export const samples = (id) => rows(`select * from health_samples where health_check_id = '${id}' order by slot_at`);
export const remove = (...ids) => run(`delete from health_checks where id = any(${literal(ids)})`);
// Slots that have more than one sample: there may be none.
export const doubled = () => rows('select health_check_id, slot_at, count(*) from health_samples group by 1, 2 having count(*) > 1');
