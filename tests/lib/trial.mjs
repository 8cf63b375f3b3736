// Operations of a notifier plugin without a daemon: notifier-trial runs them one after the other in one instance.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';

// What each step came to. Nothing that is written may hold one of the secrets.
export async function trial(plugin, settings, steps, { environment = {}, secrets = [] } = {}) {
  const build = process.env.OPSHUB_BUILD;
  assert.ok(build, 'OPSHUB_BUILD is not set: run this file by tests/lib/run-file');
  const words = [join(build, 'plugins'), plugin, ...Object.entries(settings).map(([key, value]) => `${key}=${value}`)];
  const child = spawn(join(build, 'tests/notifier-trial'), words, { env: { ...process.env, ...environment }, stdio: ['pipe', 'pipe', 'pipe'] });
  const seen = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (text) => { seen[name] += text; });
  child.stdin.end(JSON.stringify(steps));
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  assert.equal(status, 0, seen.stderr);
  for (const secret of secrets) assert.ok(!(seen.stdout + seen.stderr).includes(secret), 'a secret is in what was written');
  return seen.stdout.trim().split('\n').map((line) => JSON.parse(line));
}

export const send = (event) => ({ op: 'send', event });
export const update = (event, receipt) => ({ op: 'update', event, receipt });
export const codes = (results) => results.map((result) => result.code);
