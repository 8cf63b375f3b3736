// The other side of POST /webhooks/github: GitHub's own sample payloads, edited, signed and sent as GitHub does.
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { sign } from '@octokit/webhooks-methods';
import { env } from './env.mjs';

const folder = new URL('../contract/github-webhooks/', import.meta.url);

export const payloadText = (name) => readFileSync(new URL(name, folder), 'utf8');
export const payload = (name) => JSON.parse(payloadText(name));

// A commit id that depends on nothing but its name.
export const commit = (name) => createHash('sha1').update(name).digest('hex');

// GitHub's times have no fraction, so two events in one second carry the same one. The tests order events by a clock
// of their own, one second an event.
let clock = Math.floor(Date.now() / 1000);
export const timeOfEvent = () => new Date(++clock * 1000).toISOString().replace('.000Z', 'Z');

const sample = { opened: 'pull_request.opened.json', synchronize: 'pull_request.synchronize.json', closed: 'pull_request.closed.json',
  reopened: 'pull_request.reopened.json', labeled: 'pull_request.labeled.json',
  converted_to_draft: 'pull_request.converted_to_draft.json', ready_for_review: 'pull_request.ready_for_review.json' };

// A pull_request event of the demo repository, made from GitHub's sample of that action.
export function pullRequest(action, number, { sha = commit(`${number}`), branch = `feature-${number}`, updatedAt = timeOfEvent(), ...more } = {}) {
  const event = payload(sample[action] ?? sample.opened);
  const pr = event.pull_request;
  event.action = action;
  event.number = pr.number = number;
  pr.id = 1_000_000 + number;
  pr.title = `Change number ${number}`;
  pr.html_url = `https://github.com/Codertocat/Hello-World/pull/${number}`;
  pr.head.sha = sha;
  pr.head.ref = branch;
  pr.head.label = `Codertocat:${branch}`;
  pr.updated_at = updatedAt;
  pr.state = action === 'closed' ? 'closed' : 'open';
  pr.author_association = 'OWNER';
  if (action === 'synchronize') event.after = sha;
  if (more.draft !== undefined) pr.draft = more.draft;
  if (more.base !== undefined) pr.base.ref = more.base;
  if (more.labels !== undefined) pr.labels = more.labels.map((name, i) => ({ ...pr.labels?.[0], id: i + 1, name, default: false }));
  if (more.changes !== undefined) event.changes = more.changes;
  if (more.merged !== undefined) pr.merged = more.merged;
  if (more.fork) {
    pr.head.repo = { ...pr.head.repo, id: 999, full_name: 'somebody/Hello-World', fork: true };
    pr.head.user = { ...pr.head.user, login: 'somebody', id: 998 };
    pr.head.label = `somebody:${branch}`;
    pr.author_association = 'CONTRIBUTOR';
  }
  return event;
}

// The same event, of another repository.
export function ofRepository(event, fullName) {
  event.repository.full_name = fullName;
  for (const side of [event.pull_request.base, event.pull_request.head]) side.repo.full_name = fullName;
  return event;
}

export async function signature(body, secret = env.webhookSecret) {
  if (typeof body === 'string' && body.length > 0) return sign(secret, body);
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`; // bytes that are no text
}

// headers: a value of null leaves that header out.
export async function deliver(event, content, { guid = randomUUID(), headers = {}, secret, url = `${env.api}/webhooks/github`, timeout = 15_000 } = {}) {
  const body = typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content);
  const sent = {
    'content-type': 'application/json',
    'user-agent': 'GitHub-Hookshot/87e258b',
    'x-github-delivery': guid,
    'x-github-event': event,
    'x-github-hook-id': '1',
    'x-hub-signature-256': await signature(body, secret),
    ...headers,
  };
  for (const name of Object.keys(sent)) if (sent[name] === null) delete sent[name];
  const answer = await fetch(url, { method: 'POST', body, headers: sent, signal: AbortSignal.timeout(timeout) });
  const text = await answer.text();
  let json;
  try { json = JSON.parse(text); } catch { json = undefined; }
  return { status: answer.status, headers: answer.headers, text, json, guid };
}

// GitHub itself does not repeat; a person presses "redeliver". The tests press it until the event is taken.
export async function deliverSurely(event, content, { seconds = 60, ...options } = {}) {
  const guid = options.guid ?? randomUUID();
  const end = Date.now() + seconds * 1000;
  for (;;) {
    let seen;
    try {
      const answer = await deliver(event, content, { ...options, guid, timeout: 10_000 });
      if (answer.status === 202 || answer.status === 200) return answer;
      seen = `${answer.status} ${answer.text}`;
    } catch (error) {
      seen = error.message;
    }
    if (Date.now() > end) throw new Error(`webhook not taken within ${seconds} s: ${seen}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}
