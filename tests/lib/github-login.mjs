// A daemon that logs people in with the fake GitHub. The file's head asks for a stack with --no-daemon; this writes the
// daemon's environment and starts it. Settings can be changed later: daemon.restart({ JWT_SECRET: ... }).
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createHmac, hkdfSync } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { Browser } from './browser.mjs';
import { env } from './env.mjs';
import { fakeGitHub } from './fake-github.mjs';
import { part } from './part.mjs';
import { run } from './sql.mjs';

const execute = promisify(execFile);
const quoted = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

export const daemon = {
  set(values) {
    for (const [name, value] of Object.entries(values)) appendFileSync(`${env.stackDir}/daemon.env`, `export ${name}=${quoted(value)}\n`);
  },
  async restart(values) {
    this.set(values);
    await part('opshubd', 'stop');
    await part('opshubd', 'start');
  },
  value: (name) => execFileSync('env', ['-i', `PATH=${process.env.PATH}`, 'bash', '--norc', '-c', '. "$1"; printf %s "${!2}"', 'bash', `${env.stackDir}/daemon.env`, name],
    { encoding: 'utf8' }),
};

// The sweeps of GitHub, which a token sets going, would ask as well: not today.
export const sweepNothing = () => run(`insert into github_repos (repo, spelled, next_at)
  values ('codertocat/hello-world', 'Codertocat/Hello-World', now() + interval '1 day'), ('(app)', '(app)', now() + interval '1 day')
  on conflict (repo) do update set next_at = excluded.next_at`);

// opshubd ARG... in the daemon's environment: { status, out, err }.
export async function command(...args) {
  const script = '. "$1"; shift; exec "$@"';
  try {
    const { stdout, stderr } = await execute('env', ['-i', `PATH=${process.env.PATH}`, 'bash', '--norc', '-c', script, 'bash', `${env.stackDir}/daemon.env`,
      `${env.bin}/opshubd`, ...args], { timeout: 60_000 });
    return { status: 0, out: stdout, err: stderr };
  } catch (error) {
    return { status: error.code, out: error.stdout, err: error.stderr };
  }
}

// An empty installation, or the seeded one, and a GitHub.
export async function startWithGitHub({ empty = false, ...settings } = {}) {
  const github = await fakeGitHub();
  github.app.callback = `${env.api}/auth/github/callback`;
  if (empty) run('delete from organizations; delete from users;');
  daemon.set({ GITHUB_CLIENT_ID: github.app.id, GITHUB_CLIENT_SECRET: github.app.secret, GITHUB_WEB_BASE: `${github.web}/`, GITHUB_API_BASE: github.api,
    WEB_BASE_URL: env.api, RATE_LIMIT_AUTH: '0', RATE_LIMIT_GENERAL: '0', ...settings });
  await part('opshubd', 'start');
  return github;
}

// To GitHub and to its answer, without giving that to us: the URL of the callback.
export async function upToCallback(github, login, { browser = new Browser(), path = '/auth/github' } = {}) {
  const start = await browser.go(env.api + path);
  assert.equal(start.status, 302, start.text);
  github.signedIn = login;
  const there = await browser.go(start.location);
  assert.equal(there.status, 302, there.text);
  assert.ok(there.location.startsWith(`${github.app.callback}?`), there.location);
  return { browser, start, callback: there.location };
}

// The whole way: what the callback answered, and the browser with its cookies.
export async function logInWith(github, login, options = {}) {
  const { browser, start, callback } = await upToCallback(github, login, options);
  const answer = await browser.go(callback);
  return { browser, start, callback, answer, token: browser.cookies.get('opshub_token')?.value };
}

// The cookie of a login that was begun at another time or with another key, as core/crypto/login_state.c makes it.
export function sealState({ secret = env.jwtSecret, seconds = Math.floor(Date.now() / 1000), state, verifier, back = '' }) {
  const content = `1 ${seconds} ${state} ${verifier} ${back}`;
  const key = hkdfSync('sha256', secret, '', 'opshub/login-state/v1', 32);
  return `${Buffer.from(content).toString('base64url')}.${createHmac('sha256', Buffer.from(key)).update(content).digest('base64url')}`;
}
