// Who may hold a place, and who gives way. When there is no room for another client, or for another
// connection to a node, those give way of whom nothing comes: first who has left and could only be answered
// in vain, then who stalls with a request or with taking an answer, then who has sent nothing, then who keeps
// a connection for a next request. Who sends, waits for a node or takes its answer never does. While there is
// room nothing is kept up for it: all connections are looked at when there is none.
import type { UpstreamNode } from '#src/data-plane/upstream/upstream-node.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { increment } from '#src/shared-memory/counters.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import type { ClientRegistry, Closable } from './client-registry.ts';
import { Quiet } from './connection-states.ts';

/** Connections that give way alike. */
interface Rank {
  readonly quiet: Quiet;
  readonly counter: number;
  /** How long one has to have been so, ms: a crowd that has just come is not made to give way to itself. */
  readonly msMin: number;
}

/** In the order in which they give way. */
const ranks: readonly Rank[] = [
  { quiet: Quiet.left, counter: WORKER.gaveWayLeft, msMin: 0 },
  { quiet: Quiet.upload, counter: WORKER.gaveWayUpload, msMin: 100 },
  { quiet: Quiet.reader, counter: WORKER.gaveWayReader, msMin: 100 },
  { quiet: Quiet.silent, counter: WORKER.gaveWaySilent, msMin: 100 },
  { quiet: Quiet.idle, counter: WORKER.gaveWayIdle, msMin: 0 },
];

/** What was found at a look at all connections. */
interface Look {
  /** Loop time. */
  readonly atMs: number;
  /** Those that may give way, the first of them last; each is asked again before it does. */
  readonly candidates: Closable[];
}

/** Connections that are looked at in one tick, some ms of work. */
const lookedAtPerTickMax = 60_000;

const noLook: Look = { atMs: Number.NEGATIVE_INFINITY, candidates: [] };

export class Places {
  readonly #runtime: WorkerRuntime;
  readonly #registry: ClientRegistry;
  #tickMs = Number.NEGATIVE_INFINITY;
  #lookedAt = 0;
  #lookForClients = noLook;
  readonly #lookForNodes = new WeakMap<UpstreamNode, Look>();

  constructor(runtime: WorkerRuntime, registry: ClientRegistry) {
    this.#runtime = runtime;
    this.#registry = registry;
  }

  /** Makes room for another client; false when nobody gives way. */
  forClient(): boolean {
    if (this.#isOver(this.#lookForClients)) this.#lookForClients = this.#look(() => true);
    return this.#leave(this.#lookForClients, null);
  }

  /**
   * Makes room for another connection to the node; false when nobody gives way. Who has left goes first, and
   * all of them: a connection that comes free would be given to one that waits for it in vain.
   */
  forNode(node: UpstreamNode): boolean {
    let look = this.#lookForNodes.get(node) ?? noLook;
    if (this.#isOver(look)) {
      look = this.#look((connection) => connection.node === node);
      this.#lookForNodes.set(node, look);
    }
    let isLeft = false;
    while (look.candidates.at(-1)?.quiet === Quiet.left) isLeft = this.#leave(look, node) || isLeft;
    return isLeft || this.#leave(look, node);
  }

  #isOver({ atMs, candidates }: Look): boolean {
    const { nowMs } = this.#runtime.wheel;
    if (this.#tickMs !== nowMs) this.#lookedAt = 0;
    this.#tickMs = nowMs;
    return this.#lookedAt < lookedAtPerTickMax && (atMs !== nowMs || candidates.length === 0);
  }

  #look(wanted: (connection: Closable) => boolean): Look {
    const atMs = this.#runtime.wheel.nowMs;
    this.#lookedAt += this.#registry.size;
    const found = this.#registry
      .those((connection) => connection.quiet !== Quiet.never && wanted(connection))
      .map((connection) => {
        const { quiet, quietSinceMs } = connection;
        return { connection, rank: rankOf(quiet), sinceMs: quietSinceMs };
      });
    found.sort((a, b) => b.rank - a.rank || b.sinceMs - a.sinceMs);
    return { atMs, candidates: found.map(({ connection }) => connection) };
  }

  /** Has the first give way that is still as quiet as it has to be; false when there is none. */
  #leave({ candidates }: Look, node: UpstreamNode | null): boolean {
    const { slab, wheel } = this.#runtime;
    for (let next = candidates.pop(); next !== undefined; next = candidates.pop()) {
      const { counter, msMin } = ranks[rankOf(next.quiet)] ?? nobody;
      if (wheel.nowMs - next.quietSinceMs < msMin || (node !== null && next.node !== node)) continue;
      increment(slab, counter);
      next.giveWay(node !== null);
      return true;
    }
    return false;
  }
}

/** The place in `ranks`; none for who never gives way, or is closed. */
const rankOf = (quiet: Quiet): number => ranks.findIndex((rank) => rank.quiet === quiet);

const nobody = { counter: WORKER.gaveWayIdle, msMin: Number.POSITIVE_INFINITY };
