// Certificates made by openssl in a temporary folder, for tests of TLS.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// { folder, make(name, { days, kind }), authority(name), issue(authority, name, { days, names }), remove() }; the makers give { cert, key, name },
// files in the folder.
export function certificates() {
  const folder = mkdtempSync(join(tmpdir(), 'opshub-tls-'));
  return {
    folder,
    make(name, { days = '30', kind = 'ec' } = {}) {
      const cert = join(folder, `${name}.pem`);
      const key = join(folder, `${name}.key`);
      const algorithm = kind === 'rsa' ? ['rsa:2048'] : ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
      execFileSync('openssl', ['req', '-x509', '-nodes', '-newkey', ...algorithm, '-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1',
        '-keyout', key, '-out', cert], { stdio: 'pipe' });
      execFileSync('openssl', ['x509', '-in', cert, '-signkey', key, '-days', days, '-out', cert], { stdio: 'pipe' }); // req takes no day in the past
      return { cert, key, name };
    },
    authority(name) {
      const cert = join(folder, `${name}.pem`);
      const key = join(folder, `${name}.key`);
      execFileSync('openssl', ['req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-subj', `/CN=${name}`,
        '-addext', 'basicConstraints=critical,CA:TRUE', '-days', '30', '-keyout', key, '-out', cert], { stdio: 'pipe' });
      return { cert, key, name };
    },
    issue(authority, name, { days = '30', names = 'IP:127.0.0.1' } = {}) {
      const cert = join(folder, `${name}.pem`);
      const key = join(folder, `${name}.key`);
      const request = join(folder, `${name}.csr`);
      execFileSync('openssl', ['req', '-new', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-subj', `/CN=${name}`,
        '-addext', `subjectAltName=${names}`, '-keyout', key, '-out', request], { stdio: 'pipe' });
      execFileSync('openssl', ['x509', '-req', '-in', request, '-CA', authority.cert, '-CAkey', authority.key, '-CAcreateserial', '-copy_extensions',
        'copy', '-days', days, '-out', cert], { stdio: 'pipe' });
      return { cert, key, name };
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}
