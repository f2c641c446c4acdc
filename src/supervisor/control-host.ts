// Starts the control thread, replaces it when it is lost, and stops it: at the end of the process, or until a
// new process that was started in its place turns out not to serve. Traffic does not depend on it.
import { Worker } from 'node:worker_threads';
import { youngGenerationMiBMax } from '#src/limits.ts';
import type {
  ControlStart,
  FromControl,
  HandOver,
  InheritedControl,
  LogLine,
  ToControl,
} from '#src/shared-memory/messages.ts';
import { Restarts, type ThreadSlot } from './restarts.ts';
import { StartError } from './start-error.ts';
import { type StoppedControl, stopControl } from './thread-questions.ts';

/**
 * How long the control thread may take to publish the recorded split. After that workers take traffic, and
 * send it all to X.
 */
const controlReadyMs = 5_000;

/** Messages that the host passes on. */
export type ControlNews = Exclude<FromControl, { type: 'published' | 'ready' | 'failed-to-start' }>;

/** Progress of a start. Both promises reject when it cannot succeed, and resolve when it takes too long. */
interface ControlProgress {
  /** It has published the recorded split. */
  readonly published: Promise<void>;
  /** Its API answers. */
  readonly ready: Promise<void>;
}

interface ControlHostOptions {
  /** What a thread gets that starts now. */
  readonly start: () => Omit<
    ControlStart,
    'generation' | 'controlPorts' | 'listenDescriptors' | 'handedOver'
  >;
  /** What the control thread of the process before left; null when none did. */
  readonly handedOver: HandOver | null;
  /** Listening sockets that will belong to the thread; none where it binds them itself. */
  readonly listenDescriptors: () => Promise<readonly InheritedControl[]>;
  /**
   * Wait for the first thread without a limit. A process that replaces another does not serve without a
   * control thread: the other one, which can have one, goes on instead.
   */
  readonly waitsForFirst: boolean;
  /** The first thread, from `preloadControl`; null when it is to be started. */
  readonly preloaded: Worker | null;
  readonly onMessage: (message: ControlNews) => void;
  readonly log: (line: LogLine) => void;
}

/**
 * Starts the first control thread before the configuration is read: it loads its modules meanwhile, which
 * takes about as long, and then waits. Until it is used it does not keep the process running.
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
  /** Where its API listens: the ports, and all addresses as people write them; none before it does. */
  ports: readonly number[] = [];
  addresses: readonly string[] = [];
  readonly #options: ControlHostOptions;
  readonly #slot: ThreadSlot = { thread: null, crashes: [] };
  readonly #restarts = new Restarts();
  #preloaded: Worker | null;
  /** What the last thread that ended as it should has left. */
  #handedOver: HandOver | null;
  #generation = 0;
  /** Settled when the latest start has made its thread or has failed. */
  #starting: Promise<void> = Promise.resolve();
  #isStopped = false;
  /** The recorded split is published, or took too long: workers take traffic. */
  #hasPublished = false;
  /**
   * The process' start waits for it: resolved when the API of the first thread, or of one that replaced it,
   * answers.
   */
  readonly #firstReady = Promise.withResolvers<void>();

  constructor(options: ControlHostOptions) {
    this.#options = options;
    this.#preloaded = options.preloaded;
    this.#handedOver = options.handedOver;
  }

  /** False when there is no thread that could be told. */
  tell(message: ToControl): boolean {
    this.#slot.thread?.postMessage(message);
    return this.#slot.thread !== null;
  }

  /**
   * Starts the first thread. If it is lost after it has published, `ready` waits for its replacement, because
   * traffic goes on.
   */
  start(): ControlProgress {
    const { promise: ready, resolve } = this.#firstReady;
    const late = this.#options.waitsForFirst ? undefined : setTimeout(resolve, controlReadyMs);
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
    const listenDescriptors = await this.#options.listenDescriptors();
    if (this.#isStopped) {
      published.resolve();
      ready.resolve();
      return;
    }
    const thread = this.#newThread({
      ...this.#options.start(),
      generation: this.#generation++,
      controlPorts: this.ports,
      listenDescriptors,
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
    const waitsForFirst = this.#options.waitsForFirst && this.#generation === 1;
    let isLate = false;
    const late = waitsForFirst
      ? undefined
      : setTimeout(() => {
          isLate = true;
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
          this.ports = message.controlPorts;
          this.addresses = message.controlAddresses;
          if (isLate) this.#logLate(message.controlAddresses);
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

  /**
   * Schedules another control thread, which resumes from the store. Traffic goes on at the last split
   * meanwhile.
   */
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

  /** Lets the thread write what it has and ends it, and resolves with how it ended. No other is started. */
  async stop(): Promise<StoppedControl> {
    this.#isStopped = true;
    // A scheduled thread would be started later, beside that of a `resume`.
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

  /** Starts a thread again after `stop`. */
  async resume(): Promise<void> {
    this.#isStopped = false;
    await this.#launch().ready.catch((error: unknown) => this.#logCrash(error));
  }

  /** Ends the thread as a crash would; it is replaced. */
  async terminate(): Promise<void> {
    await this.#slot.thread?.terminate();
  }

  /** Whoever was told that the process serves may not know where. */
  #logLate(addresses: readonly string[]): void {
    const message = 'the control API listens, later than the proxy';
    this.#options.log({ level: 'info', message, fields: { addresses } });
  }

  #logCrash(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#options.log({ level: 'error', message: 'control crashed', fields: { error: text } });
  }
}
