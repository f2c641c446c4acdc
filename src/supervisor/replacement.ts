// Replaces the process by a new one without losing a connection: starts it with the listening sockets and
// waits until it serves. When it does not, this process goes on as before. The control thread is stopped
// before the new process starts, so that two processes never control one rollout.
import type { Config, LoadResult } from '#src/config/config.ts';
import { formatHostPort } from '#src/config/net-address.ts';
import type { LifecycleName } from '#src/shared-memory/messages.ts';
import type { NamedDescriptor } from './listening-sockets.ts';
import type { Successor } from './successor.ts';

/**
 * How long a new process may take until it serves. A start takes a second or two, and longer while the
 * machine is busy with the old process. Nothing controls the rollout meanwhile.
 */
export const successorReadyMs = 30_000;

export type ReplaceResult =
  | { readonly ok: true; readonly pid: number }
  | { readonly ok: false; readonly reason: string };

/** What a replacement needs of the running process. */
export interface Replaceable {
  /** Its id; 1 for the first process of a container, with which all others in the container end. */
  readonly pid: number;
  /**
   * Id of the main process of a systemd service, whose end ends the service (SYSTEMD_EXEC_PID); null
   * elsewhere.
   */
  readonly servicePid: number | null;
  config(): Config;
  /** Reads the configuration again, as the new process will; undefined when there is no file. */
  loadConfig(): Promise<LoadResult | undefined>;
  /** The listening sockets, which stay open until the process drains. */
  sockets(): readonly NamedDescriptor[];
  /** Stops the control thread: store and control port are free then, and nothing controls the rollout. */
  stopControl(): Promise<void>;
  resumeControl(): Promise<void>;
  start(sockets: readonly NamedDescriptor[]): Successor;
  /** Sends an event to the record. */
  tell(name: LifecycleName, detail: Readonly<Record<string, unknown>>): void;
}

export class Replacement {
  readonly #process: Replaceable;
  #isUnderWay = false;
  #isAbandoned = false;
  #successor: Successor | null = null;

  constructor(process: Replaceable) {
    this.#process = process;
  }

  /**
   * Resolves with ok when the new process serves and this one has to drain, else with the reason why this one
   * goes on.
   */
  async replace(): Promise<ReplaceResult> {
    if (this.#isUnderWay) return { ok: false, reason: 'the process is being replaced already' };
    this.#isUnderWay = true;
    const refusal = await this.#refusal();
    if (refusal !== null) {
      this.#isUnderWay = false;
      this.#process.tell('replace-refused', { reason: refusal });
      return { ok: false, reason: refusal };
    }
    return this.#handOver();
  }

  /** Called when the process ends: also ends a new process that does not serve yet. */
  async abandon(): Promise<void> {
    this.#isUnderWay = true;
    this.#isAbandoned = true;
    await this.#successor?.end();
  }

  async #refusal(): Promise<string | null> {
    const { pid, servicePid } = this.#process;
    if (pid === 1)
      return 'this is process 1 of a container, which ends when it ends; start another container instead';
    if (pid === servicePid)
      return 'systemd would end the service with this process; use a .socket unit and systemctl restart';
    if (process.platform === 'win32') return 'Windows has no descriptors to hand over';
    const loaded = await this.#process.loadConfig();
    if (loaded === undefined) return 'this process has no config file to start another one with';
    if (!loaded.ok) {
      const problems = loaded.problems.map(
        ({ file, line, column, path, message }) => `${file}:${line}:${column}: ${path}: ${message}`,
      );
      return `the configuration is wrong: ${problems.join('; ')}`;
    }
    const from = formatHostPort(this.#process.config().listen.proxy);
    const to = formatHostPort(loaded.config.listen.proxy);
    if (from !== to)
      return `listen.proxy changes from ${from} to ${to}, but the sockets are handed over as they are; restart to move them`;
    return this.#process.sockets().length === 0 ? 'no worker listens, there is nothing to hand over' : null;
  }

  async #handOver(): Promise<ReplaceResult> {
    const running = this.#process;
    running.tell('replacing', { pid: running.pid });
    await running.stopControl();
    if (this.#isAbandoned) return { ok: false, reason: 'the process ends' };
    let problem: string | null;
    let pid = 0;
    try {
      // The list is made again here, because a worker that was lost meanwhile has another socket now.
      const successor = running.start(running.sockets());
      this.#successor = successor;
      pid = successor.pid;
      problem = await inTime(successor);
      this.#successor = null;
      if (problem === null) return { ok: true, pid };
      await successor.end();
    } catch (error) {
      problem = `it could not be started: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (this.#isAbandoned) return { ok: false, reason: 'the process ends' };
    await running.resumeControl();
    this.#isUnderWay = false;
    const reason = `the new process ${pid === 0 ? '' : `${pid} `}does not serve: ${problem}`;
    running.tell('replace-failed', { reason });
    return { ok: false, reason };
  }
}

/** Why the new process does not serve; null when it does. */
async function inTime(successor: Successor): Promise<string | null> {
  const late = Promise.withResolvers<string>();
  const seconds = successorReadyMs / 1000;
  const timer = setTimeout(() => late.resolve(`it was not ready within ${seconds} s`), successorReadyMs);
  const problem = await Promise.race([successor.outcome, late.promise]);
  clearTimeout(timer);
  return problem;
}
