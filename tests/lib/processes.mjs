// The processes of a daemon, as /proc shows them.
import { readFileSync, readdirSync } from 'node:fs';

export function isAlive(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !'ZX'.includes(stat.slice(stat.lastIndexOf(')') + 2)[0]); // a zombie is not alive
  } catch {
    return false;
  }
}

// Children of pid that are alive: [{ pid, role }], role being 'api' or 'worker'.
export function childrenOf(pid) {
  const found = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(parent) !== Number(pid) || 'ZX'.includes(state)) continue;
      const role = /\0--child=(\w+)/.exec(readFileSync(`/proc/${name}/cmdline`, 'utf8'))?.[1];
      found.push({ pid: Number(name), role });
    } catch { /* it ended while we looked */ }
  }
  return found;
}

export const kill = (pid, signal) => {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false; // it ended before we came
  }
};
