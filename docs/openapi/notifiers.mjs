// Whom a project tells: notifiers, their settings and tests.
import { body, id, list, object, operation, orNull, ref, text, time, whole, word, yes } from './shape.mjs';

const tag = 'Notifications';
const settings = (description) => ({ type: 'object', description, additionalProperties: { type: ['string', 'integer', 'number', 'boolean', 'null'] } });

const fields = {
  name: text('What people call it; the plugin\'s name when absent. Unique in the project, in any case.', { minLength: 1, maxLength: 80 }),
  enabled: yes('Whether anything is sent; true when absent. What waits for one that is switched off is dropped.'),
  settings: settings('What the plugin declares (`GET /notifiers`). A secret that is not sent, or sent as its mask, is kept; null deletes it. '
    + 'Who changes an address sends the secrets again.'),
};
const notifier = text('The plugin\'s name, in any case.', { minLength: 1, maxLength: 64 });
const example = { notifier: 'slack', name: 'Previews', settings: { channel: 'C0123456789', botToken: 'xoxb-…' } };

const slackFields = {
  botToken: orNull(text('The bot token; absent or as its mask: kept; null: deleted.')),
  slackBotToken: orNull(text('The same.')),
  channel: orNull(text('The id of a channel.')),
  slackChannel: orNull(text('The same.')),
  enabled: yes('Whether anything is sent.'),
};

export const schemas = {
  NotifierTest: object({
    ok: yes('Its settings are right, and a message arrived.'),
    sent: yes('A message arrived.'),
    code: word('What is wrong.', ['NOT_LOADED', 'DISABLED', 'SETTINGS', 'VERIFY_FAILED', 'TOKEN_REFUSED', 'TARGET_NOT_FOUND', 'REFUSED', 'LIMITED',
      'QUOTA', 'UNREACHABLE', 'TIMEOUT', 'TARGET_FAILED', 'CONFLICT', 'UNSUPPORTED', 'PLUGIN_ERROR', 'PENDING']),
    error: text('The same in a sentence, with what to do.'),
    account: text('Whose token it is; may be empty.'),
    lines: list(object({
      label: text('What was looked at.'),
      text: text('What was found.'),
      state: word('How it is.', ['ok', 'warn', 'fail']),
    }), 'What the plugin says about its settings.'),
  }, { optional: ['code', 'error'] }),
  Notifier: object({
    id: id('ntf', 'Its id.'),
    notifier: text('The plugin, in upper case.', { examples: ['SLACK'] }),
    name: text('What people call it.'),
    enabled: yes('Whether anything is sent.'),
    byDefault: yes('It is there because the server\'s environment sets it up; nobody has changed it.'),
    settings: settings('What the plugin declares. Secrets are masked.'),
    lastSuccessAt: orNull(time('When a message last arrived.')),
    lastErrorAt: orNull(time('When one last did not.')),
    lastError: orNull(text('Why, in a sentence.')),
    lastErrorCode: orNull(text('The same in a word, as of a test; INTERRUPTED: the worker ended over it again and again.')),
    pausedUntil: orNull(time('Nothing is sent before.')),
    waiting: whole('Messages that wait to be sent.'),
    dead: whole('Messages of the last seven days that were given up.'),
    testedAt: orNull(time('When it was last tested.')),
    test: orNull(ref('NotifierTest')),
    createdAt: time('When it was added.'),
  }),
  NotifierTests: object({
    ok: yes('All are well.'),
    notifiers: list(object({
      id: id('ntf', 'The notifier.'), name: text('What people call it.'), notifier: text('The plugin, in upper case.'), test: ref('NotifierTest'),
    }), 'What came of each.'),
  }),
  Slack: object({
    id: orNull(id('ntf', 'The notifier; null: there is none.')),
    slackBotToken: orNull(text('Masked.')),
    slackChannel: orNull(text('The channel\'s id.')),
    enabled: yes('Whether anything is sent.'),
  }),
};

const asItIs = (name) => ({ 200: { description: 'As it is now.', schema: ref(name) } });
const tested = { 200: { description: 'What came of it.', schema: ref('NotifierTests') } };
const slack = { tag, role: 'MAINTAINER', body: body(slackFields), example: { botToken: 'xoxb-…', channel: 'C0123456789' }, answers: asItIs('Slack'), errors: [409] };

export const operations = [
  operation('GET /projects/{projectId}/notifications', {
    id: 'listProjectNotifiers', tag, role: 'VIEWER', summary: 'Whom the project tells, and how that goes',
    answers: { 200: { description: 'All of them, oldest first; at most 50.', headers: ['ETag'], schema: list(ref('Notifier')) } },
  }),
  operation('POST /projects/{projectId}/notifications', {
    id: 'createNotifier', tag, role: 'MAINTAINER', summary: 'Tell one more',
    body: body({ notifier, ...fields }, { required: ['notifier'] }), example,
    answers: { 201: { description: 'Added.', headers: ['Location'], schema: ref('Notifier') } }, errors: [409],
  }),
  operation('POST /projects/{projectId}/notifications/test', {
    id: 'testNotifiers', tag, role: 'MAINTAINER', summary: 'Try all of them',
    description: 'A worker asks each plugin whether its settings are right, and sends a message. Waits up to 12 seconds for it.',
    answers: tested,
  }),
  operation('GET /projects/{projectId}/notifications/{notifierId}', {
    id: 'getNotifier', tag, role: 'VIEWER', summary: 'One of them',
    answers: { 200: { description: 'Secrets are masked.', headers: ['ETag'], schema: ref('Notifier') } },
  }),
  operation('PUT /projects/{projectId}/notifications/{notifierId}', {
    id: 'setNotifier', tag, role: 'MAINTAINER', summary: 'Change its settings',
    description: 'All settings are replaced. What waits is tried again at once.',
    body: body({ notifier, ...fields }), example: { ...example, enabled: true }, answers: asItIs('Notifier'), errors: [409],
  }),
  operation('PATCH /projects/{projectId}/notifications/{notifierId}', {
    id: 'updateNotifier', tag, role: 'MAINTAINER', summary: 'Rename it, or switch it on or off',
    body: body({ name: fields.name, enabled: fields.enabled }), example: { enabled: false }, answers: asItIs('Notifier'), errors: [409],
  }),
  operation('DELETE /projects/{projectId}/notifications/{notifierId}', {
    id: 'removeNotifier', tag, role: 'MAINTAINER', summary: 'Tell it no more', description: 'Its secrets go, and what waits for it.',
    answers: { 204: { description: 'Done.' } },
  }),
  operation('POST /projects/{projectId}/notifications/{notifierId}/test', {
    id: 'testNotifier', tag, role: 'MAINTAINER', summary: 'Try one', description: 'As for all of them.', answers: tested,
  }),
  operation('GET /projects/{projectId}/slack', {
    id: 'getSlack', tag, role: 'VIEWER', summary: 'The project\'s first notifier for Slack',
    answers: { 200: { description: 'Nulls when there is none.', headers: ['ETag'], schema: ref('Slack') } },
  }),
  operation('PUT /projects/{projectId}/slack', { ...slack, id: 'setSlack', summary: 'Set it up',
    description: 'Made when there is none. Other settings of it get their defaults: `PUT …/notifications/{notifierId}` sets all of them.' }),
  operation('POST /projects/{projectId}/slack', { ...slack, id: 'setSlackByPost', summary: 'Set it up', description: 'The same as PUT.' }),
];
