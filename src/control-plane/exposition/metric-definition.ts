// A metric: its name, and a function that reads its values when someone scrapes.

import type { NodeDirectory } from '#src/control-plane/nodes/node-directory.ts';
import type { Held } from '#src/control-plane/rollout/hold-watch.ts';
import type { ExternalSignals } from '#src/control-plane/signals/external-signals.ts';
import type { DurableStore } from '#src/control-plane/store/durable-store.ts';
import type { SlabTotals } from '#src/control-plane/traffic/slab-totals.ts';
import type { WorkerView } from '#src/control-plane/traffic/worker-watch.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { OwnResource } from '#src/core/telemetry/own-shortage.ts';
import type { SplitSink } from '#src/core/telemetry/sample.ts';

export interface ExpositionSources {
  readonly totals: SlabTotals;
  readonly directory: NodeDirectory;
  readonly sink: SplitSink;
  readonly rolloutState: () => RolloutState;
  readonly held: () => Held | null;
  readonly verdict: () => Verdict | null;
  readonly workers: () => readonly WorkerView[];
  readonly store: Pick<DurableStore, 'writable' | 'queuedCount' | 'droppedCount'>;
  readonly signals: ExternalSignals;
  /** Health checks that a shortage of ours kept from their node. */
  readonly checkShortages: ReadonlyMap<OwnResource, number>;
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
