// The service on Fastify.
import jwt from '@fastify/jwt';
import { Queue } from 'bullmq';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { Redis } from 'ioredis';
import pg from 'pg';
import { signatureFits, type PullRequestEvent } from './github.js';
import { settings } from './settings.js';
import { Store } from './store.js';

declare module '@fastify/jwt' {
  interface FastifyJWT { payload: { sub: string }; user: { sub: string } }
}

const pool = new pg.Pool({ connectionString: settings.databaseUrl, max: settings.poolSize });
const redis = new Redis(settings.redisUrl, { maxRetriesPerRequest: null });
const queue = new Queue('fastify-previews', { connection: redis });
const store = new Store(pool);
const app = Fastify({ logger: false, bodyLimit: settings.bodyLimit });

await app.register(jwt, { secret: settings.jwtSecret });

const answerSchema = {
  response: {
    200: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          id: { type: 'string' }, prNumber: { type: 'integer' }, title: { type: 'string' }, branch: { type: 'string' },
          sha: { type: 'string' }, provider: { type: 'string' }, status: { type: 'string' }, detail: { type: 'string' },
          url: { type: ['string', 'null'] }, errorReason: { type: ['string', 'null'] }, message: { type: ['string', 'null'] },
          attempts: { type: 'integer' }, htmlUrl: { type: 'string' },
          createdAt: { type: 'string', format: 'date-time' },
          readyAt: { type: ['string', 'null'], format: 'date-time' },
          destroyedAt: { type: ['string', 'null'], format: 'date-time' },
        },
      },
    },
  },
};

async function authenticate(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  try {
    await request.jwtVerify();
  } catch {
    await reply.code(401).send({ error: 'UnauthorizedError', message: 'log in first', statusCode: 401 });
  }
}

app.get('/healthz', async () => ({ ok: true }));

app.get<{ Params: { id: string } }>('/projects/:id/deployments', { preHandler: authenticate, schema: answerSchema }, async (request, reply) => {
  const role = await store.roleOf(request.params.id, request.user.sub);
  if (!role) return reply.code(404).send({ error: 'NotFoundError', message: 'no such project', statusCode: 404 });
  return store.deployments(request.params.id, 50);
});

// The signature covers the bytes, so this scope keeps them instead of parsing them.
await app.register(async (scope) => {
  scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  scope.post<{ Body: Buffer }>('/webhooks/github', async (request, reply) => {
    const delivery = request.headers['x-github-delivery'];
    const signature = request.headers['x-hub-signature-256'];
    if (!signatureFits(settings.webhookSecret, request.body, Array.isArray(signature) ? signature[0] : signature)) {
      return reply.code(401).send({ error: 'UnauthorizedError', message: 'bad signature', statusCode: 401 });
    }
    if (typeof delivery !== 'string' || request.headers['x-github-event'] !== 'pull_request') {
      return reply.code(202).send({ success: true, message: 'ignored' });
    }
    const raw = request.body.toString('utf8');
    const event = JSON.parse(raw) as PullRequestEvent;
    const stored = await store.savePullRequest(delivery, event, raw);
    if (stored.duplicate) return reply.code(200).send({ success: true, duplicate: true, deliveryId: delivery });
    for (const previewId of stored.previewIds) {
      await queue.add('reconcile', { previewId }, { jobId: `${previewId}-${delivery}` });
    }
    return reply.code(202).send({ success: true, message: 'accepted', deliveryId: delivery });
  });
});

await app.listen({ port: settings.port, host: '127.0.0.1' });
console.log(`ready on ${settings.port}`);
