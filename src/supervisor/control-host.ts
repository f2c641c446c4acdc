// The control thread's life: started, replaced when it is lost, and stopped for good or until a successor turns out not to
// serve. Traffic does not depend on it.
import { Worker } from 'node:worker_threads';
import type { ControlStart, FromControl, LogLine, ToControl } from '#src/shared-memory/messages.ts';
import { Restarts, type ThreadSlot } from './restarts.ts';
import { StartError } from './start-error.ts';
import { stopControl } from './thread-questions.ts';

/** The control thread gets this long to publish the recorded split before workers take traffic anyway, on X alone. */
const controlReadyMs = 5_000;

/** What the host itself does not deal with. */
export type ControlNews = Exclude<FromControl, { type: 'ready' | 'failed-to-start' }>;

export interface ControlHostOptions {
  /** What a thread that starts now is given. */
  readonly start: () => Omit<ControlStart, 'generation' | 'controlPort' | 'listenDescriptor'>;
  /** A listening socket for the thread's own; null when it binds. */
  readonly listenDescriptor: () => Promise<number | null>;
  /**
   * Waits for the first thread as long as it takes: a successor has no business without one, for its predecessor, which
   * can have one, goes on instead.
   */
  readonly isPatient: boolean;
  readonly onMessage: (message: ControlNews) => void;
  readonly log: (line: LogLine) => void;
}

export class ControlHost {
  /** Where its API listens. */
  port = 0;
  readonly #options: ControlHostOptions;
  readonly #slot: ThreadSlot = { thread: null, crashes: [] };
  readonly #restarts = new Restarts();
  #generation = 0;
  #isStopped = false;

  constructor(options: ControlHostOptions) {
    this.#options = options;
  }

  tell(message: ToControl): void {
    this.#slot.thread?.postMessage(message);
  }

  /** Resolves when it has published the recorded split, or takes too long for that; rejects when it cannot start. */
  async start(): Promise<void> {
    const listenDescriptor = await this.#options.listenDescriptor();
    if (this.#isStopped) return;
    const workerData: ControlStart = {
      ...this.#options.start(),
      generation: this.#generation++,
      controlPort: this.port,
      listenDescriptor,
    };
    const thread = new Worker(new URL('../control-plane/control-thread.ts', import.meta.url), {
      workerData,
      name: 'control',
    });
    this.#slot.thread = thread;
    await this.#ready(thread);
  }

  #ready(thread: Worker): Promise<void> {
    const isPatient = this.#options.isPatient && this.#generation === 1;
    return new Promise((resolve, reject) => {
      const late = isPatient ? undefined : setTimeout(resolve, controlReadyMs);
      thread.on('message', (message: FromControl) => {
        if (message.type === 'ready') {
          clearTimeout(late);
          this.port = message.controlPort;
          resolve();
        } else if (message.type === 'failed-to-start') {
          clearTimeout(late);
          reject(new StartError(message.code, message.message));
        } else this.#options.onMessage(message);
      });
      thread.on('error', (error) => this.#logCrash(error));
      thread.on('exit', () => {
        clearTimeout(late);
        if (this.#slot.thread === thread) this.#slot.thread = null;
        reject(new StartError('EXITED', 'the control thread ended before it was ready'));
        this.#lost();
      });
    });
  }

  /** Traffic goes on at the last split; the next control thread resumes from the store. */
  #lost(): void {
    if (this.#isStopped) return;
    const message = 'control thread lost; traffic goes on at the last split';
    this.#options.log({ level: 'error', message, fields: {} });
    this.#restarts.schedule(this.#slot, () => this.#replace());
  }

  async #replace(): Promise<void> {
    if (this.#isStopped) return;
    try {
      await this.start();
      const detail = { generation: this.#generation - 1 };
      this.tell({ type: 'lifecycle', name: 'control-replaced', detail });
      this.#options.log({ level: 'info', message: 'control thread replaced', fields: {} });
    } catch (error) {
      this.#logCrash(error);
    }
  }

  /** Lets it write what it has, and starts no other. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const { thread } = this.#slot;
    if (thread !== null) await stopControl(thread);
  }

  /** Starts one again after `stop`. */
  async resume(): Promise<void> {
    this.#isStopped = false;
    await this.start().catch((error: unknown) => this.#logCrash(error));
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
