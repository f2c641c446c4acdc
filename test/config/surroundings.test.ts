import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadConfigFile } from '#src/config/load.ts';
import { checkSurroundings } from '#src/config/surroundings.ts';
import { makeCertificate } from '../support/certificates.ts';

const clusters =
  'clusters: { x: { nodes: [http://10.0.1.10:8000] }, y: { nodes: [http://10.0.2.10:8000] } }\n';

function rig(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'crossover-around-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'crossover.yaml');
  /** Problems, or warnings with a mark, of a configuration. */
  const told = async (text: string, mode = 0o600): Promise<string[]> => {
    writeFileSync(file, text);
    chmodSync(file, mode);
    const result = await checkSurroundings(loadConfigFile(file, {}), file);
    const list = result.ok ? result.warnings : result.problems;
    return list.map(
      ({ line, column, path, message }) =>
        `${result.ok ? 'warning ' : ''}${line}:${column} ${path}: ${message.replaceAll(folder, 'FOLDER')}`,
    );
  };
  const write = (name: string, text: string, mode = 0o600): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };
  return { folder, told, write };
}

test('a file of tokens is refused with its place when it is missing, open to others or makes no sense', async (t) => {
  const { folder, told, write } = rig(t);
  const text = `${clusters}control: { tokens: ${join(folder, 'tokens')} }\n`;
  const place = '2:12 control.tokens: FOLDER/tokens: ';
  assert.deepEqual(await told(text), [`${place}there is no such file or folder`]);
  write('tokens', 'alice admin a-token-of-alice-0123\n', 0o644);
  assert.deepEqual(await told(text), [`${place}others can read it (mode 0644): chmod 600`]);
  write('tokens', 'alice admin\n');
  assert.deepEqual(await told(text), [`${place}line 1: expected a name, a role and a token or sha256:HASH`]);
  write('tokens', 'alice admin a-token-of-alice-0123\n');
  assert.deepEqual(await told(text), []);
  write('tokens', 'alice admin a\nbob read b\nbob read another-token-of-bob\n');
  assert.deepEqual(await told(text), [
    'warning 2:12 control.tokens: tokens of fewer than 16 characters can be guessed: alice, bob',
  ]);
});

test('files of TLS are refused with their place when they cannot be served with', async (t) => {
  const { folder, told, write } = rig(t);
  const one = makeCertificate({ name: 'localhost' });
  const other = makeCertificate({ name: 'localhost' });
  const listen = (more = '') =>
    `${clusters}listen: { control: { address: 127.0.0.1:0, tls: { cert: ${folder}/c.pem, key: ${folder}/k.pem${more} } } }\n`;
  assert.deepEqual(await told(listen()), [
    '2:51 listen.control.tls.cert: FOLDER/c.pem: there is no such file or folder',
    ...(await told(listen())).slice(1),
  ]);
  write('c.pem', one.cert);
  write('k.pem', other.key);
  assert.deepEqual(
    (await told(listen())).map((line) => line.replace(/^\S+ /, '')),
    ['listen.control.tls.cert: the key is not that of the certificate'],
  );
  write('k.pem', one.key);
  assert.deepEqual(await told(listen()), []);
  write('k.pem', one.key, 0o644);
  assert.match((await told(listen())).join(), /^warning \S+ listen\.control\.tls\.key: .*others can read it/);
  write('k.pem', one.key);
  write('ca.pem', 'nothing');
  assert.match(
    (await told(listen(`, clientCertificates: { ca: ${folder}/ca.pem }`))).join(),
    /authorities holds no certificate/,
  );
  const soon = makeCertificate({ name: 'localhost', days: 3 });
  write('c.pem', soon.cert);
  write('k.pem', soon.key);
  assert.match((await told(listen())).join(), /^warning .*the certificate is valid until \d{4}-/);
});

test('a node whose name stands for this machine is refused on a port of ours', async (t) => {
  const { told } = rig(t);
  const own = Object.values(networkInterfaces())
    .flat()
    .find((entry) => entry?.internal === false)?.address;
  const at = (host: string, proxy: string) =>
    told(`${clusters.replace('10.0.1.10', host)}listen: { proxy: "${proxy}:8000" }\n`);
  for (const host of ['localhost', '0x7f000001'])
    assert.match(
      (await at(host, '127.0.0.1')).join(),
      /clusters\.x\.nodes\[0\]: .* is Crossover's own listen\.proxy/,
      host,
    );
  assert.match((await at(hostname().toLowerCase(), '0.0.0.0')).join(), /own listen\.proxy/);
  if (own?.includes('.') === true) assert.match((await at(own, '0.0.0.0')).join(), /own listen\.proxy/);
  assert.deepEqual(await at('no-such-host.invalid', '127.0.0.1'), [], 'what is not resolved is let by');
});

test('a node or an Admin API whose name stands for where clouds serve credentials is refused', async (t) => {
  const { told } = rig(t);
  // Names that the resolver reads as 169.254.169.254, without asking anybody.
  const name = '0xa9fea9fe';
  assert.match(
    (await told(clusters.replace('10.0.1.10', name))).join(),
    /nodes\[0\]: 169\.254\.169\.254 is where a cloud serves/,
  );
  const admin = clusters.replace('{ nodes', `{ admin: "http://${name}:8001", nodes`);
  assert.match((await told(admin)).join(), /clusters\.x\.admin: 169\.254\.169\.254 is where a cloud serves/);
});

test('a configuration with secrets in it is warned of when others can read it', async (t) => {
  const { told } = rig(t);
  const text = `${clusters}control: { token: a-token-that-is-long-enough }\nrouting: { override: { secret: sesame } }\n`;
  assert.deepEqual(await told(text, 0o600), []);
  assert.deepEqual(await told(text, 0o644), [
    'warning 2:12 control.token: there are 2 secrets in this file: others can read it (mode 0644): chmod 600',
  ]);
  assert.deepEqual(await told(clusters, 0o644), []);
});
