// Holds the rollout's state and carries out what `step` wants done, in its order: advances recorded before they are
// published, reverts published before they are recorded. It never waits for the store: what must be recorded first goes on
// when it is.

import { unreachable } from '#src/base/assert.ts';
import type { EventLog } from '#src/control-plane/events/event-log.ts';
import type { PreflightCheck } from '#src/control-plane/nodes/preflight.ts';
import type { FoundChange } from '#src/control-plane/store/newest-rollout.ts';
import type { RetestKind, Verdict } from '#src/core/analysis/verdict.ts';
import type { Refusal, RolloutEffect, StepResult, Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutEvent } from '#src/core/rollout/rollout-event.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { RouteParking } from '#src/core/rollout/route-parking.ts';
import type { Signals } from '#src/core/rollout/signals.ts';
import { storeHold } from '#src/core/rollout/tick-step.ts';
import { isRunning, resetStep } from '#src/core/rollout/transitions.ts';
import type { SplitSink } from '#src/core/telemetry/sample.ts';
import type { RecordedEvent } from '#src/record/recorded-event.ts';
import type { StoreProblem, StoreResult } from '#src/record/store-result.ts';
import { foundTransition } from './found-transition.ts';
import { resume } from './resume.ts';
import type { RolloutClock } from './rollout-clock.ts';
import { transitionText } from './transition-text.ts';

/** What the service needs of the store. */
export interface RolloutKeeper {
  readonly writable: boolean;
  readonly problem: StoreProblem | null;
  loadRollout(): StoreResult<RolloutState | null>;
  /** What that state is when it was acknowledged and not on record; given once. Absent where nothing else is kept. */
  takeFound?(): FoundChange | null;
  saveRollout(state: RolloutState): void;
  /**
   * Keeps what must be on record before it happens. `settle` is called once, now or later: when it is kept, or with why it
   * will not be counted on. `answered` is called once as well: before that, or whenever the store answers after it was
   * given up. Returns what gives it up.
   */
  saveTransition(
    transition: Transition,
    state: RolloutState,
    event: RecordedEvent,
    settle: (result: StoreResult<undefined>) => void,
    answered: (isKept: boolean) => void,
  ): (problem: StoreProblem) => void;
  saveTransitionEventually(transition: Transition, state: RolloutState, event: RecordedEvent): void;
}

/** What the service tells the analysis. */
export interface AnalysisResets {
  resetStep(nextWeightPpm: number): void;
  resetRollout(): void;
  /** A route was parked: what its failures say of all requests is to be forgotten. Absent where routes are not told apart. */
  routeParked?(): void;
  /** Streams of these kinds start afresh. */
  retest?(kinds: readonly RetestKind[]): void;
  /** The last verdict, for the record; absent where there is no analysis. */
  readonly verdict?: Verdict | null;
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
  /** Whether the split was handed over by somebody who could not say how it came about. */
  readonly keepsLower?: boolean;
  readonly time: RolloutClock;
  /** The wall clock, for the record. */
  readonly epochMs: () => number;
  /** Told of every transition after it took effect. */
  readonly onTransition: (transition: Transition) => void;
}

/** What has become of a decision. */
export type Outcome =
  | { readonly ok: true; readonly state: RolloutState }
  | { readonly ok: false; readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly ok: false; readonly kind: 'store'; readonly problem: StoreProblem };

/** The same, or nothing yet: it is being recorded. */
export type Progress = Outcome | { readonly ok: false; readonly kind: 'pending' };

/** A decision that is carried out. */
interface Move {
  readonly state: RolloutState;
  readonly effects: readonly RolloutEffect[];
  readonly settled: (outcome: Outcome) => void;
}

const pending: Progress = { ok: false, kind: 'pending' };
const overtaken: StoreProblem = {
  kind: 'unavailable',
  text: 'It was overtaken by another change before it was recorded.',
};

/** Transitions that somebody should look at. */
const troubles: ReadonlySet<Transition['name']> = new Set(['reverted', 'route-parked', 'retest']);

export class RolloutService {
  readonly #options: RolloutServiceOptions;
  #state: RolloutState = { phase: 'idle', weightPpm: 0 };
  /** Whether the store's record was read; until then nothing may overwrite it. */
  #loaded = false;
  /** Whether the split is only our fallback for an unreadable store, which says nothing about the rollout. */
  #onFallback = false;
  /** Whether everything was sent to X on purpose while nobody knew what is on record: then that is reverted when it can be read. */
  #isHeldOnX = false;
  #transitioned = false;
  /** Whether the store owes an answer about a change that must be recorded first. */
  #isRecording = false;
  /** Gives up the change that waits for that answer; null when none does. */
  #giveUp: ((problem: StoreProblem) => void) | null = null;

  constructor(options: RolloutServiceOptions) {
    this.#options = options;
  }

  get state(): RolloutState {
    return this.#state;
  }

  /** The time that the rollout goes by, for everything that happens to it. The wall clock's while none is under way. */
  nowMs(): number {
    const { time } = this.#options;
    if (this.#state.phase !== 'preflight' && !isRunning(this.#state)) time.followWall();
    return time.nowMs();
  }

  /** Takes up the rollout where it was and publishes its split. Also used when the store becomes readable only later. */
  resume(): void {
    const { keeper, sink, time } = this.#options;
    const loaded = keeper.loadRollout();
    const current = sink.current();
    const isHeld = this.#isHeldOnX;
    const published = current.epoch === 0 || (this.#onFallback && !isHeld) ? null : current;
    const from = resume({ recorded: loaded.ok ? loaded.value : undefined, published });
    this.#loaded = loaded.ok;
    this.#onFallback = !loaded.ok && published === null;
    this.#state = from.state;
    time.takeUp(from.notBeforeMs);
    // Before the split: a route that was parked gets no request of Y in between.
    this.#options.parking?.replaceParked(this.#state.parked?.map(({ name }) => name) ?? []);
    this.#beginStepAnew(this.#state);
    sink.publish(from.weightPpm, from.salt);
    const found = keeper.takeFound?.() ?? null;
    if (found !== null) this.#keep(foundTransition(found, this.#options.epochMs()), this.#state);
    if (isHeld && loaded.ok) this.#revertHeld();
    else if (from.differingWeightPpm !== null) this.#recover(from.differingWeightPpm);
    if (this.#state.phase === 'preflight') this.#startPreflight();
  }

  /** What is on record was not known when everything was sent to X; now that it is, it has to stay there. */
  #revertHeld(): void {
    this.#isHeldOnX = false;
    const reason = 'everything was sent to X by hand while the store could not be read';
    this.dispatch({ type: 'command', atMs: this.nowMs(), name: 'revert', actor: 'crossover', reason });
  }

  /**
   * The evidence may not be restored after this, because it was not kept or was gathered for other thresholds: then the step
   * is proven anew. An analysis that was told of no step asks for no proof.
   */
  #beginStepAnew(state: RolloutState): void {
    if (!isRunning(state)) return;
    this.#carryOut({ type: 'reset-rollout-analysis' }, state);
    this.#carryOut(resetStep(state.plan, state.stepIndex), state);
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

  /**
   * Carries out a decision and tells `settled` what has become of it. What gives Y more waits until it is on record, while
   * everything else goes on; when it cannot be recorded it does not happen, and the state stays as it was. What gives Y no
   * more happens at once, and takes the place of a change that is still being recorded.
   */
  apply(result: StepResult, settled: (outcome: Outcome) => void = () => {}): Progress {
    if (!result.ok) return settle(settled, { ok: false, kind: 'refused', refusal: result.refusal });
    const { state } = result;
    const effects = this.#dated(result.effects);
    this.#isHeldOnX ||=
      this.#onFallback && effects.some((one) => one.type === 'publish' && one.weightPpm === 0);
    if (effects.length > 0 && this.#isRecording) {
      if (effects.some((effect, index) => this.#mustBeKept(effect, effects.slice(index))))
        return settle(settled, this.#busy());
      this.#giveUp?.(overtaken);
    }
    return this.#carryOutFrom(0, { state, effects, settled });
  }

  /** On record, and in what is told of it, a transition has the wall clock's time, as the events beside it have. */
  #dated(effects: readonly RolloutEffect[]): readonly RolloutEffect[] {
    const atMs = this.#options.epochMs();
    return effects.map((effect) =>
      'transition' in effect ? { ...effect, transition: { ...effect.transition, atMs } } : effect,
    );
  }

  /** Decides and applies: what commands do. */
  dispatch(event: RolloutEvent, settled?: (outcome: Outcome) => void): Progress {
    return this.apply(this.decide(event), settled);
  }

  #busy(): Outcome {
    const { problem } = this.#options.keeper;
    if (problem !== null) return { ok: false, kind: 'store', problem };
    const text = 'a change that gives Y more is being recorded; try again in a moment';
    return { ok: false, kind: 'refused', refusal: { text, phase: this.#state.phase } };
  }

  #carryOutFrom(first: number, move: Move): Progress {
    const { effects, state, settled } = move;
    for (const [index, effect] of effects.entries()) {
      if (index < first) continue;
      if (effect.type === 'persist' && this.#mustBeKept(effect, effects.slice(index)))
        return this.#recordFirst(effect.transition, index + 1, move);
      this.#carryOut(effect, state);
    }
    this.#state = state;
    const startsChecks = effects.some(({ type }) => type === 'run-preflight');
    if (state.phase === 'preflight' && startsChecks) this.#startPreflight();
    return settle(settled, { ok: true, state });
  }

  /** Goes on with the effects from `next` when the transition is on record. */
  #recordFirst(transition: Transition, next: number, move: Move): Progress {
    const { keeper, events } = this.#options;
    const event = this.#draft(transition);
    let progress = pending;
    events.hold(event);
    this.#isRecording = true;
    let isGivenUp = false;
    const goOn = (kept: StoreResult<undefined>): void => {
      this.#giveUp = null;
      isGivenUp = !kept.ok;
      if (kept.ok) {
        this.#announce(transition, event);
        progress = this.#carryOutFrom(next, move);
        return;
      }
      events.drop(event);
      progress = settle(move.settled, this.#notKept(kept.problem));
    };
    const answered = (isKept: boolean): void => {
      this.#isRecording = false;
      if (isKept && isGivenUp) this.#takeBack(transition);
    };
    const giveUp = keeper.saveTransition(transition, move.state, event, goOn, answered);
    if (progress === pending) this.#giveUp = giveUp;
    return progress;
  }

  #notKept(problem: StoreProblem): Outcome {
    if (problem !== overtaken) return { ok: false, kind: 'store', problem };
    return { ok: false, kind: 'refused', refusal: { text: problem.text, phase: this.#state.phase } };
  }

  /** What was given up is on record after all: the record must not end with what never happened. */
  #takeBack(given: Transition): void {
    const { weightPpm, phase } = this.#state;
    const late: Transition = {
      atMs: this.#options.epochMs(),
      name: 'recovered',
      actor: 'crossover',
      reason: `the change to ${given.to.weightPpm / 10_000} % was recorded too late and was not made: the rollout is ${phase}, Y stays at ${weightPpm / 10_000} %`,
      evidence: null,
      from: given.to,
      to: this.#state,
    };
    this.#keep(late, this.#state);
    this.#options.onTransition(late);
  }

  #recover(publishedWeightPpm: number): void {
    const { keepsLower = false } = this.#options;
    const event = { type: 'recovered', atMs: this.nowMs(), publishedWeightPpm, keepsLower } as const;
    this.dispatch(event, (outcome) => {
      if (!outcome.ok) this.#reportIncomplete(publishedWeightPpm);
    });
  }

  #reportIncomplete(publishedWeightPpm: number): void {
    this.#options.events.add({
      name: 'recovery-incomplete',
      level: 'error',
      text: `The split stays at the published ${publishedWeightPpm / 10_000} % of Y, below the recorded ${this.#state.weightPpm / 10_000} %.`,
      detail: { phase: this.#state.phase, publishedWeightPpm, recordedWeightPpm: this.#state.weightPpm },
    });
  }

  /** What gives Y more traffic, and the start that leads there, does not happen unless it is on record first. */
  #mustBeKept(persist: RolloutEffect, effectsLeft: readonly RolloutEffect[]): boolean {
    if (persist.type !== 'persist') return false;
    const { name } = persist.transition;
    const { weightPpm } = this.#options.sink.current();
    const raises = effectsLeft.some((effect) => effect.type === 'publish' && effect.weightPpm > weightPpm);
    return raises || name === 'started' || name === 'route-unparked';
  }

  #carryOut(effect: RolloutEffect, state: RolloutState): void {
    const { sink, analysis, onTransition } = this.#options;
    switch (effect.type) {
      case 'publish':
        sink.publish(effect.weightPpm, effect.salt);
        return;
      case 'persist':
        this.#keep(effect.transition, state);
        return;
      case 'reset-step-analysis':
        analysis.resetStep(effect.nextWeightPpm);
        return;
      case 'reset-rollout-analysis':
        analysis.resetRollout();
        return;
      case 'park-route':
        this.#options.parking?.park(effect.name, true);
        analysis.routeParked?.();
        return;
      case 'unpark-route':
        this.#options.parking?.park(effect.name, false);
        return;
      case 'retest-analysis':
        analysis.retest?.(effect.kinds);
        return;
      case 'notify':
        onTransition(effect.transition);
        return;
      case 'run-preflight':
        // After the state has changed: see apply.
        return;
      default:
        unreachable(effect);
    }
  }

  /** Records what has happened already. */
  #keep(transition: Transition, state: RolloutState): void {
    const event = this.#draft(transition);
    this.#announce(transition, event);
    this.#options.keeper.saveTransitionEventually(transition, state, event);
  }

  #draft(transition: Transition): RecordedEvent {
    return this.#options.events.draft({
      name: `rollout-${transition.name}`,
      actor: transition.actor,
      text: transitionText(transition),
      detail: {
        from: summaryOf(transition.from),
        to: summaryOf(transition.to),
        reason: transition.reason,
        rollout: rolloutIdOf(transition),
        evidence: transition.evidence,
        ...this.#testsSaid(transition),
      },
    });
  }

  /**
   * Who moves a rollout by hand, or because of a dead node, does so in the face of a verdict: it is kept as well, under a name that
   * says that it was not the reason. Before the first step, the last verdict is on the rollout before.
   */
  #testsSaid({ actor, from }: Transition): { testsSaid?: Verdict | null } {
    if (actor === 'analysis') return {};
    const isJudged = isRunning(from) || from.phase === 'completed';
    return { testsSaid: isJudged ? (this.#options.analysis.verdict ?? null) : null };
  }

  #announce(transition: Transition, event: RecordedEvent): void {
    this.#transitioned = true;
    const isTrouble = troubles.has(transition.name);
    this.#options.events.announce(event, isTrouble ? 'warn' : 'info');
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
    const atMs = this.nowMs();
    const text = failed.map((check) => check.text).join(' ');
    const { signals } = this.#options;
    const passed = { type: 'preflight-passed', atMs, ...(signals && { signals: signals() }) } as const;
    this.dispatch(failed.length === 0 ? passed : { type: 'preflight-failed', atMs, text }, (outcome) => {
      if (!outcome.ok && outcome.kind === 'store') this.#waitForStore();
    });
  }

  /** The checks have passed, and the first step could not be recorded: every tick looks again. */
  #waitForStore(): void {
    if (this.#state.phase === 'preflight') this.#state = { ...this.#state, hold: storeHold };
  }
}

function settle(settled: (outcome: Outcome) => void, outcome: Outcome): Outcome {
  settled(outcome);
  return outcome;
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
