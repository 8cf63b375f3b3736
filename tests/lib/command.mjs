// opshubd's own commands, run beside the daemon with its configuration.
import { spawn } from 'node:child_process';
import { env } from './env.mjs';

// { status, stdout, stderr } of e.g. command('audit', 'verify').
export function command(...words) {
  return new Promise((done, fail) => {
    const child = spawn('bash', ['-c', 'set -a; . "$0/daemon.env"; exec "$1/opshubd" "${@:2}"', env.stackDir, env.bin, ...words],
      { stdio: ['ignore', 'pipe', 'pipe'] });
    const seen = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (text) => { seen[name] += text; });
    child.on('error', fail).on('close', (status) => done({ status, ...seen }));
  });
}
