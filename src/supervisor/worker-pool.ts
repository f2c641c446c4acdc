// Starts the proxy workers, tells them to listen, replaces those that are lost, and lets them drain. A
// replacement that cannot listen is ended, and another is started.
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
  /** It has a slab for each worker. */
  readonly memory: SharedMemory;
  readonly transport: 'raw' | 'stream';
  /** What a thread gets that starts now. */
  readonly start: () => ThreadStart;
  /** The first worker's thread, from `preloadWorker`; null when it is to be started. */
  readonly preloaded: Worker | null;
  /** Listening sockets that will belong to the worker; empty when it binds one itself. */
  readonly listenDescriptors: (index: number) => Promise<readonly number[]>;
  /** Sends a message to the control thread. */
  readonly tellControl: (message: ToControl) => void;
  readonly log: (line: LogLine) => void;
}

interface StartingWorker {
  readonly prepared: Promise<void>;
  /** Resolves with the port on which it listens. */
  readonly listening: Promise<number>;
}

type WorkerSlot = ThreadSlot & {
  /**
   * Whether it was told to listen. From then on it may have clients, also before it reports that it listens.
   */
  isToldToListen: boolean;
  isListening: boolean;
  descriptors: readonly number[];
};

/**
 * Starts the first worker before the configuration is read: it loads its modules meanwhile, and then waits.
 * Until it is used it does not keep the process running.
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
  /** Port on which the workers listen. */
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

  /** Whether any worker has, or may have, clients. */
  get isListening(): boolean {
    return this.#slots.some(({ isToldToListen }) => isToldToListen);
  }

  /**
   * Starts all workers; they listen when `mayListen` is resolved. Rejects with StartError when one cannot.
   */
  async start(port: number, mayListen: Promise<void>): Promise<void> {
    const workers = this.#slots.map((slot, index) => ({ slot, ...this.#startWorker(index, slot) }));
    await Promise.all([mayListen, ...workers.map(({ prepared }) => prepared)]);
    this.port = port;
    for (const [index, { slot, listening }] of workers.entries()) {
      // One after the other, because with port 0 the first one chooses the port for all.
      await this.#tellToListen(index, slot);
      this.port = await listening;
    }
  }

  /** Starts a worker's thread. Both promises reject when it cannot listen or ends before. */
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
      if (message.type === 'route-seen' || message.type === 'suspect-seen')
        this.#options.tellControl(message);
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
    // If a drain has begun meanwhile, connections that this worker accepted now would be cut.
    if (this.#isEnding) throw new StartError('EXITED', 'the process ends');
    slot.isToldToListen = true;
    slot.thread?.postMessage({ type: 'listen', port: this.port, descriptors } satisfies ToWorker);
  }

  /** A worker ended. If it had never listened, whoever started it deals with that. */
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
      // It may be running still and have the descriptors that the next one needs.
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

  /** Descriptors of all sockets on which workers listen. */
  descriptors(): number[] {
    return this.#slots.flatMap((slot) => slot.descriptors);
  }

  /** No worker is replaced from now on: a new one would accept clients whose requests are cut soon. */
  stopReplacing(): void {
    this.#isEnding = true;
    this.#restarts.cancel();
  }

  /** Lets all workers finish requests under way. Resolves with the number of requests that were cut. */
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

  /**
   * The requests that a worker had when it was lost in a drain, by its counters; at least one, so that the
   * exit code is not 0.
   */
  #lostInDrain(index: number): number {
    const slab = this.#slab(index);
    const requests = requestsInFlight(slab);
    const message = 'proxy worker lost while it drained';
    this.#options.log({ level: 'error', message, fields: { worker: index, requests } });
    return Math.max(1, requests);
  }

  /** Ends every thread; no other is started. */
  async stop(): Promise<void> {
    this.stopReplacing();
    await Promise.all(this.#slots.map(({ thread }) => thread?.terminate()));
  }

  /** Ends a worker's thread as a crash would; it is replaced. */
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
