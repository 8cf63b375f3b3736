// How many jobs that do nothing BullMQ processes in a second: fills a paused queue, starts the worker, waits for the last.
// bullmq-noop JOBS CONCURRENCY
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';

const jobs = Number(process.argv[2] ?? 20000);
const concurrency = Number(process.argv[3] ?? 100);
const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';
const connect = () => new Redis(url, { maxRetriesPerRequest: null });
const name = `noop-${process.pid}`;
const queue = new Queue(name, { connection: connect(), defaultJobOptions: { removeOnComplete: true } });

await queue.pause();
for (let i = 0; i < jobs; i += 1000) {
  const some = Math.min(1000, jobs - i);
  await queue.addBulk(Array.from({ length: some }, (_, k) => ({ name: 'noop', data: { n: i + k } })));
}

let left = jobs;
let begin = 0;
let cpu = process.cpuUsage();
const rate = await new Promise<number>((resolve) => {
  const worker = new Worker(name, async () => {}, { connection: connect(), concurrency });
  worker.on('completed', () => {
    if (--left === 0) resolve(jobs / ((performance.now() - begin) / 1000));
  });
  void worker.waitUntilReady().then(async () => {
    begin = performance.now();
    cpu = process.cpuUsage();
    await queue.resume();
  });
});
cpu = process.cpuUsage(cpu);
console.log(JSON.stringify({ jobs, concurrency, rate: Math.round(rate), cpuUs: (cpu.user + cpu.system) / jobs }));
await queue.obliterate({ force: true });
process.exit(0);
