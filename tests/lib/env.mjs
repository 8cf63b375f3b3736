// What tests/stack put into the environment. Every test reads it from here, so that a test run outside a stack says so.
function need(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run this file by tests/lib/run-file, or inside tests/stack -- CMD`);
  return value;
}

export const env = {
  get api() { return need('API_BASE_URL'); },
  get token() { return need('OPSHUB_TOKEN'); },
  get project() { return need('OPSHUB_PROJECT'); },
  get webhookSecret() { return need('GITHUB_WEBHOOK_SECRET'); },
  get jwtSecret() { return need('JWT_SECRET'); },
  get cloud() { return need('MOCK_PROVIDER_URL'); },
  get bin() { return need('OPSHUB_BIN'); },
  get stackDir() { return need('OPSHUB_STACK_DIR'); },
  get log() { return need('OPSHUB_LOG'); },
  get redis() { return need('REDIS_URL'); },
};
