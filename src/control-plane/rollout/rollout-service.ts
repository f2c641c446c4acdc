// Holds the rollout's state and carries out what `step` decides. It never waits for the store: what must be
// recorded first goes on when it is. The order of a change is in core/rollout/ready.ts, what may overtake
// what in pending-change.ts; here it is done.
import { unreachable } from '#src/base/assert.ts';
import type { EventLog } from '#src/control-plane/events/event-log.ts';
import type { PreflightCheck } from '#src/control-plane/nodes/preflight.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { percentOf } from '#src/core/rollout/percent-of.ts';
import { type OrderedEffect, readyOf } from '#src/core/rollout/ready.ts';
import type { StepResult, Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutEvent } from '#src/core/rollout/rollout-event.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { step } from '#src/core/rollout/rollout-step.ts';
import type { RouteParking } from '#src/core/rollout/route-parking.ts';
import type { Signals } from '#src/core/rollout/signals.ts';
import { storeHold } from '#src/core/rollout/tick-step.ts';
import { isRunning } from '#src/core/rollout/transitions.ts';
import type { SplitSink } from '#src/core/telemetry/sample.ts';
import { foundTransition } from './found-transition.ts';
import { inProgress, type Outcome, outcomeOf, type Progress } from './outcome.ts';
import {
  type Act,
  type Advance,
  nothingPending,
  onChange,
  onWriteAnswer,
  type PendingChange,
} from './pending-change.ts';
import { resetsOnResume, resume } from './resume.ts';
import type { RolloutClock } from './rollout-clock.ts';
import type { RolloutStore } from './rollout-store.ts';
import { type AnalysisResets, runEffects } from './run-effects.ts';
import { checksEvent, runStartChecks, type StartChecks } from './start-checks.ts';
import { TransitionRecorder } from './transition-recorder.ts';

export interface RolloutServiceOptions {
  readonly sink: SplitSink;
  readonly store: RolloutStore;
  readonly events: EventLog;
  /** `verdict` is the last one, for the record; null before the first. */
  readonly analysis: AnalysisResets & { readonly verdict: Verdict | null };
  readonly parking: RouteParking;
  readonly startChecks: StartChecks;
  /** What a start may wait for once its checks have passed; null where there is nothing. */
  readonly signals: () => Signals | null;
  /** Whether the split was handed over by somebody who could not say how it came about. */
  readonly keepsLower: boolean;
  readonly time: RolloutClock;
  /** The wall clock, for the record. */
  readonly epochMs: () => number;
  /** Told of every transition after it took effect. */
  readonly onTransition: (transition: Transition) => void;
}

export class RolloutService {
  readonly #options: RolloutServiceOptions;
  readonly #recorder: TransitionRecorder;
  #state: RolloutState = { phase: 'idle', weightPpm: 0 };
  #pending: PendingChange = nothingPending;
  /** Whether the store's record was read; until then nothing may overwrite it. */
  #isLoaded = false;
  /**
   * Whether everything was sent to X on purpose while nobody knew what is on record: then that is reverted
   * when it can be read.
   */
  #isHeldOnX = false;

  constructor(options: RolloutServiceOptions) {
    const { store, events, analysis } = options;
    this.#options = options;
    this.#recorder = new TransitionRecorder({ store, events, verdict: () => analysis.verdict });
  }

  get state(): RolloutState {
    return this.#state;
  }

  /**
   * The time that the rollout goes by, for everything that happens to it. The wall clock's while none is
   * under way.
   */
  nowMs(): number {
    const { time } = this.#options;
    if (this.#state.phase !== 'preflight' && !isRunning(this.#state)) time.followWall();
    return time.nowMs();
  }

  /**
   * Takes up the rollout where it was and publishes its split. Also used when the store becomes readable only
   * later.
   */
  resume(): void {
    const { store, sink, time, parking } = this.#options;
    const loaded = store.loadRollout();
    const current = sink.current();
    const published = current.epoch === 0 ? null : current;
    const from = resume({ recorded: loaded.ok ? loaded.value : undefined, published });
    this.#isLoaded = loaded.ok;
    this.#state = from.state;
    time.takeUp(from.notBeforeMs);
    // Before the split is published: no request of a parked route may go to Y in between.
    parking.replaceParked(from.state.parked?.map(({ name }) => name) ?? []);
    this.#run(resetsOnResume(from.state), from.state);
    // While nothing is known nothing is published: everything goes to X, and nobody takes that for a
    // decision.
    if (loaded.ok || published !== null) sink.publish(from.weightPpm, from.salt);
    const found = store.takeFound();
    if (found !== null) this.#recorder.record(foundTransition(found, this.#options.epochMs()), this.#state);
    if (this.#isHeldOnX && loaded.ok) this.#revertHeld();
    else if (from.differingWeightPpm !== null) this.#recover(from.differingWeightPpm);
    if (this.#state.phase === 'preflight') this.#startChecks();
  }

  /** Whether nothing was ever published, because nothing could be read. */
  get #isUnknown(): boolean {
    return !this.#isLoaded && this.#options.sink.current().epoch === 0;
  }

  /** What is on record was not known when everything was sent to X; now that it is, it has to stay there. */
  #revertHeld(): void {
    this.#isHeldOnX = false;
    const reason = 'everything was sent to X by hand while the store could not be read';
    this.dispatch({ type: 'command', atMs: this.nowMs(), name: 'revert', actor: 'crossover', reason });
  }

  /**
   * The store takes writes again: brings it up to date, or, if it had never been read, takes up what it
   * recorded.
   */
  storeCameBack(): void {
    const { store, sink } = this.#options;
    if (!this.#isLoaded && !this.#recorder.hasAnnounced) {
      this.resume();
      return;
    }
    this.#isLoaded = true;
    store.saveRollout(this.#state);
    const { weightPpm } = sink.current();
    if (weightPpm !== this.#state.weightPpm) this.#recover(weightPpm);
  }

  /** What `step` makes of the event; nothing has happened yet. */
  decide(event: RolloutEvent): StepResult {
    return step(this.#state, event);
  }

  /**
   * Carries out a decision and tells `settled` what has become of it. What gives Y more waits until it is on
   * record, while everything else goes on; when it cannot be recorded it does not happen, and the state stays
   * as it was. What gives Y no more happens at once, and takes the place of a change that is still being
   * recorded.
   */
  apply(result: StepResult, settled: (outcome: Outcome) => void = () => {}): Progress {
    let progress = inProgress;
    const tell = (outcome: Outcome): void => {
      progress = outcome;
      settled(outcome);
    };
    if (result.ok) {
      const { sink, epochMs } = this.#options;
      this.#isHeldOnX ||=
        this.#isUnknown && result.effects.some((one) => one.type === 'publish' && one.weightPpm === 0);
      const ready = readyOf(result, sink.current().weightPpm, epochMs());
      this.#advance(onChange(this.#pending, { ready, settled: tell }));
    } else tell({ ok: false, kind: 'refused', refusal: result.refusal });
    return progress;
  }

  /** Decides and applies: what commands do. */
  dispatch(event: RolloutEvent, settled?: (outcome: Outcome) => void): Progress {
    return this.apply(this.decide(event), settled);
  }

  #advance({ pending, acts }: Advance): void {
    this.#pending = pending;
    for (const act of acts) this.#do(act);
  }

  #do(act: Act): void {
    switch (act.type) {
      case 'run':
        this.#run(act.effects, act.state);
        return;
      case 'record':
        this.#recorder.recordFirst(act.transition, act.state, (answer) =>
          this.#advance(onWriteAnswer(this.#pending, answer)),
        );
        return;
      case 'announce':
        this.#recorder.announceHeld();
        return;
      case 'withdraw':
        this.#recorder.dropHeld();
        return;
      case 'enter':
        this.#state = act.state;
        return;
      case 'start-checks':
        this.#startChecks();
        return;
      case 'acknowledge':
        act.change.settled(outcomeOf(act.ending, this.#state, this.#options.store.problem));
        return;
      case 'take-back':
        this.#takeBack(act.transition);
        return;
      default:
        unreachable(act);
    }
  }

  #run(effects: readonly OrderedEffect[], state: RolloutState): void {
    const { sink, analysis, parking, onTransition } = this.#options;
    const record = this.#recorder.record.bind(this.#recorder);
    runEffects(effects, state, { sink, analysis, parking, record, onTransition });
  }

  /**
   * The transition is on record although it was not made: the record must not end with what never happened.
   */
  #takeBack({ to }: Transition): void {
    const { weightPpm, phase } = this.#state;
    const transition: Transition = {
      atMs: this.#options.epochMs(),
      name: 'recovered',
      actor: 'crossover',
      reason: `the change to ${percentOf(to.weightPpm)} % was recorded too late and was not made: the rollout is ${phase}, Y stays at ${percentOf(weightPpm)} %`,
      evidence: null,
      from: to,
      to: this.#state,
    };
    this.#run(
      [
        { type: 'persist', transition },
        { type: 'notify', transition },
      ],
      this.#state,
    );
  }

  /** The workers use another split than the one on record. */
  #recover(publishedWeightPpm: number): void {
    const { keepsLower = false } = this.#options;
    const event = { type: 'recovered', atMs: this.nowMs(), publishedWeightPpm, keepsLower } as const;
    this.dispatch(event, (outcome) => {
      if (!outcome.ok) this.#reportIncomplete(publishedWeightPpm);
    });
  }

  #reportIncomplete(publishedWeightPpm: number): void {
    const { phase, weightPpm } = this.#state;
    this.#options.events.add({
      name: 'recovery-incomplete',
      level: 'error',
      text: `The split stays at the published ${percentOf(publishedWeightPpm)} % of Y, below the recorded ${percentOf(weightPpm)} %.`,
      detail: { phase, publishedWeightPpm, recordedWeightPpm: weightPpm },
    });
  }

  #startChecks(): void {
    const { state } = this;
    if (state.phase !== 'preflight') return;
    void runStartChecks(this.#options.startChecks).then((checks) =>
      this.#finishChecks(state.plan.id, checks),
    );
  }

  /** The rollout may have been reverted, and even started anew, while the checks ran. */
  #finishChecks(rolloutId: string, checks: readonly PreflightCheck[]): void {
    if (this.#state.phase !== 'preflight' || this.#state.plan.id !== rolloutId) return;
    const event = checksEvent(checks, this.nowMs(), this.#options.signals());
    this.dispatch(event, (outcome) => {
      if (!outcome.ok && outcome.kind === 'store') this.#waitForStore();
    });
  }

  /** The checks have passed, and the first step could not be recorded: every tick looks again. */
  #waitForStore(): void {
    if (this.#state.phase === 'preflight') this.#state = { ...this.#state, hold: storeHold };
  }
}
