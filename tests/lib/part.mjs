// Breaks and mends parts of the stack: part('pg', 'pause'). See tests/part for the actions.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const script = fileURLToPath(new URL('../part', import.meta.url));
const execute = promisify(execFile);

export async function part(name, action) {
  const { stdout } = await execute(script, [name, action], { timeout: 90_000 });
  return stdout.trim();
}
