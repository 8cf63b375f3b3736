// Incidents and alerts of health checks.
import { body, id, list, object, operation, orNull, page, ref, text, time, word, yes } from './shape.mjs';

const tag = 'Health checks';
const error = orNull(text('What was wrong: a code of docs/health.md.'));

export const schemas = {
  Incident: object({
    id: id('inc', 'Its id.'),
    projectId: id('proj', 'Its project.'),
    healthCheckId: id('check', 'Its health check.'),
    healthCheck: text('What people call that.'),
    beganAt: time('The first failure.'),
    openedAt: time('When it was certain.'),
    endedAt: orNull(time('When it was over; null: it is open.')),
    endReason: { ...word('How it ended.', ['RECOVERED', 'DISABLED', null]), type: ['string', 'null'] },
    error,
    message: text('What was wrong, in a sentence.'),
    flapping: yes('Whether the status went to and fro, at some time of it.'),
    acknowledgedAt: orNull(time('When somebody said that he looks after it.')),
    acknowledgedBy: orNull(text('Who did.')),
    note: orNull(text('What he wrote.')),
  }),
  Alert: object({
    id: id('alert', 'Its id.'),
    healthCheckId: id('check', 'Its health check.'),
    incidentId: orNull(id('inc', 'Its incident; null: it is about a certificate.')),
    kind: word('What is told.', ['OPENED', 'REMINDER', 'RECOVERED', 'FLAPPING', 'STABLE', 'ACKNOWLEDGED', 'DISABLED', 'CERTIFICATE']),
    error,
    message: text('The same in a sentence.'),
    createdAt: time('When it happened.'),
    announcedAt: orNull(time('When it was given to the notifiers; null: it waits for others of its cause.')),
    groupId: orNull(text('The same for all that were told together.')),
  }),
};

const newest = (name) => ({ 200: { description: 'Newest first.', headers: ['Link', 'ETag'], schema: list(ref(name)) } });
const ofCheck = (prefix, suffix) => [
  operation(`GET ${prefix}/health-checks/{checkId}/alerts`, {
    id: `listAlerts${suffix}`, tag, role: 'VIEWER', summary: 'What people were told of a health check', query: page, answers: newest('Alert'),
  }),
  operation(`GET ${prefix}/health-checks/{checkId}/incidents`, {
    id: `listIncidentsOfCheck${suffix}`, tag, role: 'VIEWER', summary: 'When a health check was down', query: page, answers: newest('Incident'),
  }),
  operation(`POST ${prefix}/health-checks/{checkId}/incidents/{incidentId}/acknowledge`, {
    id: `acknowledgeIncident${suffix}`, tag, role: 'DEVELOPER', summary: 'Say that you look after it',
    description: 'No reminders from then on; that it is over will be told. A second time changes nothing. 409 when it has ended.',
    body: body({ note: text('For the others.', { minLength: 1, maxLength: 500 }) }), example: { note: 'The database is full; I make room.' },
    answers: { 200: { description: 'As it is now.', schema: ref('Incident') } }, errors: [409],
  }),
];

export const operations = [
  operation('GET /projects/{projectId}/incidents', {
    id: 'listIncidents', tag, role: 'VIEWER', summary: 'When health checks of a project were down',
    query: { ...page, open: word('`true`: only what is down now.', ['true', 'false']) }, answers: newest('Incident'),
  }),
  ...ofCheck('', ''), ...ofCheck('/projects/{projectId}', 'OfProject'),
];
