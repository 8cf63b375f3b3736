// Who may push, as GitHub says it: GET /repos/{owner}/{repo}/collaborators/{login}/permission behind Prism, which refuses what is
// not in GitHub's OpenAPI document.
//
//   const github = await fakeCollaborators();   github.api, github.token
//   github.roles.set('octocat', 'write')         admin, write, read, none; who is not in it is 404
//   github.app: a GitHub App that may ask as well, see fake-app.mjs
//   github.fault = { status: 502, body: '<html>' }; github.seen: the logins that were asked for
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fakeApp } from './fake-app.mjs';
import { forward, listen, startPrism } from './prism.mjs';

const file = new URL('../contract/github-collaborators/permission.openapi.json', import.meta.url);
const sample = JSON.parse(readFileSync(file, 'utf8')).components.examples['repository-collaborator-permission-response-if-user-has-admin-permissions'].value;

export async function fakeCollaborators() {
  const github = { token: 'ghp_collaborators0123456789abcdef', roles: new Map(), app: fakeApp(), fault: null, seen: [] };
  const backend = await listen((request, answer) => {
    const [, login] = /\/collaborators\/([^/]+)\/permission$/.exec(request.url);
    const say = (status, body) => answer.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
    const [, bearer] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
    if (bearer !== github.token && !github.app.takes(bearer)) return say(401, { message: 'Bad credentials', status: '401' });
    const permission = github.roles.get(login);
    if (!permission) return say(404, { message: `${login} is not a user`, status: '404' });
    return say(200, { ...sample, permission, role_name: permission, user: { ...sample.user, login, role_name: permission } });
  });
  const checked = await startPrism(fileURLToPath(file), backend.port);
  const front = await listen((request, answer) => {
    const say = (status, body) => answer.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
    if (github.app.answer(request, new URL(request.url, 'http://fake'), say)) return undefined;
    github.seen.push(/\/collaborators\/([^/]+)\/permission$/.exec(request.url)?.[1] ?? request.url);
    if (github.fault) return answer.writeHead(github.fault.status, github.fault.headers).end(github.fault.body);
    return forward(checked.port, request.url, request, answer);
  });
  github.api = `http://127.0.0.1:${front.port}`;
  github.close = () => { front.close(); backend.close(); checked.close(); };
  return github;
}
