// The supervisor: makes the shared memory, starts the control thread and the proxy workers, replaces those that are lost, and
// passes the few control messages on. It carries no traffic and takes no decision, so that nothing in it can fail.
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import { unreachable } from '#src/base/assert.ts';
import type { Config, LoadResult } from '#src/config/config.ts';
import { assignSlots, type WantedNode } from '#src/core/routing/node-slots.ts';
import type { RouteSlots } from '#src/core/routing/route-slots.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import type {
  FromWorker,
  LogLine,
  NodeAssignments,
  ReloadResult,
  ThreadStart,
  ToWorker,
  WorkerStart,
} from '#src/shared-memory/messages.ts';
import { createSharedMemory, type SharedMemory } from '#src/shared-memory/shared-memory.ts';
import { ControlHost, type ControlNews } from './supervisor/control-host.ts';
import type { InheritedListeners } from './supervisor/inherited-listeners.ts';
import { ListeningSockets, type NamedDescriptor } from './supervisor/listening-sockets.ts';
import { assignNodes, forgetHealth } from './supervisor/node-assignments.ts';
import { judgeReload } from './supervisor/reload.ts';
import { type Replaceable, Replacement, type ReplaceResult } from './supervisor/replacement.ts';
import { Restarts, type ThreadSlot } from './supervisor/restarts.ts';
import { StartError } from './supervisor/start-error.ts';
import { startSuccessor } from './supervisor/successor.ts';
import { collectSamples, drainWorker } from './supervisor/thread-questions.ts';

export interface SupervisorOptions {
  readonly config: Config;
  /** Where the config came from, for reports. */
  readonly configPath: string;
  /** 'stream' uses net.Socket instead of raw TCP handles. */
  readonly transport?: 'raw' | 'stream';
  readonly log?: (line: LogLine) => void;
  /** Reads the config again; without it a reload is refused. */
  readonly reload?: () => Promise<LoadResult>;
  /** Listening sockets that the process was started with, to be used instead of `listen`. */
  readonly inherited?: InheritedListeners | null;
  /** A control thread that was started ahead, by `preloadControl`. */
  readonly preloadedControl?: Worker | null;
}

export interface Supervisor {
  readonly proxyPort: number;
  readonly controlPort: number;
  readonly memory: SharedMemory;
  /** How the first rollout ended. */
  readonly ended: Promise<'completed' | 'reverted'>;
  /** Reads the config again: all of it takes effect, or none. */
  reload(): Promise<ReloadResult>;
  /** Starts a new process in place of this one, which has to drain once that serves. When it does not, this one goes on. */
  replace(): Promise<ReplaceResult>;
  /** Stops accepting, finishes what is under way until timeouts.drain, then ends every thread. */
  drain(): Promise<{ cutExchanges: number }>;
  /** Ends a thread as a crash would; it is replaced. */
  terminateWorker(index: number): Promise<void>;
  terminateControl(): Promise<void>;
}

interface StartingWorker {
  readonly prepared: Promise<void>;
  /** The port it listens on. */
  readonly listening: Promise<number>;
}

type ProxySlot = ThreadSlot & { descriptors: readonly number[] };

class Supervision implements Supervisor {
  readonly memory: SharedMemory;
  readonly ended: Promise<'completed' | 'reverted'>;
  proxyPort = 0;
  readonly #options: SupervisorOptions;
  readonly #log: (line: LogLine) => void;
  readonly #workers: ProxySlot[];
  readonly #control: ControlHost;
  readonly #restarts = new Restarts();
  #config: Config;
  #configRevision = 1;
  #nodes: NodeAssignments;
  /** Routes with slots of their own, as the control thread handed them out. */
  #routes: RouteSlots = { kind: 'derived', routes: [] };
  /** What the process was started with; null when workers bind. */
  #sockets: ListeningSockets | null = null;
  readonly #replacement: Replacement;
  #isStopping = false;
  #drained: Promise<{ cutExchanges: number }> | null = null;
  #resolveEnded: (phase: 'completed' | 'reverted') => void = () => {};

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#log = options.log ?? (() => {});
    // Without SO_REUSEPORT only one worker can own the port.
    const workerCount =
      process.platform === 'linux' || process.platform === 'freebsd' ? options.config.workers : 1;
    this.memory = createSharedMemory(workerCount);
    this.#workers = Array.from({ length: workerCount }, () => ({
      thread: null,
      crashes: [],
      descriptors: [],
    }));
    this.#nodes = assignNodes({ x: [], y: [] }, options.config);
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#control = new ControlHost({
      start: () => ({ ...this.#threadStart(), configPath: options.configPath }),
      listenDescriptor: async () => (await this.#sockets?.forControl()) ?? null,
      isPatient: options.inherited?.from === 'predecessor',
      preloaded: options.preloadedControl ?? null,
      onMessage: (message) => this.#onControlMessage(message),
      log: this.#log,
    });
    this.#replacement = new Replacement(this.#replaceable());
  }

  get controlPort(): number {
    return this.#control.port;
  }

  #threadStart(): ThreadStart {
    return {
      config: this.#config,
      configRevision: this.#configRevision,
      nodes: this.#nodes,
      memory: this.memory,
      routes: this.#routes,
    };
  }

  /** Threads load side by side; workers take traffic once the recorded split is in place. */
  async start(): Promise<void> {
    await this.#takeSockets();
    const { published, ready } = this.#control.start();
    const workers = this.#workers.map((_, index) => this.#startWorker(index));
    for (const { prepared, listening } of workers)
      for (const promise of [prepared, listening]) promise.catch(() => {});
    try {
      await Promise.all([published, ...workers.map(({ prepared }) => prepared)]);
      this.proxyPort = this.#config.listen.proxy.port;
      for (const [index, { listening }] of workers.entries()) {
        // One after the other: with port 0 the first finds the port that the others share.
        await this.#tellToListen(index);
        this.proxyPort = await listening;
      }
      await ready;
    } catch (error) {
      await this.#stopThreads();
      throw error;
    }
  }

  async #takeSockets(): Promise<void> {
    const { inherited = null } = this.#options;
    if (inherited === null) return;
    this.#sockets = await ListeningSockets.take(inherited, this.#config);
    const { port } = this.#sockets;
    const configured = this.#config.listen.proxy.port;
    if (configured === 0 || configured === port) return;
    const fields = { configured, inherited: port };
    const message =
      'the proxy listens on the port of the socket it was started with, not on that of listen.proxy';
    this.#log({ level: 'warn', message, fields });
  }

  // ---- workers ----

  /** Starts a worker's thread; it listens when told to. Both promises reject when it can't or ends before. */
  #startWorker(index: number): StartingWorker {
    const workerData: WorkerStart = {
      ...this.#threadStart(),
      workerIndex: index,
      transport: this.#options.transport ?? 'raw',
    };
    const slot = this.#workers[index] as ProxySlot;
    const thread = new Worker(new URL('./data-plane/worker.ts', import.meta.url), {
      workerData,
      name: `proxy-${index}`,
    });
    slot.thread = thread;
    const prepared = Promise.withResolvers<void>();
    const listening = Promise.withResolvers<number>();
    const failed = (error: StartError) => {
      prepared.reject(error);
      listening.reject(error);
    };
    thread.on('message', (message: FromWorker) => {
      if (message.type === 'log') this.#log(message.line);
      if (message.type === 'route-seen') this.#control.tell(message);
      if (message.type === 'prepared') prepared.resolve();
      if (message.type === 'listening') {
        slot.descriptors = message.descriptors;
        listening.resolve(message.port);
      }
      if (message.type === 'failed-to-listen') failed(new StartError(message.code, message.message));
    });
    thread.on('error', (error) => this.#logCrash(`proxy-${index}`, error));
    thread.on('exit', () => {
      if (slot.thread === thread) slot.thread = null;
      slot.descriptors = [];
      failed(new StartError('EXITED', `proxy worker ${index} ended before it listened`));
      this.#workerLost(index, slot);
    });
    return { prepared: prepared.promise, listening: listening.promise };
  }

  async #replaceWorker(index: number): Promise<void> {
    const { prepared, listening } = this.#startWorker(index);
    listening.catch(() => {});
    await prepared;
    await this.#tellToListen(index);
    await listening;
  }

  async #tellToListen(index: number): Promise<void> {
    const descriptors = (await this.#sockets?.forWorker(index, this.#workers.length)) ?? [];
    this.#tellWorker(index, { type: 'listen', port: this.proxyPort, descriptors });
  }

  #tellWorker(index: number, message: ToWorker): void {
    this.#workers[index]?.thread?.postMessage(message);
  }

  #workerLost(index: number, slot: ThreadSlot): void {
    if (this.#isStopping || this.#drained !== null) return;
    const slab = new Float64Array(this.memory.slabs[index] as SharedArrayBuffer);
    const detail = {
      worker: index,
      connections: slab[WORKER.connectionsOpen],
      requests: (slab[WORKER.inFlightX] as number) + (slab[WORKER.inFlightY] as number),
    };
    slab[WORKER.connectionsOpen] = 0;
    this.#control.tell({ type: 'lifecycle', name: 'worker-lost', detail });
    this.#log({ level: 'error', message: 'proxy worker lost', fields: detail });
    this.#restarts.schedule(slot, async () => {
      try {
        await this.#replaceWorker(index);
        this.#control.tell({ type: 'lifecycle', name: 'worker-replaced', detail: { worker: index } });
        this.#log({ level: 'info', message: 'proxy worker replaced', fields: { worker: index } });
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        const fields = { worker: index, error: text };
        this.#log({ level: 'error', message: 'proxy worker could not be replaced', fields });
      }
    });
  }

  // ---- control thread ----

  #onControlMessage(message: ControlNews): void {
    switch (message.type) {
      case 'log':
        this.#log(message.line);
        return;
      case 'reload': {
        const { requestId } = message;
        void this.reload().then((result) => this.#control.tell({ type: 'reload-result', requestId, result }));
        return;
      }
      case 'set-nodes':
        this.#setNodes(message.requestId, message.cluster, message.nodes);
        return;
      case 'routes':
        this.#routes = message.routes;
        this.#tellWorkers(message);
        return;
      case 'report-samples':
        void this.#collectSamples(message.requestId);
        return;
      case 'rollout-ended':
        this.#resolveEnded(message.phase);
        return;
      case 'stopped':
        return;
      default:
        unreachable(message);
    }
  }

  async #collectSamples(requestId: number): Promise<void> {
    const threads = this.#workers.flatMap(({ thread }) => thread ?? []);
    this.#control.tell({ type: 'samples', requestId, samples: await collectSamples(threads, requestId) });
  }

  #setNodes(requestId: number, cluster: 'x' | 'y', wanted: readonly WantedNode[]): void {
    let problem: string | null = null;
    try {
      this.#useNodes({ ...this.#nodes, [cluster]: assignSlots(this.#nodes[cluster], wanted) });
      this.#tellWorkers({ type: 'nodes', nodes: this.#nodes });
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    this.#control.tell({ type: 'nodes-applied', requestId, nodes: this.#nodes, problem });
  }

  // ---- configuration ----

  async reload(): Promise<ReloadResult> {
    const loaded = await this.#options.reload?.();
    const current = { config: this.#config, nodes: this.#nodes, configPath: this.#options.configPath };
    const judged = judgeReload({ ...current, loaded });
    if (!judged.ok) {
      this.#control.tell({
        type: 'lifecycle',
        name: 'reload-refused',
        detail: { problems: judged.problems },
      });
      return judged;
    }
    const { config, nodes, changed, warnings } = judged;
    this.#config = config;
    const configRevision = ++this.#configRevision;
    this.#useNodes(nodes);
    const change = { type: 'configure', config, configRevision, nodes } as const;
    this.#tellWorkers(change);
    this.#control.tell({ ...change, changed });
    return { ok: true, configRevision, changed, warnings };
  }

  #useNodes(nodes: NodeAssignments): void {
    forgetHealth(this.memory, this.#nodes, nodes);
    this.#nodes = nodes;
  }

  // ---- the end ----

  async replace(): Promise<ReplaceResult> {
    if (this.#isStopping || this.#drained !== null) return { ok: false, reason: 'the process ends' };
    return this.#replacement.replace();
  }

  #replaceable(): Replaceable {
    return {
      pid: process.pid,
      servicePid: Number(process.env.SYSTEMD_EXEC_PID ?? 0) || null,
      config: () => this.#config,
      loadConfig: async () => this.#options.reload?.(),
      sockets: () => this.#sockets?.list() ?? this.#boundSockets(),
      stopControl: () => this.#control.stop(),
      resumeControl: () => this.#control.resume(),
      start: startSuccessor,
      tell: (name, detail) => this.#control.tell({ type: 'lifecycle', name, detail }),
    };
  }

  #boundSockets(): NamedDescriptor[] {
    const descriptors = this.#workers.flatMap((slot) => slot.descriptors);
    return descriptors.map((descriptor) => ({ name: 'proxy', descriptor }));
  }

  drain(): Promise<{ cutExchanges: number }> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  async #drain(): Promise<{ cutExchanges: number }> {
    this.#control.tell({ type: 'draining' });
    await this.#replacement.abandon();
    // Workers close theirs: then a socket that nobody else has refuses connections instead of letting them wait.
    this.#sockets?.close();
    const { drainMs } = this.#config.timeouts;
    const counts = await Promise.all(this.#workers.map(({ thread }) => drainWorker(thread, drainMs)));
    await this.#stopThreads();
    return { cutExchanges: counts.reduce((sum, count) => sum + count, 0) };
  }

  async #stopThreads(): Promise<void> {
    this.#isStopping = true;
    this.#restarts.stop();
    await this.#control.stop();
    await Promise.all(this.#workers.map(({ thread }) => thread?.terminate()));
  }

  async terminateWorker(index: number): Promise<void> {
    await this.#workers[index]?.thread?.terminate();
  }

  async terminateControl(): Promise<void> {
    await this.#control.terminate();
  }

  // ---- small things ----

  #tellWorkers(message: ToWorker): void {
    for (const index of this.#workers.keys()) this.#tellWorker(index, message);
  }

  #logCrash(thread: string, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#log({ level: 'error', message: `${thread} crashed`, fields: { error: text } });
  }
}

/** Starts everything; rejects with StartError when a port can't be had, with nothing left running. */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const supervision = new Supervision(options);
  await supervision.start();
  return supervision;
}
