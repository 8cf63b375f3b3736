// SQL against the stack's own database, by psql: PGHOST and the others are in the environment.
import { spawn, spawnSync } from 'node:child_process';

// Rows of one query, as objects.
export function rows(query) {
  const text = run(`select coalesce(json_agg(r), '[]') from (${query}) r`);
  return JSON.parse(text);
}

export const one = (query) => rows(query)[0];

export function run(statement) {
  const result = spawnSync('psql', ['-XqAt', '-v', 'ON_ERROR_STOP=1'], { input: statement, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (result.status !== 0) throw new Error(`psql: ${result.stderr || result.error}`);
  return result.stdout.trim();
}

// A session that stays open, for locks and transactions: ask() gives back what its statements printed.
export function session(more = {}) {
  const child = spawn('psql', ['-XqAt', '-v', 'ON_ERROR_STOP=1'], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...more } });
  let out = '';
  let errors = '';
  let n = 0;
  let look = () => {};
  child.stdout.on('data', (data) => { out += data; look(); });
  child.stderr.on('data', (data) => { errors += data; });
  child.on('exit', () => look());
  return {
    ask(statements) {
      const mark = `-- answered ${++n} --`;
      child.stdin.write(`${statements};\n\\echo ${mark}\n`);
      return new Promise((done, fail) => {
        look = () => {
          const at = out.indexOf(mark);
          if (at >= 0) {
            const text = out.slice(0, at);
            out = out.slice(at + mark.length + 1);
            done(text);
          } else if (child.exitCode !== null) {
            fail(new Error(`psql: ${errors}`));
          }
        };
        look();
      });
    },
    end() { child.stdin.end('rollback;\n'); },
  };
}
