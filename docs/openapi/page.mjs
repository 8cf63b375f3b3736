// docs/api.md: the description as a page to read. What is the same for every operation is said once, in guide.md.
const anchor = (heading) => heading.toLowerCase().replace(/[^a-z0-9 -]/g, '').replace(/ /g, '-');
const cell = (textOf) => (textOf ?? '').replace(/\|/g, '\\|').replace(/\n/g, ' ');
const sentence = (textOf) => (/[?.!]$/.test(textOf) ? textOf : `${textOf}.`);

const resolve = (api, schema) => (schema?.$ref ? schema.$ref.split('/').slice(1).reduce((at, key) => at[key], api) : schema);

function typeOf(schema) {
  if (schema.$ref) return `[${schema.$ref.split('/').pop()}](#${schema.$ref.split('/').pop().toLowerCase()})`;
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' or ');
  const types = [schema.type].flat().map((one) => ({ string: 'text', integer: 'number', number: 'number', boolean: 'true or false', null: 'null' })[one] ?? one);
  if (types[0] === 'array') types[0] = `list of ${{ text: 'texts', number: 'numbers', object: 'objects' }[typeOf(schema.items)] ?? typeOf(schema.items)}`;
  if (schema.format === 'date-time') types[0] = 'time';
  if (schema.enum) types[0] = schema.enum.filter((one) => one !== null).map((one) => `\`${one}\``).join(', ');
  return types.join(' or ');
}

function range(least, greatest, unit) {
  if (least === undefined && greatest === undefined) return [];
  if (greatest === undefined) return [`${least} or more${unit}`];
  return [`${least === undefined ? 'at most' : `${least} to`} ${greatest}${unit}`];
}

// What is refused: for what is sent.
function limits(schema) {
  const parts = [
    ...range(schema.minLength, schema.maxLength, ' bytes'),
    ...range(schema.minimum, schema.maximum, ''),
    ...range(schema.minItems, schema.maxItems, ' elements'),
    ...(schema.pattern ? [`\`${schema.pattern}\``] : []),
    ...(schema.default !== undefined ? [`default \`${JSON.stringify(schema.default)}\``] : []),
  ];
  return parts.length ? ` (${parts.join('; ')})` : '';
}

function rowsOf(api, schema, sent, before) {
  return Object.entries(schema.properties ?? {}).flatMap(([name, one]) => {
    const must = sent && schema.required?.includes(name) ? '**Required.** ' : '';
    const inner = one.type === 'object' ? one : one.type === 'array' && one.items.type === 'object' ? one.items : {};
    return [
      `| \`${before}${name}\` | ${cell(typeOf(one))} | ${must}${cell(one.description)}${sent ? cell(limits(one)) : ''} |`,
      ...rowsOf(api, inner, sent, `${before}${name}${one.type === 'array' ? '[].' : '.'}`),
    ];
  });
}

function fields(api, schema, sent) {
  const rows = rowsOf(api, schema, sent, '');
  return rows.length ? ['', `| ${sent ? 'body' : 'field'} | type | |`, '| --- | --- | --- |', ...rows, ''] : [''];
}

const json = (value) => ['', '```json', JSON.stringify(value, null, 2), '```', ''];

const whoMay = (item) => ({ none: 'Anybody', user: 'Whoever is logged in' }[item['x-opshub-role']]
  ?? `${item['x-opshub-role']} or higher`) + (item['x-opshub-scope'] ? `; a token needs the scope \`${item['x-opshub-scope']}\`` : '');

function curl(path, method, item) {
  if (item['x-codeSamples']) return ['```sh', item['x-codeSamples'][0].source, '```', ''];
  const content = item.requestBody?.content['application/json'];
  const url = path.replace('{projectId}', '$OPSHUB_PROJECT').replace(/\{(\w+)\}/g, (_, name) => `$${name.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase()}`);
  const parts = ['curl -s'];
  if (method !== 'get' && !(method === 'post' && content?.example)) parts.push(`-X ${method.toUpperCase()}`);
  if (item['x-opshub-role'] !== 'none') parts.push('-H "Authorization: Bearer $OPSHUB_TOKEN"');
  if (content?.example) parts.push(`-H 'Content-Type: application/json' \\\n  -d '${JSON.stringify(content.example).replaceAll("'", "'\\''")}'`);
  return ['```sh', `${parts.join(' ')} "$API_BASE_URL${url}"`, '```', ''];
}

// Where the schema is one of the objects below, its fields are there.
function answer(api, status, one) {
  const { schema, example } = one.content?.['application/json'] ?? {};
  const lines = [`**${status}** ${sentence(one.description)}${schema && schema.type !== 'object' ? ` ${typeOf(schema)[0].toUpperCase()}${typeOf(schema).slice(1)}.` : ''}`];
  if (example !== undefined) lines.push(...json(example));
  if (schema?.type === 'object') lines.push(...fields(api, schema, false));
  else lines.push('');
  return lines;
}

// A second path to an operation, for clients that expect it there: one sentence is enough.
const isAlias = (item) => item.description?.startsWith('The same as');

const everywhere = ['400', '401', '403', '429', '500', '503']; // said once, under Errors

function section(api, path, method, item) {
  const lines = [`### ${method.toUpperCase()} ${path}`, '', sentence(item.summary) + (item.description ? ` ${item.description}` : '')];
  if (isAlias(item)) return [...lines, ''];
  lines.push('', `${whoMay(item)}.`, '');
  const given = item.parameters?.filter((one) => one.in !== 'path') ?? [];
  if (given.length) {
    lines.push('| parameter | in | |', '| --- | --- | --- |');
    for (const one of given) lines.push(`| \`${one.name}\` | ${one.in} | ${cell(one.description)}${cell(limits(one.schema))}${one.schema.enum ? ` ${typeOf(one.schema)}` : ''} |`);
    lines.push('');
  }
  const body = resolve(api, item.requestBody?.content['application/json']?.schema);
  if (body) lines.push(...(body.properties ? fields(api, body, true) : [sentence(`Body: ${body.description}`), '']));
  const isForBrowsers = Object.keys(item.responses).some((status) => status === '302');
  if (!isForBrowsers) lines.push(...curl(path, method, item));
  const failures = Object.keys(item.responses).filter((status) => item.responses[status].$ref && !everywhere.includes(status));
  for (const [status, one] of Object.entries(item.responses)) if (!one.$ref) lines.push(...answer(api, status, one));
  if (failures.length) lines.push(`Errors of its own: ${failures.map((status) => `[${status}](#errors)`).join(', ')}.`, '');
  return lines;
}

function contents(api, all) {
  return api.tags.flatMap(({ name }) => ['', `**[${name}](#${anchor(name)})**`, '', '| operation | | who |', '| --- | --- | --- |',
    ...all.filter(({ item }) => item.tags[0] === name && !isAlias(item)).map(({ path, method, item }) => {
      const heading = `${method.toUpperCase()} ${path}`;
      const who = { none: 'anybody', user: 'logged in' }[item['x-opshub-role']] ?? item['x-opshub-role'];
      return `| [\`${heading}\`](#${anchor(heading)}) | ${cell(item.summary)} | ${who} |`;
    })]);
}

export function apiPage(api, guide) {
  const all = Object.entries(api.paths).flatMap(([path, item]) => Object.entries(item).map(([method, one]) => ({ path, method, item: one })));
  const lines = ['<!-- Written by docs/openapi/build.mjs from docs/openapi/: change guide.md or the *.mjs there. -->', guide.trimEnd(), '', '## Operations', '',
    'Examples are real answers of a test installation; lists are cut to one element.', ...contents(api, all)];
  for (const { name } of api.tags) {
    lines.push('', `## ${name}`, '');
    for (const one of all.filter(({ item }) => item.tags[0] === name)) lines.push(...section(api, one.path, one.method, one.item));
  }
  lines.push('## Errors', '', 'Any operation may answer 400, 429, 500 and 503, and one that needs a login 401 and 403; what else it may answer stands with it.', '',
    '| status | when |', '| --- | --- |');
  for (const [status, one] of Object.entries(api.components.responses)) lines.push(`| ${status} | ${cell(one.description)} |`);
  lines.push('', '## Objects', '');
  for (const [name, schema] of Object.entries(api.components.schemas)) lines.push(`### ${name}`, ...fields(api, schema, false));
  return `${lines.join('\n').replace(/\n{3,}/g, '\n\n').trimEnd()}\n`;
}
