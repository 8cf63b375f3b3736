// API tokens: for programs that act for a person.
import { body, id, list, object, operation, orNull, page, ref, text, time, whole, word } from './shape.mjs';

const tag = 'API tokens';
const scope = (description) => word(description, ['read', 'write', 'admin']);

const token = {
  id: id('tok', 'Its id. It is not the token.'),
  name: text('What its owner calls it.'),
  scope: scope('`read`; `write`: also what a DEVELOPER may change; `admin`: all that its owner may. The owner\'s role is a limit as well.'),
  projectId: orNull(id('proj', 'It is for this project alone; null: for all that its owner may see.')),
  rotatedFrom: orNull(id('tok', 'The token whose successor it is.')),
  createdAt: time('When it was made.'),
  expiresAt: orNull(time('When it ends; null: never.')),
  lastUsedAt: orNull(time('When it was last used, to the minute.')),
  revokedAt: orNull(time('When it was revoked; null: it was not.')),
};
const shown = text('The token itself, for `Authorization: Bearer`. It is shown here and never again.', { pattern: '^oph_[0-9A-Za-z]{49}$' });

export const schemas = {
  Token: object(token),
  NewToken: object({ ...token, token: shown }),
  RotatedToken: object({ ...token, previousExpiresAt: orNull(time('When the old one ends, unless it was revoked by this.')), token: shown }),
};

const who = 'Needs a login, or an API token with the scope `admin` that is not for one project.';
const self = `${who} A token of any scope may do this with itself.`;

export const operations = [
  operation('GET /me/tokens', {
    id: 'listTokens', tag, role: 'user', scope: 'admin', summary: 'Your API tokens',
    description: `${who} What was revoked or expired more than 30 days ago is not listed.`,
    query: page,
    answers: { 200: { description: 'Newest first.', headers: ['Link', 'ETag'], schema: list(ref('Token')) } },
  }),
  operation('POST /me/tokens', {
    id: 'createToken', tag, role: 'user', scope: 'admin', summary: 'Make an API token',
    description: `${who} At most 50 are live at a time: else 409. It ends after 90 days when nothing is said.`,
    body: body({
      name: text('What to call it.', { minLength: 1, maxLength: 80 }),
      scope: scope('What it may be used for.'),
      projectId: orNull(text('A project that you may see; the token is for it alone.')),
      expiresInDays: orNull(whole('Days until it ends; null: never, only with the scope `read`.', { minimum: 1, maximum: 365 })),
      expiresAt: orNull(time('When it ends, instead of `expiresInDays`: at most 365 days away.')),
    }, { required: ['name', 'scope'] }),
    example: { name: 'ci', scope: 'write', projectId: 'proj_demo', expiresInDays: 30 },
    answers: { 201: { description: 'With the token, this once.', headers: ['Location'], schema: ref('NewToken') } },
    errors: [409],
  }),
  operation('GET /me/tokens/{tokenId}', {
    id: 'getToken', tag, role: 'user', scope: 'admin', summary: 'One API token', description: self,
    answers: { 200: { description: 'All but the token itself.', headers: ['ETag'], schema: ref('Token') } },
  }),
  operation('DELETE /me/tokens/{tokenId}', {
    id: 'revokeToken', tag, role: 'user', scope: 'admin', summary: 'Revoke an API token',
    description: `${self} It is refused everywhere at once. One that is revoked already stays so.`,
    answers: { 204: { description: 'Revoked.' } },
  }),
  operation('POST /me/tokens/{tokenId}/rotate', {
    id: 'rotateToken', tag, role: 'user', scope: 'admin', summary: 'Replace an API token',
    description: `${self} The successor has the same name, scope and project, and lasts as long as this one was made for. This one goes on for the `
      + 'overlap, but not beyond its own end. 409 when it is over, or when 50 are live and the overlap is not 0.',
    body: body({ overlapMinutes: whole('Minutes for which the old one goes on; 60 when absent.', { minimum: 0, maximum: 1440 }) }),
    example: { overlapMinutes: 10 },
    answers: { 201: { description: 'The successor, with the token, this once.', headers: ['Location'], schema: ref('RotatedToken') } },
    errors: [409],
  }),
];
