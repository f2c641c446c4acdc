// The traffic of the last minutes in pieces of ten seconds, kept in memory so that a revert can be explained even when the
// store is dead. One piece is overwritten after the other; nothing is allocated per tick.
import { ArmSample, type TickSample } from '#src/core/telemetry/sample.ts';
import { routesTrackedMax } from '#src/limits.ts';
import { ArmSum, addCounts } from '../arm-sum.ts';
import { fillArm, type TrafficWindow } from '../traffic-window.ts';
import type { EvidenceWindow, RouteFailures } from './frozen-evidence.ts';

/** Long enough for the step's evidence to show, short enough to read. */
export const trailMs = 5 * 60_000;
const pieceMs = 10_000;
const pieceCount = trailMs / pieceMs;
/** Routes that are worth a line. */
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
  /** Time of the trail itself, which stands still and never jumps: the sum of the ticks. */
  #ageMs = 0;

  /** Adds a tick that ended at `epochMs`. */
  add(sample: TickSample, epochMs: number): void {
    const piece = this.#pieceAt(sample.dtMs, epochMs);
    for (const { x, y } of sample.epochs) {
      piece.x.add(x);
      piece.y.add(y);
    }
  }

  /** Adds recorded traffic: what an earlier control thread saw. */
  restore(windows: readonly TrafficWindow[]): void {
    const arm = new ArmSample();
    for (const { dtMs, atMs, epochs } of windows) {
      const piece = this.#pieceAt(dtMs, atMs);
      for (const { x, y } of epochs) {
        fillArm(arm, x);
        piece.x.add(arm);
        fillArm(arm, y);
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

  /** Routes that failed on Y, those first whose failures exceed what X's rate explains by the most. */
  worstRoutes(nameOf: (slot: number) => string): RouteFailures[] {
    const x = new ArmTotals();
    const y = new ArmTotals();
    for (const piece of this.#inOrder()) {
      addRoutes(x, piece.x);
      addRoutes(y, piece.y);
    }
    const routes: RouteFailures[] = [];
    for (const [slot, failures] of y.routeFailures.entries()) {
      if (failures > 0) routes.push({ route: nameOf(slot), x: routeOf(x, slot), y: routeOf(y, slot) });
    }
    return routes.sort((a, b) => excess(b) - excess(a)).slice(0, worstRoutesMax);
  }

  #pieceAt(dtMs: number, epochMs: number): Piece {
    this.#ageMs += dtMs;
    const number = Math.floor(this.#ageMs / pieceMs);
    const piece = this.#pieces[number % pieceCount] as Piece;
    if (piece.number !== number) piece.begin(number);
    piece.durationMs += dtMs;
    piece.endMs = epochMs;
    return piece;
  }

  #inOrder(): Piece[] {
    const oldest = Math.floor(this.#ageMs / pieceMs) - pieceCount;
    return this.#pieces
      .filter(({ number, x, y }) => number > oldest && x.requests + y.requests + x.failures + y.failures > 0)
      .sort((a, b) => a.number - b.number);
  }
}

const routeOf = (totals: ArmTotals, slot: number) => ({
  requests: totals.routeRequests[slot] as number,
  failures: totals.routeFailures[slot] as number,
});

/** Failures on Y beyond X's rate. */
function excess({ x, y }: RouteFailures): number {
  return y.failures - (x.requests > 0 ? (y.requests * x.failures) / x.requests : 0);
}

function addRoutes(into: ArmTotals, from: ArmTotals): void {
  addCounts(into.routeRequests, from.routeRequests);
  addCounts(into.routeFailures, from.routeFailures);
}
