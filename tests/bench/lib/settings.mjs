// What tests/bench/run and tests/stack put into the environment.
import { fileURLToPath } from 'node:url';

function need(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: this is started by tests/bench/run`);
  return value;
}

export const settings = {
  build: need('BENCH_BUILD'),
  peers: need('BENCH_PEERS'),
  results: need('BENCH_RESULTS'),
  rounds: Number(need('BENCH_ROUNDS')),
  seconds: Number(need('BENCH_SECONDS')),
  stack: need('OPSHUB_STACK_DIR'),
  bin: need('OPSHUB_BIN'),
  api: need('API_BASE_URL'),
  database: need('DATABASE_URL'),
  redis: need('REDIS_URL'),
  cloud: need('MOCK_PROVIDER_URL'),
  webhookSecret: need('GITHUB_WEBHOOK_SECRET'),
  jwtSecret: need('JWT_SECRET'),
  payload: fileURLToPath(new URL('../../contract/github-webhooks/pull_request.opened.json', import.meta.url)),
  queries: fileURLToPath(new URL('../../../sql/queries/', import.meta.url)),
};
