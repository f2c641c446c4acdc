// Who may hold a place, and who gives way. When there is no room for another client, or for another
// connection to a node, those give way of whom nothing comes: first who has left and could only be answered
// in vain, then who stalls with a request or with taking an answer, then who has sent nothing, then who keeps
// a connection for a next request. Who sends, waits for a node or takes its answer never does. While there is
// room nothing is kept up for it: all connections are looked at when there is none.
import type { UpstreamNode } from '#src/data-plane/upstream/upstream-node.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { increment } from '#src/shared-memory/counters.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import type { ClientRegistry } from './client-registry.ts';
import { Quiet } from './connection-states.ts';

/** Connections that give way alike. */
interface Rank {
  readonly quiet: Quiet;
  readonly counter: number;
  /** How long one has to have been so, ms. */
  readonly msMin: number;
  readonly atOnceMax: number;
}

/** In the order in which they give way. */
const ranks: readonly Rank[] = [
  { quiet: Quiet.left, counter: WORKER.gaveWayLeft, msMin: 0, atOnceMax: 64 },
  { quiet: Quiet.upload, counter: WORKER.gaveWayUpload, msMin: 250, atOnceMax: 64 },
  { quiet: Quiet.reader, counter: WORKER.gaveWayReader, msMin: 1_000, atOnceMax: 64 },
  { quiet: Quiet.silent, counter: WORKER.gaveWaySilent, msMin: 0, atOnceMax: 256 },
  { quiet: Quiet.idle, counter: WORKER.gaveWayIdle, msMin: 0, atOnceMax: 16 },
];

export class Places {
  readonly #runtime: WorkerRuntime;
  readonly #registry: ClientRegistry;
  /** Loop time at which nobody was found; until the next tick nobody is looked for. */
  #noneAtMs: number;

  constructor(runtime: WorkerRuntime, registry: ClientRegistry) {
    this.#runtime = runtime;
    this.#registry = registry;
    this.#noneAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Makes room for another client; false when nobody gives way. */
  forClient(): boolean {
    return ranks.some((rank) => this.#leave(rank, null)) || this.#nobody();
  }

  /** Makes room for another connection to the node; false when nobody gives way. */
  forNode(node: UpstreamNode): boolean {
    return ranks.some((rank) => this.#leave(rank, node)) || this.#nobody();
  }

  #nobody(): false {
    this.#noneAtMs = this.#runtime.wheel.nowMs;
    return false;
  }

  /**
   * Has some of a rank leave: the one that has been so for longest, and those that have been so for half as
   * long, because thousands are not looked at for the place of one. False when there is none.
   */
  #leave({ quiet, counter, msMin, atOnceMax }: Rank, node: UpstreamNode | null): boolean {
    const { slab, wheel } = this.#runtime;
    if (this.#noneAtMs === wheel.nowMs) return false;
    const those = this.#registry.those(
      (connection) => connection.quiet === quiet && (node === null || connection.node === node),
    );
    let oldestMs = -1;
    for (const { quietSinceMs } of those) oldestMs = Math.max(oldestMs, wheel.nowMs - quietSinceMs);
    if (oldestMs < msMin) return false;
    const leaveFromMs = Math.max(msMin, oldestMs / 2);
    let left = 0;
    for (const connection of those) {
      if (wheel.nowMs - connection.quietSinceMs < leaveFromMs) continue;
      increment(slab, counter);
      connection.giveWay(node !== null);
      if (++left === atOnceMax) break;
    }
    return true;
  }
}
