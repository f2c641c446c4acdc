// A rollout by the pure step with the real signals beside it: real requests to real servers, on a clock that
// the test moves. Traffic always allows an advance, so what holds is a signal.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Clock } from '#src/base/clock.ts';
import type { Config } from '#src/config/config.ts';
import { parseConfig } from '#src/config/load.ts';
import { EventLog } from '#src/control-plane/events/event-log.ts';
import { ExternalSignals } from '#src/control-plane/signals/external-signals.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { buildPlan } from '#src/core/rollout/plan.ts';
import type { RolloutCommandName, RolloutEvent } from '#src/core/rollout/rollout-event.ts';
import type { RevertCause, RolloutState } from '#src/core/rollout/rollout-state.ts';
import { step } from '#src/core/rollout/rollout-step.ts';
import type { RecordedEvent } from '#src/record/recorded-event.ts';
import { done, type StoreResult } from '#src/record/store-result.ts';
import { untilByTurns } from '../../support/until.ts';

const rates = { requestsPerSecond: 100, failureRate: 0 };
export const goodVerdict: Verdict = {
  decision: 'advance',
  rule: 'not-worse',
  text: 'Y is not worse',
  logEvidence: -1,
  logEvidenceBar: 4.6,
  logSafeBar: 3,
  cause: null,
  streams: [],
  samplesNeeded: null,
  secondsNeeded: null,
  xHealthy: true,
  last10s: { x: rates, y: rates },
  last60s: { x: rates, y: rates },
};

export class MovedClock implements Clock {
  monoMs = 1_000_000;
  wallMs = Date.parse('2026-01-07T12:00:00Z');
  monotonicMs = (): number => this.monoMs;
  epochMs = (): number => this.wallMs;
  /** Lets time pass on both clocks. */
  pass(ms: number): void {
    this.monoMs += ms;
    this.wallMs += ms;
  }
}

export class Settings {
  readonly kept = new Map<string, string>();
  broken = false;
  saveSetting = async (name: string, value: unknown): Promise<StoreResult<undefined>> => {
    if (this.broken) return this.#refuse();
    this.kept.set(name, JSON.stringify(value));
    return done;
  };
  loadSetting = (name: string): StoreResult<unknown> => {
    if (this.broken) return this.#refuse();
    return { ok: true, value: JSON.parse(this.kept.get(name) ?? 'null') as unknown };
  };
  #refuse(): { ok: false; problem: { kind: 'full'; text: string } } {
    return { ok: false, problem: { kind: 'full', text: 'The disk is full.' } };
  }
}

export interface SignalRigOptions {
  readonly yaml: string;
  readonly steps?: readonly number[];
  readonly clock?: MovedClock;
  readonly settings?: Settings;
}

export class SignalRig {
  readonly clock: MovedClock;
  readonly settings: Settings;
  readonly signals: ExternalSignals;
  readonly recorded: RecordedEvent[] = [];
  readonly counted: (readonly [string, string, number, number])[] = [];
  config: Config;
  state: RolloutState = { phase: 'idle', weightPpm: 0 };
  readonly #steps: readonly number[];
  #verdict = goodVerdict;

  constructor(t: TestContext, { yaml, steps = [1, 10, 100], clock, settings }: SignalRigOptions) {
    this.clock = clock ?? new MovedClock();
    this.settings = settings ?? new Settings();
    this.config = configOf(yaml);
    this.#steps = steps;
    const events = new EventLog({ epochMs: this.clock.epochMs, log: () => {} });
    events.subscribe((event) => this.recorded.push(event));
    this.signals = new ExternalSignals({
      config: () => this.config,
      clock: this.clock,
      events,
      settings: this.settings,
      random: () => 0,
      rolloutState: () => this.state,
      verdict: () => this.#verdict,
      count: (...sample) => this.counted.push(sample),
      record: { recordEnd: { hash: 'ab'.repeat(32) }, stored: async () => {} },
    });
    this.signals.restore();
    t.after(() => this.signals.stop());
  }

  /** Names of events so far. */
  get events(): string[] {
    return this.recorded.map(({ name }) => name);
  }

  get hold(): string | null {
    const { state } = this;
    return 'hold' in state && state.hold ? `${state.hold.name}: ${state.hold.text}` : null;
  }

  get cause(): RevertCause | null {
    return this.state.phase === 'reverted' ? this.state.cause : null;
  }

  send(event: RolloutEvent): void {
    const result = step(this.state, event);
    assert.ok(result.ok, JSON.stringify(result));
    this.state = result.state;
    for (const effect of result.effects)
      if (effect.type === 'notify') this.signals.transition(effect.transition);
  }

  command(name: RolloutCommandName): void {
    this.send({ type: 'command', atMs: this.clock.epochMs(), name, actor: 'ana', reason: 'test' });
  }

  /** Starts a rollout whose checks have passed; it waits for what stands before the start. */
  start(): void {
    const settings = {
      stepsPpm: this.#steps.map((percent) => percent * 10_000),
      bakeMs: 0,
      stepTimeoutMs: 1_000,
      onInconclusive: 'revert' as const,
      soakMs: 0,
      holdbackPpm: 10_000,
      onBadRoute: 'park' as const,
    };
    const atMs = this.clock.epochMs();
    const origin = { id: 'rollout-1', salt: 7, startedAtMs: atMs, startedBy: 'ana', reason: 'upgrade' };
    const built = buildPlan(settings, {}, origin);
    assert.ok(built.ok);
    this.send({ type: 'start', atMs, plan: built.plan });
    this.send({ type: 'preflight-passed', atMs, signals: this.signals.facts() });
  }

  /** One round of the control loop, with another verdict. */
  sendVerdict(verdict: Verdict): void {
    this.#verdict = verdict;
    this.tick();
  }

  /** One round of the control loop. */
  tick(): void {
    this.signals.tick();
    const facts = { breakerOpenMs: 0, healthyNodesX: 1, healthyNodesY: 1, storeWritable: true };
    this.send({
      type: 'tick',
      atMs: this.clock.epochMs(),
      verdict: this.#verdict,
      facts: { ...facts, signals: this.signals.facts() },
    });
  }

  /** Rounds until the condition holds, with turns of the event loop between them for answers to come in. */
  async until(condition: () => boolean): Promise<void> {
    const isMet = (): boolean => {
      if (condition()) return true;
      this.tick();
      return false;
    };
    const seen = () => ({ phase: this.state.phase, hold: this.hold, events: this.events });
    await untilByTurns(isMet, String(condition), seen);
  }
}

function configOf(yaml: string): Config {
  const clusters = `clusters:
  x: { label: 'old "x"', nodes: [http://127.0.0.1:1] }
  y: { label: new, nodes: [http://127.0.0.1:2] }\n`;
  const loaded = parseConfig(clusters + yaml, 'test.yaml', {});
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.config;
}
