// The variables of a project: masked, until somebody says why he wants to see one.

import { $, act, api, element, when } from './page.js';
import { showRotation } from './rotation.js';

const SHOWN_MS = 30_000; // then a value is masked again
const state = { project: null, environment: null, changing: null, asked: null, fail: () => {} };

const at = (key, more = '') => `/environments/${state.environment}/envvars${key ? `/${key}` : ''}${more}`;
const run = (promise) => act(promise, state.fail);

function flags(v) {
  return [v.forkSafe && 'forks', v.buildOnly && 'build only'].filter(Boolean).join(', ');
}

function button(label, v, onclick) {
  return element('button', label, { type: 'button', onclick, ariaLabel: `${label} ${v.key}` });
}

function row(v) {
  const tr = element('tr');
  const actions = element('td');
  actions.append(
    button('Show', v, () => askWhy(v)), ' ',
    button('Change', v, () => change(v)), ' ',
    button('Delete', v, () => confirm(`Delete ${v.key}? Deployments do not get it any more.`) && run(api('DELETE', at(v.key)).then(showRows))),
  );
  tr.append(element('td', v.key), element('td', v.mask, { id: `value-${v.key}` }), element('td', String(v.version)), element('td', flags(v)),
    element('td', `${when(v.updatedAt)} ${v.changedBy}`), actions);
  return tr;
}

async function showRows() {
  const { environment } = state;
  const { data } = await api('GET', at());
  if (environment !== state.environment) return; // another one was chosen meanwhile: its answer is on its way
  $('variable-rows').replaceChildren(...data.map(row));
  $('variables-empty').hidden = data.length > 0;
}

// ---- a value in clear ----

function askWhy(v) {
  state.asked = v;
  $('reveal-key').textContent = v.key;
  $('reveal').hidden = false;
  $('reason').focus();
}

async function reveal({ key, mask }, reason) {
  const { environment } = state;
  const { data } = await api('POST', at(key, '/reveal'), { reason });
  const cell = $(`value-${key}`);
  if (environment !== state.environment || !cell) return;
  cell.textContent = data.value;
  $('reveal').hidden = true;
  setTimeout(() => { cell.textContent = mask; }, SHOWN_MS);
}

// ---- adding and changing ----

// An empty value of one that is there stays as it is; `version` keeps us from writing over somebody else's change.
function change(v) {
  state.changing = v;
  $('variable-heading').textContent = v ? `Change ${v.key}` : 'Add a variable';
  $('variable-key').value = v ? v.key : '';
  $('variable-key').disabled = Boolean(v);
  $('variable-value').value = '';
  $('variable-value').placeholder = v ? 'As it is' : '';
  $('variable-fork').checked = v ? v.forkSafe : false;
  $('variable-build').checked = v ? v.buildOnly : false;
  $('variable-cancel').hidden = !v;
  if (v) $('variable-value').focus();
}

async function save() {
  const v = state.changing, value = $('variable-value').value;
  const body = { forkSafe: $('variable-fork').checked, buildOnly: $('variable-build').checked };
  if (v) await api('PUT', at(v.key), { ...body, ...(value && { value }), version: v.version });
  else await api('POST', at(), { ...body, key: $('variable-key').value, value });
  change(null);
  await showRows();
}

async function load(dryRun) {
  const { data } = await api('POST', at('', '/import'), { text: $('import-text').value, dryRun });
  $('import-result').replaceChildren(...data.variables.map((v) => element('li', `${v.key}: ${v.outcome}${dryRun ? ' (not yet)' : ''}`)));
  if (dryRun) return;
  $('import-text').value = '';
  await showRows();
}

// ---- the view ----

function submits(form, action) {
  $(form).onsubmit = (event) => {
    event.preventDefault();
    run(action());
  };
}

export async function showVariables(project, fail) {
  const { data: environments } = await api('GET', `/projects/${project}/environments`);
  state.fail = fail;
  if (state.project !== project) state.environment = environments[0].id;
  state.project = project;
  $('environment').replaceChildren(...environments.map((e) => element('option', e.name, { value: e.id })));
  $('environment').value = state.environment;
  $('import-result').replaceChildren();
  $('reveal').hidden = true;
  change(null);
  await Promise.all([showRows(), showRotation(project)]);
}

$('environment').onchange = () => {
  state.environment = $('environment').value;
  $('variable-rows').replaceChildren(); // what is shown is of the environment that is changed
  $('reveal').hidden = true;
  change(null);
  run(showRows());
};
submits('reveal', () => reveal(state.asked, $('reason').value));
submits('variable-form', save);
submits('import-form', () => load(false));
$('import-try').onclick = () => run(load(true));
$('reveal-cancel').onclick = () => { $('reveal').hidden = true; };
$('variable-cancel').onclick = () => change(null);
