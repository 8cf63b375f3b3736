// Every operation of docs/openapi.json with requests that it forbids, one by one and by chance: each is refused with the
// error object, nothing breaks, and all faults of a body are named at once. OPSHUB_FUZZ_SEED=N tries others.
// stack: --fast --env SECURITY_CONTACT=mailto:security@example.org
// seconds: 400
import assert from 'node:assert/strict';
import http from 'node:http';
import { before, test } from 'node:test';
import { env } from '../lib/env.mjs';
import { known, learnAll, namesIn, pathOf } from '../lib/known.mjs';
import { all, assertDescribed } from '../lib/openapi.mjs';
import { forbids, manyFaults, names, oneFault, random, resolve, right, wrongs } from '../lib/spoil.mjs';
import { eachOf } from '../lib/until.mjs';

const seed = Number(process.env.OPSHUB_FUZZ_SEED ?? 20261123);
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

// As client.mjs does, but with the path's bytes as they are: fetch would resolve "%2e%2e" itself.
function ask(method, path, { body, headers = {} } = {}) {
  const bytes = body === undefined ? undefined : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const { hostname, port } = new URL(env.api);
  return new Promise((resolveAnswer, reject) => {
    const request = http.request({ hostname, port, agent, method, path, headers: {
      authorization: `Bearer ${env.token}`, ...(bytes && { 'content-type': 'application/json', 'content-length': bytes.length }), ...headers,
    } }, (answer) => {
      const got = [];
      answer.on('data', (data) => got.push(data));
      answer.on('end', () => {
        const text = Buffer.concat(got).toString();
        let json;
        try { json = JSON.parse(text); } catch { json = undefined; }
        resolveAnswer({ status: answer.statusCode, headers: new Headers(answer.headers), text, json });
      });
    });
    // while long lists of faults are made here, the server closes connections that nobody uses
    request.on('error', (error) => (request.reusedSocket && error.code === 'ECONNRESET'
      ? ask(method, path, { body, headers }).then(resolveAnswer, reject) : reject(error)));
    request.end(bytes);
  });
}

// Why an answer is not a refusal as it should be; nothing when it is.
function faultOf(answer, { fields = [], mayPass = false } = {}) {
  const { status, json, text } = answer;
  if (status >= 200 && status < 400 && mayPass) return '';
  if (status >= 500) return `${status}: ${text}`;
  if (status < 400) return `${status}: it passed, though the description forbids it: mend the code or the description`;
  if ([401, 405, 429].includes(status)) return `${status}: refused, but not for what is wrong: ${text}`;
  if (json?.statusCode !== status || !json.error || !json.message || !json.requestId) return `${status} without the error object: ${text}`;
  const details = (json.details ?? []).map(({ field }) => field);
  const missing = status === 422 ? fields.filter((name) => !names(details, name)) : [];
  return missing.length ? `422 does not name ${missing.join(', ')}: ${text}` : '';
}

const bodyOf = ({ operation }) => operation.requestBody?.content['application/json'];
// A webhook's body is GitHub's, and a route without parameters and body has nothing to spoil.
const operations = all.filter(({ path }) => path !== '/webhooks/github');

before(learnAll);

// Sends the requests { what, method, path, ... } and fails with all that were not refused as they should be.
async function refuseAll(t, requests) {
  const wrong = [];
  const statuses = {};
  await eachOf(requests, 8, async (one) => {
    let why;
    try {
      const answer = await ask(one.method, one.path, one);
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      why = faultOf(answer, one);
      if (!why) assertDescribed(one.method, one.path, answer);
    } catch (error) {
      why = error.message;
    }
    if (why) wrong.push(`${one.method} ${one.path.slice(0, 120)}: ${one.what}: ${why.slice(0, 400)}`);
  });
  t.diagnostic(`seed ${seed}, ${requests.length} requests: ${JSON.stringify(statuses)}`);
  assert.deepEqual(wrong, [], `${wrong.length} of ${requests.length}; seed ${seed}`);
  return statuses;
}

test('without anything wrong, everything that can be read is answered as it is described', async () => {
  for (const one of operations.filter(({ method, path }) => method === 'GET' && namesIn(path).every((name) => known[name]))) {
    const line = `${one.method} ${pathOf(one.path)}`;
    const answer = await ask(one.method, pathOf(one.path));
    assertDescribed(one.method, pathOf(one.path), answer);
    const wanted = Object.keys(one.operation.responses).filter((status) => status < 400).map(Number);
    if (one.path === '/auth/github/callback') wanted.push(400); // nobody has begun a login
    assert.ok(wanted.includes(answer.status), `${line}: ${answer.status} ${answer.text.slice(0, 300)}`);
  }
});

test('bodies', async (t) => {
  for (const one of operations.filter(bodyOf)) {
    await t.test(`${one.method} ${one.path}`, async (t) => {
      const { schema: given, example } = bodyOf(one);
      const schema = resolve(given);
      const base = example ?? right(schema);
      const line = { method: one.method, path: pathOf(one.path) };
      const spoiled = [...oneFault(schema, base), ...manyFaults(schema, base, 40, random(seed))]
        .map((fault) => ({ ...line, ...fault, mayPass: !forbids(schema, fault.body) }));
      const shapes = [['a list', '[]'], ['a text', '"x"'], ['null', 'null'], ['half an object', '{"a":1'], ['two objects', '{}{}'],
        ['a key twice', '{"a":1,"a":2}'], ['nothing', '']].map(([what, body]) => ({ ...line, what, body }));
      const types = ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp'].map((type) => (
        { ...line, what: type, body: JSON.stringify(base), headers: { 'content-type': type } }));
      const statuses = await refuseAll(t, [...spoiled, ...shapes, ...types]);
      // nothing that could be meant is there: then 404 comes first
      const isReached = namesIn(one.path).every((name) => known[name]);
      if (isReached) assert.ok(statuses[422] > 0 || spoiled.length === 0, `no fault of the body was ever named: ${JSON.stringify(statuses)}`);
    });
  }
});

test('parameters of the query', async (t) => {
  const requests = operations.flatMap((one) => (one.operation.parameters ?? []).filter((p) => p.in === 'query').flatMap(({ name, schema }) => {
    const line = { method: one.method };
    const to = (query) => `${pathOf(one.path)}?${query}`;
    const isText = [schema.type].flat().includes('string');
    // a number in a query is a text that looks like one; targets of more than 8 KiB are the edge's
    const values = wrongs(schema).filter(([, value]) => (isText ? typeof value === 'string' : typeof value !== 'object' && value !== 7));
    return [
      ...values.map(([what, value]) => ({ ...line, what: `${name} = ${what}`, path: to(`${name}=${encodeURIComponent(value).slice(0, 4000)}`), fields: [name] })),
      ...['%ff', '%', '%00', '%zz', '%c0%af', '%ed%a0%80'].map((odd) => ({ ...line, what: `${name} = ${odd}`, path: to(`${name}=${odd}`) })),
      ...['\'', '"', '%3Cscript%3E', '%27%20or%201=1--', '%F0%9F%92%A9', '99999999999999999999', '-1', '1e3', '0x10', '%2B1', '', 'x'.repeat(4000)].map((odd) => (
        { ...line, what: `${name} = ${odd}`, path: to(`${name}=${odd}`), mayPass: isText, fields: [name] })),
      { ...line, what: `${name} twice`, path: to(`${name}=1&${name}=1`) },
      { ...line, what: `${name} twice, spelt in two ways`, path: to(`${name}=1&%${name.charCodeAt(0).toString(16)}${name.slice(1)}=1`) },
    ];
  }));
  assert.ok(requests.length > 100);
  await refuseAll(t, requests);
});

test('parameters of the path', async (t) => {
  const odd = ['x', 'org', 'user_00000000000000000000000000', 'proj_', 'deploy_zzzzzzzzzzzzzzzzzzzzzzzzzz', 'a'.repeat(300), `deploy_${'0'.repeat(4000)}`,
    '%00', '%ff', '%0d%0a', '%2e%2e', '%2f', '%', '%zz', '%c0%ae', '%ed%a0%80', '%7f', '%20', '*', '\'', '%22', '%3Cb%3E', '%F0%9F%92%A9', '-1', '0', 'null'];
  const requests = operations.filter(({ path }) => path.includes('{')).flatMap(({ method, path }) => namesIn(path).flatMap((name) => (
    // a decoy's address answers everybody the same
    odd.map((value) => ({ method, what: `${name} = ${value}`, path: pathOf(path, { [name]: value }), mayPass: name === 'decoy' })))));
  assert.ok(requests.length > 200);
  await refuseAll(t, requests);
});
