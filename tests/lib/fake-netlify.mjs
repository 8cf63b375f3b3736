// A Netlify on loopback: sites, builds of branches, deploys that come up by themselves, variables, and the limit of builds. It
// stands behind Prism: a request of ours that is not in Netlify's OpenAPI document, or an answer of this fake that Netlify
// would not give, is refused there with 422 or 500. (The log of a deploy is not in the document, and goes past Prism.)
//
//   const netlify = await fakeNetlify();       netlify.api, netlify.token
//   const site = netlify.site({ repo: 'acme/shop' });
//   netlify.push(site, 'feature', sha)         what the repository's branch points to
//   netlify.plan(site, 'feature', { state: 'error', error_message: 'failed during stage …' })
//   netlify.fault(/^POST .*builds/, 'lost')    the next such request; see faulty() for the others
//   netlify.seen                               what came: [{ method, path, site, headers, status }]
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { fileURLToPath } from 'node:url';
import { bodyOf, listen, startPrism } from './prism.mjs';

const folder = new URL('../contract/netlify/', import.meta.url);
const document = fileURLToPath(new URL('netlify.openapi.json', folder));
const sample = JSON.parse(readFileSync(new URL('deploy.ready.json', folder), 'utf8'));
const hex = (name) => createHash('sha1').update(name).digest('hex').slice(0, 24);
const running = new Set(['new', 'enqueued', 'building', 'processing', 'processed', 'pending_review', 'retrying']);

export async function fakeNetlify() {
  const netlify = { token: `nfp_${hex('token')}`, people: 'Ada of Netlify', sites: new Map(), deploys: new Map(), seen: [], faults: [], buildMs: 150,
    made: 0, limit: null, starts: [], variables: new Map() };

  netlify.site = ({ repo, name = `site-${netlify.sites.size + 1}`, branch = 'main', ...more }) => {
    const site = { id: randomUUID(), name, account: `team-${name}`, branch, heads: new Map(), plans: new Map(), repo, ...more };
    netlify.sites.set(site.id, site);
    return site;
  };
  netlify.push = (site, branch, sha) => site.heads.set(branch, sha);
  netlify.plan = (site, branch, plan) => site.plans.set(branch, plan);
  netlify.of = (site) => [...netlify.deploys.values()].filter((d) => d.site === site);
  netlify.asked = (site) => netlify.seen.filter((s) => s.site === site);
  netlify.fault = (match, kind, more = {}) => netlify.faults.push({ match, kind, times: 1, ...more });
  // A deploy that is simply there.
  netlify.add = (site, branch, title, { at = Date.now(), sha = site.heads.get(branch) ?? null, context = 'branch-deploy' } = {}) => {
    const number = ++netlify.made;
    const deploy = { id: hex(`deploy ${number}`), build: hex(`build ${number}`), site, branch, title, sha, at, context, plan: site.plans.get(branch) ?? {} };
    netlify.deploys.set(deploy.id, deploy);
    return deploy;
  };

  const backend = await listen((request, answer) => serve(netlify, request, answer));
  const checked = await startPrism(document, backend.port);
  const front = await listen(async (request, answer) => {
    const path = request.url.replace(/^\/api\/v1/, '');
    const entry = { method: request.method, path, site: siteOf(netlify, path), headers: request.headers };
    netlify.seen.push(entry);
    const body = await bodyOf(request);
    const fault = netlify.faults.find((f) => f.times > 0 && f.match.test(`${request.method} ${path}`) && (!f.site || f.site === entry.site));
    if (fault) fault.times--;
    fault?.first?.();
    if (fault && faulty(fault, request, answer)) return;
    const port = path.endsWith('/log') ? backend.port : checked.port;
    const from = await send(port, path, request, body);
    entry.status = from.status;
    if (fault?.kind === 'held') await fault.until;
    if (fault) request.socket.destroy(); // the answer is lost: it was done all the same
    else answer.writeHead(from.status, from.headers).end(from.body);
  });
  netlify.api = `http://127.0.0.1:${front.port}/api/v1`;
  await warm(netlify);
  netlify.close = () => [front, backend, checked].forEach((server) => server.close());
  return netlify;
}

// Prism compiles what it checks when it is first asked: not while somebody's time-out runs.
async function warm(netlify) {
  const site = netlify.site({ repo: 'acme/warm' });
  netlify.push(site, 'warm', '0'.repeat(40));
  const headers = { authorization: `Bearer ${netlify.token}` };
  const { deploy_id: id } = await (await fetch(`${netlify.api}/sites/${site.id}/builds?branch=warm&title=warm`, { method: 'POST', headers })).json();
  for (const path of [`/sites/${site.id}`, `/deploys/${id}`, `/sites/${site.id}/deploys?page=1`, `/accounts/${site.account}/env?site_id=${site.id}`]) await fetch(netlify.api + path, { headers });
  await fetch(`${netlify.api}/deploys/${id}/cancel`, { method: 'POST', headers });
  await fetch(`${netlify.api}/deploys/${id}`, { method: 'DELETE', headers });
  netlify.starts = [];
}

// What happens instead of an answer; false: after it.
function faulty(fault, request, answer) {
  switch (fault.kind) {
    case 'status': answer.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers }).end(JSON.stringify(fault.body ?? { code: fault.status, message: fault.message ?? 'no' })); return true;
    case 'html': answer.writeHead(fault.status ?? 200, { 'content-type': 'text/html' }).end('<html><body>Welcome to the hotel</body></html>'); return true;
    case 'text': answer.writeHead(fault.status, { 'content-type': 'text/plain' }).end('Not Found'); return true;
    case 'reset': request.socket.destroy(); return true;
    case 'hang': return true;
    case 'cut': answer.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' }); answer.write('{"id":"5b78192a'); setTimeout(() => request.socket.destroy(), 20); return true;
    case 'huge': answer.writeHead(200, { 'content-type': 'application/json' }); pour(answer, 50 * 1024 * 1024); return true;
    case 'drip': { answer.writeHead(200, { 'content-type': 'application/json' }); const timer = setInterval(() => answer.write(' '), 50); answer.on('close', () => clearInterval(timer)); return true; }
    default: return false; // 'lost', 'held'
  }
}

function pour(answer, left) {
  if (left <= 0 || answer.destroyed) return answer.end();
  if (answer.write('x'.repeat(65536))) return setImmediate(pour, answer, left - 65536);
  return answer.once('drain', () => pour(answer, left - 65536));
}

function siteOf(netlify, path) {
  const [, kind, id] = path.split(/[/?]/);
  if (kind === 'deploys') return netlify.deploys.get(id)?.site ?? null;
  if (kind === 'accounts') return [...netlify.sites.values()].find((s) => s.account === id) ?? null;
  return netlify.sites.get(id) ?? null;
}

function send(port, path, request, body) {
  return new Promise((resolve) => {
    const onward = httpRequest({ host: '127.0.0.1', port, path, method: request.method, headers: request.headers }, async (from) => {
      resolve({ status: from.statusCode, headers: from.headers, body: await bodyOf(from) });
    });
    onward.on('error', () => resolve({ status: 502, headers: {}, body: '' }));
    onward.end(body);
  });
}

// ---- the API ----

async function serve(netlify, request, answer) {
  const url = new URL(request.url, 'http://fake');
  const [kind, id, what, ...rest] = url.pathname.slice(1).split('/').map(decodeURIComponent);
  const text = await bodyOf(request);
  const say = (status, body) => answer.writeHead(status, { 'content-type': 'application/json', 'x-ratelimit-limit': '500', 'x-ratelimit-remaining': '450',
    'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + 30) }).end(body === undefined ? undefined : JSON.stringify(body));
  const refuse = (code, message) => say(code, { code, message });
  if (request.headers.authorization !== `Bearer ${netlify.token}`) return refuse(401, 'Access Denied');
  if (kind === 'user') return say(200, { id: 'u1', full_name: netlify.people, email: 'ada@example.com' });
  const site = netlify.sites.get(id);
  if (kind === 'sites' && !site) return refuse(404, 'Not Found');
  if (kind === 'sites' && !what) return say(200, siteJson(site));
  if (kind === 'sites' && what === 'builds') return build(netlify, site, url, answer, say, refuse);
  if (kind === 'sites' && what === 'deploys') return say(200, page(netlify.of(site).filter((d) => [null, d.branch].includes(url.searchParams.get('branch'))).reverse(), url).map((d) => deployJson(netlify, d)));
  if (kind === 'accounts') return variables(netlify, { url, rest, method: request.method, text }, say, refuse);
  const deploy = netlify.deploys.get(id);
  if (!deploy) return refuse(404, 'Not Found');
  if (what === 'cancel') return cancel(netlify, deploy, say, refuse);
  if (what === 'log') return say(200, logOf(netlify, deploy));
  if (request.method === 'GET') return say(200, deployJson(netlify, deploy));
  if (deploy.published) return refuse(422, 'Cannot delete the published deploy');
  netlify.deploys.delete(deploy.id);
  return say(204);
}

const page = (all, url) => {
  const size = Number(url.searchParams.get('per_page') ?? 30);
  const from = (Number(url.searchParams.get('page') ?? 1) - 1) * size;
  return all.slice(from, from + size);
};

const siteJson = (site) => ({ id: site.id, name: site.name, account_slug: site.account, admin_url: `https://app.netlify.com/sites/${site.name}`,
  ssl_url: `https://${site.name}.netlify.app`, ...(site.password && { password: site.password }),
  build_settings: site.repo ? { provider: 'github', repo_path: site.repo, repo_url: `https://github.com/${site.repo}`, repo_branch: site.branch,
    stop_builds: site.stopped ?? false } : {} });

// Netlify names a reset when requests are limited; of the limit of builds nothing is told but the status.
function build(netlify, site, url, answer, say, refuse) {
  const branch = url.searchParams.get('branch');
  const now = Date.now();
  if (netlify.limit) {
    netlify.starts = netlify.starts.filter((at) => now - at < netlify.limit.ms);
    if (netlify.starts.length >= netlify.limit.builds) {
      const reset = Math.ceil((netlify.starts[0] + netlify.limit.ms) / 1000);
      return answer.writeHead(429, { 'content-type': 'application/json', 'x-ratelimit-reset': String(reset) }).end(JSON.stringify({ code: 429, message: 'Too Many Requests' }));
    }
  }
  if (!site.heads.has(branch)) return refuse(404, 'Not Found');
  netlify.starts.push(now);
  const deploy = netlify.add(site, branch, url.searchParams.get('title'), { context: branch === site.branch ? 'production' : 'branch-deploy' });
  return say(200, { id: deploy.build, deploy_id: deploy.id, sha: deploy.sha, done: false, created_at: new Date(deploy.at).toISOString() });
}

// By its age: what a plan says, or new, building, processed, ready.
function stateOf(netlify, deploy) {
  const age = Date.now() - deploy.at;
  if (deploy.cancelled) return 'error';
  if (deploy.plan.stays) return deploy.plan.stays;
  if (age < netlify.buildMs / 3) return 'new';
  if (age < netlify.buildMs) return deploy.plan.meanwhile ?? 'building';
  if (age < netlify.buildMs + 50) return 'processed';
  return deploy.plan.state ?? 'ready';
}

// From the sample that Netlify sent once. Its document has no null, so those members are left out.
function deployJson(netlify, deploy) {
  const address = `${deploy.id}--${deploy.site.name}.netlify.app`;
  const json = { ...sample, id: deploy.id, site_id: deploy.site.id, build_id: deploy.build, state: stateOf(netlify, deploy), name: deploy.site.name,
    url: `http://${deploy.site.name}.netlify.app`, ssl_url: `https://${deploy.site.name}.netlify.app`, admin_url: `https://app.netlify.com/sites/${deploy.site.name}`,
    deploy_url: `http://${address}`, deploy_ssl_url: `https://${address}`, created_at: new Date(deploy.at).toISOString(), branch: deploy.branch,
    title: deploy.title, context: deploy.context, commit_ref: deploy.plan.sha ?? deploy.sha, error_message: deploy.cancelled ?? deploy.plan.error_message ?? null };
  return Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));
}

function cancel(netlify, deploy, say, refuse) {
  if (!running.has(stateOf(netlify, deploy))) return refuse(422, 'The deploy is not running');
  deploy.cancelled = 'Canceled build';
  return say(201, deployJson(netlify, deploy));
}

function logOf(netlify, deploy) {
  const lines = ['Waiting for other deploys', `Preparing Git reference refs/heads/${deploy.branch}`, '\u001b[96mStarting\u001b[0m build script'];
  if (!running.has(stateOf(netlify, deploy))) lines.push(`The token was ${netlify.token}`, 'Build script finished');
  return lines.map((log, i) => ({ ts: new Date(deploy.at + i).toISOString(), log, level: 'info', section: 'building', type: 'build' }));
}

// ---- variables of a site ----

function variables(netlify, { url, rest: [key, , valueId], method, text }, say, refuse) {
  const id = url.searchParams.get('site_id');
  if (!netlify.sites.has(id)) return refuse(404, 'Not Found');
  if (!netlify.variables.has(id)) netlify.variables.set(id, []);
  const all = netlify.variables.get(id);
  const shown = (v) => ({ ...v, values: v.values.map((value) => (v.is_secret ? { ...value, value: '' } : value)) });
  const known = all.find((v) => v.key === key);
  if (method === 'GET') return say(200, all.map(shown));
  if (method === 'POST') {
    const made = JSON.parse(text);
    if (made.some((v) => all.some((other) => other.key === v.key))) return refuse(409, 'A variable of this name exists');
    for (const v of made) all.push({ scopes: ['builds'], is_secret: false, ...v, values: v.values.map((value) => ({ id: randomUUID(), ...value })) });
    return say(201, made.map((v) => shown(all.find((other) => other.key === v.key))));
  }
  if (!known) return refuse(404, 'Not Found');
  if (method === 'PATCH') {
    const { context, context_parameter: parameter, value } = JSON.parse(text);
    const there = known.values.find((v) => v.context === context && v.context_parameter === parameter);
    if (there) there.value = value;
    else known.values.push({ id: randomUUID(), context, context_parameter: parameter, value });
    return say(201, shown(known));
  }
  if (valueId) known.values = known.values.filter((v) => v.id !== valueId);
  else all.splice(all.indexOf(known), 1);
  return say(204);
}
