// Bytes to a socket and bytes back, for what fetch would not send.
import net from 'node:net';
import { env } from './env.mjs';

// Sends the chunks, and gives back everything that came until the other side closed or the time was over.
export function raw(chunks, { seconds = 5, half = false } = {}) {
  const { hostname, port } = new URL(env.api);
  return new Promise((resolve, reject) => {
    const got = [];
    const socket = net.connect(Number(port), hostname, () => {
      for (const chunk of [chunks].flat()) socket.write(chunk);
      if (half) socket.end();
    });
    const timer = setTimeout(() => done(false), seconds * 1000);
    function done(closed) {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text: Buffer.concat(got).toString('latin1'), closed });
    }
    socket.on('data', (data) => got.push(data));
    socket.on('close', () => done(true));
    socket.on('error', (error) => (got.length ? done(true) : (clearTimeout(timer), reject(error))));
  });
}

export const statusOf = (text) => Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0);
