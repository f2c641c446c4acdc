// Files that are used as they are now: read again and again, and taken when their content has changed,
// however it came there (written in place, moved over, a link that points elsewhere). What does not make
// sense is refused, once, and what was good stays.
import { readFile } from 'node:fs/promises';
import { fileFault } from './file-fault.ts';

interface FileWatchOptions<T> {
  /** Which files; may change. */
  readonly files: () => readonly string[];
  /** Makes something of their contents, in the same order. Throws an Error with words for the operator. */
  readonly read: (texts: readonly string[], files: readonly string[]) => T | Promise<T>;
  readonly taken: (value: T) => void;
  readonly refused: (reason: string) => void;
}

export class FileWatch<T> {
  readonly #options: FileWatchOptions<T>;
  /** What the last look came to: contents, or why there were none. */
  #seen = '';
  #looking: Promise<void> | null = null;

  constructor(options: FileWatchOptions<T>) {
    this.#options = options;
  }

  /** Looks at the files, unless a look is under way, as on a disk that hangs: then resolves with that one. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { files, read, taken, refused } = this.#options;
    const names = files();
    try {
      const texts = await Promise.all(names.map((name) => textOf(name)));
      const seen = JSON.stringify([names, texts]);
      if (seen === this.#seen) return;
      const value = await read(texts, names);
      this.#seen = seen;
      taken(value);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const seen = `refused: ${reason}`;
      if (seen === this.#seen) return;
      this.#seen = seen;
      refused(reason);
    }
  }
}

async function textOf(name: string): Promise<string> {
  try {
    return await readFile(name, 'utf8');
  } catch (error) {
    throw new Error(`${name} cannot be read: ${fileFault(error)}`);
  }
}
