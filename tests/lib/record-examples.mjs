// Writes docs/openapi/examples.json: real answers for docs/api.md and openapi.json, from a stack of its own.
//
//     tests/stack --fast -- node tests/lib/record-examples.mjs && node docs/openapi/build.mjs
//
// Every operation that reads is asked; one that changes is sent when its description has an example body, or when it is
// listed here. What cannot be had here (a login with GitHub) keeps the example it has.
import { readFileSync, writeFileSync } from 'node:fs';
import { api } from './client.mjs';
import { env } from './env.mjs';
import { deliver, pullRequest } from './github.mjs';
import { known, learnAll, namesIn, pathOf } from './known.mjs';
import { all } from './openapi.mjs';

const file = new URL('../../docs/openapi/examples.json', import.meta.url);
const LONGEST = 3000; // bytes: beyond it an example is no help
const withoutBody = ['verifyProvider', 'destroyDeployment', 'retryDeployment', 'cancelDeployment'];

// As a reader's own installation would say it, without what only looks like a secret, and short.
function tidy(value, name = '') {
  if (Array.isArray(value)) return value.slice(0, 1).map((one) => tidy(one));
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, tidy(inner, key)]));
  if (typeof value !== 'string') return value;
  if (name === 'token') return value.startsWith('oph_') ? `oph_${'x'.repeat(value.length - 4)}` : `${value.slice(0, 6)}…`;
  const plain = value.replaceAll(env.api, 'http://localhost:4000').replaceAll(env.cloud, 'http://127.0.0.1:4010');
  return plain.length > 160 ? `${plain.slice(0, 160)}…` : plain;
}

const isJson = ({ operation }) => Object.values(operation.responses).some((answer) => answer.content?.['application/json']?.schema);
const exampleBody = ({ operation }) => operation.requestBody?.content['application/json']?.example;
const isWanted = (one) => isJson(one) && namesIn(one.path).every((name) => known[name])
  && (one.method === 'GET' || (one.method !== 'DELETE' && exampleBody(one)) || withoutBody.includes(one.operation.operationId));

await learnAll();
const examples = JSON.parse(readFileSync(file, 'utf8'));
const order = (one) => (one.method === 'GET' ? -1 : withoutBody.indexOf(one.operation.operationId) + 1);
for (const one of all.filter(isWanted).sort((a, b) => order(a) - order(b))) {
  const { status, json, text } = await api(one.method, pathOf(one.path), { body: exampleBody(one) });
  const tidied = tidy(json);
  const isGood = status < 300 && json !== undefined && JSON.stringify(tidied).length <= LONGEST && !(Array.isArray(json) && json.length === 0);
  if (isGood) examples[one.operation.operationId] = { [status]: tidied };
  else console.log(`no example of ${one.method} ${one.path}: ${status} ${text.slice(0, 200)}`);
}
examples.githubWebhook = { 202: tidy((await deliver('pull_request', pullRequest('opened', 2))).json) };
const ids = new Set(all.map(({ operation }) => operation.operationId));
const sorted = Object.entries(examples).filter(([name]) => ids.has(name)).sort(([a], [b]) => (a < b ? -1 : 1));
writeFileSync(file, `${JSON.stringify(Object.fromEntries(sorted), null, 1)}\n`);
console.log(`${sorted.length} examples`);
