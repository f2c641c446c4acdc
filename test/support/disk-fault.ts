// What a process sees of its disk, decided by the test that runs it: see disk-shim.ts.
import { spawnSync } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * `full` takes what overwrites blocks that are there, `read-only` takes nothing, `gone` cannot be read
 * either.
 */
export type Fault = 'none' | 'full' | 'read-only' | 'hung' | 'gone';
export type DiskPart = 'store' | 'mark';

export interface DiskPlan {
  /** Another number begins the count of writes anew. */
  readonly id: number;
  readonly store: Fault;
  readonly mark: Fault;
  /**
   * The process ends itself as by kill -9 before, in or after the `write`th write of a part, counted from 1.
   */
  readonly kill: {
    readonly part: DiskPart;
    readonly write: number;
    readonly moment: 'before' | 'in' | 'after';
  } | null;
}

const shim = fileURLToPath(new URL('./disk-shim.ts', import.meta.url));

export class FaultyDisk {
  readonly #folder: string;
  #plan: DiskPlan = { id: 0, store: 'none', mark: 'none', kill: null };

  /** `folder`: an empty one for its own use. */
  constructor(folder: string) {
    this.#folder = folder;
    const made = spawnSync('mkfifo', [join(folder, 'hang')], { encoding: 'utf8' });
    if (made.status !== 0) throw new Error(made.stderr);
    this.set({});
  }

  /** Arguments of Node and variables for a process on this disk. */
  get nodeArgs(): readonly string[] {
    return ['--import', shim];
  }

  get env(): Readonly<Record<string, string>> {
    return { CROSSOVER_TEST_DISK: this.#folder };
  }

  /** Changes what is given, from the next access on. */
  set(change: Partial<Omit<DiskPlan, 'id'>>): void {
    this.#plan = { ...this.#plan, kill: null, ...change, id: this.#plan.id + 1 };
    const file = join(this.#folder, 'plan.json');
    writeFileSync(`${file}.new`, JSON.stringify(this.#plan));
    renameSync(`${file}.new`, file);
  }

  /**
   * Ends a hang: who waits goes on, and whoever would wait after this does not. Close what it resolves with
   * to end that.
   */
  async release(): Promise<{ close(): Promise<void> }> {
    return open(join(this.#folder, 'hang'), 'r+');
  }
}
