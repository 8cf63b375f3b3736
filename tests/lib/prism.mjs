// What the fakes of other people's services stand on: small servers on free loopback ports, and Prism in front of them,
// which refuses requests of ours (422) and answers of a fake (500) that the vendor's OpenAPI document does not allow.
import { spawn } from 'node:child_process';
import { createServer, request as httpRequest } from 'node:http';
import net from 'node:net';
import { fileURLToPath } from 'node:url';

const prism = fileURLToPath(new URL('../node_modules/@stoplight/prism-cli/dist/index.js', import.meta.url));

export async function bodyOf(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString();
}

export function listen(handler) {
  const server = createServer(handler);
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({
      port: server.address().port,
      close: () => {
        server.close();
        server.closeAllConnections();
      },
    }));
  });
}

export function forward(port, path, request, answer) {
  const onward = httpRequest({ host: '127.0.0.1', port, path, method: request.method, headers: request.headers }, (from) => {
    answer.writeHead(from.statusCode, from.headers);
    from.pipe(answer);
  });
  onward.on('error', () => answer.writeHead(502).end());
  request.pipe(onward);
}

const freePort = () => new Promise((resolve) => {
  const probe = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});

// Prism as a proxy that checks both directions against the document, a path.
export async function startPrism(document, upstream) {
  const port = await freePort();
  const child = spawn(process.execPath, [prism, 'proxy', '--errors', '-h', '127.0.0.1', '-p', String(port), document, `http://127.0.0.1:${upstream}`],
    { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  await new Promise((resolve, reject) => {
    const look = (data) => {
      text += data;
      if (text.includes('Prism is listening')) resolve();
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.on('exit', () => reject(new Error(`Prism ended: ${text}`)));
  });
  return { port, close: () => child.kill() };
}
