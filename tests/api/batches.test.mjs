// stack: --api 1
// Webhooks on their way to one commit: events of one pull request keep their order, whatever batch they are in; the row of a
// delivery says what came of it; every project of a repository is reached.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { env } from '../lib/env.mjs';
import { deliver, pullRequest, timeOfEvent } from '../lib/github.mjs';
import { one, rows, run, session } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

let holder;
before(() => { holder = session(); });
after(() => holder.end());

const waiting = () => one("select count(*)::int as n from pg_stat_activity where application_name like 'opshub-api%' and wait_event_type = 'Lock'").n;
const delivery = (guid) => one(`select outcome, reason, decisions::json, received_at from deliveries where id = 'hook_${guid}'`);
const preview = (pr, project = 'proj_demo') =>
  one(`select desired, sha, pr_open, generation from previews where project_id = '${project}' and pr_number = ${pr}`);

test('a batch takes no event of a pull request that another batch holds', async () => {
  await holder.ask('begin; lock table deliveries in exclusive mode');
  const updatedAt = timeOfEvent(); // all in one second: only the order of their arrival tells them apart
  const opened = deliver('pull_request', pullRequest('opened', 1, { updatedAt }));
  await until('the first batch waits for the lock', () => waiting() === 1);
  const closed = deliver('pull_request', pullRequest('closed', 1, { updatedAt }));
  const other = deliver('pull_request', pullRequest('opened', 2, { updatedAt }));
  await until('the second batch waits for the lock', () => waiting() === 2);
  const released = (await holder.ask('select clock_timestamp(); commit')).trim();
  const answers = await Promise.all([opened, closed, other]);
  assert.deepEqual(answers.map((a) => [a.status, a.json.outcome]), Array(3).fill([202, 'accepted']));
  // received_at is when its transaction began: the closing was in neither of the two batches that waited
  const began = answers.map((a) => one(`select received_at > '${released}' as later from deliveries where id = 'hook_${a.guid}'`).later);
  assert.deepEqual(began, [false, true, false]);
  assert.equal(preview(1).desired, 'destroyed');
});

test('a stale delivery says so in its row as in its answer', async () => {
  const [old, now] = [timeOfEvent(), timeOfEvent()];
  const first = await deliver('pull_request', pullRequest('opened', 30, { updatedAt: now }));
  const late = await deliver('pull_request', pullRequest('closed', 30, { updatedAt: old }));
  assert.equal(first.json.outcome, 'accepted');
  assert.equal(late.json.outcome, 'stale');
  assert.equal(late.status, 202);
  assert.match(late.json.message, /newer events of this pull request are known/);
  assert.equal(delivery(first.guid).outcome, 'accepted');
  const row = delivery(late.guid);
  assert.equal(row.outcome, 'stale');
  assert.match(row.reason, /newer events of this pull request are known/);
  assert.equal(row.decisions[0].rule, 'CLOSED'); // what the rules said of it is kept
  assert.equal(preview(30).desired, 'deployed');
  // a copy of a stale delivery is a duplicate of it and changes nothing
  const again = await deliver('pull_request', pullRequest('closed', 30, { updatedAt: old }), { guid: late.guid });
  assert.equal(again.status, 200);
  assert.equal(again.json.outcome, 'duplicate');
  assert.equal(delivery(late.guid).outcome, 'stale');
});

test('a known id with another body writes nothing', async () => {
  const first = await deliver('pull_request', pullRequest('opened', 40));
  const forged = await deliver('pull_request', pullRequest('opened', 41), { guid: first.guid });
  assert.equal(forged.status, 200, forged.text);
  assert.equal(forged.json.deliveryId, `hook_${first.guid}`);
  assert.equal(preview(41), undefined);
  // both at once, so that they would be in one batch
  await holder.ask('begin; lock table deliveries in exclusive mode');
  const blocker = deliver('pull_request', pullRequest('opened', 42));
  await until('a batch waits for the lock', () => waiting() === 1);
  const guid = '00000000-1111-2222-3333-444444444444';
  const both = [43, 44].map((pr) => deliver('pull_request', pullRequest('opened', pr), { guid }));
  await until('another batch waits for the lock', () => waiting() === 2);
  await holder.ask('commit');
  const answers = await Promise.all(both);
  assert.equal((await blocker).status, 202);
  assert.deepEqual(answers.map((a) => a.status).sort(), [200, 202]);
  assert.equal([43, 44].filter((pr) => preview(pr)).length, 1);
});

const projects = (n, repo) => run(`insert into projects (id, org_id, name, repo_full_name, provider)
  select 'proj_' || lpad(i::text, 4, '0') || '${repo.replace(/\W/g, '')}', 'org_demo', '${repo} ' || i, '${repo}', 'mock' from generate_series(1, ${n}) i`);
function eventOf(repo, pr) {
  const event = pullRequest('opened', pr);
  event.repository.full_name = repo;
  event.pull_request.base.repo.full_name = event.pull_request.head.repo.full_name = repo;
  return event;
}

test('all 40 projects of a repository get the event', async () => {
  projects(40, 'Many/Projects');
  const answer = await deliver('pull_request', eventOf('many/projects', 1));
  assert.equal(answer.status, 202, answer.text);
  assert.equal(answer.json.outcome, 'accepted');
  const found = rows("select p.status, j.id as job from previews p left join jobs j on j.key = p.id where p.project_id like 'proj_%ManyProjects'");
  assert.equal(found.length, 40);
  assert.equal(new Set(delivery(answer.guid).decisions.map((d) => d.projectId)).size, 40);
});

test('more projects than a delivery reaches: the first 1,000 get it, the log names the rest', async () => {
  projects(1003, 'Too/Many');
  const answer = await deliver('pull_request', eventOf('Too/Many', 1), { timeout: 30_000 });
  assert.equal(answer.status, 202, answer.text);
  assert.equal(one("select count(*)::int as n from previews where project_id like 'proj_%TooMany'").n, 1000);
  assert.equal(delivery(answer.guid).decisions.length, 1000);
  const line = await until('the log says so', () => readFileSync(env.log, 'utf8').split('\n').find((l) => l.includes('more projects than a delivery reaches')));
  assert.deepEqual([JSON.parse(line).level, JSON.parse(line).metadata.projects], ['error', 1003]);
});
