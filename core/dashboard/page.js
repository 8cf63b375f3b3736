// What the views of the dashboard share: the API, and elements out of text.

export const $ = (id) => document.getElementById(id);

class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function api(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: body ? { 'content-type': 'application/json' } : {},
    body: body && JSON.stringify(body),
  });
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new ApiError(answer.status, data.message || `The server answered ${answer.status}`);
  return { data, next: /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') || '')?.[1] };
}

// What somebody has asked for. Its error stays until something that was asked for later goes well.
let asked = 0;
export function act(promise, fail) {
  const mine = ++asked;
  return promise.then(() => { if (mine === asked) fail(null); }, fail);
}

export function element(name, text, attributes = {}) {
  const e = document.createElement(name);
  if (text !== undefined && text !== null) e.textContent = text;
  Object.assign(e, attributes);
  return e;
}

export function link(url, text) {
  // only web addresses become links: a provider's answer is not trusted with javascript:
  if (!/^https?:\/\//.test(url || '')) return element('span', url || '');
  return element('a', text || url, { href: url, target: '_blank', rel: 'noopener noreferrer' });
}

export const when = (time) => (time ? new Date(time).toLocaleString() : '');

// A list of checks to choose some of, made anew only when it is another one: nobody's focus is lost.
export function choices(id, checks, selected) {
  const list = $(id), known = JSON.stringify(checks.map((c) => [c.id, c.name]));
  if (list.dataset.known !== known) {
    list.replaceChildren(...checks.map((c) => element('option', c.name, { value: c.id })));
    list.dataset.known = known;
  }
  for (const option of list.options) option.selected = selected.includes(option.value);
}
// What is chosen, in the order it was in; what is not listed here stays.
export function chosen(id, before = []) {
  const options = [...$(id).options], offered = options.map((option) => option.value), on = options.filter((option) => option.selected).map((option) => option.value);
  const stays = before.filter((one) => on.includes(one) || !offered.includes(one));
  return [...stays, ...on.filter((one) => !stays.includes(one))];
}
