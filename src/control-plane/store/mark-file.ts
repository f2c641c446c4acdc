// Writes and reads the mark beside a store from the control thread, which must not wait for a disk: in Node's
// pool of threads, one write at a time, so that a disk that hangs takes one of them. What comes meanwhile
// waits, the newest alone.
import { open, readFile, realpath, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { RolloutChange } from '#src/core/rollout/rollout-effect.ts';
import type { RecordEnd } from '#src/record/record-end.ts';
import {
  decodeMark,
  encodeMark,
  type Mark,
  markBytes,
  markFileOf,
  slotOffset,
} from '#src/record/revert-mark.ts';

/** What the mark says. */
export type MarkReading =
  | { readonly kind: 'none' }
  | { readonly kind: 'read'; readonly mark: Mark }
  /** It is there, and may know of something that the store does not. */
  | { readonly kind: 'unreadable'; readonly cause: string };

interface WantedMark {
  readonly revision: number;
  readonly change: RolloutChange | null;
  readonly end: RecordEnd | null;
}

/** A disk that is well answers within milliseconds. */
const readMsMax = 2_000;
const fileMode = 0o600;

export class MarkFile {
  readonly #store: string;
  readonly #onKept: (revision: number) => void;
  /** Under way; null when none is. */
  #reading: Promise<MarkReading> | null = null;
  #serial = 0;
  #wanted: WantedMark | null = null;
  #isWriting = false;
  #problem: string | null = null;
  #idle: () => void = () => {};

  /** `onKept`: told of each revision that is on the disk. */
  constructor(store: string, onKept: (revision: number) => void) {
    this.#store = store;
    this.#onKept = onKept;
  }

  get isWriting(): boolean {
    return this.#isWriting;
  }

  /** Why the last write failed; null when it did not. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Resolves with what the mark says, at the latest after `readMsMax`. */
  async read(): Promise<MarkReading> {
    const late = Promise.withResolvers<MarkReading>();
    const cause = `no answer within ${readMsMax / 1000} s`;
    const timer = setTimeout(() => late.resolve({ kind: 'unreadable', cause }), readMsMax);
    // One at a time: each that a disk keeps waiting takes a thread of the pool.
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    const reading = await Promise.race([this.#reading, late.promise]);
    clearTimeout(timer);
    if (reading.kind === 'read') this.#serial = Math.max(this.#serial, reading.mark.serial);
    return reading;
  }

  async #read(): Promise<MarkReading> {
    try {
      const mark = decodeMark(await readFile(await this.#path()));
      if (mark !== null) return { kind: 'read', mark };
      return { kind: 'unreadable', cause: 'it is damaged' };
    } catch (error) {
      if (isMissing(error)) return { kind: 'none' };
      return { kind: 'unreadable', cause: textOf(error) };
    }
  }

  /**
   * Writes a change, or that the store has everything; the file is made where there is none. Nobody waits for
   * it.
   */
  write(revision: number, change: RolloutChange | null, end: RecordEnd | null): void {
    this.#wanted = { revision, change, end };
    if (!this.#isWriting) void this.#writeWanted();
  }

  /** Resolves when nothing is being written, at the latest after `msMax`. */
  async settled(msMax: number): Promise<void> {
    if (!this.#isWriting) return;
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, msMax);
      this.#idle = () => {
        clearTimeout(late);
        resolve();
      };
    });
  }

  async #writeWanted(): Promise<void> {
    this.#isWriting = true;
    for (let wanted = this.#wanted; wanted !== null; wanted = this.#wanted) {
      this.#wanted = null;
      try {
        await this.#put({ serial: this.#serial + 1, ...wanted });
        // Only then: what failed may have left half of itself in its slot, which is the one to write to
        // again.
        this.#serial++;
        this.#problem = null;
        this.#onKept(wanted.revision);
      } catch (error) {
        this.#problem = textOf(error);
      }
    }
    this.#isWriting = false;
    this.#idle();
  }

  async #put(mark: Mark): Promise<void> {
    const path = await this.#path();
    try {
      await overwrite(path, encodeMark(mark), slotOffset(mark.serial));
    } catch (error) {
      if (!isMissing(error)) throw error;
      await create(path, encodeMark(mark), slotOffset(mark.serial));
    }
  }

  /** Beside the store itself, whatever links lead to it, as its lock is. */
  async #path(): Promise<string> {
    const real = await realpath(this.#store).catch(() => null);
    if (real !== null) return markFileOf(real);
    const folder = dirname(this.#store);
    return markFileOf(join(await realpath(folder).catch(() => folder), basename(this.#store)));
  }
}

/** In place: the file has its blocks already, so that this needs no room. On the disk when it resolves. */
async function overwrite(path: string, slot: Buffer, offset: number): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.write(slot, 0, slot.length, offset);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** Under its name only when it is whole. */
async function create(path: string, slot: Buffer, offset: number): Promise<void> {
  const whole = Buffer.alloc(markBytes, ' ');
  slot.copy(whole, offset);
  const unfinished = `${path}.new`;
  const handle = await open(unfinished, 'w', fileMode);
  try {
    await handle.chmod(fileMode);
    await handle.write(whole, 0, whole.length, 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
