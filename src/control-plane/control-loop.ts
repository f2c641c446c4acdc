// One tick of the control plane, four times a second, stage by stage in order, and what follows a transition.
// It names the stages and holds nothing: what they run on comes in as ports, so that a simulation and tests
// drive it with their own clock, traffic and store.
//
//   signals → sample → window → assess → facts → step → apply → notes
//
// What is not on this list is asked for rather than done by a tick: the status and the metrics are read when
// somebody asks for them, and commands of operators go through the same `step` and `apply` between two ticks.
import type { Clock } from '#src/base/clock.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { StepResult, Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutEvent, TickFacts } from '#src/core/rollout/rollout-event.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { Signals } from '#src/core/rollout/signals.ts';
import type { SampleSource, TickSample } from '#src/core/telemetry/sample.ts';
import type { SlowThresholdSource } from './traffic/slow-thresholds.ts';
import type { SuspectSource } from './traffic/suspect-clients.ts';

interface AssessorPort extends SlowThresholdSource, SuspectSource {
  update(sample: TickSample): void;
  assess(state: RolloutState): Verdict;
}

interface RolloutPort {
  readonly state: RolloutState;
  /** The time that the rollout goes by. */
  nowMs(): number;
  decide(event: RolloutEvent): StepResult;
  apply(result: StepResult): unknown;
}

/** What a decision rests on besides the traffic. */
export interface FactPorts {
  readonly breakers: { openMs(nowMs: number): number };
  readonly nodes: { usableCount(cluster: 'x' | 'y'): number };
  readonly store: { readonly writable: boolean; tick?(nowMs: number): void };
  /** Business metrics, gates, change windows, freeze. */
  readonly signals: { tick(): void; facts(): Signals; transition(transition: Transition): void } | null;
}

/** Stages that decide nothing. One whose port is absent does not take place, as in a simulation. */
export interface NotePorts {
  /** Tells the workers from which age on a waiting request counts as slow. */
  readonly slowThresholds?: { publish(source: SlowThresholdSource): void };
  /** Tells the workers whose requests are not compared. */
  readonly suspects?: { publish(source: SuspectSource): void };
  /** Learns which routes are in use. */
  readonly routeUse?: { observe(sample: TickSample): void };
  /** Records the traffic. */
  readonly traffic?: { observe(sample: TickSample): void };
  /** Remembers the last minutes, and freezes them at a revert. */
  readonly evidence?: { observe(sample: TickSample): void; onTransition(transition: Transition): void };
  /** Puts on record that Y's breaker is open while no rollout watches it. */
  readonly breakerNotes?: { observe(openMs: number, state: RolloutState): void };
  /** How long the rollout has been held. */
  readonly holds?: { observe(state: RolloutState, nowMs: number): void };
  /** Counts what clients are answered, and looks for signs of life of the workers. */
  readonly answers?: { observe(nowMs: number): void };
  readonly workers?: { observe(nowMs: number): void };
  /** Logs why requests to nodes fail, and what this process is short of. */
  readonly failures?: { observe(nowMs: number): void };
  /** Keeps the analysis for a restart. */
  readonly checkpoint?: { tick(nowMs: number): void; keepNow(): void };
  /** Told that a rollout has ended. */
  readonly ended?: (phase: 'completed' | 'reverted') => void;
}

export interface ControlLoopPorts extends FactPorts, NotePorts {
  readonly clock: Clock;
  readonly source: SampleSource;
  readonly assessor: AssessorPort;
  readonly rollout: RolloutPort;
}

/** Transitions after which evidence is given up on purpose: a restart must not notice the same once more. */
const forgetsEvidence: ReadonlySet<Transition['name']> = new Set([
  'retest',
  'route-parked',
  'route-unparked',
]);

export class ControlLoop {
  readonly #ports: ControlLoopPorts;

  constructor(ports: ControlLoopPorts) {
    this.#ports = ports;
  }

  /** One round. Call it every `tickMs`; a late call is just a longer tick. */
  tick(): void {
    const { clock, signals, source, assessor, rollout } = this.#ports;
    const nowMs = clock.monotonicMs();
    // Asks, evaluates and expires what is due, so that the facts are of now.
    signals?.tick();
    const sample = source.sample(nowMs);
    this.#window(sample);
    const verdict = assessor.assess(rollout.state);
    const facts = this.#facts(nowMs);
    const result = rollout.decide({ type: 'tick', atMs: rollout.nowMs(), verdict, facts });
    // Records and publishes, in the order of core/rollout/ready.ts. `follow` is called from it, at once or
    // when the store answers.
    rollout.apply(result);
    this.#note(nowMs, facts);
  }

  /** Everything that takes the tick's counts: the tests first, then what only remembers them. */
  #window(sample: TickSample): void {
    const { assessor, slowThresholds, suspects, routeUse, traffic, evidence } = this.#ports;
    assessor.update(sample);
    slowThresholds?.publish(assessor);
    suspects?.publish(assessor);
    routeUse?.observe(sample);
    traffic?.observe(sample);
    evidence?.observe(sample);
  }

  #facts(nowMs: number): TickFacts {
    const { breakers, nodes, store, signals } = this.#ports;
    return {
      breakerOpenMs: breakers.openMs(nowMs),
      healthyNodesX: nodes.usableCount('x'),
      healthyNodesY: nodes.usableCount('y'),
      storeWritable: store.writable,
      ...(signals !== null && { signals: signals.facts() }),
    };
  }

  /** What has no hurry, after the decision: none of it decides about traffic. */
  #note(nowMs: number, { breakerOpenMs }: TickFacts): void {
    const { rollout, store, breakerNotes, holds, answers, workers, failures, checkpoint } = this.#ports;
    breakerNotes?.observe(breakerOpenMs, rollout.state);
    holds?.observe(rollout.state, nowMs);
    answers?.observe(nowMs);
    workers?.observe(nowMs);
    failures?.observe(nowMs);
    // Notices a store that hangs, and tries one again that failed.
    store.tick?.(nowMs);
    checkpoint?.tick(nowMs);
  }

  /**
   * What follows a transition once it took effect, whether a tick, a command or the store's answer brought
   * it.
   */
  follow(transition: Transition): void {
    const { signals, evidence, checkpoint, ended } = this.#ports;
    // Notifications and gates are told.
    signals?.transition(transition);
    evidence?.onTransition(transition);
    if (forgetsEvidence.has(transition.name)) checkpoint?.keepNow();
    const { phase } = transition.to;
    if (phase === 'completed' || phase === 'reverted') ended?.(phase);
  }
}
