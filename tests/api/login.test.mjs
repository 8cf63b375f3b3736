// stack: --no-daemon --api 2 --fast
// seconds: 240
// Logging in with GitHub: the way there and back, who somebody becomes here, invitations, the first owner.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Browser } from '../lib/browser.mjs';
import { api, get } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { email } from '../lib/fake-github.mjs';
import { daemon, logInWith, startWithGitHub, upToCallback } from '../lib/github-login.mjs';
import { logLines } from '../lib/log.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { eachOf } from '../lib/until.mjs';

let github;
before(async () => { github = await startWithGitHub({ empty: true }); });
after(() => github.close());

const me = async (browser) => (await browser.go(`${env.api}/me`)).json;
const users = () => one('select count(*)::int as n from users').n;

test('two first logins at once: exactly one owns the first organization', async () => {
  assert.equal(users(), 0);
  const names = ['Ada-First', 'Bob_first', 'cy-first', 'di-first'];
  const ready = [];
  for (const name of names) {
    github.person(name);
    ready.push(await upToCallback(github, name));
  }
  const answers = await eachOf(ready, names.length, ({ browser, callback }) => browser.go(callback));
  for (const answer of answers) assert.equal(answer.status, 302, answer.text);
  const all = await Promise.all(ready.map(({ browser }) => me(browser)));
  const owners = all.filter((person) => person.organizations.length);
  assert.equal(owners.length, 1, JSON.stringify(all));
  const [organization] = owners[0].organizations;
  assert.deepEqual({ ...organization, id: '' }, { id: '', name: owners[0].githubLogin, slug: owners[0].githubLogin.toLowerCase().replace('_', '-'), role: 'OWNER' });
  assert.deepEqual(rows('select role from members'), [{ role: 'OWNER' }]);
  const created = rows(`select action, actor_kind, actor_id from audit_log where org_id = '${organization.id}'`);
  assert.deepEqual(created, [{ action: 'organization.create', actor_kind: 'user', actor_id: owners[0].id }]);
});

test('the way to GitHub: what is asked for, and a cookie that only the callback sees', async () => {
  const browser = new Browser();
  const answer = await browser.go(`${env.api}/auth/github`);
  assert.equal(answer.status, 302);
  const url = new URL(answer.location);
  assert.equal(url.origin + url.pathname, `${github.web}/login/oauth/authorize`);
  const asked = Object.fromEntries(url.searchParams);
  assert.equal(asked.client_id, github.app.id);
  assert.equal(asked.redirect_uri, `${env.api}/auth/github/callback`);
  assert.equal(asked.scope, 'read:user user:email');
  assert.equal(asked.code_challenge_method, 'S256');
  assert.match(asked.state, /^[A-Za-z0-9_-]{43}$/);
  const [cookie] = answer.cookies;
  assert.match(cookie, /^opshub_login=[\w.-]+; /);
  for (const part of [/; Path=\/auth\/github(;|$)/, /; HttpOnly/, /; SameSite=Lax/, /; Max-Age=600/]) assert.match(cookie, part);
  assert.match(answer.headers['cache-control'], /no-store/);
  const [, , state, verifier] = Buffer.from(browser.cookies.get('opshub_login').value.split('.')[0], 'base64url').toString().split(' ');
  assert.equal(state, asked.state);
  assert.equal(createHash('sha256').update(verifier).digest('base64url'), asked.code_challenge);
  const again = new URL((await new Browser().go(`${env.api}/auth/github`)).location).searchParams;
  assert.notEqual(again.get('state'), asked.state);
  assert.notEqual(again.get('code_challenge'), asked.code_challenge);
});

test('logged in: the dashboard, a cookie that holds in every process, and GitHub is told no more than it must', async () => {
  github.person('octocat', { name: 'The Octocat' });
  github.seen.length = 0;
  const { browser, answer, token } = await logInWith(github, 'octocat');
  assert.equal(answer.status, 302, answer.text);
  assert.equal(answer.location, `${env.api}/dashboard`);
  assert.match(answer.cookies.find((c) => c.startsWith('opshub_token=')), /; Path=\/; HttpOnly; SameSite=Lax; Max-Age=86400$/);
  assert.ok(!browser.cookies.has('opshub_login'), 'the state is still in the browser');
  const answers = await eachOf(Array.from({ length: 24 }), 6, () => browser.go(`${env.api}/me`));
  for (const { status } of answers) assert.equal(status, 200);
  const person = answers[0].json;
  assert.deepEqual({ ...person, id: '', lastSeenAt: '' }, { id: '', email: 'octocat@example.com', name: 'The Octocat', avatarUrl: 'https://github.com/images/error/octocat_happy.gif',
    githubLogin: 'octocat', lastSeenAt: '', organizations: [] });
  assert.match(person.lastSeenAt, /^\d{4}-.*\.\d{3}Z$/);
  assert.deepEqual((await get('/projects', { token })).json, []);
  const [exchange, user, emails] = github.seen.filter((s) => s.path !== '/login/oauth/authorize');
  assert.deepEqual([exchange.path, user.path, emails.path], ['/login/oauth/access_token', '/api/v3/user', '/api/v3/user/emails']);
  assert.deepEqual([...exchange.form.keys()].sort(), ['client_id', 'client_secret', 'code', 'code_verifier', 'redirect_uri']);
  assert.equal(exchange.headers.accept, 'application/json');
  for (const { headers } of [user, emails]) {
    assert.equal(headers.accept, 'application/vnd.github+json');
    assert.match(headers['user-agent'], /^opshub\//);
  }
});

test('a session knows where it came from, and the audit has the login', () => {
  const session = one(`select s.id, s.ip, s.user_agent, u.id as user_id from sessions s join users u on u.id = s.user_id where u.github_login = 'octocat'`);
  assert.equal(session.ip, '127.0.0.1');
  assert.equal(session.user_agent, 'Browser/1.0 (test)');
  const audit = rows(`select action, target_kind, target_id, actor_name, ip, after from audit_log where org_id = '' and actor_id = '${session.user_id}' order by seq`);
  assert.deepEqual(audit.map((a) => [a.action, a.target_kind, a.target_id]), [['user.create', 'user', session.user_id], ['session.login', 'session', session.id]]);
  assert.equal(audit[0].actor_name, 'octocat@example.com');
  assert.equal(audit[0].ip, '127.0.0.1');
});

test('the return path leads to our own site only', async () => {
  for (const [path, expected] of [['/dashboard#deploy_1', '/dashboard#deploy_1'], ['/projects?x=1', '/projects?x=1'], ['//evil.example', '/dashboard'],
    ['/\\evil.example', '/dashboard'], ['https://evil.example/', '/dashboard'], ['https:evil.example', '/dashboard'], ['/a b', '/dashboard'],
    ['/\t/evil.example', '/dashboard'], [`/${'a'.repeat(600)}`, '/dashboard'], ['evil', '/dashboard'], ['', '/dashboard']]) {
    const { answer } = await logInWith(github, 'octocat', { path: `/auth/github?return_to=${encodeURIComponent(path)}` });
    assert.equal(answer.location, env.api + expected, path);
  }
  const { answer } = await logInWith(github, 'octocat', { path: '/auth/github?return_to=%2f%2fevil.example' });
  assert.equal(answer.location, `${env.api}/dashboard`);
});

test('the same account stays the same user when its login, name and e-mail change', async () => {
  const person = github.person('before', { emails: [email('old@example.com')] });
  const first = await me((await logInWith(github, 'before')).browser);
  const count = users();
  Object.assign(person, { login: 'after', name: null, emails: [email('Other@example.com', { primary: false }), email('New@Example.com')] });
  github.people.set('after', person);
  const second = await me((await logInWith(github, 'after')).browser);
  assert.equal(users(), count);
  assert.equal(second.id, first.id);
  assert.deepEqual([second.githubLogin, second.name, second.email], ['after', 'after', 'new@example.com']);
  const [change] = rows(`select before, after from audit_log where action = 'user.update' and target_id = '${first.id}'`);
  assert.deepEqual(JSON.parse(change.before), { email: 'old@example.com', githubLogin: 'before' });
  assert.deepEqual(JSON.parse(change.after), { email: 'new@example.com', githubLogin: 'after' });
});

test('a new e-mail that somebody else has here is not taken over', async () => {
  run(`insert into users (id, email) values ('user_00000000000000000000000077', 'mine@example.com')`);
  const person = github.person('mover', { emails: [email('mover@example.com')] });
  await logInWith(github, 'mover');
  person.emails = [email('mine@example.com')];
  const moved = await me((await logInWith(github, 'mover')).browser);
  assert.equal(moved.email, 'mover@example.com');
});

test('a user without a GitHub account is found by his verified e-mail, whatever its case', async () => {
  run(`insert into users (id, email, name) values ('user_00000000000000000000000078', 'Known@Example.com', 'Known')`);
  github.person('known-at-github', { emails: [email('kNOWN@example.COM')] });
  const { browser } = await logInWith(github, 'known-at-github');
  const person = await me(browser);
  assert.equal(person.id, 'user_00000000000000000000000078');
  assert.equal(person.githubLogin, 'known-at-github');
  assert.equal(one(`select count(*)::int as n from audit_log where action = 'user.link' and target_id = '${person.id}'`).n, 1);
});

test('one new person in two browsers at once is one user', async () => {
  github.person('twice');
  const ready = [await upToCallback(github, 'twice'), await upToCallback(github, 'twice'), await upToCallback(github, 'twice')];
  const answers = await eachOf(ready, 3, ({ browser, callback }) => browser.go(callback));
  for (const answer of answers) assert.equal(answer.status, 302, answer.text);
  assert.equal(one(`select count(*)::int as n from users where github_login = 'twice'`).n, 1);
});

test('invitations become memberships: by login or e-mail, in any case, the higher role, never an expired one', async () => {
  run(`insert into organizations (id, name, slug) select 'org_inv' || n, 'Inv ' || n, 'inv-' || n from generate_series(1, 5) n;
    insert into organizations (id, name, slug, deleting_at) values ('org_inv6', 'Inv 6', 'inv-6', now());
    insert into invitations (id, org_id, github_login, email, role, invited_by, expires_at) values
      ('inv_1', 'org_inv1', 'InVited', '', 'MAINTAINER', 'user_x', now() + interval '1 day'),
      ('inv_2', 'org_inv2', '', 'INVITED@example.com', 'DEVELOPER', 'user_x', now() + interval '1 day'),
      ('inv_3', 'org_inv3', 'invited', '', 'OWNER', 'user_x', now() - interval '1 second'),
      ('inv_4', 'org_inv4', 'invited', '', 'VIEWER', 'user_x', now() + interval '1 day'),
      ('inv_5', 'org_inv4', '', 'invited@example.com', 'DEVELOPER', 'user_x', now() + interval '1 day'),
      ('inv_6', 'org_inv5', 'somebody-else', '', 'OWNER', 'user_x', now() + interval '1 day'),
      ('inv_7', 'org_inv6', 'invited', '', 'OWNER', 'user_x', now() + interval '1 day')`);
  github.person('invited');
  const { browser } = await logInWith(github, 'invited');
  const person = await me(browser);
  assert.deepEqual(person.organizations.map((o) => [o.id, o.role]), [['org_inv1', 'MAINTAINER'], ['org_inv2', 'DEVELOPER'], ['org_inv4', 'DEVELOPER']]);
  assert.deepEqual(rows('select id from invitations order by id').map((i) => i.id), ['inv_3', 'inv_6', 'inv_7']);
  const audit = rows(`select org_id, action, target_kind, target_id, after from audit_log where action = 'member.add' order by org_id`);
  assert.deepEqual(audit.map((a) => [a.org_id, a.target_kind, a.target_id]), ['org_inv1', 'org_inv2', 'org_inv4'].map((org) => [org, 'member', person.id]));
  assert.deepEqual(JSON.parse(audit[0].after), { role: 'MAINTAINER', invitation: 'inv_1', invitedBy: 'user_x' });
});

test('an invitation does not change the role of who is a member already', async () => {
  run(`insert into invitations (id, org_id, github_login, role, invited_by, expires_at) values ('inv_8', 'org_inv1', 'invited', 'OWNER', 'user_x', now() + interval '1 day')`);
  const person = await me((await logInWith(github, 'invited')).browser);
  assert.equal(person.organizations.find((o) => o.id === 'org_inv1').role, 'MAINTAINER');
});

test('more invitations than one login takes wait for the next', async () => {
  run(`insert into organizations (id, name, slug) select 'org_many' || n, 'Many ' || n, 'many-' || n from generate_series(10, 49) n;
    insert into invitations (id, org_id, github_login, role, invited_by, expires_at)
      select 'inv_many' || n, 'org_many' || n, 'popular', 'VIEWER', 'user_x', now() + interval '1 day' from generate_series(10, 49) n`);
  github.person('popular');
  assert.equal((await me((await logInWith(github, 'popular')).browser)).organizations.length, 32);
  assert.equal((await me((await logInWith(github, 'popular')).browser)).organizations.length, 40);
});

test('the test login makes nobody else an owner of what is there, and is audited', async () => {
  const owners = () => rows(`select org_id, user_id from members where role = 'OWNER' order by 1, 2`);
  const login = (address) => api('POST', '/test/login-as', { token: null, body: { email: address } });
  assert.equal((await login('first@demo.example')).status, 200);
  const before = owners();
  assert.equal(before.filter((o) => o.org_id === 'org_demo').length, 1, 'the one for whom the demo organization is made owns it');
  const answer = await login('second@demo.example');
  assert.equal((await login('octocat@example.com')).status, 200);
  assert.deepEqual(owners(), before);
  assert.equal(one(`select role from members where user_id = '${answer.json.user.id}'`).role, 'VIEWER');
  const audit = rows(`select action, after from audit_log where actor_id = '${answer.json.user.id}'`);
  assert.deepEqual(audit.map((a) => [a.action, JSON.parse(a.after)]), [['session.login', { method: 'test', created: true }]]);
});

test('nothing of a login is in the log: no code, token, secret, state or address', () => {
  const text = JSON.stringify(logLines());
  const secrets = [github.app.secret, ...github.tokens.keys(), ...github.seen.flatMap((s) => [s.form?.get('code'), s.form?.get('code_verifier')]), '@example.com'];
  for (const secret of secrets.filter(Boolean)) assert.ok(!text.includes(secret), `the log has ${secret}`);
});

test('the chains of the audit hold', () => {
  const broken = rows(`select org_id, seq from audit_log r where hash <> sha256(prev_hash || audit_content(r))
    or prev_hash <> coalesce((select hash from audit_log p where p.org_id = r.org_id and p.seq = r.seq - 1), '')`);
  assert.deepEqual(broken, []);
});

test('the start page is told what there is to log in with', async () => {
  assert.deepEqual((await get('/auth/methods', { token: null })).json, { github: true, testLogin: true });
});

test('with FIRST_LOGIN_OWNER=0 the first user gets nothing', async () => {
  run('delete from organizations; delete from users;');
  await daemon.restart({ FIRST_LOGIN_OWNER: '0' });
  assert.deepEqual((await me((await logInWith(github, 'octocat')).browser)).organizations, []);
});

test('an organization is only made for the very first user', async () => {
  await daemon.restart({ FIRST_LOGIN_OWNER: '1' });
  github.person('second');
  assert.deepEqual((await me((await logInWith(github, 'second')).browser)).organizations, []);
});

test('GITHUB_CLIENT_ID=none: the route says which variable to set', async () => {
  await daemon.restart({ GITHUB_CLIENT_ID: 'none' });
  for (const path of ['/auth/github', '/auth/github/callback?code=x&state=y']) {
    const answer = await get(path, { token: null });
    assert.equal(answer.status, 404);
    assert.match(answer.json.message, /GITHUB_CLIENT_ID/);
  }
  assert.equal((await get('/auth/methods', { token: null })).json.github, false);
});
