-- Indexes of lists that are filtered: without them a filter that matches little walks everything else.

create index previews_status on previews (project_id, status, created_at, id) where visible;

-- Also without a filter, by taking the newest of each outcome.
create index deliveries_list on deliveries (lower(repo_full_name), outcome, received_at, id);
