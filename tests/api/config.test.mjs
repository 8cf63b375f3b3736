// stack: --no-daemon
// Settings that are missing or wrong end the start with exit code 78 and one line that names the variable, never its value.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { env } from '../lib/env.mjs';

const good = () => ({
  PATH: process.env.PATH, LISTEN_ADDRESS: '127.0.0.1', PORT: '4999',
  DATABASE_URL: process.env.DATABASE_URL, REDIS_URL: env.redis, JWT_SECRET: env.jwtSecret,
  ENCRYPTION_KEY_BASE64: process.env.ENCRYPTION_KEY_BASE64, GITHUB_CLIENT_ID: 'Iv1.0000000000000000',
  GITHUB_CLIENT_SECRET: 'client-secret-for-tests', GITHUB_WEBHOOK_SECRET: env.webhookSecret, PLUGIN_DIR: process.env.OPSHUB_PLUGIN_DIR,
  ASAN_OPTIONS: 'exitcode=99',
});

function opshubd(args, changes = {}, input = '') {
  const variables = { ...good(), ...changes };
  for (const key of Object.keys(variables)) if (variables[key] === undefined) delete variables[key];
  return spawnSync(`${env.bin}/opshubd`, args, { env: variables, input, encoding: 'utf8', timeout: 20_000 });
}

function refused(changes, name, pattern, args = ['config', 'check']) {
  const result = opshubd(args, changes);
  assert.equal(result.status, 78, `exit ${result.status}\n${result.stdout}${result.stderr}`);
  const text = `${result.stdout}${result.stderr}`.trim();
  const lines = text.split('\n').filter((line) => line.includes(name));
  assert.equal(lines.length, 1, `not one line that names ${name}:\n${text}`);
  assert.match(text, pattern);
  for (const value of Object.values({ ...changes, NODE_ENV: '' })) {
    if (value && value.length >= 8) assert.ok(!text.includes(value), `the value of ${name} is in the message: ${text}`);
  }
}

for (const name of ['DATABASE_URL', 'REDIS_URL', 'JWT_SECRET', 'ENCRYPTION_KEY_BASE64', 'GITHUB_CLIENT_ID', 'GITHUB_CLIENT_SECRET',
  'GITHUB_WEBHOOK_SECRET']) {
  test(`${name} is required, to start and to check`, () => {
    refused({ [name]: undefined }, name, new RegExp(name));
    refused({ [name]: '' }, name, new RegExp(name), []);
  });
}

test("the guide's own samples are refused: 20 characters, 33 bytes", () => {
  refused({ JWT_SECRET: 'your-jwt-secret-here' }, 'JWT_SECRET', /32/);
  refused({ ENCRYPTION_KEY_BASE64: 'dGhpc2lzMzJieXRlc2VjcmV0a2V5dGhpc2lzMzJieXRl' }, 'ENCRYPTION_KEY_BASE64', /33.*32/);
});

test('the key before is checked as strictly as the current one, and is another one', () => {
  const key = process.env.ENCRYPTION_KEY_BASE64;
  refused({ ENCRYPTION_KEY_PREVIOUS_BASE64: 'dGhpc2lzMzJieXRlc2VjcmV0a2V5dGhpc2lzMzJieXRl' }, 'ENCRYPTION_KEY_PREVIOUS_BASE64', /33.*32/);
  refused({ ENCRYPTION_KEY_PREVIOUS_BASE64: `${key} ` }, 'ENCRYPTION_KEY_PREVIOUS_BASE64', /base64/);
  refused({ ENCRYPTION_KEY_PREVIOUS_BASE64: key }, 'ENCRYPTION_KEY_PREVIOUS_BASE64', /the same key/);
});

test('where probes may go is a list of private networks, and one of ports', () => {
  refused({ PROBE_ALLOW_CIDRS: '10.0.0.0/8,example' }, 'PROBE_ALLOW_CIDRS', /entry 2 is no network/);
  refused({ PROBE_ALLOW_CIDRS: '169.254.0.0/16' }, 'PROBE_ALLOW_CIDRS', /nobody may go/);
  refused({ PROBE_PORTS: '80,99999' }, 'PROBE_PORTS', /entry 2 is no port/);
  refused({ PROBE_SENTINELS: 'https://example.com/, http://169.254.169.254/' }, 'PROBE_SENTINELS', /the 2\. /);
  refused({ PROBE_SENTINELS: 'example.com' }, 'PROBE_SENTINELS', /the 1\. must start with https/);
  refused({ PROBE_PORTS: ',' }, 'PROBE_PORTS', /is empty/);
  refused({ PROBES_AT_ONCE: '0' }, 'PROBES_AT_ONCE', /from 1 to/);
});

test('values of the wrong kind are refused', () => {
  refused({ ENCRYPTION_KEY_BASE64: 'not base64 at all, is it?' }, 'ENCRYPTION_KEY_BASE64', /base64/i);
  refused({ DATABASE_URL: 'mysql://user:password-of-mine@host/db' }, 'DATABASE_URL', /postgres/);
  refused({ REDIS_URL: 'http://127.0.0.1:6379/secret' }, 'REDIS_URL', /redis/);
  refused({ DB_POOL_SIZE: '20', API_PROCESSES: '4', WORKER_PROCESSES: '6' }, 'DB_POOL_SIZE', /need 33: .*raise it to 33/);
  refused({ WEB_BASE_URL: 'http://' }, 'WEB_BASE_URL', /host/);
  refused({ WEB_BASE_URL: 'https://user@opshub.example' }, 'WEB_BASE_URL', /user/);
  refused({ PORT: 'eighty' }, 'PORT', /number|between|whole/i);
  refused({ PORT: '65536' }, 'PORT', /65535/);
  refused({ LOG_LEVEL: 'chatty' }, 'LOG_LEVEL', /debug/i);
  refused({ WORKER_PROCESSES: '-1' }, 'WORKER_PROCESSES', /./);
  refused({ USE_MOCK_PROVIDER: 'perhaps' }, 'USE_MOCK_PROVIDER', /0|1/);
});

test('addresses are addresses: names are not looked up, networks have a length that fits', () => {
  for (const wrong of ['localhost', 'opshub.example', '10.0.0.0/8', '300.0.0.1', '127.0.0.1:4000']) {
    refused({ LISTEN_ADDRESS: wrong }, 'LISTEN_ADDRESS', /address/);
  }
  for (const wrong of ['proxy.example', '10.0.0.0/33', '10.0.0.1, and others', '::1/129']) {
    refused({ TRUSTED_PROXIES: wrong }, 'TRUSTED_PROXIES', /CIDR/);
  }
  for (const good of [{ LISTEN_ADDRESS: '::' }, { LISTEN_ADDRESS: '127.0.0.1' }, { TRUSTED_PROXIES: '10.0.0.0/8, ::1,192.0.2.7' }]) {
    assert.equal(opshubd(['config', 'check'], good).status, 0, JSON.stringify(good));
  }
});

test('contacts can be used as they are', () => {
  for (const name of ['SECURITY_CONTACT', 'OPERATIONS_CONTACT', 'MANAGEMENT_CONTACT']) {
    for (const wrong of ['nobody', 'security@example.net, other@example.net', 'http://example.net/report']) refused({ [name]: wrong }, name, /e-mail/);
    assert.equal(opshubd(['config', 'check'], { [name]: 'security@example.net' }).status, 0);
  }
});

test('test login in production is refused', () => {
  refused({ NODE_ENV: 'production', ALLOW_TEST_LOGIN: '1' }, 'ALLOW_TEST_LOGIN', /production/);
});

test('config check prints what is in force, secrets masked', () => {
  const result = opshubd(['config', 'check']);
  assert.equal(result.status, 0, result.stderr);
  assert.match(result.stdout, /LOG_LEVEL|log_level/);
  for (const secret of [env.jwtSecret, env.webhookSecret, process.env.ENCRYPTION_KEY_BASE64, process.env.PGPASSWORD, 'client-secret-for-tests']) {
    assert.ok(!result.stdout.includes(secret), 'a secret is printed');
  }
});

test('the environment is stronger than the file, the file than the default', () => {
  const folder = mkdtempSync(join(tmpdir(), 'opshub-config-'));
  try {
    const file = join(folder, 'opshub.ini');
    writeFileSync(file, '[server]\nlog_level = error\nport = 4321\n');
    const level = (changes) => {
      const result = opshubd(['--config', file, 'config', 'check'], changes);
      assert.equal(result.status, 0, result.stdout + result.stderr);
      return /log_level\s*[=:]?\s*(\w+)/i.exec(result.stdout)?.[1];
    };
    assert.equal(level({}), 'error');
    assert.equal(level({ LOG_LEVEL: 'WARN' })?.toLowerCase(), 'warn');
    writeFileSync(file, '[server]\nlog_level = error\nno_such_key = 1\n');
    const unknown = opshubd(['--config', file, 'config', 'check']);
    assert.equal(unknown.status, 78);
    assert.match(unknown.stdout + unknown.stderr, /opshub\.ini:3: ./);
    const missing = opshubd(['--config', join(folder, 'none.ini'), 'config', 'check']);
    assert.equal(missing.status, 78);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('genkey prints a key that is accepted, another one each time', () => {
  const keys = [1, 2].map(() => opshubd(['genkey']).stdout.trim());
  assert.notEqual(keys[0], keys[1]);
  for (const key of keys) {
    assert.equal(Buffer.from(key, 'base64').length, 32);
    assert.equal(opshubd(['config', 'check'], { ENCRYPTION_KEY_BASE64: key }).status, 0);
  }
});

test('an unknown command is a usage error', () => {
  const result = opshubd(['dance']);
  assert.equal(result.status, 2, result.stdout + result.stderr);
  assert.match(result.stdout + result.stderr, /dance|usage/i);
});

test('migrate status, schema check and db execute work on the database', () => {
  for (const args of [['migrate', 'status'], ['migrate', 'deploy'], ['schema', 'check']]) {
    const result = opshubd(args);
    assert.equal(result.status, 0, `${args.join(' ')}: ${result.stdout}${result.stderr}`);
  }
  const select = opshubd(['db', 'execute', '--stdin'], {}, 'SELECT 1');
  assert.equal(select.status, 0, select.stdout + select.stderr);
  const wrong = opshubd(['db', 'execute', '--stdin'], {}, 'SELECT nonsense from nowhere');
  assert.notEqual(wrong.status, 0);
});

test('seeding twice changes nothing, in production it wants --force', () => {
  assert.equal(opshubd(['db', 'seed']).status, 0);
  const production = opshubd(['db', 'seed'], { NODE_ENV: 'production' });
  assert.notEqual(production.status, 0);
  assert.match(production.stdout + production.stderr, /--force/);
});

test('ten migrations at once: one works, nine wait', () => {
  const script = `for i in 1 2 3 4 5 6 7 8 9 10; do "${env.bin}/opshubd" migrate deploy & done; fail=0; for j in $(jobs -p); do wait $j || fail=1; done; exit $fail`;
  const result = spawnSync('bash', ['-c', script], { env: good(), encoding: 'utf8', timeout: 60_000 });
  assert.equal(result.status, 0, result.stdout + result.stderr);
});

test('an unreachable database is named in the failure of an admin command, without its password', () => {
  const result = opshubd(['migrate', 'status'], { DATABASE_URL: 'postgresql://opshub:a-password-here@127.0.0.1:1/opshub' });
  assert.notEqual(result.status, 0);
  const text = result.stdout + result.stderr;
  assert.ok(!text.includes('a-password-here'), text);
  assert.match(text, /127\.0\.0\.1|database/i);
});
