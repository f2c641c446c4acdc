// Runs a scenario through the real control loop: a minute with X alone, then a rollout until it ends or the
// time is over.

import { assert } from '#src/base/assert.ts';
import { createRandom, type Random } from '#src/base/random.ts';
import { forecastOf } from '#src/control-plane/rollout/forecast-of.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { RolloutForecast } from '#src/core/rollout/forecast.ts';
import { buildPlan } from '#src/core/rollout/plan.ts';
import type { RolloutPlan, RolloutState } from '#src/core/rollout/rollout-state.ts';
import { tickMs } from '#src/limits.ts';
import type { Scenario } from './scenario.ts';
import { SharedMemoryTraffic } from './shared-memory-traffic.ts';
import { SimulatedClock, SimulatedControl } from './simulated-control.ts';
import { SimulatedSplit } from './simulated-split.ts';
import { SimulatedTraffic } from './simulated-traffic.ts';

export interface RunOutcome {
  readonly end: 'completed' | 'reverted' | 'running';
  /**
   * Seconds from when Y became worse, or from its first traffic, to the end; negative when it was reverted
   * before.
   */
  readonly seconds: number;
  /** Y's requests over that time. */
  readonly requestsY: number;
  /** Failures on Y in the whole run, less those that would have happened on X. */
  readonly extraFailures: number;
  /** Seconds from Y's first traffic until Y got everything but the holdback; null when it never did. */
  readonly promotedAfterSeconds: number | null;
  /** Y's share at the end, or before the revert, ppm. */
  readonly weightPpm: number;
  /** The stream or rule that caused a revert; null when there was none. */
  readonly cause: string | null;
  /** When each weight began, in seconds from Y's first traffic, and the weight in ppm. */
  readonly steps: readonly (readonly [number, number])[];
  /** Names of the reasons for which the rollout held. */
  readonly holds: readonly string[];
  /** Names of the routes that were parked at the end. */
  readonly parked: readonly string[];
}

/** A run after a tick, for a caller that watches it. */
export interface Moment {
  /** Seconds from Y's first traffic. */
  readonly second: number;
  readonly weightPpm: number;
  readonly verdict: Verdict | null;
  /** When the step and the rollout will be over, as the status would say it now. */
  readonly forecast: () => RolloutForecast | null;
}

/** Time with X alone, in which its rates become known, so that Y can be compared with them. */
const warmSeconds = 60;
/** Time that a new control thread takes to start, about. */
const restartMs = 500;

/** The random generator of a run; each run of each scenario has its own. */
export function randomOfRun(seed: number, name: string, run: number): Random {
  let hash = 0x811c9dc5 ^ seed;
  for (const text of [name, String(run)]) {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  }
  return createRandom(hash);
}

function planOf(scenario: Scenario): RolloutPlan {
  const origin = { id: 'simulated', salt: 0, startedAtMs: 0, startedBy: 'simulator', reason: scenario.title };
  const built = buildPlan(scenario.plan, {}, origin);
  assert(built.ok, `the plan of ${scenario.name} is valid`);
  return built.plan;
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #clock = new SimulatedClock();
  readonly #traffic: SimulatedTraffic;
  readonly #control: SimulatedControl;
  readonly #holds = new Set<string>();
  readonly #startMs = warmSeconds * 1000;
  readonly #watch: (moment: Moment) => void;
  #requestsBefore = 0;
  #restartAtMs: number;

  constructor(scenario: Scenario, random: Random, watch: (moment: Moment) => void) {
    this.#scenario = scenario;
    this.#watch = watch;
    this.#restartAtMs = this.#startMs + 1000 * (scenario.restartEverySeconds ?? Number.POSITIVE_INFINITY);
    const split = scenario.workers > 1 ? null : new SimulatedSplit();
    const shared = split === null ? new SharedMemoryTraffic(scenario.workers) : null;
    this.#traffic = new SimulatedTraffic({
      random,
      setConditions: scenario.traffic(random),
      split: split ?? shared ?? new SimulatedSplit(),
      slowThresholdMs: (arm, index) => this.#control.assessor.slowThresholdMs(arm, index),
      startMs: this.#startMs,
      isParked: (slot) => this.#control.isParked(slot),
    });
    this.#control = new SimulatedControl({
      clock: this.#clock,
      source: shared?.from(this.#traffic) ?? this.#traffic,
      sink: split ?? shared?.sink ?? new SimulatedSplit(),
      thresholds: scenario.thresholds,
    });
  }

  run(): RunOutcome {
    while (this.#clock.nowMs < this.#startMs) this.#control.tick();
    this.#control.begin(planOf(this.#scenario));
    const endMs = this.#startMs + this.#scenario.horizonSeconds * 1000;
    while (this.#clock.nowMs < endMs && !this.#ended()) this.#tick();
    return this.#outcome();
  }

  #tick(): void {
    if (this.#secondsSinceStart() < this.#scenario.onsetSecond)
      this.#requestsBefore = this.#traffic.sent.requestsY;
    if (this.#clock.nowMs >= this.#restartAtMs) {
      this.#restartAtMs += 1000 * (this.#scenario.restartEverySeconds ?? 0);
      this.#control.restart(restartMs - tickMs);
    }
    this.#control.tick();
    const { state } = this.#control.rollout;
    if ('hold' in state && state.hold !== null) this.#holds.add(state.hold.name);
    const { weightPpm } = state;
    const { assessor, rollout } = this.#control;
    const forecast = () => forecastOf(rollout, assessor);
    this.#watch({ second: this.#secondsSinceStart(), weightPpm, verdict: assessor.verdict, forecast });
  }

  #ended(): boolean {
    const { phase } = this.#control.rollout.state;
    return phase === 'reverted' || phase === 'completed';
  }

  #secondsSinceStart(): number {
    return (this.#clock.nowMs - this.#startMs) / 1000;
  }

  #outcome(): RunOutcome {
    const { state } = this.#control.rollout;
    const { sent } = this.#traffic;
    const steps = this.#steps();
    return {
      end: state.phase === 'reverted' || state.phase === 'completed' ? state.phase : 'running',
      seconds: this.#secondsSinceStart() - this.#scenario.onsetSecond,
      requestsY: sent.requestsY - this.#requestsBefore,
      extraFailures: sent.failuresY - sent.expectedFailuresY,
      promotedAfterSeconds: this.#promotedAfter(),
      weightPpm: state.phase === 'reverted' ? state.fromWeightPpm : state.weightPpm,
      cause: this.#cause(state),
      steps,
      holds: [...this.#holds],
      parked: state.parked?.map(({ name }) => name) ?? [],
    };
  }

  #steps(): (readonly [number, number])[] {
    const { transitions } = this.#control.store;
    return transitions.flatMap(({ name, atMs, to }) =>
      name === 'step' || name === 'soak' ? [[this.#secondsAt(atMs), to.weightPpm] as const] : [],
    );
  }

  #promotedAfter(): number | null {
    const soak = this.#control.store.transitions.find(({ name }) => name === 'soak');
    return soak === undefined ? null : this.#secondsAt(soak.atMs);
  }

  #secondsAt(epochMs: number): number {
    return (epochMs - this.#clock.epochMs() + this.#clock.nowMs - this.#startMs) / 1000;
  }

  #cause(state: RolloutState): string | null {
    if (state.phase !== 'reverted') return null;
    const byEvidence = state.cause.name === 'evidence' || state.cause.name === 'cap';
    return (byEvidence ? this.#control.assessor.verdict?.cause : null) ?? state.cause.name;
  }
}

/** Runs a scenario once. `watch` is called after every tick in which Y has traffic. */
export const simulate = (
  scenario: Scenario,
  random: Random,
  watch: (moment: Moment) => void = () => {},
): RunOutcome => new Simulation(scenario, random, watch).run();
