// SQL against the stack's own database, by psql: PGHOST and the others are in the environment.
import { spawnSync } from 'node:child_process';

// Rows of one query, as objects.
export function rows(query) {
  const text = run(`select coalesce(json_agg(r), '[]') from (${query}) r`);
  return JSON.parse(text);
}

export const one = (query) => rows(query)[0];

export function run(statement) {
  const result = spawnSync('psql', ['-XqAt', '-v', 'ON_ERROR_STOP=1'], { input: statement, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (result.status !== 0) throw new Error(`psql: ${result.stderr || result.error}`);
  return result.stdout.trim();
}
