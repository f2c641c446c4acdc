// How a command finds the control API, and what it shows there.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import {
  announceInstance,
  type LocalInstance,
  localInstances,
  takeRuntimeFolder,
  withdrawInstance,
} from '#src/base/local-instance.ts';
import { exampleStatus } from '../cli/example-status.ts';
import { runCli } from '../cli/run-cli.ts';

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'crossover-target-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A control API that tells what it was shown. */
async function startApi(
  t: TestContext,
  where: { readonly path?: string } = {},
): Promise<{ url: string; shown: string[] }> {
  const shown: string[] = [];
  const server = createServer((request, response) => {
    shown.push(request.headers.authorization ?? 'nothing');
    response.setHeader('content-type', 'application/json').end(JSON.stringify(exampleStatus));
  });
  t.after(() => server.close());
  await new Promise<void>((resolve) => {
    if (where.path === undefined) server.listen(0, '127.0.0.1', resolve);
    else server.listen(where.path, resolve);
  });
  if (where.path !== undefined) return { url: `unix:${where.path}`, shown };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, shown };
}

interface Runtime {
  readonly folder: string;
  readonly env: Record<string, string>;
  announce(more: Partial<LocalInstance> & { readonly url: string }): Promise<void>;
}

function runtime(t: TestContext): Runtime {
  const folder = join(folderFor(t), 'run');
  const env = { CROSSOVER_RUNTIME_DIR: folder };
  return {
    folder,
    env,
    announce: ({ url, ...more }) =>
      announceInstance(folder, {
        pid: process.pid,
        version: '0.1.0',
        startedAtMs: 1,
        configFile: '/none.yaml',
        workingDirectory: '/elsewhere',
        control: [{ url, certificate: null }],
        tokenFile: null,
        ...more,
      }),
  };
}

function tokenFile(t: TestContext, token: string): string {
  const file = join(folderFor(t), 'control-token');
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  return file;
}

const status = (env: Record<string, string>, ...args: string[]) => runCli(['status', ...args], { env });

test('a command finds the Crossover of this user, and shows the token that was made for him', async (t) => {
  const api = await startApi(t);
  const { announce, env } = runtime(t);
  await announce({ url: api.url, tokenFile: tokenFile(t, 'made-token') });
  const { exitCode, out, err } = await status(env);
  assert.equal(exitCode, 0, err);
  assert.ok(out.startsWith(`Crossover 0.1.0 at ${api.url}`), out);
  assert.deepEqual(api.shown, ['Bearer made-token']);
});

test('a token that the user names comes before the one that is found', async (t) => {
  const api = await startApi(t);
  const { announce, env } = runtime(t);
  await announce({ url: api.url, tokenFile: tokenFile(t, 'made-token') });
  await status({ ...env, CROSSOVER_TOKEN: 'mine' });
  await status(env, '--token-file', tokenFile(t, 'of a file'));
  assert.deepEqual(api.shown, ['Bearer mine', 'Bearer of a file']);
});

test('a command shows the token of the configuration where the one that runs has no other', async (t) => {
  const api = await startApi(t);
  const { announce, env } = runtime(t);
  const configFile = join(folderFor(t), 'crossover.yaml');
  const nodes = 'clusters: { x: { nodes: [http://a:1] }, y: { nodes: [http://b:1] } }';
  writeFileSync(configFile, `${nodes}\ncontrol: { token: "\${TOKEN}" }\n`);
  await announce({ url: api.url, configFile });
  await status({ ...env, TOKEN: 'of-the-configuration' });
  await status(env); // which cannot be filled in
  assert.deepEqual(api.shown, ['Bearer of-the-configuration', 'nothing']);
});

test('a command that is told where to go shows the token of what runs there', async (t) => {
  const [api, other] = [await startApi(t), await startApi(t)];
  const { announce, env } = runtime(t);
  await announce({ url: api.url, tokenFile: tokenFile(t, 'made-token') });
  for (const url of [api.url, other.url]) assert.equal((await status(env, '--url', url)).exitCode, 0);
  assert.deepEqual([api.shown, other.shown], [['Bearer made-token'], ['nothing']], 'and no other');
});

test('a command takes the socket of the one that runs, where it has one', async (t) => {
  const path = join(folderFor(t), 'control.sock');
  const [api, socket] = [await startApi(t), await startApi(t, { path })];
  const { announce, env } = runtime(t);
  await announce({
    url: api.url,
    control: [
      { url: api.url, certificate: null },
      { url: socket.url, certificate: null },
    ],
  });
  const { out } = await status(env);
  assert.ok(out.startsWith(`Crossover 0.1.0 at unix:${path}`), out);
  assert.deepEqual([api.shown, socket.shown], [[], ['nothing']]);
});

test('a command takes a socket by --socket, --url and the environment', async (t) => {
  const path = join(folderFor(t), 'control.sock');
  await startApi(t, { path });
  for (const args of [
    ['--socket', path],
    ['--url', `unix:${path}`],
  ] as const)
    assert.equal((await runCli(['status', ...args])).exitCode, 0, args.join(' '));
  assert.equal((await status({ CROSSOVER_URL: `unix:${path}` })).exitCode, 0);
  const missing = await runCli(['status', '--socket', `${path}.none`]);
  assert.match(missing.err, /^error: nothing listens on unix:.*\.none\n/);
});

test('a command takes the address and token of a configuration by --config', async (t) => {
  const api = await startApi(t);
  const folder = folderFor(t);
  const config = join(folder, 'crossover.yaml');
  const nodes = 'clusters: { x: { nodes: [http://a:1] }, y: { nodes: [http://b:1] } }';
  const listen = `listen: { control: "${api.url.replace('http://', '')}" }`;
  writeFileSync(config, `${nodes}\n${listen}\ncontrol: { token: of-the-configuration }\n`);
  await runCli(['status', '--config', config]);
  writeFileSync(config, `${nodes}\n${listen}\nstore: { sqlite: ${join(folder, 'crossover.db')} }\n`);
  writeFileSync(join(folder, 'control-token'), 'made-token\n', { mode: 0o600 });
  await runCli(['status', '--config', config]);
  assert.deepEqual(api.shown, ['Bearer of-the-configuration', 'Bearer made-token']);
  const wrong = await runCli(['status', '--config', join(folder, 'none.yaml')]);
  assert.deepEqual([wrong.exitCode, /there is no such file/.test(wrong.err)], [2, true]);
});

test('the one that runs with the configuration is asked where it listens now', async (t) => {
  const api = await startApi(t);
  const { announce, env } = runtime(t);
  const configFile = join(folderFor(t), 'crossover.yaml');
  writeFileSync(configFile, 'listen: { control: 127.0.0.1:0 }\n');
  await announce({ url: api.url, configFile });
  assert.equal((await status(env, '--config', configFile)).exitCode, 0);
});

test('places that contradict each other are bad usage', async () => {
  for (const args of [
    ['--url', 'http://a', '--socket', '/a'],
    ['--socket', '/a', '--config', 'c.yaml'],
  ]) {
    const { exitCode, err } = await runCli(['status', ...args]);
    assert.deepEqual([exitCode, /are different places/.test(err)], [2, true]);
  }
});

test('where several run, that of this folder is meant, else nobody is asked', async (t) => {
  const [here, there] = [await startApi(t), await startApi(t)];
  const { announce, env, folder } = runtime(t);
  await announce({ url: here.url, workingDirectory: process.cwd() });
  // Another process that runs for certain.
  await announce({ url: there.url, pid: process.ppid });
  assert.equal(localInstances(env).length, 2);
  await status(env);
  assert.deepEqual([here.shown.length, there.shown.length], [1, 0]);
  await announce({ url: here.url });
  const { exitCode, err } = await status(env);
  assert.equal(exitCode, 2);
  assert.match(err, /several Crossovers run here: http\S+ \(process \d+, \/none\.yaml\), http/);
  assert.equal(readdirSync(folder).length, 2);
});

test('processes that are gone are not found, and their files go with the next one that starts', async (t) => {
  const { announce, env, folder } = runtime(t);
  const gone = 2 ** 22 + 1; // above the largest number that Linux gives
  await announce({ url: 'http://127.0.0.1:1', pid: gone });
  assert.deepEqual(localInstances(env), []);
  await announce({ url: 'http://127.0.0.1:2' });
  assert.deepEqual(readdirSync(folder), [`${process.pid}.json`]);
  await withdrawInstance(folder, process.pid);
  assert.deepEqual(readdirSync(folder), []);
});

test('a folder that others can write is believed nothing, and none is made there', async (t) => {
  const { announce, env, folder } = runtime(t);
  await announce({ url: 'http://127.0.0.1:1' });
  assert.equal(localInstances(env).length, 1);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  chmodSync(folder, 0o777);
  assert.deepEqual(localInstances(env), []);
  assert.equal(takeRuntimeFolder(env), null);
});

test('a folder of another user is believed nothing', (t) => {
  const folder = join(folderFor(t), 'run');
  mkdirSync(folder, { mode: 0o700 });
  const env = { CROSSOVER_RUNTIME_DIR: folder };
  const uid = process.getuid?.() ?? 0;
  assert.equal(takeRuntimeFolder(env, uid), folder);
  assert.equal(takeRuntimeFolder(env, uid + 1), null);
});

test('a token file of another user than the one who names it is not read', {
  skip: process.getuid?.() !== 0,
}, async (t) => {
  const { chownSync } = await import('node:fs');
  const api = await startApi(t);
  const { announce, env } = runtime(t);
  const file = tokenFile(t, 'a-secret-of-somebody-else');
  chownSync(file, 12345, 12345);
  await announce({ url: api.url, tokenFile: file });
  await status(env);
  assert.deepEqual(api.shown, ['nothing']);
});
