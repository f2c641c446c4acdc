// Whether the files that a store was opened with are still the ones under their names. SQLite goes on with
// files that were removed or replaced, and everything that it writes to them is gone with the process.
import { statSync } from 'node:fs';

/** What has become of an opened file. */
export interface FileChange {
  /** `store`: the database itself; `log`: what SQLite keeps beside it while it is open. */
  readonly part: 'store' | 'log';
  readonly file: string;
  /** Whether another file has its name now; else none has. */
  readonly isReplaced: boolean;
}

const logSuffixes = ['-wal', '-shm'] as const;

export class StoreFiles {
  readonly #store: string;
  /** Device and inode by name, as they were when the store was opened. */
  readonly #opened = new Map<string, string>();

  constructor(store: string) {
    this.#store = store;
  }

  /** Takes note of the files: when the store was just opened and written to, so that all are there. */
  note(): void {
    this.#opened.clear();
    for (const file of this.#names()) {
      const identity = identityOf(file);
      if (identity !== null) this.#opened.set(file, identity);
    }
  }

  /** The most important change since they were noted; null when there is none. */
  change(): FileChange | null {
    for (const [file, opened] of this.#opened) {
      const now = identityOf(file);
      if (now !== opened)
        return { part: file === this.#store ? 'store' : 'log', file, isReplaced: now !== null };
    }
    return null;
  }

  /** What SQLite keeps beside the database and still belongs to this one. */
  ownLogs(): string[] {
    return [...this.#opened].flatMap(([file, opened]) =>
      file !== this.#store && identityOf(file) === opened ? [file] : [],
    );
  }

  #names(): string[] {
    return [this.#store, ...logSuffixes.map((suffix) => `${this.#store}${suffix}`)];
  }
}

function identityOf(file: string): string | null {
  const found = statSync(file, { throwIfNoEntry: false, bigint: true });
  return found === undefined ? null : `${found.dev}:${found.ino}`;
}
