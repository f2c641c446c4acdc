// One plain business metric: its latest values, what its rule says of them, and for how many evaluations in a
// row. Only an evaluation within the present step counts; a metric that can't be evaluated holds.
import type { ValueMetric } from '#src/config/signals-config.ts';
import type { Reading } from '#src/control-plane/outgoing/answer-value.ts';
import { checkValue } from '#src/core/analysis/value-rule.ts';
import { formatDuration } from '#src/core/analysis/verdict-text.ts';
import type { ClusterName } from '#src/shared-memory/layout.ts';

export type MetricState = 'idle' | 'waiting' | 'kept' | 'violated' | 'unclear';

/** Samples older than this many intervals say nothing any more. */
export const staleIntervals = 3;

interface Sample {
  readonly value: number;
  readonly atMs: number;
}

export class ValueWatch {
  readonly metric: ValueMetric;
  state: MetricState = 'waiting';
  text = 'not evaluated at this step yet';
  /** Violated evaluations in a row. */
  violatedInARow = 0;
  readonly #samples: Record<ClusterName, Sample | null> = { x: null, y: null };
  #isNew = false;

  constructor(metric: ValueMetric) {
    this.metric = metric;
  }

  value(cluster: ClusterName): number | null {
    return this.#samples[cluster]?.value ?? null;
  }

  get needsX(): boolean {
    return this.metric.rule.kind === 'comparison';
  }

  /** Whether it is configured to send the rollout back, and has been violated long enough for that. */
  get reverts(): boolean {
    const { onViolation, failuresInARow } = this.metric;
    return onViolation === 'revert' && this.violatedInARow >= failuresInARow;
  }

  /** A step begins: what was seen before it says nothing about it. */
  beginStep(): void {
    this.state = 'waiting';
    this.text = 'not evaluated at this step yet';
    this.violatedInARow = 0;
    this.#samples.x = null;
    this.#samples.y = null;
    this.#isNew = false;
  }

  /** Takes what the source answered; X's reading is null where the rule does not need it. */
  evaluate(x: Reading | null, y: Reading, nowMs: number): void {
    for (const [cluster, reading] of [['x', x] as const, ['y', y] as const]) {
      this.#samples[cluster] = reading?.ok === true ? { value: reading.value, atMs: nowMs } : null;
      if (reading === null || reading.ok) continue;
      this.#become('unclear', `for ${cluster}, ${reading.reason}`);
      return;
    }
    this.#check();
  }

  /** Takes a pushed sample. */
  push(cluster: ClusterName, value: number, nowMs: number): void {
    this.#samples[cluster] = { value, atMs: nowMs };
    if (cluster === 'y') this.#isNew = true;
  }

  /** Evaluates pushed samples; call it in the metric's interval. */
  evaluatePushed(nowMs: number): void {
    const limitMs = staleIntervals * this.metric.intervalMs;
    const needed: readonly ClusterName[] = this.needsX ? ['x', 'y'] : ['y'];
    for (const cluster of needed) {
      const sample = this.#samples[cluster];
      if (sample !== null && nowMs - sample.atMs <= limitMs) continue;
      const since = sample === null ? 'at this step yet' : `for ${formatDuration(limitMs)}`;
      this.#become('unclear', `no sample of ${cluster} was pushed ${since}`);
      return;
    }
    // One sample must not count as two violations.
    if (!this.#isNew) return;
    this.#isNew = false;
    this.#check();
  }

  #check(): void {
    const y = this.#samples.y?.value;
    if (y === undefined) return;
    const check = checkValue(this.metric.rule, this.#samples.x?.value ?? null, y);
    this.#become(check.kind, check.text);
  }

  #become(state: 'kept' | 'violated' | 'unclear', text: string): void {
    this.state = state;
    this.text = text;
    this.violatedInARow = state === 'violated' ? this.violatedInARow + 1 : 0;
  }
}
