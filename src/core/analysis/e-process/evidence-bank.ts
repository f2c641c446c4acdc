// Evidence of a handful of alternatives against one null, averaged with weights that are fixed beforehand.
// The evidence of an alternative is a product of per-block e-values, kept as a log. It may start afresh when
// it has gone far down, so that hours of calm do not hide a failure that begins now. The bank knows neither
// streams nor arms.

import { assert } from '#src/base/assert.ts';
import { plainNumbers } from '#src/base/plain-numbers.ts';
import { logAdd } from './log-add.ts';

/** How fast evidence may grow, because failures come in bursts. The limit only ever shrinks evidence. */
export interface EvidenceLimit {
  /** Nats per second that an alternative may gain. */
  readonly perSecond: number;
  /** Nats that it may gain at once. */
  readonly burst: number;
}

export interface BankOptions {
  readonly alternatives: number;
  /** Weight of each alternative, with a sum of 1; equal when absent. */
  readonly prior?: readonly number[] | undefined;
  /** An alternative below this log starts afresh. */
  readonly restartBelow: number;
  /** Null: no limit. */
  readonly limit: EvidenceLimit | null;
}

/** How much the counts of a stream cluster in time. */
export interface Clusters {
  /** Divisor, at least 1, for evidence that began to rise at `sinceMs`. */
  deflation(sinceMs: number): number;
}

export interface BankSnapshot {
  readonly logs: readonly number[];
  readonly starts: readonly number[];
  readonly startedMs: readonly number[];
  readonly lows: readonly number[];
  readonly risingSinceMs: readonly number[];
  readonly tokens: readonly number[];
}

export type CompactBankSnapshot = Pick<BankSnapshot, 'logs' | 'starts'>;

/** Evidence at or below this is not deflated: it is far from any decision. */
export const deflateAbove = 2;

/** An alternative lives at least this long before it may start afresh. */
const lifeMsMin = 5_000;

export class EvidenceBank {
  readonly #options: BankOptions;
  readonly #logPrior: Float64Array;
  readonly #logs: Float64Array;
  /**
   * How often each alternative has started, from 1. Start j weighs 1/(j(j+1)); these sum to 1, so the average
   * stays an e-process.
   */
  readonly #starts: Float64Array;
  readonly #startedMs: Float64Array;
  /** Lowest log since the start, and when it was: the present evidence has come since then. */
  readonly #lows: Float64Array;
  readonly #risingSinceMs: Float64Array;
  readonly #tokens: Float64Array;

  constructor(options: BankOptions) {
    this.#options = options;
    this.#logPrior = logPrior(options);
    this.#logs = new Float64Array(options.alternatives);
    this.#starts = new Float64Array(options.alternatives);
    this.#startedMs = new Float64Array(options.alternatives);
    this.#lows = new Float64Array(options.alternatives);
    this.#risingSinceMs = new Float64Array(options.alternatives);
    this.#tokens = new Float64Array(options.alternatives);
    this.reset(0);
  }

  /** Forgets all evidence: a new process, first start of every alternative at `nowMs`. */
  reset(nowMs: number): void {
    this.#logs.fill(0);
    this.#starts.fill(1);
    this.#startedMs.fill(nowMs);
    this.#lows.fill(0);
    this.#risingSinceMs.fill(nowMs);
    this.#tokens.fill(this.#options.limit?.burst ?? 0);
  }

  /** Lets `dtMs` pass: what an alternative may gain grows back. */
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
      this.#lows[g] = 0;
      this.#risingSinceMs[g] = nowMs;
      return;
    }
    this.#logs[g] = log;
    if (log > (this.#lows[g] as number)) return;
    this.#lows[g] = log;
    this.#risingSinceMs[g] = nowMs;
  }

  /**
   * Gives up what was gained against the null, and keeps what was lost. An e-process may be lowered at any
   * time, so this needs no share of the budget.
   */
  forgetGains(nowMs: number): void {
    for (let g = 0; g < this.#logs.length; g++) {
      if ((this.#logs[g] as number) <= 0) continue;
      this.#logs[g] = 0;
      this.#lows[g] = 0;
      this.#risingSinceMs[g] = nowMs;
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
    return this.#average(null);
  }

  /** What alternative `g` contributes to it: never more than {@link logEvidence}. */
  contribution(g: number): number {
    return this.#component(g) + (this.#logPrior[g] as number);
  }

  /**
   * The same with the positive evidence of each alternative divided by how much the counts have clustered
   * since it began to rise. Divisors are at least 1, so this is never more than {@link logEvidence} where
   * that is positive.
   */
  deflatedLogEvidence(clusters: Clusters): number {
    return this.#average(clusters);
  }

  #average(clusters: Clusters | null): number {
    let total = Number.NEGATIVE_INFINITY;
    for (let g = 0; g < this.#logs.length; g++) {
      const log = this.#component(g);
      const counts = clusters === null || log <= 0;
      const counted = counts ? log : log / clusters.deflation(this.#risingSinceMs[g] as number);
      total = logAdd(total, counted + (this.#logPrior[g] as number));
    }
    return total;
  }

  /** Since when the alternative with the most evidence has been rising, ms. */
  risingSinceMs(clusters: Clusters): number {
    let best = 0;
    let bestLog = Number.NEGATIVE_INFINITY;
    for (let g = 0; g < this.#logs.length; g++) {
      const since = this.#risingSinceMs[g] as number;
      const log = this.#component(g) / clusters.deflation(since);
      if (log <= bestLog) continue;
      bestLog = log;
      best = g;
    }
    return this.#risingSinceMs[best] as number;
  }

  snapshot(): BankSnapshot {
    return {
      logs: plainNumbers(this.#logs),
      starts: plainNumbers(this.#starts),
      startedMs: plainNumbers(this.#startedMs),
      lows: plainNumbers(this.#lows),
      risingSinceMs: plainNumbers(this.#risingSinceMs),
      tokens: plainNumbers(this.#tokens),
    };
  }

  /**
   * The least that keeps the tests valid, for evidence that is far from any decision: the logs, rounded down,
   * and how often each alternative has started.
   */
  compactSnapshot(): CompactBankSnapshot {
    return {
      logs: plainNumbers(this.#logs).map((log) => Math.floor(log * 1000) / 1000),
      starts: plainNumbers(this.#starts),
    };
  }

  /** Goes on as if all alternatives had started at `nowMs` and could gain nothing at once. */
  restoreCompact({ logs, starts }: CompactBankSnapshot, nowMs: number): void {
    this.reset(nowMs);
    this.#logs.set(logs);
    this.#lows.set(logs);
    this.#starts.set(starts);
    this.#tokens.fill(0);
  }

  restore(snapshot: BankSnapshot): void {
    this.#logs.set(snapshot.logs);
    this.#starts.set(snapshot.starts);
    this.#startedMs.set(snapshot.startedMs);
    this.#lows.set(snapshot.lows);
    this.#risingSinceMs.set(snapshot.risingSinceMs);
    this.#tokens.set(snapshot.tokens);
  }
}

function logPrior({ alternatives, prior }: BankOptions): Float64Array {
  const logs = new Float64Array(alternatives).fill(-Math.log(alternatives));
  if (prior === undefined) return logs;
  const sum = prior.reduce((total, weight) => total + weight, 0);
  assert(prior.length === alternatives && Math.abs(sum - 1) < 1e-9, 'a weight for each, 1 in all');
  return logs.map((_, g) => Math.log(prior[g] as number));
}
