// Who is asking: logging in and out, sessions, API tokens.
import { id, list, object, operation, orNull, page, ref, role, text, time, yes } from './shape.mjs';

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
    githubLogin: text('Login at GitHub; empty when the user never logged in with it.'),
    lastSeenAt: orNull(time('The last request, to the minute.')),
    organizations: list(object({
      id: id('org', 'The organization.'),
      name: text('Its name.'),
      slug: text('Its name in paths.'),
      role: role('The caller\'s role in it.'),
    }), 'Where the caller is a member.'),
  }),
  Session: object({
    id: id('sess', 'Its id.'),
    ip: text('The address that logged in.'),
    userAgent: text('What logged in, as it says itself.'),
    current: yes('This is the session that asks.'),
    createdAt: time('When it began.'),
    expiresAt: time('When it ends.'),
  }),
};

const page302 = (description) => ({ description, headers: ['Location', 'Set-Cookie'] });

export const operations = [
  operation('GET /auth/methods', {
    id: 'loginMethods', tag, role: 'none', summary: 'What there is to log in with',
    answers: { 200: { description: 'For a start page.', schema: object({
      github: yes('`GET /auth/github` works.'),
      testLogin: yes('`POST /test/login-as` works.'),
    }) } },
  }),
  operation('GET /auth/github', {
    id: 'loginWithGitHub', tag, role: 'none', summary: 'Log in with GitHub: the way there',
    description: 'For browsers. A short-lived cookie binds the login to this browser.',
    query: { return_to: text('Where to go afterwards: a path on `WEB_BASE_URL`; `/dashboard` when absent or when it leads elsewhere.') },
    answers: { 302: page302('To GitHub.') },
    errors: [404],
  }),
  operation('GET /auth/github/callback', {
    id: 'loginWithGitHubCallback', tag, role: 'none', summary: 'Log in with GitHub: the way back',
    description: 'Where GitHub sends the browser. Who is refused reads why, as a page where the client accepts `text/html`, else as the error object.',
    query: { code: text('From GitHub.'), state: text('From GitHub: must be the browser\'s, and new.'), error: text('From GitHub, instead of a code.') },
    answers: { 302: page302('Logged in: the cookie is set; to `return_to` or the dashboard.') },
    errors: [403, 404],
  }),
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
  operation('GET /me/sessions', {
    id: 'listSessions', tag, role: 'user', scope: 'admin', summary: 'Where am I logged in?',
    query: page,
    answers: { 200: { description: 'Sessions that hold, newest first.', headers: ['Link'], schema: list(ref('Session')) } },
  }),
  operation('DELETE /me/sessions/{sessionId}', {
    id: 'endSession', tag, role: 'user', scope: 'admin', summary: 'Log out elsewhere',
    description: 'The session ends everywhere at once. The caller\'s own may be ended too.',
    answers: { 204: { description: 'It is over.' } },
  }),
];
