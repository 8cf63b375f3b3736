// Writes docs/openapi.json and docs/api.md from the descriptions in this folder: node docs/openapi/build.mjs
// A test of tests/lint compares both with what this makes, and with the routes that opshubd serves.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { apiPage } from './page.mjs';
import * as deployments from './deployments.mjs';
import * as healthChecks from './health-checks.mjs';
import * as incidents from './incidents.mjs';
import * as notifiers from './notifiers.mjs';
import * as organizations from './organizations.mjs';
import * as people from './people.mjs';
import * as policies from './policies.mjs';
import * as projects from './projects.mjs';
import { responses } from './shape.mjs';
import * as security from './security.mjs';
import * as status from './status.mjs';
import * as system from './system.mjs';
import * as tokens from './tokens.mjs';
import * as variables from './variables.mjs';
import * as webhooks from './webhooks.mjs';

const subjects = [people, tokens, organizations, projects, variables, policies, notifiers, deployments, healthChecks, incidents, status, webhooks, security, system];
const docs = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

// Real answers, written by tests/lib/record-examples.mjs.
const examples = JSON.parse(readFileSync(docs('openapi/examples.json'), 'utf8'));

function addExamples(item) {
  for (const [status, value] of Object.entries(examples[item.operationId] ?? {})) {
    const content = item.responses[status]?.content?.['application/json'];
    if (!content) throw new Error(`docs/openapi/examples.json has an answer ${status} to ${item.operationId}, which is not described`);
    content.example = value;
  }
}

const integer = (description) => ({ description, schema: { type: 'integer' } });
const string = (description) => ({ description, schema: { type: 'string' } });

export function description() {
  const paths = {};
  for (const { method, path, item } of subjects.flatMap((subject) => subject.operations)) {
    paths[path] ??= {};
    if (paths[path][method]) throw new Error(`${method} ${path} is described twice`);
    addExamples(item);
    paths[path][method] = item;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'DevInfra OpsHub',
      version: '1.0.0',
      description: 'Every pull request becomes a preview deployment. JSON in and out, UTF-8; times are ISO 8601 in UTC with milliseconds; '
        + 'durations are in milliseconds. Lists are arrays, newest first; the next page is in the `Link` header. Every failure is the object `Error`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: 'http://localhost:4000', description: 'As installed.' }],
    tags: [...new Set(Object.values(paths).flatMap((path) => Object.values(path).flatMap((item) => item.tags)))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A session\'s token, or an API token (`oph_…`).' },
        cookie: { type: 'apiKey', in: 'cookie', name: 'opshub_token',
          description: 'A session in a browser. Changes need an `Origin` that is ours.' },
      },
      headers: {
        'X-Request-Id': string('Names this request in the log. One that was sent is kept.'),
        'X-RateLimit-Limit': integer('How many requests the window holds.'),
        'X-RateLimit-Remaining': integer('How many of them are left.'),
        'X-RateLimit-Reset': integer('When the window is full again, in seconds since 1970.'),
        'Retry-After': integer('Seconds to wait.'),
        Link: string('`<…>; rel="next"`: the next page, when there may be one.'),
        Location: string('Where the new one is.'),
        'Set-Cookie': string('The cookie `opshub_token`.'),
        ETag: string('Send it as If-None-Match to be told 304 when nothing has changed.'),
      },
      responses,
      schemas: Object.assign({}, ...subjects.map((subject) => subject.schemas)),
    },
  };
}

export const outputs = () => {
  const api = description();
  return {
    'openapi.json': `${JSON.stringify(api, null, 1)}\n`,
    'api.md': apiPage(api, readFileSync(docs('openapi/guide.md'), 'utf8')),
  };
};

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const [name, text] of Object.entries(outputs())) writeFileSync(docs(name), text);
