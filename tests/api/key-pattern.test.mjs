// Patterns of keys against JavaScript's own regular expressions: what both take means the same, and nothing is taken that it would not take.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

// Small and repeatable: a failure names the seed.
function random(seed) {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

function ask(pairs) {
  const build = process.env.OPSHUB_BUILD;
  assert.ok(build, 'OPSHUB_BUILD is not set: run this file by tests/lib/run-file');
  const { status, stdout, stderr } = spawnSync(join(build, 'tests/key_pattern_trial'), { encoding: 'utf8', maxBuffer: 64 << 20,
    input: pairs.map((pair) => `${pair.join('\t')}\n`).join('') });
  assert.equal(status, 0, stderr);
  return stdout.trimEnd().split('\n');
}

const expression = (pattern) => { try { return new RegExp(pattern); } catch { return null; } };

function compare(pairs, seed) {
  const answers = ask(pairs);
  let taken = 0;
  assert.equal(answers.length, pairs.length);
  pairs.forEach(([pattern, key], i) => {
    if (answers[i].startsWith('refused: ')) return;
    const theirs = expression(pattern);
    assert.ok(theirs, `seed ${seed}: ${pattern} is no regular expression, but was taken`);
    assert.equal(answers[i], theirs.test(key) ? '1' : '0', `seed ${seed}: ${pattern} and ${JSON.stringify(key)}`);
    taken++;
  });
  return taken;
}

// Short, and groups are not deep: JavaScript's own matcher takes exponential time for some of these.
const keyOf = (pick) => Array.from({ length: pick(7) }, () => 'AB_1Z'[pick(5)]).join('');

// A pattern of the subset.
function grown(pick, depth = 0) {
  const atoms = [() => 'AB_1Z'[pick(5)], () => '.', () => ['\\d', '\\w', '\\D', '\\W', '\\.'][pick(5)],
    () => ['[AB]', '[^A_]', '[A-Z]', '[0-9_]', '[^\\d]', '[_-]'][pick(6)]];
  const piece = () => {
    const at = pick(depth < 2 ? 12 : 8);
    if (at >= 10) return ['^', '$'][pick(2)];
    const atom = at >= 8 ? `(${pick(2) ? '?:' : ''}${grown(pick, depth + 1)})` : atoms[Math.floor(at / 2)]();
    return atom + ['', '', '*', '+', '?'][pick(5)];
  };
  const sequence = () => Array.from({ length: pick(4) }, piece).join('');
  const text = Array.from({ length: 1 + pick(3) }, sequence).join('|');
  return depth === 0 ? (text || 'A').slice(0, 256) : text;
}

test('patterns of the subset mean what they mean in JavaScript', () => {
  const seed = 20261123, pick = random(seed), pairs = [];
  for (let i = 0; i < 3000; i++) {
    const pattern = grown(pick);
    for (let k = 0; k < 6; k++) pairs.push([pattern, keyOf(pick)]);
  }
  const taken = compare(pairs, seed);
  assert.ok(taken > pairs.length * 0.9, `seed ${seed}: only ${taken} of ${pairs.length} were taken`);
});

test('of arbitrary text nothing is taken that is no regular expression, or means something else', () => {
  const seed = 20261123, pick = random(seed), signs = 'AB1_.*+?|()[]^$\\-:{}dwDW,';
  const pairs = Array.from({ length: 40000 }, () => [Array.from({ length: 1 + pick(8) }, () => signs[pick(signs.length)]).join(''), keyOf(pick)]);
  const taken = compare(pairs, seed);
  assert.ok(taken > 1000, `seed ${seed}: only ${taken} were taken`);
});

test('what is not printable ASCII is refused wherever it stands, and named', () => {
  const patterns = ['[^\u00c2]X', '[A-\u00e9]', '[\u00e9-\u00ff]', '\\\u00e9', '[\\\u00e9]', 'A|\u00e9', '(\u00e9)', '[\u007f]', '[\u0001]'];
  const answers = ask(patterns.map((pattern) => [pattern, 'AX']));
  patterns.forEach((pattern, i) => assert.match(answers[i], /^refused: must have printable ASCII characters only \(at character \d+\)$/, pattern));
});
