// Starts Crossover in a process of its own and gives tests a handle on it: split, thread kills, drain,
// counters.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Config } from '#src/config/config.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import type { LogLine, ReloadResult } from '#src/shared-memory/messages.ts';
import type { BreakerTrace } from './breaker-trace.ts';
import { until } from './until.ts';
import type { RunningProxy } from './yardsticks.ts';

export type ChildOrder =
  | {
      readonly type: 'start';
      readonly config: Config;
      readonly weightPpm: number;
      readonly transport: 'raw' | 'stream';
    }
  | { readonly type: 'publish-split'; readonly weightPpm: number }
  | { readonly type: 'ports' }
  | { readonly type: 'terminate-worker'; readonly index: number }
  | { readonly type: 'terminate-control' }
  | { readonly type: 'reload'; readonly config: Config }
  | { readonly type: 'drain'; readonly isDelayed?: boolean }
  | { readonly type: 'trace-breakers'; readonly timeoutMs: number }
  | { readonly type: 'slabs' }
  | { readonly type: 'worker-counter'; readonly index: number };

export type ChildReport =
  | { readonly type: 'done'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly message: string }
  | { readonly type: 'log'; readonly line: LogLine };

export interface CrossoverOptions {
  readonly weightPpm?: number;
  readonly transport?: 'raw' | 'stream';
  /** `ulimit -n` of the process. */
  readonly fileDescriptorsMax?: number;
  /** Cores of the process, as taskset takes them. */
  readonly cores?: string;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

const childEntry = fileURLToPath(new URL('./crossover-child.ts', import.meta.url));

export class Crossover implements RunningProxy {
  port = 0;
  controlPort = 0;
  readonly log: LogLine[] = [];
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #errorsSeen = 0;
  #complaints = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.on('data', (text: Buffer) => {
      this.#complaints += text.toString();
    });
    child.on('message', (message: ChildReport) => this.#take(message));
    this.exited = new Promise((resolve) => {
      child.once('exit', (code) => {
        for (const { reject } of this.#pending.values())
          reject(new Error(`Crossover exited: ${this.#complaints}`));
        resolve(code);
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  #take(message: ChildReport): void {
    if (message.type === 'log') {
      this.log.push(message.line);
      return;
    }
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.type === 'done') pending?.resolve(message.value);
    else pending?.reject(new Error(message.message));
  }

  order(order: ChildOrder): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#child.send({ id, order });
    });
  }

  async start(config: Config, weightPpm: number, transport: 'raw' | 'stream'): Promise<void> {
    const ports = (await this.order({ type: 'start', config, weightPpm, transport })) as {
      proxyPort: number;
      controlPort: number;
    };
    this.port = ports.proxyPort;
    this.controlPort = ports.controlPort;
  }

  /** Ends the control thread as a crash would and waits until its replacement answers. */
  async replaceControl(): Promise<void> {
    await this.order({ type: 'terminate-control' });
    const answers = async (): Promise<boolean> => {
      const { controlPort } = (await this.order({ type: 'ports' })) as { controlPort: number };
      this.controlPort = controlPort;
      return fetch(`http://127.0.0.1:${controlPort}/livez`).then(
        ({ ok }) => ok,
        () => false,
      );
    };
    await until(answers, 'the next control API', () => this.log.slice(-8));
  }

  /** Ends a worker as a crash would and waits until its replacement beats. */
  async replaceWorker(index: number): Promise<void> {
    await this.order({ type: 'terminate-worker', index });
    const beat = async () => (await this.workerCounter(WORKER.heartbeat))[index] ?? 0;
    const last = await beat();
    await until(
      async () => (await beat()) !== last,
      'the next worker to beat',
      () => this.log.slice(-8),
    );
  }

  /** Has the supervisor take over another configuration, as a changed file would. */
  async reload(config: Config): Promise<ReloadResult> {
    return (await this.order({ type: 'reload', config })) as ReloadResult;
  }

  /** Writes the split cell directly, as the control thread would. */
  async publishSplit(weightPpm: number): Promise<void> {
    await this.order({ type: 'publish-split', weightPpm });
  }

  /** The counters of each worker as the memory holds them. */
  async slabs(): Promise<Float64Array[]> {
    const encoded = (await this.order({ type: 'slabs' })) as string[];
    return encoded.map((text) => {
      const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
      return new Float64Array(bytes.buffer);
    });
  }

  /** One counter of WORKER for each worker: a hundredth of what all of them take to bring over. */
  async workerCounter(index: number): Promise<number[]> {
    return (await this.order({ type: 'worker-counter', index })) as number[];
  }

  /** What fails on Y until each worker's breaker has opened, or so long. Per worker. */
  async traceBreakers(timeoutMs: number): Promise<BreakerTrace[]> {
    return (await this.order({ type: 'trace-breakers', timeoutMs })) as BreakerTrace[];
  }

  /** Error lines since the last call, or the exit. */
  problem(): string | null {
    const errors = this.log.slice(this.#errorsSeen).filter(({ level }) => level === 'error');
    this.#errorsSeen = this.log.length;
    if (this.#child.exitCode !== null)
      return `exited with ${this.#child.exitCode}: ${this.#complaints.slice(-500)}`;
    return errors.length === 0
      ? null
      : errors
          .map((line) => JSON.stringify(line))
          .join('\n')
          .slice(0, 500);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }
}

function spawnChild({ fileDescriptorsMax, cores }: CrossoverOptions): ChildProcess {
  const stdio: ['ignore', 'inherit', 'pipe', 'ipc'] = ['ignore', 'inherit', 'pipe', 'ipc'];
  const execArgv = ['--disable-warning=ExperimentalWarning'];
  if (fileDescriptorsMax === undefined && cores === undefined) return fork(childEntry, { stdio, execArgv });
  // Both are properties of the process and cannot be set from within Node.
  const limit = fileDescriptorsMax === undefined ? '' : `ulimit -n ${fileDescriptorsMax} && `;
  const pin = cores === undefined ? '' : `taskset -c ${cores} `;
  return fork(childEntry, {
    stdio,
    execPath: '/bin/sh',
    execArgv: ['-c', `${limit}exec ${pin}"$0" "$@"`, process.execPath, ...execArgv],
  });
}

/** Starts Crossover; resolves once it serves. The caller stops it. */
export async function startCrossover(config: Config, options: CrossoverOptions = {}): Promise<Crossover> {
  const crossover = new Crossover(spawnChild(options));
  try {
    await crossover.start(config, options.weightPpm ?? 0, options.transport ?? 'raw');
  } catch (error) {
    const lines = crossover.log.map((line) => JSON.stringify(line)).join('\n');
    await crossover.stop();
    throw new Error(`Crossover did not start: ${(error as Error).message}\n${lines}`);
  }
  return crossover;
}
