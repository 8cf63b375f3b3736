// Requests to the API as its users make them, and what every answer has to look like.
import assert from 'node:assert/strict';
import { env } from './env.mjs';
import { assertDescribed } from './openapi.mjs';
import { until } from './until.mjs';

// One request to the API: { status, headers, text, json }, whose answer must be as docs/openapi.json describes it. token: null sends none; a body that is no string is sent as JSON.
export async function api(method, path, { token = env.token, body, headers = {}, timeout = 15_000 } = {}) {
  const sent = { ...headers };
  if (token !== null) sent.authorization = `Bearer ${token}`;
  let bytes = body;
  if (body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body)) {
    bytes = JSON.stringify(body);
    sent['content-type'] ??= 'application/json';
  }
  const answer = await fetch(path.startsWith('http') ? path : env.api + path, {
    method, body: bytes, headers: sent, redirect: 'manual', signal: AbortSignal.timeout(timeout),
  });
  const text = await answer.text();
  let json;
  try { json = JSON.parse(text); } catch { json = undefined; }
  const got = { status: answer.status, headers: answer.headers, text, json };
  if (!path.startsWith('http')) assertDescribed(method, path, got);
  return got;
}

export const get = (path, options) => api('GET', path, options);
export const post = (path, options) => api('POST', path, options);

// A token for one of the four seeded users: login('viewer').
export async function login(role) {
  const answer = await post('/test/login-as', { token: null, body: { email: `${role}@demo.opshub.local` } });
  assert.equal(answer.status, 200, answer.text);
  return answer.json.token;
}

// The error object of the API, whole: nothing but what is promised, and a request id that can be found in the log.
export function assertError(answer, status, error) {
  assert.equal(answer.status, status, answer.text);
  assert.ok(answer.json, `not JSON: ${answer.text}`);
  assert.equal(answer.json.error, error, answer.text);
  assert.equal(answer.json.statusCode, status);
  assert.equal(typeof answer.json.message, 'string');
  assert.ok(answer.json.message.length > 0);
  assert.match(answer.json.requestId, /^[A-Za-z0-9._-]{8,64}$/);
  const known = ['error', 'message', 'statusCode', 'requestId', 'details'];
  assert.deepEqual(Object.keys(answer.json).filter((key) => !known.includes(key)), []);
}

export async function deploymentsOf(pr) {
  const answer = await get(`/projects/${env.project}/deployments?pr=${pr}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

// Waits until the newest deployment of a pull request has this status, and gives it back.
export async function deployment(pr, status, { seconds = 30, sha } = {}) {
  return until(`PR ${pr} ${status}${sha ? ` at ${sha}` : ''}`, async () => {
    const [newest] = await deploymentsOf(pr);
    if (newest && newest.status === status && (!sha || newest.sha === sha)) return newest;
    throw new Error(newest ? `${newest.status} ${newest.detail ?? ''} ${newest.errorReason ?? ''} at ${newest.sha}` : 'no deployment yet');
  }, { seconds });
}
