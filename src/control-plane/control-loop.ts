// The control loop, four times a second: sample, window, assess, step, apply. It names the stages and holds nothing;
// what it runs on comes in as ports, so that the simulator can drive it with its own clock and traffic.
import type { Clock } from '#src/base/clock.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { StepResult } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutEvent, TickFacts } from '#src/core/rollout/rollout-event.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { SampleSource, TickSample } from '#src/core/telemetry/sample.ts';

export interface ControlLoopPorts {
  readonly clock: Clock;
  readonly source: SampleSource;
  /** Everything that looks at traffic besides the assessor. */
  readonly observe: (sample: TickSample) => void;
  readonly assessor: { update(sample: TickSample): void; assess(state: RolloutState): Verdict };
  readonly facts: (nowMs: number) => TickFacts;
  readonly rollout: {
    readonly state: RolloutState;
    /** The time that the rollout goes by. */
    nowMs(): number;
    decide(event: RolloutEvent): StepResult;
    apply(result: StepResult): unknown;
  };
}

export class ControlLoop {
  readonly #ports: ControlLoopPorts;

  constructor(ports: ControlLoopPorts) {
    this.#ports = ports;
  }

  /** One round. Call it every `tickMs`; a late call is just a longer tick. */
  tick(): void {
    const { clock, source, assessor, rollout } = this.#ports;
    const nowMs = clock.monotonicMs();
    const sample = source.sample(nowMs);
    this.#window(sample);
    const verdict = assessor.assess(rollout.state);
    const facts = this.#ports.facts(nowMs);
    const result = rollout.decide({ type: 'tick', atMs: rollout.nowMs(), verdict, facts });
    rollout.apply(result);
  }

  #window(sample: TickSample): void {
    this.#ports.assessor.update(sample);
    this.#ports.observe(sample);
  }
}
