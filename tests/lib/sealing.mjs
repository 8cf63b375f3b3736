// What core/crypto/envelope.h describes, a second time: keys and envelopes as the server makes them, to write rows and to look into them.
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

export const newKey = () => randomBytes(32);
export const keyId = (key) => createHmac('sha256', key).update('opshub/key-id/v1').digest().subarray(0, 8);
export const keyName = (key) => keyId(key).toString('hex');

const context = (fields) => Buffer.concat(fields.flatMap((field) => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(field));
  return [length, Buffer.from(field)];
}));
const recordKey = (key, salt) => Buffer.from(hkdfSync('sha256', key, salt, 'opshub/secret/v1', 32));

// seal(key, ['provider_secrets', project, 'vercel', 'token'], 'value')
export function seal(key, place, plain) {
  const salt = randomBytes(32), nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', recordKey(key, salt), nonce).setAAD(context(place));
  return Buffer.concat([Buffer.of(1), keyId(key), salt, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

// Throws when the key is another one, or the envelope is of another place.
export function open(key, place, sealed) {
  if (sealed[0] !== 1 || !sealed.subarray(1, 9).equals(keyId(key))) throw new Error(`sealed with ${sealed.subarray(1, 9).toString('hex')}`);
  const end = sealed.length - 16;
  const decipher = createDecipheriv('aes-256-gcm', recordKey(key, sealed.subarray(9, 41)), sealed.subarray(41, 53));
  decipher.setAAD(context(place)).setAuthTag(sealed.subarray(end));
  return Buffer.concat([decipher.update(sealed.subarray(53, end)), decipher.final()]);
}

// A project's data key, from its row.
export const openProjectKey = (master, project, wrapped) => open(master, ['project_keys', project], wrapped);
