// A worker's runtime in the thread of the test, over shared memory, whose sockets are the test's: clients are
// written to and read from as text, and connects to nodes end as the test says, with any system error.
// Deadlines pass when the test says so.
import type { Config } from '#src/config/config.ts';
import { failureCauses } from '#src/core/telemetry/failure-cause.ts';
import type { OwnResource, ShortOperation } from '#src/core/telemetry/own-shortage.ts';
import { ClientConnection } from '#src/data-plane/client/client-connection.ts';
import { ClientRegistry } from '#src/data-plane/client/client-registry.ts';
import { ExchangePool } from '#src/data-plane/exchange-pool.ts';
import type { ConnectingOwner, Socket, SocketOwner } from '#src/data-plane/transport/socket.ts';
import type { UpstreamNode } from '#src/data-plane/upstream/upstream-node.ts';
import { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { PPM } from '#src/limits.ts';
import {
  type Arm,
  attemptOffset,
  type ClusterName,
  causesOffset,
  epochSlots,
  shortageOffset,
  WORKER,
} from '#src/shared-memory/layout.ts';
import type { LogLine, NodeAssignment } from '#src/shared-memory/messages.ts';
import { createSharedMemory, type SharedMemory } from '#src/shared-memory/shared-memory.ts';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import { documentedTimeouts, testConfig } from './crossover-config.ts';

/**
 * A socket that takes everything at once, unless the test holds it back, and writes down what is sent on it.
 */
export class FakeSocket<Owner extends SocketOwner = SocketOwner> implements Socket {
  owner: SocketOwner;
  readonly firstOwner: Owner;
  readonly remoteAddress = '127.0.0.1';
  isOpen = true;
  hasPendingWrites = false;
  readonly pendingBytes = 0;
  sent = '';
  /** The next writes wait. */
  isStalled = false;

  constructor(owner: Owner) {
    this.owner = owner;
    this.firstOwner = owner;
  }

  write(bytes: Uint8Array, from: number, to: number): boolean {
    this.sent += Buffer.from(bytes.subarray(from, to)).toString('latin1');
    if (this.isStalled) this.hasPendingWrites = true;
    return !this.isStalled;
  }

  writeShared(bytes: Buffer, from: number, to: number): boolean {
    return this.write(bytes, from, to);
  }

  pause(): void {}
  resume(): void {}
  shutdown(): void {}

  destroy(): void {
    this.isOpen = false;
  }

  reset(): void {
    this.isOpen = false;
  }

  // ---- what happens on it ----

  receive(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    if (this.isOpen) this.owner.onBytes(bytes, bytes.length);
  }

  end(): void {
    if (this.isOpen) this.owner.onEnd();
  }

  /** Fails as the transport does: closed, then reported. */
  fail(code: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.owner.onFailed(code);
  }
}

export class FakeNodeSocket extends FakeSocket<ConnectingOwner> {
  readonly node: UpstreamNode;

  constructor(node: UpstreamNode, owner: ConnectingOwner) {
    super(owner);
    this.node = node;
  }

  connect(): this {
    this.firstOwner.onConnected();
    return this;
  }
}

export interface FakeWorkerOptions {
  /** Nodes of each cluster, one by default. */
  readonly x?: number;
  readonly y?: number;
  /** Y's share, all by default. */
  readonly weightPpm?: number;
  readonly failover?: Partial<Config['failover']>;
}

export class FakeWorker {
  readonly runtime: WorkerRuntime;
  readonly memory: SharedMemory;
  readonly log: LogLine[] = [];
  /** Every connect so far. */
  readonly connects: FakeNodeSocket[] = [];
  /**
   * System error with which every further connect fails at once, on a later microtask; null: it ends as the
   * test says.
   */
  failsWith: string | null = null;
  readonly #registry: ClientRegistry;
  readonly #exchanges: ExchangePool;

  constructor({ x = 1, y = 1, weightPpm = PPM, failover = {} }: FakeWorkerOptions = {}) {
    this.memory = createSharedMemory(1);
    new SplitCell(this.memory.split).publish(weightPpm, 1);
    this.runtime = new WorkerRuntime(
      {
        config: testConfig({
          x: [1],
          y: [2],
          failover,
          timeouts: { ...documentedTimeouts, requestBodyWaitMs: 0 },
        }),
        configRevision: 1,
        nodes: { x: nodes('x', x), y: nodes('y', y) },
        memory: this.memory,
        routes: { kind: 'derived', routes: [] },
        workerIndex: 0,
        transport: 'stream',
      },
      (line) => this.log.push(line),
    );
    this.runtime.connectUpstream = (node, owner) => this.#connectTo(node, owner);
    this.#registry = new ClientRegistry(this.runtime.slab, this.runtime.allSlabs);
    this.#exchanges = new ExchangePool(this.runtime);
  }

  #connectTo(node: UpstreamNode, owner: ConnectingOwner): Socket {
    const socket = new FakeNodeSocket(node, owner);
    this.connects.push(socket);
    const { failsWith } = this;
    if (failsWith !== null) queueMicrotask(() => socket.fail(failsWith));
    return socket;
  }

  /** A client that has sent this. */
  ask(request = 'GET /path?query HTTP/1.1\r\nHost: h\r\n\r\n'): FakeSocket {
    const connection = new ClientConnection(this.runtime, this.#registry, this.#exchanges);
    const socket = new FakeSocket(connection);
    this.#registry.add(connection);
    connection.begin(socket);
    socket.receive(request);
    return socket;
  }

  /** The connect that came last. */
  get lastConnect(): FakeNodeSocket {
    const last = this.connects.at(-1);
    if (last === undefined) throw new Error('nobody was connected to');
    return last;
  }

  /** The coarse tick, so much later. */
  tick(laterMs = 0): void {
    const nowMs = performance.now() + laterMs;
    this.runtime.wheel.advance(nowMs);
    for (const cluster of this.runtime.clusters) cluster.refresh(nowMs);
    this.runtime.inFlight.countCrossings(nowMs);
  }

  counter(name: keyof typeof WORKER): number {
    return this.runtime.slab[WORKER[name]] as number;
  }

  /** A counter of first attempts of an arm, or the sum of several that lie together, over all epochs. */
  attempts(arm: Arm, field: number, count = 1): number {
    let sum = 0;
    for (let slot = 0; slot < epochSlots; slot++) {
      const at = attemptOffset(arm, slot) + field;
      for (const value of this.runtime.slab.subarray(at, at + count)) sum += value;
    }
    return sum;
  }

  /** Causes counted for a node, as `phase code`, with their counts. */
  causes(arm: Arm, nodeSlot = 0): Record<string, number> {
    const at = causesOffset(arm, nodeSlot);
    return Object.fromEntries(
      failureCauses
        .map(
          ({ index, phase, code }) => [`${phase} ${code}`, this.runtime.slab[at + index] as number] as const,
        )
        .filter(([, count]) => count > 0),
    );
  }

  shortages(operation: ShortOperation, resource: OwnResource): number {
    return this.runtime.slab[shortageOffset(operation, resource)] as number;
  }
}

const nodes = (name: ClusterName, count: number): NodeAssignment[] =>
  Array.from({ length: count }, (_, slot) => ({
    slot,
    id: `${name}${slot}`,
    host: '127.0.0.1',
    port: 1 + slot,
    draining: false,
  }));

/** Status of the first answer that a client got; null without any. */
export const statusOf = ({ sent }: FakeSocket): number | null =>
  sent === '' ? null : Number(sent.slice(9, 12));

/** Code of the error that a client was answered. */
export const codeOf = ({ sent }: FakeSocket): string | undefined => /"code":"(\w+)"/.exec(sent)?.[1];
