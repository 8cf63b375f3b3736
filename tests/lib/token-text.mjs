// The text of an API token that the server takes for well formed: the same one for the same name.
import { createHash } from 'node:crypto';

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function digits(number, n) {
  let text = '', rest = BigInt(number);
  for (let i = 0; i < n; i++, rest /= 62n) text = base62[Number(rest % 62n)] + text;
  return text;
}

function crc32(text) {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

export function tokenText(name) {
  const body = `oph_${digits(`0x${createHash('sha256').update(`token ${name}`).digest('hex')}`, 43)}`;
  return body + digits(crc32(body), 6);
}
