// Projects: a repository, who builds it, and what deploys.
import { body, id, list, object, operation, orNull, page, ref, role, text, time, whole, word, yes } from './shape.mjs';

const tag = 'Projects';

const row = {
  id: id('proj', 'Its id.'),
  orgId: id('org', 'Its organization.'),
  name: text('Its name.'),
  repoFullName: text('`owner/repo` on GitHub.'),
  defaultBranch: text('The repository\'s main branch.'),
  description: text('May be empty.'),
  provider: orNull(text('The plugin that deploys it, in upper case.', { examples: ['MOCK'] })),
  role: role('The caller\'s role in it.'),
  status: word('"deleting" while its previews are being taken down.', ['active', 'deleting']),
  createdAt: time('When it was made.'),
};
const fields = {
  name: text('Its name, unique in the organization.', { minLength: 1, maxLength: 80 }),
  repoFullName: text('`owner/repo`, as GitHub has it.', { minLength: 3, maxLength: 140 }),
  defaultBranch: text('The repository\'s main branch; "main" when absent.', { minLength: 1, maxLength: 255 }),
  description: text('For people.', { maxLength: 500 }),
};
const example = { name: 'shop', repoFullName: 'acme/shop', defaultBranch: 'main' };
const words = (description) => ({ type: ['array', 'null'], description, maxItems: 32, items: { type: 'string', minLength: 1, maxLength: 255 } });
const rule = {
  drafts: word('Pull requests that are drafts.', ['skip', 'deploy']),
  forks: word('Pull requests from forks: held until a MAINTAINER says so, deployed when the author is known to GitHub as a collaborator ("trusted"), deployed, or skipped.', ['approve', 'trusted', 'deploy', 'skip']),
  labelsAny: words('One of these labels is needed; none is when the list is empty.'),
  labelsNone: words('Each of these labels excludes.'),
  baseBranches: words('Globs with `*`; all when the list is empty.'),
  skipAuthors: words('Logins, globs with `*`.'),
  skipMarker: text('In a title, excludes it.', { maxLength: 100 }),
  approveLabel: text('Set on a pull request from a fork by somebody who may push, it approves the commit of that moment; empty = none does.', { maxLength: 100 }),
  maxBuilds: whole('Builds at once; others wait. 0 = no limit.', { minimum: 0, maximum: 10000 }),
  maxPreviews: whole('Previews at once; others wait until one goes. 0 = no limit.', { minimum: 0, maximum: 10000 }),
  decoys: yes('Each deployment of a fork is given a value that nobody else has, and its use freezes the pull request.'),
  ttlMs: whole('So long after it was deployed a preview goes by itself; 0 = never.', { minimum: 0, maximum: 31622400000 }),
};
const nullable = Object.fromEntries(Object.entries(rule).map(([key, schema]) =>
  [key, schema.enum ? { ...schema, type: ['string', 'null'], enum: [...schema.enum, null] } : { ...schema, type: [schema.type, 'null'].flat() }]));
for (const schema of Object.values(nullable)) schema.type = [...new Set(schema.type)];

export const schemas = {
  ProjectRow: object(row),
  Project: object({
    ...row,
    previewChecks: yes('Whether each READY preview gets a health check.'),
    organization: object({ id: id('org', 'Its id.'), name: text('Its name.'), slug: text('Its name in paths.') }),
    providerConfig: orNull(ref('ProviderConfig')),
    deployments: list(object({
      id: id('deploy', 'Its id.'),
      prNumber: whole('The pull request.'),
      title: text('Its title.'),
      branch: text('Where the change is.'),
      sha: text('The commit that is wanted.'),
      status: text('As of a deployment.'),
      detail: text('The finer state.'),
      url: orNull(text('Where the preview is.')),
      errorReason: orNull(text('A word for the failure.')),
      createdAt: time('When the pull request was first seen.'),
    }), 'The newest ten.'),
  }),
  ProviderConfig: {
    type: 'object',
    description: 'What a project deploys with: `provider`, and the settings that its plugin declares (`GET /providers`). Secrets are masked.',
    properties: { provider: orNull(text('The plugin, in upper case; null = none yet.')) },
    required: ['provider'],
    additionalProperties: { type: ['string', 'integer', 'number', 'boolean', 'null'] },
  },
  ProviderCheck: object({
    provider: orNull(text('The plugin, in upper case; null = none is chosen.')),
    ok: yes('No line says fail: a deployment should work.'),
    account: text('Whose credentials these are; empty when that is unknown.'),
    lines: list(object({
      label: text('What was looked at.', { examples: ['Token'] }),
      text: text('What was found, and what to do about it.'),
      state: word('fail = deployments would fail, warn = somebody should look.', ['ok', 'warn', 'fail']),
    }), 'In the order in which they were looked at; after one that fails the rest may be missing.'),
    checkedAt: time('When the provider was asked.'),
  }),
  Rules: object({ ...rule, labelsAny: { ...rule.labelsAny, type: 'array' }, labelsNone: { ...rule.labelsNone, type: 'array' },
    baseBranches: { ...rule.baseBranches, type: 'array' }, skipAuthors: { ...rule.skipAuthors, type: 'array' } }),
  ProjectMember: object({
    id: id('user', 'The user.'),
    userId: id('user', 'The user.'),
    email: text('E-mail address.'),
    githubLogin: text('May be empty.'),
    name: text('May be empty.'),
    avatarUrl: text('May be empty.'),
    role: role('In this project.'),
    organizationRole: role('In the organization; the higher of the two counts.'),
    createdAt: time('Since when.'),
  }),
};

const made = { 201: { description: 'Made.', headers: ['Location'], schema: ref('Project') } };
const chosen = {
  tag, role: 'MAINTAINER', summary: 'Choose a provider and its settings',
  description: 'Settings that are not sent get their defaults; a secret that is not sent, or sent as its mask, is kept; null deletes it. '
    + 'Who changes an address sends the secrets again. For vercel and netlify also `vercelToken`, `vercelProjectId`, `vercelTeamId`, `netlifyToken`, `netlifySiteId`.',
  body: { type: 'object', properties: { provider: text('The plugin\'s name, in any case; as it is when absent.', { minLength: 1, maxLength: 64 }) },
    additionalProperties: { type: ['string', 'integer', 'number', 'boolean', 'null'] } },
  example: { provider: 'mock', buildMs: 200 },
  answers: { 200: { description: 'As it is now.', schema: ref('ProviderConfig') } },
  errors: [409],
};

export const operations = [
  operation('GET /projects', {
    id: 'listProjects', tag, role: 'user', summary: 'The projects the caller may see, newest first',
    query: { ...page, orgId: text('Only those of this organization.') },
    answers: { 200: { description: 'A page of them.', headers: ['Link', 'ETag'], schema: list(ref('ProjectRow')) } },
  }),
  operation('POST /projects', {
    id: 'createProject', tag, role: 'user', summary: 'Make a project', description: 'Needs MAINTAINER in the organization.',
    body: body({ orgId: id('org', 'The organization.'), ...fields }, { required: ['orgId', 'name', 'repoFullName'] }),
    example: { orgId: 'org_demo', ...example }, answers: made, errors: [404, 409],
  }),
  operation('POST /orgs/{orgId}/projects', {
    id: 'createProjectInOrganization', tag, role: 'MAINTAINER', summary: 'Make a project',
    body: body(fields, { required: ['name', 'repoFullName'] }), example: { ...example, name: 'store', repoFullName: 'acme/store' },
    answers: made, errors: [409],
  }),
  operation('GET /projects/{projectId}', {
    id: 'getProject', tag, role: 'VIEWER', summary: 'One project, with its newest deployments',
    answers: { 200: { description: 'The project.', headers: ['ETag'], schema: ref('Project') } },
  }),
  operation('PATCH /projects/{projectId}', {
    id: 'updateProject', tag, role: 'MAINTAINER', summary: 'Change a project',
    body: body({ ...fields, previewChecks: yes('Whether each READY preview gets a health check; false takes those there are away.') }),
    example: { description: 'The shop that everybody uses' },
    answers: { 200: { description: 'As it is now.', schema: ref('Project') } }, errors: [409],
  }),
  operation('DELETE /projects/{projectId}', {
    id: 'deleteProject', tag, role: 'OWNER', summary: 'Delete a project',
    description: 'Every preview is destroyed at its provider first; the project is shown as "deleting" until then.',
    answers: { 202: { description: 'It is being taken down.', schema: ref('Deleting') } }, errors: [409],
  }),
  operation('GET /projects/{projectId}/members', {
    id: 'listProjectMembers', tag, role: 'VIEWER', summary: 'Who has a role in this project above the one in the organization', query: page,
    answers: { 200: { description: 'A page of them.', headers: ['Link', 'ETag'], schema: list(ref('ProjectMember')) } },
  }),
  operation('PUT /projects/{projectId}/members/{userId}', {
    id: 'setProjectMember', tag, role: 'MAINTAINER', summary: 'Give a member of the organization a role in this project',
    body: body({ role: word('The role here.', ['MAINTAINER', 'DEVELOPER', 'VIEWER']) }, { required: ['role'] }), example: { role: 'DEVELOPER' },
    answers: { 200: { description: 'As it is now.', schema: ref('ProjectMember') } }, errors: [409],
  }),
  operation('DELETE /projects/{projectId}/members/{userId}', {
    id: 'removeProjectMember', tag, role: 'MAINTAINER', summary: 'Take that role away', answers: { 204: { description: 'Done.' } }, errors: [409],
  }),
  operation('GET /projects/{projectId}/provider', {
    id: 'getProvider', tag, role: 'VIEWER', summary: 'What the project deploys with',
    answers: { 200: { description: 'Secrets are masked.', headers: ['ETag'], schema: ref('ProviderConfig') } },
  }),
  operation('PUT /projects/{projectId}/provider', { ...chosen, id: 'setProvider' }),
  operation('POST /projects/{projectId}/provider', { ...chosen, id: 'setProviderByPost', description: 'The same as PUT.' }),
  operation('POST /projects/{projectId}/provider/verify', {
    id: 'verifyProvider', tag, role: 'MAINTAINER', summary: 'Would a deployment work?',
    description: 'Asks the provider, with the project\'s settings: is the token valid, is the project found, its repository linked, is '
      + 'there allowance left. Changes nothing there. 503 when no worker or no provider answered in time.',
    answers: { 200: { description: 'What was found.', schema: ref('ProviderCheck') } },
  }),
  operation('GET /projects/{projectId}/rules', {
    id: 'getRules', tag, role: 'VIEWER', summary: 'What deploys',
    answers: { 200: { description: 'All rules, defaults filled in.', headers: ['ETag'], schema: ref('Rules') } },
  }),
  operation('PUT /projects/{projectId}/rules', {
    id: 'setRules', tag, role: 'MAINTAINER', summary: 'Say what deploys',
    description: 'What is not sent, or null, gets its default. New rules act on the next event of a pull request.',
    body: body(nullable), example: { drafts: 'deploy', labelsNone: ['wip'] },
    answers: { 200: { description: 'As they are now.', schema: ref('Rules') } }, errors: [409],
  }),
];
