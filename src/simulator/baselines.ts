// What else decides about canary releases, from the published rules of each: not the products themselves. Each looks at the
// same simulated traffic as Crossover does.
//   Flagger: every interval, absolute thresholds on Y alone (99 % success, p99 of 500 ms); a failed check or one without data
//     counts, nothing is ever forgiven; rolled back at the check after the count has reached the threshold.
//   Argo Rollouts: every interval an absolute success rate; failed once more than `failureLimit` measurements have.
//   Kayenta: every minute the judge compares series of 5-second points of both (see kayenta.ts); any metric that is High fails.
import { quantileMs } from '#src/core/telemetry/histogram.ts';
import type { ArmSample, TickSample } from '#src/core/telemetry/sample.ts';
import { latencyBucketCount } from '#src/limits.ts';
import { isHigh } from './kayenta.ts';

export type BaselineVerdict = 'wait' | 'pass' | 'hold' | 'revert';

export interface Baseline {
  readonly name: string;
  /** Takes a tick's traffic; `second` counts from Y's first. */
  take(sample: TickSample, second: number): BaselineVerdict;
}

const successRateMin = 0.99;
const p99MsMax = 500;

/** One arm's traffic between two checks. */
class Tally {
  requests = 0;
  failures = 0;
  readonly latency = new Float64Array(latencyBucketCount);

  add(arm: ArmSample, withLatency: boolean): void {
    this.requests += arm.requests;
    this.failures += arm.failures;
    if (!withLatency) return;
    for (let j = 0; j < latencyBucketCount; j++)
      this.latency[j] = (this.latency[j] as number) + (arm.latency[j] as number);
  }

  clear(): void {
    this.requests = 0;
    this.failures = 0;
    this.latency.fill(0);
  }

  get successRate(): number {
    return 1 - this.failures / this.requests;
  }
}

interface Checks {
  readonly intervalSeconds: number;
  /** Failed checks that a release survives. */
  readonly failuresMax: number;
  /** Whether the rollback waits for the check after the last failure. */
  readonly lateRollback: boolean;
  readonly p99MsMax: number | null;
  /** Whether a check without data counts as failed. */
  readonly failsWithoutData: boolean;
}

/** Counts failed checks of absolute thresholds on Y. */
class AbsoluteChecks implements Baseline {
  readonly name: string;
  readonly #checks: Checks;
  readonly #tally = new Tally();
  #failed = 0;
  #nextCheckAt: number;

  constructor(name: string, checks: Checks) {
    this.name = name;
    this.#checks = checks;
    this.#nextCheckAt = checks.intervalSeconds;
  }

  take(sample: TickSample, second: number): BaselineVerdict {
    const { intervalSeconds, failuresMax, lateRollback } = this.#checks;
    for (const { y } of sample.epochs) this.#tally.add(y, this.#checks.p99MsMax !== null);
    if (second < this.#nextCheckAt) return 'wait';
    this.#nextCheckAt += intervalSeconds;
    if (lateRollback && this.#failed > failuresMax) return 'revert';
    const failed = this.#fails();
    this.#tally.clear();
    if (!failed) return 'pass';
    this.#failed++;
    return !lateRollback && this.#failed > failuresMax ? 'revert' : 'hold';
  }

  #fails(): boolean {
    const { p99MsMax: limit, failsWithoutData } = this.#checks;
    if (this.#tally.requests === 0) return failsWithoutData;
    if (this.#tally.successRate < successRateMin) return true;
    return limit !== null && (quantileMs(this.#tally.latency, 0.99) ?? 0) > limit;
  }
}

const pointSeconds = 5;
const judgeSeconds = 60;

/** The judge over 5-second points of error rate, median and p99 of both arms. */
class KayentaJudge implements Baseline {
  readonly name: string;
  readonly #keepsAll: boolean;
  readonly #increaseMin: number;
  readonly #x = new Tally();
  readonly #y = new Tally();
  #series: { x: number[]; y: number[] }[] = [];
  #pointAt = pointSeconds;
  #judgeAt = judgeSeconds;

  /** `keepsAll`: judges everything since the start rather than the last minute. */
  constructor(name: string, keepsAll: boolean, increaseMin: number) {
    this.name = name;
    this.#keepsAll = keepsAll;
    this.#increaseMin = increaseMin;
    this.#clear();
  }

  take(sample: TickSample, second: number): BaselineVerdict {
    for (const { x, y } of sample.epochs) {
      this.#x.add(x, true);
      this.#y.add(y, true);
    }
    if (second >= this.#pointAt) this.#addPoint();
    if (second < this.#judgeAt) return 'wait';
    this.#judgeAt += judgeSeconds;
    const high = this.#series.some(({ x, y }) => isHigh(x, y, this.#increaseMin));
    if (!this.#keepsAll) this.#clear();
    return high ? 'revert' : 'pass';
  }

  #clear(): void {
    this.#series = Array.from({ length: 3 }, () => ({ x: [], y: [] }));
  }

  /** Points without data are left out, as the judge does by default. */
  #addPoint(): void {
    this.#pointAt += pointSeconds;
    for (const [arm, tally] of [
      ['x', this.#x],
      ['y', this.#y],
    ] as const) {
      const values = [
        tally.requests === 0 ? null : tally.failures / tally.requests,
        quantileMs(tally.latency, 0.5),
        quantileMs(tally.latency, 0.99),
      ];
      for (const [metric, value] of values.entries())
        if (value !== null) this.#series[metric]?.[arm].push(value);
      tally.clear();
    }
  }
}

export const baselineNames = ['Flagger', 'fast Flagger', 'Argo', 'Kayenta60', 'KayentaGrow'] as const;
export type BaselineName = (typeof baselineNames)[number];

export function createBaseline(name: BaselineName): Baseline {
  const flagger = { lateRollback: true, p99MsMax, failsWithoutData: true };
  switch (name) {
    case 'Flagger':
      return new AbsoluteChecks(name, { ...flagger, intervalSeconds: 60, failuresMax: 4 });
    case 'fast Flagger':
      return new AbsoluteChecks(name, { ...flagger, intervalSeconds: 10, failuresMax: 1 });
    case 'Argo':
      return new AbsoluteChecks(name, {
        intervalSeconds: 60,
        failuresMax: 3,
        lateRollback: false,
        p99MsMax: null,
        failsWithoutData: false,
      });
    case 'Kayenta60':
      return new KayentaJudge(name, false, 1);
    case 'KayentaGrow':
      return new KayentaJudge(name, true, 1.1);
  }
}
