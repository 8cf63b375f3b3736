// The files of the repository, and C text without its comments, for the rules beside this file.
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));
const skipped = new Set(['build', 'node_modules', '.git']);

// Every file, as paths relative to the root.
export function files(folder = '', extensions) {
  const found = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    if (skipped.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...files(path, extensions));
    else if (entry.isFile() && (!extensions || extensions.includes(extname(entry.name)))) found.push(path);
  }
  return found.sort();
}

export const read = (path) => readFileSync(join(root, path), 'utf8');
export const isText = (path) => !readFileSync(join(root, path)).subarray(0, 4096).includes(0);

// C text with comments blanked, lines kept; string literals stay unless they are unwanted.
export function code(path, { strings = true } = {}) {
  const token = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;
  return read(path).replace(token, (text) => {
    if (text[0] === '/') return text.replace(/[^\n]/g, ' ');
    if (text[0] === '"' && !strings) return '""';
    return text;
  });
}

// Where pattern (global) is found, as "path:line text".
export function hits(path, text, pattern) {
  const found = [];
  for (const match of text.matchAll(pattern)) {
    const line = text.slice(0, match.index).split('\n').length;
    found.push(`${path}:${line} ${match[0].trim().slice(0, 100)}`);
  }
  return found;
}
