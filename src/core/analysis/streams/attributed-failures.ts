// Which failures count with `attribution: kong`: not those that, as Kong says, the service behind it made.
// Kong says so in headers that its configuration can turn off. Without them no failure may be left out, and
// nothing can be concluded.
import {
  type Attribution,
  errorFailures,
  errorRequests,
  gatewayFailures,
  responsesMarkedByKong,
} from '#src/core/telemetry/outcome.ts';
import type { ArmSample, EpochSample } from '#src/core/telemetry/sample.ts';

/** How many answers without a single header of Kong show that there will be none. */
const answersToTell = 20;

export interface AttributedSnapshot {
  readonly answers: readonly [x: number, y: number];
  readonly marked: readonly [x: number, y: number];
}

export class AttributedFailures {
  readonly attribution: Attribution;
  // Since the rollout began, by arm: responses, and those of them with Kong's headers.
  #answersX = 0;
  #answersY = 0;
  #markedX = 0;
  #markedY = 0;
  /** Whether both clusters were seen to tell who made a failure, as of before this tick. */
  #isTold = false;

  constructor(attribution: Attribution) {
    this.attribution = attribution;
  }

  beginTick(): void {
    this.#isTold = this.#markedX > 0 && this.#markedY > 0;
  }

  /** Learns from an epoch's counts; what was learnt is used from the next tick on. */
  add({ x, y }: EpochSample): void {
    if (this.attribution === 'all') return;
    this.#answersX += Math.max(0, errorRequests(x) - gatewayFailures(x));
    this.#answersY += Math.max(0, errorRequests(y) - gatewayFailures(y));
    this.#markedX += responsesMarkedByKong(x);
    this.#markedY += responsesMarkedByKong(y);
  }

  resetRollout(): void {
    this.#answersX = this.#answersY = this.#markedX = this.#markedY = 0;
  }

  /**
   * Failures that count. With `kong` these are all but the service's, so that a Kong that breaks before it
   * can write its headers does not go unnoticed. Until both clusters have shown that they write headers at
   * all, only failures on the way to Kong count.
   */
  failures(arm: ArmSample): number {
    if (this.attribution === 'all') return errorFailures(arm);
    if (this.#isTold) return Math.max(0, errorFailures(arm) - arm.serviceFailures);
    return Math.min(errorRequests(arm), gatewayFailures(arm) + arm.kongFailures);
  }

  /** Whether failures can be told apart by route. */
  get countsByRoute(): boolean {
    return this.attribution === 'all' || this.#isTold;
  }

  /** Failures of a route that count; only where {@link countsByRoute}. */
  routeFailures(arm: ArmSample, slot: number): number {
    const failures = arm.routeFailures[slot] as number;
    if (this.attribution === 'all') return failures;
    return Math.max(0, failures - (arm.routeServiceFailures[slot] as number));
  }

  /**
   * Why Kong's failures can't be told from the service's, in words; null when they can, or when nobody asks.
   */
  blindness(): string | null {
    if (this.attribution === 'all') return null;
    const blind = [
      this.#markedY === 0 && this.#answersY >= answersToTell ? 'Y' : null,
      this.#markedX === 0 && this.#answersX >= answersToTell ? 'X' : null,
    ].filter((arm) => arm !== null);
    if (blind.length === 0) return null;
    const whose = blind.join(' and ');
    return `no answer of ${whose} carries Kong's latency headers (headers=off?), so failures of Kong can't be told from those of the services: turn them on, or set attribution to all`;
  }

  snapshot(): AttributedSnapshot {
    return { answers: [this.#answersX, this.#answersY], marked: [this.#markedX, this.#markedY] };
  }

  restore({ answers, marked }: AttributedSnapshot): void {
    [this.#answersX, this.#answersY] = answers;
    [this.#markedX, this.#markedY] = marked;
  }
}
