// docs/api.md: the description as a page to read.
const anchor = (heading) => heading.toLowerCase().replace(/[^a-z0-9 -]/g, '').replace(/ /g, '-');
const cell = (textOf) => (textOf ?? '').replace(/\|/g, '\\|').replace(/\n/g, ' ');

const resolve = (api, schema) => (schema?.$ref ? schema.$ref.split('/').slice(1).reduce((at, key) => at[key], api) : schema);

function typeOf(api, schema) {
  if (schema.$ref) return `[${schema.$ref.split('/').pop()}](#${schema.$ref.split('/').pop().toLowerCase()})`;
  if (schema.anyOf) return schema.anyOf.map((one) => typeOf(api, one)).join(' or ');
  const types = [schema.type].flat().map((one) => ({ string: 'text', integer: 'number', number: 'number', boolean: 'true or false', null: 'null' })[one] ?? one);
  if (types[0] === 'array') return `list of ${typeOf(api, schema.items)}`;
  if (schema.format === 'date-time') types[0] = 'time';
  if (schema.enum) types[0] = schema.enum.filter((one) => one !== null).map((one) => `\`${one}\``).join(', ');
  return types.join(' or ');
}

function limits(schema) {
  const parts = [];
  if (schema.minLength !== undefined || schema.maxLength !== undefined) parts.push(`${schema.minLength ?? 0} to ${schema.maxLength ?? 'any number of'} bytes`);
  if (schema.minimum !== undefined || schema.maximum !== undefined) parts.push(`from ${schema.minimum ?? '-∞'} to ${schema.maximum ?? '∞'}`);
  if (schema.pattern) parts.push(`\`${schema.pattern}\``);
  if (schema.default !== undefined) parts.push(`default \`${JSON.stringify(schema.default)}\``);
  return parts.length ? ` (${parts.join('; ')})` : '';
}

function fields(api, schema, sent) {
  const rows = Object.entries(schema.properties ?? {}).flatMap(([name, one]) => {
    const must = schema.required?.includes(name);
    const row = `| \`${name}\` | ${cell(typeOf(api, one))} | ${sent && must ? '**required** ' : ''}${cell(one.description)}${cell(limits(one))} |`;
    const inner = one.type === 'object' ? one : one.type === 'array' && one.items.type === 'object' ? one.items : null;
    const dot = one.type === 'array' ? `${name}[].` : `${name}.`;
    return [row, ...Object.entries(inner?.properties ?? {}).map(([key, deep]) =>
      `| \`${dot}${key}\` | ${cell(typeOf(api, deep))} | ${cell(deep.description)}${cell(limits(deep))} |`)];
  });
  return rows.length ? ['', '| field | type | |', '| --- | --- | --- |', ...rows, ''] : [];
}

const whoMay = (item) => ({ none: 'Anybody', user: 'Anybody who is logged in' }[item['x-opshub-role']]
  ?? `${item['x-opshub-role']} or higher`) + (item['x-opshub-scope'] ? `; a token needs the scope \`${item['x-opshub-scope']}\`` : '');

function curl(api, path, method, item) {
  const content = item.requestBody?.content['application/json'];
  const url = path.replace('{projectId}', '$OPSHUB_PROJECT').replace(/\{(\w+)\}/g, (_, name) => `$${name.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase()}`);
  const parts = ['curl -s'];
  if (method !== 'get') parts.push(`-X ${method.toUpperCase()}`);
  if (item['x-opshub-role'] !== 'none') parts.push('-H "Authorization: Bearer $OPSHUB_TOKEN"');
  if (content?.example) parts.push(`-H 'Content-Type: application/json' -d '${JSON.stringify(content.example)}'`);
  return ['```', `${parts.join(' ')} "$API_BASE_URL${url}"`, '```'];
}

function section(api, path, method, item) {
  const lines = [`### ${method.toUpperCase()} ${path}`, '', `${item.summary}${/[?.]$/.test(item.summary) ? '' : '.'} ${item.description ?? ''}`.trim(), '', `${whoMay(item)}.`, ''];
  const given = item.parameters ?? [];
  if (given.length) {
    lines.push('| parameter | in | |', '| --- | --- | --- |');
    for (const one of given) lines.push(`| \`${one.name}\` | ${one.in} | ${cell(one.description)}${cell(limits(one.schema))}${one.schema.enum ? ` ${typeOf(api, one.schema)}` : ''} |`);
    lines.push('');
  }
  const body = item.requestBody?.content['application/json']?.schema;
  if (body) lines.push('Body:', ...fields(api, resolve(api, body), true));
  lines.push(...curl(api, path, method, item), '');
  const failures = [];
  for (const [status, answer] of Object.entries(item.responses)) {
    if (answer.$ref) {
      failures.push(`[${status}](#errors)`);
      continue;
    }
    const schema = answer.content?.['application/json']?.schema;
    lines.push(`**${status}** ${answer.description}${schema && schema.type !== 'object' ? ` ${typeOf(api, schema)}.` : ''}`);
    if (schema?.type === 'object') lines.push(...fields(api, schema, false));
    else lines.push('');
  }
  lines.push(`Errors: ${failures.join(', ')}.`, '');
  return lines;
}

export function apiPage(api, guide) {
  const all = Object.entries(api.paths).flatMap(([path, item]) => Object.entries(item).map(([method, one]) => ({ path, method, item: one })));
  const lines = ['<!-- Written by docs/openapi/build.mjs from docs/openapi/*.mjs and guide.md: change those. -->', guide.trimEnd(), '', '## Operations', ''];
  for (const { name } of api.tags) {
    lines.push(`- ${name}`);
    for (const one of all.filter(({ item }) => item.tags[0] === name)) {
      const heading = `${one.method.toUpperCase()} ${one.path}`;
      lines.push(`  - [\`${heading}\`](#${anchor(heading)}) ${one.item.summary}`);
    }
  }
  for (const { name } of api.tags) {
    lines.push('', `## ${name}`, '');
    for (const one of all.filter(({ item }) => item.tags[0] === name)) lines.push(...section(api, one.path, one.method, one.item));
  }
  lines.push('## Errors', '', '| status | when |', '| --- | --- |');
  for (const [status, one] of Object.entries(api.components.responses)) lines.push(`| ${status} | ${cell(one.description)} |`);
  lines.push('', '## Objects', '');
  for (const [name, schema] of Object.entries(api.components.schemas)) lines.push(`### ${name}`, ...fields(api, schema, false));
  return `${lines.join('\n').replace(/\n{3,}/g, '\n\n').trimEnd()}\n`;
}
