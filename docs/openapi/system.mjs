// The installation itself: is it alive, what can it do, how is it reached.
import { list, object, operation, ref, text, time, whole, word, yes } from './shape.mjs';

const tag = 'System';

export const schemas = {
  Error: object({
    error: text('A word for the kind of failure.', { examples: ['ValidationError'] }),
    message: text('What happened, to what, and what to do.'),
    statusCode: whole('The HTTP status once more.'),
    requestId: text('The log has more under this id.'),
    details: list(object({
      field: text('Which field of the body, query or head.'),
      message: text('What is wrong with it.'),
    }), 'Every fault of the request, when it has some.'),
  }, { optional: ['details'] }),
  Readiness: object({
    ok: yes('Nothing is missing.'),
    database: text('PostgreSQL: "up", or what is wrong.', { examples: ['up'] }),
    redis: text('Redis: "up", or what its absence means.', { examples: ['up'] }),
    migrations: text('"applied", or what is missing.'),
  }),
  Plugin: object({
    name: text('As it stands in a project\'s settings.'),
    kind: word('What it does.', ['provider', 'notifier']),
    version: text('Of the plugin.'),
    abi: text('Of the SDK it was built against.'),
    summary: text('What it is for.'),
    license: text('SPDX identifier.'),
    state: word('Whether it can be used.', ['loaded', 'refused', 'disabled']),
    reason: text('Why it cannot be used; empty when it can.'),
    settings: list(object({
      key: text('Its name in a project\'s settings.'),
      type: text('What values it takes.'),
      label: text('For a form.'),
      help: text('What it is for.'),
      required: yes('It must have a value.'),
      operator: yes('Only the operator of this server sets it, by that environment variable; no project can.'),
      secret: yes('It is stored encrypted and never shown.'),
      initial: text('The value without one.'),
      choices: list(text('One of them.'), 'Values it may have, when they are few.'),
      min: whole('Least value or length.'),
      max: whole('Greatest value or length, 0 = no limit.'),
      env: text('The environment variable that gives it for the whole installation; empty = none.'),
      envIsSet: yes('That variable is set.'),
    }), 'What it can be told.'),
    updatedAt: time('When a worker last loaded it.'),
  }),
};

export const operations = [
  operation('GET /healthz', {
    id: 'healthz', tag, role: 'none', limited: false, summary: 'Is this process alive?',
    description: 'Touches neither database nor Redis: for load balancers and supervisors.',
    answers: { 200: { description: 'It is.', schema: object({ ok: yes('Always true.') }) } },
  }),
  operation('GET /readyz', {
    id: 'readyz', tag, role: 'none', limited: false, summary: 'Can this process serve?',
    description: 'Asks the database and Redis. Without Redis everything works, slower, so only the database decides.',
    answers: {
      200: { description: 'It can.', schema: ref('Readiness') },
      503: { description: 'It cannot.', schema: ref('Readiness') },
    },
  }),
  ...['GET', 'POST'].map((method) => operation(`${method} /d/{decoy}`, {
    id: `${method.toLowerCase()}Decoy`, tag, role: 'none', summary: 'Where decoys lead', description: 'What it does: rule `decoys` of a project.',
    answers: { 204: { description: 'Always, whatever the path holds.' } },
  })),
  operation('GET /.well-known/security.txt', {
    id: 'securityTxt', tag, role: 'none', limited: false, summary: 'Whom to tell of a weakness',
    description: 'RFC 9116, from SECURITY_CONTACT; 404 without one.',
    answers: { 200: { description: 'The contacts.', content: { 'text/plain': { schema: { type: 'string' } } } } },
    errors: [404],
  }),
  operation('GET /openapi.json', {
    id: 'openapi', tag, role: 'none', limited: false, summary: 'This description',
    answers: { 200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } } },
  }),
  operation('GET /providers', {
    id: 'listProviders', tag, role: 'user', summary: 'The provider plugins that are installed',
    answers: { 200: { description: 'With the settings each of them takes.', schema: list({ $ref: '#/components/schemas/Plugin' }) } },
  }),
  operation('GET /notifiers', {
    id: 'listNotifiers', tag, role: 'user', summary: 'The notifier plugins that are installed',
    answers: { 200: { description: 'With the settings each of them takes.', schema: list({ $ref: '#/components/schemas/Plugin' }) } },
  }),
];
