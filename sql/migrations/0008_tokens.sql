-- What a token's rotation needs to know; and when the processes are told that rights were taken away.

alter table api_tokens
	add column lifetime interval,  -- from its making to its end, and its successor's; null: it has no end
	add column rotated_from text;  -- the token whose successor it is
update api_tokens set lifetime = expires_at - created_at;

-- Processes forget who may do what when rights were taken away, not when a sweep found nothing to delete: a trigger of each row, where
-- one of each statement fires for no rows as well. Equal notifications of one transaction are sent once.
drop trigger access_changed on members;
drop trigger access_changed on project_members;
drop trigger access_changed on sessions;
drop trigger access_changed on api_tokens;
drop trigger access_changed on users;
drop trigger access_changed on projects;
drop trigger access_changed on organizations;
create trigger access_changed after update or delete on members for each row execute function access_changed();
create trigger access_changed after update or delete on project_members for each row execute function access_changed();
create trigger access_changed after update of revoked_at or delete on sessions for each row execute function access_changed();
create trigger access_changed after update of revoked_at, expires_at, scope or delete on api_tokens
	for each row execute function access_changed();
create trigger access_changed after update of active or delete on users for each row execute function access_changed();
create trigger access_changed after update of deleting_at or delete on projects for each row execute function access_changed();
create trigger access_changed after update of deleting_at or delete on organizations for each row execute function access_changed();
