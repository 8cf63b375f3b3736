// The table of settings in docs/operations.md and conf/opshub.ini are what the program itself prints.
//
//     WRITE=1 tests/lib/run-file build/release tests/lint/config-docs.test.mjs      writes both anew
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { read, root } from './source.mjs';

const program = join(process.env.OPSHUB_BUILD ?? join(root, 'build/release'), 'bin/opshubd');
const printed = (what) => execFileSync(program, ['config', what], { encoding: 'utf8' });
// Where plugins are installed is the build's choice, not the program's.
const anywhere = (text) => text.replace(/[^\s`]*\/opshub\/plugins/g, 'FOLDER/opshub/plugins');
const table = /(?<=<!-- opshubd config docs -->\n)[\s\S]*?(?=<!-- end -->)/;

function compare(path, now, wanted) {
  if (process.env.WRITE) writeFileSync(join(root, path), read(path).replace(now, () => wanted));
  else assert.equal(anywhere(now), anywhere(wanted), `${path} is not what the program prints; WRITE=1 writes it anew`);
}

test('docs/operations.md has the table that opshubd config docs prints', () => {
  const [now] = read('docs/operations.md').match(table) ?? assert.fail('the markers around the table are gone');
  compare('docs/operations.md', now, printed('docs'));
});

test('conf/opshub.ini is what opshubd config ini prints', () => compare('conf/opshub.ini', read('conf/opshub.ini'), printed('ini')));
