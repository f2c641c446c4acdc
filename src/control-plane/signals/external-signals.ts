// What stands outside the traffic: freeze, change windows, business metrics, gates and notifications, put
// together. The control loop tells it of ticks and transitions, and takes the facts from it.
import type { Clock } from '#src/base/clock.ts';
import type { Config } from '#src/config/config.ts';
import type { EventLog } from '#src/control-plane/events/event-log.ts';
import type { PreflightCheck } from '#src/control-plane/nodes/preflight.ts';
import { askPrometheus } from '#src/control-plane/outgoing/ask-prometheus.ts';
import { OutgoingClient } from '#src/control-plane/outgoing/outgoing-client.ts';
import type { QueriedCluster } from '#src/control-plane/outgoing/query-text.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { formatLocal, isWindowOpen, nextOpeningMs } from '#src/core/rollout/change-window.ts';
import { percentOf } from '#src/core/rollout/percent-of.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import { rolloutIdOf } from '#src/core/rollout/rollout-id.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { Signals } from '#src/core/rollout/signals.ts';
import { stepView } from '#src/core/rollout/step-view.ts';
import { isRunning } from '#src/core/rollout/transitions.ts';
import type { StoreResult } from '#src/record/store-result.ts';
import type { ClusterName } from '#src/shared-memory/layout.ts';
import { type MetricView, MetricWatch } from './business-metrics/metric-watch.ts';
import { Freeze, type FreezeView } from './freeze.ts';
import { Approvals } from './gates/approvals.ts';
import { awaitedMove } from './gates/awaited-move.ts';
import { Gates, type GateView } from './gates/gates.ts';
import { Notifier } from './notify/notifier.ts';
import type { RecordProgress } from './notify/record-progress.ts';

interface WindowView {
  readonly open: boolean;
  readonly timeZone: string;
  /** Unix epoch ms; null while open, and when none opens within 15 days. */
  readonly nextOpenMs: number | null;
}

export interface SignalsView {
  readonly freeze: FreezeView;
  readonly window: WindowView;
  readonly metrics: readonly MetricView[];
  readonly gates: readonly GateView[];
  /** What approvals are for now, and the gates that wait for one. */
  readonly approval: { readonly revision: string | null; readonly waiting: readonly string[] };
}

interface ExternalSignalsOptions {
  readonly config: () => Config;
  readonly clock: Clock;
  readonly events: EventLog;
  readonly settings: {
    saveSetting(name: string, value: unknown): Promise<StoreResult<undefined>>;
    loadSetting(name: string): StoreResult<unknown>;
  };
  readonly random: () => number;
  readonly rolloutState: () => RolloutState;
  readonly verdict: () => Verdict | null;
  /** Where the record ends, for those who are told of transitions. */
  readonly record: RecordProgress;
  /** Takes counted samples to the analysis. */
  readonly count: (name: string, cluster: ClusterName, trials: number, failures: number) => void;
}

export class ExternalSignals {
  readonly freeze: Freeze;
  readonly metrics: MetricWatch;
  readonly gates: Gates;
  readonly notifier: Notifier;
  readonly #options: ExternalSignalsOptions;
  readonly #approvals: Approvals;
  readonly #outgoing: OutgoingClient;
  /** The last search for an opening, kept because a search looks at every minute. */
  #opening: { windows: Config['windows']; fromMs: number; nextMs: number | null } | null = null;

  constructor(options: ExternalSignalsOptions) {
    const { config, clock, events, settings, random, count, record } = options;
    this.#options = options;
    this.#outgoing = new OutgoingClient(() => config().outgoing.allow);
    const outgoing = this.#outgoing;
    const kept = (name: string) => ({
      keep: (value: unknown) => settings.saveSetting(name, value),
      load: () => settings.loadSetting(name),
    });
    this.freeze = new Freeze({ clock, events, ...kept('freeze') });
    this.#approvals = new Approvals(kept('approvals'));
    const cluster = (name: ClusterName): QueriedCluster => ({ name, label: config().clusters[name].label });
    this.metrics = new MetricWatch({
      metrics: () => config().metrics,
      cluster,
      outgoing,
      clock,
      events,
      count,
    });
    this.gates = new Gates({
      gates: () => config().gates,
      clusterY: () => cluster('y'),
      approvals: this.#approvals,
      outgoing,
      clock,
      random,
      events,
      message: (state) => this.#message(state),
    });
    this.notifier = new Notifier({
      notifications: () => config().notifications,
      context: () => ({
        x: cluster('x').label,
        y: cluster('y').label,
        url: config().control.url,
        recordEnd: record.recordEnd?.hash ?? null,
      }),
      stored: (msMax) => record.stored(msMax),
      outgoing,
      events,
      epochMs: clock.epochMs,
      random,
      ...kept('notifications'),
    });
  }

  /** Takes up what was kept; again whenever the store has come back. */
  restore(): void {
    this.freeze.restore();
    this.#approvals.restore();
    this.notifier.restore();
  }

  /** Asks, evaluates and expires what is due; call it every tick, before the facts are taken. */
  tick(): void {
    const state = this.#options.rolloutState();
    this.freeze.tick();
    this.metrics.observe(state);
    this.gates.observe(state);
  }

  /** The facts for the pure step. */
  facts(): Signals {
    return {
      freeze: this.freeze.text(),
      window: this.#windowText(),
      metrics: this.metrics.signals(),
      gates: this.gates.answers(this.#options.rolloutState()),
    };
  }

  /** Why an operator may not give Y more now, in words; null when nothing forbids it. */
  closedText(): string | null {
    return this.freeze.text() ?? this.#windowText();
  }

  transition(transition: Transition): void {
    this.notifier.transition(transition);
    this.gates.transition(transition);
  }

  /** Whether every query is understood; sources that are down do not fail it. */
  async preflight(): Promise<readonly PreflightCheck[]> {
    const [metrics, gates] = await Promise.all([this.metrics.preflight(), this.#gatePreflight()]);
    return [...metrics, ...gates];
  }

  view(): SignalsView {
    const state = this.#options.rolloutState();
    return {
      freeze: this.freeze.view,
      window: this.#windowView(),
      metrics: this.metrics.views(),
      gates: this.gates.views(state),
      approval: this.gates.approvalView(state),
    };
  }

  async stop(): Promise<void> {
    this.gates.stop();
    this.notifier.stop();
    await this.#outgoing.close();
  }

  #windowView(): WindowView {
    const { windows } = this.#options.config();
    const nowMs = this.#options.clock.epochMs();
    const open = isWindowOpen(windows, nowMs);
    return { open, timeZone: windows.timeZone, nextOpenMs: open ? null : this.#nextOpening(windows, nowMs) };
  }

  #windowText(): string | null {
    const { open, timeZone, nextOpenMs } = this.#windowView();
    if (open) return null;
    const next =
      nextOpenMs === null
        ? 'none opens within 15 days'
        : `the next opens ${formatLocal(timeZone, nextOpenMs)}`;
    return `outside the change windows; ${next}`;
  }

  #nextOpening(windows: Config['windows'], nowMs: number): number | null {
    const known = this.#opening;
    // Valid until the opening is reached, unless the clock was set back before the search.
    if (
      known !== null &&
      known.windows === windows &&
      nowMs >= known.fromMs &&
      nowMs < (known.nextMs ?? known.fromMs + 3_600_000)
    )
      return known.nextMs;
    const nextMs = nextOpeningMs(windows, nowMs);
    this.#opening = { windows, fromMs: nowMs, nextMs };
    return nextMs;
  }

  #message(state: RolloutState): Readonly<Record<string, unknown>> {
    const { config, clock, verdict } = this.#options;
    const { clusters, control } = config();
    const move = awaitedMove(state);
    const said = isDecidedBy(state) ? verdict() : null;
    return {
      rolloutId: rolloutIdOf(state),
      phase: state.phase,
      revision: move?.revision ?? null,
      step: stepView(state),
      weight: percentOf(state.weightPpm),
      nextWeight: move === null ? null : percentOf(move.nextWeightPpm),
      verdict:
        said === null
          ? null
          : {
              decision: said.decision,
              rule: said.rule,
              text: said.text,
              logEvidence: said.logEvidence,
              logEvidenceBar: said.logEvidenceBar,
            },
      clusters: { x: clusters.x.label, y: clusters.y.label },
      url: control.url,
      at: new Date(clock.epochMs()).toISOString(),
    };
  }

  async #gatePreflight(): Promise<readonly PreflightCheck[]> {
    const { config } = this.#options;
    const checks = config().gates.map(async ({ name, question, timeoutMs }): Promise<PreflightCheck[]> => {
      if (question.kind !== 'promql') return [];
      const cluster: QueriedCluster = { name: 'y', label: config().clusters.y.label };
      const reading = await askPrometheus(question.source, cluster, timeoutMs, this.#outgoing);
      if (reading.ok) return [{ name: `gate-${name}`, passed: true, text: `Gate ${name} can be asked.` }];
      return [
        { name: `gate-${name}`, passed: !reading.unparsable, text: `Gate ${name}: ${reading.reason}.` },
      ];
    });
    return (await Promise.all(checks)).flat();
  }
}

/**
 * Whether the verdict is why the rollout is where it is, or what its next move rests on. Before the first
 * step the last verdict is about the rollout before; and a revert by hand, by the breaker or because of the
 * nodes was made whatever the verdict said.
 */
function isDecidedBy(state: RolloutState): boolean {
  if (state.phase !== 'reverted') return isRunning(state);
  const { name } = state.cause;
  return name === 'evidence' || name === 'cap' || name === 'inconclusive';
}
