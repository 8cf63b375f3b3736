// The database and Redis behind the servers: filling them, and emptying them between two runs.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { settings } from './settings.mjs';

const { Client } = createRequire(`${settings.peers}/package.json`)('pg');

async function connect(user) {
  const url = new URL(settings.database);
  if (user) url.username = user;
  const client = new Client({ connectionString: url.href });
  await client.connect();
  return client;
}

let ours, admin;
// One connection, kept: its backend costs nothing while it is idle.
export async function sql(text, values) {
  ours ??= await connect();
  return (await ours.query(text, values)).rows;
}

export async function peerSchema() {
  await sql(readFileSync(`${settings.peers}/schema.sql`, 'utf8'));
}

// A statement of sql/queries by its name, without its comments.
export function query(file, name) {
  const text = readFileSync(settings.queries + file, 'utf8').split(`-- name: ${name}\n`)[1].split('-- name:')[0];
  return text.replace(/^--.*\n/gm, '').trim().replace(/;$/, '');
}

// A worker that sweeps at this moment may hold the same tables in another order; PostgreSQL then picks one to fail.
async function truncate(tables) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await sql(`truncate ${tables}`);
    } catch (error) {
      if (error.code !== '40P01' || attempt === 10) throw error;
    }
  }
}

// Every run begins alike: empty tables, no checkpoint on its way.
export async function empty() {
  await truncate('deliveries, previews, preview_attempts, build_logs, deploy_events, jobs, build_line');
  if ((await sql("select to_regclass('peer.previews') is not null as there"))[0].there) {
    await sql("truncate peer.webhook_events; delete from peer.previews where project_id = 'proj_bench'");
  }
  redis('FLUSHALL');
  admin ??= await connect('postgres');
  await admin.query('checkpoint');
}

// 200 previews in a project of their own, as the peers have them in peers/schema.sql.
export async function fillList() {
  await sql(`insert into projects (id, org_id, name, repo_full_name, provider)
    values ('proj_list', 'org_demo', 'list', 'Codertocat/List', 'mock') on conflict do nothing`);
  await sql(`insert into previews (id, project_id, pr_number, title, branch, base_branch, author, html_url, from_fork, pr_open,
      pr_updated_at, reopened, desired, desired_why, sha, before_sha, changed_by, settled_generation, status, detail, visible, provider, attempts, url,
      created_at, ready_at)
    select 'deploy_' || lpad(n::text, 26, '0'), 'proj_list', n, 'Change number ' || n, 'feature-' || n, 'main', 'Codertocat',
      'https://github.com/Codertocat/List/pull/' || n, false, true, now(), false, 'deployed', 'OPEN', md5(n::text) || '00000000', '', 'bench', 1,
      'READY', 'READY', true, 'mock', 1, 'http://127.0.0.1:4010/p/deploy-' || n || '/', now() - (1000 - n) * interval '1 minute', now()
    from generate_series(1, 200) n`);
  await sql('analyze previews; analyze peer.previews');
}

export function redis(...words) {
  const url = new URL(settings.redis);
  return execFileSync('redis-cli', ['-h', url.hostname, '-p', url.port, ...words], { encoding: 'utf8' });
}

// Commands as one pipeline, each a line of words.
export function redisPipe(lines) {
  const url = new URL(settings.redis);
  return execFileSync('redis-cli', ['-h', url.hostname, '-p', url.port, '--pipe'], { input: lines.join('\r\n') + '\r\n', encoding: 'utf8' });
}
