// A Slack on loopback, behind Prism with Slack's OpenAPI document: one workspace with channels, messages, threads, edits and
// scopes. It counts what Block Kit allows, takes no text that Slack would search for mentions, and drops messages that come
// twice with one client_msg_id.
//
//   const slack = await fakeSlack();             slack.base, slack.token, slack.channel(name, { … }), slack.scopes
//   slack.messages(channel)                      [{ ts, text, blocks, edits, replies: [{ text, blocks }] }], as people see it
//   slack.fail('chat.update', { error: '…' })    the next such request is refused, with Slack's form
//   slack.fail('chat.update', { status, headers, body })   … is answered so, without Slack's form
//   slack.fail('chat.postMessage', 'break' | 'lost')       … breaks off before it is done | after it
//   slack.fail('chat.postMessage', { weather })            … is spoilt as weather.mjs says
//   slack.seen                                   what came: [{ method, headers, body }]
import { randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { fileURLToPath } from 'node:url';
import { bodyOf, listen, startPrism } from './prism.mjs';
import { spoil } from './weather.mjs';

const document = fileURLToPath(new URL('../contract/slack-web-api/slack.openapi.json', import.meta.url));

export async function fakeSlack() {
  const slack = {
    token: `xoxb-${randomBytes(8).toString('hex')}`,
    scopes: ['chat:write', 'channels:read', 'groups:read'],
    channels: new Map(),
    posted: [],
    byClientId: new Map(),
    faults: [],
    seen: [],
    violations: [],
    app: 'B19LU7CSY', // who the token is
  };
  let nextTs = 1_700_000_000;
  slack.now = () => `${nextTs++}.000100`;
  slack.channel = (name, { isMember = true, isPrivate = false, isArchived = false } = {}) => {
    const id = `C${randomBytes(5).toString('hex').toUpperCase()}`;
    slack.channels.set(id, { id, name, isMember, isPrivate, isArchived });
    return id;
  };
  slack.messages = (channel) => slack.posted.filter((m) => m.channel === channel && !m.threadTs).map((m) => ({
    ...m, replies: slack.posted.filter((reply) => reply.channel === channel && reply.threadTs === m.ts),
  }));
  slack.fail = (method, fault, times = 1) => slack.faults.push({ method, fault, times });

  const backend = await listen(async (request, answer) => {
    const method = new URL(request.url, 'http://fake').pathname.slice(1);
    const body = await bodyOf(request);
    const said = act(slack, method, request, body);
    answer.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'x-oauth-scopes': slack.scopes.join(',') }).end(JSON.stringify(said));
  });
  const checked = await startPrism(document, backend.port);
  const front = await listen((request, answer) => receive(slack, checked.port, request, answer));
  slack.base = `http://127.0.0.1:${front.port}/api`;
  slack.close = () => [front, backend, checked].forEach((server) => server.close());
  return slack;
}

// ---- the door: faults of the way, and the check by Prism ----

async function receive(slack, port, request, answer) {
  const url = new URL(request.url, 'http://fake');
  const method = url.pathname.replace(/^\/api\//, '');
  const body = await bodyOf(request);
  slack.seen.push({ method, verb: request.method, url: request.url, headers: request.headers, body: body ? JSON.parse(body) : null });
  const fault = takeFault(slack, method, (it) => it === 'break' || it === 'lost' || it.status || it.body || it.weather);
  if (fault === 'break') return request.socket.destroy();
  if (fault?.weather) return spoil(fault.weather, request, answer);
  if (fault && fault !== 'lost') return answer.writeHead(fault.status ?? 200, fault.headers).end(fault.body);
  const onward = httpRequest({ host: '127.0.0.1', port, path: `/${method}${url.search}`, method: request.method, headers: request.headers }, async (from) => {
    if (from.headers['sl-violations']) slack.violations.push(`${method}: ${from.headers['sl-violations']}`);
    const text = await bodyOf(from);
    if (fault === 'lost') return request.socket.destroy();
    const headers = { 'content-type': 'application/json', 'x-oauth-scopes': from.headers['x-oauth-scopes'] ?? '' };
    return answer.writeHead(from.statusCode, headers).end(text);
  });
  onward.on('error', () => answer.writeHead(502).end());
  return onward.end(body);
}

function takeFault(slack, method, suits) {
  const at = slack.faults.findIndex((one) => one.method === method && suits(one.fault));
  if (at < 0) return null;
  const { fault } = slack.faults[at];
  if (--slack.faults[at].times === 0) slack.faults.splice(at, 1);
  return fault;
}

// ---- the workspace ----

const refuse = (error, more = {}) => ({ ok: false, error, ...more });

function act(slack, method, request, text) {
  if (request.headers.authorization !== `Bearer ${slack.token}`) return refuse('invalid_auth');
  if (request.method === 'POST' && text && !/^application\/json; charset=utf-8$/.test(request.headers['content-type'])) return refuse('missing_post_type');
  const fault = takeFault(slack, method, (it) => it.error);
  if (fault) return refuse(fault.error, fault);
  if (method === 'auth.test') return { ok: true, url: 'https://acme.slack.com/', team: 'Acme', user: 'opshub', team_id: 'T12345678', user_id: 'U12345678', bot_id: slack.app };
  if (method === 'conversations.info') return info(slack, new URL(request.url, 'http://fake').searchParams.get('channel'));
  const body = JSON.parse(text);
  if (method === 'conversations.join') return join(slack, body);
  return method === 'chat.postMessage' ? post(slack, body) : update(slack, body);
}

const who = { value: '', creator: '', last_set: 0 };
const conversation = (c) => ({
  id: c.id, name: c.name, name_normalized: c.name, created: 1449252889, creator: 'U12345678', is_archived: c.isArchived, is_channel: !c.isPrivate,
  is_general: false, is_group: false, is_im: false, is_mpim: false, is_org_shared: false, is_private: c.isPrivate, is_shared: false,
  is_member: c.isMember, topic: who, purpose: who,
});

function info(slack, id) {
  const channel = slack.channels.get(id);
  if (!channel || (channel.isPrivate && !channel.isMember)) return refuse('channel_not_found');
  const scope = channel.isPrivate ? 'groups:read' : 'channels:read';
  if (!slack.scopes.includes(scope)) return refuse('missing_scope', { needed: scope, provided: slack.scopes.join(',') });
  return { ok: true, channel: conversation(channel) };
}

function join(slack, { channel: id }) {
  const channel = slack.channels.get(id);
  if (!slack.scopes.includes('channels:join')) return refuse('missing_scope', { needed: 'channels:join', provided: slack.scopes.join(',') });
  if (!channel || channel.isPrivate) return refuse('channel_not_found');
  if (channel.isArchived) return refuse('is_archived');
  channel.isMember = true;
  return { ok: true, channel: conversation(channel) };
}

// A name stands for its channel in chat.postMessage alone.
function place(slack, channel, isPost) {
  const byName = isPost && [...slack.channels.values()].find((c) => c.name === channel.replace(/^#/, ''));
  return slack.channels.get(channel) ?? (byName || null);
}

function whyNot(slack, channel, body) {
  if (!slack.scopes.includes('chat:write')) return refuse('missing_scope', { needed: 'chat:write', provided: slack.scopes.join(',') });
  if (!channel || (channel.isPrivate && !channel.isMember)) return refuse('channel_not_found');
  if (channel.isArchived) return refuse('is_archived');
  if (!channel.isMember && !slack.scopes.includes('chat:write.public')) return refuse('not_in_channel');
  if (!body.text && !body.blocks) return refuse('no_text');
  if (body.text.length > 40_000) return refuse('msg_too_long');
  return areSound(body.blocks) ? null : refuse('invalid_blocks');
}

function areSound(blocks) {
  const isText = (text, most) => text?.type === 'mrkdwn' && text.verbatim === true && text.text.length >= 1 && text.text.length <= most;
  return blocks.length <= 50 && blocks.every((block) => {
    if (block.type === 'context') return block.elements.length >= 1 && block.elements.length <= 10 && block.elements.every((one) => isText(one, 3000));
    if (block.type !== 'section' || (!block.text && !block.fields)) return false;
    if (block.text && !isText(block.text, 3000)) return false;
    return !block.fields || (block.fields.length >= 1 && block.fields.length <= 10 && block.fields.every((field) => isText(field, 2000)));
  });
}

const shown = (m) => ({ type: 'message', subtype: 'bot_message', text: m.text, ts: m.ts, username: 'OpsHub' });

function post(slack, body) {
  const channel = place(slack, body.channel, true);
  const wrong = whyNot(slack, channel, body);
  if (wrong) return wrong;
  const key = body.client_msg_id && `${channel.id} ${body.client_msg_id}`;
  const known = key && slack.byClientId.get(key);
  if (known) return { ok: true, channel: channel.id, ts: known.ts, message: shown(known) };
  if (body.thread_ts && !slack.posted.some((m) => m.ts === body.thread_ts && m.channel === channel.id)) return refuse('thread_not_found');
  const message = { channel: channel.id, ts: slack.now(), text: body.text, blocks: body.blocks, threadTs: body.thread_ts, by: slack.app, edits: 0, body };
  slack.posted.push(message);
  if (key) slack.byClientId.set(key, message);
  return { ok: true, channel: channel.id, ts: message.ts, message: shown(message) };
}

function update(slack, body) {
  const channel = place(slack, body.channel, false);
  const wrong = whyNot(slack, channel, body);
  if (wrong) return wrong;
  const message = slack.posted.find((m) => m.ts === body.ts && m.channel === channel.id);
  if (!message) return refuse('message_not_found');
  if (message.by !== slack.app) return refuse('cant_update_message');
  Object.assign(message, { text: body.text, blocks: body.blocks, edits: message.edits + 1 });
  return { ok: true, channel: channel.id, ts: message.ts, text: message.text, message: { text: message.text } };
}
