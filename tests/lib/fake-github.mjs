// A GitHub to log in with, on loopback: the OAuth web flow with its state (codes that count once, PKCE, scopes, people who
// say no), and the REST API under /api/v3, which stands behind Prism: a request of ours that is not in GitHub's OpenAPI
// document, or an answer of this fake that GitHub would not give, is refused there with 422 or 500.
//
//   const github = await fakeGitHub();     github.web, github.api, github.app { id, secret, callback }
//   github.person('octocat', { emails })   somebody with an account; sign in by github.signedIn = 'octocat'
//   github.faults.set('/user', { status: 502, body: 'bad gateway' })
//   github.seen                            what came: [{ method, path, headers, form }]
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bodyOf, forward, listen, startPrism } from './prism.mjs';

const folder = new URL('../contract/github-oauth/', import.meta.url);
const document = fileURLToPath(new URL('user.openapi.json', folder));
const sample = (name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
const examples = sample('user.openapi.json').components.examples;
const profile = examples['private-user-response-with-public-and-private-profile-information'].value;

export const email = (address, { primary = true, verified = true } = {}) => ({ email: address, primary, verified, visibility: 'private' });

export async function fakeGitHub() {
  const github = {
    app: { id: `Iv1.${randomBytes(8).toString('hex')}`, secret: randomBytes(20).toString('hex'), callback: '' },
    people: new Map(),
    signedIn: null,
    says: 'yes', // to the question whether the app may know them
    grants: null, // fewer scopes than asked for
    codes: new Map(),
    tokens: new Map(),
    faults: new Map(),
    seen: [],
  };
  let nextId = 583231;
  github.person = (login, { emails = [email(`${login}@example.com`)], name = `${login} of GitHub`, id = nextId++ } = {}) => {
    const person = { login, id, name, emails };
    github.people.set(login, person);
    return person;
  };

  const backend = await listen((request, answer) => rest(github, request, answer));
  const checked = await startPrism(document, backend.port);
  const front = await listen(async (request, answer) => {
    const url = new URL(request.url, 'http://fake');
    const form = request.method === 'POST' ? new URLSearchParams(await bodyOf(request)) : null;
    github.seen.push({ method: request.method, path: url.pathname, headers: request.headers, form });
    const path = url.pathname.replace(/^\/api\/v3/, '');
    const fault = github.faults.get(path);
    if (fault === 'hang') return;
    if (fault === 'break') request.socket.destroy();
    else if (fault) answer.writeHead(fault.status ?? 200, fault.headers).end(fault.body);
    else if (url.pathname.startsWith('/api/v3/')) forward(checked.port, path + url.search, request, answer);
    else if (url.pathname === '/login/oauth/authorize') authorize(github, url, answer);
    else if (url.pathname === '/login/oauth/access_token' && form) exchange(github, request, form, answer);
    else answer.writeHead(404).end();
  });
  github.web = `http://127.0.0.1:${front.port}`;
  github.api = `${github.web}/api/v3`;
  github.close = () => {
    front.close();
    backend.close();
    checked.close();
  };
  return github;
}

// ---- the web flow ----

function authorize(github, url, answer) {
  const ask = url.searchParams;
  const person = github.people.get(github.signedIn);
  const redirect = ask.get('redirect_uri') ?? github.app.callback;
  if (ask.get('client_id') !== github.app.id) return answer.writeHead(404).end('no such app');
  if (!person) return answer.writeHead(200).end('log in first');
  const back = new URL(github.app.callback);
  const say = (fields) => {
    for (const [name, value] of Object.entries({ ...fields, state: ask.get('state') })) back.searchParams.set(name, value);
    return answer.writeHead(302, { location: back.href }).end();
  };
  if (redirect !== github.app.callback) return say({ error: 'redirect_uri_mismatch', error_description: 'The redirect_uri MUST match' });
  if (github.says !== 'yes') {
    const denied = new URLSearchParams(readFileSync(new URL('callback.access_denied.query.txt', folder), 'utf8').trim());
    return say({ ...Object.fromEntries(denied), ...(github.says !== 'no' && { error: github.says }) });
  }
  if (ask.has('code_challenge') && ask.get('code_challenge_method') !== 'S256') return answer.writeHead(400).end('only S256');
  const code = randomBytes(10).toString('hex');
  github.codes.set(code, { person, redirect, challenge: ask.get('code_challenge'), scope: ask.get('scope') ?? '', at: Date.now() });
  return say({ code });
}

// Refusals have status 200 here, as GitHub's have.
function exchange(github, request, form, answer) {
  const code = github.codes.get(form.get('code'));
  const refuse = (name) => reply(request, answer, sample(`access_token.${name}.json`));
  if (form.get('client_id') !== github.app.id || form.get('client_secret') !== github.app.secret) return refuse('incorrect_client_credentials');
  if (!code || Date.now() - code.at > 600_000) return refuse('bad_verification_code');
  if ((form.get('redirect_uri') ?? code.redirect) !== code.redirect) return refuse('redirect_uri_mismatch');
  const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
  if (code.challenge && challenge !== code.challenge) return refuse('bad_verification_code');
  github.codes.delete(form.get('code'));
  if (!code.person.emails.some((e) => e.primary && e.verified) && github.strict) return refuse('unverified_user_email');
  const token = `gho_${randomBytes(18).toString('hex')}`;
  const scopes = github.grants ?? code.scope.split(' ');
  github.tokens.set(token, { person: code.person, scopes });
  return reply(request, answer, { ...sample('access_token.success.json'), access_token: token, scope: scopes.join(',') });
}

function reply(request, answer, fields) {
  if ((request.headers.accept ?? '').includes('json')) return answer.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(fields));
  return answer.writeHead(200, { 'content-type': 'application/x-www-form-urlencoded' }).end(new URLSearchParams(fields).toString());
}

// ---- the REST API ----

function rest(github, request, answer) {
  const path = new URL(request.url, 'http://fake').pathname;
  const known = github.tokens.get(/^Bearer (gho_\w+)$/.exec(request.headers.authorization ?? '')?.[1]);
  const say = (status, body) => answer.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
  if (!request.headers['user-agent']) return say(403, { message: 'Request forbidden by administrative rules.' });
  if (!known) return say(401, { message: 'Requires authentication', documentation_url: 'https://docs.github.com/rest', status: '401' });
  const { person, scopes } = known;
  if (path === '/user') return say(200, { ...profile, id: person.id, login: person.login, name: person.name, email: null });
  if (path !== '/user/emails' || !scopes.includes('user:email')) return say(404, { message: 'Not Found', status: '404' });
  return say(200, person.emails);
}
