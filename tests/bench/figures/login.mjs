// People at work: 64 clients, each logging in and then reading five times, over and over. Anything but 200 fails the run.
import { empty, fillList, peerSchema } from '../lib/data.mjs';
import { client } from '../lib/client.mjs';
import { percentile, record } from '../lib/results.mjs';
import { startOpshub } from '../lib/servers.mjs';
import { settings } from '../lib/settings.mjs';

export const title = 'login-as plus five reads, 64 clients';

const CLIENTS = 64;
const DEPLOYMENT = `deploy_${'1'.padStart(26, '0')}`; // of fillList
const reads = ['/me', '/projects', '/projects/proj_list/deployments', `/deployments/${DEPLOYMENT}`, `/deployments/${DEPLOYMENT}/events`];

async function work(url, end, times) {
  const one = client(url);
  const must = async (kind, method, path, options) => {
    const answer = await one.ask(method, path, options);
    if (answer.status !== 200) throw new Error(`${method} ${path} was answered with ${answer.status}: ${answer.text}`);
    times[kind].push(answer.ms);
    return answer;
  };
  try {
    while (performance.now() < end) {
      const login = await must('login', 'POST', '/test/login-as', { body: { email: 'owner@demo.opshub.local' } });
      const { token } = JSON.parse(login.text);
      for (const path of reads) await must('read', 'GET', path, { token });
    }
  } finally {
    one.close();
  }
}

export async function measure() {
  await peerSchema(); // fillList analyzes their tables too
  await empty();
  await fillList();
  const server = await startOpshub('api');
  await Promise.all(Array.from({ length: CLIENTS }, () => work(server.url, performance.now() + 2000, { login: [], read: [] })));
  for (let round = 0; round < settings.rounds; round++) {
    const times = { login: [], read: [] }, begin = performance.now();
    await Promise.all(Array.from({ length: CLIENTS }, () => work(server.url, begin + settings.seconds * 1000, times)));
    const seconds = (performance.now() - begin) / 1000;
    for (const [kind, all] of Object.entries(times)) {
      record('login', `${kind}s`, 'opshub', all.length / seconds, '/s', { p50Ms: percentile(all, 0.5), p99Ms: percentile(all, 0.99) });
    }
  }
}
