// Which variables get new values, and how the last ones went. Changed over the API alone.

import { $, api, element, when } from './page.js';

const SHOWN = 10;

function policyLine(p) {
  const how = p.generator.type === 'remind' ? 'people are reminded' : `a new value (${p.generator.type})`;
  const due = p.enabled ? p.nextDueAt && `next ${when(p.nextDueAt)}` : 'switched off';
  return [`${p.name}: ${p.environment} ${p.keyPattern}, ${how} every ${p.rotateEveryDays} days`, `${p.matchingCount} variables`, due].filter(Boolean).join(', ');
}

function rotationRow(r) {
  const tr = element('tr');
  tr.append(element('td', r.key), element('td', r.environment), element('td', r.state), element('td', r.reason), element('td', r.startedBy),
    element('td', when(r.endedAt || r.startedAt)));
  return tr;
}

export async function showRotation(project) {
  const [{ data: policies }, { data: rotations }] = await Promise.all([
    api('GET', `/projects/${project}/secret-policies`), api('GET', `/projects/${project}/rotations?limit=${SHOWN}`),
  ]);
  $('policies').replaceChildren(...policies.map((p) => element('li', policyLine(p))));
  $('rotation-rows').replaceChildren(...rotations.map(rotationRow));
  $('rotation').hidden = policies.length + rotations.length === 0;
}
