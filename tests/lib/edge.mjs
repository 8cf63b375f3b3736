// The program edge_server: core/http with nothing around it, and bytes to and from it.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const build = process.env.OPSHUB_BUILD ?? `${root}build/debug`;
const program = process.env.OPSHUB_EDGE_SERVER ?? `${build}/tests/edge_server`;

// Starts it with options like "request=500"; { port, pid, stop(), descriptors(), cpuMs(), log() }.
export async function edge(...options) {
  if (!existsSync(program)) throw new Error(`${program} is not there: cmake --build ${build} --target edge_server`);
  const child = spawn(program, options, { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.on('data', (data) => { log += data; });
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
  const port = await new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (data) => {
      text += data;
      const line = /port (\d+)\n/.exec(text);
      if (line) resolve(Number(line[1]));
    });
    ended.then(() => reject(new Error(`edge_server ended early: ${log}`)));
  });
  return {
    port,
    pid: child.pid,
    log: () => log,
    descriptors: () => readdirSync(`/proc/${child.pid}/fd`).length,
    cpuMs() {
      const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return (Number(fields[11]) + Number(fields[12])) * 10;
    },
    // Drains it. The sanitizers' verdict is in the exit status.
    async stop() {
      child.kill('SIGTERM');
      const { code, signal } = await ended;
      if (code !== 0) throw new Error(`edge_server ended with ${code ?? signal}: ${log}`);
      return log;
    },
  };
}

// A socket with what came over it: { socket, text(), closed, until(look), end() }.
export function connect(port, { pause = false } = {}) {
  return new Promise((resolve, reject) => {
    const got = [];
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const wire = {
      socket,
      closed: false,
      text: () => Buffer.concat(got).toString('latin1'),
      write: (bytes) => socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes),
      async until(look, seconds = 5) {
        const end = Date.now() + seconds * 1000;
        while (!look(wire)) {
          if (Date.now() > end) throw new Error(`nothing more within ${seconds} s, after: ${wire.text().slice(0, 400)}`);
          await new Promise((next) => setTimeout(next, 5));
        }
        return wire.text();
      },
      end: () => socket.destroy(),
    };
    if (pause) socket.pause();
    else socket.on('data', (data) => got.push(data));
    socket.once('connect', () => resolve(wire));
    socket.on('end', () => { wire.closed = true; });
    socket.on('close', () => { wire.closed = true; });
    socket.once('error', reject);
  });
}

// Sends the bytes, closes our half, and gives back all that came until the server closed too.
export async function exchange(port, bytes, seconds = 10) {
  const wire = await connect(port);
  wire.socket.on('error', () => {});
  wire.write(bytes);
  wire.socket.end();
  const text = await wire.until((w) => w.closed, seconds);
  wire.end();
  return text;
}

// The answers in a text, in order: [{ status, headers: Map, body }]. Bodies by Content-Length, as the server always sends it.
export function answers(text, { head = false } = {}) {
  const found = [];
  let rest = text;
  while (rest.length > 0) {
    const end = rest.indexOf('\r\n\r\n');
    const first = /^HTTP\/1\.1 (\d{3}) /.exec(rest);
    if (!first || end < 0) throw new Error(`not an answer: ${JSON.stringify(rest.slice(0, 200))}`);
    const lines = rest.slice(0, end).split('\r\n').slice(1);
    const headers = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
    const size = head ? 0 : Number(headers.get('content-length') ?? 0);
    found.push({ status: Number(first[1]), headers, body: rest.slice(end + 4, end + 4 + size) });
    rest = rest.slice(end + 4 + size);
  }
  return found;
}
