// GitHub's REST API for repositories, as far as a notifier uses it, on loopback behind Prism with GitHub's own OpenAPI document:
// deployments and their statuses, commit statuses, comments, tokens, and one App with installations. It keeps state, and
// refuses what GitHub refuses: an active deployment that is deleted, a token without a permission, an App's token whose
// signature does not fit.
//
//   const github = await fakeRest();             github.api, github.token, github.app { id, privateKey }
//   github.repository('octocat/web')             { deployments, statuses, comments }, as they are now
//   github.lacking.add('deployments')            the token may not
//   github.fail('POST', /\/statuses$/, { status, headers, body })    the next such request is answered so
//   github.fail('POST', /\/statuses$/, { weather })     … or spoilt as weather.mjs says
//   github.aheadMs = -600_000                    its clock, and with it what it takes for a valid token of an App
//   github.seen                                  ['POST /repos/octocat/web/deployments', ...]
import { createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { fileURLToPath } from 'node:url';
import { bodyOf, listen, startPrism } from './prism.mjs';
import { spoil } from './weather.mjs';

const document = fileURLToPath(new URL('../contract/github-rest/rest.openapi.json', import.meta.url));
const examples = JSON.parse(readFileSync(document, 'utf8')).components.examples;
const example = (name, fields) => ({ ...structuredClone(examples[name].value), ...fields });
const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const permission = [[/^\/deployments/, 'deployments'], [/^\/statuses\//, 'statuses'], [/^\/issues\//, 'pull_requests']];

export async function fakeRest() {
  const github = {
    token: `ghp_${randomBytes(18).toString('hex')}`,
    scopes: 'repo',
    app: { id: '4711', name: 'OpsHub', privateKey: keys.privateKey.export({ type: 'pkcs1', format: 'pem' }), installed: new Map() },
    permissions: { deployments: 'write', statuses: 'write', pull_requests: 'write', metadata: 'read' },
    tokens: new Map(),
    tokenLife: 3600_000,
    minted: 0,
    aheadMs: 0,
    lacking: new Set(),
    repositories: new Map(),
    faults: [],
    seen: [],
    violations: [],
    nextId: 1000,
  };
  github.tokens.set(github.token, { repo: null });
  github.repository = (name) => {
    const known = github.repositories.get(name) ?? { deployments: [], statuses: [], comments: [] };
    github.repositories.set(name, known);
    return known;
  };
  github.fail = (method, path, fault) => github.faults.push({ method, path, fault });

  const backend = await listen(async (request, answer) => {
    const body = await bodyOf(request);
    const [status, said, headers] = act(github, request, body ? JSON.parse(body) : {});
    answer.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(status === 204 ? '' : JSON.stringify(said));
  });
  const checked = await startPrism(document, backend.port);
  const front = await listen((request, answer) => receive(github, checked.port, request, answer));
  github.api = `http://127.0.0.1:${front.port}/api/v3`;
  github.close = () => [front, backend, checked].forEach((server) => server.close());
  return github;
}

async function receive(github, port, request, answer) {
  const path = request.url.replace(/^\/api\/v3/, '');
  const body = await bodyOf(request);
  github.seen.push(`${request.method} ${path}`);
  const at = github.faults.findIndex((one) => one.method === request.method && one.path.test(path));
  const fault = at < 0 ? null : github.faults.splice(at, 1)[0].fault;
  answer.setHeader('date', new Date(Date.now() + github.aheadMs).toUTCString());
  if (fault === 'break') return request.socket.destroy();
  if (fault?.weather) return spoil(fault.weather, request, answer);
  if (fault && fault !== 'lost') return answer.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers }).end(fault.body ?? '{}');
  const onward = httpRequest({ host: '127.0.0.1', port, path, method: request.method, headers: request.headers }, async (from) => {
    const text = await bodyOf(from);
    // A status that the document does not list is a warning: GitHub lists few of its refusals.
    const wrong = JSON.parse(from.headers['sl-violations'] ?? '[]').filter((one) => one.severity !== 'Warning');
    if (wrong.length) github.violations.push(`${request.method} ${path}: ${JSON.stringify(wrong)}`);
    if (fault === 'lost') return request.socket.destroy();
    const headers = Object.fromEntries(Object.entries(from.headers).filter(([name]) => /^(content-type|x-oauth-scopes|github-)/.test(name)));
    return answer.writeHead(from.statusCode, headers).end(text);
  });
  onward.on('error', () => answer.writeHead(502).end());
  return onward.end(body);
}

const refusal = (status, message) => [status, { message, documentation_url: 'https://docs.github.com/rest', status: String(status) }];

function act(github, request, body) {
  const url = new URL(request.url, 'http://fake');
  const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  if (!request.headers['user-agent']) return refusal(403, 'Request forbidden by administrative rules.');
  if (request.headers['x-github-api-version'] !== '2022-11-28') return refusal(400, 'no version');
  if (bearer.startsWith('ey')) return asApp(github, bearer, request.method, url.pathname, body);
  const known = github.tokens.get(bearer);
  if (!known) return refusal(401, 'Bad credentials');
  if (url.pathname === '/user') {
    return [200, example('private-user-response-with-public-and-private-profile-information', { login: 'hubot' }), { 'x-oauth-scopes': github.scopes }];
  }
  const [, name, path] = /^\/repos\/([^/]+\/[^/]+)(\/.*)$/.exec(url.pathname) ?? [];
  if (!name || (known.repo && known.repo !== name) || name.endsWith('/hidden')) return refusal(404, 'Not Found');
  const needed = permission.find(([pattern]) => pattern.test(path))?.[1];
  if (github.lacking.has(needed)) return refusal(403, 'Resource not accessible by personal access token');
  return inRepository(github, github.repository(decodeURIComponent(name)), request.method, path, url.searchParams, body);
}

function claimsOf(github, jwt) {
  const [head, claims, signature] = jwt.split('.');
  const text = (part) => JSON.parse(Buffer.from(part, 'base64url').toString());
  const fits = verify('sha256', Buffer.from(`${head}.${claims}`), createPublicKey(keys.publicKey.export({ type: 'spki', format: 'pem' })), Buffer.from(signature, 'base64url'));
  return fits && text(head).alg === 'RS256' ? text(claims) : null;
}

function asApp(github, jwt, method, path, body) {
  const claims = claimsOf(github, jwt);
  const now = (Date.now() + github.aheadMs) / 1000;
  if (!claims || claims.iss !== github.app.id) return refusal(401, 'A JSON web token could not be decoded');
  if (claims.iat > now || claims.exp < now || claims.exp > now + 600) return refusal(401, "'Expiration time' claim ('exp') is too far in the future");
  if (path === '/app') return [200, example('integration', { name: github.app.name, permissions: github.permissions })];
  const repo = /^\/repos\/([^/]+\/[^/]+)\/installation$/.exec(path)?.[1];
  if (repo) return github.app.installed.has(repo) ? [200, example('installation', { id: github.app.installed.get(repo) })] : refusal(404, 'Not Found');
  const id = Number(/^\/app\/installations\/(\d+)\/access_tokens$/.exec(path)?.[1]);
  const name = [...github.app.installed].find(([, installation]) => installation === id)?.[0];
  if (method !== 'POST' || !name || body.repositories?.[0] !== name.split('/')[1]) return refusal(422, 'There is at least one repository that does not exist');
  const token = `ghs_${randomBytes(18).toString('hex')}`;
  github.tokens.set(token, { repo: name });
  github.minted++;
  return [201, example('installation-token', { token, expires_at: new Date(Date.now() + github.aheadMs + github.tokenLife).toISOString() })];
}

function inRepository(github, repository, method, path, query, body) {
  const route = `${method} ${path.replace(/\/\d+(?=\/|$)/g, '/N').replace(/[0-9a-f]{40}/, 'SHA')}`;
  const number = Number(/\/(\d+)/.exec(path)?.[1]);
  const deployment = repository.deployments.find((one) => one.id === number);
  const id = github.nextId++;
  switch (route) {
    case 'GET /deployments':
      return [200, repository.deployments.filter((one) => one.environment === query.get('environment')).slice(0, Number(query.get('per_page')))
        .map((one) => example('deployment-simple-example', { ...one, statuses: undefined }))];
    case 'POST /deployments': {
      if (body.auto_merge !== false) return [202, { message: 'Auto-merged master into topic-branch on deployment.' }];
      if (body.required_contexts?.length !== 0) return refusal(409, 'Conflict: Commit status checks failed for topic-branch.');
      const made = { id, sha: body.ref, ref: body.ref, environment: body.environment, description: body.description, statuses: [],
        transient_environment: body.transient_environment, production_environment: body.production_environment };
      repository.deployments.unshift(made);
      return [201, example('deployment-simple-example', { ...made, statuses: undefined })];
    }
    case 'DELETE /deployments/N':
      if (!deployment) return refusal(404, 'Not Found');
      if (deployment.statuses[0]?.state !== 'inactive') return refusal(422, 'We cannot delete an active deployment unless it is the only deployment in a given environment.');
      repository.deployments.splice(repository.deployments.indexOf(deployment), 1);
      return [204];
    case 'GET /deployments/N/statuses':
      return deployment ? [200, deployment.statuses.slice(0, Number(query.get('per_page'))).map((one) => example('deployment-status', one))] : refusal(404, 'Not Found');
    case 'POST /deployments/N/statuses':
      if (!deployment) return refusal(404, 'Not Found');
      deployment.statuses.unshift({ id, ...body });
      return [201, example('deployment-status', { id, state: body.state })];
    case 'POST /statuses/SHA':
      repository.statuses.unshift({ sha: path.slice(-40), ...body });
      return [201, example('status', { id, state: body.state, context: body.context })];
    case 'GET /issues/N/comments': {
      const size = Number(query.get('per_page')), page = Number(query.get('page'));
      return [200, repository.comments.filter((one) => one.pr === number).slice((page - 1) * size, page * size).map((one) => example('issue-comment', one))];
    }
    case 'POST /issues/N/comments':
      repository.comments.push({ id, pr: number, body: body.body, edits: 0 });
      return [201, example('issue-comment', { id, body: body.body })];
    case 'PATCH /issues/comments/N': {
      const comment = repository.comments.find((one) => one.id === number);
      if (!comment) return refusal(404, 'Not Found');
      Object.assign(comment, { body: body.body, edits: comment.edits + 1 });
      return [200, example('issue-comment', { id: comment.id, body: body.body })];
    }
    default:
      return refusal(404, `Not Found: ${route}`);
  }
}
