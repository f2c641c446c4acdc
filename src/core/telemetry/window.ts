// Rates of requests and failures over the last seconds, for the status and for forecasts. No decision depends
// on them.
const cells = 61;
const cellMs = 1_000;
// Requests and failures of X, requests and failures of Y.
const width = 4;

interface ArmRates {
  readonly requestsPerSecond: number;
  /** Share of failures, 0..1; 0 without requests. */
  readonly failureRate: number;
}

export interface Rates {
  readonly x: ArmRates;
  readonly y: ArmRates;
}

/** Counts of both arms by second, over the last minute. The caller says what time it is. */
export class RollingWindow {
  readonly #cells = new Float64Array(cells * width);
  /** Number of the second that is being filled; -1 before the first. */
  #last = -1;
  #first = -1;
  #nowMs = 0;

  /** Moves on to `nowMs` and drops what is older than a minute. */
  advance(nowMs: number): void {
    const cell = Math.floor(nowMs / cellMs);
    if (this.#last < 0) {
      this.#first = cell;
      this.#last = cell - 1;
    }
    for (let v = Math.max(this.#last + 1, cell - cells + 1); v <= cell; v++) {
      const at = (v % cells) * width;
      this.#cells.fill(0, at, at + width);
    }
    this.#last = Math.max(this.#last, cell);
    this.#nowMs = Math.max(this.#nowMs, nowMs);
  }

  /** Adds counts at the time of the last advance. */
  add(nX: number, kX: number, nY: number, kY: number): void {
    const at = (this.#last % cells) * width;
    const all = this.#cells;
    all[at] = (all[at] as number) + nX;
    all[at + 1] = (all[at + 1] as number) + kX;
    all[at + 2] = (all[at + 2] as number) + nY;
    all[at + 3] = (all[at + 3] as number) + kY;
  }

  #sum(column: number, seconds: number): number {
    let sum = 0;
    for (let v = Math.max(this.#first, this.#last - seconds); v <= this.#last; v++)
      sum += this.#cells[(v % cells) * width + column] as number;
    return sum;
  }

  /** Rates over the last `seconds` (1..60) whole seconds and the one that is being filled. */
  rates(seconds: number): Rates {
    const since = Math.max(this.#first, this.#last - seconds) * cellMs;
    const spanMs = this.#last < 0 ? 0 : this.#nowMs - since;
    return { x: this.#arm(0, seconds, spanMs), y: this.#arm(2, seconds, spanMs) };
  }

  #arm(column: number, seconds: number, spanMs: number): ArmRates {
    if (this.#last < 0) return { requestsPerSecond: 0, failureRate: 0 };
    const requests = this.#sum(column, seconds);
    return {
      requestsPerSecond: spanMs > 0 ? (requests * 1000) / spanMs : 0,
      failureRate: requests > 0 ? this.#sum(column + 1, seconds) / requests : 0,
    };
  }
}
