// Waiting for what happens by itself, and doing several things at once.
import { setTimeout as sleep } from 'node:timers/promises';

export { sleep };

// Calls look() until it gives something true, and gives that back. What the last look saw, or threw, is in the error.
export async function until(what, look, { seconds = 20, every = 50 } = {}) {
  const end = Date.now() + seconds * 1000;
  let last;
  for (;;) {
    try {
      last = await look();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= end) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`after ${seconds} s still not: ${what} (last look: ${seen})`);
    }
    await sleep(every);
  }
}

// Runs work on every item, at most `width` at a time; results in the order of the items.
export async function eachOf(items, width, work) {
  const results = new Array(items.length);
  let next = 0;
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, async () => {
    while (next < items.length) {
      const i = next++;
      results[i] = await work(items[i], i);
    }
  }));
  return results;
}
