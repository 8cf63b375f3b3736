// Health checks, and windows of maintenance.
import { body, id, list, object, operation, orNull, page, ref, text, time, whole, word, yes } from './shape.mjs';

const tag = 'Health checks';
const any = (description) => ({ description });
const milliseconds = (description) => ({ description, type: ['number', 'null'], minimum: 0 });
const minutes = (description) => whole(description, { minimum: 0, maximum: 10080 });
const parents = list(id('check', 'A health check of the same project.'),
  'While one of these is down, nothing is said of this one. At most 5, and no circle.');
const matching = 'A regular expression that is found in the first 64 KiB of the body: literals, `.`, `\\d`, `\\w`, classes, `*`, `+`, `?`, groups, '
  + '`|`, `^` and `$`. What it means in JavaScript it means here.';

const fields = {
  name: text('What people call it.', { minLength: 1, maxLength: 80 }),
  url: text('Where the request goes: http or https, without a user or a password, in ASCII. Private addresses need `PROBE_ALLOW_CIDRS`. It is answered as it '
    + 'was understood: the host in lower case, without what is behind a `#`.', { minLength: 1, maxLength: 2048 }),
  method: word('GET when absent.', ['GET', 'HEAD', 'OPTIONS', 'POST']),
  headers: list(body({
    name: text('Its name.', { minLength: 1, maxLength: 128 }),
    value: text('Its value; the mask of a secret one that is stored keeps that value.', { maxLength: 4096 }),
    secret: yes('Whether nobody is shown the value again; true when absent. A secret one needs https, but to private addresses.'),
  }, { required: ['name', 'value'] }), 'What is sent along, at most 16. They are replaced together. Who changes scheme, host or port of '
    + '`url`, or switches `verifyTls` off, sends the values of secret ones again or leaves them out.'),
  expectedMin: whole('The lowest good status; 200 when absent.', { minimum: 100, maximum: 599 }),
  expectedMax: whole('The highest good status; 399 when absent.', { minimum: 100, maximum: 599 }),
  responseContains: orNull(text('What the first MiB of the body must hold.', { minLength: 1, maxLength: 1000 })),
  responseMatches: orNull(text(matching, { minLength: 1, maxLength: 256 })),
  jsonPath: orNull(text('Where in a body of JSON a value is looked for: `$.status`, `$.items[0].name`, `$[\'a b\']`.', { minLength: 1, maxLength: 256 })),
  jsonEquals: any('With `jsonPath`: the JSON value that must be there.'),
  maxLatencyMs: orNull(whole('A slower answer is a bad one.', { minimum: 1, maximum: 30000 })),
  intervalSec: whole('Seconds between two looks; 60 when absent.', { minimum: 10, maximum: 86400 }),
  timeoutMs: whole('For all of a request, redirects included; 5000 when absent.', { minimum: 1000, maximum: 30000 }),
  redirects: whole('How many are followed; 0 when absent: a redirect is the answer.', { minimum: 0, maximum: 3 }),
  verifyTls: yes('Whether the certificate must be a good one; true when absent.'),
  httpVersion: word('auto when absent.', ['auto', '1.1', '2']),
  failureThreshold: whole('So many bad looks in a row make it DEGRADED; 3 when absent.', { minimum: 1, maximum: 20 }),
  recoveryThreshold: whole('So many good looks in a row make it OK again; 2 when absent.', { minimum: 1, maximum: 20 }),
  alertCooldownMin: minutes('After people heard that it is down: so long nothing of a new failure; 30 when absent, 0 = no pause.'),
  reminderMin: minutes('How often people are reminded of what is still down; 240 when absent, 0 = never.'),
  flapChanges: whole('So many changes of the status within `flapWindowMin` are flapping; 6 when absent, 0 = never; 1 is refused.', { minimum: 0, maximum: 16 }),
  flapWindowMin: whole('60 when absent.', { minimum: 1, maximum: 10080 }),
  dependsOn: parents,
  enabled: yes('Whether it is looked at; true when absent.'),
};
const { headers, intervalSec, ...asSent } = fields;
const example = { name: 'Shop', url: 'https://shop.example.com/health', headers: [{ name: 'Accept', value: 'application/json', secret: false }], jsonPath: '$.status',
  jsonEquals: 'ok', intervalSec: 30, failureThreshold: 2 };

const once = object({ startsAt: time('When it begins.'), endsAt: time('When it ends.') });
const weekly = object({
  weekdays: list(whole('1 is Monday, 7 is Sunday.', { minimum: 1, maximum: 7 }), 'On which days it begins.'),
  startTime: text('On the clock of the zone, `HH:MM`.', { pattern: '^[0-2][0-9]:[0-5][0-9]$' }),
  durationMin: whole('How long it lasts, in minutes that pass, whatever the clock does.', { minimum: 1, maximum: 10079 }),
  timeZone: text('A time zone as PostgreSQL knows it.', { examples: ['Europe/Berlin'] }),
});
const windowFields = {
  name: text('What people call it.', { minLength: 1, maxLength: 80 }),
  checkIds: { ...list(id('check', 'A health check of the project.'), 'Which checks it is for, at most 100; null: all of the project.'), type: ['array', 'null'] },
};
const times = {
  once: { ...body({ startsAt: time('When it begins.'), endsAt: time('When it ends, at most 366 days later.') }, { required: ['startsAt', 'endsAt'] }),
    type: ['object', 'null'], description: 'Either this or `weekly`.' },
  weekly: { ...body({
    weekdays: list({ description: '"MON" … "SUN", or 1 (Monday) … 7.' }, 'On which days it begins.'),
    startTime: text('On the clock of the zone, `HH:MM`.'), durationMin: whole('How long it lasts, in minutes.', { minimum: 1, maximum: 10079 }),
    timeZone: text('As the IANA calls it; UTC when absent.', { examples: ['Europe/Berlin'] }),
  }, { required: ['weekdays', 'startTime', 'durationMin'] }), type: ['object', 'null'], description: 'Either this or `once`.' },
};

export const schemas = {
  HealthCheck: object({
    id: id('check', 'Its id.'),
    projectId: id('proj', 'Its project.'),
    previewId: orNull(id('deploy', 'The preview that it was made for, whose URL it follows and with which it goes; null: somebody made it.')),
    ...asSent,
    headers: list(object({ name: text('Its name.'), value: text('Its value, or a mask.'), secret: yes('Whether the value is hidden.') }), 'What is sent along.'),
    intervalSec: whole('Seconds between two looks.'),
    lastStatus: { ...word('What it is; null until there was a first result.', ['OK', 'DEGRADED', null]), type: ['string', 'null'] },
    lastLatencyMs: orNull(whole('Of the newest look.')),
    lastCheckedAt: orNull(time('Of the newest look.')),
    lastError: orNull(text('Why the newest look was not good: a code of docs/health.md.')),
    lastStatusCode: orNull(whole('What the newest look was answered.')),
    uptime: { description: 'Good looks of the last 24 hours in percent; null without any.', type: ['number', 'null'] },
    flapping: yes('Whether its status changes so often that nothing is said of each change.'),
    openIncidentId: orNull(id('inc', 'The incident that is open.')),
    certificateExpiresAt: orNull(time('Of the certificate that was seen last.')),
    inMaintenance: yes('Whether a window of maintenance is open for it.'),
    createdAt: time('When it was made.'),
    updatedAt: time('When somebody last changed it.'),
  }),
  HealthLook: object({
    ok: yes('Whether the answer was as expected.'),
    verdict: word('What it counts as: only OK and FAILED change anything.', ['OK', 'FAILED', 'INCONCLUSIVE', 'MAINTENANCE']),
    error: orNull(text('Why it was not good: a code of docs/health.md.')),
    expected: orNull(text('What the answer should have been, when that is what is wrong with it.')),
    statusCode: orNull(whole('What was answered.')),
    latencyMs: orNull(whole('All of it, redirects included.')),
    checkedAt: time('When it began.'),
    httpVersion: orNull(text('1.0, 1.1 or 2.')),
    remoteAddress: orNull(text('Address and port of who answered last.')),
    redirects: whole('How many were followed.'),
    phases: object({
      dnsMs: milliseconds('Finding the address.'), connectMs: milliseconds('The TCP connection.'), tlsMs: milliseconds('The handshake.'),
      firstByteMs: milliseconds('From the request to the first byte of the answer.'), totalMs: milliseconds('Everything, redirects included.'),
    }, { description: 'How long each part of the way took, in milliseconds, of the last address that was asked; null where there was no such part.' }),
    certificate: { ...object({
      fingerprint: text('SHA-256, as hex.'), subject: text('Whose it is.'), issuer: text('Who signed it.'), expiresAt: time('When it ends.'),
      daysLeft: whole('Whole days until then; negative when it has ended.'),
    }), type: ['object', 'null'] },
  }),
  MaintenanceWindow: object({
    id: id('window', 'Its id.'),
    ...windowFields,
    once: { ...once, type: ['object', 'null'] },
    weekly: { ...weekly, type: ['object', 'null'] },
    isOpen: yes('Whether it is open now.'),
    nextStart: orNull(time('When it opens the next time; null: never again.')),
    createdAt: time('When it was made.'),
    updatedAt: time('When it was last changed.'),
  }),
};

const one = (description) => ({ 200: { description, schema: ref('HealthCheck') } });
const ofCheck = (prefix, suffix) => [
  operation(`GET ${prefix}/health-checks/{checkId}`, {
    id: `getHealthCheck${suffix}`, tag, role: 'VIEWER', summary: 'One health check',
    answers: { 200: { ...one('As it is now.')[200], headers: ['ETag'] } },
  }),
  operation(`PATCH ${prefix}/health-checks/{checkId}`, {
    id: `updateHealthCheck${suffix}`, tag, role: 'MAINTAINER', summary: 'Change it',
    description: 'What is absent stays. It counts from the next look on. Of a preview\'s check `name` and `url` cannot be changed.',
    body: body(fields), example: { failureThreshold: 3, maxLatencyMs: 1500 }, answers: one('As it is now.'), errors: [409],
  }),
  operation(`DELETE ${prefix}/health-checks/{checkId}`, {
    id: `deleteHealthCheck${suffix}`, tag, role: 'MAINTAINER', summary: 'Delete it',
    description: 'With its incidents. A preview\'s check goes with its preview, not before: 409.', answers: { 204: { description: 'Done.' } }, errors: [409],
  }),
  operation(`POST ${prefix}/health-checks/{checkId}/enable`, {
    id: `enableHealthCheck${suffix}`, tag, role: 'MAINTAINER', summary: 'Look at it from now on', answers: one('Switched on.'), errors: [409],
  }),
  operation(`POST ${prefix}/health-checks/{checkId}/disable`, {
    id: `disableHealthCheck${suffix}`, tag, role: 'MAINTAINER', summary: 'Do not look at it any more',
    description: 'Its incident, if one is open, ends.', answers: one('Switched off.'), errors: [409],
  }),
  operation(`POST ${prefix}/health-checks/{checkId}/run`, {
    id: `runHealthCheck${suffix}`, tag, role: 'DEVELOPER', summary: 'Look at it now, and answer with what was seen',
    description: 'On a connection of its own, also when the check is switched off. The look counts as any other, and the answer comes within its `timeoutMs` '
      + 'and some seconds.', answers: { 200: { description: 'What was seen, good or bad.', schema: ref('HealthLook') } }, errors: [503],
  }),
];

const aWindow = (description) => ({ description, schema: ref('MaintenanceWindow') });
const windowExample = { name: 'Database', weekly: { weekdays: ['SUN'], startTime: '02:00', durationMin: 120, timeZone: 'Europe/Berlin' } };

export const operations = [
  operation('GET /projects/{projectId}/health-checks', {
    id: 'listHealthChecks', tag, role: 'VIEWER', summary: 'The health checks of a project, and how they are', query: page,
    answers: { 200: { description: 'Newest first.', headers: ['Link', 'ETag'], schema: list(ref('HealthCheck')) } },
  }),
  operation('POST /projects/{projectId}/health-checks', {
    id: 'createHealthCheck', tag, role: 'MAINTAINER', summary: 'Look at a URL again and again',
    description: 'At most 500 of a project, besides those of its previews.', body: body(fields, { required: ['name', 'url'] }), example,
    answers: { 201: { description: 'Made; it is looked at within moments.', headers: ['Location'], schema: ref('HealthCheck') } }, errors: [409],
  }),
  ...ofCheck('', ''), ...ofCheck('/projects/{projectId}', 'OfProject'),
  operation('GET /projects/{projectId}/maintenance-windows', {
    id: 'listMaintenanceWindows', tag, role: 'VIEWER', summary: 'When nothing is said of what is down',
    answers: { 200: { description: 'All of them, newest first; at most 100.', headers: ['ETag'], schema: list(ref('MaintenanceWindow')) } },
  }),
  operation('POST /projects/{projectId}/maintenance-windows', {
    id: 'createMaintenanceWindow', tag, role: 'MAINTAINER', summary: 'Say nothing for a while, once or every week',
    description: 'What is looked at meanwhile counts neither as up nor as down.', body: body({ ...windowFields, ...times }, { required: ['name'] }),
    example: windowExample, answers: { 201: { ...aWindow('Made.'), headers: ['Location'] } }, errors: [409],
  }),
  operation('GET /projects/{projectId}/maintenance-windows/{windowId}', {
    id: 'getMaintenanceWindow', tag, role: 'VIEWER', summary: 'One of them', answers: { 200: { ...aWindow('As it is now.'), headers: ['ETag'] } },
  }),
  operation('PATCH /projects/{projectId}/maintenance-windows/{windowId}', {
    id: 'updateMaintenanceWindow', tag, role: 'MAINTAINER', summary: 'Change it', description: '`once` or `weekly` replaces both.',
    body: body({ ...windowFields, ...times }), example: { name: 'Database and cache' }, answers: { 200: aWindow('As it is now.') }, errors: [409],
  }),
  operation('DELETE /projects/{projectId}/maintenance-windows/{windowId}', {
    id: 'deleteMaintenanceWindow', tag, role: 'MAINTAINER', summary: 'Delete it', description: 'One that is open ends now.',
    answers: { 204: { description: 'Done.' } },
  }),
];
