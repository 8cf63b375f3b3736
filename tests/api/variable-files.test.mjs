// .env files in and out: against the npm package dotenv and against a shell, and that nothing of a file with a fault is set.
// stack: --fast --env RATE_LIMIT_REVEAL=0
// seconds: 240
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { before, test } from 'node:test';
import dotenv from 'dotenv';
import { assertError, get, post } from '../lib/client.mjs';
import { audit, organization, person, project } from '../lib/people.mjs';

let owner, org;

before(async () => {
  owner = await person('owner');
  org = await organization(owner);
});

async function environments() {
  const p = await project(org, owner);
  return { project: p, ...Object.fromEntries((await get(`/projects/${p.id}/environments`, { token: owner.token })).json.map((e) => [e.name, e])) };
}

const at = (e, more = '') => `/environments/${e.id}/envvars${more}`;
const load = (e, text, more = {}) => post(at(e, '/import'), { token: owner.token, body: { text, ...more } });
const loadPlain = (e, body, query = '') => post(at(e, `/import${query}`), { token: owner.token, body, headers: { 'content-type': 'text/plain; charset=utf-8' } });
const list = async (e) => (await get(at(e), { token: owner.token })).json;
async function file(e) {
  const answer = await post(at(e, '/export'), { token: owner.token, body: { reason: 'a test asks' } });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual([answer.headers.get('content-type'), answer.headers.get('cache-control')], ['text/plain; charset=utf-8', 'no-store']);
  return answer.text;
}
const valueOf = async (e, key) => (await post(at(e, `/${key}/reveal`), { token: owner.token, body: { reason: 'a test asks' } })).json.value;
const outcomes = (answer) => Object.fromEntries(answer.json.variables.map((v) => [v.key, `${v.outcome} ${v.version}`]));

// The variables that a shell has after it has read the file.
function shell(text) {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', 'set -a; eval "$(cat)"; env -0'], { input: text, env: { PATH: process.env.PATH }, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return Object.fromEntries(stdout.split('\0').filter((pair) => /^K\d/.test(pair)).map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

// Numbers that look random and are the same each time.
function dice(seed) {
  let state = createHash('sha256').update(seed).digest(), i = 0;
  const below = (n) => {
    if (i === 32) { state = createHash('sha256').update(state).digest(); i = 0; }
    return state[i++] % n;
  };
  return { below, from: (letters, most) => Array.from({ length: below(most) }, () => letters[below(letters.length)]).join('') };
}

// A file of what dotenv and we must agree on: every form, but for what one of us takes for something else (see core/model/env_file.h).
function agreed({ below, from }, n) {
  const tail = () => ['', '', ' ', '\t', ' # a comment', '  #', " # it's", ' # "x"'][below(8)];
  const inner = 'abZ09 _./:@%+,=$-{}!?;&|<>()\\é東';
  const forms = [
    () => tail(),
    () => `${'abZ09_./:@%+,=$-'[below(16)]}${from(`${inner}'"\``, 12).replace(/\\+$/, '')}z${tail()}`,
    () => `'${from(`${inner}"\`#\n`, 20).replace(/\\/g, '')}'${tail()}`,
    () => `\`${from(`${inner}'"#\n`, 20).replace(/\\/g, '')}\`${tail()}`,
    () => `"${from(`${inner.replace('\\', '')}'\`#\n`, 20)}"${tail()}`,
    () => `"${from(['a', ' ', "'", '#', '$', '\\n', '\\r', '\n', '\\x', '\\.'], 12)}"${tail()}`,
  ];
  let text = below(2) ? '\ufeff' : '';
  for (let i = 0; i < n; i++) {
    for (let k = below(3); k > 0; k--) text += ['\n', '# a comment\n', '   \n', "\t# K1='x'\n", '#\n'][below(5)];
    text += `${['', '', '  ', 'export ', '\texport  '][below(5)]}K${i}${['', '', ' '][below(3)]}=${['', '', ' ', '\t'][below(4)]}${forms[below(forms.length)]()}\n`;
  }
  return [text, text.replace(/\n/g, '\r\n'), text.replace(/\n/g, '\r'), text.trimEnd()][below(4)];
}

test('files are read as dotenv reads them, and what is exported a shell reads to the same', async () => {
  for (let round = 0; round < 25; round++) {
    const text = agreed(dice(`file ${round}`), 30), e = (await environments()).PREVIEW;
    const expected = dotenv.parse(text.replace(/^\ufeff/, ''));
    assert.equal(Object.keys(expected).length, 30, text);
    const answer = await (round % 2 ? load(e, text) : loadPlain(e, text));
    assert.equal(answer.status, 200, `${answer.text}\n${text}`);
    assert.deepEqual(Object.keys(expected), answer.json.variables.map((v) => v.key));
    const exported = await file(e), read = shell(exported);
    for (const [key, value] of Object.entries(expected)) {
      if (value.includes('\r')) assert.equal(await valueOf(e, key), value, text);
      else assert.equal(read[key], value, `${key} of\n${text}\n---\n${exported}`);
    }
    assert.deepEqual([...new Set(Object.values(outcomes(await load(e, exported))))], ['unchanged 1']);
  }
});

test('what is exported is imported to the same values, whatever they are', async () => {
  const { PREVIEW, STAGING } = await environments(), { below, from } = dice('values');
  const letters = [...'aZ09 \t\r\n\'"`\\$#={}()!;&|<>*?~%é東🦀\u0001\u007f\u0085\u2028', '\\n', '\\r', '\\"', '$(id)', '${HOME}', '`id`', '\r\n'];
  const values = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`K${i}`, from(letters, i < 60 ? 6 : 60)]));
  values.K120 = Array.from({ length: 16384 }, () => '東\''[below(2)]).join('');
  for (const [key, value] of Object.entries(values)) assert.equal((await post(at(PREVIEW), { token: owner.token, body: { key, value } })).status, 201);
  const exported = await file(PREVIEW);
  const answer = await load(STAGING, exported);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.created, 121);
  for (const [key, value] of Object.entries(values)) assert.equal(await valueOf(STAGING, key), value);
  assert.equal(await file(STAGING), exported);
  const read = shell(exported);
  for (const [key, value] of Object.entries(values)) if (!value.includes('\r')) assert.equal(read[key], value);
});

test('an import says what became of each, leaves what it does not name, and puts each change on record', async () => {
  const { project: p, PREVIEW: e } = await environments();
  const first = await load(e, 'A=1\nB=2\nC=3\n');
  assert.deepEqual([outcomes(first), first.json.created, first.json.updated, first.json.unchanged, first.json.dryRun],
    [{ A: 'created 1', B: 'created 1', C: 'created 1' }, 3, 0, 0, false]);
  const dry = await load(e, 'B=2\nC=changed\nD=4', { dryRun: true });
  const wet = { B: 'unchanged 1', C: 'updated 2', D: 'created 1' };
  assert.deepEqual([outcomes(dry), dry.json.dryRun], [wet, true]);
  assert.deepEqual((await list(e)).map((v) => `${v.key}${v.version}`), ['A1', 'B1', 'C1']);
  assert.deepEqual(outcomes(await loadPlain(e, 'B=2\nC=changed\nD=4', '?dryRun=true')), wet);
  assert.deepEqual(outcomes(await post(at(e, '/import?dryRun=true'), { token: owner.token, body: { text: 'B=2\nC=changed\nD=4' } })), wet);
  assert.equal((await audit(org)).filter((row) => row.project_id === p.id && /^variable/.test(row.action)).length, 3);
  assert.deepEqual(outcomes(await loadPlain(e, 'B=2\nC=changed\nD=4', '?dryRun=false')), wet);
  assert.deepEqual((await list(e)).map((v) => [v.key, v.version, v.source]), [['A', 1, 'IMPORT'], ['B', 1, 'IMPORT'], ['C', 2, 'IMPORT'], ['D', 1, 'IMPORT']]);
  const seen = (await audit(org)).filter((row) => row.project_id === p.id && /^variable/.test(row.action)).slice(3);
  assert.deepEqual(seen.map((row) => [row.action, row.after.key, row.after.version, row.after.source]),
    [['variable.change', 'C', 2, 'IMPORT'], ['variable.add', 'D', 1, 'IMPORT']]);
  assert.ok(!JSON.stringify(seen).includes('changed"'));
  const none = await load(e, '# nothing\n');
  assert.deepEqual([none.status, none.json.variables], [200, []]);
});

test('a file with a fault sets nothing, and the line is named', async () => {
  const e = (await environments()).PREVIEW;
  await load(e, 'A=before\n');
  const faults = {
    'A=1\nB=2\nthis is no variable\n': /^line 3 is not KEY=value$/,
    "A=1\r\nB='two\r\nlines'\r\nC='no end\r\n\r\n": /^line 4 begins a quote that does not end$/,
    'A=1\nB="x" y\n': /^line 2 has text behind the closing quote$/,
    'A=1\n\nA=2\n': /^line 3 sets A again, which line 1 has set$/,
    'A=1\nlower=2\n': /^line 2 has a key that is none/,
    'A=1\nPASSWORD=abc#123\n': /^line 2 holds a # /,
    'A=1\nB=***\n': /^line 2 is a mask/,
    [`A=1\nB=${'x'.repeat(65537)}\n`]: /^line 2 has a value of more than 65536 bytes$/,
    [Array.from({ length: 1001 }, (_, i) => `K${i}=x`).join('\n')]: /^line 1001 is one more than the 1000 that can be$/,
  };
  for (const [text, message] of Object.entries(faults)) {
    for (const answer of [await load(e, text), await loadPlain(e, text)]) {
      assertError(answer, 422, 'ValidationError');
      assert.match(answer.json.message, message);
      assert.match(answer.json.details[0].field, /^line \d+$/);
      assert.ok(!answer.text.includes('123'));
    }
  }
  for (const [bytes, line] of [[Buffer.from('A=1\nB=\xff\n', 'latin1'), 2], [Buffer.from('A=1\n\nB=a\0b'), 3]]) {
    const answer = await loadPlain(e, bytes);
    assertError(answer, 422, 'ValidationError');
    assert.match(answer.json.message, new RegExp(`^line ${line} is no UTF-8 text`));
  }
  assertError(await loadPlain(e, 'A=1', '?dryRun=maybe'), 422, 'ValidationError');
  assertError(await load(e, 7), 422, 'ValidationError');
  assertError(await loadPlain(e, `A=${'x'.repeat(1 << 20)}`), 413, 'PayloadTooLargeError');
  assertError(await post(at(e, '/import'), { token: owner.token, body: 'A=1', headers: { 'content-type': 'application/x-yaml' } }), 415, 'UnsupportedMediaTypeError');
  assert.deepEqual((await list(e)).map((v) => [v.key, v.version]), [['A', 1]]);
  assert.equal(await valueOf(e, 'A'), 'before');
});

test('a masked export sets nothing when it is imported', async () => {
  const e = (await environments()).PREVIEW;
  await load(e, 'A=1\nSLACK=xoxb-1-2\n');
  const masked = await get(at(e, '/export'), { token: owner.token });
  assert.deepEqual([masked.status, masked.headers.get('content-disposition')], [200, 'attachment; filename="variables.env"']);
  assert.deepEqual((await loadPlain(e, masked.text)).json.variables, []);
});

test('imports at the same time stand one behind the other: each is whole', async () => {
  const e = (await environments()).PREVIEW;
  const text = (i) => Array.from({ length: 40 }, (_, k) => `K${(k * 7 + i) % 40}=${i}`).join('\n');
  const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => load(e, text(i))));
  for (const answer of answers) assert.equal(answer.status, 200, answer.text);
  assert.deepEqual([...new Set((await list(e)).map((v) => v.version))], [6]);
  assert.equal(new Set(Object.values(dotenv.parse(await file(e)))).size, 1);
});
