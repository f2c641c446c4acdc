// Replaces the process by a new one without losing a connection: hands it the listening sockets, waits until it serves, and
// otherwise goes on as before. The control thread ends before the new process starts, so that no two control a rollout.
import type { Config, LoadResult } from '#src/config/config.ts';
import { formatHostPort } from '#src/config/net-address.ts';
import type { LifecycleName } from '#src/shared-memory/messages.ts';
import type { NamedDescriptor } from './listening-sockets.ts';
import type { Successor } from './successor.ts';

/** A start takes a second or two, more on a machine that is busy with the old process. Until then no rollout is controlled. */
export const successorReadyMs = 30_000;

export type ReplaceResult =
  | { readonly ok: true; readonly pid: number }
  | { readonly ok: false; readonly reason: string };

/** What of the running process a replacement needs. */
export interface Replaceable {
  /** The process; 1 is a container's first, with which everything in the container ends. */
  readonly pid: number;
  /** The process with which systemd ends the service (SYSTEMD_EXEC_PID); null elsewhere. */
  readonly servicePid: number | null;
  config(): Config;
  /** Reads the config again, which is what the new process will do; undefined when there is no file. */
  loadConfig(): Promise<LoadResult | undefined>;
  /** The listening sockets, open until the process drains. */
  sockets(): readonly NamedDescriptor[];
  /** From here on no rollout is controlled, and store and control port are free. */
  stopControl(): Promise<void>;
  resumeControl(): Promise<void>;
  start(sockets: readonly NamedDescriptor[]): Successor;
  /** For the record. */
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

  /** Resolves when the new process serves, and this one has to drain; or when this one goes on, with the reason. */
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

  /** The process ends: a successor that does not serve yet ends with it. */
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
      // Asked again: a worker that was lost meanwhile has another socket now.
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

/** Why the successor does not serve; null when it does. */
async function inTime(successor: Successor): Promise<string | null> {
  const late = Promise.withResolvers<string>();
  const seconds = successorReadyMs / 1000;
  const timer = setTimeout(() => late.resolve(`it was not ready within ${seconds} s`), successorReadyMs);
  const problem = await Promise.race([successor.outcome, late.promise]);
  clearTimeout(timer);
  return problem;
}
