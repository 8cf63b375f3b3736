// stack: --workers 2 --no-daemon --env USE_MOCK_PROVIDER=0 --env PLUGINS_ALLOW_PRIVATE=mock,example --env MOCK_BUILD_MS=30000
// seconds: 400
// The SDK as an outsider has it: installed into an empty prefix, the ten minutes of docs/plugins.md as they are written, word for
// word, while 50 other deployments are being built: none is lost, none is made twice.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { deployment, deploymentsOf, get, login } from '../lib/client.mjs';
import { stats } from '../lib/cloud.mjs';
import { env } from '../lib/env.mjs';
import { deliver, pullRequest } from '../lib/github.mjs';
import { part } from '../lib/part.mjs';
import { childrenOf } from '../lib/processes.mjs';
import { rows } from '../lib/sql.mjs';
import { eachOf, until } from '../lib/until.mjs';

const source = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const guide = readFileSync(`${source}/docs/plugins.md`, 'utf8');
const chapter = guide.slice(guide.indexOf('## A provider in ten minutes'), guide.indexOf('## Rules'));
const blocks = [...chapter.matchAll(/^```sh\n([\s\S]*?)^```\n/gm)].map(([, commands]) => commands);
const others = Array.from({ length: 50 }, (_, i) => 101 + i);
const prefix = `${env.stackDir}/prefix`, place = `${env.stackDir}/author`;
let workersBefore;

const workers = async () => childrenOf(Number(await part('opshubd', 'pid'))).filter((p) => p.role === 'worker').map((p) => p.pid);

function shell(script, { cwd = place, hidden = false, seconds = 120 } = {}) {
  const command = ['bash', '-eu', '-o', 'pipefail', '-c', script];
  // root hides the source tree from the author's commands
  if (hidden) command.unshift('unshare', '--mount', 'sh', '-c', `mount -t tmpfs none '${source}' && exec "$@"`, 'sh');
  const { status, stdout, stderr, error } = spawnSync(command[0], command.slice(1), { cwd, encoding: 'utf8', timeout: seconds * 1000,
    env: { ...process.env, OPSHUB_SDK: prefix, PKG_CONFIG_PATH: `${prefix}/lib/pkgconfig` } });
  assert.equal(status, 0, `${error ?? ''}${script}\n${stdout}\n${stderr}`);
  return stdout;
}

before(async () => {
  await part('opshubd', 'start');
  process.env.OPSHUB_TOKEN = await login('owner');
  process.env.OPSHUBD_PID = await part('opshubd', 'pid');
  mkdirSync(place);
});
after(() => part('opshubd', 'stop'));

test('the SDK alone goes into an empty prefix', () => {
  shell(`cmake --install '${process.env.OPSHUB_BUILD}' --component sdk --prefix '${prefix}'`);
  for (const file of ['include/opshub/plugin.h', 'include/opshub/provider.h', 'include/opshub/notifier.h', 'lib/pkgconfig/opshub-sdk.pc',
    'lib/cmake/OpsHubSDK/OpsHubSDKConfig.cmake', 'share/opshub-sdk/template/example.c', 'bin/opshub-plugin-check']) {
    assert.ok(existsSync(`${prefix}/${file}`), file);
  }
  assert.ok(!existsSync(`${prefix}/bin/opshubd`), 'nothing of the server');
});

test('the template builds and passes its tests without the source tree', () => {
  assert.equal(blocks.length, 5, 'the blocks of the chapter are not found');
  const canHide = spawnSync('unshare', ['--mount', 'true']).status === 0;
  shell(blocks[0], { hidden: canHide });
  const found = spawnSync('grep', ['-rl', `${source}/`, `${place}/my-provider/build`], { encoding: 'utf8' }).stdout;
  assert.equal(found, '', 'the build knows the source tree');
});

test('it builds with pkg-config too', () => {
  shell('cc -o by-hand.so my-provider/example.c $(pkg-config --cflags --libs opshub-sdk)');
  assert.equal(shell('nm --dynamic --defined-only --format=just-symbols by-hand.so').trim(), 'opshub_plugin_entry');
});

test('a plugin dropped into the running server deploys a pull request while 50 others are built', async () => {
  workersBefore = await workers();
  assert.equal(workersBefore.length, 2);
  await eachOf(others, 10, async (pr) => assert.equal((await deliver('pull_request', pullRequest('opened', pr))).status, 202));
  await until('all are at the provider', async () => (await stats()).created >= others.length, { seconds: 60 });
  const out = shell(`cd my-provider\n${blocks.slice(1, 2).join('')}`);
  assert.equal(out, '');
  assert.ok((await stats()).ready < others.length, 'they were over too soon to prove anything');
  await until('both workers are new ones', async () => {
    const now = await workers();
    return now.length === 2 && now.every((pid) => !workersBefore.includes(pid));
  }, { seconds: 60 });
  const preview = shell(`cd my-provider\napi() { ${/^api\(\) \{ (.*)\}$/m.exec(blocks[1])[1]} }\n${blocks.slice(2).join('')}`);
  assert.match(preview, /acme\/mine|mine/);
});

test('none of the 50 is lost, none is made twice', async () => {
  await eachOf(others, 5, (pr) => deployment(pr, 'READY', { seconds: 120 }));
  for (const pr of others) assert.equal((await deploymentsOf(pr)).length, 1);
  const { created, ready, live, createsByAttempt } = await stats();
  assert.deepEqual({ created, ready, live }, { created: 51, ready: 51, live: 51 });
  assert.equal(Object.keys(createsByAttempt).length, 51);
  assert.deepEqual(Object.entries(createsByAttempt).filter(([, n]) => n !== 1), []);
  await until('no open job', () => rows("select id from jobs where kind = 'reconcile'").length === 0);
});

test('the catalog shows it like any other', async () => {
  const plugin = (await get('/providers')).json.find((p) => p.name === 'example');
  assert.equal(plugin.state, 'loaded');
  assert.deepEqual(plugin.settings.map((s) => s.key), ['apiUrl', 'token']);
});
