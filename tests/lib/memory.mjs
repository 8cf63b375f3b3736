// Reads another process's memory and searches it. Needs the rights of a debugger: root, or the process's user while it lets itself be dumped.
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

const PAGE = 4096n, LARGEST = 1n << 30n; // larger mappings are the shadow of a sanitizer, which holds no data

// [{ from, to, name, flags }] of what the process can write to.
function mappings(pid) {
  const found = [];
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)$/.exec(line);
    if (head) found.push({ from: BigInt(`0x${head[1]}`), to: BigInt(`0x${head[2]}`), isWritable: head[3][1] === 'w', name: head[4] });
    else if (line.startsWith('VmFlags:')) found.at(-1).flags = line.slice(8).trim().split(' ');
  }
  const isSanitized = found.some((m) => m.to - m.from > LARGEST * 1024n);
  // Memory for secrets is the only one that is neither dumped nor given to a child that forks. Sanitizers do not let it be locked.
  for (const m of found) m.isSecretMemory = ['dd', 'wf', ...(isSanitized ? [] : ['lo'])].every((flag) => m.flags.includes(flag));
  return { isSanitized, list: found.filter((m) => m.isWritable && m.to - m.from <= LARGEST) };
}

// The pages that are there, as runs: [[from, to]].
function present(pagemap, { from, to }) {
  const n = Number((to - from) / PAGE), entries = Buffer.alloc(n * 8), runs = [];
  const got = readSync(pagemap, entries, 0, entries.length, (from / PAGE) * 8n);
  for (let i = 0; i < got / 8; i++) {
    if (!(entries[i * 8 + 7] & 0xc0)) continue; // neither present nor swapped
    const at = from + BigInt(i) * PAGE;
    if (runs.at(-1)?.[1] === at) runs.at(-1)[1] = at + PAGE;
    else runs.push([at, at + PAGE]);
  }
  return runs;
}

function environment(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // fields[0] is the third of proc(5)
  return [BigInt(fields[47]), BigInt(fields[48])];
}

// needles: [{ name, bytes }]. What was found where: [{ name, address, mapping, around, isSecretMemory, inEnvironment, isCopyOfEnvironment }].
export function searchMemory(pid, needles) {
  const mem = openSync(`/proc/${pid}/mem`), pagemap = openSync(`/proc/${pid}/pagemap`), hits = [];
  const [envFrom, envTo] = environment(pid), { list, isSanitized } = mappings(pid);
  try {
    for (const mapping of list) {
      for (const [from, to] of present(pagemap, mapping)) {
        const bytes = Buffer.alloc(Number(to - from));
        let n = 0;
        try { n = readSync(mem, bytes, 0, bytes.length, from); } catch { continue; } // [vvar], or gone by now
        for (const needle of needles) {
          for (let at = bytes.indexOf(needle.bytes); at >= 0 && at < n; at = bytes.indexOf(needle.bytes, at + 1)) {
            const address = from + BigInt(at), around = bytes.subarray(Math.max(0, at - 48), at + needle.bytes.length + 48).toString('latin1');
            hits.push({ name: needle.name, address, mapping: mapping.name || mapping.from.toString(16), around, isSecretMemory: mapping.isSecretMemory,
              inEnvironment: address >= envFrom && address < envTo, isCopyOfEnvironment: isSanitized && /\0[A-Z0-9_]+=[^\0]*$/.test(bytes.subarray(Math.max(0, at - 48), at).toString('latin1')) });
          }
        }
      }
    }
  } finally {
    closeSync(mem);
    closeSync(pagemap);
  }
  return hits;
}
