// What a metric is to us: a name, and a function that reads its values when someone scrapes.
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { SplitSink } from '#src/core/telemetry/sample.ts';
import type { NodeDirectory } from '../node-directory.ts';
import type { SignalDesk } from '../signals.ts';
import type { DurableStore } from '../store/durable-store.ts';
import type { WorkerView } from '../worker-watch.ts';
import type { SlabTotals } from './slab-totals.ts';

export interface MetricSources {
  readonly totals: SlabTotals;
  readonly directory: NodeDirectory;
  readonly sink: SplitSink;
  readonly rolloutState: () => RolloutState;
  readonly verdict: () => Verdict | null;
  readonly workers: () => readonly WorkerView[];
  readonly store: Pick<DurableStore, 'writable' | 'queuedCount' | 'droppedCount'>;
  readonly signals: SignalDesk;
  readonly version: string;
}

export interface MetricValue {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
}

export interface MetricDefinition {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly read: () => readonly MetricValue[];
}

/** One value without labels. */
export const single = (value: number): MetricValue[] => [{ value, labels: {} }];
