// stack: --no-daemon --fast
// seconds: 240
// A rotation of the master key that is killed fifty times: afterwards every key and every secret opens, once wrapped and not twice.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { env } from '../lib/env.mjs';
import { keyName, newKey, open, openProjectKey, seal } from '../lib/sealing.mjs';
import { rows, run, session } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

const N = 10_000, KILLS = 50;
const first = Buffer.from(process.env.ENCRYPTION_KEY_BASE64, 'base64'), second = newKey();
const hex = (bytes) => `\\x${bytes.toString('hex')}`;
const idOf = (i) => `proj_${String(i).padStart(6, '0')}`;
const dataKeys = Array.from({ length: N / 2 }, newKey);
const plain = (i) => `value of ${i}`;

function rotate(current, previous) {
  return spawn('bash', ['-c', 'set -a; . "$0/daemon.env"; ENCRYPTION_KEY_BASE64=$2 ENCRYPTION_KEY_PREVIOUS_BASE64=$3 exec "$1/opshubd" keys rotate',
    env.stackDir, env.bin, current.toString('base64'), previous.toString('base64')], { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function finish(child) {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part) => { text += part; });
  const [status] = await once(child, 'close');
  return { status, text };
}

// Half of the rows are data keys, the others secrets that the master key has sealed itself.
function makeRows() {
  const lines = [];
  for (let i = 0; i < N / 2; i++) {
    const id = idOf(i), key = dataKeys[i];
    lines.push([id, hex(seal(first, ['project_keys', id], key)), keyName(key),
      hex(seal(first, ['provider_secrets', id, 'vercel', 'token'], plain(i)))].join('\t'));
  }
  run(`begin;
    insert into organizations (id, name, slug) values ('org_keys', 'Keys', 'keys');
    create temp table t (id text, wrapped bytea, key_id text, sealed bytea);
    copy t from stdin;\n${lines.join('\n').replaceAll('\\', '\\\\')}\n\\.
    insert into projects (id, org_id, name, repo_full_name) select id, 'org_keys', id, 'keys/' || id from t;
    insert into project_keys (project_id, wrapped, master_id, key_id) select id, wrapped, '${keyName(first)}', key_id from t;
    insert into project_providers (project_id, provider) select id, 'vercel' from t;
    insert into provider_secrets (project_id, provider, key, sealed, key_id, mask) select id, 'vercel', 'token', sealed, '${keyName(first)}', '***' from t;
    commit;`);
}

test('killed fifty times in the middle, then run to its end: all opens, nothing is wrapped twice', async () => {
  makeRows();
  const look = session();
  const progress = async (id) => Number(await look.ask(`select (select count(*) from project_keys where master_id = '${id}')
    + (select count(*) from provider_secrets where key_id <> '${keyName(first)}')`));
  let [current, previous] = [second, first];
  for (let kills = 0, turns = 0; kills < KILLS;) {
    const before = await progress(keyName(current));
    const child = rotate(current, previous);
    const ended = finish(child);
    const further = 1 + Math.floor(Math.random() * 100);
    await until('it has done something, or all', async () => child.exitCode !== null || await progress(keyName(current)) >= before + further,
      { seconds: 60, every: 1 });
    if (child.exitCode === null && child.kill('SIGKILL')) kills++;
    const { status, text } = await ended;
    if (status === 0) {
      [current, previous] = [previous, current]; // all is done: back again
      assert.ok(++turns < 20, 'it is done before it can be killed');
    } else {
      assert.equal(status, null, text);
    }
  }
  const both = await Promise.all([finish(rotate(current, previous)), finish(rotate(current, previous))]); // two at once
  for (const { status, text } of both) {
    assert.equal(status, 0, text);
    assert.match(text, /ENCRYPTION_KEY_PREVIOUS_BASE64 may be taken away now/);
  }
  look.end();

  const found = rows(`select k.project_id, encode(k.wrapped, 'hex') as wrapped, k.master_id, k.key_id, encode(s.sealed, 'hex') as sealed, s.key_id as secret_key
    from project_keys k join provider_secrets s using (project_id) order by 1`);
  assert.equal(found.length, N / 2);
  found.forEach((row, i) => {
    const key = openProjectKey(current, row.project_id, Buffer.from(row.wrapped, 'hex'));
    assert.deepEqual(key, dataKeys[i]);
    assert.equal(open(key, ['provider_secrets', row.project_id, 'vercel', 'token'], Buffer.from(row.sealed, 'hex')).toString(), plain(i));
    assert.deepEqual([row.master_id, row.key_id, row.secret_key], [keyName(current), keyName(key), keyName(key)]);
  });
});
