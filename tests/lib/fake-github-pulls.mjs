// GitHub's REST API as a sweep uses it, on loopback and with a state: pull requests, webhooks and their deliveries, entity tags, pages,
// the allowance of requests. Prism stands in front of it and refuses what GitHub's OpenAPI document does not allow, in either direction.
// What that document's cut does not have (an App's own paths) is answered beside Prism.
//
//   const github = await fakeGitHubPulls();              github.api, github.token
//   github.put(pullRequest('opened', 1).pull_request)    as if somebody had opened it, or changed it
//   github.close(1), github.forget(1)                    closed; not there any more (404)
//   github.fails(event, payload)                         a webhook that did not arrive, to be asked for again
//   github.faults.set('/repos/Codertocat/Hello-World/pulls', { status: 502, body: '<html>' })
//   github.seen                                          what came: [{ method, path, query, status, at }]
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { fakeApp } from './fake-app.mjs';
import { deliver, timeOfEvent } from './github.mjs';
import { bodyOf, forward, listen, startPrism } from './prism.mjs';

const document = fileURLToPath(new URL('../contract/github-pulls/pulls.openapi.json', import.meta.url));
const tag = (text) => `W/"${createHash('sha256').update(text).digest('hex')}"`;

export async function fakeGitHubPulls({ repo = 'Codertocat/Hello-World' } = {}) {
  const github = {
    repo, token: `ghp_${randomBytes(18).toString('hex')}`, hookUrl: '', hooksAllowed: true,
    app: fakeApp(),
    pulls: new Map(), attempts: [], faults: new Map(), seen: [],
    allowance: { limit: 5000, remaining: 4900, reset: Math.floor(Date.now() / 1000) + 3600 },
    listing: 0, mostListing: 0,
  };
  github.put = (pull) => github.pulls.set(pull.number, pull);
  github.change = (number, more) => Object.assign(github.pulls.get(number), { updated_at: timeOfEvent() }, more);
  github.close = (number) => github.change(number, { state: 'closed', closed_at: timeOfEvent() });
  github.forget = (number) => github.pulls.delete(number);
  github.fails = (event, payload, { guid = randomUUID(), status = 502, at = new Date(), app = false } = {}) => {
    github.attempts.unshift({ event, payload, guid, status, at, app, id: 1000 + github.attempts.length, redelivery: false });
    return guid;
  };
  github.asked = (path, method = 'GET') => github.seen.filter((s) => s.path === path && s.method === method);

  const backend = await listen((request, answer) => rest(github, request, answer));
  const checked = await startPrism(document, backend.port);
  const front = await listen((request, answer) => {
    const url = new URL(request.url, 'http://fake'), seen = { method: request.method, path: url.pathname, query: url.searchParams, at: Date.now(),
      tagged: 'if-none-match' in request.headers };
    github.seen.push(seen);
    answer.on('finish', () => { seen.status = answer.statusCode; });
    const fault = github.faults.get(url.pathname);
    if (fault === 'break') request.socket.destroy();
    else if (fault) answer.writeHead(fault.status, { ...allowance(github), ...fault.headers }).end(fault.body);
    else forward(/^\/app\/hook|\/installation$/.test(url.pathname) ? backend.port : checked.port, request.url, request, answer);
  });
  github.api = `http://127.0.0.1:${front.port}`;
  github.end = () => { for (const part of [front, checked, backend]) part.close(); };
  return github;
}

const allowance = ({ allowance: a }) => ({ 'x-ratelimit-limit': a.limit, 'x-ratelimit-remaining': a.remaining, 'x-ratelimit-reset': a.reset });

async function rest(github, request, answer) {
  const url = new URL(request.url, 'http://fake'), root = `/repos/${github.repo}`, bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
  const say = (status, body, headers = {}) => answer.writeHead(status, { ...(body && { 'content-type': 'application/json; charset=utf-8' }),
    ...allowance(github), date: github.app.date(), ...headers }).end(body && JSON.stringify(body));
  const missing = () => say(404, { message: 'Not Found', documentation_url: 'https://docs.github.com/rest', status: '404' });
  await bodyOf(request);
  if (!request.headers['user-agent']) return say(403, { message: 'Request forbidden by administrative rules.' });
  if (github.app.answer(request, url, say)) return undefined;
  if (url.pathname.startsWith('/app/')) {
    if (!github.app.isSigned(bearer)) return say(401, { message: 'A JSON web token could not be decoded', status: '401' });
    return deliveries(github, '/app/hook/deliveries', true, url, request, say, missing);
  }
  if (bearer !== github.token && !github.app.takes(bearer)) return say(401, { message: 'Bad credentials', status: '401' });
  if (url.pathname === `${root}/pulls`) return list(github, url, request, say);
  const number = new RegExp(`^${root}/pulls/(\\d+)$`).exec(url.pathname)?.[1];
  if (number) return github.pulls.has(+number) ? say(200, github.pulls.get(+number)) : missing();
  if (!github.hooksAllowed) return missing();
  if (url.pathname === `${root}/hooks`) return say(200, hooks(github));
  return deliveries(github, `${root}/hooks/42/deliveries`, false, url, request, say, missing);
}

async function list(github, url, request, say) {
  const size = +(url.searchParams.get('per_page') ?? 30), page = +(url.searchParams.get('page') ?? 1);
  const open = [...github.pulls.values()].filter((p) => p.state === 'open').sort((a, b) => b.number - a.number);
  const part = open.slice((page - 1) * size, page * size).map(({ merged, mergeable, mergeable_state: _, ...simple }) => simple);
  const etag = tag(JSON.stringify(part.map((p) => [p.number, p.updated_at, p.head.sha, p.labels])));
  const next = page * size < open.length && { link: `<https://api.github.com/repositories/1/pulls?per_page=${size}&page=${page + 1}>; rel="next"` };
  github.mostListing = Math.max(github.mostListing, ++github.listing);
  await new Promise((done) => setTimeout(done, 20));
  github.listing--;
  if (request.headers['if-none-match'] === etag) return say(304, undefined, { etag });
  return say(200, part, { etag, ...next });
}

function hooks(github) {
  const hook = (id, url) => ({ type: 'Repository', id, name: 'web', active: true, events: ['pull_request'], config: { content_type: 'json', insecure_ssl: '0', url },
    updated_at: '2026-06-03T00:57:16Z', created_at: '2026-06-03T00:57:16Z', url: `https://api.github.com/repos/${github.repo}/hooks/${id}`,
    test_url: `https://api.github.com/repos/${github.repo}/hooks/${id}/test`, ping_url: `https://api.github.com/repos/${github.repo}/hooks/${id}/pings`,
    last_response: { code: null, status: 'unused', message: null } });
  return [hook(41, 'https://ci.example.com/hook'), hook(42, github.hookUrl)];
}

async function deliveries(github, folder, app, url, request, say, missing) {
  const mine = github.attempts.filter((a) => a.app === app);
  if (url.pathname === folder) {
    return say(200, mine.map((a) => ({ id: a.id, guid: a.guid, delivered_at: a.at.toISOString(), redelivery: a.redelivery, duration: 0.1,
      status: a.status < 300 ? 'OK' : 'failed to connect', status_code: a.status, event: a.event, action: a.payload.action ?? null, installation_id: null, repository_id: 1 })));
  }
  const id = new RegExp(`^${folder}/(\\d+)/attempts$`).exec(url.pathname)?.[1], first = mine.find((a) => a.id === +id);
  if (!first || request.method !== 'POST') return missing();
  say(202, {});
  const answer = await deliver(first.event, first.payload, { guid: first.guid }).catch(() => ({ status: 502 }));
  return github.attempts.unshift({ ...first, id: 1000 + github.attempts.length, status: answer.status, at: new Date(), redelivery: true });
}
