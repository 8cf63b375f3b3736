// The driver of probes by itself: tests/unit/probe/probe_trial.c, a line of JSON for each probe.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

// { probe(request), times(n, request), close(), end(), log() }. `under` is a command that runs it. probe() gives the result; times() all of them, in the order in which they ended.
export function probes(options = {}, variables = {}, under = []) {
  const build = process.env.OPSHUB_BUILD;
  assert.ok(build, 'OPSHUB_BUILD is not set: run this file by tests/lib/run-file');
  const [program, ...rest] = [...under, join(build, 'tests/probe_trial')];
  const child = spawn(program, rest, { env: { ...process.env, ...variables }, stdio: ['pipe', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text) => { log += text; process.stderr.write(text); });
  const asked = new Map();
  let last = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const result = JSON.parse(line);
    asked.get(result.id)?.(result);
  });
  const say = (line) => child.stdin.write(`${JSON.stringify(line)}\n`);
  say(options);
  const times = (n, request) => new Promise((resolve) => {
    const id = ++last;
    const results = [];
    asked.set(id, (result) => {
      if (results.push(result) < n) return;
      asked.delete(id);
      resolve(results);
    });
    say({ id, times: n, ...(typeof request === 'string' ? { url: request } : request) });
  });
  return {
    times,
    probe: async (request) => (await times(1, request))[0],
    log: () => log,
    close: () => say({ close: true }),
    async end() {
      child.stdin.end();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
      assert.equal(child.exitCode, 0, `probe_trial ended with ${child.exitCode ?? child.signalCode}`);
    },
  };
}
