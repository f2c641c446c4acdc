// Holds the rollout's state and carries out what `step` wants done, in its order: one event at a time, advances recorded
// before they are published, reverts published before they are recorded.
import { unreachable } from '#src/base/assert.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { Refusal, RolloutEffect, StepResult, Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutEvent } from '#src/core/rollout/rollout-event.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { Signals } from '#src/core/rollout/signals.ts';
import type { SplitSink } from '#src/core/telemetry/sample.ts';
import type { EventLog } from './event-log.ts';
import type { PreflightCheck } from './preflight.ts';
import { resume } from './resume.ts';
import type { RecordedEvent } from './store/store.ts';
import type { StoreProblem, StoreResult } from './store/store-result.ts';
import { transitionText } from './transition-text.ts';

/** What the service needs of the store. */
export interface RolloutKeeper {
  readonly writable: boolean;
  readonly problem: StoreProblem | null;
  loadRollout(): StoreResult<RolloutState | null>;
  saveRollout(state: RolloutState): StoreResult<undefined>;
  saveTransition(transition: Transition, state: RolloutState, event: RecordedEvent): StoreResult<undefined>;
  saveTransitionEventually(transition: Transition, state: RolloutState, event: RecordedEvent): void;
}

/** What the service tells the analysis. */
export interface AnalysisResets {
  resetStep(nextWeightPpm: number): void;
  resetRollout(): void;
  /** A route was parked: what its failures say of all requests is to be forgotten. Absent where routes are not told apart. */
  routeParked?(): void;
  /** The last verdict, for the record; absent where there is no analysis. */
  readonly verdict?: Verdict | null;
}

/** Where routes are kept on X; they go by name, since their slots are handed out anew by every process. */
export interface RouteParking {
  park(name: string, isParked: boolean): void;
  /** Parks these and no others. */
  replaceParked(names: readonly string[]): void;
}

export interface RolloutServiceOptions {
  readonly step: (state: RolloutState, event: RolloutEvent) => StepResult;
  readonly sink: SplitSink;
  readonly keeper: RolloutKeeper;
  readonly events: EventLog;
  readonly analysis: AnalysisResets;
  readonly preflight: () => Promise<readonly PreflightCheck[]>;
  /** What a start may wait for once its checks have passed; absent: nothing. */
  readonly signals?: () => Signals;
  /** Absent where routes are not told apart. */
  readonly parking?: RouteParking;
  readonly epochMs: () => number;
  /** Told of every transition after it took effect. */
  readonly onTransition: (transition: Transition) => void;
}

export type Outcome =
  | { readonly ok: true; readonly state: RolloutState }
  | { readonly ok: false; readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly ok: false; readonly kind: 'store'; readonly problem: StoreProblem };

export class RolloutService {
  readonly #options: RolloutServiceOptions;
  #state: RolloutState = { phase: 'idle', weightPpm: 0 };
  /** Whether the store's record was read; until then nothing may overwrite it. */
  #loaded = false;
  /** Whether the split is only our fallback for an unreadable store, which says nothing about the rollout. */
  #onFallback = false;
  #transitioned = false;

  constructor(options: RolloutServiceOptions) {
    this.#options = options;
  }

  get state(): RolloutState {
    return this.#state;
  }

  /** Takes up the rollout where it was and publishes its split. Also used when the store becomes readable only later. */
  resume(): void {
    const { keeper, sink } = this.#options;
    const loaded = keeper.loadRollout();
    const current = sink.current();
    const published = current.epoch === 0 || this.#onFallback ? null : current;
    const from = resume({ recorded: loaded.ok ? loaded.value : undefined, published });
    this.#loaded = loaded.ok;
    this.#onFallback = !loaded.ok && published === null;
    this.#state = from.state;
    // Before the split: a route that was parked gets no request of Y in between.
    this.#options.parking?.replaceParked(this.#state.parked?.map(({ name }) => name) ?? []);
    sink.publish(from.weightPpm, from.salt);
    if (from.differingWeightPpm !== null) this.#recover(from.differingWeightPpm);
    if (this.#state.phase === 'preflight') this.#startPreflight();
  }

  /** The store takes writes again: brings it up to date, or, if it had never been read, takes up what it recorded. */
  storeCameBack(): void {
    const { keeper, sink } = this.#options;
    if (!this.#loaded && !this.#transitioned) {
      this.resume();
      return;
    }
    this.#loaded = true;
    keeper.saveRollout(this.#state);
    const { weightPpm } = sink.current();
    if (weightPpm !== this.#state.weightPpm) this.#recover(weightPpm);
  }

  /** What `step` makes of the event; nothing has happened yet. */
  decide(event: RolloutEvent): StepResult {
    return this.#options.step(this.#state, event);
  }

  /** Carries out a decision. When an advance cannot be recorded it does not happen, and the state stays as it was. */
  apply(result: StepResult): Outcome {
    if (!result.ok) return { ok: false, kind: 'refused', refusal: result.refusal };
    for (const [index, effect] of result.effects.entries()) {
      const mustBeKept =
        effect.type === 'persist' && this.#mustBeKept(effect.transition, result.effects.slice(index));
      const problem = this.#carryOut(effect, result.state, mustBeKept);
      if (problem !== null) return { ok: false, kind: 'store', problem };
    }
    this.#state = result.state;
    if (this.#state.phase === 'preflight' && result.effects.some(({ type }) => type === 'run-preflight')) {
      this.#startPreflight();
    }
    return { ok: true, state: this.#state };
  }

  /** Decides and applies: what commands do. */
  dispatch(event: RolloutEvent): Outcome {
    return this.apply(this.decide(event));
  }

  #recover(publishedWeightPpm: number): void {
    const outcome = this.dispatch({ type: 'recovered', atMs: this.#options.epochMs(), publishedWeightPpm });
    if (outcome.ok) return;
    this.#options.events.add({
      name: 'recovery-incomplete',
      level: 'error',
      text: `The split stays at the published ${publishedWeightPpm / 10_000} % of Y, below the recorded ${this.#state.weightPpm / 10_000} %.`,
      detail: { phase: this.#state.phase, publishedWeightPpm, recordedWeightPpm: this.#state.weightPpm },
    });
  }

  /** What gives Y more traffic, and the start that leads there, does not happen unless it is on record first. */
  #mustBeKept(transition: Transition, effectsLeft: readonly RolloutEffect[]): boolean {
    const { weightPpm } = this.#options.sink.current();
    const raises = effectsLeft.some((effect) => effect.type === 'publish' && effect.weightPpm > weightPpm);
    return raises || transition.name === 'started' || transition.name === 'route-unparked';
  }

  #carryOut(effect: RolloutEffect, state: RolloutState, mustBeKept: boolean): StoreProblem | null {
    const { sink, analysis, onTransition } = this.#options;
    switch (effect.type) {
      case 'publish':
        sink.publish(effect.weightPpm, effect.salt);
        return null;
      case 'persist':
        return this.#keep(effect.transition, state, mustBeKept);
      case 'reset-step-analysis':
        analysis.resetStep(effect.nextWeightPpm);
        return null;
      case 'reset-rollout-analysis':
        analysis.resetRollout();
        return null;
      case 'park-route':
        this.#options.parking?.park(effect.name, true);
        analysis.routeParked?.();
        return null;
      case 'unpark-route':
        this.#options.parking?.park(effect.name, false);
        return null;
      case 'notify':
        onTransition(effect.transition);
        return null;
      case 'run-preflight':
        // After the state has changed: see apply.
        return null;
      default:
        return unreachable(effect);
    }
  }

  #keep(transition: Transition, state: RolloutState, mustBeKept: boolean): StoreProblem | null {
    const { keeper, events } = this.#options;
    const event = events.draft({
      name: `rollout-${transition.name}`,
      actor: transition.actor,
      text: transitionText(transition),
      detail: {
        from: summaryOf(transition.from),
        to: summaryOf(transition.to),
        reason: transition.reason,
        rollout: rolloutIdOf(transition),
        evidence: transition.evidence,
        // Who moves it by hand, or because of a dead node, does so in the face of a verdict: it is kept as well.
        ...(transition.actor === 'analysis' ? {} : { verdict: this.#options.analysis.verdict ?? null }),
      },
    });
    if (mustBeKept) {
      const kept = keeper.saveTransition(transition, state, event);
      if (!kept.ok) return kept.problem;
    }
    this.#transitioned = true;
    const isTrouble = transition.name === 'reverted' || transition.name === 'route-parked';
    events.announce(event, isTrouble ? 'warn' : 'info');
    if (!mustBeKept) keeper.saveTransitionEventually(transition, state, event);
    return null;
  }

  #startPreflight(): void {
    const { state } = this;
    if (state.phase !== 'preflight') return;
    const rolloutId = state.plan.id;
    this.#options
      .preflight()
      .then((checks) => this.#finishPreflight(rolloutId, checks))
      .catch((error: unknown) => this.#finishPreflight(rolloutId, [crashedCheck(error)]));
  }

  /** The rollout may have been reverted, and even started anew, while the checks ran. */
  #finishPreflight(rolloutId: string, checks: readonly PreflightCheck[]): void {
    if (this.#state.phase !== 'preflight' || this.#state.plan.id !== rolloutId) return;
    const failed = checks.filter(({ passed }) => !passed);
    const atMs = this.#options.epochMs();
    const text = failed.map((check) => check.text).join(' ');
    const { signals } = this.#options;
    const passed = { type: 'preflight-passed', atMs, ...(signals && { signals: signals() }) } as const;
    this.dispatch(failed.length === 0 ? passed : { type: 'preflight-failed', atMs, text });
  }
}

function crashedCheck(error: unknown): PreflightCheck {
  return { name: 'checks', passed: false, text: `The checks could not be run: ${String(error)}.` };
}

/** The rollout that a transition belongs to: the one it leads to, or that its checks ended. */
function rolloutIdOf({ name, from, to }: Transition): string | null {
  if ('plan' in to) return to.plan.id;
  return name === 'preflight-failed' && 'plan' in from ? from.plan.id : null;
}

const summaryOf = (state: RolloutState) => ({
  phase: state.phase,
  weight: state.weightPpm / 10_000,
  step: 'stepIndex' in state ? state.stepIndex : null,
  parked: state.parked?.map(({ name }) => name) ?? [],
});
