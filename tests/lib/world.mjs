// Two organizations with people of every kind in them, by SQL alone: makeWorld() puts all of it back as it was, whatever a request
// has changed. Credentials are signed and hashed here, as the server would.
import { createHash, createHmac } from 'node:crypto';
import { env } from './env.mjs';
import { run } from './sql.mjs';
import { tokenText } from './token-text.mjs';

// An id of the right form that depends on nothing but its name.
const id = (prefix, name) => `${prefix}_0${createHash('sha256').update(prefix + name).digest('hex').slice(0, 25)}`;

// Like the stack's own token, but for another session.
export function sessionToken(user, session, { age = 60, lasts = 3600 } = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const [header, claims] = env.token.split('.');
  const iat = Math.floor(Date.now() / 1000) - age;
  const text = `${header}.${part({ ...JSON.parse(Buffer.from(claims, 'base64url')), sub: user, sid: session, iat, exp: iat + lasts })}`;
  return `${text}.${createHmac('sha256', env.jwtSecret).update(text).digest('base64url')}`;
}

export const ids = {
  organization: id('org', 'ours'), foreignOrganization: id('org', 'foreign'),
  project: id('proj', 'ours'), otherProject: id('proj', 'ours too'), foreignProject: id('proj', 'foreign'),
  deployment: id('deploy', 'ours'), foreignDeployment: id('deploy', 'foreign'),
  environment: id('env', 'ours'), foreignEnvironment: id('env', 'foreign'),
  notifier: id('ntf', 'ours'), policy: id('policy', 'ours'), check: id('check', 'ours'), foreignCheck: id('check', 'foreign'), window: id('window', 'ours'),
  incident: id('inc', 'ours'),
  spare: id('user', 'spare'), // a VIEWER nobody acts as: to be lowered, removed ...
};

// People: name -> [role in our organization, more of him].
const people = {
  owner: ['OWNER'], maintainer: ['MAINTAINER'], developer: ['DEVELOPER'], viewer: ['VIEWER'],
  raised: ['VIEWER', { raised: 'DEVELOPER' }], // in the project that paths name
  foreigner: [null, { foreign: 'OWNER' }],     // of the other organization
  nobody: [null],                              // a user who is in no organization
  gone: ['OWNER', { inactive: true }],
  spare: ['VIEWER', { raised: 'DEVELOPER' }],
};

const user = (name) => id('user', name);
const session = (name) => id('sess', name);
const token = (name) => id('tok', name);
// Credentials that are not simply a person's login. `sql`: how the row differs.
const tokens = {
  ownerReads: { of: 'owner', scope: 'read' }, ownerWrites: { of: 'owner', scope: 'write' }, ownerAdmin: { of: 'owner', scope: 'admin' },
  thisProject: { of: 'owner', scope: 'admin', project: ids.project }, otherProject: { of: 'owner', scope: 'admin', project: ids.otherProject },
  viewerAdmin: { of: 'viewer', scope: 'admin' }, raisedWrites: { of: 'raised', scope: 'write' },
  revoked: { of: 'owner', scope: 'admin', dead: 'revoked_at' }, expired: { of: 'owner', scope: 'admin', dead: 'expires_at' },
  ofInactive: { of: 'gone', scope: 'admin' },
};

// Everybody who can ask: { name, credential (null = none), valid, scope, project, role(of) }. scope of a login: admin.
export function identities() {
  const roles = (name) => {
    const inProject = higher(people[name][0], people[name][1]?.raised);
    return { organization: people[name][0], project: inProject, deployment: inProject, environment: inProject, check: inProject };
  };
  const bad = (name, credential) => ({ name, credential, valid: false });
  const login = (name) => ({ name, person: name, credential: sessionToken(user(name), session(name)), valid: !people[name][1]?.inactive,
    scope: 'admin', roles: roles(name) });
  return [
    bad('no credential', null), bad('garbage', 'garbage'), bad('an API token nobody made', tokenText('nobody made it')),
    bad('a login that has expired', sessionToken(user('owner'), session('owner'), { age: 7200 })),
    bad('a login that was ended', sessionToken(user('owner'), session('ended'))),
    bad('a login whose row has expired', sessionToken(user('owner'), session('over'))),
    ...Object.keys(people).filter((name) => name !== 'spare').map(login),
    ...Object.entries(tokens).map(([name, t]) => ({ name: `token ${name}`, person: t.of, credential: tokenText(name), scope: t.scope,
      valid: !t.dead && !people[t.of][1]?.inactive, project: t.project, roles: roles(t.of) })),
  ];
}

const order = [null, 'VIEWER', 'DEVELOPER', 'MAINTAINER', 'OWNER'];
export const rank = (role) => order.indexOf(role ?? null);
const higher = (a, b) => (rank(a) >= rank(b) ? a : b);

// What a path's parameters stand for when this identity asks.
export function fill(path, who) {
  return path.replace(/:(\w+)/g, (_, name) => {
    const value = { organization: ids.organization, project: ids.project, deployment: ids.deployment, delivery: 'hook_matrix', environment: ids.environment, key: 'KNOWN', notifier: ids.notifier, policy: ids.policy, check: ids.check, window: ids.window, slug: 'matrix', incident: ids.incident, file: 'app.js', decoy: '0'.repeat(40), user: ids.spare,
      token: token(`spare ${who.person}`), session: session(`spare ${who.person}`) }[name];
    if (!value) throw new Error(`tests/lib/world.mjs has nothing for :${name} of ${path}`);
    return value;
  });
}

const quoted = (value) => (value == null ? 'null' : `'${value}'`);
const list = (values) => values.map(quoted).join(', ');
const now = 'now()', later = "now() + interval '1 day'", before = "now() - interval '1 minute'";

function preview(deployment, project, number) {
  return `insert into previews (id, project_id, pr_number, title, branch, base_branch, author, html_url, from_fork, pr_open, pr_updated_at,
      reopened, desired, desired_why, sha, before_sha, changed_by, settled_generation, status, detail, visible)
    values ('${deployment}', '${project}', ${number}, 'x', 'x', 'main', 'x', '', false, true, now(), false, 'deployed', 'OPEN',
      '${'a'.repeat(40)}', '', 'x', 1, 'BUILDING', 'BUILDING', true);`;
}

function world() {
  const organizations = [ids.organization, ids.foreignOrganization], projects = [ids.project, ids.otherProject, ids.foreignProject];
  const names = Object.keys(people);
  const sessions = [...names.map((name) => [session(name), user(name), later, 'null']),
    ...names.map((name) => [session(`spare ${name}`), user(name), later, 'null']),
    [session('ended'), user('owner'), later, now], [session('over'), user('owner'), before, 'null']];
  const hashed = (name) => `sha256('${tokenText(name)}')`;
  return `
    delete from deliveries where repo_full_name like 'matrix/%';
    delete from previews where project_id in (${list(projects)});
    delete from projects where org_id in (${list(organizations)});
    delete from organizations where id in (${list(organizations)});
    delete from users where id in (${list(names.map(user))});
    insert into organizations (id, name, slug) values ('${organizations[0]}', 'Ours', 'matrix-ours'), ('${organizations[1]}', 'Foreign', 'matrix-foreign');
    insert into projects (id, org_id, name, repo_full_name) values ('${ids.project}', '${organizations[0]}', 'this', 'matrix/this'),
      ('${ids.otherProject}', '${organizations[0]}', 'other', 'matrix/other'), ('${ids.foreignProject}', '${organizations[1]}', 'foreign', 'matrix/foreign');
    update environments set id = '${ids.environment}' where project_id = '${ids.project}' and name = 'PREVIEW';
    update environments set id = '${ids.foreignEnvironment}' where project_id = '${ids.foreignProject}' and name = 'PREVIEW';
    insert into secret_policies (id, project_id, environment_id, name, key_pattern, rotate_every_days, generator, notify, verify, enabled, next_at)
      values ('${ids.policy}', '${ids.project}', '${ids.environment}', 'ours', '^NONE$', 30, '{"type":"uuid"}', true, true, true, ${later});
    insert into env_vars (id, environment_id, key, last_version) values ('${id('var', 'ours')}', '${ids.environment}', 'KNOWN', 1);
    insert into env_var_versions (var_id, version, state, sealed, key_id, mask, fingerprint, source)
      values ('${id('var', 'ours')}', 1, 'ACTIVE', '\\x00', '', '***', '', 'SET');
    insert into health_checks (id, project_id, name, url, enabled) values ('${ids.check}', '${ids.project}', 'ours', 'https://a.example/', false),
      ('${ids.foreignCheck}', '${ids.foreignProject}', 'foreign', 'https://a.example/', false);
    insert into status_pages (project_id, slug, title, enabled) values ('${ids.project}', 'matrix', 'ours', true);
    insert into health_incidents (id, project_id, check_id, began_at, message, cause, thread_key)
      values ('${ids.incident}', '${ids.project}', '${ids.check}', ${now}, 'x', 'x', 'incident:ours');
    insert into maintenance_windows (id, project_id, name, starts_at, ends_at) values ('${ids.window}', '${ids.project}', 'ours', ${now}, ${later});
    insert into project_notifiers (id, project_id, notifier, name, enabled) values ('${ids.notifier}', '${ids.project}', 'nowhere', 'ours', false);
    insert into deliveries (id, digest, event, action, repo_full_name, outcome, reason, decisions, payload, received_at)
      values ('hook_matrix', '\\x00', 'ping', '', 'matrix/this', 'ignored', 'x', '[]', '{}', now() + interval '1 s');
    insert into users (id, email, active) values ${names.map((n) => `('${user(n)}', '${n}@matrix.example', ${!people[n][1]?.inactive})`)};
    insert into members (org_id, user_id, role) values ${names.flatMap((n) => [
      people[n][0] && `('${organizations[0]}', '${user(n)}', '${people[n][0]}')`,
      people[n][1]?.foreign && `('${organizations[1]}', '${user(n)}', '${people[n][1].foreign}')`]).filter(Boolean)};
    insert into project_members (project_id, user_id, role) values ${names.filter((n) => people[n][1]?.raised)
    .map((n) => `('${ids.project}', '${user(n)}', '${people[n][1].raised}')`)};
    insert into sessions (id, user_id, expires_at, revoked_at) values ${sessions.map(([s, u, end, revoked]) => `('${s}', '${u}', ${end}, ${revoked})`)};
    insert into api_tokens (id, user_id, name, hash, scope, project_id, expires_at, lifetime, revoked_at) values
      ${[...Object.entries(tokens).map(([n, t]) => `('${token(n)}', '${user(t.of)}', '${n}', ${hashed(n)}, '${t.scope}', ${quoted(t.project)},
        ${t.dead === 'expires_at' ? before : later}, '1 day', ${t.dead === 'revoked_at' ? now : 'null'})`),
    ...names.map((n) => `('${token(`spare ${n}`)}', '${user(n)}', 'spare', ${hashed(`spare ${n}`)}, 'read', null, ${later}, '1 day', null)`)]};
    ${preview(ids.deployment, ids.project, 1)} ${preview(ids.foreignDeployment, ids.foreignProject, 1)}`;
}

export const makeWorld = () => run(`begin; ${world()} commit;`);
