// The data plane of a worker on sockets without a network: runtime, registry and exchanges are those of
// production, and each step of a test is one call. For what depends on order and timing; what depends on the
// system has data-plane-assembly.ts.
import { ClientConnection } from '#src/data-plane/client/client-connection.ts';
import { ClientRegistry } from '#src/data-plane/client/client-registry.ts';
import { Places } from '#src/data-plane/client/places.ts';
import { ExchangePool } from '#src/data-plane/exchange-pool.ts';
import type { ConnectingOwner } from '#src/data-plane/transport/socket.ts';
import type { UpstreamNode } from '#src/data-plane/upstream/upstream-node.ts';
import { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { type Arm, WORKER } from '#src/shared-memory/layout.ts';
import type { LogLine, WorkerStart } from '#src/shared-memory/messages.ts';
import { createSharedMemory, type SharedMemory } from '#src/shared-memory/shared-memory.ts';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import { type TestConfig, testConfig } from './crossover-config.ts';
import { FakeSocket } from './fake-socket.ts';

export interface FakePlaneOptions extends Omit<TestConfig, 'x' | 'y' | 'workers'> {
  /** No node takes requests: each is answered with 503 at once. */
  readonly isDown?: boolean;
}

/** A connection to a node, as the node sees it. */
export class FakeUpstream extends FakeSocket {
  readonly node: UpstreamNode;
  readonly #owner: ConnectingOwner;

  constructor(node: UpstreamNode, owner: ConnectingOwner) {
    super(owner);
    this.node = node;
    this.#owner = owner;
  }

  /** The node accepts. */
  accept(): void {
    if (!this.isOpen) return;
    this.resume();
    this.#owner.onConnected();
  }
}

export interface FakeClient {
  readonly socket: FakeSocket;
  readonly connection: ClientConnection;
}

export class FakePlane {
  readonly runtime: WorkerRuntime;
  readonly memory: SharedMemory;
  readonly registry: ClientRegistry;
  readonly exchanges: ExchangePool;
  readonly places: Places;
  readonly log: LogLine[] = [];
  /** Connections to nodes, in the order in which they were begun. */
  readonly upstreams: FakeUpstream[] = [];
  /** Connects succeed by themselves, as soon as nothing else runs. */
  accepts = true;

  constructor({ isDown = false, ...settings }: FakePlaneOptions = {}) {
    this.memory = createSharedMemory(1);
    const node = (id: string, port: number) => ({ slot: 0, id, host: '127.0.0.1', port, draining: isDown });
    const start: WorkerStart = {
      config: testConfig({ ...settings, x: [1], y: [2] }),
      configRevision: 1,
      nodes: { x: [node('x1', 1)], y: [node('y1', 2)] },
      memory: this.memory,
      routes: { kind: 'derived', routes: [] },
      workerIndex: 0,
      transport: 'stream',
    };
    this.runtime = new WorkerRuntime(start, (line) => this.log.push(line));
    this.runtime.connectUpstream = (node, owner) => this.#connectUpstream(node, owner);
    this.registry = new ClientRegistry(this.runtime.slab, this.runtime.allSlabs);
    this.exchanges = new ExchangePool(this.runtime);
    this.places = new Places(this.runtime, this.registry);
    this.runtime.makeRoom = (node) => this.places.forNode(node);
  }

  #connectUpstream(node: UpstreamNode, owner: ConnectingOwner): FakeUpstream {
    const upstream = new FakeUpstream(node, owner);
    this.upstreams.push(upstream);
    if (this.accepts) queueMicrotask(() => upstream.accept());
    return upstream;
  }

  connect(): FakeClient {
    const connection = new ClientConnection(this.runtime, this.registry, this.exchanges);
    const socket = new FakeSocket(connection);
    this.registry.add(connection);
    connection.begin(socket);
    return { socket, connection };
  }

  /** The connection to a node that was begun as number `index`. */
  upstream(index = 0): FakeUpstream {
    const upstream = this.upstreams[index];
    if (upstream === undefined) throw new Error(`there is no connection ${index} to a node`);
    return upstream;
  }

  split(weightPpm: number): void {
    new SplitCell(this.memory.split).publish(weightPpm, 0);
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
}
