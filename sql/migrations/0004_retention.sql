-- What is old is found in the order of its age, without reading what is not: statements here never scan a whole table, and a BRIN
-- index says little once deleted rows' places have been filled again. By day, so that lists by time, which have an index of
-- their own, are never planned to read this one through.
drop index deliveries_received;
create index deliveries_received on deliveries (((received_at at time zone 'UTC')::date));
create index preview_attempts_logs on preview_attempts (gone_at) where gone_at is not null and log_bytes > 0;
