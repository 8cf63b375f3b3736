// Results: a line of JSON for each, and the table of medians at the end.
import { appendFileSync } from 'node:fs';
import os from 'node:os';
import { settings } from './settings.mjs';

const found = [];
const run = new Date().toISOString();

// One measurement of `what` (the load) on `target` (who): value is what is compared, in `unit`.
export function record(figure, what, target, value, unit, more = {}) {
  const result = { run, time: new Date().toISOString(), figure, what, target, value, unit, load: Number(os.loadavg()[0].toFixed(2)), ...more };
  found.push(result);
  appendFileSync(settings.results, `${JSON.stringify(result)}\n`);
  const shown = Object.entries(more).filter(([, v]) => typeof v === 'number').map(([k, v]) => `${k} ${Math.round(v * 100) / 100}`);
  console.log(`${what.padEnd(18)} ${target.padEnd(12)} ${format(value)} ${unit}  ${shown.join('  ')}`);
}

export function median(values) {
  const sorted = values.filter((v) => typeof v === 'number').sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return undefined;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

function format(value) {
  if (value === undefined) return '-';
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

// What a request costs the server and PostgreSQL together. It moves less than the rate when something else runs beside.
const cost = (r) => (r.cpuUs === undefined ? undefined : r.cpuUs + (r.pgUs ?? 0));

// ours / theirs of the medians, as people say it: 12x, or for a ceiling 0.64x.
const ratio = (ours, theirs) => (ours === undefined || !theirs ? '' : `${(ours / theirs).toFixed(2)}x`);

export function printTable() {
  const columns = ['figure', 'what', 'target', 'median', 'unit', 'spread', 'p50 ms', 'p99 ms', 'cpu us/req', 'pg us/req', 'rss MB', 'ours/this', 'CPU this/ours'];
  const lines = [columns];
  const keys = [...new Set(found.map((r) => `${r.figure}\0${r.what}\0${r.target}\0${r.unit}`))];
  for (const key of keys) {
    const [figure, what, target, unit] = key.split('\0');
    const same = found.filter((r) => `${r.figure}\0${r.what}\0${r.target}\0${r.unit}` === key);
    const own = found.filter((r) => r.figure === figure && r.what === what && r.unit === unit && r.target === 'opshub');
    const ours = median(own.map((r) => r.value));
    const values = same.map((r) => r.value);
    const value = median(values);
    lines.push([figure, what, target, format(value), unit, `${format(Math.min(...values))}..${format(Math.max(...values))}`,
      ...['p50Ms', 'p99Ms', 'cpuUs', 'pgUs', 'rssMb'].map((name) => format(median(same.map((r) => r[name])))),
      ...(target === 'opshub' ? ['', ''] : [ratio(ours, value), ratio(median(same.map(cost)), median(own.map(cost)))])]);
  }
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  console.log(`\nmedians (load average at the end ${os.loadavg()[0].toFixed(2)})`);
  for (const line of lines) console.log(line.map((cell, i) => cell.padEnd(widths[i])).join('  ').trimEnd());
}
