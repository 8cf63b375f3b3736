// Who is asking: logging in and out, sessions, API tokens.
import { id, list, object, operation, ref, role, text, yes } from './shape.mjs';

const tag = 'People';

export const schemas = {
  Person: object({
    id: id('user', 'Its id.'),
    email: text('E-mail address.'),
    name: text('As GitHub shows it.'),
    avatarUrl: text('A picture; may be empty.'),
  }),
  Me: object({
    id: id('user', 'Its id.'),
    email: text('E-mail address.'),
    name: text('As GitHub shows it.'),
    avatarUrl: text('A picture; may be empty.'),
    organizations: list(object({
      id: id('org', 'The organization.'),
      name: text('Its name.'),
      slug: text('Its name in paths.'),
      role: role('The caller\'s role in it.'),
    }), 'Where the caller is a member.'),
  }),
};

export const operations = [
  operation('POST /test/login-as', {
    id: 'loginAs', tag, role: 'none', summary: 'Log in without GitHub, for tests',
    description: 'Only with ALLOW_TEST_LOGIN=1, never in production: else 404. A user that is not there is made.',
    body: { type: 'object', properties: { email: text('Whose session it shall be.', { maxLength: 254 }) }, required: ['email'], additionalProperties: false },
    example: { email: 'owner@demo.opshub.local' },
    answers: { 200: { description: 'Logged in: the cookie is set, and the token is in the body.', headers: ['Set-Cookie'], schema: object({
      success: yes('Always true.'),
      user: ref('Person'),
      token: text('For `Authorization: Bearer`, for 24 hours.'),
    }) } },
    errors: [404],
  }),
  operation('POST /auth/logout', {
    id: 'logout', tag, role: 'user', summary: 'Log out',
    description: 'The session ends everywhere at once; the cookie is cleared.',
    answers: { 200: { description: 'Logged out.', headers: ['Set-Cookie'], schema: object({ success: yes('Always true.') }) } },
  }),
  operation('GET /me', {
    id: 'me', tag, role: 'user', summary: 'Who am I?',
    answers: { 200: { description: 'The caller.', schema: ref('Me') } },
  }),
];
