-- The rows of one webhook, one statement: what tests/bench/lib/pgbench.mjs sends 16 times in a pipeline with one commit.
-- The same tables, conditions and payload as webhook_ingest, for one delivery. :n differs in each, :payload is the body;
-- pgbench can only send text, and convert_to costs less than reading a bytea's text.
with delivery as (
	insert into deliveries (id, digest, event, action, repo_full_name, pr_number, outcome, reason, decisions, payload)
	values ('hook_' || :n, sha256((:n)::text::bytea), 'pull_request', 'opened', 'Codertocat/Hello-World', :n, 'accepted',
		'the pull request is open', '[{"projectId":"proj_demo","desired":"deployed","rule":"OPEN"}]', convert_to(:payload, 'UTF8'))
	on conflict do nothing
	returning id
), preview as (
	insert into previews as p (id, project_id, pr_number, title, branch, base_branch, author, html_url, from_fork, pr_open,
		pr_updated_at, reopened, desired, desired_why, sha, before_sha, changed_by, settled_generation, status, detail, visible)
	select 'deploy_' || :n, 'proj_demo', :n, 'Update the README with new information.', 'changes', 'master', 'Codertocat',
		'https://github.com/Codertocat/Hello-World/pull/2', false, true, now(), false, 'deployed', 'OPEN',
		'ec26c3e57ca3a959ca5aad62de7213c562f8c821', '', id, 0, 'QUEUED', 'WAITING', true
	from delivery
	on conflict (project_id, pr_number) do update set
		title = excluded.title, branch = excluded.branch, base_branch = excluded.base_branch, author = excluded.author,
		html_url = excluded.html_url, from_fork = excluded.from_fork, pr_open = excluded.pr_open,
		pr_updated_at = excluded.pr_updated_at, desired_why = excluded.desired_why, before_sha = excluded.before_sha,
		generation = p.generation + (p.desired <> excluded.desired or p.sha <> excluded.sha)::int,
		changed_by = excluded.changed_by, status = 'QUEUED', detail = 'WAITING', desired = excluded.desired, sha = excluded.sha,
		updated_at = now()
	where excluded.pr_updated_at > p.pr_updated_at
	returning id
), job as (
	insert into jobs as j (id, queue, kind, key)
	select 'job_' || :n, 'preview-queue', 'reconcile', id from preview
	on conflict (kind, key) do update set again = j.state = 'active', run_at = now()
	returning id
)
select (select id from delivery) as id, (select count(*) from preview) as written, (select id from job) as job;
