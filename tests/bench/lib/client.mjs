// One client of the API with one kept-alive connection, for what bench_load cannot do: requests that depend on answers, or each with a
// credential of its own.
import http from 'node:http';

export function client(url) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  // { status, text, ms }
  const ask = (method, path, { token, body } = {}) => new Promise((resolve, reject) => {
    const headers = {}, begin = performance.now();
    if (token) headers.authorization = `Bearer ${token}`;
    if (body) headers['content-type'] = 'application/json';
    const request = http.request(url + path, { method, agent, headers, timeout: 30_000 }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (data) => { text += data; });
      answer.on('end', () => resolve({ status: answer.statusCode, text, ms: performance.now() - begin }));
    });
    request.on('timeout', () => request.destroy(new Error('no answer within 30 s')));
    request.on('error', reject).end(body && JSON.stringify(body));
  });
  return { ask, close: () => agent.destroy() };
}
