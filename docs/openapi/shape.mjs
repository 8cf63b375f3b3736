// Words to describe the API with: schemas, and operations with all that follows from who may use them.
//
// Every answer's schema is closed: a field that is not described here must not be sent.

export const text = (description, more = {}) => ({ type: 'string', description, ...more });
export const whole = (description, more = {}) => ({ type: 'integer', description, ...more });
export const yes = (description) => ({ type: 'boolean', description });
export const time = (description) => text(description, { format: 'date-time', examples: ['2026-11-23T07:41:38.984Z'] });
export const id = (prefix, description) => text(description, { pattern: `^${prefix}_`, examples: [`${prefix}_01m83nmxs8266thmrc6g71kd2f`] });
export const word = (description, words) => text(description, { enum: words });
export const list = (items, description) => ({ type: 'array', items, ...(description && { description }) });
export const ref = (name) => ({ $ref: `#/components/schemas/${name}` });
export const orNull = (schema) => (schema.$ref ? { anyOf: [schema, { type: 'null' }] } : { ...schema, type: [schema.type, 'null'] });

// optional: names of fields that may be absent.
export const object = (properties, { optional = [], ...more } = {}) => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
  ...more,
});

// What is sent: everything is optional but what is named.
export const body = (properties, { required = [], ...more } = {}) => ({ type: 'object', properties, required, additionalProperties: false, ...more });

export const role = (description) => word(description, ['OWNER', 'MAINTAINER', 'DEVELOPER', 'VIEWER']);

export const page = {
  limit: whole('How many, 50 when absent.', { minimum: 1, maximum: 200 }),
  cursor: text('Where the page begins: taken from the Link header of the page before.'),
};

const errors = {
  400: 'The request cannot be read: not JSON, not HTTP as it should be. The message says what and where.',
  401: 'No valid session or token: log in again.',
  403: 'The role, or the token\'s scope, is too low for this. The message names both.',
  404: 'There is nothing of this id, or the caller may not know of it.',
  409: 'It contradicts the present state; the message says how.',
  413: 'The body is longer than this path takes.',
  415: 'The body is not of a content type that this path takes.',
  422: 'Fields have faults; `details` names each of them.',
  429: 'Too many requests; `Retry-After` says when to come back.',
  500: 'Something broke here. The log has more under the request id.',
  503: 'Something that is needed is away, or too much is going on; `Retry-After` says when to come back.',
};

export const header = {
  'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' },
  'X-RateLimit-Limit': { $ref: '#/components/headers/X-RateLimit-Limit' },
  'X-RateLimit-Remaining': { $ref: '#/components/headers/X-RateLimit-Remaining' },
  'X-RateLimit-Reset': { $ref: '#/components/headers/X-RateLimit-Reset' },
  Link: { $ref: '#/components/headers/Link' },
  Location: { $ref: '#/components/headers/Location' },
  'Set-Cookie': { $ref: '#/components/headers/Set-Cookie' },
  ETag: { $ref: '#/components/headers/ETag' },
};

function errorAnswers(o, path) {
  const needed = new Set([400, 429, 500, 503, ...(o.errors ?? [])]);
  if (o.role !== 'none') needed.add(401).add(403);
  if (path.includes('{')) needed.add(404);
  if (o.query) needed.add(422);
  if (o.body) needed.add(413).add(415).add(422);
  return Object.fromEntries([...needed].sort().map((status) => [status, { $ref: `#/components/responses/${status}` }]));
}

export const responses = Object.fromEntries(Object.entries(errors).map(([status, description]) => [status, {
  description,
  headers: {
    'X-Request-Id': header['X-Request-Id'],
    ...(['429', '503'].includes(status) && { 'Retry-After': { $ref: '#/components/headers/Retry-After' } }),
  },
  content: { 'application/json': { schema: ref('Error') } },
}]));

// answer: { description, schema } for JSON, { description, content } for others, { description } for none; `headers` names more.
function answerOf(answer, o) {
  const names = ['X-Request-Id', ...(o.limited === false ? [] : ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset']),
    ...(answer.headers ?? [])];
  const content = answer.content ?? (answer.schema && { 'application/json': { schema: answer.schema } });
  return { description: answer.description, headers: Object.fromEntries(names.map((name) => [name, header[name]])), ...(content && { content }) };
}

const parameterTexts = {
  decoy: 'What the decoy holds.',
  notifierId: 'A notifier, as  calls it.',
  policyId: 'A policy\'s id, `policy_…`.',
  deliveryId: 'A delivery\'s id, `hook_…`.',
  userId: 'A user\'s id, `user_…`; of members also an invitation\'s, `inv_…`.',
  environmentId: 'An environment\'s id, `env_…`, as `GET /projects/{projectId}/environments` lists it.',
  key: 'A variable\'s name.',
  checkId: 'A health check\'s id, `check_…`.',
  incidentId: 'An incident\'s id, `inc_…`.',
  windowId: 'A window of maintenance\'s id, `window_…`.',
  slug: 'The name of a status page, as its project chose it.',
  orgId: 'An organization\'s id, `org_…`.',
  projectId: 'A project\'s id, `proj_…`.',
  deploymentId: 'A deployment\'s id, `deploy_…`.',
  tokenId: 'An API token\'s id, `tok_…`.',
  sessionId: 'A session\'s id, `sess_…`.',
};

// operation('GET /orgs/{orgId}', { id, tag, role, summary, description?, query?, body?, form?, answers, errors? })
//   role     'none', 'user', or the least role: VIEWER, DEVELOPER, MAINTAINER, OWNER
//   scope    what an API token needs; follows from method and role when absent
//   example  a body that works on the demonstration data, for the documentation
//   curl     the whole command, where the one made from method, path and example would not work
export function operation(line, o) {
  const [method, path] = line.split(' ');
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
  const scope = o.scope ?? (method === 'GET' ? 'read' : ['DEVELOPER', 'VIEWER'].includes(o.role) ? 'write' : 'admin');
  const parameters = [
    ...names.map((name) => ({ name, in: 'path', required: true, description: parameterTexts[name], schema: { type: 'string' } })),
    ...Object.entries(o.query ?? {}).map(([name, schema]) => ({ name, in: 'query', description: schema.description, schema })),
    ...(o.parameters ?? []),
  ];
  for (const name of names) if (!parameterTexts[name]) throw new Error(`${line}: {${name}} is not described`);
  return { method: method.toLowerCase(), path, item: {
    operationId: o.id,
    tags: [o.tag],
    summary: o.summary,
    ...(o.description && { description: o.description }),
    'x-opshub-role': o.role,
    ...(o.role !== 'none' && { 'x-opshub-scope': scope }),
    ...(o.limited === false && { 'x-opshub-limited': false }),
    security: o.role === 'none' ? [] : [{ bearer: [] }, { cookie: [] }],
    ...(o.curl && { 'x-codeSamples': [{ lang: 'sh', source: o.curl }] }),
    ...(parameters.length && { parameters }),
    ...(o.body && { requestBody: {
      required: o.body.required?.length > 0,
      content: o.bodyContent ?? { 'application/json': { schema: o.body, ...(o.example && { example: o.example }) } },
    } }),
    responses: {
      ...errorAnswers(o, path),
      ...Object.fromEntries(Object.entries(o.answers).map(([status, answer]) => [status, answerOf(answer, o)])),
    },
  } };
}
