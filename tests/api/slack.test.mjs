// stack: --no-daemon --workers 2 --fast
// seconds: 300
// Slack from the pull request to the channel: one message for each preview whatever the weather, and what people are told when
// it does not work.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { api, get, post } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { deliver, ofRepository, pullRequest } from '../lib/github.mjs';
import { daemon } from '../lib/github-login.mjs';
import { part } from '../lib/part.mjs';
import { faultyFields, organization, person, project } from '../lib/people.mjs';
import { fakeSlack } from '../lib/slack.mjs';
import { rows } from '../lib/sql.mjs';
import { until } from '../lib/until.mjs';

let slack, owner, org;

before(async () => {
  slack = await fakeSlack();
  daemon.set({ SLACK_API_BASE: slack.base, PLUGINS_ALLOW_PRIVATE: 'mock,slack', DISABLE_SLACK: '0', MOCK_BUILD_MS: '200', REPAIR_MS: '500' });
  await part('opshubd', 'start');
  owner = await person('owner');
  org = await organization(owner);
});
after(() => {
  slack.close();
  assert.deepEqual(slack.violations, [], 'Slack would not have it so');
});

const put = (p, body) => api('PUT', `/projects/${p.id}/slack`, { token: owner.token, body });
const event = (p, action, pr, more) => deliver('pull_request', ofRepository(pullRequest(action, pr, more), p.repoFullName));
const headline = (message) => message.blocks[0].text.text;

async function withSlack(name) {
  const p = await project(org, owner);
  const channel = slack.channel(name);
  const answer = await put(p, { botToken: slack.token, channel });
  assert.equal(answer.status, 200, answer.text);
  return { p, channel, answer };
}

const notifier = async (p) => (await get(`/projects/${p.id}/notifications`, { token: owner.token })).json[0];

// The channel's only message, once it says that and the outbox is empty.
const settled = (p, channel, words) => until(`"${words}" in the channel`, async () => {
  const messages = slack.messages(channel);
  const { waiting, dead, lastError } = await notifier(p);
  if (messages.length === 1 && headline(messages[0]).includes(words) && waiting === 0 && dead === 0) return messages[0];
  throw new Error(JSON.stringify({ headlines: messages.map(headline), waiting, dead, lastError }));
}, { seconds: 60 });

// Each event once, in the order in which it happened.
function assertTold(channel, kinds) {
  const posted = slack.posted.filter((m) => m.channel === channel).map((m) => m.body.metadata.event_payload);
  assert.equal(new Set(posted.map((it) => it.id)).size, posted.length, JSON.stringify(posted));
  const told = posted.map((it) => it.kind);
  for (const kind of kinds) assert.ok(told.includes(kind), `${kind} is not among ${told}`);
  assert.deepEqual(told.filter((kind) => kinds.includes(kind)), kinds);
}

test('the settings are masked, checked and tried', async () => {
  const { p, channel, answer } = await withSlack('settings');
  assert.ok(!answer.text.includes(slack.token));
  assert.equal(answer.json.slackChannel, channel);
  const tried = await post(`/projects/${p.id}/notifications/test`, { token: owner.token });
  assert.equal(tried.json.ok, true, tried.text);
  const [{ test: result }] = tried.json.notifiers;
  assert.equal(result.account, 'opshub in Acme');
  assert.deepEqual(result.lines.map((line) => [line.label, line.state]), [['Token', 'ok'], ['Channel', 'ok']]);
  assert.equal(slack.messages(channel).length, 1);

  const wrong = await put(p, { botToken: 'xoxb-of-somebody-else', channel });
  assert.equal(wrong.status, 200, wrong.text);
  const refused = (await post(`/projects/${p.id}/notifications/test`, { token: owner.token })).json;
  assert.equal(refused.ok, false);
  assert.match(refused.notifiers[0].test.error, /invalid_auth.*copy the Bot User OAuth Token/);
  assert.equal(slack.messages(channel).length, 1);
});

test('where the token is sent is not for projects to say', async () => {
  const p = await project(org, owner);
  const settings = { botToken: slack.token, channel: slack.channel('elsewhere'), apiBase: 'https://evil.example/api' };
  const answer = await post(`/projects/${p.id}/notifications`, { token: owner.token, body: { notifier: 'slack', settings } });
  assert.equal(answer.status, 422, answer.text);
  assert.deepEqual(faultyFields(answer), ['settings.apiBase']);
  assert.deepEqual(faultyFields(await put(p, settings)), ['apiBase']);
});

test('a pull request is one message, from queued to destroyed', async () => {
  const { p, channel } = await withSlack('previews');
  await event(p, 'opened', 7);
  const message = await settled(p, channel, 'Preview ready: #7');
  assert.match(message.blocks[1].text.text, /<http:\/\/127\.0\.0\.1:\d+\/p\//);
  assert.ok(message.edits >= 1);
  await event(p, 'closed', 7);
  const last = await settled(p, channel, 'Preview destroyed: #7');
  assert.equal(last.ts, message.ts);
  assertTold(channel, ['preview.queued', 'preview.ready', 'preview.destroyed']);
});

test('Slack limps: nothing is lost, nothing is told twice', async () => {
  const { p, channel } = await withSlack('limping');
  slack.fail('chat.postMessage', 'lost');
  slack.fail('chat.postMessage', { status: 500, body: 'oops' });
  slack.fail('chat.update', { status: 429, headers: { 'retry-after': '1' }, body: '' });
  slack.fail('chat.update', 'lost');
  slack.fail('chat.update', { body: '<html>' });
  slack.fail('chat.postMessage', { error: 'fatal_error' });
  await event(p, 'opened', 8);
  await settled(p, channel, 'Preview ready: #8');
  await event(p, 'closed', 8);
  await settled(p, channel, 'Preview destroyed: #8');
  await until('every fault has happened', () => slack.faults.length === 0);
  assertTold(channel, ['preview.queued', 'preview.ready', 'preview.destroyed']);
});

test('the daemon is killed while it tells', async () => {
  const { p, channel } = await withSlack('killed');
  slack.fail('chat.postMessage', 'lost', 3);
  await event(p, 'opened', 9);
  await until('a message whose answer was lost', () => slack.messages(channel).length > 0);
  await part('opshubd', 'kill');
  slack.faults.length = 0;
  await part('opshubd', 'start');
  await settled(p, channel, 'Preview ready: #9');
  assertTold(channel, ['preview.queued', 'preview.ready']);
});

test('a channel that was archived: messages wait, and come when another one is set', async () => {
  const { p, channel } = await withSlack('archived');
  slack.channels.get(channel).isArchived = true;
  await event(p, 'opened', 10);
  const failed = await until('the refusal', async () => {
    const one = await notifier(p);
    return one.lastError && one;
  });
  assert.match(failed.lastError, /^Slack refused chat\.postMessage in C\w+ \(is_archived\): the channel is archived/);
  assert.equal(failed.lastErrorCode, 'TARGET_NOT_FOUND', 'a new token would not open it');
  assert.deepEqual(slack.messages(channel), []);
  const other = slack.channel('other');
  assert.equal((await put(p, { channel: other })).status, 200);
  await settled(p, other, 'Preview ready: #10');
});

test('a message that somebody deleted is replaced', async () => {
  const { p, channel } = await withSlack('deleted');
  await event(p, 'opened', 11);
  await settled(p, channel, 'Preview ready: #11');
  slack.posted = slack.posted.filter((m) => m.channel !== channel);
  await event(p, 'closed', 11);
  const message = await settled(p, channel, 'Preview destroyed: #11');
  assert.equal(message.edits, 0);
});

test('a token and a channel of the environment: every project tells, until it is told otherwise', async () => {
  const channel = slack.channel('everything'), own = slack.channel('own');
  await daemon.restart({ SLACK_BOT_TOKEN: slack.token, SLACK_CHANNEL: channel });
  await until('a worker has looked', () => rows('select notifier from notifier_defaults').length === 1, { seconds: 60 });
  const p = await project(org, owner), other = await project(org, owner);
  await event(p, 'opened', 12);
  await settled(p, channel, 'Preview ready: #12');
  assert.equal((await put(other, { channel: own })).status, 200);
  await event(other, 'opened', 13);
  await settled(other, own, 'Preview ready: #13');
  assert.equal(slack.messages(channel).length, 1);
});

test('DISABLE_SLACK=1: nothing is sent, and the log says so', async () => {
  const { p, channel } = await withSlack('switched-off');
  await daemon.restart({ DISABLE_SLACK: '1' });
  await event(p, 'opened', 14);
  await until('a line of what was skipped', () => /"Slack notification skipped".*Preview ready: #14/.test(readFileSync(env.log, 'utf8')));
  assert.deepEqual(slack.messages(channel), []);
});

test('the log tells of failures, and of no token', () => {
  const log = readFileSync(env.log, 'utf8');
  assert.match(log, /Slack notification failed/);
  assert.match(log, /Slack notification sent/);
  assert.ok(!log.includes(slack.token));
  assert.ok(slack.seen.every((request) => !request.url.includes(slack.token)));
});
