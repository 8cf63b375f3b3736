// Environments, and the variables that deployments get.
import { body, id, list, object, operation, orNull, page, ref, text, time, whole, word, yes } from './shape.mjs';

const tag = 'Variables';
const key = text('Its name.', { pattern: '^[A-Z_][A-Z0-9_]*$', minLength: 1, maxLength: 128, examples: ['DATABASE_URL'] });
const value = text('The value: at most 64 KiB, may be empty.', { maxLength: 65536 });
const mask = orNull(text('Stands for the value and shows nothing of it; the prefix of a known kind of token stays.', { examples: ['***', 'xoxb-***'] }));
const version = whole('The version that deployments get.');
const flags = {
  forkSafe: yes('Approved previews of forks get it as well; false when absent.'),
  buildOnly: yes('The build gets it, what runs does not; false when absent.'),
};
const source = word('How it came to be.', ['SET', 'IMPORT', 'ROLLBACK', 'ROTATION']);
const outcome = word('What became of it.', ['created', 'updated', 'unchanged']);
const reason = text('Why; it stays in the audit.', { minLength: 3, maxLength: 500 });
const file = (description) => ({ description, content: { 'text/plain': { schema: { type: 'string' } } } });

const variable = {
  id: id('var', 'Its id.'),
  key,
  mask,
  version: orNull(version),
  ...flags,
  source: orNull(source),
  changedBy: orNull(text('Who set the value.')),
  pendingVersion: orNull(whole('A version that a rotation is trying.')),
  createdAt: time('When the key was first set.'),
  updatedAt: time('When value or flags last changed.'),
};

export const schemas = {
  Environment: object({
    id: id('env', 'Its id.'),
    name: word('Its name.', ['PREVIEW', 'STAGING', 'PRODUCTION']),
    vars: list(object({ key, mask, version: orNull(version), forkSafe: flags.forkSafe, buildOnly: flags.buildOnly }), 'Its variables, by key.'),
    createdAt: time('When it was made.'),
  }),
  Variable: object(variable),
  VariableChange: object({ ...variable, outcome }),
  VariableVersion: object({
    version: whole('Its number.'),
    state: word('ACTIVE: what deployments get. PENDING: a rotation is trying it. GRACE: it was active, and a live deployment runs with it. '
      + 'RETIRED: none does. FAILED: it was not good.', ['ACTIVE', 'PENDING', 'GRACE', 'RETIRED', 'FAILED']),
    source,
    mask,
    createdAt: time('When it was set.'),
    createdBy: text('Who set it.'),
    activatedAt: orNull(time('When deployments began to get it.')),
    endedAt: orNull(time('When they stopped to.')),
    reason: orNull(text('Why it failed.')),
  }),
  VariableUsage: object({
    version: whole('Its number.'),
    state: word('As in the list of versions.', ['ACTIVE', 'PENDING', 'GRACE', 'RETIRED', 'FAILED']),
    previews: list(object({
      id: id('deploy', 'The deployment.'),
      prNumber: whole('Its pull request.'),
      url: orNull(text('Where it is; null while it is built.')),
      sha: text('The commit that runs with it.'),
    }), 'Deployments that are up, or on their way.'),
  }),
  VariableValue: object({ key, version: whole('The version whose value it is.'), value }),
  VariableImport: object({
    dryRun: yes('Nothing was written.'),
    variables: list(object({ key, outcome, version }), 'What became of each line, in their order.'),
    created: whole('How many are new.'),
    updated: whole('How many have a new value.'),
    unchanged: whole('How many had that value already.'),
  }),
};

const changed = { 200: { description: 'As it is now.', schema: ref('VariableChange') } };
const one = '/environments/{environmentId}/envvars/{key}';

export const operations = [
  operation('GET /projects/{projectId}/environments', {
    id: 'listEnvironments', tag, role: 'VIEWER', summary: 'The project\'s environments, variables masked',
    answers: { 200: { description: 'PREVIEW, STAGING, PRODUCTION: every project has these three.', headers: ['ETag'], schema: list(ref('Environment')) } },
  }),
  operation('GET /environments/{environmentId}/envvars', {
    id: 'listVariables', tag, role: 'VIEWER', summary: 'The variables of an environment, masked',
    answers: { 200: { description: 'All of them, by key; at most 1,000.', headers: ['ETag'], schema: list(ref('Variable')) } },
  }),
  operation('POST /environments/{environmentId}/envvars', {
    id: 'createVariable', tag, role: 'DEVELOPER', summary: 'Set a new variable',
    description: '409 when it is there already. One that was deleted goes on with the next version.',
    body: body({ key, value, ...flags }, { required: ['key', 'value'] }), example: { key: 'DATABASE_URL', value: 'postgresql://db.example/app' },
    answers: { 201: { description: 'Set.', headers: ['Location'], schema: ref('VariableChange') } }, errors: [409],
  }),
  operation('POST /environments/{environmentId}/envvars/import', {
    id: 'importVariables', tag, role: 'DEVELOPER', summary: 'Set what a .env file says',
    description: 'All of it or nothing: a line that cannot be read is named, and nothing is set. Variables that the file does not name stay as '
      + 'they are. As `text/plain` the body is the file.',
    body: body({ text: text('The file, at most 1 MiB.'), dryRun: yes('Only say what would happen.') }, { required: ['text'] }),
    bodyContent: {
      'application/json': {
        schema: body({ text: text('The file, at most 1 MiB.'), dryRun: yes('Only say what would happen.') }, { required: ['text'] }),
        example: { text: "API_KEY='s3cr3t'\nLOG_LEVEL=debug\n", dryRun: true },
      },
      'text/plain': { schema: { type: 'string' } },
    },
    query: { dryRun: word('Only say what would happen.', ['true', 'false']) },
    answers: { 200: { description: 'What became of each.', schema: ref('VariableImport') } }, errors: [409],
  }),
  operation('GET /environments/{environmentId}/envvars/export', {
    id: 'exportVariablesMasked', tag, role: 'VIEWER', summary: 'The variables as a .env file, masked',
    answers: { 200: file('Each variable is a comment.') },
  }),
  operation('POST /environments/{environmentId}/envvars/export', {
    id: 'exportVariables', tag, role: 'MAINTAINER', summary: 'The variables as a .env file, in clear',
    description: 'Written to the audit, with the reason, each key and its version. Counts as one reveal.',
    body: body({ reason }, { required: ['reason'] }), example: { reason: 'moving to another host' },
    answers: { 200: file('Import reads it to the same values.') }, errors: [409],
  }),
  operation(`GET ${one}`, {
    id: 'getVariable', tag, role: 'VIEWER', summary: 'One of them, masked',
    answers: { 200: { description: 'Without its value.', headers: ['ETag'], schema: ref('Variable') } },
  }),
  operation(`PUT ${one}`, {
    id: 'setVariable', tag, role: 'DEVELOPER', summary: 'Change its value or its flags',
    description: 'A new value is a new version; the value that it has already makes none (`outcome` is `unchanged`). Without `value` only the flags '
      + 'change. With `version`, the version that you have seen, 409 when it is another one meanwhile; of two changes at the same time one is 409 '
      + 'in any case. `details` then names the current version.',
    body: body({ value, ...flags, version: whole('The version that you have seen.', { minimum: 1 }) }), example: { value: 'postgresql://db2.example/app' },
    answers: changed, errors: [409],
  }),
  operation(`GET ${one}/usage`, {
    id: 'getVariableUsage', tag, role: 'VIEWER', summary: 'Which deployments run with which version',
    description: 'Newest version first: those in use (ACTIVE, PENDING, GRACE), and every other one that a deployment runs with. A preview is there '
      + 'twice while its next deployment is built.',
    answers: { 200: { description: 'Versions, each with its previews, at most 1,000.', headers: ['ETag'], schema: list(ref('VariableUsage')) } },
  }),
  operation(`DELETE ${one}`, {
    id: 'deleteVariable', tag, role: 'DEVELOPER', summary: 'Delete it', description: 'Its versions stay, and a rollback brings it back.',
    answers: { 204: { description: 'Done.' } }, errors: [409],
  }),
  operation(`GET ${one}/versions`, {
    id: 'listVariableVersions', tag, role: 'VIEWER', summary: 'Its versions, newest first', description: 'Also of one that was deleted.',
    query: page, answers: { 200: { description: 'A page.', headers: ['Link', 'ETag'], schema: list(ref('VariableVersion')) } },
  }),
  operation(`POST ${one}/rollback`, {
    id: 'rollbackVariable', tag, role: 'DEVELOPER', summary: 'Set the value of an earlier version again', description: 'It becomes a new version.',
    body: body({ version: whole('Whose value.', { minimum: 1 }) }, { required: ['version'] }), example: { version: 1 }, answers: changed, errors: [409],
  }),
  operation(`POST ${one}/reveal`, {
    id: 'revealVariable', tag, role: 'MAINTAINER', summary: 'Show its value',
    description: 'Written to the audit, with the reason. 20 an hour for each user (`RATE_LIMIT_REVEAL`). 409 when the stored value does not open: it '
      + 'is damaged, or was moved here from another row.',
    body: body({ reason, version: whole('Which version; the active one when absent.', { minimum: 1 }) }, { required: ['reason'] }),
    example: { reason: 'the database is to be moved' },
    answers: { 200: { description: 'In clear. Nobody may keep this answer.', schema: ref('VariableValue') } }, errors: [409],
  }),
];
