// Deployments: one preview for each pull request of a project.
import { body, id, list, object, operation, orNull, page, ref, text, time, whole, word, yes } from './shape.mjs';

const tag = 'Deployments';
const statuses = ['QUEUED', 'BUILDING', 'READY', 'ERROR', 'DESTROYED'];

const common = {
  id: id('deploy', 'Its id.'),
  prNumber: whole('The pull request.'),
  title: text('The pull request\'s title.'),
  branch: text('Where the change is.'),
  sha: text('The commit that is wanted.'),
  provider: text('Who builds it; empty before the first attempt.'),
  status: word('What a user needs to know.', statuses),
  detail: text('The finer state behind the status.', { examples: ['READY'] }),
  url: orNull(text('Where the preview is, once there is one.')),
  errorReason: orNull(text('A word for the failure, for ERROR.', { examples: ['BUILD_FAILED'] })),
  message: orNull(text('What a person should know about the state.')),
  attempts: whole('How many deployments were made at the provider.'),
  htmlUrl: text('The pull request on GitHub.'),
  createdAt: time('When the pull request was first seen.'),
  readyAt: orNull(time('When it last became READY.')),
  destroyedAt: orNull(time('When its last deployment was gone.')),
  expiresAt: orNull(time('When it goes by itself; null = it stays until the pull request is closed.')),
};

export const schemas = {
  DeploymentRow: object(common),
  Deployment: object({
    ...common,
    projectId: id('proj', 'Its project.'),
    baseBranch: text('Where the change shall go.'),
    author: text('Who opened the pull request.'),
    fromFork: yes('The branch lies in another repository.'),
    desired: word('What is wanted.', ['deployed', 'destroyed', 'held']),
    generation: whole('Counts what was wanted: pushes, retries, closes.'),
    attemptId: orNull(text('The newest deployment at the provider, as we call it.')),
    providerDeploymentId: orNull(text('The same, as the provider calls it.')),
    inspectorUrl: orNull(text('Its page at the provider.')),
    updatedAt: time('When anything of this last changed.'),
    frozenAt: orNull(time('Since when nothing of it is deployed, because its decoy was used.')),
    frozenReason: orNull(text('What happened, and what ends it.')),
  }),
  DeploymentWish: object({
    id: id('deploy', 'The deployment.'),
    status: word('Its status from now on.', statuses),
    detail: text('The finer state.'),
    generation: whole('Counts what was wanted.'),
  }),
  DeploymentExtended: object({
    id: id('deploy', 'The deployment.'),
    status: word('Its status.', statuses),
    detail: text('The finer state.'),
    generation: whole('Counts what was wanted.'),
    expiresAt: time('When it goes by itself from now on.'),
  }),
  LogPart: object({
    attemptId: text('Of which attempt.'),
    seq: whole('Its number: pass the last one as `after` to read on.', { minimum: 1 }),
    text: text('Lines of the build.'),
    createdAt: time('When it was read from the provider.'),
  }),
  Orphan: object({
    id: id('orph', 'Its id.'),
    kind: word('UNKNOWN: made by this installation, but not in its database. DUPLICATE: a second deployment of one attempt. UNWANTED: written off, and yet there. VANISHED: a preview is READY, and its deployment is not there.', ['UNKNOWN', 'DUPLICATE', 'UNWANTED', 'VANISHED']),
    action: word('What was done about it: it was only written down, it was destroyed, or it is being destroyed.', ['NAMED', 'DESTROYED', 'DESTROYING']),
    provider: text('The plugin.', { examples: ['vercel'] }),
    providerDeploymentId: text('Its id at the provider.'),
    attemptId: text('The attempt it was made for.'),
    url: orNull(text('Where it is.')),
    firstSeenAt: time('When it was found.'),
    lastSeenAt: time('When it was found the last time.'),
    resolvedAt: orNull(time('When a complete inventory did not show it any more.')),
  }),
  DeploymentEvent: object({
    id: id('evt', 'Its id.'),
    attemptId: orNull(text('Of which attempt, when of one.')),
    stage: text('What happened.', { examples: ['BUILDING'] }),
    message: text('The same in a sentence.'),
    durationMs: orNull(whole('Since the stage before.')),
    createdAt: time('When.'),
  }),
};

const wish = (what, more) => [
  operation(`POST /deployments/{deploymentId}/${what}`, { role: 'DEVELOPER', ...more, id: `${what}Deployment`, tag, errors: [409] }),
  operation(`POST /projects/{projectId}/deployments/{deploymentId}/${what}`, {
    role: 'DEVELOPER', ...more, id: `${what}ProjectDeployment`, tag, errors: [409],
    description: `The same as \`POST /deployments/{deploymentId}/${what}\`.`,
  }),
];
const accepted = (description) => ({ 202: { description, schema: ref('DeploymentWish') } });

export const operations = [
  operation('GET /projects/{projectId}/deployments', {
    id: 'listDeployments', tag, role: 'VIEWER', summary: 'A project\'s deployments, newest first',
    query: {
      ...page,
      status: word('Only those with this status.', statuses),
      pr: whole('Only that of this pull request.', { minimum: 1, maximum: 2147483647 }),
    },
    answers: { 200: { description: 'A page of them.', headers: ['Link', 'ETag'], schema: list(ref('DeploymentRow')) } },
  }),
  operation('POST /projects/{projectId}/deployments', {
    id: 'requestDeployment', tag, role: 'DEVELOPER', summary: 'Ask for a preview without a webhook',
    description: 'What GitHub says of the open pull request now goes the way of a webhook: the project\'s rules decide, a fork waits for approval, '
      + 'and what was destroyed by somebody comes back. A private repository needs `GITHUB_TOKEN` or a GitHub App. 409 when no open pull request is found, or the rules do not deploy it.',
    body: body({
      prNumber: { ...orNull(whole('The pull request.', { minimum: 1, maximum: 2147483647 })) },
      branch: { ...orNull(text('Instead: a branch of the repository that has an open pull request.', { minLength: 1, maxLength: 255 })) },
      sha: { ...orNull(text('Instead: a commit of an open pull request.', { minLength: 7, maxLength: 64 })) },
    }),
    example: { prNumber: 7 },
    answers: { 202: { description: 'What is wanted now.', schema: ref('DeploymentRow') } }, errors: [409],
  }),
  operation('GET /projects/{projectId}/orphans', {
    id: 'listOrphans', tag, role: 'VIEWER', summary: 'Where the provider\'s inventory and the deployments differ, newest first',
    description: 'Every few minutes (`REAP_MS`) the provider is asked what it has of ours.',
    query: { ...page, resolved: word('"true": those as well that are settled.', ['true', 'false']) },
    answers: { 200: { description: 'A page of them.', headers: ['Link', 'ETag'], schema: list(ref('Orphan')) } },
  }),
  operation('GET /deployments/{deploymentId}', {
    id: 'getDeployment', tag, role: 'VIEWER', summary: 'One deployment',
    answers: { 200: { description: 'All that is known of it.', schema: ref('Deployment') } },
  }),
  operation('GET /deployments/{deploymentId}/logs', {
    id: 'listDeploymentLogs', tag, role: 'VIEWER', summary: 'The build log',
    query: { attempt: text('Of which attempt; the newest when absent.'), after: whole('Only parts behind this `seq`.', { minimum: 0 }) },
    answers: { 200: { description: 'Up to 200 parts, in order.', headers: ['ETag'], schema: list(ref('LogPart')) } },
  }),
  operation('GET /deployments/{deploymentId}/events', {
    id: 'listDeploymentEvents', tag, role: 'VIEWER', summary: 'What happened to it, newest first',
    query: page,
    answers: { 200: { description: 'A page of events.', headers: ['Link', 'ETag'], schema: list(ref('DeploymentEvent')) } },
  }),
  ...wish('retry', { summary: 'Deploy the same commit once more',
    answers: accepted('A new attempt is on its way.'),
    description: 'For a deployment that is READY, in ERROR or DESTROYED, of a pull request that is open. One from a fork needs a MAINTAINER.' }),
  ...wish('cancel', { summary: 'Stop what is being built',
    answers: accepted('It is being stopped.'), description: 'For a deployment that is QUEUED or BUILDING.' }),
  ...wish('destroy', { summary: 'Take the preview down',
    answers: accepted('It is being taken down.'), description: 'Every deployment that was ever made for the pull request goes; retried until the provider says so.' }),
  ...wish('approve', { role: 'MAINTAINER', summary: 'Deploy a commit from a fork',
    body: body({ sha: text('The whole id of the commit that was looked at.', { minLength: 40, maxLength: 64 }) }, { required: ['sha'] }),
    example: { sha: 'ec26c3e57ca3a959ca5aad62de7213c562f8c821' }, answers: accepted('It is deployed.'),
    description: 'For a deployment whose detail is AWAITING_APPROVAL, at exactly this commit: when another one was pushed meanwhile the answer is 409. The next push waits again.' }),
  ...wish('unfreeze', { role: 'MAINTAINER', summary: 'Deploy a pull request again whose decoy was used',
    answers: accepted('What is wanted by now is deployed.'), description: 'For a deployment with `frozenAt`: see rule `decoys`.' }),
  ...wish('extend', { summary: 'Keep a preview for longer',
    body: body({ forMs: whole('So long from now on; one that stays longer anyway is left as it is.', { minimum: 60000, maximum: 7776000000 }) }, { required: ['forMs'] }),
    example: { forMs: 259200000 }, answers: { 200: { description: 'It stays.', schema: ref('DeploymentExtended') } },
    description: 'For a deployment that has an end (`expiresAt`, by rule `ttlMs`).' }),
];
