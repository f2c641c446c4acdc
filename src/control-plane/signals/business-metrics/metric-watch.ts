// Watches the business metrics while Y is compared with X: asks each source in its interval, takes pushed
// samples, and says what holds the rollout and what sends it back. Counted samples go to the analysis; here
// it only matters that they keep coming.
import type { Clock } from '#src/base/clock.ts';
import type { BusinessMetric, TrialsMetric, ValueMetric } from '#src/config/signals-config.ts';
import type { EventLog } from '#src/control-plane/events/event-log.ts';
import { clusterNames } from '#src/control-plane/nodes/node-directory.ts';
import type { PreflightCheck } from '#src/control-plane/nodes/preflight.ts';
import type { Outgoing } from '#src/control-plane/outgoing/outgoing-client.ts';
import type { QueriedCluster } from '#src/control-plane/outgoing/query-text.ts';
import { formatDuration } from '#src/core/analysis/verdict-text.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { Signals } from '#src/core/rollout/signals.ts';
import type { ClusterName } from '#src/shared-memory/layout.ts';
import { readMetric } from './metric-source.ts';
import { type MetricState, staleIntervals, ValueWatch } from './value-watch.ts';

export interface MetricView {
  readonly name: string;
  readonly kind: BusinessMetric['kind'];
  readonly state: MetricState;
  readonly text: string | null;
  /** Last values; null for counted metrics, whose numbers are in the verdict. */
  readonly x: number | null;
  readonly y: number | null;
  readonly violatedInARow: number;
}

export type PushedSample =
  | { readonly cluster: ClusterName; readonly value: number }
  | { readonly cluster: ClusterName; readonly successes: number; readonly trials: number };

export type PushOutcome = 'taken' | 'unknown' | 'wrong-kind';

interface MetricWatchOptions {
  readonly metrics: () => readonly BusinessMetric[];
  readonly cluster: (name: ClusterName) => QueriedCluster;
  readonly outgoing: Outgoing;
  readonly clock: Clock;
  readonly events: Pick<EventLog, 'add'>;
  /** Takes counted samples to the analysis. */
  readonly count: (name: string, cluster: ClusterName, trials: number, failures: number) => void;
}

/** A value with when it is due again. */
interface Watched {
  readonly watch: ValueWatch;
  nextAtMs: number;
  inFlight: boolean;
}

/** When the last sample of each cluster came, monotonic ms. */
interface Counted {
  readonly metric: TrialsMetric;
  readonly at: Record<ClusterName, number | null>;
  /** Since when there are samples of both at this step, monotonic ms. */
  bothSinceMs: number | null;
}

/** What a counted metric still lacks for an advance. */
interface CountedLack {
  readonly state: MetricState;
  readonly text: string;
}

/** The step that the metrics are evaluated for. Phase changes and new steps change it, holds do not. */
function evaluatedStep(state: RolloutState): string | null {
  if (state.phase === 'ramping') return `${state.plan.id} ${state.stepIndex} ${state.stepSinceMs}`;
  if (state.phase === 'soaking' || state.phase === 'paused')
    return `${state.plan.id} ${state.phase} ${state.stepIndex} ${state.sinceMs}`;
  return null;
}

export class MetricWatch {
  readonly #options: MetricWatchOptions;
  readonly #problemCounts = new Map<string, number>();
  #metrics: readonly BusinessMetric[] = [];
  #values: Watched[] = [];
  #counted: Counted[] = [];
  #step: string | null = null;

  constructor(options: MetricWatchOptions) {
    this.#options = options;
  }

  /** Follows the rollout and evaluates what is due; call it every tick. */
  observe(state: RolloutState): void {
    this.#followConfig();
    const step = evaluatedStep(state);
    if (step !== this.#step) this.#beginStep(step);
    if (step === null) return;
    const nowMs = this.#options.clock.monotonicMs();
    for (const watched of this.#values) {
      if (watched.inFlight || nowMs < watched.nextAtMs) continue;
      watched.nextAtMs = nowMs + watched.watch.metric.intervalMs;
      this.#evaluate(watched, nowMs);
    }
  }

  /** Takes a pushed sample. */
  push(name: string, sample: PushedSample): PushOutcome {
    this.#followConfig();
    const nowMs = this.#options.clock.monotonicMs();
    const counted = this.#counted.find(({ metric }) => metric.name === name);
    const value = this.#values.find(({ watch }) => watch.metric.name === name);
    if (counted === undefined && value === undefined) return 'unknown';
    if (counted !== undefined && 'trials' in sample) {
      const { cluster, successes, trials } = sample;
      counted.at[cluster] = nowMs;
      if (counted.at.x !== null && counted.at.y !== null) counted.bothSinceMs ??= nowMs;
      this.#options.count(name, cluster, trials, trials - successes);
      return 'taken';
    }
    if (value === undefined || !('value' in sample) || value.watch.metric.source.kind !== 'pushed')
      return 'wrong-kind';
    value.watch.push(sample.cluster, sample.value, nowMs);
    return 'taken';
  }

  /** What the metrics say about the present step. */
  signals(): Signals['metrics'] {
    if (this.#step === null) return { hold: null, revert: null };
    const values = this.#values
      .filter(({ watch }) => watch.state !== 'kept')
      .map(({ watch }) => `${watch.metric.name}: ${watch.text}`);
    const counted = this.#counted.flatMap((one) => {
      const lack = this.#lack(one);
      return lack === null ? [] : [`${one.metric.name}: ${lack.text}`];
    });
    const hold = [...values, ...counted].join('; ') || null;
    const bad = this.#values.find(({ watch }) => watch.reverts)?.watch;
    const revert =
      bad === undefined ? null : `${bad.metric.name}: ${bad.text}, ${bad.violatedInARow} times in a row`;
    return { hold, revert };
  }

  views(): readonly MetricView[] {
    this.#followConfig();
    const isEvaluated = this.#step !== null;
    const values = this.#values.map(({ watch }): MetricView => {
      const { metric, state, text, violatedInARow } = watch;
      const basics = { name: metric.name, kind: metric.kind, violatedInARow };
      const seen = { x: watch.value('x'), y: watch.value('y') };
      return isEvaluated
        ? { ...basics, ...seen, state, text }
        : { ...basics, ...seen, state: 'idle', text: null };
    });
    const counted = this.#counted.map((one): MetricView => {
      const lack = isEvaluated ? this.#lack(one) : null;
      const state = isEvaluated ? (lack?.state ?? 'kept') : 'idle';
      const text = lack?.text ?? null;
      return { name: one.metric.name, kind: 'trials', state, text, x: null, y: null, violatedInARow: 0 };
    });
    return [...values, ...counted];
  }

  /**
   * Asks every source once. A wrong query is found before a rollout starts; a source that is down only holds
   * it later.
   */
  async preflight(): Promise<readonly PreflightCheck[]> {
    const checks = this.#options.metrics().map((metric) => this.#check(metric));
    return (await Promise.all(checks)).flat();
  }

  /** Evaluations that gave no number, by metric, since the start. */
  problemCounts(): readonly { readonly name: string; readonly count: number }[] {
    return this.#options.metrics().map(({ name }) => ({ name, count: this.#problemCounts.get(name) ?? 0 }));
  }

  #followConfig(): void {
    const metrics = this.#options.metrics();
    if (metrics === this.#metrics) return;
    const isSame = JSON.stringify(metrics) === JSON.stringify(this.#metrics);
    this.#metrics = metrics;
    // A reload that changed something else must not end a row of violations.
    if (isSame) return;
    this.#values = metrics.flatMap((metric) =>
      metric.kind === 'value' ? [{ watch: new ValueWatch(metric), nextAtMs: 0, inFlight: false }] : [],
    );
    this.#counted = metrics.flatMap((metric) =>
      metric.kind === 'trials' ? [{ metric, at: { x: null, y: null }, bothSinceMs: null }] : [],
    );
  }

  #beginStep(step: string | null): void {
    this.#step = step;
    // New objects, so that readings that are still under way end up at the old ones.
    this.#values = this.#values.map(({ watch }) => {
      watch.beginStep();
      return { watch, nextAtMs: 0, inFlight: false };
    });
    for (const counted of this.#counted) {
      counted.at.x = null;
      counted.at.y = null;
      counted.bothSinceMs = null;
    }
  }

  #evaluate(watched: Watched, nowMs: number): void {
    const { watch } = watched;
    const { source } = watch.metric;
    if (source.kind === 'pushed') {
      const before = watch.state;
      watch.evaluatePushed(nowMs);
      this.#report(watch, before);
      return;
    }
    const { outgoing, cluster } = this.#options;
    const read = (name: ClusterName) => readMetric(source, cluster(name), watch.metric.timeoutMs, outgoing);
    watched.inFlight = true;
    void Promise.all([watch.needsX ? read('x') : null, read('y')]).then(([x, y]) => {
      watched.inFlight = false;
      // A step may have begun meanwhile, and this reading says nothing about it.
      if (!this.#values.includes(watched)) return;
      const before = watch.state;
      watch.evaluate(x, y, this.#options.clock.monotonicMs());
      this.#report(watch, before);
    });
  }

  /** Reports changes only: a violation that lasts is one event. */
  #report({ metric, state, text }: ValueWatch, before: MetricState): void {
    const { name } = metric;
    if (state === 'unclear') this.#problemCounts.set(name, (this.#problemCounts.get(name) ?? 0) + 1);
    if (state === before || (state === 'kept' && before === 'waiting')) return;
    const isKept = state === 'kept';
    const isViolated = state === 'violated';
    this.#options.events.add({
      name: isKept ? 'metric-kept' : isViolated ? 'metric-violated' : 'metric-unclear',
      level: isKept ? 'info' : 'warn',
      text: `Metric ${name}: ${text}.`,
      detail: { metric: name },
    });
  }

  #lack({ metric, at, bothSinceMs }: Counted): CountedLack | null {
    const limitMs = staleIntervals * metric.intervalMs;
    const nowMs = this.#options.clock.monotonicMs();
    for (const cluster of clusterNames) {
      const lastMs = at[cluster];
      if (lastMs === null)
        return { state: 'unclear', text: `no sample of ${cluster} was pushed at this step yet` };
      if (nowMs - lastMs > limitMs)
        return {
          state: 'unclear',
          text: `no sample of ${cluster} was pushed for ${formatDuration(limitMs)}`,
        };
    }
    // A push within this step may report on the step before. One interval later the counts are this step's.
    const leftMs = (bothSinceMs ?? nowMs) + metric.intervalMs - nowMs;
    if (leftMs <= 0) return null;
    const watched = `counts of this step are watched for one interval of ${formatDuration(metric.intervalMs)}`;
    return { state: 'waiting', text: `${watched}, another ${formatDuration(leftMs)}` };
  }

  async #check(metric: BusinessMetric): Promise<PreflightCheck[]> {
    if (metric.kind !== 'value' || metric.source.kind === 'pushed') return [];
    return [await this.#checkSource(metric, metric.source)];
  }

  async #checkSource(
    { name, timeoutMs }: ValueMetric,
    source: Exclude<ValueMetric['source'], { kind: 'pushed' }>,
  ): Promise<PreflightCheck> {
    const { outgoing, cluster } = this.#options;
    const reading = await readMetric(source, cluster('x'), timeoutMs, outgoing);
    const check = `metric-${name}`;
    if (reading.ok) return { name: check, passed: true, text: `Metric ${name} can be read.` };
    return { name: check, passed: !reading.unparsable, text: `Metric ${name}: ${reading.reason}.` };
  }
}
