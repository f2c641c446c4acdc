// The traffic of the last minutes in pieces of ten seconds, kept in memory so that a revert can be explained
// even when the store is dead. One piece is overwritten after the other; nothing is allocated per tick.

import { keepsSlots, nameOfSlot, type RouteSlots } from '#src/core/routing/route-slots.ts';
import { ArmSample, type TickSample } from '#src/core/telemetry/sample.ts';
import { routesTrackedMax } from '#src/limits.ts';
import { ArmSum, addCounts } from '#src/record/arm-sum.ts';
import type { EvidenceWindow, RouteFailures } from '#src/record/frozen-evidence.ts';
import { fillArm, type TrafficWindow } from '#src/record/traffic-window.ts';
import { otherRouteSlot } from '#src/shared-memory/layout.ts';

/** How far back it goes: long enough for the step's evidence to show, short enough to read. */
export const trailMs = 5 * 60_000;
const pieceMs = 10_000;
const pieceCount = trailMs / pieceMs;
/** How many routes are listed. */
const worstRoutesMax = 10;

class ArmTotals extends ArmSum {
  readonly routeRequests = new Float64Array(routesTrackedMax + 1);
  readonly routeFailures = new Float64Array(routesTrackedMax + 1);

  override clear(): void {
    super.clear();
    this.routeRequests.fill(0);
    this.routeFailures.fill(0);
  }

  override add(sample: ArmSample): void {
    super.add(sample);
    addCounts(this.routeRequests, sample.routeRequests);
    addCounts(this.routeFailures, sample.routeFailures);
  }
}

class Piece {
  number = Number.NaN;
  endMs = 0;
  durationMs = 0;
  rolloutId: string | null = null;
  /** The slots by which the routes are counted. */
  slots: RouteSlots = { kind: 'derived', routes: [] };
  readonly x = new ArmTotals();
  readonly y = new ArmTotals();

  begin(number: number): void {
    this.number = number;
    this.durationMs = 0;
    this.x.clear();
    this.y.clear();
  }
}

export class EvidenceTrail {
  readonly #pieces = Array.from({ length: pieceCount }, () => new Piece());
  /**
   * The trail's own time, ms, which never jumps back: the ticks so far, and the unused rest of pieces that
   * were cut short.
   */
  #ageMs = 0;
  #newest: Piece | null = null;
  /** When the traffic of the present rollout, or of none, began, Unix epoch ms. */
  beganMs = 0;

  /** Adds a tick that ended at `epochMs`, of a rollout or of none, with its routes counted in `slots`. */
  add(sample: TickSample, epochMs: number, rolloutId: string | null, slots: RouteSlots): void {
    const piece = this.#pieceAt(sample.dtMs, epochMs, rolloutId, slots);
    for (const { x, y } of sample.epochs) {
      piece.x.add(x);
      piece.y.add(y);
    }
  }

  /**
   * Adds traffic that an earlier control thread recorded. Counts under a slot that no route has now are left
   * out, because nobody knows any more whose they were.
   */
  restore(windows: readonly TrafficWindow[], slots: RouteSlots): void {
    const known = new Set([...slots.routes.map(({ slot }) => slot), otherRouteSlot]);
    const arm = new ArmSample();
    for (const { dtMs, atMs, epochs, rollout } of windows) {
      const piece = this.#pieceAt(dtMs, atMs, rollout?.id ?? null, slots);
      for (const { x, y } of epochs) {
        fillArm(arm, x);
        forgetRoutes(arm, known);
        piece.x.add(arm);
        fillArm(arm, y);
        forgetRoutes(arm, known);
        piece.y.add(arm);
      }
    }
  }

  /** The pieces with traffic, oldest first. */
  windows(): EvidenceWindow[] {
    return this.#inOrder().map(({ endMs, durationMs, x, y }) => ({
      atMs: endMs,
      durationMs,
      x: x.view(),
      y: y.view(),
    }));
  }

  /**
   * Routes that failed on Y in this rollout, those first whose failures exceed what X's rate explains by the
   * most.
   */
  worstRoutes(rolloutId: string | null): RouteFailures[] {
    const routes = new Map<string, RouteFailures>();
    for (const piece of this.#inOrder().toReversed()) {
      if (piece.rolloutId !== rolloutId) break;
      addRoutes(routes, piece);
    }
    return [...routes.values()]
      .filter(({ y }) => y.failures > 0)
      .sort((a, b) => excess(b) - excess(a))
      .slice(0, worstRoutesMax);
  }

  /**
   * The piece that a tick belongs to. A new piece begins with every rollout, and whenever a slot gets another
   * route.
   */
  #pieceAt(dtMs: number, epochMs: number, rolloutId: string | null, slots: RouteSlots): Piece {
    const open = this.#newest;
    if (open?.rolloutId !== rolloutId) this.beganMs = epochMs - dtMs;
    const goesOn = open === null || (open.rolloutId === rolloutId && keepsSlots(open.slots, slots));
    if (!goesOn) this.#ageMs = (open.number + 1) * pieceMs;
    this.#ageMs += dtMs;
    const number = Math.floor(this.#ageMs / pieceMs);
    const piece = this.#pieces[number % pieceCount] as Piece;
    if (piece.number !== number) piece.begin(number);
    piece.durationMs += dtMs;
    piece.endMs = epochMs;
    piece.rolloutId = rolloutId;
    piece.slots = slots;
    this.#newest = piece;
    return piece;
  }

  #inOrder(): Piece[] {
    const oldest = Math.floor(this.#ageMs / pieceMs) - pieceCount;
    return this.#pieces
      .filter(({ number, x, y }) => number > oldest && x.requests + y.requests + x.failures + y.failures > 0)
      .sort((a, b) => a.number - b.number);
  }
}

const noTraffic = { requests: 0, failures: 0 };

/** Adds a piece's routes by their names. */
function addRoutes(routes: Map<string, RouteFailures>, { slots, x, y }: Piece): void {
  for (let slot = 0; slot <= routesTrackedMax; slot++) {
    const [ofX, ofY] = [routeOf(x, slot), routeOf(y, slot)];
    if (ofX.requests + ofX.failures + ofY.requests + ofY.failures === 0) continue;
    const route = nameOfSlot(slots, slot);
    const before = routes.get(route) ?? { x: noTraffic, y: noTraffic };
    routes.set(route, { route, x: sumOf(before.x, ofX), y: sumOf(before.y, ofY) });
  }
}

const routeOf = (totals: ArmTotals, slot: number): RouteFailures['x'] => ({
  requests: totals.routeRequests[slot] as number,
  failures: totals.routeFailures[slot] as number,
});

const sumOf = (one: RouteFailures['x'], other: RouteFailures['x']): RouteFailures['x'] => ({
  requests: one.requests + other.requests,
  failures: one.failures + other.failures,
});

function forgetRoutes({ routeRequests, routeFailures }: ArmSample, known: ReadonlySet<number>): void {
  for (let slot = 0; slot <= routesTrackedMax; slot++) {
    if (known.has(slot)) continue;
    routeRequests[slot] = 0;
    routeFailures[slot] = 0;
  }
}

/** Failures on Y beyond X's rate. */
function excess({ x, y }: RouteFailures): number {
  return y.failures - (x.requests > 0 ? (y.requests * x.failures) / x.requests : 0);
}
