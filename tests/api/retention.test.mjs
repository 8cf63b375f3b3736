// stack: --workers 2 --env MOCK_BUILD_MS=100 --env RETENTION_SWEEP_MS=300 --env BUILD_LOG_RETENTION_DAYS=7
// What is kept for a while only: old deliveries and the build output of what is gone. Nothing younger goes with it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { deployment, deploymentsOf, get } from '../lib/client.mjs';
import { deliver, pullRequest } from '../lib/github.mjs';
import { logLines } from '../lib/log.mjs';
import { one, run } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

const count = (from) => one(`select count(*)::int as n from ${from}`).n;
const old = (days) => `received_at < now() - interval '${days} days'`;

test('deliveries older than 30 days go, all of them; the others stay', async () => {
  await deliver('pull_request', pullRequest('opened', 1));
  await deployment(1, 'READY');
  run(`insert into deliveries (id, digest, event, action, repo_full_name, outcome, reason, decisions, payload, received_at)
    select 'hook_old-' || n, sha256(n::text::bytea), 'pull_request', 'opened', 'a/b', 'accepted', '', '[]', 'x',
      now() - case when n <= 1500 then interval '31 days 1 minute' else interval '29 days 23 hours' end
    from generate_series(1, 1600) n`);
  await until('the old ones are gone', () => count(`deliveries where ${old(31)}`) === 0);
  assert.equal(count(`deliveries where ${old(29)}`), 100);
  assert.equal(count("deliveries where id not like 'hook_old-%'"), 1);
  const said = await until('the log says so', () => {
    const lines = logLines().filter((line) => line.context === 'Retention' && line.metadata.what === 'deliveries');
    return lines.reduce((n, line) => n + line.metadata.rows, 0) === 1500 && lines;
  });
  assert.ok(said.every((line) => line.level === 'info' && line.metadata.days === 30));
});

test('a delivery that was forgotten and comes again changes nothing', async () => {
  const guid = randomUUID();
  const opened = pullRequest('opened', 2);
  assert.equal((await deliver('pull_request', opened, { guid })).status, 202);
  await deployment(2, 'READY');
  await deliver('pull_request', pullRequest('closed', 2));
  await deployment(2, 'DESTROYED');
  assert.equal((await deliver('pull_request', opened, { guid })).status, 200, 'a duplicate while it is known');
  run(`update deliveries set received_at = now() - interval '31 days' where id = 'hook_${guid}'`);
  await until('it is forgotten', () => count(`deliveries where id = 'hook_${guid}'`) === 0);
  assert.equal((await deliver('pull_request', opened, { guid })).status, 202);
  assert.equal(one('select desired from previews where pr_number = 2').desired, 'destroyed');
});

test('build output goes a week after its deployment, what is up keeps its own', async () => {
  for (const pr of [3, 4]) await deliver('pull_request', pullRequest('opened', pr));
  for (const pr of [3, 4]) await deployment(pr, 'READY');
  await deliver('pull_request', pullRequest('closed', 3));
  await deployment(3, 'DESTROYED');
  const logsOf = async (pr) => (await get(`/deployments/${(await deploymentsOf(pr))[0].id}/logs`)).json;
  assert.ok((await logsOf(3)).length > 0);
  const attempts = (pr) => `preview_attempts where preview_id = (select id from previews where pr_number = ${pr})`;
  run(`update preview_attempts set gone_at = now() - interval '7 days 1 minute' where id in (select id from ${attempts(3)})`);
  run(`update preview_attempts set created_at = now() - interval '80 days' where id in (select id from ${attempts(4)})`);
  await until('it is deleted', async () => (await logsOf(3)).length === 0);
  assert.ok((await logsOf(4)).length > 0);
  assert.equal(count(attempts(3)), 1, 'the attempt stays');
  assert.ok(count('deploy_events where preview_id = (select id from previews where pr_number = 3)') >= 3, 'and so does its history');
});
