// A connection to one api process of several: they share the listening socket, so while we connect the others are stopped.
import http from 'node:http';
import { env } from './env.mjs';
import { childrenOf, kill } from './processes.mjs';

// { pid, get(path, token), close() } for each api process; every request goes over its one kept-alive connection.
export async function lineToEach(supervisor) {
  const pids = childrenOf(supervisor).filter((p) => p.role === 'api').map((p) => p.pid);
  const lines = [];
  for (const pid of pids) {
    const others = pids.filter((other) => other !== pid);
    others.forEach((other) => kill(other, 'SIGSTOP'));
    try {
      const made = line(pid);
      await made.get('/healthz');
      lines.push(made);
    } finally {
      others.forEach((other) => kill(other, 'SIGCONT'));
    }
  }
  return lines;
}

function line(pid) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  let socket;
  const ask = (method, path, token) => new Promise((resolve, reject) => {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    const request = http.request(env.api + path, { method, agent, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (data) => { text += data; });
      answer.on('end', () => resolve({ status: answer.statusCode, text }));
    });
    request.on('socket', (used) => {
      if (socket && socket !== used) request.destroy(new Error('the connection was lost, so this would ask another process'));
      socket = used;
    });
    request.on('error', reject).end();
  });
  return { pid, ask, get: (path, token) => ask('GET', path, token), close: () => agent.destroy() };
}
