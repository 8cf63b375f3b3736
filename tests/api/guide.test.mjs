// The walk-through of docs/api.md, as a reader would type it: each sh block must succeed, and what stands below it must be what
// it prints ("…" stands for anything).
// stack: --fast
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const guide = readFileSync(new URL('../../docs/openapi/guide.md', import.meta.url), 'utf8');

// [{ commands, expected }] in order; expected is '' where nothing is promised.
export const steps = [...guide.matchAll(/^```sh\n([\s\S]*?)^```\n(?:```json\n([\s\S]*?)^```\n)?/gm)]
  .map(([, commands, expected = '']) => ({ commands, expected }));

const pattern = (text) => new RegExp(`^${text.trim().split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[^\n]*?')}[^\n]*$`);

// One shell for all, since each block uses what those before it have set. Its two outputs are one, as on a terminal.
function run() {
  const end = (i) => `\u0001${i}\u0001`;
  const script = steps.map(({ commands }, i) => `{ ${commands}\n} 2>&1\nprintf '%s' '${end(i)}'\n`).join('');
  const { status, stdout, error } = spawnSync('bash', ['-eu', '-c', script], { encoding: 'utf8', timeout: 60_000 });
  if (error) throw error;
  const outputs = [];
  let rest = stdout;
  for (let i = 0; i < steps.length && rest.includes(end(i)); i++) {
    outputs.push(rest.slice(0, rest.indexOf(end(i))));
    rest = rest.slice(rest.indexOf(end(i)) + end(i).length);
  }
  return { status, outputs, rest };
}

test('the walk-through works as it is written', async (t) => {
  assert.ok(steps.length >= 8, 'the blocks of the guide are not found');
  const { status, outputs, rest } = run();
  for (const [i, { commands, expected }] of steps.entries()) {
    await t.test(`step ${i + 1}: ${commands.split('\n')[0]}`, () => {
      assert.ok(i < outputs.length, `${commands} fails (${status}): ${rest}`);
      if (expected) assert.match(outputs[i].trim(), pattern(expected), commands);
    });
  }
  assert.equal(status, 0, rest);
});
