// opshubd's log as objects. Sanitizer reports and the like do not parse and are given as { level: 'raw', message }.
import { readFileSync } from 'node:fs';
import { env } from './env.mjs';

export function logLines(path = env.log) {
  return readFileSync(path, 'utf8').split('\n').filter(Boolean).map((line) => {
    try { return JSON.parse(line); } catch { return { level: 'raw', message: line }; }
  });
}
