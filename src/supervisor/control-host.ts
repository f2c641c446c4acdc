// The control thread's life: started, replaced when it is lost, and stopped for good or until a successor turns out not to
// serve. Traffic does not depend on it.
import { Worker } from 'node:worker_threads';
import { youngGenerationMiBMax } from '#src/limits.ts';
import type { ControlStart, FromControl, HandOver, LogLine, ToControl } from '#src/shared-memory/messages.ts';
import { Restarts, type ThreadSlot } from './restarts.ts';
import { StartError } from './start-error.ts';
import { type StoppedControl, stopControl } from './thread-questions.ts';

/** The control thread gets this long to publish the recorded split before workers take traffic anyway, on X alone. */
const controlReadyMs = 5_000;

/** What the host itself does not deal with. */
export type ControlNews = Exclude<FromControl, { type: 'published' | 'ready' | 'failed-to-start' }>;

/** How far a start has come. Both reject when it cannot succeed, and resolve when it takes too long. */
export interface ControlProgress {
  /** It has published the recorded split. */
  readonly published: Promise<void>;
  /** Its API answers. */
  readonly ready: Promise<void>;
}

export interface ControlHostOptions {
  /** What a thread that starts now is given. */
  readonly start: () => Omit<ControlStart, 'generation' | 'controlPort' | 'listenDescriptor' | 'handedOver'>;
  /** What the control thread of the process before left; null when none did. */
  readonly handedOver: HandOver | null;
  /** A listening socket for the thread's own; null when it binds. */
  readonly listenDescriptor: () => Promise<number | null>;
  /**
   * Waits for the first thread as long as it takes: a successor has no business without one, for its predecessor, which
   * can have one, goes on instead.
   */
  readonly isPatient: boolean;
  /** The first thread, from `preloadControl`; null when it is to be started. */
  readonly preloaded: Worker | null;
  readonly onMessage: (message: ControlNews) => void;
  readonly log: (line: LogLine) => void;
}

/**
 * Starts the first control thread before it is known what it is to control: it loads its modules, which takes as long as
 * reading the config, and waits. Until it is used it keeps no process running.
 */
export function preloadControl(): Worker {
  const thread = newThread(null);
  thread.unref();
  return thread;
}

const newThread = (workerData: ControlStart | null): Worker =>
  new Worker(new URL('../control-plane/control-thread.ts', import.meta.url), {
    workerData,
    name: 'control',
    resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMiBMax.control },
  });

export class ControlHost {
  /** Where its API listens. */
  port = 0;
  readonly #options: ControlHostOptions;
  readonly #slot: ThreadSlot = { thread: null, crashes: [] };
  readonly #restarts = new Restarts();
  #preloaded: Worker | null;
  /** What the last thread that ended as it should has left. */
  #handedOver: HandOver | null;
  #generation = 0;
  /** The latest start, until it has a thread or fails. */
  #starting: Promise<void> = Promise.resolve();
  #isStopped = false;
  /** Workers may take traffic by now. */
  #hasPublished = false;
  /** What the process waits for at its start: the API of the first thread that comes so far. */
  readonly #firstReady = Promise.withResolvers<void>();

  constructor(options: ControlHostOptions) {
    this.#options = options;
    this.#preloaded = options.preloaded;
    this.#handedOver = options.handedOver;
  }

  tell(message: ToControl): void {
    this.#slot.thread?.postMessage(message);
  }

  /** Starts the first thread. When it is lost after it has published, its replacement is waited for, as traffic goes on. */
  start(): ControlProgress {
    const { promise: ready, resolve } = this.#firstReady;
    const late = this.#options.isPatient ? undefined : setTimeout(resolve, controlReadyMs);
    const settled = () => clearTimeout(late);
    ready.then(settled, settled);
    return { published: this.#launch().published, ready };
  }

  #launch(): ControlProgress {
    const published = Promise.withResolvers<void>();
    const ready = Promise.withResolvers<void>();
    for (const { promise } of [published, ready]) promise.catch(() => {});
    this.#starting = this.#start(published, ready).catch((error: unknown) => {
      published.reject(error);
      ready.reject(error);
      this.#lost(error);
    });
    return { published: published.promise, ready: ready.promise };
  }

  async #start(published: PromiseWithResolvers<void>, ready: PromiseWithResolvers<void>): Promise<void> {
    const listenDescriptor = await this.#options.listenDescriptor();
    if (this.#isStopped) {
      published.resolve();
      ready.resolve();
      return;
    }
    const thread = this.#newThread({
      ...this.#options.start(),
      generation: this.#generation++,
      controlPort: this.port,
      listenDescriptor,
      handedOver: this.#handedOver,
    });
    this.#slot.thread = thread;
    this.#watch(thread, published, ready);
  }

  #newThread(start: ControlStart): Worker {
    const preloaded = this.#preloaded;
    this.#preloaded = null;
    if (preloaded === null) return newThread(start);
    preloaded.ref();
    preloaded.postMessage(start);
    return preloaded;
  }

  #watch(thread: Worker, published: PromiseWithResolvers<void>, ready: PromiseWithResolvers<void>): void {
    const both = [published, ready];
    const isPatient = this.#options.isPatient && this.#generation === 1;
    const late = isPatient
      ? undefined
      : setTimeout(() => {
          this.#hasPublished = true;
          for (const { resolve } of both) resolve();
        }, controlReadyMs);
    const failed = (error: StartError) => {
      clearTimeout(late);
      for (const { reject } of both) reject(error);
    };
    thread.on('message', (message: FromControl) => {
      switch (message.type) {
        case 'published':
          this.#hasPublished = true;
          published.resolve();
          return;
        case 'ready':
          clearTimeout(late);
          this.port = message.controlPort;
          ready.resolve();
          this.#firstReady.resolve();
          return;
        case 'failed-to-start': {
          const error = new StartError(message.code, message.message);
          failed(error);
          this.#firstReady.reject(error);
          return;
        }
        default:
          this.#options.onMessage(message);
      }
    });
    thread.on('error', (error) => this.#logCrash(error));
    thread.on('exit', () => {
      if (this.#slot.thread === thread) this.#slot.thread = null;
      const error = new StartError('EXITED', 'the control thread ended before it was ready');
      failed(error);
      this.#lost(error);
    });
  }

  /** Traffic goes on at the last split; the next control thread resumes from the store. */
  #lost(error: unknown): void {
    if (!this.#hasPublished || this.#isStopped) this.#firstReady.reject(error);
    if (this.#isStopped) return;
    const message = 'control thread lost; traffic goes on at the last split';
    this.#options.log({ level: 'error', message, fields: {} });
    this.#restarts.schedule(this.#slot, () => this.#replace());
  }

  async #replace(): Promise<void> {
    if (this.#isStopped) return;
    try {
      await this.#launch().ready;
      if (this.#isStopped) return;
      const detail = { generation: this.#generation - 1 };
      this.tell({ type: 'lifecycle', name: 'control-replaced', detail });
      this.#options.log({ level: 'info', message: 'control thread replaced', fields: {} });
    } catch (error) {
      this.#logCrash(error);
    }
  }

  /** Lets it write what it has, and starts no other; resolves with how it ended. */
  async stop(): Promise<StoppedControl> {
    this.#isStopped = true;
    // Else it would come after all, beside the one of a `resume`.
    this.#restarts.cancel();
    await this.#starting;
    const { thread } = this.#slot;
    if (thread === null) return { hasEnded: true, left: null };
    const stopped = await stopControl(thread);
    this.#handedOver = stopped.left?.handOver ?? null;
    return stopped;
  }

  /** For the process that comes after this one, once the thread has ended. */
  get handOver(): HandOver | null {
    return this.#handedOver;
  }

  /** Starts one again after `stop`. */
  async resume(): Promise<void> {
    this.#isStopped = false;
    await this.#launch().ready.catch((error: unknown) => this.#logCrash(error));
  }

  /** Ends it as a crash would; it is replaced. */
  async terminate(): Promise<void> {
    await this.#slot.thread?.terminate();
  }

  #logCrash(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#options.log({ level: 'error', message: 'control crashed', fields: { error: text } });
  }
}
