// People who are not in the demonstration data, their tokens, and what the audit says of them.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { post } from './client.mjs';
import { rows, run } from './sql.mjs';

let number = 0;

// Somebody who is logged in and belongs to no organization: { id, email, token }.
export async function person(name = `somebody${++number}`) {
  const email = `${name}.${randomBytes(4).toString('hex')}@example.org`;
  const answer = await post('/test/login-as', { token: null, body: { email } });
  assert.equal(answer.status, 200, answer.text);
  const { id } = answer.json.user;
  run(`delete from members where user_id = '${id}'`); // the test login makes everybody a member of the demo organization
  return { id, email, token: answer.json.token };
}

// An organization of that person: its object.
export async function organization(owner, name = `Org ${randomBytes(6).toString('hex')}`) {
  const answer = await post('/orgs', { token: owner.token, body: { name } });
  assert.equal(answer.status, 201, answer.text);
  return answer.json;
}

// Somebody new with a role in it.
export async function member(org, owner, role) {
  const who = await person(role.toLowerCase());
  const answer = await post(`/orgs/${org.id}/members`, { token: owner.token, body: { userId: who.id, role } });
  assert.equal(answer.status, 201, answer.text);
  return who;
}

export async function project(org, owner, fields = {}) {
  const name = fields.name ?? `p${randomBytes(6).toString('hex')}`;
  const answer = await post(`/orgs/${org.id}/projects`, { token: owner.token, body: { name, repoFullName: `acme/${name}`, ...fields } });
  assert.equal(answer.status, 201, answer.text);
  return answer.json;
}

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const base62 = (value, length) => {
  let text = '';
  for (let rest = BigInt(value); text.length < length; rest /= 62n) text = digits[Number(rest % 62n)] + text;
  return text;
};

// An API token of that person, written where the daemon looks for one. scope: read, write or admin; project: the only one.
export function apiToken(who, scope, project) {
  const body = `oph_${base62(`0x${randomBytes(32).toString('hex')}`, 43)}`;
  const token = body + base62(crc32(body), 6);
  const hash = createHash('sha256').update(token).digest('hex');
  run(`insert into api_tokens (id, user_id, name, hash, scope, project_id) values ('tok_${randomBytes(10).toString('hex')}', '${who.id}',
    'test', '\\x${hash}', '${scope}', ${project ? `'${project}'` : 'null'})`);
  return token;
}

// Audit rows of an organization, oldest first.
export const audit = (org, action) => rows(`select seq, actor_kind, actor_id, action, target_kind, target_id, project_id, before, after
  from audit_log where org_id = '${org.id ?? org}' ${action ? `and action = '${action}'` : ''} order by seq`).map((row) => ({
  ...row, before: row.before && JSON.parse(row.before), after: row.after && JSON.parse(row.after) }));

// The fields that a 422 names.
export const faultyFields = (answer) => (answer.json.details ?? []).map((d) => d.field).sort();
