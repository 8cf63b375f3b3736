// The house rules that a compiler does not see: who may include whom, sizes, calls nobody makes, words that stay out.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { code, files, hits, isText, read, root } from './source.mjs';

const none = (found) => assert.ok(found.length === 0, `\n${found.join('\n')}`);
const c = ['.c', '.h'];

// A folder may include itself, what stands here, and what that may include.
const allowed = {
  base: [], fiber: ['base'], db: ['fiber'], kv: ['fiber'], net: ['fiber'], http: ['fiber'], crypto: ['base'], model: ['base'],
  dashboard: ['base'],
  store: ['db', 'crypto', 'model'], github: ['net', 'crypto', 'model'], plugin: ['crypto', 'net', 'opshub'], probe: ['crypto', 'net'],
  worker: ['plugin', 'probe', 'store', 'model', 'github', 'kv'],
  api: ['http', 'store', 'model', 'crypto', 'kv', 'github', 'probe', 'dashboard'], daemon: ['api', 'http', 'worker'], cli: ['base'], opshub: [],
};
const reach = (folder) => new Set([folder, ...allowed[folder].flatMap((next) => [...reach(next)])]);

// A library belongs to the folders that hide it from the rest.
const libraries = [
  [/^h2o[./]|^h2o\.h$/, ['http']], [/^libpq-fe\.h$/, ['db']], [/^hiredis\//, ['kv']], [/^curl\//, ['net', 'probe']], [/^yajl\//, ['base']],
  [/^jwt\.h$/, ['crypto']], [/^openssl\//, ['crypto', 'http', 'probe']], [/^ini\.h$/, ['daemon']], [/^zlib\.h$/, ['http']], [/^dlfcn\.h$/, ['plugin']],
  [/^uv\.h$/, ['fiber', 'db', 'kv', 'net', 'probe', 'http', 'worker', 'daemon']], [/^ucontext\.h$/, ['fiber']],
];

test('each folder of core includes only what lies below it', () => {
  const wrong = [];
  for (const path of files('core', c)) {
    const folder = path.split('/')[1];
    assert.ok(allowed[folder], `core/${folder} is not a folder of the design`);
    const below = reach(folder);
    for (const [, quoted, system] of code(path).matchAll(/^[ \t]*#[ \t]*include[ \t]+(?:"([^"]+)"|<([^>]+)>)/gm)) {
      if (quoted && quoted.includes('/') && !below.has(quoted.split('/')[0])) wrong.push(`${path} includes ${quoted}`);
      if (system) {
        for (const [library, owners] of libraries) if (library.test(system) && !owners.includes(folder)) wrong.push(`${path} includes ${system}`);
      }
    }
  }
  none(wrong);
});

test('plugins include the SDK and the C library, nothing else', () => {
  const wrong = [];
  const unwanted = /^(sys\/socket|netinet\/|arpa\/|netdb|pthread|signal|dlfcn|curl\/|openssl\/|uv\.h|h2o)/;
  for (const path of files('plugins', c)) {
    if (path.startsWith('plugins/mock/cloud/')) continue; // a server of its own, not a plugin
    for (const [, quoted, system] of code(path).matchAll(/^[ \t]*#[ \t]*include[ \t]+(?:"([^"]+)"|<([^>]+)>)/gm)) {
      if (quoted && !quoted.startsWith('opshub/') && !existsSync(join(root, dirname(path), quoted))) wrong.push(`${path} includes ${quoted}`);
      if (path === 'plugins/exec/run.c' && system === 'signal.h') continue; // it ends the programs that it has started
      if (system && unwanted.test(system)) wrong.push(`${path} includes ${system}`);
    }
  }
  none(wrong);
});

test('files have at most 600 lines, functions at most 60', () => {
  const wrong = [];
  for (const path of files('', [...c, '.mjs', '.sql', '.awk'])) {
    if (/^tests\/contract\//.test(path)) continue;
    const lines = read(path).split('\n');
    if (lines.length - 1 > 600) wrong.push(`${path} has ${lines.length - 1} lines`);
    if (!c.some((extension) => path.endsWith(extension))) continue;
    let start = -1;
    lines.forEach((line, i) => {
      if (line === '{') start = i;
      if (line === '}' && start >= 0) {
        if (i - start - 1 > 60) wrong.push(`${path}:${start} has a function of ${i - start - 1} lines`);
        start = -1;
      }
    });
  }
  none(wrong);
});

test('lines of C have at most 120 columns', () => {
  const wrong = [];
  for (const path of files('', c)) {
    read(path).split('\n').forEach((line, i) => {
      let width = 0;
      for (const letter of line) width += letter === '\t' ? 8 - (width % 8) : 1;
      if (width > 120) wrong.push(`${path}:${i + 1} is ${width} columns wide`);
    });
  }
  none(wrong);
});

test('nobody calls what is banned', () => {
  const calls = /(?<![\w.>])(yajl_tree\w*|PQexec\w*|PQescape\w*|PQcancel|system|popen|strcpy|strcat|sprintf|vsprintf|gets|alloca|dlclose|strtok|setlocale|gethostbyname)\s*\(/g;
  // tests/ holds plugins that misbehave on purpose.
  none([...files('core', c), ...files('plugins', c), ...files('sdk', c)].flatMap((path) => hits(path, code(path, { strings: false }), calls)));
});

test('secrets are never compared byte by byte', () => {
  none(files('core/crypto', ['.c']).flatMap((path) => hits(path, code(path, { strings: false }), /(?<!\w)(memcmp|strn?cmp)\s*\(/g)));
});

test('no query stands outside sql/', () => {
  const query = /"[^"\n]*\b(select\b[^"\n]*\bfrom|insert\s+into|delete\s+from|update\s+\w+\s+set|create\s+(table|index|unique)|alter\s+table|drop\s+table)\b[^"\n]*"/gi;
  none(files('core', c).flatMap((path) => hits(path, code(path), query)));
});

test('every source file says at its head what it is for', () => {
  const wrong = files('', [...c, '.mjs']).filter((path) => !path.startsWith('tests/contract/') && !/^(#![^\n]*\n)?(\/\*|\/\/)/.test(read(path)));
  none(wrong);
});

test('no unfinished work, and no path of one machine', () => {
  const words = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b|coming ${'soon'}|not (yet )?${'implemented'}`, 'g');
  const paths = new RegExp(`(?<![\\w./])/(${['work', 'home/\\w+', 'Users/\\w+'].join('|')})/|\\.\\./${'shared'}\\b`, 'g');
  const wrong = [];
  for (const path of files()) {
    if (/^tests\/contract\/|package-lock\.json$|^tests\/lint\//.test(path) || !isText(path)) continue;
    const text = read(path);
    wrong.push(...hits(path, text, words), ...hits(path, text, paths));
  }
  none(wrong);
});

test('the top level is the house that was agreed, nothing beside it', () => {
  const house = ['CMakeLists.txt', 'CMakePresets.json', 'CHANGELOG.md', 'LICENSE', 'README.md', 'build', 'conf', 'core', 'docs', 'packaging',
    'plugins', 'sdk', 'sql', 'tests'];
  none(readdirSync(root).filter((name) => !name.startsWith('.') && !house.includes(name)));
  none(house.filter((name) => name !== 'build' && !existsSync(join(root, name))).map((name) => `${name} is missing`));
});

test('every copied file has its source and its licence', () => {
  const sources = read('tests/contract/SOURCES.md');
  none(files('tests/contract').filter((path) => /\/github-\w+\//.test(path)).filter((path) => !sources.includes(path.split('/').pop())).map((path) => `${path} is not in SOURCES.md`));
  const suite = createHash('sha256');
  for (const path of files('tests/contract/json-test-suite')) suite.update(path).update(readFileSync(join(root, path)));
  assert.equal(suite.digest('hex'), '38ec84e245db506968513901b39c689f61f602705089dc8747f7f4a50e1dd86d', 'a file of json-test-suite/ has changed');
  const licences = [...sources.matchAll(/LICENSES\/([\w.-]+)/g)].map((match) => match[1]);
  assert.ok(licences.length >= 3);
  none(licences.filter((name) => !existsSync(join(root, 'tests/contract/LICENSES', name))));
  assert.match(read('LICENSE'), /MIT License[\s\S]*OpsHub contributors/);
});

test('README opens with the two commands, and they can be run', () => {
  const head = read('README.md').split('\n').slice(0, 20).join('\n');
  for (const command of ['packaging/quickstart', 'tests/run']) {
    assert.ok(head.includes(`./${command}`), `${command} is not at the head of README.md`);
    assert.ok(statSync(join(root, command)).mode & 0o100, `${command} is not executable`);
  }
});

test('continuous integration runs tests/run and nothing else', () => {
  const lines = read('.ci/run').split('\n').filter((line) => line && !line.startsWith('#'));
  assert.equal(lines.length, 1);
  assert.match(lines[0], /tests\/run"?$/);
});

test('links in the documents lead somewhere', () => {
  const wrong = [];
  for (const path of files('', ['.md'])) {
    if (path === 'docs/openapi/guide.md') continue; // a part of docs/api.md, whose links are looked at
    for (const [, target] of read(path).matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      if (!existsSync(join(root, normalize(join(dirname(path), target))))) wrong.push(`${path} links to ${target}`);
    }
  }
  none(wrong);
});

test('shell scripts pass shellcheck', () => {
  const scripts = files().filter((path) => !path.startsWith('tests/contract/') && isText(path) && (path.endsWith('.sh') || /^#!\/bin\/(ba)?sh/.test(read(path))));
  assert.ok(scripts.length >= 6, scripts.join(' '));
  const result = spawnSync('shellcheck', ['-x', '-P', 'SCRIPTDIR', ...scripts], { cwd: root, encoding: 'utf8' });
  assert.equal(result.status, 0, result.stdout + result.stderr + (result.error ?? ''));
});
