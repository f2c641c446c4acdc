// Whose a store is: one process', by a lock that the kernel takes back when the process ends, however it
// ends. It is on a file of its own, so that everybody can read the store of a process that runs. See
// docs/adr/0010-a-store-has-one-owner.md.
import { existsSync, readFileSync, realpathSync, statSync, utimesSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import { problemFrom, problemOf, type StoreResult } from '#src/record/store-result.ts';
import { makePrivateFile, makePrivateFolder } from './private-files.ts';
import { refused } from './store-calls.ts';

/**
 * How long a start waits for a process that is just ending: one that was killed is gone within milliseconds.
 */
const lockWaitMs = 500;

export class StoreLock {
  readonly #store: string;
  /** Open, in a transaction that writes nothing: closing it gives the lock back. */
  #held: DatabaseSync | null = null;

  /** Whether its file was there before this process took it for the first time. */
  wasThere = false;

  constructor(store: string) {
    this.#store = store;
  }

  /**
   * Takes the lock, or keeps it. The value is why the store cannot be locked at all, which is no reason not
   * to use it; null when it is locked. Refused with `in-use` when another process has it.
   */
  take(): StoreResult<string | null> {
    if (this.#held !== null || this.#store === ':memory:') return { ok: true, value: null };
    const file = lockFileOf(this.#store);
    let db: DatabaseSync | null = null;
    try {
      this.wasThere ||= existsSync(file);
      makePrivateFolder(dirname(file));
      makePrivateFile(file);
      db = new DatabaseSync(file, { timeout: lockWaitMs });
      // With its journal in memory nothing is ever written, and the file stays empty.
      db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      this.#held = db;
      noteTime(file);
      return { ok: true, value: null };
    } catch (error) {
      if (db?.isOpen) db.close();
      const { kind, text } = problemFrom(error, file);
      if (kind === 'locked') return refused(problemOf('in-use', this.#store, holderOf(file)));
      return { ok: true, value: text };
    }
  }

  release(): void {
    this.#held?.close();
    this.#held = null;
  }
}

/** Beside the store itself, whatever links lead to it: two names of one store have one lock. */
function lockFileOf(store: string): string {
  if (existsSync(store)) return `${realpathSync(store)}.lock`;
  const folder = dirname(store);
  return join(existsSync(folder) ? realpathSync(folder) : folder, `${basename(store)}.lock`);
}

/**
 * For `holderOf`. By name: a descriptor of the file that is closed would take this process' locks on it away.
 */
function noteTime(file: string): void {
  const now = new Date();
  try {
    utimesSync(file, now, now);
  } catch {
    // The file is another user's. The lock is ours all the same, and only the time in a message is wrong.
  }
}

/**
 * Who has the lock and since when, and what to do where it is another user, who can hardly be running this
 * store.
 */
function holderOf(file: string): string {
  const { ino, mtime } = statSync(file);
  const since = `since ${mtime.toISOString()}`;
  const pid = lockingPid(ino);
  // The kernel names no process of another container, and knows none of another machine.
  if (pid === null) return `a process that cannot be seen from here has it ${since}`;
  const user = otherUserOf(pid);
  if (user === null) return `process ${pid} has it ${since}`;
  return `process ${pid} of user ${user} has its lock ${since}; end that process or, if it is no Crossover, remove ${file}`;
}

/** The process that has a lock on a file, where the kernel tells (proc_locks(5)); null where it does not. */
function lockingPid(inode: number): number | null {
  const locks = existsSync('/proc/locks') ? readFileSync('/proc/locks', 'utf8') : '';
  const lock = new RegExp(`^\\d+: POSIX +\\S+ +(?:READ|WRITE) (\\d+) [\\da-f]+:[\\da-f]+:${inode} `, 'm');
  const pid = Number(lock.exec(locks)?.[1] ?? 0);
  return pid === 0 ? null : pid;
}

/** The user of a process when it is neither ours nor root; null else, and when the process is gone. */
function otherUserOf(pid: number): string | null {
  const uid = statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
  if (uid === undefined || uid === 0 || uid === process.geteuid?.()) return null;
  const users = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8') : '';
  return new RegExp(`^([^:\\n]+):[^:\\n]*:${uid}:`, 'm').exec(users)?.[1] ?? String(uid);
}
