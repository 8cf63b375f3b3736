// stack: --fast --no-daemon --env PLUGINS_ALLOW_PRIVATE=vercel,mock --env REPAIR_MS=500 --env SWEEP_MS=200 --env MOCK_BUILD_MS=200
// seconds: 180
// Each READY preview has a health check, which follows its URL and goes with it; what its provider wants to be sent with requests is kept for it.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { api, assertError, get, post } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { fakeVercel } from '../lib/fake-vercel.mjs';
import { commit, deliver, ofRepository, pullRequest } from '../lib/github.mjs';
import { daemon } from '../lib/github-login.mjs';
import { part } from '../lib/part.mjs';
import { audit, faultyFields, organization, person, project } from '../lib/people.mjs';
import { keyName, open, openProjectKey, seal } from '../lib/sealing.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

const bypass = 'bypassSecretOfTheShop0123456789a';
let vercel, owner, org, shop, mocked, number = 0;
const token = () => ({ token: owner.token });
const event = (p, action, pr, more) => deliver('pull_request', ofRepository(pullRequest(action, pr, more), p.repoFullName));
const newest = async (p, pr) => (await get(`/projects/${p.id}/deployments?pr=${pr}`, token())).json[0];
const checks = async (p) => (await get(`/projects/${p.id}/health-checks`, token())).json;
const patch = (check, body) => api('PATCH', `/health-checks/${check.id}`, { ...token(), body });

const seen = (p, pr, what, check) => until(`PR ${pr}: ${what}`, async () => {
  const d = await newest(p, pr);
  if (d && check(d)) return d;
  throw new Error(JSON.stringify(d));
}, { seconds: 60 });
const ready = (p, pr, sha) => seen(p, pr, 'READY', (d) => d.status === 'READY' && (!sha || d.sha === sha));
const only = async (p, d) => (await checks(p)).filter((check) => check.previewId === d.id);
const gone = (p, d) => until('its check is gone', async () => (await only(p, d)).length === 0, { seconds: 60 });

before(async () => {
  vercel = await fakeVercel();
  daemon.set({ ROTATION_RETRY_MS: '300', VERCEL_API_BASE: `${vercel.url}/`, USE_MOCK_PROVIDER: '0', PLUGINS_ALLOW_PRIVATE: 'vercel,mock' });
  await part('opshubd', 'start');
  owner = await person('owner');
  org = await organization(owner);
  shop = await project(org, owner, { name: 'shop' });
  mocked = await project(org, owner);
  const settings = { provider: 'VERCEL', vercelToken: vercel.token, vercelProjectId: vercel.project.id, vercelTeamId: 'team_acme', vercelProtectionBypass: bypass };
  for (const [p, body] of [[shop, settings], [mocked, { provider: 'mock' }]]) {
    const answer = await api('PUT', `/projects/${p.id}/provider`, { ...token(), body });
    assert.equal(answer.status, 200, answer.text);
  }
});
after(() => vercel.close());

test('a preview that is READY has a check, which follows its URL and is gone with it', async () => {
  const pr = ++number;
  await event(shop, 'opened', pr);
  const first = await ready(shop, pr);
  const [check, ...more] = await only(shop, first);
  assert.deepEqual(more, []);
  assert.deepEqual([check.name, check.url, check.method, check.intervalSec, check.enabled], [`Preview #${pr}`, first.url, 'GET', 60, true]);
  assert.match(check.id, /^check_[0-9a-z]{26}$/);

  const own = await patch(check, { failureThreshold: 7, expectedMax: 404, headers: [{ name: 'X-Own', value: 'of the user' }] });
  assert.equal(own.status, 200, own.text);
  for (const [field, value] of [['url', 'https://elsewhere.example.org/'], ['name', 'Mine']]) assert.deepEqual(faultyFields(await patch(check, { [field]: value })), [field]);
  assert.equal((await patch(check, { url: check.url, name: check.name })).status, 200, 'what is sent back as it was is no change');
  assertError(await api('DELETE', `/health-checks/${check.id}`, token()), 409, 'ConflictError');

  const urls = new Set();
  await event(shop, 'synchronize', pr, { sha: commit('pushed'), branch: `feature-${pr}` });
  await until('the newer commit is READY', async () => {
    const [now] = await only(shop, first), d = await newest(shop, pr);
    assert.equal(now?.id, check.id, 'it stays while the newer commit is built');
    urls.add(now.url);
    return d.status === 'READY' && d.sha === commit('pushed') && now.url === d.url;
  }, { seconds: 60 });
  assert.ok(urls.size <= 2, [...urls].join());
  const [kept] = await only(shop, first);
  assert.deepEqual([kept.failureThreshold, kept.expectedMax, kept.headers[0].name], [7, 404, 'X-Own']);

  await event(shop, 'closed', pr, { sha: commit('pushed'), branch: `feature-${pr}` });
  await seen(shop, pr, 'DESTROYED', (d) => d.status === 'DESTROYED');
  await gone(shop, first);
});

const dataKey = (p) => openProjectKey(Buffer.from(process.env.ENCRYPTION_KEY_BASE64, 'base64'), p.id,
  Buffer.from(one(`select encode(wrapped, 'hex') as wrapped from project_keys where project_id = '${p.id}'`).wrapped, 'hex'));

// The headers of what answers at the preview's URL, opened; null: there are none.
function headersOf(d, p) {
  const row = one(`select attempt_id, sealed from preview_probe_headers('${d.id}')`);
  if (!row?.sealed) return row && null;
  return open(dataKey(p), ['attempt_probe_headers', row.attempt_id], Buffer.from(row.sealed, 'hex')).toString();
}
const sealedRows = (d) => rows(`select a.state, a.status from attempt_probe_headers h join preview_attempts a on a.id = h.attempt_id where a.preview_id = '${d.id}'`);

test('what Vercel wants to be sent is sealed for the deployment that answers, and goes with it', async () => {
  const pr = ++number;
  await event(shop, 'opened', pr);
  const d = await ready(shop, pr);
  assert.equal(headersOf(d, shop), `x-vercel-protection-bypass: ${bypass}\n`);
  await event(shop, 'synchronize', pr, { sha: commit('second'), branch: `feature-${pr}` });
  await ready(shop, pr, commit('second'));
  assert.equal(headersOf(await newest(shop, pr), shop), `x-vercel-protection-bypass: ${bypass}\n`);
  await until('those of the older deployment went with it', () => sealedRows(d).length === 1, { seconds: 60 });
  await event(shop, 'closed', pr, { sha: commit('second'), branch: `feature-${pr}` });
  await seen(shop, pr, 'DESTROYED', (x) => x.status === 'DESTROYED');
  assert.deepEqual(sealedRows(d), []);
});

test('a provider that wants nothing sent; a build that fails leaves no check, or the one that is up', async () => {
  const failing = ++number, pr = ++number;
  await event(mocked, 'opened', failing, { branch: 'mock-fail-build' });
  const failed = await seen(mocked, failing, 'ERROR', (d) => d.status === 'ERROR');
  await event(mocked, 'opened', pr);
  const d = await ready(mocked, pr);
  assert.deepEqual([await only(mocked, failed), headersOf(d, mocked)], [[], null]);
  const [check] = await only(mocked, d);
  await event(mocked, 'synchronize', pr, { branch: 'mock-fail-build', sha: commit('broken') });
  await seen(mocked, pr, 'ERROR', (x) => x.status === 'ERROR');
  assert.deepEqual((await only(mocked, d)).map((one) => [one.id, one.url]), [[check.id, check.url]], 'what was READY before is still up');
  await post(`/deployments/${d.id}/destroy`, token());
  await gone(mocked, d);
});

test('a project may do without; all come back with it', async () => {
  const pr = ++number, later = ++number;
  const set = async (previewChecks) => {
    const answer = await api('PATCH', `/projects/${mocked.id}`, { ...token(), body: { previewChecks } });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json.previewChecks, previewChecks);
    assert.equal((await get(`/projects/${mocked.id}`, token())).json.previewChecks, previewChecks);
  };
  assert.equal((await get(`/projects/${mocked.id}`, token())).json.previewChecks, true);
  const own = await post(`/projects/${mocked.id}/health-checks`, { ...token(), body: { name: 'Own', url: 'https://shop.example.org/' } });
  assert.equal(own.status, 201, own.text);
  await event(mocked, 'opened', pr);
  const d = await ready(mocked, pr);
  assert.equal((await only(mocked, d)).length, 1);
  await set(false);
  assert.deepEqual((await checks(mocked)).map((check) => check.id), [own.json.id]);
  await event(mocked, 'opened', later);
  const second = await ready(mocked, later);
  assert.deepEqual(await only(mocked, second), []);
  await set(true);
  for (const preview of [d, second]) assert.deepEqual((await only(mocked, preview)).map((check) => check.url), [preview.url]);
  await set(true);
  assert.equal((await checks(mocked)).length, 3);
  assert.deepEqual(audit(org, 'project.update').map((row) => row.after), [{ previewChecks: false }, { previewChecks: true }, {}]);
  assertError(await api('PATCH', `/projects/${mocked.id}`, { ...token(), body: { previewChecks: 'no' } }), 422, 'ValidationError');
});

// The mock cloud behind a login: its pages answer 401 without the header. Before a deployment is made, what lets one in is written down for it.
function guarded(p) {
  const server = createServer((request, answer) => {
    const own = `http://127.0.0.1:${server.address().port}`, parts = [];
    request.on('data', (part) => parts.push(part)).on('end', async () => {
      if (!request.url.startsWith('/v1/')) {
        const isIn = request.headers['x-let-me'] === 'in please';
        server.pages.push(isIn);
        return answer.writeHead(isIn ? 200 : 401).end();
      }
      if (request.method === 'POST' && request.url === '/v1/deployments') {
        const { id } = one(`select a.id from preview_attempts a join previews v on v.id = a.preview_id where v.project_id = '${p.id}' order by a.created_at desc limit 1`);
        run(`insert into attempt_probe_headers values ('${id}', '\\x${seal(dataKey(p), ['attempt_probe_headers', id], 'x-let-me: in please\n').toString('hex')}', '${keyName(dataKey(p))}')`);
      }
      const { 'content-length': _, host, connection, 'transfer-encoding': __, ...headers } = request.headers;
      const from = await fetch(env.cloud + request.url, { method: request.method, headers, body: parts.length ? Buffer.concat(parts) : undefined });
      const text = (await from.text()).replaceAll(env.cloud, own);
      answer.writeHead(from.status, { 'content-type': from.headers.get('content-type') ?? 'application/json' }).end(text);
    });
  });
  server.pages = [];
  return new Promise((resolve) => { server.listen(0, '127.0.0.1', () => resolve(server)); });
}

test('probes, and the look of a rotation at its trial, are sent with them', async () => {
  const p = await project(org, owner), pr = ++number, server = await guarded(p);
  try {
    const environment = (await get(`/projects/${p.id}/environments`, token())).json.find((e) => e.name === 'PREVIEW');
    const set = await post(`/environments/${environment.id}/envvars`, { ...token(), body: { key: 'API_TOKEN', value: 'the first value of it' } }); // makes the project's key
    assert.equal(set.status, 201, set.text);
    const answer = await api('PUT', `/projects/${p.id}/provider`, { ...token(), body: { provider: 'mock', url: `http://127.0.0.1:${server.address().port}` } });
    assert.equal(answer.status, 200, answer.text);
    await event(p, 'opened', pr);
    const d = await ready(p, pr);
    const [check] = await only(p, d);
    const looked = await post(`/health-checks/${check.id}/run`, { ...token(), timeout: 60_000 });
    assert.deepEqual([looked.status, looked.json.statusCode], [200, 200], looked.text);
    const begun = await post(`/projects/${p.id}/rotate`, { ...token(), body: { keys: ['API_TOKEN'], generator: { type: 'uuid' } } });
    assert.equal(begun.status, 202, begun.text);
    const done = await until('the rotation has ended', async () => {
      const [r] = (await get(`/projects/${p.id}/rotations`, token())).json;
      return r.endedAt && r;
    }, { seconds: 90 });
    assert.deepEqual([done.state, done.reason], ['DONE', `tried with the preview of #${pr}, whose page answered`]);
    assert.ok(server.pages.length >= 2 && server.pages.every(Boolean), JSON.stringify(server.pages));
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('a preview nobody wants any more loses its check at once', () => {
  const [check] = rows(`select preview_id from health_checks where preview_id is not null`);
  run(`begin; update previews set desired = 'destroyed', desired_why = 'CLOSED' where id = '${check.preview_id}';
    do $$ begin if exists (select from health_checks where preview_id = '${check.preview_id}') then raise exception 'it is there'; end if; end $$; rollback;`);
  run(`begin; update previews set visible = false where id = '${check.preview_id}';
    do $$ begin if exists (select from health_checks where preview_id = '${check.preview_id}') then raise exception 'it is there'; end if; end $$; rollback;`);
});
