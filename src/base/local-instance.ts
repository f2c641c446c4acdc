// How the commands of a user find the Crossover that the same user runs on this machine, and how they get in:
// a small file per process, in a folder that only this user can write, gone with the process.
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';

export interface LocalInstance {
  readonly pid: number;
  readonly version: string;
  /** Unix epoch ms. */
  readonly startedAtMs: number;
  /** Absolute, as are all paths here. */
  readonly configFile: string;
  readonly workingDirectory: string;
  readonly control: readonly LocalAddress[];
  /** File with the token that was made for this user; null where tokens are configured. */
  readonly tokenFile: string | null;
}

interface LocalAddress {
  /** `http://127.0.0.1:9900`, `https://…`, `unix:/run/crossover/control.sock`. */
  readonly url: string;
  /** Certificate that it serves with, PEM; null without TLS. */
  readonly certificate: string | null;
}

type Env = Readonly<Record<string, string | undefined>>;

const temporaryPrefix = 'crossover-';
const filePattern = /^\d+\.json$/;

/**
 * What a process takes the first of: its service's own folder, that of the login session, one for temporary
 * files.
 */
function ownFolders(env: Env, uid: number): string[] {
  if (env.CROSSOVER_RUNTIME_DIR) return [env.CROSSOVER_RUNTIME_DIR];
  return [
    ...(env.RUNTIME_DIRECTORY ? [env.RUNTIME_DIRECTORY.split(':')[0] as string] : []),
    ...(env.XDG_RUNTIME_DIR ? [join(env.XDG_RUNTIME_DIR, 'crossover')] : []),
    join(tmpdir(), `${temporaryPrefix}${uid}`),
  ];
}

/** Where commands look: a service, a job and a session have different environments. */
function candidates(env: Env, uid: number): string[] {
  if (env.CROSSOVER_RUNTIME_DIR) return [env.CROSSOVER_RUNTIME_DIR];
  const usual = [
    join('/run/user', String(uid), 'crossover'),
    '/run/crossover',
    `/tmp/${temporaryPrefix}${uid}`,
  ];
  return [...ownFolders(env, uid), ...usual];
}

/**
 * Whether nobody but this user, or root, can have put a file there. As root: or the user whose service has
 * the folder.
 */
function isTrusted(folder: string, uid: number): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined || !found.isDirectory() || (found.mode & 0o022) !== 0) return false;
  return found.uid === uid || found.uid === 0 || (uid === 0 && folder.startsWith('/run/'));
}

/** The folder for a process of this user, made when needed; null when none can be had. */
export function takeRuntimeFolder(env: Env, uid = process.geteuid?.() ?? 0): string | null {
  for (const folder of ownFolders(env, uid)) {
    try {
      mkdirSync(folder, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') continue;
    }
    const found = lstatSync(folder, { throwIfNoEntry: false });
    if (found?.uid === uid && isTrusted(folder, uid)) return folder;
  }
  return null;
}

/** Writes the file of a process, in place of an earlier one, and removes those of processes that are gone. */
export async function announceInstance(folder: string, instance: LocalInstance): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of await readdir(folder)) {
    const pid = Number.parseInt(name, 10);
    if (/^\d+\.(json|token)$/.test(name) && !isRunning(pid)) await rm(join(folder, name), { force: true });
  }
  const file = join(folder, `${instance.pid}.json`);
  await writeFile(`${file}.new`, JSON.stringify(instance), { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/**
 * Removes what a process has left in the folder, and a folder among the temporary files when nothing else is
 * in it.
 */
export function withdrawInstance(folder: string, pid: number): void {
  try {
    for (const suffix of ['json', 'token']) rmSync(join(folder, `${pid}.${suffix}`), { force: true });
    if (basename(folder).startsWith(temporaryPrefix)) rmdirSync(folder);
  } catch {
    // Others have files there, or it is gone; what is left there of a process that has ended means nothing.
  }
}

/** Those that run now, the latest first. */
export function localInstances(env: Env, uid = process.geteuid?.() ?? 0): readonly LocalInstance[] {
  const folders = [...new Set(candidates(env, uid))].filter((folder) => isTrusted(folder, uid));
  const files = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => filePattern.test(name))
      .map((name) => join(folder, name)),
  );
  return files
    .flatMap((file) => readInstance(file))
    .filter(({ pid }) => isRunning(pid))
    .sort((a, b) => b.startedAtMs - a.startedAtMs);
}

function readInstance(file: string): LocalInstance[] {
  try {
    const { uid } = lstatSync(file);
    const instance = JSON.parse(readFileSync(file, 'utf8')) as LocalInstance;
    // A token file of another owner than the one who names it is none: it could be anything that we can read.
    const { tokenFile } = instance;
    const isOwn = tokenFile === null || lstatSync(tokenFile, { throwIfNoEntry: false })?.uid === uid;
    return Array.isArray(instance.control) ? [isOwn ? instance : { ...instance, tokenFile: null }] : [];
  } catch {
    // It ends just now, or a newer version writes it otherwise.
    return [];
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
