// stack: --api 1 --env RATE_LIMIT_GENERAL=200 --env RETENTION_SWEEP_MS=86400000
// The public status page: who sets it, what everybody sees and what nobody does, its badge, and what it costs.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { api, assertError, get, login } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { addCheck, addRollup, checkId } from '../lib/health-rows.mjs';
import { part } from '../lib/part.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { eachOf, until } from '../lib/until.mjs';

const settings = `/projects/${env.project}/status-page`;
const put = (body, options) => api('PUT', settings, { body, ...options });
const open = (path, options) => get(`/status/${path}`, { token: null, ...options });
const OK = { status: "'OK'", last_checked_at: 'now()' };
const incident = (name, began, ended, flapping = false) => run(`insert into health_incidents (id, project_id, check_id, began_at, ended_at, error, message, cause, flapping, thread_key,
    note, acknowledged_by)
  values ('inc_' || gen_random_uuid(), '${env.project}', '${checkId(name)}', now() - interval '${began}', ${ended ? `now() - interval '${ended}'` : 'null'}, 'DNS_FAILED',
    'secret-message of https://target.example/secret-path', 'secret-cause', ${flapping}, 'x', 'secret-note', 'secret-person')`);
// What is cached must be over before a change is seen.
const page = (slug, look) => until(`${slug} is as it should be`, async () => {
  const answer = await open(`${slug}/status.json`);
  return answer.status === 200 && look(answer.json) && answer.json;
}, { seconds: 30 });
const gone = (slug) => until(`${slug} is gone`, async () => (await open(slug)).status === 404, { seconds: 30 });

test('settings: off at first, faults by name, one address for one project', async () => {
  const first = await get(settings);
  assert.deepEqual(first.json, { enabled: false, slug: null, title: 'hello-world', checkIds: null, url: null, updatedAt: null }, first.text);
  const check = addCheck('Shop', { state: OK });
  for (const [body, field] of [
    [{ slug: 'demo' }, 'enabled'], [{ enabled: true }, 'slug'], [{ enabled: true, slug: 'ab' }, 'slug'], [{ enabled: true, slug: 'x'.repeat(65) }, 'slug'],
    [{ enabled: true, slug: 'Demo' }, 'slug'], [{ enabled: true, slug: '-demo' }, 'slug'], [{ enabled: true, slug: 'demo-' }, 'slug'], [{ enabled: true, slug: 'dé-mo' }, 'slug'],
    [{ enabled: true, slug: '../x' }, 'slug'], [{ enabled: true, slug: 'demo', title: 'x'.repeat(121) }, 'title'], [{ enabled: true, slug: 'demo', title: ' ' }, 'title'],
    [{ enabled: true, slug: 'demo', checkIds: 'all' }, 'checkIds'], [{ enabled: true, slug: 'demo', checkIds: [1] }, 'checkIds'], [{ enabled: true, slug: 'demo', checkIds: [''] }, 'checkIds'],
    [{ enabled: true, slug: 'demo', checkIds: Array(101).fill(check) }, 'checkIds'], [{ enabled: true, slug: 'demo', checkIds: [check, 'check_of-somebody-else'] }, 'checkIds'],
    [{ enabled: true, slug: 'demo', color: 'red' }, 'color'],
  ]) {
    const answer = await put(body);
    assertError(answer, 422, 'ValidationError');
    assert.equal(answer.json.details[0].field, field, answer.text);
  }
  const several = await put({ enabled: true, slug: 'demo', title: 7, checkIds: [check, ''] });
  assert.deepEqual(several.json.details.map((detail) => detail.field).sort(), ['checkIds', 'title'], 'all of them at once');
  assertError(await put({ enabled: true, slug: 'demo' }, { token: await login('developer') }), 403, 'ForbiddenError');
  const set = await put({ enabled: true, slug: 'demo', checkIds: [check] });
  assert.equal(set.status, 200, set.text);
  assert.deepEqual({ ...set.json, updatedAt: 'x' }, { enabled: true, slug: 'demo', title: 'hello-world', checkIds: [check], url: `${env.api}/status/demo`, updatedAt: 'x' });
  assert.deepEqual((await get(settings, { token: await login('viewer') })).json, set.json);
  assert.equal((await put({ enabled: true, slug: 'demo', title: 'Our shop' })).status, 200);
  const [changed, made] = rows("select after::jsonb as became, before as was from audit_log where action = 'status_page.change' order by seq desc limit 2");
  assert.deepEqual(made, { became: { slug: 'demo', title: 'hello-world', enabled: true, checkIds: [check] }, was: '' });
  assert.deepEqual(changed.became, { title: 'Our shop', checkIds: null });
  run(`insert into projects (id, org_id, name, repo_full_name) values ('proj_second', 'org_demo', 'Second', 'demo/second')`);
  const taken = await api('PUT', '/projects/proj_second/status-page', { body: { enabled: true, slug: 'demo' } });
  assertError(taken, 409, 'ConflictError');
  assert.match(taken.json.message, /send another slug/);
});

test('everybody sees names, states, uptime, days and incidents, and nothing else', async () => {
  addCheck('Database', { state: { status: "'DEGRADED'", last_checked_at: 'now()', last_error: "'secret-error'" } });
  addCheck('Search', { state: { ...OK, flapping: 'true' } });
  addCheck('Mail', { enabled: false });
  addCheck('Silent', { state: { status: "'OK'", last_checked_at: "now() - interval '10 minutes'" } });
  addCheck('New');
  addRollup(checkId('Shop'), "now() - interval '3 hours'", { ok: 999, failed: 1 });
  addRollup(checkId('Shop'), "now() - interval '40 days'", { ok: 5, failed: 5 });
  addRollup(checkId('Shop'), "now() - interval '95 days'", { failed: 5 });
  incident('Database', '2 hours');
  incident('Shop', '3 days', '71 hours', true);
  incident('Search', '30 days', '20 days');
  const seen = await page('demo', (json) => json.checks.length === 6 && json.checks.some((check) => check.name === 'New'));
  assert.deepEqual(seen.checks.map((check) => [check.name, check.state]), [['Database', 'DEGRADED'], ['Mail', 'PAUSED'], ['New', 'UNKNOWN'], ['Search', 'FLAPPING'],
    ['Shop', 'OPERATIONAL'], ['Silent', 'UNKNOWN']]);
  assert.equal(seen.state, 'DEGRADED');
  assert.equal(seen.title, 'Our shop');
  assert.ok(Math.abs(Date.parse(seen.asOf) - Date.now()) < 60_000);
  const shop = seen.checks[4];
  assert.deepEqual(shop.uptime, { '24h': 99.9, '7d': 99.9, '30d': 99.9, '90d': 99.405 });
  assert.equal(shop.days.length, 90);
  assert.deepEqual(shop.days.filter((day) => day.ok + day.failed).map((day) => day.ok), [5, 999]);
  assert.ok(shop.days.every((day, i) => i === 0 || Date.parse(day.day) - Date.parse(shop.days[i - 1].day) === 86_400_000), 'one day after another');
  assert.deepEqual(seen.incidents.map((one) => [one.check, one.endedAt === null, one.flapping]), [['Database', true, false], ['Shop', false, true]]);

  const html = await open('demo');
  assert.match(html.headers.get('content-type'), /^text\/html; charset=utf-8$/);
  for (const text of ['Our shop', 'Something does not work as it should.', 'Does not work', 'Comes and goes', 'Not looked at: switched off', 'Not known: no recent result', '99.9 %',
    '99.405 %', 'no result', 'Open incidents', 'Incidents of the last 14 days', 'As of']) assert.ok(html.text.includes(text), `"${text}" in ${html.text}`);
  assert.match(html.text, /aria-label="The last 90 days: 0 without a failure, 1 with few failures, 1 with more, 88 without results\."/);
  for (const everything of [html.text, JSON.stringify(seen), (await open('demo/badge.svg')).text]) assert.doesNotMatch(everything, /secret|target\.example|demo\.opshub|proj_|DNS_FAILED/);
});

test('it runs no script, needs no file, and may be kept for half a minute', async () => {
  const { text, headers } = await open('demo');
  assert.doesNotMatch(text, /<script|<link|<img|<iframe|@import|url\(|style=| on[a-z]+=|https?:/i);
  const style = /<style>(.*)<\/style>/s.exec(text)[1];
  const hash = createHash('sha256').update(style).digest('base64');
  assert.equal(headers.get('content-security-policy'),
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`);
  assert.match(style, /prefers-color-scheme:dark/);
  assert.equal((text.match(/<h1>/g) ?? []).length, 1);
  for (const tag of ['section', 'ul', 'li', 'dl', 'dt', 'dd', 'svg', 'bdi', 'main', 'footer', 'div', 'p', 'h2']) {
    assert.equal((text.match(new RegExp(`<${tag}[ >]`, 'g')) ?? []).length, (text.match(new RegExp(`</${tag}>`, 'g')) ?? []).length, tag);
  }
  for (const path of ['demo', 'demo/status.json', 'demo/badge.svg']) {
    const answer = await open(path);
    assert.equal(answer.headers.get('cache-control'), 'public, max-age=30');
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(answer.headers.get('set-cookie'), null);
    assert.match(answer.headers.get('content-security-policy'), /default-src 'none'/);
    await until(`304 of ${path}`, async () => { // the page may be read anew between the two
      const tag = (await open(path)).headers.get('etag');
      return (await open(path, { headers: { 'if-none-match': tag } })).status === 304;
    });
    assert.equal((await api('HEAD', `/status/${path}`, { token: null })).text, '');
  }
});

test('badges: of the page and of one check, with a label of its own', async () => {
  const badge = async (query = '') => (await open(`demo/badge.svg${query}`)).text;
  const answer = await open('demo/badge.svg');
  assert.equal(answer.headers.get('content-type'), 'image/svg+xml');
  assert.equal(answer.headers.get('cross-origin-resource-policy'), 'cross-origin');
  assert.match(answer.text, /<title id="t">Our shop: degraded<\/title>/);
  assert.match(await badge(`?check=${checkId('Shop')}`), /<title id="t">Shop: up<\/title>/);
  assert.match(await badge(`?check=${checkId('New')}&label=api`), /<title id="t">api: unknown<\/title>/);
  assert.match(await badge(`?label=${encodeURIComponent('<b>"&\u202Ex')}`), /<title id="t">&lt;b&gt;&quot;&amp;\uFFFDx: degraded<\/title>/);
  assertError(await open('demo/badge.svg?check=check_x'), 404, 'NotFoundError');
  assertError(await open(`demo/badge.svg?label=${'x'.repeat(65)}`), 422, 'ValidationError');
  assertError(await open('demo/badge.svg?label='), 422, 'ValidationError');
});

test('what people call their checks is text, wherever it stands', async () => {
  const names = ['<script>alert(1)</script>', '"\' onload=alert(1) x=\'', ']]></svg><svg onload=alert(1)>', '\u202Eevil\u2066', '&amp; {{7*7}} ${7*7} %s %n'];
  for (const name of names) addCheck(name, { state: OK });
  incident(names[0], '1 hour');
  assert.equal((await put({ enabled: true, slug: 'demo', title: names[2], checkIds: names.map(checkId) })).status, 200);
  const seen = await page('demo', (json) => json.checks.length === names.length);
  assert.deepEqual(seen.checks.map((check) => check.name), names, 'in the order of checkIds, and whole');
  const raw = await open('demo/status.json');
  assert.doesNotMatch(raw.text, /<\/s/);
  for (const text of [(await open('demo')).text, (await open('demo/badge.svg')).text, (await open(`demo/badge.svg?check=${checkId(names[1])}`)).text]) {
    assert.doesNotMatch(text, /<script|<svg onload|"' on|[\u202A-\u202E\u2066-\u2069]/);
  }
  const html = (await open('demo')).text;
  assert.ok(html.includes('&lt;script&gt;alert(1)&lt;/script&gt;') && html.includes('&amp;amp; {{7*7}} ${7*7} %s %n') && html.includes('\uFFFDevil\uFFFD'), html);
});

test('a page that is off cannot be told from one that never was', async () => {
  const never = await open('never-was');
  assertError(never, 404, 'NotFoundError');
  await put({ enabled: false, slug: 'demo' });
  await gone('demo');
  const plain = ({ json }) => ({ ...json, requestId: 'x' });
  const shape = (answer) => [...answer.headers.keys()].filter((name) => !name.startsWith('x-ratelimit'));
  for (const path of ['', '/status.json', '/badge.svg']) {
    const off = await open(`demo${path}`), none = await open(`never-was${path}`);
    assert.deepEqual([off.status, plain(off), shape(off)], [404, plain(none), shape(none)], path);
  }
  for (const odd of ['DEMO', 'demo%00', 'demo%2e', 'x'.repeat(2000), '%F0%9F%92%A9', "demo'--"]) assert.ok([400, 404].includes((await open(odd)).status), odd);
  assert.equal((await get(settings)).json.url, null);
  await put({ enabled: true, slug: 'demo-two' });
  await page('demo-two', () => true);
  assert.equal((await open('demo')).status, 404, 'the former address is nobody\'s');
  run(`update projects set deleting_at = now() where id = '${env.project}'`);
  await gone('demo-two');
  run(`update projects set deleting_at = null where id = '${env.project}'`);
  await page('demo-two', () => true);
});

test('a check that is gone is gone from the page, which can be saved as it is; one of checks that are switched off says so', async () => {
  const ids = [addCheck('Off', { enabled: false }), addCheck('Gone', { state: OK })];
  assert.equal((await put({ enabled: true, slug: 'demo-two', checkIds: ids })).status, 200);
  run(`delete from health_checks where id = '${ids[1]}'`);
  const { json: { enabled, slug, title, checkIds } } = await get(settings);
  assert.deepEqual(checkIds, [ids[0]]);
  const saved = await put({ enabled, slug, title, checkIds });
  assert.equal(saved.status, 200, saved.text);
  assert.equal((await page('demo-two', (json) => json.checks.length === 1)).state, 'PAUSED');
  assert.match((await open('demo-two')).text, /switched off/);
  assert.match((await open('demo-two/badge.svg')).text, /: paused</);
  run(`delete from health_checks where id = '${ids[0]}'`);
  assert.deepEqual((await get(settings)).json.checkIds, [], 'none is not all');
  assert.equal((await put({ enabled, slug, title, checkIds: null })).status, 200);
  await page('demo-two', (json) => json.checks.length > 1);
});

test('many look at it at the cost of one; whoever guesses addresses is limited', async () => {
  await page('demo-two', () => true);
  const before = one('select coalesce(sum(seq_scan + idx_scan), 0)::int as n from pg_stat_user_tables where relname = \'status_pages\'').n;
  const began = Date.now();
  const answers = await eachOf(Array.from({ length: 600 }), 30, () => open('demo-two'));
  const seconds = (Date.now() - began) / 1000;
  assert.ok(answers.every((answer) => answer.status === 200), 'nobody is limited');
  const scans = await until('the statistics are written', () => {
    run('select pg_stat_force_next_flush()');
    return one('select coalesce(sum(seq_scan + idx_scan), 0)::int as n from pg_stat_user_tables where relname = \'status_pages\'').n;
  }) - before;
  assert.ok(scans <= 4 + seconds, `${scans} readings in ${seconds} s`);
  const again = await eachOf(Array.from({ length: 50 }), 10, () => open('nobody-has-this'));
  assert.ok(again.filter((answer) => answer.status === 404).length >= 45, 'what is remembered costs nothing');
  const guesses = await eachOf(Array.from({ length: 260 }), 10, (_, i) => open(`guess-${i}`));
  const limited = guesses.filter((answer) => answer.status === 429);
  assert.ok(limited.length > 0, 'guessing is limited');
  assert.ok(limited[0].headers.get('retry-after'));
  assert.equal((await open('demo-two')).status, 200, 'who is limited can still look at a page that others look at');
});

test('while PostgreSQL hangs one waits to see whether it does; all others get the last page at once', { timeout: 60_000 }, async () => {
  await page('demo-two', () => true);
  await part('pg', 'pause');
  try {
    const took = async () => {
      const began = performance.now(), { status } = await open('demo-two');
      assert.equal(status, 200);
      return performance.now() - began;
    };
    await until('a reading has failed', async () => await took() > 2000, { seconds: 30 });
    // All of them within the time that a page from memory takes; the reading that fails lasts for seconds.
    const times = await Promise.all(Array.from({ length: 20 }, took));
    assert.ok(times.every((ms) => ms < 2000), `${times.map(Math.round)}`);
  } finally {
    await part('pg', 'resume');
  }
  await page('demo-two', () => true);
});
