// The supervisor makes the shared memory, starts the control thread and the proxy workers, replaces those
// that are lost, and passes messages on between them. It handles no traffic and takes no decisions, so that
// little in it can fail.
import process from 'node:process';
import type { Worker } from 'node:worker_threads';
import { unreachable } from '#src/base/assert.ts';
import type { Config, ConfigProblem, LoadResult } from '#src/config/config.ts';
import { formatHostPort } from '#src/config/net-address.ts';
import { assignSlots, type WantedNode } from '#src/core/routing/node-slots.ts';
import type { RouteSlots } from '#src/core/routing/route-slots.ts';
import type {
  LogLine,
  NodeAssignments,
  ReloadResult,
  ThreadStart,
  Unrecorded,
} from '#src/shared-memory/messages.ts';
import { createSharedMemory, type SharedMemory } from '#src/shared-memory/shared-memory.ts';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import { ControlHost, type ControlNews } from './control-host.ts';
import type { HandedOver } from './handed-over.ts';
import type { InheritedListeners } from './inherited-listeners.ts';
import type { ListeningSockets, NamedDescriptor } from './listening-sockets.ts';
import { assignNodes, forgetHealth } from './node-assignments.ts';
import { checkReload } from './reload.ts';
import { type Replaceable, Replacement, type ReplaceResult } from './replacement.ts';
import { isListenedOn } from './shared-port.ts';
import { StartError } from './start-error.ts';
import { startSuccessor } from './successor.ts';
import type { StoppedControl } from './thread-questions.ts';
import { WorkerPool } from './worker-pool.ts';

export interface SupervisorOptions {
  readonly config: Config;
  /** Path of the configuration file, to be shown. */
  readonly configPath: string;
  /** 'stream' uses net.Socket instead of Node's TCP handles. */
  readonly transport?: 'raw' | 'stream';
  readonly log?: (line: LogLine) => void;
  /** Reads the configuration again; without it a reload is refused. */
  readonly reload?: () => Promise<LoadResult>;
  /** Listening sockets that the process was started with. They are used instead of binding to `listen`. */
  readonly inherited?: InheritedListeners | null;
  /** What the process that this one replaces left; null or absent when there is none. */
  readonly handedOver?: HandedOver | null;
  /** Folder of this user in which commands find the process; null, or absent: it is not announced. */
  readonly runtimeFolder?: string | null;
  /** Threads that `preloadControl` and `preloadWorker` have started. */
  readonly preloaded?: { readonly control: Worker | null; readonly worker: Worker | null };
}

/** How a process has come to its end. */
export interface Drained {
  readonly cutExchanges: number;
  /** What is not on record; null when nobody could say. */
  readonly unrecorded: Unrecorded | null;
  /** Whether a thread is stuck in a system call: then only `endNow` ends the process. */
  readonly isStuck: boolean;
}

export interface Supervisor {
  readonly proxyPort: number;
  /** Of its first TCP listener; 0 while it does not listen, or on sockets alone. */
  readonly controlPort: number;
  /** Where the control API listens, as people write it; none while it does not. */
  readonly controlAddresses: readonly string[];
  readonly memory: SharedMemory;
  /** `timeouts.drainDelay` as it is now. */
  readonly drainDelayMs: number;
  /** How the first rollout ended. */
  readonly ended: Promise<'completed' | 'reverted'>;
  /** Reads the configuration again. It takes effect as a whole or not at all. */
  reload(): Promise<ReloadResult>;
  /**
   * Starts a new process in place of this one. When that serves, this one has to drain; when it does not,
   * this one goes on.
   */
  replace(): Promise<ReplaceResult>;
  /**
   * Says that it is not ready any more, stops accepting, lets requests under way finish, at most
   * `timeouts.drain` long, and then ends every thread that can be ended. With `isDelayed` it goes on
   * accepting for `timeouts.drainDelay` first; another call without it ends that wait.
   */
  drain(options?: { readonly isDelayed: boolean }): Promise<Drained>;
  /** Ends a worker's thread as a crash would; it is replaced. */
  terminateWorker(index: number): Promise<void>;
  terminateControl(): Promise<void>;
}

class Supervision implements Supervisor {
  readonly memory: SharedMemory;
  readonly ended: Promise<'completed' | 'reverted'>;
  readonly #options: SupervisorOptions;
  readonly #log: (line: LogLine) => void;
  readonly #workers: WorkerPool;
  readonly #control: ControlHost;
  #config: Config;
  #configRevision = 1;
  #nodes: NodeAssignments;
  /** Routes with their slots, as the control thread assigned them. */
  #routes: RouteSlots = { kind: 'derived', routes: [] };
  /** Listening sockets that the process was started with; null when workers bind. */
  #sockets: ListeningSockets | null = null;
  readonly #replacement: Replacement;
  /** Of the control thread that was stopped for a successor. */
  #unrecorded: Unrecorded | null = null;
  #isStopping = false;
  #drained: Promise<Drained> | null = null;
  /** Ends the wait before the drain. */
  #endDelay: () => void = () => {};
  #resolveEnded: (phase: 'completed' | 'reverted') => void = () => {};

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#log = options.log ?? (() => {});
    // Without SO_REUSEPORT only one worker can listen on the port.
    const workerCount =
      process.platform === 'linux' || process.platform === 'freebsd' ? options.config.workers : 1;
    this.memory = createSharedMemory(workerCount);
    const { handedOver = null } = options;
    // Whatever becomes of the store: clients of this process get the split that those of the one before have.
    const split = handedOver?.split ?? null;
    if (split !== null) new SplitCell(this.memory.split).publish(split.weightPpm, split.salt);
    this.#nodes = assignNodes({ x: [], y: [] }, options.config);
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#workers = new WorkerPool({
      memory: this.memory,
      transport: options.transport ?? (options.config.transport === 'stream' ? 'stream' : 'raw'),
      preloaded: options.preloaded?.worker ?? null,
      start: () => this.#threadStart(),
      listenDescriptors: async (index) => (await this.#sockets?.forWorker(index, workerCount)) ?? [],
      tellControl: (message) => this.#control.tell(message),
      log: this.#log,
    });
    this.#control = new ControlHost({
      start: () => ({
        ...this.#threadStart(),
        configPath: options.configPath,
        proxyPort: this.#sockets?.port ?? this.#config.listen.proxy.port,
        runtimeFolder: options.runtimeFolder ?? null,
      }),
      listenDescriptors: async () => (await this.#sockets?.forControl()) ?? [],
      waitsForFirst: options.inherited?.from === 'predecessor',
      preloaded: options.preloaded?.control ?? null,
      handedOver: handedOver?.control ?? null,
      onMessage: (message) => this.#onControlMessage(message),
      log: this.#log,
    });
    this.#replacement = new Replacement(this.#replaceable());
  }

  get proxyPort(): number {
    return this.#workers.port;
  }

  get controlPort(): number {
    return this.#control.ports[0] ?? 0;
  }

  get controlAddresses(): readonly string[] {
    return this.#control.addresses;
  }

  get drainDelayMs(): number {
    return this.#config.timeouts.drainDelayMs;
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

  /** Starts all threads at the same time. Workers take traffic when the recorded split is published. */
  async start(): Promise<void> {
    await this.#takeSockets();
    const { published, ready } = this.#control.start();
    try {
      await this.#workers.start(this.#config.listen.proxy.port, published);
      await ready;
    } catch (error) {
      // A worker that listens has clients already, and they have to be answered.
      if (this.#workers.isListening) await this.drain();
      else await this.#stopThreads();
      throw error;
    }
  }

  async #takeSockets(): Promise<void> {
    const { inherited = null } = this.#options;
    if (inherited === null) {
      await this.#refuseSharedPort();
      return;
    }
    // Only now: with node:crypto it is 0.8 MiB, which a process without inherited sockets never needs.
    const { ListeningSockets } = await import('./listening-sockets.ts');
    this.#sockets = await ListeningSockets.take(inherited, this.#config);
    const { port } = this.#sockets;
    const configured = this.#config.listen.proxy.port;
    if (configured === 0 || configured === port) return;
    const fields = { configured, inherited: port };
    const message =
      'the proxy listens on the port of the socket it was started with, not on that of listen.proxy';
    this.#log({ level: 'warn', message, fields });
  }

  /**
   * Refuses a port on which another process listens, unless that is meant: each would split its part of the
   * connections in its own way, and nobody would notice.
   */
  async #refuseSharedPort(): Promise<void> {
    const { proxy, shared } = this.#config.listen;
    if (shared || proxy.port === 0 || this.#config.workers === 1 || !(await isListenedOn(proxy))) return;
    throw new StartError(
      'EADDRINUSE',
      `another process listens on listen.proxy (${formatHostPort(proxy)}): set listen.shared: true in both when each is to get a part of the connections`,
    );
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
        this.#workers.tell(message);
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
    const samples = await this.#workers.collectSamples(requestId);
    this.#control.tell({ type: 'samples', requestId, samples });
  }

  #setNodes(requestId: number, cluster: 'x' | 'y', wanted: readonly WantedNode[]): void {
    let problem: string | null = null;
    try {
      this.#useNodes({ ...this.#nodes, [cluster]: assignSlots(this.#nodes[cluster], wanted) });
      this.#workers.tell({ type: 'nodes', nodes: this.#nodes });
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    this.#control.tell({ type: 'nodes-applied', requestId, nodes: this.#nodes, problem });
  }

  // ---- configuration ----

  async reload(): Promise<ReloadResult> {
    const loaded = await this.#options.reload?.();
    const current = { config: this.#config, nodes: this.#nodes, configPath: this.#options.configPath };
    const checked = checkReload({ ...current, loaded });
    if (!checked.ok) {
      this.#tellRefused(checked.problems);
      return checked;
    }
    const { config, nodes, changed, warnings } = checked;
    this.#config = config;
    const configRevision = ++this.#configRevision;
    this.#useNodes(nodes);
    const change = { type: 'configure', config, configRevision, nodes } as const;
    this.#workers.tell(change);
    this.#control.tell({ ...change, changed });
    return { ok: true, configRevision, changed, warnings };
  }

  /** The event is in the log as well; without a control thread there is no event. */
  #tellRefused(problems: readonly ConfigProblem[]): void {
    const isTold = this.#control.tell({
      type: 'lifecycle',
      name: 'reload-refused',
      detail: { problems },
    });
    const message = 'reload refused; the old configuration stays';
    if (!isTold) this.#log({ level: 'error', message, fields: { problems } });
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
      stopControl: async () => {
        this.#unrecorded = (await this.#control.stop()).left?.unrecorded ?? null;
      },
      resumeControl: () => this.#control.resume(),
      start: (sockets) => startSuccessor(sockets, this.#handOver()),
      tell: (name, detail) => this.#control.tell({ type: 'lifecycle', name, detail }),
    };
  }

  #handOver(): HandedOver {
    const { epoch, weightPpm, salt } = new SplitCell(this.memory.split).read();
    return { split: epoch === 0 ? null : { weightPpm, salt }, control: this.#control.handOver };
  }

  #boundSockets(): NamedDescriptor[] {
    return this.#workers.descriptors().map((descriptor) => ({ name: 'proxy', descriptor }));
  }

  drain({ isDelayed = false } = {}): Promise<Drained> {
    if (!isDelayed) this.#endDelay();
    this.#drained ??= this.#drain(isDelayed ? this.#config.timeouts.drainDelayMs : 0);
    return this.#drained;
  }

  async #drain(delayMs: number): Promise<Drained> {
    if (delayMs === 0) this.#workers.stopReplacing();
    this.#control.tell({ type: 'draining' });
    await this.#replacement.abandon();
    if (delayMs > 0) await this.#delay(delayMs);
    // The workers close their descriptors too. Then a socket that no other process has refuses connections,
    // which would wait else.
    this.#sockets?.close();
    const cutExchanges = await this.#workers.drain(this.#config.timeouts.drainMs);
    const { hasEnded, left } = await this.#stopThreads();
    return { cutExchanges, unrecorded: left?.unrecorded ?? this.#unrecorded, isStuck: !hasEnded };
  }

  #delay(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endDelay = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #stopThreads(): Promise<StoppedControl> {
    this.#isStopping = true;
    this.#workers.stopReplacing();
    const stopped = await this.#control.stop();
    await this.#workers.stop();
    return stopped;
  }

  async terminateWorker(index: number): Promise<void> {
    await this.#workers.terminate(index);
  }

  async terminateControl(): Promise<void> {
    await this.#control.terminate();
  }
}

/** Starts everything. Rejects with StartError, with nothing left running, when a port cannot be bound. */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const supervision = new Supervision(options);
  await supervision.start();
  return supervision;
}
