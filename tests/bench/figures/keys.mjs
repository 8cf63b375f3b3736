// Secrets: opening a deployment's variables, and `opshubd keys rotate` at its worst, with one variable in each project.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { keyName, newKey, seal } from '../../lib/sealing.mjs';
import { one, run } from '../../lib/sql.mjs';
import { record } from '../lib/results.mjs';
import { settings } from '../lib/settings.mjs';

export const title = 'secrets: opening them, and a rotation of the master key';
const N = 20_000;
let current = Buffer.from(process.env.ENCRYPTION_KEY_BASE64, 'base64'), previous = newKey();

function makeProjects() {
  const lines = [];
  for (let i = 0; i < N; i++) {
    const id = `proj_bench${String(i).padStart(6, '0')}`, key = newKey();
    lines.push([id, seal(current, ['project_keys', id], key).toString('hex'), keyName(key)].join('\t'));
  }
  run(`begin; insert into organizations (id, name, slug) values ('org_bench_keys', 'Keys', 'bench-keys');
    create temp table t (id text, wrapped text, key_id text); copy t from stdin;\n${lines.join('\n')}\n\\.
    insert into projects (id, org_id, name, repo_full_name) select id, 'org_bench_keys', id, 'keys/' || id from t;
    insert into project_keys (project_id, wrapped, master_id, key_id) select id, decode(wrapped, 'hex'), '${keyName(current)}', key_id from t; commit; analyze;`);
}

// CPU seconds of the children that the process has buried: of PostgreSQL's, those of connections that were closed.
function buried(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

// On one processor. Gives back what a key costs in CPU time, here and in PostgreSQL: { cpuUs, pgUs }.
function rotate() {
  const postmaster = Number(readFileSync(`${settings.stack}/pg/postmaster.pid`, 'utf8').split('\n')[0]);
  const before = [buried('self'), buried(postmaster)];
  [current, previous] = [previous, current];
  const text = execFileSync('bash', ['-c', 'set -a; . "$0/daemon.env"; ENCRYPTION_KEY_BASE64=$2 ENCRYPTION_KEY_PREVIOUS_BASE64=$3 exec taskset -c 0 "$1/opshubd" keys rotate',
    process.env.OPSHUB_STACK_DIR, process.env.OPSHUB_BIN, current.toString('base64'), previous.toString('base64')], { encoding: 'utf8' });
  const left = one(`select count(*)::int as n from project_keys where master_id <> '${keyName(current)}'`).n;
  if (left) throw new Error(`${left} keys were left: ${text}`);
  return { cpuUs: (buried('self') - before[0]) * 1e6 / N, pgUs: (buried(postmaster) - before[1]) * 1e6 / N };
}

export async function measure() {
  for (let round = 0; round < settings.rounds; round++) {
    for (const line of execFileSync(`${settings.build}/tests/bench_secrets`, { encoding: 'utf8' }).trim().split('\n')) {
      const { what, us } = JSON.parse(line);
      record('keys', what === 'open' ? 'open 100 variables' : 'wrap one key', 'opshub', us, 'us');
    }
  }
  makeProjects();
  try {
    for (let round = 0; round < settings.rounds; round++) {
      const before = performance.now();
      const cost = rotate();
      record('keys', 'keys rotate', 'opshub', N / ((performance.now() - before) / 1000), 'keys/s', cost);
    }
    if (settings.rounds % 2) rotate(); // back to the key of the stack
  } finally {
    run("delete from organizations where id = 'org_bench_keys'");
  }
}
