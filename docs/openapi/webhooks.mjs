// What GitHub sends.
import { object, operation, text, word, yes } from './shape.mjs';

const tag = 'Webhooks';
const payload = { type: 'object', description: 'GitHub\'s own payload: https://docs.github.com/webhooks' };
const answer = object({
  success: yes('Always true: it is stored.'),
  message: text('What was decided, and why.'),
  deliveryId: text('Where it is stored.', { pattern: '^hook_' }),
  outcome: word('What came of it.', ['accepted', 'ignored', 'stale', 'duplicate']),
  duplicate: yes('It was known already.'),
}, { optional: ['duplicate'] });
const head = (name, description) => ({ name, in: 'header', required: true, description, schema: { type: 'string' } });

export const schemas = {};

export const operations = [
  operation('POST /webhooks/github', {
    id: 'githubWebhook', tag, role: 'none', limited: false, summary: 'An event of a repository',
    description: 'Signed with the webhook secret. It is answered when it is stored durably, and worked on afterwards. '
      + 'Deliveries whose signature fits are never limited; others 50 in 15 minutes for each address.',
    parameters: [
      head('X-GitHub-Event', 'The event\'s name: `pull_request` changes previews, `ping` is answered, others are stored with a reason.'),
      head('X-GitHub-Delivery', 'The delivery\'s id: a second copy changes nothing.'),
      head('X-Hub-Signature-256', '`sha256=` and the HMAC of the body in hex.'),
    ],
    body: payload,
    bodyContent: {
      'application/json': { schema: payload },
      'application/x-www-form-urlencoded': { schema: object({ payload: text('The payload as JSON.') }) },
    },
    answers: {
      200: { description: 'A ping, or a delivery that is known already.', schema: answer },
      202: { description: 'It is stored.', schema: answer },
    },
    errors: [401],
  }),
];
