// The health of a project: its checks and how they are, looked at again all the time; what is filled in is beside it, and stays.

import { offerParents, showForm } from './check-form.js';
import { showIncidents } from './incidents.js';
import { showWindows } from './maintenance.js';
import { $, act, api, element, link, when } from './page.js';
import { offerChecks, showStatusPage } from './status-page.js';

const REFRESH_MS = 4000;
const BAR_MS = 60_000; // how long the hours of a check are not asked for again
const HOURS = 24, HOUR_MS = 3600_000;
const PHASES = [['dnsMs', 'name look-up'], ['connectMs', 'connect'], ['tlsMs', 'TLS'], ['firstByteMs', 'first byte'], ['totalMs', 'in all']];
const state = { project: null, fail: () => {}, timer: 0, next: null, pages: 1, bars: new Map() };

const run = (promise) => act(promise, state.fail);
const percent = (value) => (value === null ? '–' : `${value} %`);
const ms = (value) => (value === null ? '–' : `${Math.round(value)} ms`);

// ---- one check ----

function statusOf(c) {
  if (!c.enabled) return 'OFF';
  return c.inMaintenance ? 'MAINTENANCE' : c.flapping ? 'FLAPPING' : c.lastStatus ?? 'UNKNOWN';
}

// A day, an hour each, oldest first. It says in words what it shows.
function hours(rollups) {
  const first = Math.floor(Date.now() / HOUR_MS) - HOURS + 1, of = new Map(rollups.map((r) => [Math.floor(Date.parse(r.at) / HOUR_MS), r]));
  const all = Array.from({ length: HOURS }, (_, i) => of.get(first + i));
  const bad = all.filter((r) => r?.failed).length, known = all.filter(Boolean).length;
  const bar = element('span', null, { className: 'bar', role: 'img', ariaLabel: `Last 24 hours: ${known} with results, ${bad} of them with failures` });
  bar.append(...all.map((r, i) => element('i', null, { className: !r || r.uptime === null ? 'none' : r.failed ? 'bad' : 'good',
    title: `${new Date((first + i) * HOUR_MS).toLocaleTimeString()}: ${r ? `${percent(r.uptime)}, ${ms(r.latencyAvgMs)}` : 'no results'}` })));
  return bar;
}

async function barOf(c) {
  const known = state.bars.get(c.id);
  if (known && known.at > Date.now() - BAR_MS) return known.rollups;
  const from = new Date(Date.now() - HOURS * HOUR_MS).toISOString();
  const { data } = await api('GET', `/health-checks/${c.id}/samples?resolution=1h&from=${from}&limit=${HOURS + 1}`);
  state.bars.set(c.id, { at: Date.now(), rollups: data });
  return data;
}

function button(label, c, onclick) {
  return element('button', label, { type: 'button', onclick, ariaLabel: `${label} ${c.name}` });
}

function row(c, bars) {
  const tr = element('tr', null, { id: c.id }), status = statusOf(c), [name, now, last, up, day, actions] = Array.from({ length: 6 }, () => element('td'));
  name.append(element('div', c.name), link(c.url));
  now.append(element('span', status, { className: `status ${status}` }), element('div', c.enabled && c.lastError ? c.lastError : '', { className: 'hint' }));
  last.append(ms(c.lastLatencyMs), element('div', when(c.lastCheckedAt), { className: 'hint' }));
  up.append(percent(c.uptime));
  if (bars) day.append(hours(bars));
  actions.append(button('Run', c, () => run(runNow(c))), ' ', button('Edit', c, () => showForm(state.project, c, changed)), ' ',
    button(c.enabled ? 'Disable' : 'Enable', c, () => run(api('POST', `/health-checks/${c.id}/${c.enabled ? 'disable' : 'enable'}`).then(showChecks))));
  if (!c.previewId) {
    actions.append(' ', button('Delete', c, () => confirm(`Delete ${c.name}? Its incidents go with it.`)
      && run(api('DELETE', `/health-checks/${c.id}`).then(showChecks))));
  }
  tr.append(name, now, last, up, day, actions);
  return tr;
}

async function runNow(c) {
  $('run-heading').textContent = `${c.name}: it is looked at …`;
  $('run-phases').replaceChildren();
  $('run').hidden = false;
  const { data: r } = await api('POST', `/health-checks/${c.id}/run`).catch((error) => {
    $('run').hidden = true;
    throw error;
  });
  const facts = [['Answer', r.statusCode ?? '–'], ...PHASES.filter(([key]) => r.phases[key] !== null).map(([key, label]) => [label, `${r.phases[key]} ms`]),
    ['Address', r.remoteAddress ?? '–'], ...(r.certificate ? [['Certificate until', when(r.certificate.expiresAt)]] : []), ...(r.expected ? [['Expected', r.expected]] : [])];
  $('run-heading').textContent = `${c.name}: ${r.ok ? 'good' : `not good, ${r.error}`}`;
  $('run-phases').replaceChildren(...facts.flatMap(([label, value]) => [element('dt', label), element('dd', String(value))]));
  await showChecks();
}

// ---- the view ----

// The focus stays where somebody has it, although all rows are made anew.
function replaceRows(rows) {
  const focused = document.activeElement?.ariaLabel;
  $('check-rows').replaceChildren(...rows);
  if (focused) $('check-rows').querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}

async function showChecks() {
  const { project } = state, checks = [];
  let path = `/projects/${project}/health-checks`;
  for (let page = 0; page < state.pages && path; page++) {
    const { data, next } = await api('GET', path);
    checks.push(...data);
    path = next && new URL(next).pathname + new URL(next).search;
  }
  const bars = await Promise.all(checks.slice(0, 50).map((c) => barOf(c).catch(() => null)));
  if (project !== state.project) return; // another one was chosen meanwhile: its answer is on its way
  replaceRows(checks.map((c, i) => row(c, bars[i])));
  offerParents(checks);
  offerChecks(checks);
  $('checks-empty').hidden = checks.length > 0;
  $('checks-more').hidden = !path;
  await showIncidents(project, run);
}

async function changed() {
  await showChecks();
  state.fail(null);
}

function again() {
  clearTimeout(state.timer);
  state.timer = setTimeout(() => {
    if ($('health').hidden) return;
    showChecks().then(again, (error) => {
      state.fail(error);
      if (error.status !== 401) again();
    });
  }, REFRESH_MS);
}

export async function showHealth(project, fail) {
  state.fail = fail;
  if (state.project !== project) state.pages = 1;
  state.project = project;
  $('run').hidden = true;
  showForm(project, null, changed, run);
  await showChecks();
  await Promise.all([showStatusPage(project, run), showWindows(project, run)]);
  again();
}

$('checks-more').onclick = () => {
  state.pages += 1;
  run(showChecks());
};
$('run-close').onclick = () => { $('run').hidden = true; };
