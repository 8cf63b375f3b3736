// stack: --no-daemon --api 2 --fast
// seconds: 240
// Who is not let in by GitHub's login, and what he reads then. Each refusal leaves no session, and a row in the audit.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { Browser } from '../lib/browser.mjs';
import { assertError } from '../lib/client.mjs';
import { env } from '../lib/env.mjs';
import { email } from '../lib/fake-github.mjs';
import { command, daemon, logInWith, sealState, startWithGitHub, upToCallback } from '../lib/github-login.mjs';
import { logLines } from '../lib/log.mjs';
import { part } from '../lib/part.mjs';
import { one, rows, run } from '../lib/sql.mjs';
import { eachOf, until } from '../lib/until.mjs';

let github;
before(async () => {
  github = await startWithGitHub();
  github.person('octocat');
});
after(() => github.close());

const sessions = () => one('select count(*)::int as n from sessions').n;
const failures = () => one(`select count(*)::int as n from audit_log where action = 'login.failed'`).n;
const asked = () => github.seen.filter((s) => s.path !== '/login/oauth/authorize').length;

// Runs a login that must end with a page of this status that says this, no session, and a row for the audit.
async function refused(reason, status, pattern, login) {
  const before = [sessions(), failures()];
  const { answer, browser } = await login();
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers['content-type'], /^text\/html/);
  assert.match(/<p id="why">([^<]+)<\/p>/.exec(answer.text)[1], pattern);
  assert.match(answer.headers['content-security-policy'], /default-src 'none'/);
  assert.ok(!answer.text.includes('<script'));
  assert.ok(!browser.cookies.has('opshub_token'));
  assert.ok(!browser.cookies.has('opshub_login'), 'the state stays in the browser');
  assert.deepEqual([sessions(), failures()], [before[0], before[1] + 1]);
  const last = one(`select org_id, actor_kind, ip, after from audit_log where action = 'login.failed' order by seq desc limit 1`);
  assert.deepEqual([last.org_id, last.actor_kind, last.ip, JSON.parse(last.after).reason], ['', 'anonymous', '127.0.0.1', reason]);
  return answer;
}

const withFault = (path, fault) => async () => {
  github.faults.set(path, fault);
  try {
    return await logInWith(github, 'octocat');
  } finally {
    github.faults.delete(path);
  }
};

// ---- state ----

test('a callback without the cookie is refused, and nothing is asked of GitHub', async () => {
  const count = asked();
  await refused('state', 400, /not started in this browser/, async () => {
    const { callback } = await upToCallback(github, 'octocat');
    const browser = new Browser();
    return { browser, answer: await browser.go(callback) };
  });
  assert.equal(asked(), count);
});

test("another browser's state is refused: nobody is logged in as somebody else", async () => {
  await refused('state', 400, /not started in this browser/, async () => {
    const attacker = await upToCallback(github, 'octocat');
    const victim = await upToCallback(github, 'octocat');
    return { browser: victim.browser, answer: await victim.browser.go(attacker.callback) };
  });
});

const changed = {
  'no state': (url) => url.searchParams.delete('state'),
  'an empty state': (url) => url.searchParams.set('state', ''),
  'a shorter state': (url) => url.searchParams.set('state', url.searchParams.get('state').slice(0, 42)),
  'a longer state': (url) => url.searchParams.set('state', `${url.searchParams.get('state')}A`),
  'one other letter': (url) => url.searchParams.set('state', url.searchParams.get('state').replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))),
};
for (const [what, change] of Object.entries(changed)) {
  test(`refused: ${what}`, async () => {
    await refused('state', 400, /not started in this browser/, async () => {
      const { browser, callback } = await upToCallback(github, 'octocat');
      const url = new URL(callback);
      change(url);
      return { browser, answer: await browser.go(url.href) };
    });
  });
}

const state = 's'.repeat(43);
const verifier = 'v'.repeat(43);
const now = Math.floor(Date.now() / 1000);
const forged = {
  'signed with another key': () => sealState({ state, verifier, secret: 'another secret of more than thirty-two bytes' }),
  'older than ten minutes': () => sealState({ state, verifier, seconds: now - 605 }),
  'from the future': () => sealState({ state, verifier, seconds: now + 600 }),
  'with a return path to another site': () => sealState({ state, verifier, back: '//evil.example' }),
  'with a short verifier': () => sealState({ state, verifier: 'short' }),
  unsigned: () => sealState({ state, verifier }).split('.')[0],
  'with an empty signature': () => `${sealState({ state, verifier }).split('.')[0]}.`,
  'the secret itself': () => env.jwtSecret,
  empty: () => '',
};
for (const [what, cookie] of Object.entries(forged)) {
  test(`a cookie is refused: ${what}`, async () => {
    await refused('state', 400, /not started in this browser/, async () => {
      const browser = new Browser();
      browser.cookies.set('opshub_login', { value: cookie(), path: '/auth/github', host: '127.0.0.1' });
      return { browser, answer: await browser.go(`${env.api}/auth/github/callback?code=x&state=${state}`) };
    });
  });
}

test('a good cookie of our own making is not refused for its state: the tests above test what they say', async () => {
  await refused('code', 400, /expired or was used/, async () => {
    const browser = new Browser();
    browser.cookies.set('opshub_login', { value: sealState({ state, verifier }), path: '/auth/github', host: '127.0.0.1' });
    return { browser, answer: await browser.go(`${env.api}/auth/github/callback?code=x&state=${state}`) };
  });
});

test('a callback counts once, in whichever process, also when both come at the same time', async () => {
  const { browser, callback } = await upToCallback(github, 'octocat');
  const cookie = browser.cookies.get('opshub_login');
  const count = sessions();
  const answers = await eachOf(Array.from({ length: 12 }), 12, () => {
    const copy = new Browser();
    copy.cookies.set('opshub_login', cookie);
    return copy.go(callback);
  });
  assert.deepEqual(answers.map((a) => a.status).sort(), [302, ...Array(11).fill(400)]);
  assert.equal(sessions(), count + 1);
  await refused('replay', 400, /used already/, async () => {
    const copy = new Browser();
    copy.cookies.set('opshub_login', cookie);
    return { browser: copy, answer: await copy.go(callback) };
  });
});

// ---- what GitHub says ----

test('somebody who says no at GitHub reads that, and may try again', async () => {
  github.says = 'no';
  await refused('denied', 403, /did not allow/, () => logInWith(github, 'octocat'));
  github.says = 'application_suspended';
  await refused('app', 503, /GITHUB_CLIENT_ID/, () => logInWith(github, 'octocat'));
  github.says = 'something_new';
  await refused('github', 503, /could not be asked/, () => logInWith(github, 'octocat'));
  github.says = 'yes';
  assert.equal((await logInWith(github, 'octocat')).answer.status, 302);
});

test('a code that GitHub does not take: status 200 with an error in it', async () => {
  await refused('code', 400, /expired or was used/, async () => {
    const { browser, callback } = await upToCallback(github, 'octocat');
    github.codes.clear();
    return { browser, answer: await browser.go(callback) };
  });
  for (const code of ['', '&code=', `&code=${'c'.repeat(300)}`]) {
    await refused('code', 400, /expired or was used/, async () => {
      const { browser, callback } = await upToCallback(github, 'octocat');
      const url = new URL(callback);
      url.searchParams.delete('code');
      return { browser, answer: await browser.go(url.href + code) };
    });
  }
});

test('a code that another browser was given does not fit our verifier', async () => {
  await refused('code', 400, /expired or was used/, async () => {
    const other = new URL((await upToCallback(github, 'octocat')).callback);
    const { browser, callback } = await upToCallback(github, 'octocat');
    const url = new URL(callback);
    url.searchParams.set('code', other.searchParams.get('code'));
    return { browser, answer: await browser.go(url.href) };
  });
});

test("the app's settings are wrong: whoever runs the server is told what to compare", async () => {
  const { secret, callback } = github.app;
  github.app.secret = 'another';
  await refused('app', 503, /GITHUB_CLIENT_SECRET/, () => logInWith(github, 'octocat'));
  github.app.secret = secret;
  await refused('app', 503, /callback URL/, async () => {
    const ready = await upToCallback(github, 'octocat');
    for (const code of github.codes.values()) code.redirect = 'https://elsewhere.example/callback';
    return { browser: ready.browser, answer: await ready.browser.go(ready.callback) };
  });
  assert.equal(github.app.callback, callback);
  assert.ok(logLines().some((line) => line.context === 'Login' && line.metadata.error === 'incorrect_client_credentials'));
});

test('no primary e-mail address that is verified', async () => {
  const cases = [[], [email('a@example.com', { verified: false })], [email('b@example.com', { primary: false })],
    [email('a@example.com', { verified: false }), email('b@example.com', { primary: false })]];
  for (const emails of cases) {
    github.person('nomail', { emails });
    await refused('email', 403, /Settings, Emails/, () => logInWith(github, 'nomail'));
  }
  github.strict = true; // GitHub itself may refuse: unverified_user_email
  await refused('email', 403, /Settings, Emails/, () => logInWith(github, 'nomail'));
  github.strict = false;
  github.grants = ['read:user']; // fewer scopes than were asked for
  await refused('email', 403, /may see/, () => logInWith(github, 'octocat'));
  github.grants = null;
  assert.equal(one(`select count(*)::int as n from users where github_login = 'nomail'`).n, 0);
});

const token = '/login/oauth/access_token';
const json = (value) => ({ status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) });
const broken = [
  ['the token: no answer', token, 'break'],
  ['the token: 500', token, { status: 500, body: 'oops' }],
  ['the token: a form, as without Accept', token, { status: 200, body: 'access_token=gho_x&token_type=bearer' }],
  ['the token: not there', token, json({ token_type: 'bearer' })],
  ['the token: empty', token, json({ access_token: '', token_type: 'bearer' })],
  ['the token: not a text', token, json({ access_token: 5 })],
  ['the token: with a line break', token, json({ access_token: 'gho_a\r\nx-evil: 1' })],
  ['the token: a list', token, json(['access_token'])],
  ['the token: an error beside it', token, json({ access_token: 'gho_x', error: 'odd' })],
  ['the token: 100 KB', token, json({ access_token: 'gho_x', more: 'x'.repeat(100_000) })],
  ['the token: a redirect', token, { status: 302, headers: { location: '/api/v3/user' } }],
  ['the user: no answer', '/user', 'break'],
  ['the user: 401', '/user', { status: 401, body: '{"message":"Bad credentials"}' }],
  ['the user: 502', '/user', { status: 502, body: '<html>' }],
  ['the user: no JSON', '/user', { status: 200, body: '<html>' }],
  ['the user: no id', '/user', json({ login: 'octocat' })],
  ['the user: an id that is a text', '/user', json({ id: '1', login: 'octocat' })],
  ['the user: a negative id', '/user', json({ id: -1, login: 'octocat' })],
  ['the user: no login', '/user', json({ id: 1 })],
  ['the user: a login that is markup', '/user', json({ id: 1, login: '<b>' })],
  ['the user: 2 MB', '/user', json({ id: 1, login: 'octocat', bio: 'x'.repeat(2_000_000) })],
  ['the e-mails: no answer', '/user/emails', 'break'],
  ['the e-mails: 500', '/user/emails', { status: 500, body: '[]' }],
  ['the e-mails: no JSON', '/user/emails', { status: 200, body: '[' }],
];
for (const [what, path, fault] of broken) {
  test(`GitHub fails: ${what}`, async () => {
    await refused('github', 503, /could not be asked/, withFault(path, fault));
  });
}

for (const [what, body] of [['an object', email('a@example.com')], ['no addresses', [email('not an address')]], ['numbers', [1, 2]],
  ['verified in words', [{ ...email('a@example.com'), verified: 'true' }]]]) {
  test(`GitHub fails: the e-mails are ${what}`, async () => {
    await refused('email', 403, /Settings, Emails/, withFault('/user/emails', json(body)));
  });
}

test('GitHub is silent: the person is answered in time', async () => {
  const start = Date.now();
  await refused('github', 503, /could not be asked/, withFault(token, 'hang'));
  assert.ok(Date.now() - start < 15_000);
});

test('GitHub is not there', async () => {
  const nobody = createServer().listen(0, '127.0.0.1');
  await until('a port', () => nobody.listening);
  const { port } = nobody.address();
  nobody.close();
  await daemon.restart({ GITHUB_API_BASE: `http://127.0.0.1:${port}` });
  await refused('github', 503, /could not be asked/, () => logInWith(github, 'octocat'));
  await daemon.restart({ GITHUB_API_BASE: github.api });
  assert.equal((await logInWith(github, 'octocat')).answer.status, 302);
});

// ---- who he is here ----

test('an inactive user is not let in, by GitHub or for tests, until he is active again', async () => {
  assert.equal((await command('users', 'deactivate', 'octocat@example.com')).status, 0);
  await refused('inactive', 403, /deactivated/, () => logInWith(github, 'octocat'));
  const named = one(`select after from audit_log where action = 'login.failed' order by seq desc limit 1`);
  assert.equal(JSON.parse(named.after).githubLogin, 'octocat');
  const browser = new Browser();
  const forTests = await browser.go(`${env.api}/test/login-as`, { method: 'POST', body: '{"email":"octocat@example.com"}', headers: { 'content-type': 'application/json' } });
  assert.equal(forTests.status, 401, forTests.text);
  assert.ok(!browser.cookies.has('opshub_token'));
  assert.equal((await command('users', 'activate', 'octocat@example.com')).status, 0);
  assert.equal((await logInWith(github, 'octocat')).answer.status, 302);
});

test('an inactive user is not linked to a GitHub account by his e-mail', async () => {
  run(`insert into users (id, email, active) values ('user_00000000000000000000000079', 'gone@example.com', false)`);
  github.person('gone');
  await refused('inactive', 403, /deactivated/, () => logInWith(github, 'gone'));
  assert.deepEqual(rows(`select github_id from users where email = 'gone@example.com'`), [{ github_id: null }]);
});

test('an e-mail of a user who has another GitHub account opens nothing', async () => {
  github.person('impostor', { emails: [email('octocat@example.com')] });
  await refused('email-taken', 403, /another GitHub account/, () => logInWith(github, 'impostor'));
});

// ---- who asks ----

test('a client of the API gets the error object', async () => {
  const browser = new Browser();
  const answer = await browser.go(`${env.api}/auth/github/callback?code=x&state=y`, { headers: { accept: 'application/json' } });
  const read = { ...answer, headers: new Headers({}) };
  assertError(read, 400, 'BadRequestError');
  github.says = 'no';
  const { browser: other, callback } = await upToCallback(github, 'octocat');
  assertError({ ...(await other.go(callback, { headers: { accept: '*/*' } })) }, 403, 'ForbiddenError');
  github.says = 'yes';
});

test('refused logins count towards the threshold of their address', () => {
  const events = rows("select target_id, after from audit_log where action = 'login.threshold'");
  assert.equal(events.length, 1);
  assert.equal(events[0].target_id, '127.0.0.1');
  assert.ok(JSON.parse(events[0].after).failures >= 10, events[0].after);
});

test('without the database nobody is logged in, and GitHub is not asked', async () => {
  const { browser, callback } = await upToCallback(github, 'octocat');
  const count = asked();
  await part('pg', 'stop');
  try {
    const answer = await browser.go(callback);
    assert.equal(answer.status, 503, answer.text);
    assert.match(answer.headers['content-type'], /^text\/html/);
    assert.match(answer.text, /Start again in a minute/);
    assert.equal(asked(), count);
  } finally {
    await part('pg', 'start');
  }
  await until('logins again', async () => (await logInWith(github, 'octocat')).answer.status === 302);
});

test('what was sent to us or came from GitHub stands in no page and in no log line', async () => {
  const marker = 'marker-3f9c';
  github.says = `${marker}<script>`;
  const { answer } = await logInWith(github, 'octocat');
  github.says = 'yes';
  assert.ok(!answer.text.includes(marker));
  const text = JSON.stringify(logLines());
  const secrets = [github.app.secret, ...github.tokens.keys(), ...github.seen.flatMap((s) => [s.form?.get('code'), s.form?.get('code_verifier')])];
  for (const secret of [marker, ...secrets.filter((s) => s && s.length > 3)]) assert.ok(!text.includes(secret), `the log has ${secret}`);
});
