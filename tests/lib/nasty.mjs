// Servers that a probe must survive, each on a free port of 127.0.0.1.
import { once } from 'node:events';
import { createServer } from 'node:net';

const open = [];

export async function listening(server, host = '127.0.0.1', port = 0) {
  server.listen(port, host);
  await once(server, 'listening');
  open.push(server);
  return server.address().port;
}

// Answers each connection by talk(socket, head) when it has read a head; `greet` at once, without one.
export async function raw(talk, { greet = false } = {}) {
  const sockets = new Set();
  const server = createServer((socket) => {
    let head = '';
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    if (greet) talk(socket, '');
    socket.on('data', (data) => {
      head += data;
      if (!greet && head.includes('\r\n\r\n')) {
        talk(socket, head);
        head = '';
      }
    });
  });
  server.drop = () => sockets.forEach((socket) => socket.destroy());
  return { port: await listening(server), server, sockets };
}

export const url = (port, path = '/') => `http://127.0.0.1:${port}${path}`;

export function closeAll() {
  for (const server of open) {
    server.drop?.();
    server.closeAllConnections?.();
    server.close();
  }
}
