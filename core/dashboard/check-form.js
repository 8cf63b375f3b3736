// Adding and changing a health check. Of a preview's check name and URL are the preview's.

import { $, api } from './page.js';

const NUMBERS = { 'check-min': 'expectedMin', 'check-max': 'expectedMax', 'check-interval': 'intervalSec', 'check-timeout': 'timeoutMs',
  'check-failures': 'failureThreshold', 'check-recovery': 'recoveryThreshold' };
const DEFAULTS = { name: '', url: '', method: 'GET', headers: [], expectedMin: 200, expectedMax: 399, responseContains: null, maxLatencyMs: null, intervalSec: 60,
  timeoutMs: 5000, failureThreshold: 3, recoveryThreshold: 2 };
const state = { project: null, check: null, changed: () => {}, run: () => {} };

// A line each, "Name: value". A mask that stays keeps what is stored; what is new is secret, unless it was shown before.
function headersOf(text) {
  const shown = new Set((state.check?.headers ?? []).filter((h) => !h.secret).map((h) => h.name.toLowerCase()));
  return text.split('\n').map((line) => line.trim()).filter(Boolean).map((line) => {
    const colon = line.indexOf(':'), name = colon < 0 ? line : line.slice(0, colon).trim();
    return { name, value: colon < 0 ? '' : line.slice(colon + 1).trim(), secret: !shown.has(name.toLowerCase()) };
  });
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
  $('check-latency').value = c.maxLatencyMs ?? '';
  for (const [id, field] of Object.entries(NUMBERS)) $(id).value = c[field];
  $('check-cancel').hidden = !check;
  if (check) $(ofPreview ? 'check-method' : 'check-name').focus();
}

async function save() {
  const { project, check } = state, latency = $('check-latency').value;
  const body = { name: $('check-name').value, url: $('check-url').value, method: $('check-method').value, headers: headersOf($('check-headers').value),
    responseContains: $('check-contains').value || null, maxLatencyMs: latency ? Number(latency) : null };
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
