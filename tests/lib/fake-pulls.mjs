// Pull requests, as GitHub's REST API tells of them, behind Prism: a request of ours that is not in GitHub's OpenAPI document, or an
// answer of this fake that GitHub would not give, is refused there.
//
//   const github = await fakePulls();   github.api, github.seen: [path?query, authorization]
//   github.pulls.set(7, { sha, branch, draft, fork, state, updatedAt })
//   github.app: a GitHub App, see fake-app.mjs
//   github.fault = { status: 500, body: '<html>' }
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fakeApp } from './fake-app.mjs';
import { forward, listen, startPrism } from './prism.mjs';

const file = new URL('../contract/github-pulls/requested.openapi.json', import.meta.url);
const { examples } = JSON.parse(readFileSync(file, 'utf8')).components;

function shaped(sample, number, { sha, branch = `feature-${number}`, draft = false, fork = false, state = 'open', updatedAt }) {
  const pr = structuredClone(sample);
  Object.assign(pr, { number, state, draft, title: `Change number ${number}`, updated_at: updatedAt, requested_teams: [],
    html_url: `https://github.com/Codertocat/Hello-World/pull/${number}` });
  Object.assign(pr.head, { sha, ref: branch });
  if (fork) pr.head.repo.id = 999;
  return pr;
}

export async function fakePulls() {
  const github = { pulls: new Map(), app: fakeApp(), fault: null, seen: [] };
  const backend = await listen((request, answer) => {
    const url = new URL(request.url, 'http://fake');
    const say = (status, body) => answer.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
    const list = (fits) => say(200, [...github.pulls].filter(fits).map(([number, pr]) => shaped(examples['pull-request-simple-items'].value[0], number, pr)));
    const number = /^\/repos\/codertocat\/hello-world\/pulls\/(\d+)$/i.exec(url.pathname)?.[1];
    const sha = /\/commits\/([0-9a-f]+)\/pulls$/.exec(url.pathname)?.[1];
    if (number && github.pulls.has(Number(number))) return say(200, shaped(examples['pull-request'].value, Number(number), github.pulls.get(Number(number))));
    if (sha) return list(([, pr]) => pr.sha.startsWith(sha));
    if (/\/pulls$/.test(url.pathname)) {
      return list(([, pr]) => pr.state !== 'closed' && !pr.fork && url.searchParams.get('head').toLowerCase() === `codertocat:${pr.branch}`);
    }
    return say(404, { message: 'Not Found', documentation_url: 'https://docs.github.com/rest', status: '404' });
  });
  const checked = await startPrism(fileURLToPath(file), backend.port);
  const front = await listen((request, answer) => {
    const say = (status, body) => answer.writeHead(status, { 'content-type': 'application/json; charset=utf-8', date: github.app.date() }).end(JSON.stringify(body));
    if (github.app.answer(request, new URL(request.url, 'http://fake'), say)) return undefined;
    const bearer = /^Bearer (ghs_\S+)$/.exec(request.headers.authorization ?? '')?.[1];
    github.seen.push([request.url, request.headers.authorization]);
    if (bearer && !github.app.takes(bearer)) return say(401, { message: 'Bad credentials', status: '401' });
    if (github.fault) return answer.writeHead(github.fault.status, github.fault.headers).end(github.fault.body);
    return forward(checked.port, request.url, request, answer);
  });
  github.api = `http://127.0.0.1:${front.port}`;
  github.close = () => { front.close(); backend.close(); checked.close(); };
  return github;
}
