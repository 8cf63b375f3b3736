// Results of health checks over time, and the public page that shows them.
import { body, id, list, object, operation, orNull, page, ref, text, time, whole, word, yes } from './shape.mjs';

const tag = 'Health checks';
const pages = 'Status pages';
const percent = (description) => orNull({ type: 'number', description, minimum: 0, maximum: 100 });
const verdict = word('Only OK and FAILED count. INCONCLUSIVE: our own network was the cause, or may have been; MAINTENANCE: a window was open.',
  ['OK', 'FAILED', 'INCONCLUSIVE', 'MAINTENANCE']);
const counts = {
  ok: whole('Looks that were good.'), failed: whole('Looks that were bad.'), inconclusive: whole('Looks that count for neither, those in maintenance included.'),
};
const uptime = object({ uptime: percent('Good ones of those that count, cut to three digits: 100 says that none was bad. null: nothing counts yet.'), ...counts });
const pageState = word('FAILED looks beyond the threshold make DEGRADED. PAUSED: all are switched off. UNKNOWN: no result, or none for three intervals.',
  ['OPERATIONAL', 'DEGRADED', 'MAINTENANCE', 'PAUSED', 'UNKNOWN']);
const slug = text('Its address: `/status/` and this. Unique in this installation; lower case letters, digits, and dashes between them.',
  { minLength: 3, maxLength: 64, pattern: '^[a-z0-9]+(-+[a-z0-9]+)*$' });

export const schemas = {
  HealthSample: object({
    id: id('sample', 'Its id.'),
    statusCode: orNull(whole('The HTTP status that came; null: none did.')),
    ok: yes('Whether it was as expected.'),
    verdict,
    latencyMs: orNull(whole('How long it took.')),
    error: orNull(text('What was wrong, as a code of docs/health.md.')),
    createdAt: time('When the result was there.'),
  }),
  HealthRollup: object({
    at: time('When the step begins, in UTC.'),
    minutes: whole('How long it is.', { enum: [5, 60, 1440] }),
    ...counts,
    latencyAvgMs: orNull(whole('Of the good ones.')), latencyMinMs: orNull(whole('The fastest.')), latencyMaxMs: orNull(whole('The slowest.')),
    uptime: percent('Good ones of those that count; null: none does.'),
  }),
  HealthUptime: object({
    '1h': uptime, '24h': uptime, '7d': uptime, '30d': uptime, '90d': uptime,
    errorRate: orNull({ type: 'number', description: 'Bad ones of those that count, of the last hour: 0 to 1.', minimum: 0, maximum: 1 }),
  }),
  StatusPageSettings: object({
    enabled: yes('Whether everybody can see the page.'),
    slug: orNull(slug),
    title: text('Its heading.'),
    checkIds: orNull(list(id('check', 'A health check.'), 'What it shows, in this order; null: all checks of the project but those of previews, by name.')),
    url: orNull(text('Where it is; null: nowhere, it is not enabled.', { format: 'uri' })),
    updatedAt: orNull(time('When this was last changed; null: never.')),
  }),
  StatusPage: object({
    title: text('Its heading.'),
    state: pageState,
    asOf: time('When this was read; it is at most some seconds old.'),
    checks: list(object({
      id: id('check', 'For the badge of this check.'),
      name: text('What people call it.'),
      state: word('FLAPPING comes and goes; PAUSED is switched off.', ['OPERATIONAL', 'DEGRADED', 'FLAPPING', 'MAINTENANCE', 'PAUSED', 'UNKNOWN']),
      uptime: object({ '24h': percent('Of 24 hours.'), '7d': percent('Of 7 days.'), '30d': percent('Of 30 days.'), '90d': percent('Of 90 days.') }),
      days: list(object({ day: text('In UTC.', { format: 'date' }), ok: counts.ok, failed: counts.failed }), 'The last 90, oldest first, with today.'),
    }), 'At most 100.'),
    notShown: whole('How many more there are.'),
    incidents: list(object({
      check: text('The name of what was down.'), beganAt: time('The first failure.'), endedAt: orNull(time('null: it is still open.')),
      flapping: yes('Whether it came and went.'),
    }), 'Those that are open, then those of the last 14 days; at most 50.'),
  }),
};

const ofCheck = (prefix, suffix) => [
  operation(`GET ${prefix}/health-checks/{checkId}/samples`, {
    id: `listHealthSamples${suffix}`, tag, role: 'VIEWER', summary: 'Its results over time',
    description: 'One by one, or as what they came to in a step of time. A range has at most 31 days one by one, 92 in steps of 5 minutes, 732 in hours and 3660 in '
      + 'days; how long each is kept the operator says.',
    query: {
      ...page,
      from: text('From then on: a date (2023-12-01, in UTC) or a time with its zone. 24 hours before `to` when absent.'),
      to: text('Until then, which is not in it. Now when absent.'),
      resolution: word('raw (when absent): each result. auto: the finest that one page of 200 can show of such a range.', ['raw', '5m', '1h', '1d', 'auto']),
    },
    answers: { 200: { description: 'Newest first.', headers: ['Link', 'ETag'],
      schema: { anyOf: [list(ref('HealthSample')), list(ref('HealthRollup'))] } } },
  }),
  operation(`GET ${prefix}/health-checks/{checkId}/uptime`, {
    id: `getHealthUptime${suffix}`, tag, role: 'VIEWER', summary: 'Its uptime, and how many of its looks failed lately',
    description: 'In whole steps: of 5 minutes in an hour, of an hour up to 7 days, of a day beyond; with the five minutes under way.',
    answers: { 200: { description: 'As it is now.', headers: ['ETag'], schema: ref('HealthUptime') } },
  }),
];

const settings = (description) => ({ 200: { description, schema: ref('StatusPageSettings') } });
const shown = (path, o) => operation(`GET /status/{slug}${path}`, { tag: pages, role: 'none', ...o });

export const operations = [
  ...ofCheck('', ''), ...ofCheck('/projects/{projectId}', 'OfProject'),
  operation('GET /projects/{projectId}/status-page', {
    id: 'getStatusPageSettings', tag: pages, role: 'VIEWER', summary: 'Whether a project has a public status page, and what it shows',
    answers: { 200: { ...settings('As it is now.')[200], headers: ['ETag'] } },
  }),
  operation('PUT /projects/{projectId}/status-page', {
    id: 'setStatusPage', tag: pages, role: 'MAINTAINER', summary: 'Show the health of a project to everybody, or to nobody any more',
    description: 'Everybody sees the names of checks, their states and when they were down: no addresses, no errors, no people. It acts within seconds.',
    body: body({
      enabled: yes('Whether everybody can see it.'), slug, title: orNull(text('Its heading; the project\'s name when absent.', { minLength: 1, maxLength: 120 })),
      checkIds: orNull(list(id('check', 'A health check of the project.'), 'What it shows, in this order, at most 100; null or absent: all but those of previews.')),
    }, { required: ['enabled', 'slug'] }),
    example: { enabled: true, slug: 'known', title: 'Demo shop' }, answers: settings('As it is now.'), errors: [409],
  }),
  shown('', {
    id: 'statusPage', summary: 'The status page',
    description: 'Without scripts; at most some seconds old. A page that is not enabled cannot be told from one that is not there.',
    answers: { 200: { description: 'The page.', headers: ['ETag'], content: { 'text/html': { schema: { type: 'string' } } } } },
  }),
  shown('/status.json', {
    id: 'statusPageFacts', summary: 'The same facts for programs',
    answers: { 200: { description: 'As the page says.', headers: ['ETag'], schema: ref('StatusPage') } },
  }),
  shown('/badge.svg', {
    id: 'statusBadge', summary: 'A badge: up, degraded, maintenance, paused or unknown',
    query: { check: text('The id of one check of the page, instead of all.'), label: text('What stands in front; the page\'s title, or the check\'s name, when absent.', { minLength: 1, maxLength: 64 }) },
    answers: { 200: { description: 'The badge.', headers: ['ETag'], content: { 'image/svg+xml': { schema: { type: 'string' } } } } },
  }),
];
