// A browser as far as a login needs one: it keeps cookies by host and path, follows redirects one at a time, and says that
// it wants a page. Every request has a connection of its own, so that any of the api processes may get it.
import { request as httpRequest } from 'node:http';

export class Browser {
  cookies = new Map(); // name -> { value, path, host }

  // One request, no redirect followed: { status, headers, location, cookies: [raw Set-Cookie], text, json }.
  go(url, { method = 'GET', headers = {}, body } = {}) {
    const { host, hostname, port, pathname, search } = new URL(url);
    const jar = [...this.cookies].filter(([, c]) => c.host === hostname && pathname.startsWith(c.path)).map(([name, c]) => `${name}=${c.value}`);
    const sent = { host, accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'user-agent': 'Browser/1.0 (test)', ...headers };
    if (jar.length) sent.cookie = jar.join('; ');
    if (method !== 'GET') sent['content-length'] = Buffer.byteLength(body ?? '');
    return new Promise((resolve, reject) => {
      const request = httpRequest({ hostname, port, path: pathname + search, method, headers: sent, agent: false, timeout: 60_000 }, async (answer) => {
        let text = '';
        for await (const part of answer) text += part;
        for (const line of answer.headers['set-cookie'] ?? []) this.#keep(line, hostname);
        let json;
        try { json = JSON.parse(text); } catch { json = undefined; }
        resolve({ status: answer.statusCode, headers: answer.headers, location: answer.headers.location, cookies: answer.headers['set-cookie'] ?? [], text, json });
      });
      request.on('error', reject);
      request.on('timeout', () => request.destroy(new Error(`no answer of ${url}`)));
      request.end(body);
    });
  }

  #keep(line, host) {
    const [pair, ...rest] = line.split(/; */);
    const name = pair.slice(0, pair.indexOf('='));
    const value = pair.slice(pair.indexOf('=') + 1);
    const attribute = (key) => rest.find((a) => a.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1);
    if (attribute('max-age') === '0') this.cookies.delete(name);
    else this.cookies.set(name, { value, path: attribute('path') ?? '/', host });
  }
}
