// What docs/operations.md shows whole works as shown: the systemd units name a command, sockets and times
// that exist.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createProgram } from '#src/cli/program.ts';
import { parseConfig } from '#src/config/load.ts';
import { readInheritedListeners } from '#src/supervisor/inherited-listeners.ts';
import { exitCodes } from '#src/terminal/cli-io.ts';

const doc = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
const cliDoc = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
const usual = parseConfig(
  'clusters: { x: { label: x, nodes: [http://127.0.0.1:1] }, y: { label: y, nodes: [http://127.0.0.1:2] } }',
  'usual.yaml',
  {},
);

/** Settings of a unit shown in the document, as `Section.Key`. */
function unit(name: string): Map<string, string> {
  const shown = [...doc.matchAll(/^```ini\n([\s\S]*?)^```/gm)].map(([, text = '']) => text);
  const text = shown.find((block) => block.startsWith(`# /etc/systemd/system/${name}\n`));
  assert.ok(text !== undefined, name);
  const settings = new Map<string, string>();
  let section = '';
  for (const line of text.split('\n')) {
    section = /^\[(\w+)\]$/.exec(line)?.[1] ?? section;
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined) settings.set(`${section}.${key}`, value ?? '');
  }
  return settings;
}

test('the socket unit opens the default address under a name that the proxy takes', () => {
  assert.ok(usual.ok);
  const socket = unit('crossover.socket');
  const { host, port } = usual.config.listen.proxy;
  assert.equal(socket.get('Socket.ListenStream'), `${host}:${port}`);
  const name = socket.get('Socket.FileDescriptorName');
  const env = { LISTEN_PID: '7', LISTEN_FDS: '1', LISTEN_FDNAMES: name };
  assert.deepEqual(readInheritedListeners(env, 7)?.names, ['proxy']);
});

test('the service unit runs a command that exists and lets it drain', async () => {
  assert.ok(usual.ok);
  const service = unit('crossover.service');
  assert.equal(service.get('Unit.Requires'), 'crossover.socket');
  const [program, command, option, file] = (service.get('Service.ExecStart') ?? '').split(' ');
  assert.match(program ?? '', /^\/.*\/bin\/crossover$/);
  assert.ok(file?.startsWith('/'));
  const io = {
    out: () => {},
    err: () => {},
    env: {},
    isTty: false,
    color: false,
    columns: () => 100,
    rows: () => 40,
  };
  const serve = (await createProgram({ io, exitCode: exitCodes.done })).commands.find(
    (one) => one.name() === command,
  );
  assert.ok(
    serve?.options.some(({ long }) => long === option),
    `${command} ${option}`,
  );
  const stopMs = Number(service.get('Service.TimeoutStopSec')) * 1000;
  assert.ok(stopMs > usual.config.timeouts.drainMs + 2_000);
  assert.match(service.get('Service.ExecReload') ?? '', /-HUP \$MAINPID$/);
});

test('operations and command line document the same signals', () => {
  const rows = (text: string) => [...text.matchAll(/^\| (SIG[A-Z0-9, ]+) \|/gm)].map(([, names]) => names);
  assert.ok(rows(doc).length >= 3);
  assert.deepEqual(rows(doc), rows(cliDoc));
});
