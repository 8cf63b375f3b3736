-- Sweeps: which repository is asked about next, and what is known of its pull requests. One worker sweeps a repository at a time; each
-- write carries its name.

-- name: github_repos_sync
-- One row for each repository that a project deploys, and one for the webhook of the GitHub App, if there is one. $1 there is.
with wanted as (
	select lower(repo_full_name) as repo, min(repo_full_name) as spelled from projects where deleting_at is null group by 1
	union all
	select '(app)', '(app)' where $1::bool
), gone as (
	delete from github_repos g where not exists (select 1 from wanted w where w.repo = g.repo)
)
insert into github_repos as g (repo, spelled)
select repo, spelled from wanted
on conflict (repo) do update set spelled = excluded.spelled where g.spelled <> excluded.spelled;

-- name: github_repo_claim
-- $1 worker, $2 lease in ms, $3 only this repository or null.
update github_repos g set lease_until = now() + $2::bigint * interval '1 ms', worker = $1::text
where repo = (select repo from github_repos
	where (next_at <= now() or $3::text is not null) and (lease_until is null or lease_until < now()) and ($3 is null or repo = $3)
	order by next_at limit 1 for update skip locked)
returning repo, spelled, etags, hook_id, deliveries_since, projects as compared,
	(select coalesce(string_agg(p.id, ',' order by p.id), '') from projects p
		where lower(p.repo_full_name) = g.repo and p.deleting_at is null) as projects;

-- name: github_repos_list
-- For the administrator: every repository as its next sweep would find it. $1 behind this one, $2 how many.
select repo, spelled, etags, hook_id, deliveries_since, projects as compared, swept_at, last_error,
	(select coalesce(string_agg(p.id, ',' order by p.id), '') from projects p
		where lower(p.repo_full_name) = g.repo and p.deleting_at is null) as projects
from github_repos g where repo > $1::text order by repo limit $2::int;

-- name: github_repo_release
-- $1 repository, $2 worker, $3 ms until the next sweep, $4 error or null. Null leaves as it is: $5 etags, $6 what they were compared with,
-- $7 hook, $8 since when deliveries are open.
update github_repos set lease_until = null, worker = null, next_at = greatest(next_at, now() + $3::bigint * interval '1 ms'),
	last_error = $4::text, swept_at = case when $4 is null then now() else swept_at end,
	etags = coalesce($5::text, etags), projects = coalesce($6::text, projects), hook_id = coalesce($7::bigint, hook_id),
	deliveries_since = coalesce($8::timestamptz, deliveries_since)
where repo = $1::text and worker = $2::text;

-- name: github_pause
-- An allowance of requests is used up: nobody asks before $1. $2: only for the repositories of this account; empty = all.
update github_repos set next_at = $1::timestamptz where next_at < $1 and ($2::text = '' or split_part(repo, '/', 1) = $2);

-- name: github_known
-- What is known of these pull requests. $1 repository, $2 their numbers.
select v.pr_number, v.project_id, v.sha, v.pr_open, v.pr_updated_at, v.desired <> 'destroyed' as live,
	starts_with(v.changed_by, 'hook_sweep_') as by_sweep, v.generation
from projects p join previews v on v.project_id = p.id and v.pr_number = any ($2::bigint[]::int[])
where lower(p.repo_full_name) = $1::text and p.deleting_at is null
order by v.pr_number, v.project_id
limit 100000;

-- name: github_absent
-- Pull requests that are open as far as is known, but not in GitHub's list; those of github_closings are asked for anyway. $1 repository,
-- $2 the list's numbers, $3 how many.
select distinct v.pr_number
from projects p join previews v on v.project_id = p.id
where lower(p.repo_full_name) = $1::text and p.deleting_at is null and v.pr_open and not v.pr_number = any ($2::bigint[]::int[])
	and not exists (select 1 from github_closings c where c.repo = $1 and c.pr_number = v.pr_number)
order by v.pr_number
limit $3::int;

-- name: github_live
-- How many previews a repository has. $1 repository.
select count(*) as live
from projects p join previews v on v.project_id = p.id
where lower(p.repo_full_name) = $1::text and p.deleting_at is null and v.desired <> 'destroyed';

-- name: github_last_facts
-- What was last known of a pull request that GitHub has no more. $1 repository, $2 number.
select v.title, v.branch, v.base_branch, v.author, v.html_url, v.from_fork, v.sha, v.pr_updated_at, iso_time(v.pr_updated_at) as updated_at
from projects p join previews v on v.project_id = p.id and v.pr_number = $2::int
where lower(p.repo_full_name) = $1::text and p.deleting_at is null
order by v.pr_updated_at desc limit 1;

-- name: github_closings
-- Those somebody has said yes to first; the others take turns, when there are more than a sweep asks for. $1 repository, $2 how many.
select pr_number, why, held_at is not null as held, confirmed_at is not null as confirmed,
	first_at <= now() - interval '10 minutes' as old
from github_closings where repo = $1::text order by confirmed_at is null, random() limit $2::int;

-- name: github_closing_put
-- $1 repository, $2 number, $3 why, $4 it is held. Another reason is another finding.
insert into github_closings as c (repo, pr_number, why, held_at)
select $1::text, $2::int, $3::text, case when $4::bool then now() end from github_repos where repo = $1
on conflict (repo, pr_number) do update set why = excluded.why,
	first_at = case when c.why = excluded.why then c.first_at else now() end,
	held_at = case when excluded.held_at is null then null else coalesce(c.held_at, excluded.held_at) end,
	confirmed_at = case when c.why = excluded.why then c.confirmed_at end;

-- name: github_closings_drop
-- $1 repository, $2 numbers.
delete from github_closings where repo = $1::text and pr_number = any ($2::bigint[]::int[]);

-- name: github_held
-- For the administrator: what waits for a yes, once for each project it touches. $1 one repository or null, $2 how many.
select c.repo, c.pr_number, c.why, c.held_at, p.id as project_id, p.org_id
from github_closings c join projects p on lower(p.repo_full_name) = c.repo and p.deleting_at is null
where c.held_at is not null and c.confirmed_at is null and ($1::text is null or c.repo = lower($1))
order by c.repo, c.pr_number, p.id limit $2::int;

-- name: github_confirm
-- A yes to one of them; its repository is swept at once. $1 repository, $2 number, $3 project, $4 organization; audit: $5 row id, $6 who.
with c as (
	update github_closings set confirmed_at = now() where repo = $1::text and pr_number = $2::int and held_at is not null
	returning repo, pr_number, why
), r as (
	update github_repos set next_at = now() from c where github_repos.repo = c.repo
)
select audit_add($5::text, $4::text, $6::text[], 'github.confirm', 'project', $3::text, $3, null,
	jsonb_build_object('prNumber', c.pr_number, 'why', c.why)) as "_audit"
from c;

-- name: github_deliveries_known
-- Which of these deliveries arrived although GitHub believes that they did not. $1 ids.
select id from deliveries where id = any ($1::text[]);
