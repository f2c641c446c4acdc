// The proxy workers' life: started, told to listen, replaced when they are lost, and drained. A worker that cannot listen is
// as good as none: it is ended, and another tried.
import { Worker } from 'node:worker_threads';
import { youngGenerationMiBMax } from '#src/limits.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import type {
  FromWorker,
  LogLine,
  RequestSample,
  ThreadStart,
  ToControl,
  ToWorker,
  WorkerStart,
} from '#src/shared-memory/messages.ts';
import type { SharedMemory } from '#src/shared-memory/shared-memory.ts';
import { Restarts, type ThreadSlot } from './restarts.ts';
import { StartError } from './start-error.ts';
import { collectSamples, drainWorker } from './thread-questions.ts';

interface WorkerPoolOptions {
  /** With one slab for each worker. */
  readonly memory: SharedMemory;
  readonly transport: 'raw' | 'stream';
  /** What a thread that starts now is given. */
  readonly start: () => ThreadStart;
  /** The first worker's thread, from `preloadWorker`; null when it is to be started. */
  readonly preloaded: Worker | null;
  /** Listening sockets for a worker's own; empty when it binds. */
  readonly listenDescriptors: (index: number) => Promise<readonly number[]>;
  /** What the control thread has to know. */
  readonly tellControl: (message: ToControl) => void;
  readonly log: (line: LogLine) => void;
}

interface StartingWorker {
  readonly prepared: Promise<void>;
  /** The port it listens on. */
  readonly listening: Promise<number>;
}

type WorkerSlot = ThreadSlot & {
  /** It may have clients from here on, although it has not said yet that it listens. */
  isToldToListen: boolean;
  isListening: boolean;
  descriptors: readonly number[];
};

/**
 * Starts the first worker before it is known what it is to carry: it loads its modules while the config is read, and waits.
 * Until it is used it keeps no process running.
 */
export function preloadWorker(): Worker {
  const thread = newThread(0, null);
  thread.unref();
  return thread;
}

const newThread = (index: number, workerData: WorkerStart | null): Worker =>
  new Worker(new URL('../data-plane/worker.ts', import.meta.url), {
    workerData,
    name: `proxy-${index}`,
    resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMiBMax.worker },
  });

const requestsInFlight = (slab: Float64Array): number =>
  (slab[WORKER.inFlightX] as number) + (slab[WORKER.inFlightY] as number);

export class WorkerPool {
  /** Where the workers listen. */
  port = 0;
  readonly #options: WorkerPoolOptions;
  readonly #slots: readonly WorkerSlot[];
  readonly #restarts = new Restarts();
  #preloaded: Worker | null;
  #isEnding = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#preloaded = options.preloaded;
    this.#slots = options.memory.slabs.map(() => ({
      thread: null,
      crashes: [],
      isToldToListen: false,
      isListening: false,
      descriptors: [],
    }));
  }

  /** Whether any of them has, or may have, clients. */
  get isListening(): boolean {
    return this.#slots.some(({ isToldToListen }) => isToldToListen);
  }

  /** Threads load at once and listen when they may; rejects with StartError when one can't. */
  async start(port: number, mayListen: Promise<void>): Promise<void> {
    const workers = this.#slots.map((slot, index) => ({ slot, ...this.#startWorker(index, slot) }));
    await Promise.all([mayListen, ...workers.map(({ prepared }) => prepared)]);
    this.port = port;
    for (const [index, { slot, listening }] of workers.entries()) {
      // One after the other: with port 0 the first finds the port that the others share.
      await this.#tellToListen(index, slot);
      this.port = await listening;
    }
  }

  /** Starts a worker's thread; it listens when told to. Both promises reject when it can't or ends before. */
  #startWorker(index: number, slot: WorkerSlot): StartingWorker {
    const start = this.#options.start();
    const thread = this.#newThread({ ...start, workerIndex: index, transport: this.#options.transport });
    slot.thread = thread;
    const prepared = Promise.withResolvers<void>();
    const listening = Promise.withResolvers<number>();
    for (const { promise } of [prepared, listening]) promise.catch(() => {});
    const failed = (error: StartError) => {
      prepared.reject(error);
      listening.reject(error);
    };
    thread.on('message', (message: FromWorker) => {
      if (message.type === 'log') this.#options.log(message.line);
      if (message.type === 'route-seen') this.#options.tellControl(message);
      if (message.type === 'prepared') prepared.resolve();
      if (message.type === 'listening') {
        slot.isListening = true;
        slot.descriptors = message.descriptors;
        listening.resolve(message.port);
      }
      if (message.type === 'failed-to-listen') failed(new StartError(message.code, message.message));
    });
    thread.on('error', (error) => this.#logCrash(index, error));
    thread.on('exit', () => {
      failed(new StartError('EXITED', `proxy worker ${index} ended before it listened`));
      this.#ended(index, slot);
    });
    return { prepared: prepared.promise, listening: listening.promise };
  }

  #newThread(start: WorkerStart): Worker {
    const preloaded = this.#preloaded;
    if (preloaded === null || start.workerIndex !== 0) return newThread(start.workerIndex, start);
    this.#preloaded = null;
    preloaded.ref();
    preloaded.postMessage(start);
    return preloaded;
  }

  async #tellToListen(index: number, slot: WorkerSlot): Promise<void> {
    const descriptors = await this.#options.listenDescriptors(index);
    // What it accepted in a drain that began meanwhile would be cut.
    if (this.#isEnding) throw new StartError('EXITED', 'the process ends');
    slot.isToldToListen = true;
    slot.thread?.postMessage({ type: 'listen', port: this.port, descriptors } satisfies ToWorker);
  }

  /** One that never listened is the business of whoever started it. */
  #ended(index: number, slot: WorkerSlot): void {
    const wasListening = slot.isListening;
    slot.thread = null;
    slot.isToldToListen = false;
    slot.isListening = false;
    slot.descriptors = [];
    if (wasListening && !this.#isEnding) this.#lost(index, slot);
    const slab = this.#slab(index);
    slab[WORKER.connectionsOpen] = 0;
    slab[WORKER.listening] = 0;
  }

  #lost(index: number, slot: WorkerSlot): void {
    const slab = this.#slab(index);
    const detail = {
      worker: index,
      connections: slab[WORKER.connectionsOpen],
      requests: requestsInFlight(slab),
    };
    this.#options.tellControl({ type: 'lifecycle', name: 'worker-lost', detail });
    this.#options.log({ level: 'error', message: 'proxy worker lost', fields: detail });
    this.#scheduleReplacement(index, slot);
  }

  #scheduleReplacement(index: number, slot: WorkerSlot): void {
    if (!this.#isEnding) this.#restarts.schedule(slot, () => this.#replace(index, slot));
  }

  async #replace(index: number, slot: WorkerSlot): Promise<void> {
    try {
      const { prepared, listening } = this.#startWorker(index, slot);
      await prepared;
      await this.#tellToListen(index, slot);
      await listening;
      this.#options.tellControl({ type: 'lifecycle', name: 'worker-replaced', detail: { worker: index } });
      this.#options.log({ level: 'info', message: 'proxy worker replaced', fields: { worker: index } });
    } catch (error) {
      if (this.#isEnding) return;
      const text = error instanceof Error ? error.message : String(error);
      const fields = { worker: index, error: text };
      this.#options.log({ level: 'error', message: 'proxy worker could not be replaced', fields });
      // It may be alive still, of no use to anyone, and hold what the next one needs.
      await slot.thread?.terminate();
      this.#scheduleReplacement(index, slot);
    }
  }

  tell(message: ToWorker): void {
    for (const { thread } of this.#slots) thread?.postMessage(message);
  }

  /** The requests that workers remember, oldest first. */
  async collectSamples(requestId: number): Promise<readonly RequestSample[]> {
    const threads = this.#slots.flatMap(({ thread }) => thread ?? []);
    return collectSamples(threads, requestId);
  }

  /** Of the sockets that workers bound or took. */
  descriptors(): number[] {
    return this.#slots.flatMap((slot) => slot.descriptors);
  }

  /** From here on no worker is replaced: one that came now would take clients just to cut them. */
  stopReplacing(): void {
    this.#isEnding = true;
    this.#restarts.cancel();
  }

  /** Has each finish what is under way; resolves with the number of exchanges that were cut. */
  async drain(deadlineMs: number): Promise<number> {
    this.stopReplacing();
    const counts = await Promise.all(
      this.#slots.map((slot, index) => this.#drainWorker(index, slot, deadlineMs)),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async #drainWorker(index: number, slot: WorkerSlot, deadlineMs: number): Promise<number> {
    const { thread, isToldToListen } = slot;
    if (thread === null) return 0;
    if (isToldToListen) return (await drainWorker(thread, deadlineMs)) ?? this.#lostInDrain(index);
    await thread.terminate();
    return 0;
  }

  /** What it had by its last counts is cut; at least one, for a drain that lost a worker did not go well. */
  #lostInDrain(index: number): number {
    const slab = this.#slab(index);
    const requests = requestsInFlight(slab);
    const message = 'proxy worker lost while it drained';
    this.#options.log({ level: 'error', message, fields: { worker: index, requests } });
    return Math.max(1, requests);
  }

  /** Ends every thread, and starts no other. */
  async stop(): Promise<void> {
    this.stopReplacing();
    await Promise.all(this.#slots.map(({ thread }) => thread?.terminate()));
  }

  /** Ends one as a crash would; it is replaced. */
  async terminate(index: number): Promise<void> {
    await this.#slots[index]?.thread?.terminate();
  }

  #slab(index: number): Float64Array {
    return new Float64Array(this.#options.memory.slabs[index] as SharedArrayBuffer);
  }

  #logCrash(index: number, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#options.log({ level: 'error', message: `proxy-${index} crashed`, fields: { error: text } });
  }
}
