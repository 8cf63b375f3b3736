// Organizations and who belongs to them.
import { body, id, list, object, operation, orNull, page, ref, role, text, time, word } from './shape.mjs';

const tag = 'Organizations';
const name = text('Its name.', { minLength: 1, maxLength: 80 });
const slug = text('Its name in paths: lower case letters, digits and single hyphens; made from the name when absent. Unique.',
  { minLength: 2, maxLength: 40, pattern: '^[a-z0-9]+(-[a-z0-9]+)*$' });
const description = text('For people.', { maxLength: 500 });
const someRole = role('The role it shall be. Nobody gives one above his own: OWNERs manage everybody, MAINTAINERs DEVELOPERs and VIEWERs.');

export const schemas = {
  Organization: object({
    id: id('org', 'Its id.'),
    name: text('Its name.'),
    slug: text('Its name in paths.'),
    description: text('May be empty.'),
    role: role('The caller\'s role in it.'),
    status: word('"locked" during a lockdown, "deleting" while its projects are being taken down.', ['active', 'locked', 'deleting']),
    projects: list(object({
      id: id('proj', 'Its id.'),
      name: text('Its name.'),
      repoFullName: text('`owner/repo` on GitHub.'),
    }), 'Its newest projects, 100 at most.'),
    createdAt: time('When it was made.'),
  }),
  Member: object({
    id: text('`user_…` of a member, `inv_…` of somebody who was asked in.'),
    userId: orNull(id('user', 'The user; null until the first login.')),
    email: text('May be empty for somebody who was asked in by login.'),
    githubLogin: text('May be empty.'),
    name: text('May be empty.'),
    avatarUrl: text('May be empty.'),
    role: role('In the organization.'),
    status: word('Invitations become memberships at the first login.', ['active', 'inactive', 'invited']),
    createdAt: time('Member, or asked in, since.'),
    expiresAt: orNull(time('When the invitation runs out.')),
  }),
  Deleting: object({ status: word('It goes on in the background.', ['deleting']) }),
};

const faultless = { 204: { description: 'Done.' } };

export const operations = [
  operation('GET /orgs', {
    id: 'listOrganizations', tag, role: 'user', summary: 'Where the caller is a member, newest first', query: page,
    answers: { 200: { description: 'A page of them.', headers: ['Link', 'ETag'], schema: list(ref('Organization')) } },
  }),
  operation('POST /orgs', {
    id: 'createOrganization', tag, role: 'user', summary: 'Make an organization', description: 'The caller becomes its OWNER.',
    body: body({ name, slug, description }, { required: ['name'] }), example: { name: 'Acme', slug: 'acme' },
    answers: { 201: { description: 'Made.', headers: ['Location'], schema: ref('Organization') } }, errors: [409],
  }),
  operation('GET /orgs/{orgId}', {
    id: 'getOrganization', tag, role: 'VIEWER', summary: 'One organization',
    answers: { 200: { description: 'The organization.', headers: ['ETag'], schema: ref('Organization') } },
  }),
  operation('PATCH /orgs/{orgId}', {
    id: 'updateOrganization', tag, role: 'MAINTAINER', summary: 'Change its name, slug or description',
    body: body({ name, slug, description }), example: { description: 'Where we ship from' },
    answers: { 200: { description: 'As it is now.', schema: ref('Organization') } }, errors: [409],
  }),
  operation('DELETE /orgs/{orgId}', {
    id: 'deleteOrganization', tag, role: 'OWNER', summary: 'Delete an organization with all its projects',
    description: 'Every preview is destroyed at its provider first; the organization is shown as "deleting" until then.',
    answers: { 202: { description: 'It is being taken down.', schema: ref('Deleting') } }, errors: [409],
  }),
  operation('GET /orgs/{orgId}/members', {
    id: 'listMembers', tag, role: 'VIEWER', summary: 'Its members, and who was asked in', query: page,
    answers: { 200: { description: 'A page of them.', headers: ['Link', 'ETag'], schema: list(ref('Member')) } },
  }),
  operation('POST /orgs/{orgId}/members', {
    id: 'addMember', tag, role: 'MAINTAINER', summary: 'Add somebody, or ask him in',
    description: 'By exactly one of `userId`, `email` and `githubLogin`. Who has never logged in is asked in for 14 days.',
    body: body({
      userId: id('user', 'A user.'),
      email: text('An e-mail address.', { minLength: 3, maxLength: 254 }),
      githubLogin: text('A login on GitHub.', { minLength: 1, maxLength: 39 }),
      role: someRole,
    }, { required: ['role'] }),
    example: { email: 'grace@example.org', role: 'DEVELOPER' },
    answers: { 201: { description: 'Member or asked in.', headers: ['Location'], schema: ref('Member') } }, errors: [409],
  }),
  operation('PATCH /orgs/{orgId}/members/{userId}', {
    id: 'changeMember', tag, role: 'MAINTAINER', summary: 'Give a member another role',
    description: 'The last OWNER stays one.',
    body: body({ role: someRole }, { required: ['role'] }), example: { role: 'MAINTAINER' },
    answers: { 200: { description: 'As it is now.', schema: ref('Member') } }, errors: [409],
  }),
  operation('DELETE /orgs/{orgId}/members/{userId}', {
    id: 'removeMember', tag, role: 'VIEWER', scope: 'admin', summary: 'Take a member or an invitation away',
    description: 'Everybody may leave; others are taken away by who may manage them. The last OWNER stays.',
    answers: faultless, errors: [409],
  }),
];
