// Incidents of a project's checks: what is open first, and who looks after it.

import { $, api, element, when } from './page.js';

const SHOWN = 20;
const state = { project: null, asked: null, run: () => {} };

function row(i) {
  const tr = element('tr'), what = element('td'), actions = element('td');
  const status = i.endedAt ? 'ENDED' : 'OPEN';
  what.append(element('div', i.message), element('div', i.acknowledgedBy ? `${i.acknowledgedBy} looks after it${i.note ? `: ${i.note}` : ''}` : '', { className: 'hint' }));
  if (!i.endedAt && !i.acknowledgedAt) {
    actions.append(element('button', 'Acknowledge', { type: 'button', ariaLabel: `Acknowledge ${i.healthCheck}`, onclick: () => ask(i) }));
  }
  tr.append(element('td', i.healthCheck), element('td', status, { className: `status ${status}` }), what, element('td', when(i.beganAt)), element('td', when(i.endedAt)), actions);
  return tr;
}

function ask(incident) {
  state.asked = incident;
  $('acknowledge-name').textContent = incident.healthCheck;
  $('acknowledge').hidden = false;
  $('note').focus();
}

export async function showIncidents(project, run) {
  const { data } = await api('GET', `/projects/${project}/incidents?limit=${SHOWN}`);
  if (state.project !== project) $('acknowledge').hidden = true;
  Object.assign(state, { project, run });
  const focused = document.activeElement?.ariaLabel;
  $('incident-rows').replaceChildren(...data.filter((i) => !i.endedAt).map(row), ...data.filter((i) => i.endedAt).map(row));
  if (focused) $('incident-rows').querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
  $('incidents').hidden = data.length === 0;
}

async function acknowledge() {
  const { healthCheckId, id } = state.asked, note = $('note').value;
  await api('POST', `/health-checks/${healthCheckId}/incidents/${id}/acknowledge`, note ? { note } : {});
  $('note').value = '';
  $('acknowledge').hidden = true;
  await showIncidents(state.project, state.run);
}

$('acknowledge').onsubmit = (event) => {
  event.preventDefault();
  state.run(acknowledge());
};
$('acknowledge-cancel').onclick = () => { $('acknowledge').hidden = true; };
