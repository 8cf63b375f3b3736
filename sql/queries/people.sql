-- People and what they may see.

-- name: me
-- $1 user.
select u.id, u.email, u.name, u.avatar_url as "avatarUrl", u.github_login as "githubLogin", u.last_seen_at as "lastSeenAt",
	(select coalesce(json_agg(json_build_object('id', o.id, 'name', o.name, 'slug', o.slug, 'role', m.role) order by o.id), '[]')
	from members m join organizations o on o.id = m.org_id where m.user_id = u.id) as organizations
from users u
where u.id = $1::text;
