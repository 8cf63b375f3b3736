-- What a token's rotation needs to know.

alter table api_tokens
	add column lifetime interval,  -- from its making to its end, and its successor's; null: it has no end
	add column rotated_from text;  -- the token whose successor it is
update api_tokens set lifetime = expires_at - created_at;
