// New values for variables: policies, rotating by hand, and what came of it.
import { body, id, list, object, operation, orNull, page, ref, text, time, whole, word, yes } from './shape.mjs';

const tag = 'Rotation';
const environment = word('The environment of the variables; PREVIEW when absent.', ['PREVIEW', 'STAGING', 'PRODUCTION']);
const generator = (description, types) => ({
  type: 'object',
  description,
  properties: {
    type: word('How a value is made. Of a key pair (rsa, ed25519) the private key in PEM becomes the value; the public one is shown with the rotation.', types),
    length: whole('Of random: characters, 32 when absent.', { minimum: 8, maximum: 4096 }),
    alphabet: text('Of random: alnum (when absent), hex, base64url, or at least 8 different characters themselves.', { minLength: 3, maxLength: 94 }),
    bits: whole('Of rsa: 3072 when absent.', { minimum: 2048, maximum: 4096, multipleOf: 256 }),
  },
  required: ['type'],
  additionalProperties: false,
});
const making = ['random', 'uuid', 'rsa', 'ed25519'];
const policyGenerator = generator('How a new value is made. remind makes none: people are told that it is due.', [...making, 'remind']);

const fields = {
  name: text('What people call it; unique in the project, in any case.', { minLength: 1, maxLength: 80 }),
  environment,
  keyPattern: text('Which variables: a regular expression of literals, `.`, `\\d`, `\\w`, classes, `*`, `+`, `?`, groups, `|`, `^` and `$`, '
    + 'found anywhere in the key unless anchored. What it means in JavaScript it means here.', { minLength: 1, maxLength: 256 }),
  rotateEveryDays: whole('A value is due so many days after it became the active one.', { minimum: 1, maximum: 3650 }),
  generator: policyGenerator,
  notify: yes('Whether the project\'s notifiers are told of new values as well; of failures and reminders they always are. true when absent.'),
  verify: yes('Whether a value is tried before it becomes the active one; true when absent.'),
  enabled: yes('Whether it is evaluated; true when absent.'),
};
const example = { name: 'Tokens every month', keyPattern: '_TOKEN$', rotateEveryDays: 30, generator: { type: 'random', length: 40, alphabet: 'base64url' } };

export const schemas = {
  SecretPolicy: object({
    id: id('policy', 'Its id.'),
    ...fields,
    lastEvaluatedAt: orNull(time('When it was last compared with what it means.')),
    createdAt: time('When it was made.'),
    updatedAt: time('When it was last changed.'),
    matchingCount: whole('How many variables it means now.'),
    matchingKeys: list(text('A variable\'s key.'), 'Their keys, the first 200.'),
    nextDueAt: orNull(time('When the first of them is due; null: it is switched off, or means none.')),
  }),
  RotationBegun: object({
    key: text('The variable\'s key.'),
    result: word('started; joined: a rotation of it is under way; reminded: people were told; notDue, also when somebody was faster; gone: deleted meanwhile.',
      ['started', 'joined', 'reminded', 'notDue', 'gone']),
    rotationId: orNull(id('rot', 'The rotation that was begun or joined.')),
    dueAt: orNull(time('Of notDue: when it will be; null by hand without a policy.')),
  }),
  SecretPolicyEvaluation: object({
    policies: list(object({
      id: id('policy', 'The policy.'), name: text('What people call it.'), keys: list(ref('RotationBegun'), 'What became of each variable it means.'),
    }), 'Those that were evaluated.'),
  }),
  RotationsBegun: object({ environment: word('The environment.', ['PREVIEW', 'STAGING', 'PRODUCTION']), keys: list(ref('RotationBegun'), 'What became of each.') }),
  Rotation: object({
    id: id('rot', 'Its id.'),
    key: text('The variable\'s key.'),
    environment: word('Its environment.', ['PREVIEW', 'STAGING', 'PRODUCTION']),
    state: word('How far it is: docs/rotation.md has the picture.', ['WAITING', 'PENDING', 'TRIAL', 'VERIFYING', 'DONE', 'FAILED', 'SUPERSEDED', 'REMINDED']),
    reason: text('What is done with it now, or how it ended; may be empty.'),
    policyId: orNull(id('policy', 'The policy; null: there was none, or it was deleted.')),
    policy: orNull(text('The policy\'s name at that time.')),
    version: orNull(whole('The version that is, or became, the new value.')),
    formerVersion: whole('The active one when it began.'),
    tries: whole('Values that were not good.'),
    trialDeploymentId: orNull(id('deploy', 'The preview that it is or was tried with.')),
    publicKey: orNull(text('Of a key pair: the public key in PEM.')),
    startedBy: text('Who began it: a person\'s e-mail address, or the policy.'),
    startedAt: time('When it began.'),
    endedAt: orNull(time('When it ended; null: it goes on.')),
    nextTryAt: orNull(time('When another value is tried.')),
  }),
};

const evaluated = { 200: { description: 'What became of each variable.', schema: ref('SecretPolicyEvaluation') } };

export const operations = [
  operation('GET /projects/{projectId}/secret-policies', {
    id: 'listSecretPolicies', tag, role: 'VIEWER', summary: 'Which variables get new values, how often and how',
    answers: { 200: { description: 'All of them, newest first; at most 50.', headers: ['ETag'], schema: list(ref('SecretPolicy')) } },
  }),
  operation('POST /projects/{projectId}/secret-policies', {
    id: 'createSecretPolicy', tag, role: 'MAINTAINER', summary: 'Give variables new values from now on',
    description: 'What is due already gets its new value within moments.',
    body: body(fields, { required: ['name', 'keyPattern', 'rotateEveryDays', 'generator'] }), example,
    answers: { 201: { description: 'Made.', headers: ['Location'], schema: ref('SecretPolicy') } }, errors: [409],
  }),
  operation('POST /projects/{projectId}/secret-policies/evaluate', {
    id: 'evaluateSecretPolicies', tag, role: 'MAINTAINER', summary: 'Begin what is due now',
    description: 'All policies that are switched on. The workers do the same by themselves.', answers: evaluated,
  }),
  operation('GET /projects/{projectId}/secret-policies/{policyId}', {
    id: 'getSecretPolicy', tag, role: 'VIEWER', summary: 'One of them',
    answers: { 200: { description: 'With the variables it means now.', headers: ['ETag'], schema: ref('SecretPolicy') } },
  }),
  operation('PATCH /projects/{projectId}/secret-policies/{policyId}', {
    id: 'updateSecretPolicy', tag, role: 'MAINTAINER', summary: 'Change it', description: 'What is absent stays. It is evaluated anew.',
    body: body(fields), example: { rotateEveryDays: 14 }, answers: { 200: { description: 'As it is now.', schema: ref('SecretPolicy') } }, errors: [409],
  }),
  operation('DELETE /projects/{projectId}/secret-policies/{policyId}', {
    id: 'deleteSecretPolicy', tag, role: 'MAINTAINER', summary: 'Delete it', description: 'What it has begun goes on to its end.',
    answers: { 204: { description: 'Done.' } },
  }),
  operation('POST /projects/{projectId}/secret-policies/{policyId}/evaluate', {
    id: 'evaluateSecretPolicy', tag, role: 'MAINTAINER', summary: 'Begin what is due by one policy', answers: evaluated, errors: [409],
  }),
  operation('POST /projects/{projectId}/rotate', {
    id: 'rotateVariables', tag, role: 'MAINTAINER', summary: 'Give variables new values now',
    description: 'Whether they are due or not. Without `keys`: all that policies mean which are switched on and make values. The newest policy that '
      + 'means a variable says how, unless a generator is sent. Either all `keys` are begun, or none.',
    body: body({
      keys: list(text('A variable\'s key.', { minLength: 1, maxLength: 128 }), 'Which variables, at most 200.'),
      environment,
      generator: generator('How, without a policy; with `keys` only.', making),
      verify: yes('With a generator: whether the value is tried before it becomes the active one; true when absent.'),
    }),
    example: { keys: ['API_TOKEN'], generator: { type: 'random', length: 40 } },
    answers: { 202: { description: 'Begun.', schema: ref('RotationsBegun') } }, errors: [422],
  }),
  operation('GET /projects/{projectId}/rotations', {
    id: 'listRotations', tag, role: 'VIEWER', summary: 'What was rotated, and how it went',
    query: { ...page, key: text('Of this variable only.') },
    answers: { 200: { description: 'Newest first.', headers: ['Link', 'ETag'], schema: list(ref('Rotation')) } },
  }),
];
