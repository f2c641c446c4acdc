// Failures come in clusters: a node dies, a queue overflows, a client retries. The tests treat requests as independent, so
// their evidence is divided by how much more the counts vary from window to window than independent requests would. Dividing
// only shrinks positive evidence, which keeps the tests valid.

/** Windows that are kept; 3 minutes of 1-second windows. */
const windowsKept = 180;
/** Windows that are looked at, however young the evidence is: calm before a burst is what makes it a burst. */
const windowsMin = 10;
/** Windows with traffic on Y before anything may be reverted: fewer say nothing about variation. */
export const yWindowsMin = 3;
/** Evidence at or below this is not deflated: it is far from any decision. */
export const deflateAbove = 2;
// Per window: nX, kX, nY, kY.
const width = 4;

export interface WindowRingSnapshot {
  readonly last: number;
  readonly first: number;
  readonly yWindows: number;
  /** The windows in use, oldest first. */
  readonly counts: readonly number[];
}

/** Counts of both arms in consecutive windows of one length. Time is told, never read. */
export class WindowRing {
  readonly #windowMs: number;
  readonly #ring = new Float64Array(windowsKept * width);
  /** Numbers of the newest and of the oldest window in use; -1 before the first counts. */
  #last = -1;
  #first = -1;
  /** Windows with traffic on Y since the reset. */
  #yWindows = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  get yWindows(): number {
    return this.#yWindows;
  }

  reset(): void {
    this.#last = -1;
    this.#first = -1;
    this.#yWindows = 0;
  }

  /** Adds counts to the window of `nowMs`. */
  add(nowMs: number, nX: number, kX: number, nY: number, kY: number): void {
    const at = this.#open(Math.floor(nowMs / this.#windowMs));
    const ring = this.#ring;
    if (nY > 0 && ring[at + 2] === 0) this.#yWindows++;
    ring[at] = (ring[at] as number) + nX;
    ring[at + 1] = (ring[at + 1] as number) + kX;
    ring[at + 2] = (ring[at + 2] as number) + nY;
    ring[at + 3] = (ring[at + 3] as number) + kY;
  }

  /** Clears the windows up to `window` and returns where its counts are. */
  #open(window: number): number {
    if (this.#last < 0) {
      this.#first = window;
      this.#last = window - 1;
    }
    const from = Math.max(this.#last + 1, window - windowsKept + 1);
    for (let v = from; v <= window; v++) this.#ring.fill(0, offset(v), offset(v) + width);
    this.#last = Math.max(this.#last, window);
    this.#first = Math.max(this.#first, this.#last - windowsKept + 1);
    return offset(this.#last);
  }

  /** Oldest window that evidence which began at `startedMs` is judged by. */
  #oldest(startedMs: number): number {
    const wanted = Math.min(Math.floor(startedMs / this.#windowMs), this.#last - windowsMin + 1);
    return Math.max(this.#first, wanted);
  }

  /** Sum of one column (0 nX, 1 kX, 2 nY, 3 kY) over the windows that evidence since `startedMs` is judged by. */
  sum(column: 0 | 1 | 2 | 3, startedMs: number): number {
    let sum = 0;
    if (this.#last < 0) return sum;
    for (let v = this.#oldest(startedMs); v <= this.#last; v++)
      sum += this.#ring[offset(v) + column] as number;
    return sum;
  }

  /**
   * Divisor (>= 1) for two-arm evidence since `startedMs`: variance of Y's excess over the pooled rate between windows,
   * around its own mean, against the binomial variance.
   */
  deflation(startedMs: number): number {
    const ring = this.#ring;
    const pX = this.sum(1, startedMs) / Math.max(1, this.sum(0, startedMs));
    const pY = this.sum(3, startedMs) / Math.max(1, this.sum(2, startedMs));
    const oldest = this.#oldest(startedMs);
    let excess = 0;
    let leverage = 0;
    let variance = 0;
    for (let v = oldest; v <= this.#last; v++) {
      const at = offset(v);
      const nX = ring[at] as number;
      const nY = ring[at + 2] as number;
      const n = nX + nY;
      if (n === 0) continue;
      excess += (ring[at + 3] as number) - (nY * ((ring[at + 1] as number) + (ring[at + 3] as number))) / n;
      leverage += (nX * nY) / n;
      variance += (nX / n) ** 2 * nY * pY * (1 - pY) + (nY / n) ** 2 * nX * pX * (1 - pX);
    }
    const mean = leverage > 0 ? excess / leverage : 0;
    let squares = 0;
    for (let v = oldest; v <= this.#last; v++) {
      const at = offset(v);
      const nX = ring[at] as number;
      const nY = ring[at + 2] as number;
      const n = nX + nY;
      if (n === 0) continue;
      const pooled = ((ring[at + 1] as number) + (ring[at + 3] as number)) / n;
      squares += ((ring[at + 3] as number) - nY * pooled - (mean * nX * nY) / n) ** 2;
    }
    return Math.max(1, (squares + 1) / (variance + 1));
  }

  /** The same for evidence about Y alone: variance of Y's failures between windows against the binomial variance. */
  deflationOfY(startedMs: number): number {
    const pY = this.sum(3, startedMs) / Math.max(1, this.sum(2, startedMs));
    let squares = 0;
    let variance = 0;
    for (let v = this.#oldest(startedMs); v <= this.#last; v++) {
      const at = offset(v);
      const nY = this.#ring[at + 2] as number;
      squares += ((this.#ring[at + 3] as number) - nY * pY) ** 2;
      variance += nY * pY * (1 - pY);
    }
    return Math.max(1, (squares + 1) / (variance + 1));
  }

  snapshot(): WindowRingSnapshot {
    const counts: number[] = [];
    if (this.#last >= 0)
      for (let v = this.#first; v <= this.#last; v++)
        counts.push(...this.#ring.subarray(offset(v), offset(v) + width));
    return { last: this.#last, first: this.#first, yWindows: this.#yWindows, counts };
  }

  restore(snapshot: WindowRingSnapshot): void {
    this.#last = snapshot.last;
    this.#first = snapshot.first;
    this.#yWindows = snapshot.yWindows;
    if (this.#last < 0) return;
    for (let v = this.#first; v <= this.#last; v++) {
      const at = (v - this.#first) * width;
      this.#ring.set(snapshot.counts.slice(at, at + width), offset(v));
    }
  }
}

const offset = (window: number): number => (window % windowsKept) * width;
