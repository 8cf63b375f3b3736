// What PostgreSQL alone takes of the rows of webhooks: ceiling.sql in pipelined batches of 16 that share one commit.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { cpuUs, postgres } from './servers.mjs';
import { settings } from './settings.mjs';

const BATCH = 16;

function script() {
  const statement = readFileSync(new URL('../ceiling.sql', import.meta.url), 'utf8').replace(/^--.*\n/gm, '');
  return `\\startpipeline\n${`\\set i :i + 1\n\\set n :i * 64 + :client_id + 1\n${statement}\n`.repeat(BATCH)}\\endpipeline\n`;
}

export async function ceiling(clients) {
  const file = `${settings.stack}/ceiling.sql`;
  const payload = JSON.stringify(JSON.parse(readFileSync(settings.payload, 'utf8')));
  writeFileSync(file, script());
  const before = cpuUs(postgres());
  const { stdout } = await promisify(execFile)('pgbench', ['-n', '-M', 'prepared', '-c', String(clients), '-j', '1',
    '-T', String(settings.seconds + 1), '-D', `payload=${payload}`, '-D', 'i=0', '-f', file], { maxBuffer: 1 << 24 });
  const done = Number(/actually processed: (\d+)/.exec(stdout)[1]) * BATCH;
  return { rate: Number(/tps = ([\d.]+) \(without/.exec(stdout)[1]) * BATCH, pgUs: (cpuUs(postgres()) - before) / done };
}
