// Real values for the parameters of paths: what is there in this stack, asked from the lists in front of them.
import assert from 'node:assert/strict';
import { api, deployment, get, post } from './client.mjs';
import { env } from './env.mjs';
import { deliver, pullRequest } from './github.mjs';
import { all } from './openapi.mjs';
import { run } from './sql.mjs';

export const known = {};

export const namesIn = (path) => [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
// A path with its parameters filled in: by `values`, by what is known, or by an id that is not there.
export const pathOf = (path, values = {}) => path.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? known[name] ?? `${name}_00000000000000000000000000`);

// The newest element of the list in front of a parameter: /orgs/{orgId} from /orgs.
async function learn(path) {
  const [, list, name] = /^(.*)\/\{(\w+)\}$/.exec(path);
  if (known[name] || !all.some((one) => one.method === 'GET' && one.path === list)) return;
  const { status, json } = await get(pathOf(list));
  if (status === 200 && Array.isArray(json) && json[0]?.id) known[name] = json[0].id;
}

// Fills `known`, with the demonstration data and one preview that is READY.
export async function learnAll() {
  assert.equal((await deliver('pull_request', pullRequest('opened', 1))).status, 202);
  Object.assign(known, { orgId: 'org_demo', projectId: env.project, deploymentId: (await deployment(1, 'READY', { seconds: 60 })).id });
  const environments = await get(`/projects/${env.project}/environments`);
  Object.assign(known, { environmentId: environments.json[0].id, key: 'KNOWN' });
  await post(`/environments/${known.environmentId}/envvars`, { body: { key: known.key, value: 'known' } });
  await post(`/projects/${env.project}/health-checks`, { body: { name: 'Shop', url: 'https://shop.example.com/', intervalSec: 3600 } });
  await api('PUT', `/projects/${env.project}/status-page`, { body: { enabled: true, slug: 'known' } });
  known.slug = 'known';
  await post(`/projects/${env.project}/maintenance-windows`, { body: { name: 'Night', weekly: { weekdays: ['SUN'], startTime: '02:00', durationMin: 60 } } });
  // what the prober would find, were there anything to probe
  run(`with i as (
      insert into health_incidents (id, project_id, check_id, began_at, error, message, cause, thread_key)
      select id_new('inc_'), project_id, id, now() - interval '65 s', 'STATUS', 'It answered 503, which is not an expected status.', 'host shop.example.com STATUS',
        'incident:1' from health_checks where project_id = '${env.project}'
      on conflict do nothing returning *)
    insert into health_alerts (id, project_id, check_id, incident_id, kind, error, message, announced_at)
    select id_new('alert_'), project_id, check_id, id, 'OPENED', error, message, now() from i`);
  for (const { path } of all) for (const { index, 0: text } of path.matchAll(/\{\w+\}/g)) await learn(path.slice(0, index + text.length));
}
