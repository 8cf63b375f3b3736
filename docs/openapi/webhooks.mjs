// What GitHub sends.
import { id, list, object, operation, orNull, page, ref, text, time, whole, word, yes } from './shape.mjs';

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

const delivery = {
  id: id('hook', 'Its id.'),
  delivery: text('GitHub\'s id of it, `X-GitHub-Delivery`.'),
  event: text('The event\'s name.'),
  action: text('Its action; may be empty.'),
  prNumber: orNull(whole('The pull request.')),
  outcome: word('What came of it.', ['accepted', 'ignored', 'stale']),
  reason: text('Why.'),
  decision: orNull(ref('Decision')),
  receivedAt: time('When it came.'),
};

export const schemas = {
  Decision: object({
    desired: word('What the project wants of the pull request by then.', ['deployed', 'destroyed', 'held']),
    rule: text('The rule that decided.'),
    reason: text('The same in a sentence.'),
    trace: list(object({ rule: text('A rule that was asked.'), decided: yes('It decided.') }), 'Every rule that was asked, in order.'),
    replayOf: id('hook', 'The delivery that this one repeats.'),
  }, { optional: ['replayOf'] }),
  Delivery: object(delivery),
  DeliveryWithPayload: object({ ...delivery, payload: { type: 'object', description: 'What GitHub sent.' } }),
};

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
  operation('GET /projects/{projectId}/deliveries', {
    id: 'listDeliveries', tag, role: 'MAINTAINER', summary: 'What GitHub sent, and what was decided, newest first',
    description: 'Those that reached the project, and those of its repository that concern no pull request.',
    query: { ...page, outcome: word('Only those with this outcome.', ['accepted', 'ignored', 'stale']) },
    answers: { 200: { description: 'A page of them.', headers: ['Link', 'ETag'], schema: list(ref('Delivery')) } },
  }),
  operation('GET /projects/{projectId}/deliveries/{deliveryId}', {
    id: 'getDelivery', tag, role: 'MAINTAINER', summary: 'One delivery, with its payload',
    answers: { 200: { description: 'The delivery.', headers: ['ETag'], schema: ref('DeliveryWithPayload') } },
  }),
  operation('POST /projects/{projectId}/deliveries/{deliveryId}/replay', {
    id: 'replayDelivery', tag, role: 'MAINTAINER', summary: 'Take a delivery through the rules of now',
    description: 'For this project alone. When newer events of the pull request are known it is stale and changes nothing.',
    answers: { 202: { description: 'It is stored.', schema: object({
      success: yes('Always true.'),
      message: text('What was decided, and why.'),
      deliveryId: id('hook', 'Where it is stored.'),
      replayOf: id('hook', 'What it repeats.'),
      outcome: word('What came of it.', ['accepted', 'ignored', 'stale']),
    }) } },
    errors: [409],
  }),
];
