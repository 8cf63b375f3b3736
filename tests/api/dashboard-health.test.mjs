// The dashboard's page of health, in a real browser: checks, looking at one now, incidents, windows of maintenance.
// stack: --fast --env MOCK_BUILD_MS=200
// seconds: 240
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { deployment, get } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { deliver, pullRequest } from '../lib/github.mjs';
import { hasBrowser, openPage } from '../lib/page.mjs';
import { one, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

const skip = !hasBrowser && 'there is no chromium here';
let page;

const checks = async () => Object.fromEntries((await get(`/projects/${env.project}/health-checks`)).json.map((c) => [c.name, c]));
const fill = (values) => page.run(Object.entries(values).map(([id, value]) => `document.getElementById('${id}').value = ${JSON.stringify(value)}`).join(';'));
const submit = (id) => page.run(`document.getElementById('${id}').requestSubmit()`);
const click = (label) => page.run(`document.querySelector('[aria-label="${label}"]').click()`);
const has = (id, part) => page.until(`document.getElementById('${id}').textContent.includes(${JSON.stringify(part)})`);
const rowSays = (name, part) => page.until(`[...document.querySelectorAll('#check-rows tr')].some((tr) => tr.cells[0].firstChild.textContent === '${name}' && tr.textContent.includes('${part}'))`);

before(async () => {
  await deliver('pull_request', pullRequest('opened', 1));
  await deployment(1, 'READY', { seconds: 60 });
  if (skip) return;
  page = await openPage(`${env.api}/#health`);
  await page.until("document.getElementById('login-test') && !document.getElementById('login-test').hidden");
  await page.run("document.getElementById('login-test').requestSubmit()");
  await page.until("!document.getElementById('health').hidden");
});
after(() => page?.close());

test('the check of a preview is there, and is looked at now with all phases', { skip }, async () => {
  await rowSays('Preview #1', 'http');
  assert.equal(await page.run(`document.querySelector('[aria-label="Delete Preview #1"]')`), null, 'it goes with its preview');
  await page.run(`document.querySelector('[aria-label="Run Preview #1"]').focus()`);
  await click('Run Preview #1');
  await has('run-heading', 'Preview #1: good');
  for (const part of ['200', 'connect', 'first byte', 'in all']) await has('run-phases', part);
  await rowSays('Preview #1', 'ms');
  assert.equal(await page.run('document.activeElement.ariaLabel'), 'Run Preview #1', 'the focus stayed, although the rows are new');
  await page.until(`document.querySelector('#check-rows .bar').ariaLabel.startsWith('Last 24 hours')`);
});

test('a check is added, changed without its secret being seen, switched off and deleted', { skip }, async () => {
  await fill({ 'check-name': 'Shop <b>', 'check-url': 'https://shop.example.org/', 'check-headers': 'Authorization: Bearer S3cret\nX-Own: y', 'check-interval': '3600', 'check-latency': '1500' });
  await submit('check-form');
  await rowSays('Shop <b>', 'https://shop.example.org/');
  const made = (await checks())['Shop <b>'];
  assert.deepEqual([made.intervalSec, made.maxLatencyMs, made.headers.map((h) => [h.name, h.value])], [3600, 1500, [['Authorization', '***'], ['X-Own', '***']]]);
  const sealed = () => one(`select encode(sealed, 'hex') as sealed from health_check_headers where check_id = '${made.id}' and name = 'Authorization'`).sealed;
  const before = sealed();
  await click('Edit Shop <b>');
  await has('check-heading', 'Change Shop <b>');
  assert.equal(await page.run("document.getElementById('check-headers').value"), 'Authorization: ***\nX-Own: ***');
  await fill({ 'check-failures': '7' });
  await submit('check-form');
  await until('it is changed', async () => (await checks())['Shop <b>'].failureThreshold === 7);
  assert.equal(sealed(), before);
  await has('check-heading', 'Add a health check');
  await click('Disable Shop <b>');
  await rowSays('Shop <b>', 'OFF');
  await click('Enable Shop <b>');
  await page.until(`document.querySelector('[aria-label="Disable Shop <b>"]')`);
  await fill({ 'check-name': 'Bad', 'check-url': 'http://169.254.169.254/' });
  await submit('check-form');
  await has('error', 'url');
  await click('Delete Shop <b>');
  await until('it is gone', async () => !(await checks())['Shop <b>']);
});

test('what a check expects and depends on is filled in, and stays when it is changed', { skip }, async () => {
  await fill({ 'check-name': 'API', 'check-url': 'https://api.example.org/', 'check-interval': '3600', 'check-matches': '^.*fine', 'check-path': '$.status', 'check-equals': 'ok', 'check-redirects': '2', 'check-http': '1.1' });
  await page.until(`[...document.getElementById('check-parents').options].some((option) => option.text === 'Preview #1')`);
  await page.run(`[...document.getElementById('check-parents').options].find((option) => option.text === 'Preview #1').selected = true`);
  await submit('check-form');
  await rowSays('API', 'https://api.example.org/');
  const wanted = (check) => [check.responseMatches, check.jsonPath, check.jsonEquals, check.redirects, check.httpVersion, check.dependsOn];
  const made = await checks(), parent = made['Preview #1'].id;
  assert.deepEqual(wanted(made.API), ['^.*fine', '$.status', 'ok', 2, '1.1', [parent]]);
  await click('Edit API');
  assert.equal(await page.run("document.getElementById('check-equals').value"), '"ok"');
  await fill({ 'check-equals': '{"a": [1]}' });
  await submit('check-form');
  await until('it is changed', async () => JSON.stringify(wanted((await checks()).API)) === JSON.stringify(['^.*fine', '$.status', { a: [1] }, 2, '1.1', [parent]]));
  await has('check-heading', 'Add a health check');
});

test('the status page is switched on, and shows what was chosen', { skip }, async () => {
  const settings = async () => (await get(`/projects/${env.project}/status-page`)).json, { API: chosen } = await checks();
  await has('page-link', 'It is off');
  await fill({ 'page-slug': 'demo', 'page-title': 'Our <b>' });
  await page.run("document.getElementById('page-enabled').click()");
  await page.until(`[...document.getElementById('page-checks').options].some((option) => option.text === 'API')`);
  await page.run(`[...document.getElementById('page-checks').options].find((option) => option.text === 'API').selected = true`);
  await submit('page-form');
  await has('page-link', '/status/demo');
  const set = { enabled: true, slug: 'demo', title: 'Our <b>', checkIds: [chosen.id], url: `${env.api}/status/demo` };
  assert.deepEqual({ ...await settings(), updatedAt: undefined }, { ...set, updatedAt: undefined });
  run(`delete from health_checks where id = '${chosen.id}'`);
  await page.until(`![...document.getElementById('page-checks').options].some((option) => option.text === 'API')`);
  await fill({ 'page-title': 'Ours' });
  await submit('page-form');
  await until('it is saved', async () => (await settings()).title === 'Ours');
  assert.deepEqual((await settings()).checkIds, [], 'one whose checks are gone does not show all others');
});

test('an incident is shown by itself, and somebody takes it over', { skip }, async () => {
  const { id } = (await checks())['Preview #1'];
  run(`insert into health_incidents (id, project_id, check_id, began_at, error, message, cause, thread_key)
      values ('inc_0${'1'.repeat(25)}', '${env.project}', '${id}', now(), 'STATUS', 'It answers 503 <i>', 'x', 'x');
    update health_states set incident_id = 'inc_0${'1'.repeat(25)}', status = 'DEGRADED', due_at = now() + interval '1 day' where check_id = '${id}'`); // nobody looks meanwhile
  await has('incident-rows', 'It answers 503 <i>');
  await click('Acknowledge Preview #1');
  await fill({ note: 'looking at the database' });
  await submit('acknowledge');
  await has('incident-rows', 'looking at the database');
  assert.equal(one(`select note from health_incidents where check_id = '${id}'`).note, 'looking at the database');
});

test('windows of maintenance are added and deleted', { skip }, async () => {
  const windows = async () => (await get(`/projects/${env.project}/maintenance-windows`)).json;
  await fill({ 'window-name': 'Night', 'window-start': '02:30', 'window-minutes': '60', 'window-zone': 'Europe/Berlin' });
  await page.run(`document.querySelector('#window-weekly [value="7"]').click()`);
  await submit('window-form');
  await has('windows', 'Night: Sun at 02:30 for 60 minutes, Europe/Berlin, all checks');
  assert.deepEqual((await windows())[0].weekly, { weekdays: [7], startTime: '02:30', durationMin: 60, timeZone: 'Europe/Berlin' });
  const local = (hours) => new Date(Date.now() + hours * 3600_000).toISOString().slice(0, 16);
  await page.run("const kind = document.getElementById('window-kind'); kind.value = 'once'; kind.onchange()");
  await fill({ 'window-name': 'Move', 'window-from': local(-20), 'window-to': local(20) }); // in whatever zone the browser is
  await submit('window-form');
  await has('windows', 'open now');
  await rowSays('Preview #1', 'MAINTENANCE');
  for (const name of ['Night', 'Move']) await click(`Delete the window ${name}`);
  await page.until("!document.getElementById('windows-empty').hidden");
  assert.deepEqual(await windows(), []);
  assert.deepEqual(page.problems, []);
});
