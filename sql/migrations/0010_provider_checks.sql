-- What came of asking a project's provider whether a deployment would work (POST /projects/:id/provider/verify). The API writes the
-- question, a worker, which alone runs plugins, the answer.
create table provider_checks (
	project_id text primary key references projects on delete cascade,
	asked bigint not null default 1,    -- counts the questions
	answered bigint not null default 0, -- the newest question that the report answers
	report jsonb not null default '{}', -- {"provider","ok","account","lines":[{"label","text","state"}]}
	answered_at timestamptz
);
