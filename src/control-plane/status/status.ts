// The status as the API shows it: one picture of rollout, split, clusters and threads, in percent and plain
// names.

import type { Held } from '#src/control-plane/rollout/hold-watch.ts';
import type { SignalsView } from '#src/control-plane/signals/external-signals.ts';
import type { ClusterTraffic } from '#src/control-plane/traffic/recent-traffic.ts';
import type { SuspectView } from '#src/control-plane/traffic/suspect-clients.ts';
import type { WorkerView } from '#src/control-plane/traffic/worker-watch.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { RolloutForecast, Span } from '#src/core/rollout/forecast.ts';
import { holdOf } from '#src/core/rollout/hold-of.ts';
import { percentOf } from '#src/core/rollout/percent-of.ts';
import type {
  FailedStart,
  HoldReason,
  ParkedRoute,
  Phase,
  RolloutPlan,
  RolloutState,
} from '#src/core/rollout/rollout-state.ts';
import { type StepView, stepView } from '#src/core/rollout/step-view.ts';
import { PPM } from '#src/limits.ts';
import type { NodeView } from '#src/record/node-view.ts';
import type { RecordEnd } from '#src/record/record-end.ts';
import type { StoreProblem } from '#src/record/store-result.ts';
import type { ClusterName } from '#src/shared-memory/layout.ts';
import type { Unrecorded } from '#src/shared-memory/messages.ts';
import type { Split } from '#src/shared-memory/split-cell.ts';

export interface SplitView {
  /** Percent. */
  readonly x: number;
  readonly y: number;
  readonly revision: number;
}

export interface RolloutView {
  readonly phase: Phase;
  readonly id: string | null;
  readonly step: StepView | null;
  /** Percent of Y now. */
  readonly weight: number;
  readonly steps: readonly number[];
  readonly startedAtMs: number | null;
  readonly startedBy: string | null;
  readonly reason: string | null;
  readonly sinceMs: number | null;
  readonly hold: HoldReason | null;
  readonly bakeMs: number | null;
  readonly stepTimeoutMs: number | null;
  readonly soakMs: number | null;
  readonly holdback: number | null;
  readonly onInconclusive: 'hold' | 'revert' | null;
  readonly onBadRoute: 'revert' | 'park' | null;
  /** Routes whose requests all go to X, outside the comparison. */
  readonly parked: readonly ParkedRoute[];
  /** Why it was reverted. */
  readonly cause: { readonly name: string; readonly text: string } | null;
  /** The last start, when its checks failed and no rollout began since. */
  readonly failedStart: FailedStart | null;
}

export interface ClusterView extends ClusterTraffic {
  readonly label: string;
  readonly nodes: readonly NodeView[];
  /**
   * What clients got from it, whatever brought the requests there; the breaker's too, which are not compared.
   */
  readonly answersPerSecond: number;
}

interface StoreView {
  readonly writable: boolean;
  readonly problem: StoreProblem | null;
  /** What it does not have yet; null when it has everything. */
  readonly unrecorded: Unrecorded | null;
  /**
   * Where the record ends: the number of entries and the hash that stands for all of them; null before the
   * store was open.
   */
  readonly end: { readonly entries: number; readonly hash: string } | null;
}

export interface StatusView {
  readonly phase: Phase;
  readonly step: StepView | null;
  readonly split: SplitView;
  readonly clusters: Readonly<Record<ClusterName, ClusterView>>;
  readonly verdict: Verdict | null;
  readonly hold: HoldReason | null;
  /** How long that has held it, seconds; null while nothing does. */
  readonly heldSeconds: number | null;
  /** When the step and all of the rollout will be over; null while none is under way that moves by itself. */
  readonly forecast: RolloutForecast | null;
  readonly rollout: RolloutView;
  readonly signals: SignalsView;
  /** Clients that are not compared, as what they get on Y is unlike what all others get there. */
  readonly suspects: readonly SuspectView[];
  readonly workers: readonly WorkerView[];
  readonly store: StoreView;
  readonly configRevision: number;
  readonly version: string;
  readonly uptimeSeconds: number;
}

interface StatusSources {
  readonly state: RolloutState;
  readonly held: Held | null;
  readonly forecast: RolloutForecast | null;
  readonly split: Split;
  readonly labels: Readonly<Record<ClusterName, string>>;
  readonly traffic: Readonly<Record<ClusterName, ClusterTraffic>>;
  /** Per second. */
  readonly answers: Readonly<Record<ClusterName, number>>;
  readonly nodes: (cluster: ClusterName) => readonly NodeView[];
  readonly verdict: Verdict | null;
  readonly signals: SignalsView;
  readonly suspects: readonly SuspectView[];
  readonly workers: readonly WorkerView[];
  readonly store: Pick<StoreView, 'writable' | 'problem' | 'unrecorded'> & {
    readonly recordEnd: RecordEnd | null;
  };
  readonly configRevision: number;
  readonly version: string;
  readonly uptimeMs: number;
}

export function statusView(sources: StatusSources): StatusView {
  const { state, labels, traffic, answers, nodes, store } = sources;
  return {
    phase: state.phase,
    step: stepView(state),
    split: splitView(sources.split),
    clusters: {
      x: { label: labels.x, ...traffic.x, answersPerSecond: answers.x, nodes: nodes('x') },
      y: { label: labels.y, ...traffic.y, answersPerSecond: answers.y, nodes: nodes('y') },
    },
    verdict: sources.verdict,
    hold: holdOf(state),
    heldSeconds: sources.held === null ? null : Math.round(sources.held.seconds),
    forecast: roundedForecast(sources.forecast),
    rollout: rolloutView(state),
    signals: sources.signals,
    suspects: sources.suspects,
    workers: sources.workers,
    store: storeView(store),
    configRevision: sources.configRevision,
    version: sources.version,
    uptimeSeconds: Math.round(sources.uptimeMs / 1000),
  };
}

/** Tenths of a second claim enough. */
function roundedForecast(forecast: RolloutForecast | null): RolloutForecast | null {
  const rounded = (span: Span | null): Span | null =>
    span && {
      fromSeconds: Math.round(span.fromSeconds * 10) / 10,
      toSeconds: Math.round(span.toSeconds * 10) / 10,
    };
  return forecast && { step: rounded(forecast.step), rollout: rounded(forecast.rollout) };
}

function storeView({ writable, problem, unrecorded, recordEnd }: StatusSources['store']): StoreView {
  const end = recordEnd === null ? null : { entries: recordEnd.id, hash: recordEnd.hash };
  return { writable, problem, unrecorded, end };
}

export const splitView = ({ epoch, weightPpm }: Split): SplitView => ({
  x: percentOf(PPM - weightPpm),
  y: percentOf(weightPpm),
  revision: epoch,
});

export function rolloutView(state: RolloutState): RolloutView {
  const plan = 'plan' in state ? state.plan : null;
  return {
    phase: state.phase,
    id: plan?.id ?? null,
    step: stepView(state),
    weight: percentOf(state.weightPpm),
    ...planView(plan),
    sinceMs: sinceMsOf(state),
    hold: holdOf(state),
    parked: state.parked ?? [],
    cause: state.phase === 'reverted' ? state.cause : null,
    failedStart: state.phase === 'idle' ? (state.failedStart ?? null) : null,
  };
}

function planView(plan: RolloutPlan | null) {
  return {
    steps: plan?.stepsPpm.map(percentOf) ?? [],
    startedAtMs: plan?.startedAtMs ?? null,
    startedBy: plan?.startedBy ?? null,
    reason: plan?.reason ?? null,
    bakeMs: plan?.bakeMs ?? null,
    stepTimeoutMs: plan?.stepTimeoutMs ?? null,
    soakMs: plan?.soakMs ?? null,
    holdback: plan === null ? null : percentOf(plan.holdbackPpm),
    onInconclusive: plan?.onInconclusive ?? null,
    onBadRoute: plan?.onBadRoute ?? null,
  };
}

function sinceMsOf(state: RolloutState): number | null {
  if (state.phase === 'idle') return null;
  return state.phase === 'ramping' ? state.stepSinceMs : state.sinceMs;
}
