// Bad weather for whoever asks other people's services: what can come instead of an answer, and addresses that lead nowhere.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { certificates } from './certificates.mjs';

// 'html' a page of somebody else, 'cut' it ends in the middle, 'huge' 50 MB, 'drip' a blank now and then, for ever.
export async function spoil(how, request, answer) {
  if (how === 'html') return answer.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Welcome to the hotel</title>');
  if (how === 'cut') {
    answer.writeHead(200, { 'content-type': 'application/json', 'content-length': 500 });
    return answer.write('{"id":1,', () => request.socket.destroy());
  }
  answer.writeHead(200, { 'content-type': 'application/json' });
  if (how === 'huge') {
    const piece = Buffer.alloc(1 << 20, ' ');
    for (let i = 0; i < 50 && !answer.destroyed; i++) if (!answer.write(piece)) await new Promise((on) => { answer.once('drain', on).once('close', on); });
    return answer.end('{}');
  }
  assert.equal(how, 'drip');
  const drip = setInterval(() => answer.write(' '), 100);
  return answer.once('close', () => clearInterval(drip));
}

// What a plugin says of a name that nobody has, and of a server that cannot prove to be the one that was meant.
// runAt(address) runs one operation there: { code, why }.
export async function leadsNowhere(runAt) {
  const unnamed = await runAt('https://vendor.invalid');
  assert.equal(unnamed.code, 'E_NETWORK', unnamed.why);
  assert.match(unnamed.why, /vendor\.invalid/);
  const made = certificates(), { cert, key } = made.make('vendor');
  let asked = 0;
  const impostor = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, answer) => { asked++; answer.end('{}'); });
  await new Promise((on) => { impostor.listen(0, '127.0.0.1', on); });
  const foreign = await runAt(`https://127.0.0.1:${impostor.address().port}`);
  impostor.close();
  impostor.closeAllConnections();
  made.remove();
  assert.match(foreign.code, /^E_(UPSTREAM|NETWORK)$/);
  assert.match(foreign.why, /TLS|certificate/i);
  assert.equal(asked, 0, 'something was sent to somebody who could not prove who he is');
}
