// The data plane as a worker assembles it, in the thread of the test: runtime over shared memory, listener on
// loopback, and upstreams on loopback that answer as the test says. Deadlines pass when the test moves the
// wheel on, and only then.
import type { TestContext } from 'node:test';
import type { Config } from '#src/config/config.ts';
import { ClientRegistry } from '#src/data-plane/client/client-registry.ts';
import { Listener } from '#src/data-plane/client/listener.ts';
import { Places } from '#src/data-plane/client/places.ts';
import { ExchangePool } from '#src/data-plane/exchange-pool.ts';
import { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { type Arm, type ClusterName, WORKER } from '#src/shared-memory/layout.ts';
import type { LogLine, NodeAssignment, WorkerStart } from '#src/shared-memory/messages.ts';
import { createSharedMemory, type SharedMemory } from '#src/shared-memory/shared-memory.ts';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import { type TestConfig, testConfig } from './crossover-config.ts';
import { type ReceivedRequest, ScriptedUpstream } from './scripted-upstream.ts';
import { Signal } from './signal.ts';
import { WireClient } from './wire-client.ts';

/** What a test waits for at most: only a test that fails takes so long. */
const _patienceMs = 60_000;

export interface DataPlaneOptions extends Omit<TestConfig, 'x' | 'y' | 'workers'> {
  /** Nodes of each cluster, one by default. */
  readonly nodes?: { readonly x?: number; readonly y?: number };
  /** Y's share of the requests, 0 by default. */
  readonly weightPpm?: number;
  readonly transport?: WorkerStart['transport'];
}

export interface Upstreams {
  readonly x: readonly ScriptedUpstream[];
  readonly y: readonly ScriptedUpstream[];
}

export class DataPlane {
  readonly runtime: WorkerRuntime;
  readonly memory: SharedMemory;
  readonly registry: ClientRegistry;
  readonly exchanges: ExchangePool;
  /** What the worker has logged; a mistake of ours is in it as an error. */
  readonly log: LogLine[] = [];
  readonly upstreams: Upstreams;
  readonly signal: Signal;
  readonly #listener: Listener;
  readonly #clients: WireClient[] = [];
  #port = 0;

  constructor(config: Config, upstreams: Upstreams, signal: Signal, transport: WorkerStart['transport']) {
    this.memory = createSharedMemory(1);
    this.upstreams = upstreams;
    this.signal = signal;
    const start: WorkerStart = {
      config,
      configRevision: 1,
      nodes: { x: assignments(upstreams.x), y: assignments(upstreams.y) },
      memory: this.memory,
      routes: { kind: 'derived', routes: [] },
      workerIndex: 0,
      transport,
    };
    this.runtime = new WorkerRuntime(start, (line) => this.log.push(line));
    this.registry = new ClientRegistry(this.runtime.slab, this.runtime.allSlabs);
    this.exchanges = new ExchangePool(this.runtime);
    const places = new Places(this.runtime, this.registry);
    this.runtime.makeRoom = (node) => places.forNode(node);
    this.#listener = new Listener(this.runtime, this.registry, this.exchanges, places);
  }

  get x(): ScriptedUpstream {
    return firstOf(this.upstreams.x);
  }

  get y(): ScriptedUpstream {
    return firstOf(this.upstreams.y);
  }

  /** Publishes a split, as the control thread does. */
  split(weightPpm: number): void {
    new SplitCell(this.memory.split).publish(weightPpm, 0);
  }

  /** A client on a connection of its own. `methods`: those of its requests, where they are not GET. */
  async connect(methods: readonly string[] = []): Promise<WireClient> {
    if (this.#port === 0)
      this.#port = (await this.#listener.bind({ host: '127.0.0.1', port: 0 }, false)).port;
    const client = new WireClient(this.#port, methods, this.signal.notify);
    this.#clients.push(client);
    return client;
  }

  /**
   * Resolves once the condition holds, looked at whenever something arrives anywhere; throws when it never
   * does.
   */
  async until(what: string, condition: () => boolean): Promise<void> {
    // What happens in the runtime alone makes no event here.
    const look = setInterval(this.signal.notify, 5);
    try {
      await this.signal.until(condition, what);
    } finally {
      clearInterval(look);
    }
  }

  /** The request that an upstream got as number `index`, once its head is there. */
  async received(upstream: ScriptedUpstream, index = 0): Promise<ReceivedRequest> {
    await this.until(`request ${index} at ${upstream.name}`, () => upstream.requests.length > index);
    return upstream.requests[index] as ReceivedRequest;
  }

  /** Lets the time of all deadlines go by, tick by tick as the worker's timer does. */
  advance(ms: number): void {
    const { wheel } = this.runtime;
    for (const untilMs = wheel.nowMs + ms; wheel.nowMs < untilMs; )
      wheel.advance(Math.min(untilMs, wheel.nowMs + wheel.tickMs));
  }

  counter(name: keyof typeof WORKER): number {
    return this.runtime.slab[WORKER[name]] as number;
  }

  /**
   * Counters of first attempts of an arm, in the epoch of the present split. `field`: an offset in ATTEMPT.
   */
  attempts(arm: Arm, field: number): number {
    const { runtime } = this;
    return runtime.slab[runtime.attemptOffset(arm, runtime.splitEpoch) + field] as number;
  }

  async close(): Promise<void> {
    for (const { socket } of this.#clients) socket.destroy();
    this.#listener.close();
    this.registry.cutAll();
    for (const { nodes } of this.runtime.clusters) for (const node of nodes) node.isDraining = true;
    for (const { nodes } of this.runtime.clusters) for (const node of nodes) node.emptyPool();
    const all = [...this.upstreams.x, ...this.upstreams.y];
    await Promise.all(all.filter(({ listening }) => listening).map((upstream) => upstream.stop()));
  }
}

const assignments = (upstreams: readonly ScriptedUpstream[]): NodeAssignment[] =>
  upstreams.map(({ port }, slot) => ({
    slot,
    id: `127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    draining: false,
  }));

function firstOf(upstreams: readonly ScriptedUpstream[]): ScriptedUpstream {
  const [first] = upstreams;
  if (first === undefined) throw new Error('the cluster has no node');
  return first;
}

async function startUpstreams(name: ClusterName, count: number, signal: Signal): Promise<ScriptedUpstream[]> {
  const upstreams = Array.from({ length: count }, () => new ScriptedUpstream(name, signal.notify));
  for (const upstream of upstreams) await upstream.listen();
  return upstreams;
}

/** Starts a data plane that ends with the test. Everything goes to X unless `weightPpm` says otherwise. */
export async function startDataPlane(t: TestContext, options: DataPlaneOptions = {}): Promise<DataPlane> {
  const { nodes = {}, weightPpm = 0, transport = 'raw', ...settings } = options;
  const signal = new Signal();
  const upstreams = {
    x: await startUpstreams('x', nodes.x ?? 1, signal),
    y: await startUpstreams('y', nodes.y ?? 1, signal),
  };
  const portsOf = (list: readonly ScriptedUpstream[]): number[] => list.map(({ port }) => port);
  const config = testConfig({ ...settings, x: portsOf(upstreams.x), y: portsOf(upstreams.y) });
  const plane = new DataPlane(config, upstreams, signal, transport);
  t.after(() => plane.close());
  if (weightPpm > 0) plane.split(weightPpm);
  return plane;
}
