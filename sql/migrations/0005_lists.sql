-- Indexes of lists that are filtered: without them a filter that matches little walks everything else.

create index previews_status on previews (project_id, status, created_at, id) where visible;

-- Of a delivery every byte in an index is paid by each webhook: compared as bytes, in the case in which it is looked for, and
-- without the id, which only orders deliveries of one commit. Without a filter the newest of each outcome are taken.
update deliveries set repo_full_name = lower(repo_full_name) where repo_full_name <> lower(repo_full_name);
alter table deliveries alter repo_full_name type text collate "C", alter outcome type text collate "C";
create index deliveries_list on deliveries (repo_full_name, outcome, received_at);
