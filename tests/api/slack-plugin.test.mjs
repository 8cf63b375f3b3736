// slack.so against a Slack of ours behind Prism: what people see in the channel, and what the plugin says when it cannot.
// seconds: 300
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { fakeSlack } from '../lib/slack.mjs';
import { codes, send, trial as run, update } from '../lib/trial.mjs';
import { leadsNowhere } from '../lib/weather.mjs';

const document = JSON.parse(readFileSync(new URL('../contract/slack-web-api/slack.openapi.json', import.meta.url)));
let slack;

before(async () => {
  slack = await fakeSlack();
});
after(() => slack.close());
afterEach(() => {
  const { faults, violations } = slack;
  slack.faults = [];
  slack.violations = [];
  slack.scopes = ['chat:write', 'channels:read', 'groups:read'];
  assert.deepEqual(faults, [], 'a fault that never happened');
  assert.deepEqual(violations, [], 'Slack would not have it so');
});

const trial = (channel, steps, { token = slack.token, base = slack.base, settings = {} } = {}) => run('slack', { botToken: token, channel, ...settings }, steps,
  { environment: { SLACK_API_BASE: base }, secrets: token.startsWith('xoxb-') ? [token] : [] });

let number = 0;
const event = (more = {}) => ({
  id: `note_${++number}`, kind: 'preview.building', severity: 0, at: 1700000000000, title: 'Preview of #7 is building', text: 'Fix the login', url: '',
  org: 'acme', project: 'web', repo: 'octocat/web', sha: '0123456789abcdef0123456789abcdef01234567', pr: 7, threadKey: 'preview:deploy_1',
  fields: [{ label: 'Branch', value: 'feature/login' }, { label: 'Status', value: 'BUILDING' }], ...more,
});
const ready = (more = {}) => event({ kind: 'preview.ready', severity: 1, title: 'Preview of #7 is ready', url: 'https://pr-7.example.app/?a=1&b=2', ...more });
const one = (channel) => {
  const all = slack.messages(channel);
  assert.equal(all.length, 1, JSON.stringify(all));
  return all[0];
};

test('one message, edited in place, with a reply for each change', async () => {
  const channel = slack.channel('previews');
  const failed = event({ kind: 'preview.failed', severity: 3, title: 'Preview of #7 failed', text: 'The build failed' });
  const results = await trial(channel, [{ op: 'verify' }, send(event()), update(failed), update(ready())]);
  assert.deepEqual(codes(results), ['OK', 'OK', 'OK', 'OK']);
  assert.equal(results[0].account, 'opshub in Acme');
  const message = one(channel);
  assert.equal(results[1].receipt, `${channel} ${message.ts}`);
  assert.equal(message.edits, 2);
  assert.equal(message.text, 'Preview of #7 is ready\nFix the login\n<https://pr-7.example.app/?a=1&amp;b=2>');
  const mrkdwn = (value) => ({ type: 'mrkdwn', text: value, verbatim: true });
  const text = (type, value) => ({ type, text: mrkdwn(value) });
  const headline = text('section', ':white_check_mark: *Preview of #7 is ready*');
  const body = text('section', 'Fix the login\n<https://pr-7.example.app/?a=1&amp;b=2>');
  assert.deepEqual(message.blocks, [headline, body,
    { type: 'section', fields: [mrkdwn('*Branch*\nfeature/login'), mrkdwn('*Status*\nBUILDING')] },
    { type: 'context', elements: [mrkdwn('acme / web · octocat/web #7 · 0123456 · <!date^1700000000^{date_short_pretty} {time}|2023-11-14 22:13 UTC>')] }]);
  assert.deepEqual(message.replies.map((reply) => reply.blocks), [[text('section', ':x: *Preview of #7 failed*'), text('section', 'The build failed')], [headline, body]]);
  for (const { body: sent } of slack.posted.filter((m) => m.channel === channel)) {
    assert.equal(sent.parse, 'none');
    assert.equal(sent.unfurl_links, false);
    assert.match(sent.client_msg_id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(sent.metadata.event_type, 'opshub_event');
  }
  for (const request of slack.seen) {
    assert.ok(!request.url.includes(slack.token));
    assert.match(request.headers['user-agent'], /^OpsHub\//);
  }
});

test('an event that belongs to a thread but has no message of its own goes into the thread', async () => {
  const channel = slack.channel('threads');
  const [first] = await trial(channel, [send(event())]);
  const [second] = await trial(channel, [send(ready({ thread: first.receipt }))]);
  assert.deepEqual([second.code, second.receipt], ['OK', first.receipt]);
  assert.equal(one(channel).replies.length, 1);
});

test('what strangers write stays text, and fits', async () => {
  const channel = slack.channel('strangers');
  const nasty = '<!channel> <@U1> <http://evil.example|here> & @here \u0007\u007f`x`';
  const shown = '&lt;!channel&gt; &lt;@U1&gt; &lt;http://evil.example|here&gt; &amp; @here   `x`';
  const results = await trial(channel, [
    send(event({ title: nasty, text: nasty, fields: [{ label: nasty, value: nasty }], repo: nasty, project: nasty, org: nasty, sha: nasty })),
    send(event({ text: '&'.repeat(5000), title: '<'.repeat(1000) })),
    send(event({ text: '😀'.repeat(5000), title: '', url: 'javascript:alert(1)' })),
    send(event({ text: 'ü'.repeat(5000), url: `https://x.example/${'a'.repeat(1000)}|<!channel>` })),
    send(event({ text: 'ü'.repeat(3000), url: `https://x.example/${'a'.repeat(2000)}` })),
    send(event({ fields: Array.from({ length: 100 }, (_, i) => ({ label: `L${i}`, value: 'v'.repeat(9000) })) })),
    send(event({ url: `https://x.example/?${'&'.repeat(1400)}`, fields: [{ label: 'Build', value: 'https://ci.example/1?a&b' }, { label: 'No', value: 'https://a b' }] })),
    send(event({ text: '', fields: [], org: '', project: '', repo: '', sha: '', at: 0, pr: 0 })),
  ]);
  assert.deepEqual(codes(results), Array(8).fill('OK'));
  const [strange, entities, faces, linked, whole, wide, builds, bare] = slack.messages(channel);
  assert.ok(strange.text.startsWith(`${shown}\n${shown}`), strange.text);
  assert.equal(strange.blocks[0].text.text, `:information_source: *${shown}*`);
  assert.ok(!/<!channel|<@|<http/.test(JSON.stringify(strange.blocks)));
  assert.match(entities.blocks[1].text.text, /^(&amp;)+…$/);
  assert.ok(entities.blocks[1].text.text.length <= 3000 && entities.blocks[1].text.text.length > 2990);
  assert.match(entities.blocks[0].text.text, /\*(&lt;)+…\*$/);
  assert.match(faces.blocks[0].text.text, /\*preview\.building\*/);
  assert.match(faces.blocks[1].text.text, /^(😀)+…$/u);
  assert.ok(!JSON.stringify(faces.blocks).includes('javascript'));
  assert.ok(linked.blocks[1].text.text.endsWith('a%7C%3C!channel%3E>'));
  assert.ok(linked.blocks[1].text.text.length <= 3000);
  assert.ok(!whole.blocks[1].text.text.includes('<http'));
  assert.equal(wide.blocks.flatMap((block) => block.fields ?? []).length, 40);
  assert.deepEqual(builds.blocks[2].fields.map((field) => field.text), ['*Build*\n<https://ci.example/1?a&amp;b>', '*No*\nhttps://a b']);
  assert.equal(builds.blocks[1].text.text, 'Fix the login', 'an address that is too long is left out');
  assert.equal(bare.blocks.length, 1);
});

test('every code of Slack has a sentence of its own, and says what the host should do', async () => {
  const auth = ['not_authed', 'invalid_auth', 'token_revoked', 'token_expired', 'account_inactive', 'not_allowed_token_type', 'missing_scope', 'no_permission',
    'team_access_not_granted', 'ekm_access_denied', 'access_denied', 'accesslimited', 'org_login_required', 'two_factor_setup_required'];
  const closed = ['channel_not_found', 'not_in_channel', 'is_archived', 'restricted_action', 'restricted_action_read_only_channel',
    'restricted_action_thread_only_channel', 'restricted_action_non_threadable_channel']; // a new token would not open them
  const expected = {
    E_AUTH: auth, E_QUOTA: ['message_limit_exceeded'], E_LIMITED: ['rate_limited', 'ratelimited'], E_NOT_FOUND: ['message_not_found', 'thread_not_found', ...closed],
    E_UPSTREAM: ['internal_error', 'fatal_error', 'request_timeout', 'service_unavailable', 'team_added_to_org'],
    E_UNSUPPORTED: ['method_deprecated', 'deprecated_endpoint'],
    E_INVALID: ['no_text', 'msg_too_long', 'msg_blocks_too_long', 'too_many_attachments', 'invalid_blocks', 'invalid_blocks_format', 'metadata_too_large',
      'edit_window_closed', 'cant_update_message', 'cannot_reply_to_message', 'restricted_action_thread_locked', 'invalid_arg_name', 'invalid_array_arg',
      'invalid_charset', 'invalid_form_data', 'invalid_post_type', 'missing_post_type', 'invalid_json', 'json_not_object', 'invalid_arguments', 'unknown_method',
      'something_new'],
  };
  const all = Object.entries(expected).flatMap(([code, errors]) => errors.map((error) => ({ code, error })));
  // What the document lists for the two methods, but for two codes that say nothing about the message.
  const listed = ['/chat.postMessage', '/chat.update'].flatMap((path) => Object.keys(document.paths[path].post.responses['200'].content['application/json'].examples));
  const known = new Set([...all.map(({ error }) => error), 'success', 'upgrade_required', 'is_inactive']);
  assert.deepEqual(listed.filter((error) => !known.has(error)), []);

  const channel = slack.channel('refusals');
  for (const { error } of all) slack.fail('chat.postMessage', { error });
  const results = await trial(channel, all.map(() => send(event())));
  const sentences = new Set();
  results.forEach((result, i) => {
    const { code, error } = all[i];
    assert.equal(result.code, code, error);
    assert.ok(result.why.startsWith(`Slack refused chat.postMessage in ${channel} (${error}): `), result.why);
    assert.equal(result.retryAfterMs, code === 'E_LIMITED' ? 30000 : 0);
    sentences.add(result.why.slice(result.why.indexOf('): ')));
  });
  assert.equal(sentences.size, all.length);
  assert.deepEqual(slack.messages(channel), []);
});

test('a permission that is missing is named', async () => {
  const channel = slack.channel('scopes');
  slack.scopes = ['channels:read'];
  const [result] = await trial(channel, [send(event())]);
  assert.equal(result.code, 'E_AUTH');
  assert.match(result.why, /missing_scope, needed: chat:write/);
});

test('too many requests: waits as long as Slack says', async () => {
  const channel = slack.channel('busy');
  slack.fail('chat.postMessage', { status: 429, headers: { 'retry-after': '30' }, body: '{"ok":false,"error":"ratelimited"}' });
  slack.fail('chat.postMessage', { status: 429, headers: { 'retry-after': '1' }, body: '' });
  const [limited, soon] = await trial(channel, [send(event()), send(event())]);
  assert.deepEqual([limited.code, limited.retryAfterMs], ['E_LIMITED', 30000]);
  assert.match(limited.why, /^Slack takes no more chat\.postMessage requests/);
  assert.equal(soon.code, 'OK');
  one(channel);
  slack.fail('chat.postMessage', { status: 429, body: '' });
  const [unsaid] = await trial(channel, [send(event())]);
  assert.deepEqual([unsaid.code, unsaid.retryAfterMs], ['E_LIMITED', 30000]);
  one(channel);
});

test('an update that is tried again after its first half does not say anything twice', async () => {
  const channel = slack.channel('halves');
  const change = ready();
  const [{ receipt }] = await trial(channel, [send(event())]);
  slack.fail('chat.postMessage', { status: 429, headers: { 'retry-after': '60' }, body: '' });
  const [halted] = await trial(channel, [update(change, receipt)]);
  assert.equal(halted.code, 'E_LIMITED');
  assert.match(one(channel).text, /is ready/);
  assert.equal(one(channel).replies.length, 0);
  slack.fail('chat.postMessage', 'lost');
  const [lost, again] = await trial(channel, [update(change, receipt), update(change, receipt)]);
  assert.deepEqual([lost.code, again.code], ['E_UPSTREAM', 'OK']);
  assert.equal(one(channel).replies.length, 1);
  assert.match(one(channel).text, /is ready/);
});

test('an answer that is lost: the message is there once', async () => {
  const channel = slack.channel('lost');
  const first = event();
  slack.fail('chat.postMessage', 'lost');
  const [lost, again] = await trial(channel, [send(first), send(first)]);
  assert.equal(lost.code, 'E_UPSTREAM');
  assert.deepEqual([again.code, again.receipt], ['OK', `${channel} ${one(channel).ts}`]);
  slack.fail('chat.update', 'lost');
  assert.deepEqual(codes(await trial(channel, [update(ready(), again.receipt)])), ['OK'], 'editing twice is editing once');
  assert.equal(one(channel).replies.length, 1);
  slack.fail('chat.postMessage', { error: 'duplicate_message_not_found' });
  const other = slack.channel('forgotten');
  assert.deepEqual(codes(await trial(other, [send(event())])), ['OK']);
  assert.equal(one(other).body.client_msg_id, undefined);
});

test('bad weather', async () => {
  const channel = slack.channel('weather');
  const html = { headers: { 'content-type': 'text/html' }, body: '<html>Please log in to the network</html>' };
  const weather = [
    [html, 'E_UPSTREAM', /proxy/], [{ status: 407, ...html }, 'E_UPSTREAM', /answered 407 to chat\.postMessage, which Slack itself never does/],
    [{ status: 404, body: '' }, 'E_UPSTREAM', /SLACK_API_BASE/], [{ status: 302, headers: { location: 'https://evil.example/' }, body: '' }, 'E_UPSTREAM', /answered 302/],
    [{ body: '{"ok":true,"channel":"C1' }, 'E_UPSTREAM', /not what Slack sends/], [{ body: '[]' }, 'E_UPSTREAM', /not what Slack sends/],
    [{ body: '{"ok":"yes"}' }, 'E_UPSTREAM', /not what Slack sends/], [{ body: `{"ok":true,"x":"${'x'.repeat(2 << 20)}"}` }, 'E_UPSTREAM', /./],
    [{ status: 500, body: 'oops' }, 'E_UPSTREAM', /Slack answered 500/], [{ status: 503, body: '' }, 'E_UPSTREAM', /Slack answered 503/],
    [{ status: 504, body: '' }, 'E_TIMEOUT', /Slack answered 504/], ['break', 'E_UPSTREAM', /./],
  ];
  for (const [fault] of weather) slack.fail('chat.postMessage', fault);
  const results = await trial(channel, weather.map(() => send(event())));
  results.forEach((result, i) => {
    assert.equal(result.code, weather[i][1], `${JSON.stringify(weather[i][0]).slice(0, 200)}: ${result.why}`);
    assert.match(result.why, weather[i][2]);
  });
  assert.deepEqual(slack.messages(channel), []);
  for (const weather of ['cut', 'huge', 'drip']) slack.fail('chat.postMessage', { weather });
  assert.deepEqual(codes(await trial(channel, Array(3).fill({ ...send(event()), timeoutMs: 8000 }))), ['E_UPSTREAM', 'E_UPSTREAM', 'E_TIMEOUT']);
  assert.deepEqual(slack.messages(channel), []);
  await leadsNowhere(async (base) => (await trial(channel, [send(event())], { base }))[0]);
  const [nobody] = await trial(channel, [send(event())], { base: 'http://127.0.0.1:9/api' });
  assert.equal(nobody.code, 'E_NETWORK');
  slack.fail('chat.postMessage', { body: '{"ok":true}' });
  const [thin] = await trial(channel, [send(event())]);
  assert.deepEqual([thin.code, thin.receipt], ['OK', ''], 'without a place the message cannot be edited later');
});

test('a message that cannot be edited', async () => {
  const channel = slack.channel('edits');
  const [{ receipt }] = await trial(channel, [send(event())]);
  slack.fail('chat.update', { error: 'edit_window_closed' });
  assert.deepEqual(codes(await trial(channel, [update(ready(), receipt)])), ['OK']);
  assert.deepEqual([one(channel).edits, one(channel).replies.length], [0, 1]);
  slack.fail('chat.postMessage', { error: 'restricted_action_thread_locked' });
  assert.deepEqual(codes(await trial(channel, [update(ready(), receipt)])), ['OK']);
  assert.deepEqual([one(channel).edits, one(channel).replies.length], [1, 1]);
  slack.posted.length = 0;
  const [gone] = await trial(channel, [update(ready(), receipt)]);
  assert.equal(gone.code, 'E_NOT_FOUND');
  assert.match(gone.why, /message_not_found/);
  const wrong = ['', 'C1', 'C1 ', 'C1 x', `C1 ${'1'.repeat(60)}`, `${'C'.repeat(100)} 1.2`, ' 1.2'];
  assert.deepEqual(codes(await trial(channel, wrong.map((text) => update(ready(), text)))), wrong.map(() => 'E_NOT_FOUND'));
});

test('the channel of the settings has changed: old messages are edited where they are, unless that channel is closed', async () => {
  const earlier = slack.channel('before');
  const now = slack.channel('now');
  const [{ receipt }] = await trial(earlier, [send(event())]);
  assert.deepEqual(codes(await trial(now, [update(ready(), receipt)])), ['OK']);
  assert.equal(one(earlier).edits, 1);
  slack.channels.get(earlier).isArchived = true;
  assert.deepEqual(codes(await trial(earlier, [update(ready(), receipt), send(event())])), ['E_NOT_FOUND', 'E_NOT_FOUND'], 'it is the one of the settings: somebody has to act');
  assert.deepEqual(codes(await trial(now, [update(ready(), receipt)])), ['E_NOT_FOUND'], 'a new message in the new channel is the way on');
});

test('a public channel is joined when the token may', async () => {
  const channel = slack.channel('public', { isMember: false });
  const [refused] = await trial(channel, [send(event())]);
  assert.equal(refused.code, 'E_NOT_FOUND');
  assert.match(refused.why, /not_in_channel.*\/invite/);
  slack.scopes.push('channels:join');
  assert.deepEqual(codes(await trial(channel, [send(event())])), ['OK']);
  one(channel);
});

test('a name instead of an id: the receipt holds the id', async () => {
  const channel = slack.channel('by-name');
  const [sent, edited] = await trial('#by-name', [send(event()), update(ready())]);
  assert.deepEqual([sent.receipt.split(' ')[0], edited.code], [channel, 'OK']);
  assert.equal(one(channel).edits, 1);
});

test('verify: what is wrong, line by line', async () => {
  const lines = async (channel, options) => (await trial(channel, [{ op: 'verify' }], options))[0].lines;
  const channel = slack.channel('general');
  const states = (all) => all.map((line) => `${line.label} ${['OK', 'WARN', 'FAIL'][line.state]}`);
  assert.deepEqual(states(await lines(channel)), ['Token OK', 'Channel OK']);
  const refused = await lines(channel, { token: 'xoxb-not-this-one' });
  assert.deepEqual(states(refused), ['Token FAIL']);
  assert.match(refused[0].text, /invalid_auth.*copy the Bot User OAuth Token/);
  const away = await lines(slack.channel('away', { isMember: false }));
  assert.deepEqual(states(away), ['Token OK', 'Channel FAIL']);
  assert.match(away[1].text, /#away found, but the app is not in it.*\/invite/);
  assert.match((await lines(slack.channel('old', { isArchived: true })))[1].text, /#old is archived/);
  assert.match((await lines(slack.channel('secret', { isPrivate: true, isMember: false })))[1].text, /channel_not_found/);
  assert.deepEqual(states(await lines('#general')), ['Token OK', 'Channel WARN']);
  slack.scopes = ['channels:join', 'channels:read', 'chat:write.customize'];
  const few = await lines(slack.channel('joinable', { isMember: false }));
  assert.deepEqual(states(few), ['Token OK', 'Permission FAIL', 'Channel OK']);
  assert.match(few[2].text, /joins it with its first message/);
  slack.scopes = ['chat:write', 'chat:write.public', 'channels:read'];
  assert.match((await lines(slack.channel('open', { isMember: false })))[1].text, /chat:write\.public/);
  slack.scopes = ['chat:write'];
  assert.deepEqual(states(await lines(channel)), ['Token OK', 'Channel WARN']);
  slack.fail('auth.test', { status: 429, headers: { 'retry-after': '20' }, body: '' });
  slack.fail('conversations.info', { error: 'fatal_error' });
  assert.deepEqual(codes(await trial(channel, [{ op: 'verify' }, { op: 'verify' }])), ['E_LIMITED', 'E_UPSTREAM'], 'it could not find out');
  assert.deepEqual(slack.posted.filter((m) => m.channel === channel), [], 'nothing is posted');
});

test('settings that cannot work are refused when the plugin is opened', async () => {
  const channel = slack.channel('settings');
  const why = async (its, options) => (await trial(its, [{ op: 'verify' }], options))[0];
  const hook = await why(channel, { token: 'https://hooks.slack.com/services/T1/B1/x' });
  assert.equal(hook.code, 'E_INVALID');
  assert.match(hook.why, /Incoming webhooks cannot edit/);
  assert.match((await why('C1 and C2')).why, /one id/);
  assert.match((await why('', { token: '' })).why, /botToken is required.*channel is required/);
});
