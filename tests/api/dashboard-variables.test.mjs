// The dashboard's page of variables, in a real browser.
// stack: --fast
// seconds: 240
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { env } from '../lib/env.mjs';
import { get, post } from '../lib/client.mjs';
import { hasBrowser, openPage } from '../lib/page.mjs';
import { until } from '../lib/until.mjs';

const skip = !hasBrowser && 'there is no chromium here';
let page, environment;

before(async () => {
  environment = (await get(`/projects/${env.project}/environments`)).json[0];
  if (skip) return;
  page = await openPage(`${env.api}/#variables`);
  await page.until("document.getElementById('login-test') && !document.getElementById('login-test').hidden");
  await page.run("document.getElementById('login-test').requestSubmit()");
  await page.until("!document.getElementById('variables').hidden && document.getElementById('environment').value");
});
after(() => page?.close());

const variables = async () => Object.fromEntries((await get(`/environments/${environment.id}/envvars`)).json.map((v) => [v.key, v]));
const text = (id) => page.run(`document.getElementById('${id}').textContent`);
const fill = (values) => page.run(Object.entries(values).map(([id, value]) => `document.getElementById('${id}').value = ${JSON.stringify(value)}`).join(';'));
const submit = (id) => page.run(`document.getElementById('${id}').requestSubmit()`);
const click = (label) => page.run(`document.querySelector('[aria-label="${label}"]').click()`);
const rowSays = (key, part) => page.until(`[...document.querySelectorAll('#variable-rows tr')].some((tr) => tr.cells[0].textContent === '${key}' && tr.textContent.includes('${part}'))`);

test('a variable is added, shown with a reason, changed and deleted', { skip }, async () => {
  await fill({ 'variable-key': 'PAGE', 'variable-value': 'first <b>value</b>' });
  await submit('variable-form');
  await rowSays('PAGE', '***');
  assert.ok(!(await page.run('document.documentElement.outerHTML')).includes('first'));
  await click('Show PAGE');
  await fill({ reason: 'a test looks' });
  await submit('reveal');
  await page.until("document.getElementById('value-PAGE').textContent === 'first <b>value</b>'");
  await click('Change PAGE');
  await page.run("document.getElementById('variable-fork').click()");
  await submit('variable-form');
  await rowSays('PAGE', 'forks');
  assert.deepEqual([(await variables()).PAGE.version, (await variables()).PAGE.forkSafe], [1, true]);
  await click('Change PAGE');
  await fill({ 'variable-value': 'second' });
  await submit('variable-form');
  await until('the second version', async () => (await variables()).PAGE.version === 2);
  await click('Delete PAGE');
  await page.until("!document.querySelector('#variable-rows tr')");
  assert.deepEqual(await variables(), {});
});

test('a file is tried and imported; a fault in it is told', { skip }, async () => {
  await fill({ 'import-text': 'FROM_FILE=1\nnonsense' });
  await submit('import-form');
  await page.until("document.getElementById('error').textContent.includes('line 2 is not KEY=value')");
  await fill({ 'import-text': 'FROM_FILE=1\nOTHER=2' });
  await page.run("document.getElementById('import-try').click()");
  await page.until("document.getElementById('import-result').textContent.includes('FROM_FILE: created (not yet)')");
  assert.deepEqual(await variables(), {});
  await submit('import-form');
  await rowSays('OTHER', '***');
  assert.deepEqual(Object.keys(await variables()), ['FROM_FILE', 'OTHER']);
  assert.equal(await text('error'), '');
});

test('what rotates is shown, and how it went', { skip }, async () => {
  assert.equal(await page.run("document.getElementById('rotation').hidden"), true);
  const policy = { name: 'Files', keyPattern: '^FROM_', rotateEveryDays: 30, generator: { type: 'uuid' } };
  assert.equal((await post(`/projects/${env.project}/secret-policies`, { body: policy })).status, 201);
  assert.equal((await post(`/projects/${env.project}/rotate`, { body: { keys: ['FROM_FILE'] } })).status, 202);
  await until('it is rotated', async () => (await variables()).FROM_FILE.version === 2, { seconds: 60 });
  await page.run("location.hash = ''");
  await page.until("!document.getElementById('list').hidden");
  await page.run("location.hash = '#variables'");
  await page.until("document.getElementById('policies').textContent.startsWith('Files: PREVIEW ^FROM_')");
  await page.until("document.getElementById('rotation-rows').textContent.includes('no live preview')");
});

test('the other environments are beside it, and the previews as before', { skip }, async () => {
  await page.run("const e = document.getElementById('environment'); e.selectedIndex = 2; e.onchange()");
  await page.until("!document.getElementById('variables-empty').hidden");
  await page.run("location.hash = ''");
  await page.until("!document.getElementById('list').hidden && document.getElementById('variables').hidden");
  assert.deepEqual(page.problems, []);
});
