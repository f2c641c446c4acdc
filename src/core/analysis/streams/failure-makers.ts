// Who made the failures, for people: since the step began and over the last minute. Decisions do not rest on
// it.
import { plainNumbers } from '#src/base/plain-numbers.ts';
import type { FailureMakersReport, MadeFailures } from '#src/core/analysis/verdict.ts';
import { errorFailures, gatewayFailures } from '#src/core/telemetry/outcome.ts';
import type { ArmSample, EpochSample } from '#src/core/telemetry/sample.ts';

const cells = 61;
const cellMs = 1_000;
// Per arm: by Kong, by the service, at the gateway, unattributed.
const armWidth = 4;
const width = 2 * armWidth;

export class FailureMakers {
  readonly #step = new Float64Array(width);
  readonly #cells = new Float64Array(cells * width);
  /** Number of the second that is being filled; -1 before the first. */
  #last = -1;

  /** Moves to `nowMs`, dropping what is older than a minute. */
  advance(nowMs: number): void {
    const cell = Math.floor(nowMs / cellMs);
    const from = this.#last < 0 ? cell : this.#last + 1;
    for (let second = Math.max(from, cell - cells + 1); second <= cell; second++) {
      const at = (second % cells) * width;
      this.#cells.fill(0, at, at + width);
    }
    this.#last = Math.max(this.#last, cell);
  }

  /** Adds an epoch's counts at the time of the last advance. */
  add({ x, y }: EpochSample): void {
    this.#addArm(x, 0);
    this.#addArm(y, armWidth);
  }

  #addArm(arm: ArmSample, at: number): void {
    const all = errorFailures(arm);
    if (all === 0) return;
    const gateway = gatewayFailures(arm);
    this.#count(at, arm.kongFailures);
    this.#count(at + 1, arm.serviceFailures);
    this.#count(at + 2, gateway);
    // A body that is cut short after a 5xx counts once: it has a maker already.
    this.#count(at + 3, Math.max(0, all - gateway - arm.kongFailures - arm.serviceFailures));
  }

  #count(at: number, count: number): void {
    const cell = (this.#last % cells) * width + at;
    this.#step[at] = (this.#step[at] as number) + count;
    this.#cells[cell] = (this.#cells[cell] as number) + count;
  }

  resetStep(): void {
    this.#step.fill(0);
  }

  report(): FailureMakersReport {
    const minute = (column: number): number => {
      let sum = 0;
      for (let cell = 0; cell < cells; cell++) sum += this.#cells[cell * width + column] as number;
      return sum;
    };
    const step = (column: number): number => this.#step[column] as number;
    return {
      step: { x: made(step, 0), y: made(step, armWidth) },
      last60s: { x: made(minute, 0), y: made(minute, armWidth) },
    };
  }

  snapshot(): readonly number[] {
    return plainNumbers(this.#step);
  }

  restore(step: readonly number[]): void {
    this.#step.set(step);
  }
}

const made = (sum: (column: number) => number, at: number): MadeFailures => ({
  kong: sum(at),
  service: sum(at + 1),
  gateway: sum(at + 2),
  unattributed: sum(at + 3),
});
