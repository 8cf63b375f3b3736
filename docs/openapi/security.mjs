// Who did what, who may do what, and what to pull when something has gone wrong.
import { body, id, list, object, operation, orNull, page, ref, role, text, time, whole, word, yes } from './shape.mjs';

const tag = 'Security';

const anything = (description) => ({ description });
const csv = { schema: { type: 'string', description: 'A row of names, then the rows. What a spreadsheet would run as a formula begins with a quote.' } };
const table = {
  limit: whole('How many, 50 when absent; as CSV 10000.', { minimum: 1, maximum: 10000 }),
  cursor: page.cursor,
  format: word('CSV can also be asked for with `Accept: text/csv`.', ['json', 'csv']),
};

export const schemas = {
  AuditRow: object({
    id: id('audit', 'Its id.'),
    at: time('When.'),
    actor: object({
      kind: word('A session\'s user, an API token, somebody on the command line, OpsHub itself, or nobody who is known.',
        ['user', 'token', 'cli', 'system', 'anonymous']),
      id: orNull(text('Of the user.')),
      name: orNull(text('The e-mail address at that time; of a token with its id behind it.')),
    }),
    ip: text('From where; empty when not over the network.'),
    userAgent: text('With what.'),
    requestId: text('Of the request, as in the log.'),
    action: text('What was done.', { examples: ['deployment.retry'] }),
    target: object({ kind: text('To what kind of thing.'), id: text('To which.') }),
    projectId: orNull(id('proj', 'The project, when it is about one.')),
    before: anything('The fields that changed, as they were; null when it was not there. Secrets are masked.'),
    after: anything('The same, as they became.'),
  }),
  AccessRow: object({
    id: text('Of the user, or of the invitation.'),
    status: word('A member, one whose account is switched off, or somebody who was asked in.', ['active', 'inactive', 'invited']),
    email: text('E-mail address; empty when asked in by the GitHub login.'),
    name: text('As GitHub shows it.'),
    githubLogin: text('Login at GitHub; may be empty.'),
    role: role('In the organization.'),
    projectRoles: list(object({ projectId: id('proj', 'Which.'), project: text('Its name.'), role: role('In it.') }), 'Where it is higher.'),
    active: yes('Can this person log in?'),
    memberSince: orNull(time('Since when.')),
    lastSeenAt: orNull(time('The last request, to the minute.')),
    lastLoginAt: orNull(time('The last login.')),
    tokens: object({
      count: whole('API tokens that work.'),
      oldest: orNull(time('When the oldest of them was made.')),
      scopes: list(text('A scope.'), 'What they may be used for.'),
    }),
    lastAction: orNull(object({ action: text('The newest row in the audit.'), at: time('When.') })),
    invitedBy: orNull(text('Who asked them in.')),
    expiresAt: orNull(time('Until when the invitation holds.')),
  }),
  Lockdown: object({
    id: id('org', 'The organization.'),
    frozenAt: time('Since when it is locked down.'),
    reason: text('Why.'),
    revokedSessions: whole('Sessions that this ended.'),
    revokedTokens: whole('API tokens that this revoked.'),
  }),
  Unlocked: object({
    id: id('org', 'The organization.'),
    previews: whole('How many deployments are worked on again.'),
  }),
};

const reason = text('Why; kept in the audit.', { minLength: 1, maxLength: 500 });

export const operations = [
  operation('GET /orgs/{orgId}/audit', {
    id: 'listAudit', tag, role: 'MAINTAINER', summary: 'Who did what, newest first',
    query: {
      ...table,
      actor: text('Only what this user did: an id or an e-mail address.'),
      action: text('Only this action; with a dot at its end all that begin so: `member.`'),
      project: text('Only what is about this project.'),
      ip: text('Only from this address.'),
      from: text('Not before this date or time.'),
      to: text('Before this date or time.'),
    },
    answers: { 200: { description: 'A page of rows.', headers: ['Link'],
      content: { 'application/json': { schema: list(ref('AuditRow')) }, 'text/csv': csv } } },
  }),
  operation('GET /orgs/{orgId}/access-review', {
    id: 'reviewAccess', tag, role: 'MAINTAINER', summary: 'Who may do what, and when they last did',
    query: { ...table, role: text('Only who has this role, in the organization or in a project; several with commas.', { examples: ['OWNER,MAINTAINER'] }) },
    answers: { 200: { description: 'Members, then those who are asked in.', headers: ['Link'],
      content: { 'application/json': { schema: list(ref('AccessRow')) }, 'text/csv': csv } } },
  }),
  operation('POST /orgs/{orgId}/lockdown', {
    id: 'lockDown', tag, role: 'OWNER', summary: 'Log everybody out and deploy nothing new',
    description: 'Ends every session and API token of every member, except the session that asks; they end for other organizations too. '
      + 'Webhooks are stored and closed pull requests destroyed as always, nothing new is deployed. Once more revokes what came meanwhile.',
    body: body({ reason }, { required: ['reason'] }),
    answers: { 200: { description: 'It is locked down.', schema: ref('Lockdown') } },
  }),
  operation('POST /orgs/{orgId}/unlock', {
    id: 'unlock', tag, role: 'OWNER', summary: 'End a lockdown',
    description: 'What is wanted by now is deployed. Tokens stay revoked.',
    body: body({ reason: orNull(reason) }),
    answers: { 200: { description: 'It is open again.', schema: ref('Unlocked') } }, errors: [409],
  }),
];
