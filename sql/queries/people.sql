-- People and what they may see.

-- name: me
-- $1 user.
select u.id, u.email, u.name, u.avatar_url as "avatarUrl", u.github_login as "githubLogin", u.last_seen_at as "lastSeenAt",
	(select coalesce(json_agg(json_build_object('id', o.id, 'name', o.name, 'slug', o.slug, 'role', m.role) order by o.id), '[]')
	from members m join organizations o on o.id = m.org_id where m.user_id = u.id) as organizations
from users u
where u.id = $1::text;

-- name: projects_of
-- $1 user, $2 before this id, $3 how many.
select p.id, p.org_id as "orgId", p.name, p.repo_full_name as "repoFullName", p.default_branch as "defaultBranch", p.description, p.provider,
	m.role, p.created_at as "createdAt"
from members m join projects p on p.org_id = m.org_id
where m.user_id = $1::text and p.id < $2::text
order by p.id desc
limit $3::int;
