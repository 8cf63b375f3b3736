// Adding and changing a health check. Of a preview's check name and URL are the preview's.

import { $, api, chosen, choices } from './page.js';

const NUMBERS = { 'check-min': 'expectedMin', 'check-max': 'expectedMax', 'check-interval': 'intervalSec', 'check-timeout': 'timeoutMs',
  'check-failures': 'failureThreshold', 'check-recovery': 'recoveryThreshold', 'check-redirects': 'redirects' };
const DEFAULTS = { name: '', url: '', method: 'GET', headers: [], expectedMin: 200, expectedMax: 399, responseContains: null, maxLatencyMs: null, intervalSec: 60,
  timeoutMs: 5000, failureThreshold: 3, recoveryThreshold: 2, responseMatches: null, jsonPath: null, jsonEquals: null, redirects: 0, httpVersion: 'auto', dependsOn: [] };
const state = { project: null, check: null, others: [], changed: () => {}, run: () => {} };

// A line each, "Name: value". A mask that stays keeps what is stored; what is new is secret, unless it was shown before.
function headersOf(text) {
  const shown = new Set((state.check?.headers ?? []).filter((h) => !h.secret).map((h) => h.name.toLowerCase()));
  return text.split('\n').map((line) => line.trim()).filter(Boolean).map((line) => {
    const colon = line.indexOf(':'), name = colon < 0 ? line : line.slice(0, colon).trim();
    return { name, value: colon < 0 ? '' : line.slice(colon + 1).trim(), secret: !shown.has(name.toLowerCase()) };
  });
}

// All checks of the project as they are now: those that the one in the form may depend on. What is chosen stays.
export function offerParents(checks, selected = chosen('check-parents')) {
  state.others = checks;
  choices('check-parents', checks.filter((c) => c.id !== state.check?.id), selected);
}

// What was typed, as JSON; a text without its quotation marks is taken as it was meant.
function valueOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

// A check to change; null: a new one.
export function showForm(project, check, changed, run = state.run) {
  const c = check ?? DEFAULTS, ofPreview = Boolean(check?.previewId);
  Object.assign(state, { project, check, changed, run });
  $('check-heading').textContent = check ? `Change ${check.name}` : 'Add a health check';
  $('check-name').value = c.name;
  $('check-url').value = c.url;
  for (const id of ['check-name', 'check-url']) $(id).disabled = ofPreview;
  $('check-method').value = c.method;
  $('check-headers').value = c.headers.map((h) => `${h.name}: ${h.value}`).join('\n');
  $('check-contains').value = c.responseContains ?? '';
  $('check-matches').value = c.responseMatches ?? '';
  $('check-path').value = c.jsonPath ?? '';
  $('check-equals').value = c.jsonPath ? JSON.stringify(c.jsonEquals) : '';
  $('check-latency').value = c.maxLatencyMs ?? '';
  $('check-http').value = c.httpVersion;
  offerParents(state.others, c.dependsOn);
  for (const [id, field] of Object.entries(NUMBERS)) $(id).value = c[field];
  $('check-cancel').hidden = !check;
  if (check) $(ofPreview ? 'check-method' : 'check-name').focus();
}

async function save() {
  const { project, check } = state, latency = $('check-latency').value, parents = check ? (await api('GET', `/health-checks/${check.id}`)).data.dependsOn : [];
  const body = { name: $('check-name').value, url: $('check-url').value, method: $('check-method').value, headers: headersOf($('check-headers').value),
    responseContains: $('check-contains').value || null, maxLatencyMs: latency ? Number(latency) : null,
    responseMatches: $('check-matches').value || null, jsonPath: $('check-path').value || null, httpVersion: $('check-http').value,
    dependsOn: chosen('check-parents', parents) };
  if ($('check-equals').value) body.jsonEquals = valueOf($('check-equals').value);
  for (const [id, field] of Object.entries(NUMBERS)) body[field] = Number($(id).value);
  if (check) await api('PATCH', `/health-checks/${check.id}`, body);
  else await api('POST', `/projects/${project}/health-checks`, body);
  showForm(project, null, state.changed);
  await state.changed();
}

$('check-form').onsubmit = (event) => {
  event.preventDefault();
  state.run(save());
};
$('check-cancel').onclick = () => showForm(state.project, null, state.changed);
