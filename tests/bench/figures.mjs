// Runs the figures that are named on the command line, or all, and prints the table. Started by tests/bench/run.
import os from 'node:os';
import { printTable } from './lib/results.mjs';
import { stopAll } from './lib/servers.mjs';

const all = ['start', 'healthz', 'list', 'latency', 'queue', 'inflight', 'webhooks', 'login', 'guard', 'keys', 'probes', 'statuspage'];
const wanted = process.argv.length > 2 ? process.argv.slice(2) : all;
const unknown = wanted.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`no figure is called ${unknown.join(', ')}; there are ${all.join(', ')}`);
  process.exit(2);
}

console.log(`${os.cpus().length} x ${os.cpus()[0].model}, ${os.type()} ${os.release()}, load ${os.loadavg()[0].toFixed(2)}`);
try {
  for (const name of wanted) {
    const figure = await import(`./figures/${name}.mjs`);
    console.log(`\n== ${name}: ${figure.title}`);
    await figure.measure();
    await stopAll();
  }
} finally {
  await stopAll();
}
printTable();
process.exit(0);
