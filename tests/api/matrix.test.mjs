// stack: --fast --env MOCK_BUILD_MS=200 --env SECURITY_CONTACT=mailto:security@example.com
// seconds: 300
// Every route of the running server with everybody who can ask. What must come out is computed from tests/contract/access-matrix.md, which
// was made by hand; the server is asked for its routes only to see that none is missing in it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { api, assertError } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { rows } from '../lib/sql.mjs';
import { eachOf } from '../lib/until.mjs';
import { fill, identities, ids, makeWorld, rank } from '../lib/world.mjs';

const names = { 401: 'UnauthorizedError', 403: 'ForbiddenError', 404: 'NotFoundError' };
const scopes = ['read', 'write', 'admin'];
const words = ['anyone', 'signature', 'user', 'self', 'VIEWER', 'DEVELOPER', 'MAINTAINER', 'OWNER'];

const table = readFileSync(new URL('../contract/access-matrix.md', import.meta.url), 'utf8').split('\n')
  .map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim())).filter((cells) => /^(GET|POST|PUT|PATCH|DELETE)$/.test(cells[0]))
  .map(([method, path, least, where, body]) => ({ method, path, least, where, body: body.replaceAll('`', '') || '{}' }));
const everybody = identities();

// What the table says for this identity: 200 stands for whatever the handler answers.
function expected({ method, least, where }, who) {
  const reads = method === 'GET';
  const allows = (scope) => scopes.indexOf(who.scope) >= scopes.indexOf(scope);
  if (least === 'anyone') return 200;
  if (least === 'signature' || !who.valid) return 401;
  if (least === 'self') return allows('admin') && !who.project ? 200 : 403;
  if (least === 'user') return allows(reads ? 'read' : 'admin') && !(who.project && !reads) ? 200 : 403;
  if (who.project && (where === 'organization' || who.project !== ids.project)) return 404;
  const role = who.roles[where];
  if (!role) return 404;
  if (rank(role) < rank(least)) return 403;
  return allows(reads ? 'read' : rank(least) <= rank('DEVELOPER') ? 'write' : 'admin') ? 200 : 403;
}

const ask = (route, who, path = fill(route.path, who), method = route.method) => api(method, path, { token: who.credential,
  ...(method === 'GET' || method === 'HEAD' ? {} : { body: route.body, headers: { 'content-type': 'application/json' } }) });

// What is in every table, without what merely says that somebody was seen, and what workers note by the clock. A refused login may be noted in the audit.
function checksums() {
  const tables = rows("select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'").map((t) => t.name)
    .filter((name) => !['plugins', 'audit_heads', 'login_failures', 'inventories'].includes(name));
  return rows(tables.map((name) => `select '${name}' as name, md5(string_agg(r, ',' order by r)) as sum from (
    select (to_jsonb(t) - array['last_seen_at', 'last_used_at'])::text as r from ${name} t
    ${name === 'audit_log' ? "where action not in ('login.failed', 'login.threshold')" : ''}) s`).join(' union all '));
}

before(makeWorld);

test('the table is whole: each route of the server is in it once, and no other', () => {
  const served = execFileSync(`${env.bin}/opshubd`, ['routes'], { encoding: 'utf8' }).trim().split('\n').map((line) => line.replace(/:\w+/g, ':'));
  assert.deepEqual(table.map(({ method, path }) => `${method} ${path.replace(/:\w+/g, ':')}`).sort(), served.sort());
  for (const route of table) {
    assert.ok(words.includes(route.least), `${route.path}: ${route.least}`);
    assert.equal(route.where !== '-', words.indexOf(route.least) > 3, route.path);
    JSON.parse(route.body);
  }
  assert.ok(everybody.length >= 9);
});

for (const route of table) {
  const refused = everybody.filter((who) => expected(route, who) !== 200);
  if (refused.length === 0) continue;
  test(`${route.method} ${route.path} is refused to ${refused.length} of ${everybody.length}, and changes nothing`, async () => {
    const was = checksums();
    await eachOf(refused, 6, async (who) => {
      const answer = await ask(route, who), status = expected(route, who);
      assert.equal(answer.status, status, `${who.name}: ${answer.status} instead of ${status}: ${answer.text}`);
      assertError(answer, status, names[status]);
      if (route.method !== 'GET') return;
      const headed = await ask(route, who, undefined, 'HEAD');
      assert.deepEqual([headed.status, headed.text], [status, ''], `HEAD by ${who.name}`);
    });
    assert.deepEqual(checksums(), was);
  });
}

for (const route of table) {
  const allowed = everybody.filter((who) => expected(route, who) === 200);
  if (allowed.length === 0) continue;
  test(`${route.method} ${route.path} is open to ${allowed.length} of ${everybody.length}`, async () => {
    for (const who of allowed) {
      const answer = await ask(route, who);
      assert.ok(answer.status < 500 && ![401, 403, 404].includes(answer.status), `${who.name}: ${answer.status} ${answer.text}`);
      if (route.method !== 'GET' && answer.status < 400) makeWorld();
    }
  });
}

const named = { organization: ['foreignOrganization', 'org_'], project: ['foreignProject', 'proj_'], deployment: ['foreignDeployment', 'deploy_'],
  environment: ['foreignEnvironment', 'env_'], check: ['foreignCheck', 'check_'] };

for (const route of table.filter(({ where }) => where !== '-')) {
  test(`${route.method} ${route.path}: what is another's looks like what is not there`, async () => {
    const owner = everybody.find((who) => who.name === 'owner');
    const [foreign, prefix] = named[route.where];
    const seen = [];
    for (const id of [ids[foreign], `${prefix}0${'9'.repeat(25)}`, `${prefix}x`, 'nonsense', '%c3%a4', "'%20or%201=1--"]) {
      const answer = await ask(route, owner, fill(route.path.replace(`:${route.where}`, id), owner));
      assertError(answer, 404, 'NotFoundError');
      seen.push(answer.json.message.replace(decodeURIComponent(id), '<id>'));
    }
    assert.deepEqual([...new Set(seen)], [seen[0]]);
  });
}

test('a deployment or a health check is not found under another project than its own', async () => {
  const owner = everybody.find((who) => who.name === 'owner');
  for (const route of table.filter(({ path }) => /^\/projects\/:project\/(deployments\/:deployment|health-checks\/:check)/.test(path))) {
    for (const project of [ids.otherProject, ids.foreignProject]) {
      assertError(await ask(route, owner, fill(route.path.replace(':project', project), owner)), 404, 'NotFoundError');
    }
  }
});
