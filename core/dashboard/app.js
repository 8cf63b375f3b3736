// The dashboard: a client of the API like any other, with the login cookie. What it shows is text, never markup.
import { showHealth } from './health.js';
import { $, api, element, link, when } from './page.js';
import { showVariables } from './variables.js';

const REFRESH_MS = 1500;
const VIEWS = { '#variables': showVariables, '#health': showHealth };
const state = { project: null, deployment: null, next: null, pages: 1, timer: 0 };

function show(section) {
  for (const id of ['login', 'list', 'detail', 'variables', 'health']) $(id).hidden = id !== section;
}

function fail(error) {
  $('error').hidden = !error;
  $('error').textContent = error ? error.message : '';
  if (error?.status === 401) logIn();
}

// ---- the list ----

function row(d) {
  const tr = element('tr', null, { tabIndex: 0 });
  const status = element('span', d.status, { className: `status ${d.status}` });
  const cells = [
    element('td', `#${d.prNumber}`),
    element('td', d.title),
    element('td'),
    element('td'),
    element('td'),
    element('td', when(d.createdAt)),
  ];
  cells[2].append(status, element('div', d.errorReason || (d.detail !== d.status ? d.detail : ''), { className: 'hint' }));
  cells[3].append(element('code', d.sha.slice(0, 8)), element('div', d.branch, { className: 'hint' }));
  if (d.status === 'READY') cells[4].append(link(d.url));
  tr.append(...cells);
  const open = (event) => {
    if (event.target.tagName !== 'A') location.hash = d.id;
  };
  tr.onclick = open;
  tr.onkeydown = (event) => event.key === 'Enter' && open(event);
  return tr;
}

async function showList() {
  let path = `/projects/${state.project}/deployments`;
  const rows = [];
  for (let page = 0; page < state.pages && path; page++) {
    const { data, next } = await api('GET', path);
    rows.push(...data);
    path = next && new URL(next).pathname + new URL(next).search;
  }
  $('rows').replaceChildren(...rows.map(row));
  $('empty').hidden = rows.length > 0;
  $('more').hidden = !path;
  show('list');
}

// ---- one preview ----

const ACTIONS = {
  retry: ['READY', 'ERROR', 'DESTROYED'],
  cancel: ['QUEUED', 'BUILDING'],
  destroy: ['QUEUED', 'BUILDING', 'READY', 'ERROR'],
};
const KEEP_MS = 3 * 24 * 60 * 60 * 1000;

function actionButton(d, action, label = action[0].toUpperCase() + action.slice(1), body = undefined) {
  const button = element('button', label);
  button.onclick = () => api('POST', `/deployments/${d.id}/${action}`, body).then(refresh, fail);
  return button;
}

function actionButtons(d) {
  const buttons = Object.keys(ACTIONS).filter((a) => ACTIONS[a].includes(d.status)).map((a) => actionButton(d, a));
  // the commit that is on the screen, not the one that may have been pushed since
  if (d.detail === 'AWAITING_APPROVAL') buttons.unshift(actionButton(d, 'approve', `Approve ${d.sha.slice(0, 8)}`, { sha: d.sha }));
  if (d.expiresAt && d.desired === 'deployed') buttons.push(actionButton(d, 'extend', 'Keep three days', { forMs: KEEP_MS }));
  return buttons;
}

function fact(name, content) {
  const dd = element('dd');
  dd.append(content ?? '');
  return [element('dt', name), dd];
}

async function showDetail() {
  const base = `/deployments/${state.deployment}`;
  const [{ data: d }, { data: events }, { data: logs }] = await Promise.all([
    api('GET', base), api('GET', `${base}/events`), api('GET', `${base}/logs`),
  ]);
  $('title').textContent = `#${d.prNumber} ${d.title}`;
  $('facts').replaceChildren(
    ...fact('Status', element('span', d.detail === d.status ? d.status : `${d.status} (${d.detail})`, { className: `status ${d.status}` })),
    ...fact('Preview', link(d.url)),
    ...fact('Commit', `${d.sha} of ${d.branch}`),
    ...fact('Provider', `${d.provider} ${d.providerDeploymentId || ''}`),
    ...fact('Attempts', String(d.attempts)),
    ...(d.expiresAt && d.desired === 'deployed' ? fact('Stays until', when(d.expiresAt)) : []),
    ...(d.message && !d.errorReason ? fact('Why', d.message) : []),
    ...(d.errorReason ? fact('Error', `${d.errorReason}: ${d.message || ''}`) : []),
    ...fact('Pull request', link(d.htmlUrl)),
  );
  $('actions').replaceChildren(...actionButtons(d));
  $('events').replaceChildren(...events.reverse().map((e) => element('li', `${when(e.createdAt)}  ${e.stage}  ${e.message}`)));
  $('logs').textContent = logs.map((part) => part.text).join('') || 'Nothing yet.';
  show('detail');
}

// ---- the page ----

async function refresh() {
  clearTimeout(state.timer);
  try {
    state.deployment = /^#(deploy_[0-9a-z]+)$/.exec(location.hash)?.[1] || null;
    const view = VIEWS[location.hash];
    if (view) {
      await view(state.project, fail);
      show(location.hash.slice(1));
      fail(null);
      return; // what somebody types there does not go away
    }
    await (state.deployment ? showDetail() : showList());
    fail(null);
    state.timer = setTimeout(refresh, REFRESH_MS);
  } catch (error) {
    fail(error);
    if (error.status !== 401) state.timer = setTimeout(refresh, 3 * REFRESH_MS);
  }
}

// What there is to log in with is the server's to say.
async function showWaysIn() {
  const { data: ways } = await api('GET', '/auth/methods');
  $('login-github').hidden = !ways.github;
  $('login-test').hidden = !ways.testLogin;
  $('login-none').hidden = ways.github || ways.testLogin;
}

function logIn() {
  clearTimeout(state.timer);
  showWaysIn().catch(fail);
  $('who').textContent = '';
  $('logout').hidden = true;
  $('views').hidden = true;
  $('project').disabled = true;
  show('login');
}

async function start() {
  try {
    const [{ data: user }, { data: projects }] = await Promise.all([api('GET', '/me'), api('GET', '/projects')]);
    $('who').textContent = user.email;
    $('logout').hidden = false;
    $('views').hidden = false;
    $('project').replaceChildren(...projects.map((p) => element('option', `${p.name} (${p.repoFullName})`, { value: p.id })));
    $('project').disabled = projects.length < 2;
    state.project = projects[0]?.id;
    if (state.project) await refresh();
    else fail(new Error('You are in no project yet.'));
  } catch (error) {
    if (error.status === 401) logIn();
    else fail(error);
  }
}

$('login-test').onsubmit = (event) => {
  event.preventDefault();
  api('POST', '/test/login-as', { email: $('email').value }).then(() => fail(null)).then(start).catch((error) => fail(new Error(error.message)));
};
$('logout').onclick = () => api('POST', '/auth/logout').then(logIn, fail);
$('project').onchange = () => {
  state.project = $('project').value;
  if (state.deployment) location.hash = '';
  refresh();
};
$('back').onclick = (event) => {
  event.preventDefault();
  location.hash = '';
};
$('more').onclick = () => {
  state.pages += 1;
  refresh();
};
addEventListener('hashchange', refresh);
start();
