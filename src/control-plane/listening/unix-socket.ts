// The file of a Unix socket: who may open it, what is left of an earlier process, and its removal. It is
// bound in a folder that only its owner can enter and moved to its place when its mode is right, so that at
// no time anybody else can connect. Nothing here waits for a disk that hangs: decisions are made in the same
// thread.
import type { Stats } from 'node:fs';
import { chmod, chown, lstat, mkdir, mkdtemp, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { fileFault } from '#src/base/file-fault.ts';
import type { UnixControlListener } from '#src/config/control-config.ts';

/** A system error's code, and words for the operator. */
export class SocketRefused extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Removes the file, if it is still the one that was made. */
export type RemoveSocket = () => Promise<void>;

/**
 * Has the server listen on the socket.
 *
 * @throws SocketRefused when another process listens there, when something else is in its place, or for a
 * group that is not there
 */
export async function listenOnSocket(server: Server, listener: UnixControlListener): Promise<RemoveSocket> {
  const { path } = listener;
  await requireFree(path);
  try {
    return await bind(server, listener);
  } catch (error) {
    if (error instanceof SocketRefused) throw error;
    const { code = 'UNKNOWN' } = error as NodeJS.ErrnoException;
    throw new SocketRefused(code, `the socket ${path} cannot be made: ${fileFault(error)}`);
  }
}

async function bind(server: Server, { path, mode, group }: UnixControlListener): Promise<RemoveSocket> {
  const groupId = group === null ? null : await requireGroup(group, path);
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const folder = await mkdtemp(join(dirname(path), '.s-'));
  const made = join(folder, 's');
  try {
    await listen(server, made);
    if (groupId !== null) await chown(made, -1, groupId);
    await chmod(made, mode);
    // In place of one that a killed process left behind.
    await rename(made, path);
  } finally {
    await rm(made, { force: true });
    await rmdir(folder);
  }
  const ours = await lstat(path);
  return async () => {
    const found = await statOf(path);
    // Numbers of files are used again.
    if (found?.ino === ours.ino && found.birthtimeMs === ours.birthtimeMs) await rm(path, { force: true });
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Null when there is nothing. */
const statOf = (path: string): Promise<Stats | null> => lstat(path).catch(() => null);

async function requireFree(path: string): Promise<void> {
  const found = await statOf(path);
  if (found === null) return;
  if (!found.isSocket()) {
    const what = found.isDirectory() ? 'a folder' : 'a file that is no socket';
    throw new SocketRefused('EEXIST', `${path} is ${what}; name another path, or move it away`);
  }
  if (await isAnswered(path))
    throw new SocketRefused('EADDRINUSE', `the socket ${path} is in use: another process listens there`);
}

/**
 * Whether a process listens on it. Of a socket whose process is gone only the file is left (ECONNREFUSED).
 */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    const done = (answered: boolean) => {
      probe.destroy();
      resolve(answered);
    };
    probe.once('connect', () => done(true));
    // Anything but a refusal, such as a full queue or a missing permission, is no proof that nobody is there.
    probe.once('error', (error: NodeJS.ErrnoException) =>
      done(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });
}

async function requireGroup(group: string, path: string): Promise<number> {
  const id = await groupIdOf(group);
  if (id === null)
    throw new SocketRefused(
      'ENOENT',
      `there is no group ${group} for the socket ${path} in /etc/group; its number works too`,
    );
  return id;
}

/** By number, or by name as group(5) has it; null when there is none. */
export async function groupIdOf(group: string, file = '/etc/group'): Promise<number | null> {
  if (/^\d{1,9}$/.test(group)) return Number(group);
  const text = await readFile(file, 'utf8').catch(() => '');
  const fields = text.split('\n').map((line) => line.split(':'));
  const id = fields.find(([name]) => name === group)?.[2];
  return id !== undefined && /^\d+$/.test(id) ? Number(id) : null;
}
