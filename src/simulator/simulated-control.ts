// The control plane of a simulation: the real control loop, assessor and rollout service, put together as the
// control thread does it, on a simulated clock and in memory. Restarts as a control thread does, from what
// was kept.
import type { Clock } from '#src/base/clock.ts';
import { assembleDecision, type DecisionParts } from '#src/control-plane/assemble-decision.ts';
import { EventLog } from '#src/control-plane/events/event-log.ts';
import type { Assessor } from '#src/control-plane/rollout/assessor.ts';
import type { RolloutService } from '#src/control-plane/rollout/rollout-service.ts';
import { RouteDirectory } from '#src/control-plane/routes/route-directory.ts';
import type { AnalysisThresholds } from '#src/core/analysis/analysis-thresholds.ts';
import type { RolloutPlan } from '#src/core/rollout/rollout-state.ts';
import type { RouteSlots } from '#src/core/routing/route-slots.ts';
import type { SampleSource, SplitSink } from '#src/core/telemetry/sample.ts';
import { routesTrackedMax, tickMs } from '#src/limits.ts';
import { InMemoryRolloutStore } from './in-memory-rollout-store.ts';

/** Any time will do: a simulation has no calendar. */
const epochAtZeroMs = 1_700_000_000_000;

export class SimulatedClock implements Clock {
  nowMs = 0;
  monotonicMs = (): number => this.nowMs;
  epochMs = (): number => epochAtZeroMs + this.nowMs;
}

interface SimulatedControlOptions {
  readonly clock: SimulatedClock;
  readonly source: SampleSource;
  readonly sink: SplitSink;
  readonly thresholds: AnalysisThresholds;
}

/** Everything that ends with a control thread. */
interface Thread extends DecisionParts {
  readonly routes: RouteDirectory;
}

const routeSlots: RouteSlots = {
  kind: 'derived',
  routes: Array.from({ length: routesTrackedMax }, (_, slot) => ({ slot, name: `route ${slot}`, key: slot })),
};

export class SimulatedControl {
  readonly store = new InMemoryRolloutStore();
  readonly #options: SimulatedControlOptions;
  readonly #time = new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT);
  readonly #parked = new SharedArrayBuffer((routesTrackedMax + 1) * Int32Array.BYTES_PER_ELEMENT);
  #thread: Thread;

  constructor(options: SimulatedControlOptions) {
    this.#options = options;
    this.#thread = this.#startThread();
  }

  get assessor(): Assessor {
    return this.#thread.assessor;
  }

  get rollout(): RolloutService {
    return this.#thread.rollout;
  }

  isParked(slot: number): boolean {
    return this.#thread.routes.isParked(slot);
  }

  /** Lets one tick pass. */
  tick(): void {
    this.#options.clock.nowMs += tickMs;
    this.#thread.loop.tick();
  }

  /** Starts a rollout whose checks pass. */
  begin(plan: RolloutPlan): void {
    const atMs = this.#options.clock.epochMs();
    this.rollout.dispatch({ type: 'start', atMs, plan });
    this.rollout.dispatch({ type: 'preflight-passed', atMs });
  }

  /** The control thread dies and another takes over `awayMs` later with what was written down. */
  restart(awayMs: number): void {
    const kept = JSON.stringify(this.assessor.snapshot(this.rollout.state));
    this.#options.clock.nowMs += awayMs;
    this.#thread = this.#startThread();
    this.assessor.restore(JSON.parse(kept), this.rollout.state);
  }

  #startThread(): Thread {
    const { clock, source, sink, thresholds } = this.#options;
    const routes = new RouteDirectory(routeSlots, this.#parked, () => {});
    const parts = assembleDecision({
      clock,
      source,
      sink,
      store: this.store,
      events: new EventLog({ epochMs: clock.epochMs, log: () => {} }),
      thresholds,
      businessMetrics: [],
      routes,
      // Answered by `begin`: a simulation does not wait for promises.
      startChecks: () => new Promise(() => {}),
      keepsLower: false,
      rolloutTime: this.#time,
      keptTime: () => null,
      breakers: { openMs: () => 0 },
      nodes: { usableCount: () => 1 },
      signals: null,
    });
    parts.rollout.resume();
    return { ...parts, routes };
  }
}
