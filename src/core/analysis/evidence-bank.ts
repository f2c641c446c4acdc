// Evidence of a handful of alternatives against one null, averaged with equal weights. Each alternative's evidence is a
// product of per-block e-values, kept as a log; it may start afresh when it has gone far down, so that hours of calm do not
// hide a failure that begins now. Knows neither streams nor arms.

/** How fast evidence may grow: the answer to bursts of correlated failures. Only ever shrinks evidence. */
export interface EvidenceLimit {
  /** Nats per second that an alternative may gain. */
  readonly perSecond: number;
  /** Nats that it may gain at once. */
  readonly burst: number;
}

export interface BankOptions {
  readonly alternatives: number;
  /** An alternative below this log starts afresh. */
  readonly restartBelow: number;
  /** Null: no limit. */
  readonly limit: EvidenceLimit | null;
}

export interface BankSnapshot {
  readonly logs: readonly number[];
  readonly starts: readonly number[];
  readonly startedMs: readonly number[];
  readonly tokens: readonly number[];
}

/** An alternative lives at least this long before it may start afresh. */
const lifeMsMin = 5_000;

export class EvidenceBank {
  readonly #options: BankOptions;
  readonly #logs: Float64Array;
  /** How often each alternative has started, from 1. Start j weighs 1/(j(j+1)); these sum to 1, so the average stays an e-process. */
  readonly #starts: Float64Array;
  readonly #startedMs: Float64Array;
  readonly #tokens: Float64Array;

  constructor(options: BankOptions) {
    this.#options = options;
    this.#logs = new Float64Array(options.alternatives);
    this.#starts = new Float64Array(options.alternatives);
    this.#startedMs = new Float64Array(options.alternatives);
    this.#tokens = new Float64Array(options.alternatives);
    this.reset(0);
  }

  /** Forgets all evidence: a new process, first start of every alternative at `nowMs`. */
  reset(nowMs: number): void {
    this.#logs.fill(0);
    this.#starts.fill(1);
    this.#startedMs.fill(nowMs);
    this.#tokens.fill(this.#options.limit?.burst ?? 0);
  }

  /** Lets `dtMs` pass: what may be gained grows back. */
  refill(dtMs: number): void {
    const limit = this.#options.limit;
    if (limit === null) return;
    const gain = (limit.perSecond * dtMs) / 1000;
    for (let g = 0; g < this.#tokens.length; g++)
      this.#tokens[g] = Math.min(limit.burst, (this.#tokens[g] as number) + gain);
  }

  /** Adds the log e-value of a block to alternative `g`. */
  add(g: number, increment: number, nowMs: number): void {
    const log = (this.#logs[g] as number) + this.#limited(g, increment);
    if (log < this.#options.restartBelow && nowMs - (this.#startedMs[g] as number) >= lifeMsMin) {
      this.#logs[g] = 0;
      this.#starts[g] = (this.#starts[g] as number) + 1;
      this.#startedMs[g] = nowMs;
    } else {
      this.#logs[g] = log;
    }
  }

  #limited(g: number, increment: number): number {
    if (this.#options.limit === null || increment <= 0) return increment;
    const allowed = Math.min(increment, this.#tokens[g] as number);
    this.#tokens[g] = (this.#tokens[g] as number) - allowed;
    return allowed;
  }

  #component(g: number): number {
    const start = this.#starts[g] as number;
    return (this.#logs[g] as number) - Math.log(start * (start + 1));
  }

  /** ln of the e-value against the null. */
  logEvidence(): number {
    const count = this.#logs.length;
    let largest = Number.NEGATIVE_INFINITY;
    for (let g = 0; g < count; g++) largest = Math.max(largest, this.#component(g));
    let sum = 0;
    for (let g = 0; g < count; g++) sum += Math.exp(this.#component(g) - largest);
    return largest + Math.log(sum / count);
  }

  /** Since when the alternative with the most evidence has been running, ms. */
  bestStartedMs(): number {
    let best = 0;
    for (let g = 1; g < this.#logs.length; g++) if (this.#component(g) > this.#component(best)) best = g;
    return this.#startedMs[best] as number;
  }

  snapshot(): BankSnapshot {
    return {
      logs: [...this.#logs],
      starts: [...this.#starts],
      startedMs: [...this.#startedMs],
      tokens: [...this.#tokens],
    };
  }

  restore(snapshot: BankSnapshot): void {
    this.#logs.set(snapshot.logs);
    this.#starts.set(snapshot.starts);
    this.#startedMs.set(snapshot.startedMs);
    this.#tokens.set(snapshot.tokens);
  }
}
