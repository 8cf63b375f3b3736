// What both services are told by their environment.
function need(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

export const settings = {
  port: Number(need('PORT')),
  databaseUrl: need('DATABASE_URL'),
  redisUrl: need('REDIS_URL'),
  jwtSecret: need('JWT_SECRET'),
  webhookSecret: need('GITHUB_WEBHOOK_SECRET'),
  poolSize: 10,
  bodyLimit: 25 * 1024 * 1024,
};
