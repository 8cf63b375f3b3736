// A Vercel to deploy to, on loopback: projects, their variables, deployments that build, their logs. It stands behind Prism: a request of
// ours that is not in Vercel's OpenAPI document, or an answer of this fake that Vercel would not give, is refused there.
//
//   const vercel = await fakeVercel();       vercel.url, vercel.token, vercel.project { id, ... }, vercel.user
//   vercel.deployments                       what is there: Map of id -> { meta, readyState, ... }; vercel.variables likewise
//   vercel.seen                              what came: [{ method, path, query, headers, body }]; vercel.requests(from) in words
//   vercel.faults.push({ on, times, how })   on(request) -> is it this one?  how: see misbehave()
//   vercel.violations                        what Prism found wrong: must be empty
//
// A deployment goes one state further each time that somebody looks at it, so that no test depends on how long anything takes.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { fileURLToPath } from 'node:url';
import { bodyOf, listen, startPrism } from './prism.mjs';

const file = fileURLToPath(new URL('../contract/vercel/vercel.openapi.json', import.meta.url));
const contract = JSON.parse(readFileSync(file, 'utf8'));
const stages = ['QUEUED', 'INITIALIZING', 'BUILDING', 'READY', 'READY'];

// The least that a schema allows.
function least(schema) {
  if (schema.$ref) return least(schema.$ref.split('/').slice(1).reduce((at, name) => at[name], contract));
  if (schema.anyOf || schema.oneOf) return least((schema.anyOf ?? schema.oneOf).at(-1));
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map(least));
  if (schema.enum) return schema.enum[0];
  if (schema.type === 'object') return Object.fromEntries((schema.required ?? []).map((name) => [name, least(schema.properties[name])]));
  return { array: [], number: 0, integer: 0, boolean: false }[schema.type] ?? '';
}
const sample = (method, path, status = 200) => least(contract.paths[path][method].responses[status].content['application/json'].schema);

export async function fakeVercel() {
  const vercel = {
    token: `vcp_${randomBytes(12).toString('hex')}`,
    user: { username: 'octocat' },
    project: { id: 'prj_shop0123456789', name: 'shop', link: { type: 'github', org: 'acme', repo: 'shop', repoId: 42,
      repoOwnerId: 7, gitCredentialId: 'cred_1', productionBranch: 'main', deployHooks: [], sourceless: true, createdAt: 1, updatedAt: 1 } },
    deployments: new Map(),
    variables: new Map(),
    faults: [],
    seen: [],
    violations: [],
    waiting: [],
  };
  const backend = await serving(async (request, answer) => {
    const [status, body] = serve(vercel, request, await bodyOf(request));
    answer.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
  });
  const checked = await startPrism(file, backend.port);
  const front = await serving(async (request, answer) => {
    const url = new URL(request.url, 'http://fake'), text = await bodyOf(request);
    const seen = { method: request.method, path: url.pathname, query: url.searchParams, headers: request.headers, body: text && JSON.parse(text) };
    vercel.seen.push(seen);
    const fault = vercel.faults.find((one) => one.times !== 0 && one.on(seen));
    if (fault?.times) fault.times--;
    const pass = () => ask(vercel, checked.port, request, text);
    if (!fault) return pass().then((from) => answer.writeHead(from.status, from.headers).end(from.body));
    return misbehave(fault.how, pass, request, answer);
  });
  vercel.url = `http://127.0.0.1:${front.port}`;
  vercel.requests = (from = 0) => vercel.seen.slice(from).map((s) => `${s.method} ${s.path.replace(/dpl_\w+/, 'ID')}`);
  vercel.of = (pr) => [...vercel.deployments.values()].filter((d) => d.meta.opshubPr === String(pr));
  vercel.close = () => [front, backend, checked].forEach((server) => server.close());
  return vercel;
}

// { status, headers, body }: this answer, and nothing happens. Otherwise a word, or a function that is called with the front's hands:
// "lost" it happens, but the connection breaks before the answer; "refused" it breaks before anything happens; "html", "empty", "truncated",
// "huge" and "drip": it happens, and this is the answer.
async function misbehave(how, pass, request, answer) {
  if (typeof how === 'object') return answer.writeHead(how.status, how.headers).end(how.body);
  if (how === 'refused') return request.socket.destroy();
  const from = await pass();
  if (typeof how === 'function') return how(from, answer, request);
  if (how === 'lost') return request.socket.destroy();
  if (how === 'html') return answer.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>We are back soon</title>');
  if (how === 'empty') return answer.writeHead(200).end();
  if (how === 'truncated') {
    answer.writeHead(200, { 'content-type': 'application/json', 'content-length': from.body.length });
    return answer.write(from.body.subarray(0, 20), () => request.socket.destroy());
  }
  answer.writeHead(200, { 'content-type': 'application/json' });
  if (how === 'huge') {
    const piece = Buffer.alloc(1 << 20, ' ');
    for (let i = 0; i < 50 && !answer.destroyed; i++) if (!answer.write(piece)) await new Promise((on) => { answer.once('drain', on).once('close', on); });
    return answer.end('{}');
  }
  const drip = setInterval(() => (answer.destroyed ? clearInterval(drip) : answer.write(' ')), 100); // 'drip': a byte now and then, for ever
  return answer.once('close', () => clearInterval(drip));
}

// ---- what Vercel does ----

function serve(vercel, request, text) {
  const url = new URL(request.url, 'http://fake'), path = url.pathname;
  const refuse = (status, code, message) => [status, { error: { code, message } }];
  if (request.headers.authorization !== `Bearer ${vercel.token}`) return refuse(403, 'forbidden', 'Not authorized');
  const body = text ? JSON.parse(text) : null;
  const [, id] = /^\/v\d+\/deployments\/([^/]+)/.exec(path) ?? [];
  const known = id && vercel.deployments.get(id);
  if (path === '/v2/user') return [200, { user: { ...sample('get', '/v2/user').user, ...vercel.user } }];
  if (path === '/v13/deployments') return create(vercel, body, refuse);
  if (path === '/v6/deployments') return list(vercel, url.searchParams);
  if (path.includes('/projects/')) return projects(vercel, request.method, path, url.searchParams, body, refuse);
  if (!known) return refuse(404, 'not_found', 'The deployment could not be found');
  if (request.method === 'DELETE') return vercel.deployments.delete(id), [200, { uid: id, state: 'DELETED' }];
  if (path.endsWith('/events')) return [200, events(known, Number(url.searchParams.get('since') ?? 0))];
  if (path.endsWith('/cancel')) {
    if (['READY', 'ERROR', 'CANCELED'].includes(known.readyState)) return refuse(400, 'bad_request', 'The deployment cannot be canceled');
    known.fixed = 'CANCELED';
    return [200, show(known, 'patch', '/v12/deployments/{id}/cancel')];
  }
  known.looks++;
  return [200, show(known, 'get', '/v13/deployments/{idOrUrl}')];
}

function create(vercel, body, refuse) {
  if (body.project !== vercel.project.id) return refuse(404, 'not_found', 'Project not found');
  const id = `dpl_${randomBytes(12).toString('hex')}`, n = vercel.deployments.size;
  const made = { id, name: body.name, meta: body.meta ?? {}, gitSource: body.gitSource, created: Date.now() + n, looks: 0,
    url: `shop-${id.slice(4, 12)}-acme.vercel.app`, alias: `shop-git-${body.gitSource.ref.replace(/\W+/g, '-')}-acme.vercel.app`,
    variables: [...vercel.variables.values()].filter((v) => v.gitBranch === body.gitSource.ref).map((v) => v.key) };
  vercel.deployments.set(id, made);
  return [200, show(made, 'post', '/v13/deployments')];
}

function show(d, method, path) {
  const stage = Math.min(d.looks, stages.length - 1);
  d.readyState = d.fixed ?? stages[stage];
  const error = d.readyState === 'ERROR' ? { errorCode: 'BUILD_FAILED', errorMessage: 'Command "npm run build" exited with 1' } : {};
  return { ...sample(method, path), id: d.id, name: d.name, meta: d.meta, url: d.url, readyState: d.readyState, status: d.readyState, createdAt: d.created,
    inspectorUrl: `https://vercel.com/acme/shop/${d.id.slice(4)}`, alias: [d.url, d.alias], aliasAssigned: d.fixed ? false : stage === stages.length - 1,
    type: 'LAMBDAS', creator: { uid: 'u1' }, ...error };
}

// Newest first; like Vercel's own it may ignore a filter by meta, and here it does.
function list(vercel, query) {
  const until = Number(query.get('until') ?? Infinity), limit = Number(query.get('limit') ?? 20);
  const all = [...vercel.deployments.values()].filter((d) => d.created < until).sort((a, b) => b.created - a.created);
  const page = all.slice(0, limit);
  return [200, { deployments: page.map((d) => ({ uid: d.id, name: d.name, projectId: vercel.project.id, url: d.url, created: d.created, createdAt: d.created,
    state: d.readyState ?? 'QUEUED', readyState: d.readyState ?? 'QUEUED', type: 'LAMBDAS', creator: { uid: 'u1' }, meta: d.meta, inspectorUrl: null })),
  pagination: { count: page.length, next: all.length > limit ? page.at(-1).created : null, prev: null } }];
}

const events = (d, since) => ['Cloning github.com/acme/shop', 'Running "npm run build"', 'Build Completed'].map((text, i) => ({ type: i === 1 ? 'stderr' : 'stdout',
  created: d.created + i, payload: { deploymentId: d.id, id: `e${i}`, date: d.created + i, serial: `${i}`, text: `${text}\n` } })).filter((e) => e.created >= since);

function projects(vercel, method, path, query, body, refuse) {
  const [, id, variables, variable] = /\/projects\/([^/]+)(\/env)?(?:\/(.+))?/.exec(path);
  if (id !== vercel.project.id) return refuse(404, 'not_found', 'Project not found');
  if (!variables) return [200, { ...sample('get', '/v9/projects/{idOrName}'), ...vercel.project }];
  if (method === 'GET') return [200, { envs: [...vercel.variables.values()].map((v) => ({ ...v, value: '' })) }];
  if (method === 'DELETE') {
    const gone = vercel.variables.get(variable);
    return vercel.variables.delete(variable) ? [200, gone] : refuse(404, 'not_found', 'Environment variable not found');
  }
  for (const one of body) {
    const same = [...vercel.variables.values()].find((v) => v.key === one.key && v.gitBranch === one.gitBranch);
    const made = { ...one, id: same?.id ?? `env_${randomBytes(6).toString('hex')}` };
    vercel.variables.set(made.id, made);
  }
  return [201, { created: body, failed: [] }];
}

// ---- servers ----

const serving = (handler) => listen((request, answer) => Promise.resolve(handler(request, answer)).catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  answer.destroy();
}));

// The request to Prism, and its answer whole. What Prism objects to is written down.
function ask(vercel, port, { method, url, headers }, text) {
  return new Promise((resolve, reject) => {
    const onward = httpRequest({ host: '127.0.0.1', port, path: url, method, headers }, async (from) => {
      const body = Buffer.from(await bodyOf(from));
      const found = JSON.parse(from.headers['sl-violations'] ?? '[]').filter((v) => v.severity === 'Error');
      if (found.length || (from.headers['content-type'] ?? '').includes('problem')) vercel.violations.push(`${method} ${url}: ${from.headers['sl-violations']} ${body}`);
      const { 'transfer-encoding': chunked, connection, ...kept } = from.headers;
      resolve({ status: from.statusCode, headers: kept, body });
    });
    onward.on('error', reject);
    onward.end(text);
  });
}
