// The settings of the status page, which everybody can see.

import { $, api, choices, chosen, link } from './page.js';

const state = { project: null, checks: [], run: () => {} };
const at = () => `/projects/${state.project}/status-page`;

function show(page) {
  $('page-enabled').checked = page.enabled;
  $('page-slug').value = page.slug ?? '';
  $('page-title').value = page.title;
  choices('page-checks', state.checks, page.checkIds ?? []);
  $('page-link').replaceChildren(page.url ? link(page.url) : 'It is off.');
}

// All checks of the project as they are now. What is chosen stays.
export function offerChecks(checks) {
  state.checks = checks;
  choices('page-checks', checks, chosen('page-checks'));
}

async function save() {
  const { data: { checkIds } } = await api('GET', at()), ids = chosen('page-checks', checkIds ?? []);
  const { data } = await api('PUT', at(), { enabled: $('page-enabled').checked, slug: $('page-slug').value, title: $('page-title').value || null,
    checkIds: ids.length || checkIds?.length === 0 ? ids : null }); // one whose checks are all gone does not show all others
  show(data);
}

export async function showStatusPage(project, run) {
  Object.assign(state, { project, run });
  const { data } = await api('GET', at());
  if (project === state.project) show(data);
}

$('page-form').onsubmit = (event) => {
  event.preventDefault();
  state.run(save());
};
