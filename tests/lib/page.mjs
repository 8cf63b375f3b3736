// A page in a real browser: chromium without a window, told what to do through a pipe (its DevTools protocol).
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.mjs';

const chromium = '/usr/bin/chromium';
export const hasBrowser = existsSync(chromium);

// { run(source): what the expression is in the page; until(source): waits until it is true; problems: what it said on its console; close() }
export async function openPage(url) {
  const folder = mkdtempSync(join(tmpdir(), 'opshub-page-'));
  const child = spawn(chromium, ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--remote-debugging-pipe',
    `--user-data-dir=${folder}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const answers = new Map(), problems = [];
  let number = 0, rest = '', session;

  child.stdio[4].setEncoding('utf8').on('data', (data) => {
    const parts = (rest + data).split('\0');
    rest = parts.pop();
    for (const message of parts.map((part) => JSON.parse(part))) {
      if (message.id) answers.get(message.id)(message);
      if (message.method === 'Runtime.exceptionThrown') problems.push(message.params.exceptionDetails.text);
      if (message.method === 'Log.entryAdded' && message.params.entry.source === 'security') problems.push(message.params.entry.text);
      if (message.method === 'Page.javascriptDialogOpening') send('Page.handleJavaScriptDialog', { accept: true });
    }
  });

  async function send(method, params = {}) {
    const id = ++number;
    const answer = new Promise((resolve) => { answers.set(id, resolve); });
    child.stdio[3].write(`${JSON.stringify({ id, method, params, ...(session && { sessionId: session }) })}\0`);
    const { result, error } = await answer;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  async function run(expression) {
    const { result, exceptionDetails } = await send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  const { targetInfos } = await send('Target.getTargets');
  session = (await send('Target.attachToTarget', { targetId: targetInfos.find((t) => t.type === 'page').targetId, flatten: true })).sessionId;
  for (const domain of ['Page', 'Runtime', 'Log']) await send(`${domain}.enable`);
  await send('Page.navigate', { url });
  return {
    run,
    problems,
    until: (expression) => until(expression, () => run(`Boolean(${expression})`).catch(() => false), { seconds: 60 }),
    close() {
      child.on('exit', () => rmSync(folder, { recursive: true, force: true }));
      child.kill();
    },
  };
}
