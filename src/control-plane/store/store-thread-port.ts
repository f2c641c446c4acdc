// The way to a store in a thread of its own. A thread that ends unasked fails the calls that it has not
// answered; the next call starts another.
import { Worker } from 'node:worker_threads';
import { youngGenerationMiBMax } from '#src/limits.ts';
import type { RecordEnd } from '#src/record/record-end.ts';
import { problemOf, type StoreResult } from '#src/record/store-result.ts';
import {
  type ArgsOf,
  type Done,
  refused,
  type StoreAnswer,
  type StoreMethod,
  type StorePort,
  type StoreThreadStart,
} from './store-calls.ts';

type AnyDone = (result: StoreResult<unknown>, end: RecordEnd | null) => void;

interface Thread {
  readonly worker: Worker;
  /** Calls without an answer, in order. */
  readonly waiting: Map<number, AnyDone>;
}

export class StoreThreadPort implements StorePort {
  readonly #start: StoreThreadStart;
  #thread: Thread | null = null;
  #lastId = 0;
  #isEnded = false;

  constructor(start: StoreThreadStart) {
    this.#start = start;
  }

  send<M extends StoreMethod>(method: M, args: ArgsOf<M>, done: Done<M>): void {
    if (this.#isEnded) {
      (done as AnyDone)(refused(problemOf('unavailable', this.#start.file, 'it is closed')), null);
      return;
    }
    this.#thread ??= this.#spawn();
    const { worker, waiting } = this.#thread;
    const id = ++this.#lastId;
    waiting.set(id, done as AnyDone);
    worker.postMessage({ id, method, args });
  }

  /** A thread that is stuck in a system call ends when that returns; nobody waits for it. */
  end(): void {
    this.#isEnded = true;
    const thread = this.#thread;
    this.#thread = null;
    thread?.waiting.clear();
    void thread?.worker.terminate();
  }

  #spawn(): Thread {
    const worker = new Worker(new URL('./store-thread.ts', import.meta.url), {
      workerData: this.#start,
      name: 'store',
      resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMiBMax.store },
    });
    const thread: Thread = { worker, waiting: new Map() };
    worker.on('message', ({ id, result, end }: StoreAnswer) => {
      const done = thread.waiting.get(id);
      thread.waiting.delete(id);
      done?.(result, end);
    });
    let cause = 'its thread ended';
    worker.on('error', (error) => {
      cause = `its thread crashed: ${error instanceof Error ? error.message : String(error)}`;
    });
    worker.on('exit', () => this.#lost(thread, cause));
    return thread;
  }

  #lost(thread: Thread, cause: string): void {
    if (this.#thread === thread) this.#thread = null;
    const problem = problemOf('io', this.#start.file, cause);
    for (const done of thread.waiting.values()) done(refused(problem), null);
    thread.waiting.clear();
  }
}
