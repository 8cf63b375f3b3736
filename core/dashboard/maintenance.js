// Windows of maintenance: once, or every week.

import { $, api, element, when } from './page.js';

const DAYS = ['', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const state = { project: null, run: () => {} };
const at = (path = '') => `/projects/${state.project}/maintenance-windows${path}`;

function times(w) {
  if (w.once) return `${when(w.once.startsAt)} to ${when(w.once.endsAt)}`;
  return `${w.weekly.weekdays.map((day) => DAYS[day]).join(', ')} at ${w.weekly.startTime} for ${w.weekly.durationMin} minutes, ${w.weekly.timeZone}`;
}

function line(w) {
  const li = element('li', `${w.name}: ${times(w)}, ${w.checkIds ? `${w.checkIds.length} checks` : 'all checks'}`
    + `${w.isOpen ? '; open now' : w.nextStart ? `; next ${when(w.nextStart)}` : '; over'} `);
  li.append(element('button', 'Delete', { type: 'button', ariaLabel: `Delete the window ${w.name}`,
    onclick: () => confirm(`Delete ${w.name}?`) && state.run(api('DELETE', at(`/${w.id}`)).then(showLines)) }));
  return li;
}

async function showLines() {
  const { project } = state, { data } = await api('GET', at());
  if (project !== state.project) return;
  $('windows').replaceChildren(...data.map(line));
  $('windows-empty').hidden = data.length > 0;
}

function showKind() {
  const weekly = $('window-kind').value === 'weekly';
  $('window-weekly').hidden = !weekly;
  $('window-once').hidden = weekly;
  for (const field of $('window-weekly').querySelectorAll('input:not([type=checkbox])')) field.required = weekly;
  for (const field of $('window-once').querySelectorAll('input')) field.required = !weekly;
}

async function save() {
  const instant = (id) => new Date($(id).value).toISOString(); // typed on the clock of who types it
  const weekdays = [...$('window-weekly').querySelectorAll('input[type=checkbox]')].filter((box) => box.checked).map((box) => Number(box.value));
  const body = $('window-kind').value === 'once' ? { once: { startsAt: instant('window-from'), endsAt: instant('window-to') } }
    : { weekly: { weekdays, startTime: $('window-start').value, durationMin: Number($('window-minutes').value), timeZone: $('window-zone').value } };
  await api('POST', at(), { name: $('window-name').value, ...body });
  $('window-form').reset();
  $('window-zone').value = Intl.DateTimeFormat().resolvedOptions().timeZone;
  showKind();
  await showLines();
}

export async function showWindows(project, run) {
  Object.assign(state, { project, run });
  $('window-zone').value ||= Intl.DateTimeFormat().resolvedOptions().timeZone;
  showKind();
  await showLines();
}

$('window-kind').onchange = showKind;
$('window-form').onsubmit = (event) => {
  event.preventDefault();
  state.run(save());
};
