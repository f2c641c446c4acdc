// HTTPS on the control API: certificates that are replaced while it runs, and clients that show one of their
// own.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { runCli } from '../../cli/run-cli.ts';
import { type Certificate, makeCertificate } from '../../support/certificates.ts';
import { authorization, controlToken } from '../../support/control.ts';
import { type ControlRig, startControl } from '../support/control-rig.ts';
import { tempFolder } from '../support/temp-folder.ts';

const server = makeCertificate({ name: 'crossover', dnsNames: ['localhost'] });
const ca: Certificate & { readonly name: string } = {
  ...makeCertificate({ name: 'our CA' }),
  name: 'our CA',
};
const clientOf = (name: string, dnsNames: readonly string[] = []) =>
  makeCertificate({ name, dnsNames, authority: ca });

interface Rig extends ControlRig {
  readonly folder: string;
  readonly port: number;
  install(certificate: Certificate): void;
}

async function startTls(t: TestContext, more = '', yaml = ''): Promise<Rig> {
  const folder = tempFolder(t);
  const install = ({ cert, key }: Certificate): void => {
    writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 });
    writeFileSync(join(folder, 'cert.pem'), cert);
  };
  install(server);
  writeFileSync(join(folder, 'ca.pem'), ca.cert);
  const tls = `cert: ${folder}/cert.pem, key: ${folder}/key.pem${more.replace('FOLDER', folder)}`;
  const token = yaml === '' ? controlToken : null;
  const rig = await startControl(t, {
    token,
    runtimeFolder: folder,
    control: `{ address: 127.0.0.1:0, tls: { ${tls} } }`,
    yaml: yaml.replace('FOLDER', folder),
  });
  return { ...rig, folder, install, port: Number(new URL(rig.url).port) };
}

interface Shown {
  readonly headers?: Readonly<Record<string, string>>;
  readonly client?: Certificate;
  readonly method?: string;
}

/** Status and body of an answer, and the certificate that the server had. */
function ask(port: number, path: string, { headers = {}, client, method = 'GET' }: Shown = {}) {
  return new Promise<{ status: number; body: string; serial: string }>((resolve, reject) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        headers,
        agent: false,
        rejectUnauthorized: false,
        ...(client === undefined ? {} : { cert: client.cert, key: client.key }),
      },
      async (response) => {
        const serial = (response.socket as TLSSocket).getPeerCertificate().serialNumber;
        let body = '';
        for await (const piece of response) body += piece;
        resolve({ status: response.statusCode ?? 0, body, serial });
      },
    );
    asked.on('error', reject).end();
  });
}

const serialOf = ({ cert }: Certificate): string => new X509Certificate(cert).serialNumber;

test('a control API with TLS is asked by HTTPS, with 1.2 at least, and not by HTTP', async (t) => {
  const { port, url } = await startTls(t);
  assert.match(url, /^https:/);
  assert.equal((await ask(port, '/v1/status', { headers: { authorization } })).status, 200);
  assert.equal((await ask(port, '/v1/status')).status, 401);
  const origin = { authorization, origin: `http://127.0.0.1:${port}` };
  assert.equal((await ask(port, '/v1/status', { headers: origin })).status, 403, 'HTTP is another origin');
  await assert.rejects(fetch(`http://127.0.0.1:${port}/livez`));
  for (const [version, isServed] of [
    ['TLSv1.1', false],
    ['TLSv1.2', true],
    ['TLSv1.3', true],
  ] as const) {
    const socket = connect({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      minVersion: 'TLSv1',
      maxVersion: version,
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    const met = await Promise.race([
      once(socket, 'secureConnect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    assert.equal(met, isServed, version);
  }
});

test('a certificate is replaced while the control API runs, and one that cannot be used is refused', async (t) => {
  const rig = await startTls(t);
  const used = async () => (await ask(rig.port, '/livez')).serial;
  assert.equal(await used(), serialOf(server));
  const next = makeCertificate({ name: 'crossover' });
  rig.install(next);
  await rig.untilEvent('certificate-renewed');
  assert.equal(await used(), serialOf(next));
  rig.install({ cert: server.cert, key: next.key });
  await rig.untilEvent('certificate-refused');
  assert.equal(await used(), serialOf(next));
  const { body } = await ask(rig.port, '/v1/events', { headers: { authorization } });
  assert.match(
    body,
    /A new certificate is not used, the old one stays: \S+cert\.pem: the key is not that of the certificate\./,
  );
});

test('a client certificate takes the place of a token, with the role of the tokens of its name', async (t) => {
  const more = ', clientCertificates: { ca: FOLDER/ca.pem, role: read }';
  const folder = tempFolder(t);
  const tokens = join(folder, 'tokens');
  writeFileSync(tokens, 'alice admin a-token-of-alice-0123\nops operate a-token-of-ops-01234\n', {
    mode: 0o600,
  });
  const rig = await startTls(t, more, `control: { tokens: ${tokens} }`);
  const as = (client: Certificate, headers = {}) =>
    ask(rig.port, '/v1/rollout/revert', { client, headers, method: 'POST' });
  const looks = (client: Certificate) => ask(rig.port, '/v1/status', { client });
  assert.equal((await as(clientOf('alice'))).status, 200);
  assert.equal((await as(clientOf('host7', ['ops']))).status, 200, 'by another name of its own');
  assert.equal((await looks(clientOf('bob'))).status, 200);
  assert.equal((await as(clientOf('bob'))).status, 403, 'who has the role of all others');
  assert.equal((await looks(makeCertificate({ name: 'alice' }))).status, 401, 'not signed by our CA');
  const stranger = { ...makeCertificate({ name: 'our CA' }), name: 'our CA' };
  assert.equal((await looks(makeCertificate({ name: 'alice', authority: stranger }))).status, 401);
  assert.equal(
    (await looks(makeCertificate({ name: 'alice', days: -1, authority: ca }))).status,
    401,
    'it has expired',
  );
  const bearer = { authorization: 'Bearer a-token-of-ops-01234' };
  await ask(rig.port, '/v1/freeze', { client: clientOf('bob'), headers: bearer, method: 'GET' });
  const { body } = await ask(rig.port, '/v1/events', { client: clientOf('bob') });
  assert.doesNotMatch(body, /bob/);
});

test('client certificates count for nothing where none are asked for', async (t) => {
  const rig = await startTls(t);
  assert.equal((await ask(rig.port, '/v1/status', { client: clientOf('alice') })).status, 401);
});

test('a command believes the certificate of the Crossover that runs here, and no other', async (t) => {
  const rig = await startTls(t);
  const env = { CROSSOVER_RUNTIME_DIR: rig.folder, CROSSOVER_TOKEN: controlToken };
  const found = await runCli(['status'], { env });
  assert.equal(found.exitCode, 0, found.err);
  assert.ok(found.out.startsWith(`Crossover 0.1.0 at https://127.0.0.1:${rig.port}`), found.out);
  const stranger = await runCli(['status', '--url', rig.url], { env: { CROSSOVER_TOKEN: controlToken } });
  assert.equal(stranger.exitCode, 1);
  assert.match(stranger.err, /self-signed certificate/);
});
