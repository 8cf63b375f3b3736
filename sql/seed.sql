-- Demonstration data: one organization, one user of each role, one project for the repository of GitHub's own sample
-- payloads. Can be run again: it changes nothing that is there.
insert into organizations (id, name, slug, description)
values ('org_demo', 'Demo', 'demo', 'Made by opshubd db seed') on conflict do nothing;

insert into users (id, email, name) values
	('user_00000000000000000000000001', 'owner@demo.opshub.local', 'Olivia Owner'),
	('user_00000000000000000000000002', 'maintainer@demo.opshub.local', 'Max Maintainer'),
	('user_00000000000000000000000003', 'developer@demo.opshub.local', 'Dana Developer'),
	('user_00000000000000000000000004', 'viewer@demo.opshub.local', 'Vera Viewer')
on conflict do nothing;

insert into members (org_id, user_id, role) values
	('org_demo', 'user_00000000000000000000000001', 'OWNER'),
	('org_demo', 'user_00000000000000000000000002', 'MAINTAINER'),
	('org_demo', 'user_00000000000000000000000003', 'DEVELOPER'),
	('org_demo', 'user_00000000000000000000000004', 'VIEWER')
on conflict do nothing;

insert into projects (id, org_id, name, repo_full_name, default_branch, provider)
values ('proj_demo', 'org_demo', 'hello-world', 'Codertocat/Hello-World', 'master', 'mock') on conflict do nothing;
