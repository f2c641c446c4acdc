// Where one request goes, and under what it is counted: route, arm, and whether it takes part in the
// comparison of Y with X.
import type { RequestHead } from '#src/core/http1/request-head.ts';
import {
  armOf,
  clientGroupOf,
  decideRoute,
  isPinned,
  userBucketOf,
} from '#src/core/routing/route-decision.ts';
import { routeName } from '#src/core/routing/route-slots.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { increment } from '#src/shared-memory/counters.ts';
import { type Arm, otherRouteSlot, WORKER, X, Y } from '#src/shared-memory/layout.ts';

export class Assignment {
  arm: Arm;
  /** By rule or override header: the request was meant for this cluster and is not moved to another. */
  isPinned: boolean;
  /** By the split: only such requests are compared. */
  isDrawn: boolean;
  routeSlot: number;
  /** 0..15 under sticky routing, else -1. */
  userBucket: number;
  /** 0..63 under sticky routing, else -1. */
  clientGroup: number;

  constructor() {
    this.arm = X;
    this.isPinned = false;
    this.isDrawn = false;
    this.routeSlot = otherRouteSlot;
    this.userBucket = -1;
    this.clientGroup = -1;
  }

  /**
   * Draws for the request whose head was parsed from `bytes`. When it is drawn for Y, an outcome must follow:
   * the breaker counts on it.
   */
  draw(
    runtime: WorkerRuntime,
    head: RequestHead,
    bytes: Uint8Array,
    clientAddress: string,
    nowMs: number,
  ): void {
    runtime.refreshSplit();
    const { routing, random, weightPpm, salt, slab } = runtime;
    this.#findRoute(runtime, head, bytes);
    this.userBucket = userBucketOf(routing, bytes, head, clientAddress, salt);
    const decision = decideRoute(routing, bytes, head, clientAddress, weightPpm, salt, random.nextUint32());
    this.arm = armOf(decision);
    this.isPinned = isPinned(decision);
    this.clientGroup = clientGroupOf(routing, clientAddress, salt);
    const isSuspected = this.clientGroup >= 0 && runtime.suspectGroups[this.clientGroup] === 1;
    this.isDrawn = !this.isPinned && !isSuspected && this.#joins(runtime, nowMs);
    if (isSuspected && !this.isPinned) this.#leaveOut(runtime, clientAddress);
    if (this.isPinned) increment(slab, WORKER.pinnedRequests);
  }

  #findRoute(runtime: WorkerRuntime, head: RequestHead, bytes: Uint8Array): void {
    const { routes, routeSightings, reportRoute } = runtime;
    this.routeSlot = routes.slotOf(bytes, head);
    const isUnknown = this.routeSlot === otherRouteSlot && routes.isDerived;
    if (isUnknown && routeSightings.add(routes.lastKey)) reportRoute(routes.lastKey, routeName(bytes, head));
  }

  /**
   * The client's group is suspected: it goes where the split sends it, or to X where Y is out of use, and is
   * not compared.
   */
  #leaveOut(runtime: WorkerRuntime, clientAddress: string): void {
    if (this.arm === X) return;
    if (runtime.parkedRoutes[this.routeSlot] === 1 || !runtime.breaker.isClosed) {
      this.arm = X;
      return;
    }
    runtime.budget.deposit();
    const named = runtime.suspectAddresses.add(this.clientGroup, clientAddress);
    if (named !== null) runtime.reportSuspect(this.clientGroup, named);
  }

  /** Whether the draw stands. A parked route and an open breaker send Y's share to X, in neither arm. */
  #joins(runtime: WorkerRuntime, nowMs: number): boolean {
    const { slab, breaker, budget, parkedRoutes } = runtime;
    // X's share of a parked route is not compared either: the arms would no longer have the same traffic.
    if (parkedRoutes[this.routeSlot] === 1) {
      if (this.arm === Y) increment(slab, WORKER.parkedDiverted);
      this.arm = X;
      return false;
    }
    if (this.arm === X) return true;
    if (breaker.allows(nowMs)) {
      budget.deposit();
      return true;
    }
    this.arm = X;
    increment(slab, WORKER.breakerDiverted);
    return false;
  }
}
