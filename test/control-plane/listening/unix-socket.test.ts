import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import type { UnixControlListener } from '#src/config/control-config.ts';
import { groupIdOf, listenOnSocket } from '#src/control-plane/listening/unix-socket.ts';
import { tempFolder } from '../support/temp-folder.ts';

const at = (path: string, more: Partial<UnixControlListener> = {}): UnixControlListener => ({
  kind: 'unix',
  path,
  mode: 0o600,
  group: null,
  role: 'admin',
  ...more,
});

function server(t: TestContext): Server {
  const made = createServer((socket) => socket.end());
  t.after(() => made.close());
  return made;
}

const permissions = (path: string): string => (lstatSync(path).mode & 0o777).toString(8);

async function connects(path: string): Promise<boolean> {
  const socket = connect(path);
  const answered = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'error').then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return answered;
}

test('a socket has the mode that was asked for when others could use the folder, and is gone afterwards', async (t) => {
  const path = join(tempFolder(t), 'new', 'control.sock');
  for (const mode of [0o600, 0o660]) {
    const remove = await listenOnSocket(server(t), at(path, { mode }));
    assert.equal(permissions(path), mode.toString(8));
    assert.equal(await connects(path), true);
    assert.deepEqual(readdirSync(dirname(path)), ['control.sock'], 'nothing else is left');
    await remove();
    assert.equal(existsSync(path), false);
  }
});

test('a socket is bound where nobody else can reach it before it has its mode', async (t) => {
  const folder = tempFolder(t);
  const one = server(t);
  const bound: string[] = [];
  const listen = one.listen.bind(one);
  one.listen = ((path: string, done: () => void) => {
    bound.push(permissions(dirname(path)));
    return listen(path, done);
  }) as typeof one.listen;
  await listenOnSocket(one, at(join(folder, 'control.sock')));
  assert.deepEqual(bound, ['700']);
});

test('a socket that a killed process left behind is replaced', async (t) => {
  const path = join(tempFolder(t), 'control.sock');
  const code = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(existsSync(path), true);
  await listenOnSocket(server(t), at(path));
  assert.equal(await connects(path), true);
});

test('a socket on which another process listens is refused, and left alone', async (t) => {
  const path = join(tempFolder(t), 'control.sock');
  const remove = await listenOnSocket(server(t), at(path));
  await assert.rejects(listenOnSocket(server(t), at(path)), {
    code: 'EADDRINUSE',
    message: `the socket ${path} is in use: another process listens there`,
  });
  assert.equal(await connects(path), true);
  await remove();
});

test('what is no socket is refused, and left alone', async (t) => {
  const folder = tempFolder(t);
  const file = join(folder, 'file');
  writeFileSync(file, 'precious');
  mkdirSync(join(folder, 'folder'));
  await assert.rejects(listenOnSocket(server(t), at(file)), {
    code: 'EEXIST',
    message: /is a file that is no socket/,
  });
  await assert.rejects(listenOnSocket(server(t), at(join(folder, 'folder'))), {
    code: 'EEXIST',
    message: /is a folder/,
  });
  assert.deepEqual(readdirSync(folder).sort(), ['file', 'folder']);
});

test('a socket that is another’s by now is not removed', async (t) => {
  const path = join(tempFolder(t), 'control.sock');
  const remove = await listenOnSocket(server(t), at(path));
  rmSync(path);
  await listenOnSocket(server(t), at(path));
  await remove();
  assert.equal(existsSync(path), true);
});

test('a socket has the group that was asked for, by name or number', {
  skip: process.getuid?.() !== 0,
}, async (t) => {
  const path = join(tempFolder(t), 'control.sock');
  const remove = await listenOnSocket(server(t), at(path, { group: '12345' }));
  assert.equal(lstatSync(path).gid, 12345);
  await remove();
  await assert.rejects(listenOnSocket(server(t), at(path, { group: 'nobody-has-this' })), {
    message: /there is no group nobody-has-this for the socket/,
  });
  assert.equal(existsSync(path), false);
});

test('a group is found by its whole name', async (t) => {
  const file = join(tempFolder(t), 'group');
  writeFileSync(file, 'root:x:0:\noperators:x:1001:alice\nops:x:1002:\nbroken\n');
  assert.equal(await groupIdOf('ops', file), 1002);
  assert.equal(await groupIdOf('op', file), null);
  assert.equal(await groupIdOf('broken', file), null);
  assert.equal(await groupIdOf('42', file), 42);
  assert.equal(await groupIdOf('ops', join(file, 'none')), null);
});
