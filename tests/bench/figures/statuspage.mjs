// A status page of ten checks with 90 days of results, against /healthz, which does nothing at all.
import { sql } from '../lib/data.mjs';
import { assertAll, load } from '../lib/load.mjs';
import { record } from '../lib/results.mjs';
import { startOpshub } from '../lib/servers.mjs';
import { settings } from '../lib/settings.mjs';

export const title = 'GET /status/:slug, ten checks of 90 days, against /healthz';

const paths = [['opshub', '/status/bench'], ['its JSON', '/status/bench/status.json'], ['its badge', '/status/bench/badge.svg'], ['/healthz', '/healthz']];

async function fill() {
  await sql("delete from health_checks where project_id = 'proj_demo'");
  await sql(`insert into health_checks (id, project_id, name, url)
    select 'check_' || lpad(n::text, 26, '0'), 'proj_demo', 'Check ' || n, 'https://target.example/' from generate_series(1, 10) n`);
  await sql(`update health_states set due_at = null, status = 'OK', last_checked_at = now() + interval '1 hour'`);
  await sql(`insert into health_rollups select c.id, s.step, date_bin(s.step * interval '1 minute', now(), '2000-01-01Z') - n * s.step * interval '1 minute', s.step, n % 7 / 6, 0, 1, 1, 1
    from health_checks c, (values (60, 167), (1440, 89)) s (step, most), generate_series(0, s.most) n on conflict do nothing`);
  await sql(`insert into status_pages (project_id, slug, title, enabled) values ('proj_demo', 'bench', 'Bench', true) on conflict (project_id) do nothing`);
  await sql('analyze health_rollups');
}

export async function measure() {
  await fill();
  const server = await startOpshub('api');
  for (let round = 0; round < settings.rounds; round++) {
    for (const [name, path] of paths) {
      const result = await load(server, ['get', `${server.url}${path}`], { connections: 64 });
      assertAll(result, 200, name);
      record('statuspage', '64 connections', name, result.rate, '/s', result);
    }
  }
}
