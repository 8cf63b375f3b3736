// A GitHub App, as GitHub's side of it: takes what the App signs with its key, and gives installation tokens that it knows again.
//
//   const app = fakeApp();                    app.id, app.key (PEM), app.tokens: those it gave, the newest last
//   if (app.answer(request, url, say)) return; the paths that an App asks before all others: installation, access_tokens
//   app.takes(bearer), app.isSigned(bearer)   an installation's token; the App's own
//   app.installed = false, app.revoke()       it was uninstalled; its tokens were taken back
//   app.lifeMs = 60_000                       how long the tokens last that it gives from now on
//   app.skewMs = 90_000                       GitHub's clock is ahead of ours; app.date() is its Date header
import { createVerify, generateKeyPairSync, randomBytes } from 'node:crypto';

export function fakeApp() {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const app = { id: '123456', installed: true, key: privateKey.export({ type: 'pkcs1', format: 'pem' }), tokens: [], skewMs: 0, lifeMs: 3600_000 };
  let valid = new Set();
  const now = () => Date.now() + app.skewMs;
  app.date = () => new Date(now()).toUTCString();
  app.revoke = () => { valid = new Set(); };
  app.takes = (bearer) => app.installed && valid.has(bearer);
  app.isSigned = (bearer) => {
    const [head, claims, signature] = (bearer ?? '').split('.');
    if (!signature || !createVerify('RSA-SHA256').update(`${head}.${claims}`).verify(publicKey, signature, 'base64url')) return false;
    const { iss, iat, exp } = JSON.parse(Buffer.from(claims, 'base64url')), seconds = now() / 1000;
    return String(iss) === app.id && iat <= seconds && exp > seconds && exp <= seconds + 600;
  };
  app.answer = (request, url, say) => {
    const asksWhere = /^\/repos\/[^/]+\/[^/]+\/installation$/.test(url.pathname), asksToken = url.pathname === '/app/installations/7/access_tokens';
    if (!asksWhere && !asksToken) return false;
    const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (!app.isSigned(bearer)) say(401, { message: 'A JSON web token could not be decoded', status: '401' });
    else if (!app.installed) say(404, { message: 'Not Found', documentation_url: 'https://docs.github.com/rest', status: '404' });
    else if (asksWhere) say(200, { id: 7, account: { login: 'Codertocat' } });
    else {
      const token = `ghs_${randomBytes(18).toString('hex')}`;
      valid.add(token);
      app.tokens.push(token);
      say(201, { token, expires_at: new Date(now() + app.lifeMs).toISOString().replace(/\.\d+/, '') });
    }
    return true;
  };
  return app;
}
