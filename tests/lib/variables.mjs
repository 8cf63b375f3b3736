// Variables of a project's preview environment, sealed here as the server seals them, under the master key.
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { rows, run } from './sql.mjs';

const masterKey = () => Buffer.from(process.env.ENCRYPTION_KEY_BASE64, 'base64');
const keyId = () => createHmac('sha256', masterKey()).update('opshub/key-id/v1').digest().subarray(0, 8);
const context = (fields) => Buffer.concat(fields.flatMap((field) => {
  const bytes = Buffer.from(String(field)), size = Buffer.alloc(4);
  size.writeUInt32BE(bytes.length);
  return [size, bytes];
}));

function seal(fields, value) {
  const salt = randomBytes(32), nonce = randomBytes(12);
  const key = Buffer.from(hkdfSync('sha256', masterKey(), salt, 'opshub/secret/v1', 32));
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(context(fields));
  const text = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
  return Buffer.concat([Buffer.from([1]), keyId(), salt, nonce, text, cipher.getAuthTag()]);
}

export const environment = (project) => rows(`select e.id, p.org_id as org from environments e join projects p on p.id = e.project_id
  where e.project_id = '${project}' and e.name = 'PREVIEW'`)[0];

function unseal(fields, sealed) {
  const key = Buffer.from(hkdfSync('sha256', masterKey(), sealed.subarray(9, 41), 'opshub/secret/v1', 32));
  const cipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(41, 53));
  cipher.setAAD(context(fields));
  cipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([cipher.update(sealed.subarray(53, -16)), cipher.final()]);
}

// A project's data key, and the token of an attempt's decoy under it.
export const projectKey = (project) => unseal(['project_keys', project],
  Buffer.from(rows(`select encode(wrapped, 'hex') as wrapped from project_keys where project_id = '${project}'`)[0].wrapped, 'hex'));
export const token = (key, attempt) => createHmac('sha256', Buffer.from(hkdfSync('sha256', key, '', 'opshub/decoy/v1', 32))).update(attempt)
  .digest('hex').slice(0, 40);

// What the provider mock shows of a value.
export const digest = (key, value) => `${key}=${createHmac('sha256', 'opshub-mock').update(value).digest('base64')}`;

// One more version of each: ACTIVE in place of the one before (then GRACE), or PENDING for the preview `trial`. values: { KEY: value }.
export function setVariables(project, values, { forkSafe = false, buildOnly = false, state = 'ACTIVE', trial = null, sealedFor } = {}) {
  const { id: env, org } = environment(project);
  const last = Object.fromEntries(rows(`select key, last_version as n from env_vars where environment_id = '${env}'`).map((r) => [r.key, r.n]));
  run(`begin; ${Object.entries(values).map(([key, value]) => {
    const id = `var_${project.slice(5)}_${key.toLowerCase()}`, version = (last[key] ?? 0) + 1;
    const sealed = seal(['env_vars', org, project, env, sealedFor ?? key, version], value).toString('hex');
    return `insert into env_vars (id, environment_id, key, fork_safe, build_only, last_version)
        values ('${id}', '${env}', '${key}', ${forkSafe}, ${buildOnly}, ${version})
        on conflict (environment_id, key) do update set fork_safe = ${forkSafe}, build_only = ${buildOnly}, last_version = ${version};
      ${state === 'ACTIVE' ? `update env_var_versions set state = 'GRACE' where var_id = '${id}' and state = 'ACTIVE';` : ''}
      insert into env_var_versions (var_id, version, state, sealed, key_id, mask, fingerprint, source, trial_preview_id)
      values ('${id}', ${version}, '${state}', '\\x${sealed}', '${keyId().toString('hex')}', '***', '${randomBytes(16).toString('hex')}',
        'SET', ${trial ? `'${trial}'` : 'null'});`;
  }).join('\n')} commit;`);
}
export const setVariable = (project, key, value, more) => setVariables(project, { [key]: value }, more);
