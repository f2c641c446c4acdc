// Everything one worker shares among its connections: config snapshot, split, counters, clusters, buffers,
// timers. Made by the worker's wiring; exchanges and connections only use it.
import { createRandom, type Random } from '#src/base/random.ts';
import type { Config } from '#src/config/config.ts';
import { RequestAdditions } from '#src/core/http1/forward-request-head.ts';
import { RequestHead } from '#src/core/http1/request-head.ts';
import { ResponseHead } from '#src/core/http1/response-head.ts';
import { RouteTable } from '#src/core/routing/route-slots.ts';
import { compileRouting, type RoutingTable } from '#src/core/routing/routing-table.ts';
import { epochSlotCount, readBufferBytes } from '#src/limits.ts';
import { attemptOffset, staleSlot, WORKER, X, Y } from '#src/shared-memory/layout.ts';
import type { LogLine, NodeAssignments, WorkerStart } from '#src/shared-memory/messages.ts';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import { DateLine } from './base/date-line.ts';
import { type Peer, PeerDirectory } from './base/peer-directory.ts';
import { RequestIds } from './base/request-ids.ts';
import { TimerWheel } from './base/timer-wheel.ts';
import { TurnQueue } from './base/turn-queue.ts';
import { InFlightList } from './counting/in-flight-list.ts';
import { RequestSamples } from './counting/request-samples.ts';
import { RouteSightings } from './counting/route-sightings.ts';
import { SuspectAddresses } from './counting/suspect-addresses.ts';
import { BufferPool } from './transport/buffer-pool.ts';
import { connectRaw, RawSocketEnvironment } from './transport/raw-socket.ts';
import type { ConnectingOwner, Socket } from './transport/socket.ts';
import { connectStream } from './transport/stream-socket.ts';
import { loadTcpBinding } from './transport/tcp-binding.ts';
import { Breaker } from './upstream/breaker.ts';
import { Cluster } from './upstream/cluster.ts';
import { FailoverBudget } from './upstream/failover-budget.ts';
import { FailoverTriggers } from './upstream/failover-triggers.ts';
import { UpstreamConnection } from './upstream/upstream-connection.ts';
import type { UpstreamNode } from './upstream/upstream-node.ts';

/** Period of the worker's one timer: the resolution of every deadline. */
export const coarseTickMs = 100;
/** Heads we write grow by the forwarding headers: room for them beyond what was received. */
const headGrowthBytes = 4 * 1024;
/** Most requests are a head of a few hundred bytes; larger ones take a large buffer. */
const smallRequestBytes = 4 * 1024;

const hrtimeMs = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;

export class WorkerRuntime {
  config: Config;
  readonly slab: Float64Array;
  /** Every worker's slab: the connection limit is over all of them. */
  readonly allSlabs: readonly Float64Array[];
  readonly slowThresholds: Float64Array;
  readonly random: Random;
  readonly requestIds: RequestIds;
  readonly wheel: TimerWheel;
  readonly inFlight: InFlightList;
  readonly turns: TurnQueue;
  readonly clusters: readonly [Cluster, Cluster];
  readonly breaker: Breaker;
  readonly date: DateLine;
  readonly budget: FailoverBudget;
  triggers: FailoverTriggers;
  routing: RoutingTable;
  peers: PeerDirectory;
  routes: RouteTable;
  readonly parkedRoutes: Int32Array;
  readonly suspectGroups: Int32Array;
  readonly suspectAddresses: SuspectAddresses;
  readonly requestSamples: RequestSamples;
  readonly routeSightings: RouteSightings;
  /** Has clients give up their connection to a node that has no room for another; false when none does. */
  makeRoom: (node: UpstreamNode) => boolean;
  /** Asks for a slot for a route that was seen often. */
  reportRoute: (key: number, name: string) => void;
  /** Names the client that a group is suspected for. */
  reportSuspect: (group: number, address: string) => void;
  listenPort: number;
  isDraining: boolean;
  // The split as last read: epoch 0 is everything on X.
  splitEpoch: number;
  weightPpm: number;
  salt: number;
  /** Y has had a share since the worker last looked after requests that wait for a Y without one. */
  hadShare: boolean;
  // Heads live only within one callback, so one of each serves all connections. Who parses takes it, and
  // hands it on as a parameter to whoever reads it.
  readonly requestHead: RequestHead;
  readonly responseHead: ResponseHead;
  /** Small writes are put together here; replaced when a write keeps it. */
  scratch: Buffer;
  readonly smallRequests: BufferPool;
  largeRequests: BufferPool;
  largeInputs: BufferPool;
  readonly log: (line: LogLine) => void;
  readonly clientEnvironment: RawSocketEnvironment | null;
  readonly #upstreamEnvironment: RawSocketEnvironment | null;
  readonly #splitCell: SplitCell;
  readonly #additions: RequestAdditions;

  constructor(start: WorkerStart, log: (line: LogLine) => void) {
    const { config, memory, workerIndex } = start;
    const nowMs = performance.now();
    this.config = config;
    this.log = log;
    this.allSlabs = memory.slabs.map((slab) => new Float64Array(slab));
    this.slab = this.allSlabs[workerIndex] as Float64Array;
    this.slowThresholds = new Float64Array(memory.slowThresholds);
    this.random = createRandom((Math.random() * 0x1_0000_0000) | 0);
    this.requestIds = new RequestIds();
    this.wheel = new TimerWheel(coarseTickMs, nowMs, (error) => this.reportDefect(error));
    this.turns = new TurnQueue(this.slab, setImmediate);
    this.inFlight = new InFlightList(this.slab, this.slowThresholds);
    const health = new Int32Array(memory.nodeHealth);
    const connect = (node: UpstreamNode): void => {
      new UpstreamConnection(this, node, null);
    };
    this.clusters = [
      new Cluster(X, this.slab, health, this.random, connect),
      new Cluster(Y, this.slab, health, this.random, connect),
    ];
    this.breaker = new Breaker(this.slab, hrtimeMs);
    this.date = new DateLine(Date.now());
    this.budget = new FailoverBudget(config.failover.budget, nowMs);
    this.triggers = new FailoverTriggers(config.failover.on);
    this.routing = compileRouting(config.routing);
    this.routes = new RouteTable(start.routes);
    this.parkedRoutes = new Int32Array(memory.parkedRoutes);
    this.suspectGroups = new Int32Array(memory.suspectGroups);
    this.suspectAddresses = new SuspectAddresses();
    this.requestSamples = new RequestSamples(this.slowThresholds);
    this.routeSightings = new RouteSightings();
    this.makeRoom = () => false;
    this.reportRoute = () => {};
    this.reportSuspect = () => {};
    this.listenPort = config.listen.proxy.port;
    this.peers = new PeerDirectory(config.routing.trustedProxies, this.listenPort);
    this.isDraining = false;
    this.#splitCell = new SplitCell(memory.split);
    const split = this.#splitCell.read();
    this.splitEpoch = split.epoch;
    this.weightPpm = split.weightPpm;
    this.salt = split.salt;
    this.hadShare = split.weightPpm > 0;
    this.requestHead = new RequestHead();
    this.responseHead = new ResponseHead();
    this.#additions = new RequestAdditions();
    this.#additions.proto = Buffer.from('http');
    this.scratch = Buffer.allocUnsafeSlow(0);
    this.smallRequests = new BufferPool(smallRequestBytes, 4096);
    this.largeRequests = new BufferPool(0, 0);
    this.largeInputs = new BufferPool(0, 0);
    const binding = start.transport === 'raw' ? loadTcpBinding() : null;
    const environment = () =>
      binding === null
        ? null
        : new RawSocketEnvironment(binding, Buffer.allocUnsafeSlow(readBufferBytes), (error) =>
            this.reportDefect(error),
          );
    this.clientEnvironment = environment();
    this.#upstreamEnvironment = environment();
    this.configure(config, start.configRevision, start.nodes);
  }

  /** Swaps in a new config and node list; exchanges under way finish with what they were started with. */
  configure(config: Config, revision: number, nodes: NodeAssignments): void {
    this.config = config;
    this.#sizeBuffers(config);
    this.routing = compileRouting(config.routing);
    this.#additions.overrideHeader = this.routing.overrideName;
    this.triggers = new FailoverTriggers(config.failover.on);
    this.budget.share = config.failover.budget;
    for (const cluster of this.clusters) {
      cluster.ejectionEnabled = config.health.ejection;
      cluster.slowStartMs = config.health.slowStartMs;
      cluster.connectionsPerNodeMax = Math.ceil(config.limits.upstreamConnections / this.allSlabs.length);
    }
    this.assignNodes(nodes);
    this.setListenPort(this.listenPort);
    this.slab[WORKER.configRevision] = revision;
  }

  /** An exception that one connection caused; that connection is closed, the worker goes on. */
  reportDefect(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.log({
      level: 'error',
      message: 'a connection was closed by an internal error',
      fields: { error: text },
    });
  }

  #sizeBuffers(config: Config): void {
    const headBytes = config.limits.headBytes + headGrowthBytes;
    const largeBytes = headBytes + config.limits.replayBytes + readBufferBytes;
    const inputBytes = config.limits.headBytes + readBufferBytes;
    this.scratch = Buffer.allocUnsafeSlow(headBytes + readBufferBytes);
    if (this.largeRequests.bytes !== largeBytes) this.largeRequests = new BufferPool(largeBytes, 64);
    if (this.largeInputs.bytes !== inputBytes) this.largeInputs = new BufferPool(inputBytes, 64);
  }

  assignNodes(nodes: NodeAssignments): void {
    const nowMs = performance.now();
    this.clusters[X].assign(nodes.x, nowMs);
    this.clusters[Y].assign(nodes.y, nowMs);
  }

  setListenPort(port: number): void {
    this.listenPort = port;
    this.#additions.port = Buffer.from(String(port));
    this.peers = new PeerDirectory(this.config.routing.trustedProxies, port);
  }

  /**
   * What is said about the next request of `peer` beside what it says itself. One object, filled anew for
   * each request.
   */
  additionsFor(peer: Peer): RequestAdditions {
    const additions = this.#additions;
    additions.trusted = peer.isTrusted;
    additions.forwardedLines = peer.forwardedLines;
    additions.peerAddress = peer.addressBytes;
    additions.requestId = this.requestIds.next();
    return additions;
  }

  /** Reads the split cell; one atomic load when nothing changed. */
  refreshSplit(): void {
    if (this.#splitCell.epoch() === this.splitEpoch) return;
    const { epoch, weightPpm, salt } = this.#splitCell.read();
    if (this.weightPpm === 0 && weightPpm > 0) this.breaker.startAfresh(epoch);
    this.splitEpoch = epoch;
    this.hadShare ||= weightPpm > 0;
    this.weightPpm = weightPpm;
    if (salt !== this.salt) this.suspectAddresses.clear();
    this.salt = salt;
    this.slab[WORKER.splitEpoch] = epoch;
  }

  /**
   * Offset of the counters of an attempt that was assigned in `epoch`: requests from too long ago are counted
   * as stale.
   */
  attemptOffset(arm: number, epoch: number): number {
    this.refreshSplit();
    return attemptOffset(arm, this.splitEpoch - epoch >= epochSlotCount ? staleSlot : epoch % epochSlotCount);
  }

  connectUpstream(node: UpstreamNode, owner: ConnectingOwner): Socket {
    const address = node.address ?? node.host;
    const environment = this.#upstreamEnvironment;
    return environment === null
      ? connectStream(address, node.port, owner)
      : connectRaw(environment, address, node.port, owner);
  }

  /** The scratch went along with a write that is still pending: make a new one. */
  replaceScratch(): void {
    this.scratch = Buffer.allocUnsafeSlow(this.scratch.length);
  }
}
