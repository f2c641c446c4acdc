// A disk that fails on request, for a process of its own: `node --import test/support/disk-shim.ts …` with
// CROSSOVER_TEST_DISK set to a folder made by disk-fault.ts. It stands between the product and what it writes
// to, the database and the mark, in every thread, and does what the folder's plan says at that moment.
import { openSync, readFileSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import type { DiskPart, DiskPlan, Fault } from './disk-fault.ts';

type Moment = 'before' | 'in' | 'after';

const folder = process.env.CROSSOVER_TEST_DISK ?? '';
const require = createRequire(import.meta.url);
const sqlite = require('node:sqlite') as typeof import('node:sqlite');
const promises = require('node:fs/promises') as typeof import('node:fs/promises');

/**
 * Writes of each part since the plan was made; a write belongs to one thread, so each thread counts its own.
 */
const counts: Record<DiskPart, number> = { store: 0, mark: 0 };
let plannedId = -1;

function plan(): DiskPlan {
  const read = JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8')) as DiskPlan;
  if (read.id !== plannedId) {
    plannedId = read.id;
    counts.store = 0;
    counts.mark = 0;
  }
  return read;
}

function killAt(part: DiskPart, moment: Moment): void {
  const { kill } = plan();
  if (kill === null || kill.part !== part || kill.moment !== moment || kill.write !== counts[part]) return;
  process.kill(process.pid, 'SIGKILL');
  // The signal may come a moment later, and nothing may happen in between.
  for (;;);
}

/** Waits in open(2) until somebody reads the pipe: nothing but that or a kill ends it. */
const hang = (): number => openSync(join(folder, 'hang'), 'w');

const sqliteErrors: Readonly<Record<Exclude<Fault, 'none' | 'hung'>, [errcode: number, text: string]>> = {
  full: [13, 'database or disk is full'],
  'read-only': [8, 'attempt to write a readonly database'],
  gone: [10, 'disk I/O error'],
};
const systemErrors = { full: 'ENOSPC', 'read-only': 'EROFS', gone: 'EIO' } as const;

function failStore(fault: Fault): void {
  if (fault === 'none') return;
  if (fault === 'hung') {
    hang();
    return;
  }
  const [errcode, text] = sqliteErrors[fault];
  throw Object.assign(new Error(text), { code: 'ERR_SQLITE_ERROR', errcode });
}

async function failMark(fault: Fault): Promise<void> {
  if (fault === 'none') return;
  // In the pool that the product's own call would wait in.
  if (fault === 'hung') await (await realOpen(join(folder, 'hang'), 'w')).close();
  else throw Object.assign(new Error(systemErrors[fault]), { code: systemErrors[fault] });
}

const isStore = (file: unknown): boolean => String(file).endsWith('.db');
const isMark = (file: unknown): boolean => /\.mark(?:\.new)?$/.test(String(file));
const isNewMark = (file: unknown): boolean => String(file).endsWith('.new');

const Real = sqlite.DatabaseSync;
class FaultyDatabase extends Real {
  readonly #isStore: boolean;

  constructor(...args: ConstructorParameters<typeof Real>) {
    const fault = plan().store;
    if (isStore(args[0]) && (fault === 'gone' || fault === 'hung')) failStore(fault);
    super(...args);
    this.#isStore = isStore(args[0]);
  }

  override exec(sql: string): void {
    const fault = this.#isStore ? plan().store : 'none';
    if (sql === 'BEGIN IMMEDIATE' && this.#isStore) {
      counts.store++;
      killAt('store', 'before');
      if (fault !== 'full') failStore(fault);
    }
    if (sql === 'COMMIT' && this.#isStore) {
      killAt('store', 'in');
      failStore(fault);
    }
    super.exec(sql);
    if (sql === 'COMMIT' && this.#isStore) killAt('store', 'after');
  }

  override prepare(sql: string): ReturnType<InstanceType<typeof Real>['prepare']> {
    if (this.#isStore && plan().store === 'gone') failStore('gone');
    return super.prepare(sql);
  }
}

const realOpen = promises.open;
const realReadFile = promises.readFile;

Object.assign(sqlite, { DatabaseSync: FaultyDatabase });
Object.assign(promises, {
  open: async (...args: Parameters<typeof realOpen>) => {
    if (!isMark(args[0])) return realOpen(...args);
    const { mark } = plan();
    if (mark === 'gone' || mark === 'hung') await failMark(mark);
    // One that is made anew needs room.
    if (isNewMark(args[0])) await failMark(mark);
    const handle = await realOpen(...args);
    const write = handle.write.bind(handle) as (...values: unknown[]) => Promise<unknown>;
    const datasync = handle.datasync.bind(handle);
    Object.assign(handle, {
      write: async (...values: unknown[]) => {
        counts.mark++;
        killAt('mark', 'before');
        // A file of the full size has its blocks already.
        if (mark !== 'full') await failMark(mark);
        return write(...values);
      },
      datasync: async () => {
        killAt('mark', 'in');
        await datasync();
        killAt('mark', 'after');
      },
    });
    return handle;
  },
  readFile: async (...args: Parameters<typeof realReadFile>) => {
    if (isMark(args[0])) {
      const { mark } = plan();
      if (mark === 'gone' || mark === 'hung') await failMark(mark);
    }
    return realReadFile(...args);
  },
});
syncBuiltinESMExports();
