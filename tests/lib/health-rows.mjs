// Rows of health by SQL: checks that nobody looks at, with whatever is known of them.
import { createHash } from 'node:crypto';
import { env } from './env.mjs';
import { run } from './sql.mjs';

export const quoted = (value) => `'${String(value).replaceAll("'", "''")}'`;
export const checkId = (name) => `check_0${createHash('sha256').update(name).digest('hex').slice(0, 25)}`;

// A check that is enabled and never due. `state`: columns of health_states, as SQL.
export function addCheck(name, { project = env.project, state = {}, enabled = true } = {}) {
  const id = checkId(name);
  const set = Object.entries({ due_at: 'null', ...state }).map(([column, value]) => `${column} = ${value}`);
  run(`begin;
    insert into health_checks (id, project_id, name, url, enabled) values ('${id}', '${project}', ${quoted(name)}, 'https://target.example/secret-path', ${enabled});
    update health_states set ${set} where check_id = '${id}';
    commit`);
  return id;
}

// One row of each step a look falls into, as the workers write them.
export function addRollup(id, at, { ok = 0, failed = 0, inconclusive = 0, steps = [5, 60, 1440] } = {}) {
  for (const step of steps) {
    run(`insert into health_rollups as r (check_id, step, at, ok, failed, inconclusive, latency_sum, latency_min, latency_max)
      values ('${id}', ${step}, date_bin('${step} minutes', ${at}, timestamptz '2000-01-01Z'), ${ok}, ${failed}, ${inconclusive}, ${ok * 30}, 10, 50)
      on conflict (check_id, step, at) do update set ok = r.ok + excluded.ok, failed = r.failed + excluded.failed,
        inconclusive = r.inconclusive + excluded.inconclusive, latency_sum = r.latency_sum + excluded.latency_sum`);
  }
}
