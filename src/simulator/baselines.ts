// How other tools decide about canary releases, written from their published rules; the tools themselves are
// not used. Each gets the same simulated traffic as Crossover.
//   Flagger: at every interval, absolute thresholds on Y alone (99 % success, p99 of 500 ms). Failed checks
//     and checks without data are counted and the count never falls; the check after it has reached the
//     threshold rolls back.
//   Argo Rollouts: at every interval, an absolute success rate. It fails when more than `failureLimit`
//     measurements have failed.
//   Kayenta: every minute, its judge compares series of 5-second points of both clusters (see kayenta.ts). A
//     metric that is High fails.
import { quantileMs } from '#src/core/telemetry/histogram.ts';
import type { ArmSample, TickSample } from '#src/core/telemetry/sample.ts';
import { latencyBucketCount } from '#src/limits.ts';
import { isHigh } from './kayenta.ts';

type BaselineVerdict = 'wait' | 'pass' | 'hold' | 'revert';

interface Baseline {
  readonly name: string;
  /** Takes a tick's traffic; `second` is counted from Y's first traffic. */
  take(sample: TickSample, second: number): BaselineVerdict;
}

/** The thresholds of Flagger's examples; the same success rate is asked of Argo Rollouts. */
const successRateMin = 0.99;
const p99MsMax = 500;

/** Counts of one arm between two checks. */
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
  /** Failed checks after which it is not rolled back yet. */
  readonly failuresMax: number;
  /** Whether it is rolled back one check after the last failure. */
  readonly lateRollback: boolean;
  readonly p99MsMax: number | null;
  /** Whether a check without data counts as failed. */
  readonly failsWithoutData: boolean;
}

/** Flagger and Argo Rollouts: counts failed checks of absolute thresholds on Y. */
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
const checkSeconds = 60;

/** Kayenta's judge, on 5-second points of error rate, median and p99 of both arms. */
class KayentaJudge implements Baseline {
  readonly name: string;
  readonly #keepsAll: boolean;
  readonly #increaseMin: number;
  readonly #x = new Tally();
  readonly #y = new Tally();
  #series: { x: number[]; y: number[] }[] = [];
  #pointAt = pointSeconds;
  #checkAt = checkSeconds;

  /** With `keepsAll` it compares everything since the start, else the last minute. */
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
    if (second < this.#checkAt) return 'wait';
    this.#checkAt += checkSeconds;
    const high = this.#series.some(({ x, y }) => isHigh(x, y, this.#increaseMin));
    if (!this.#keepsAll) this.#clear();
    return high ? 'revert' : 'pass';
  }

  #clear(): void {
    this.#series = Array.from({ length: 3 }, () => ({ x: [], y: [] }));
  }

  /** Adds a point; one without data is left out, as Kayenta does by default. */
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
