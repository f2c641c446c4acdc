// The control loop with its real sampler, analysis, rollout and store, on a clock and traffic that the test
// drives.
import type { Clock } from '#src/base/clock.ts';
import { createRandom, type Random } from '#src/base/random.ts';
import { assembleDecision } from '#src/control-plane/assemble-decision.ts';
import type { ControlLoop } from '#src/control-plane/control-loop.ts';
import { EventLog } from '#src/control-plane/events/event-log.ts';
import type { Assessor } from '#src/control-plane/rollout/assessor.ts';
import type { RolloutService } from '#src/control-plane/rollout/rollout-service.ts';
import { SplitPublisher } from '#src/control-plane/rollout/split-publisher.ts';
import { DurableStore } from '#src/control-plane/store/durable-store.ts';
import { Sampler } from '#src/control-plane/traffic/sampler.ts';
import type { AnalysisThresholds } from '#src/core/analysis/analysis-thresholds.ts';
import { unnamedRoutes } from '#src/core/analysis/streams/tracked-routes.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { TickSample } from '#src/core/telemetry/sample.ts';
import { PPM, tickMs } from '#src/limits.ts';
import { X, Y } from '#src/shared-memory/layout.ts';
import { createSharedMemory, type SharedMemory } from '#src/shared-memory/shared-memory.ts';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import { countAnswers } from './counters.ts';
import { DirectPort } from './direct-port.ts';

export const testThresholds: AnalysisThresholds = {
  errorRate: { timesX: 1.1, overX: 0.0002, max: 0.05 },
  statusMix: { timesX: 1.25, overX: 0.002 },
  latency: { timesX: 1.1, overXMs: 2, maxMs: {} },
  falseReverts: 0.01,
  harm: 0.001,
  warmupMs: 0,
  blipToleranceMs: 1000,
  attribution: 'all',
};

/** Error rates of both clusters and requests per second over both. */
export interface Traffic {
  readonly perSecond: number;
  readonly errorsX: number;
  readonly errorsY: number;
}

export class FakeClock implements Clock {
  nowMs = 1_000_000;
  monotonicMs = (): number => this.nowMs;
  /** By how much the wall clock was set. */
  setMs = 0;
  epochMs = (): number => 1_700_000_000_000 + this.nowMs + this.setMs;
}

export interface LoopRigOptions {
  readonly database: string;
  readonly memory?: SharedMemory;
  readonly clock?: FakeClock;
  readonly seed?: number;
  /** Told of every sample, as what records the traffic is. */
  readonly observe?: (sample: TickSample, rig: LoopRig) => void;
}

export class LoopRig {
  readonly databaseFile: string;
  readonly clock: FakeClock;
  readonly memory: SharedMemory;
  readonly cell: SplitCell;
  readonly store: DurableStore;
  /** Behind the store: what is on its disk, and whether it answers. */
  readonly port: DirectPort;
  readonly events: EventLog;
  readonly rollout: RolloutService;
  readonly assessor: Assessor;
  readonly transitions: Transition[] = [];
  readonly usableNodes = { x: 1, y: 1 };
  preflightPasses = true;
  readonly #loop: ControlLoop;
  readonly #random: Random;
  #sent = 0;

  constructor({
    database,
    memory = createSharedMemory(2),
    clock = new FakeClock(),
    seed = 1,
    observe = () => {},
  }: LoopRigOptions) {
    this.databaseFile = database;
    this.clock = clock;
    this.memory = memory;
    this.cell = new SplitCell(memory.split);
    this.#random = createRandom(seed);
    // Read anew each time: a test may set the clock.
    const events = new EventLog({ epochMs: () => clock.epochMs(), log: () => {} });
    this.events = events;
    this.port = DirectPort.on(database);
    this.store = new DurableStore({
      port: this.port,
      file: database,
      onChange: (problem) => void (problem === null && this.rollout.storeCameBack()),
      reconcileIds: (lastId, firstId) => events.reconcileIds(lastId, firstId),
    });
    events.keepIn((event) => this.store.appendEvent(event));
    const { assessor, rollout, loop } = assembleDecision({
      clock,
      source: new Sampler(memory, this.cell),
      sink: new SplitPublisher(this.cell),
      store: this.store,
      events,
      thresholds: testThresholds,
      businessMetrics: [],
      routes: { ...unnamedRoutes, park() {}, replaceParked() {} },
      startChecks: async () => [{ name: 'test', passed: this.preflightPasses, text: 'the test wants it so' }],
      keepsLower: false,
      rolloutTime: memory.rolloutTime,
      keptTime: () => null,
      breakers: { openMs: () => 0 },
      nodes: { usableCount: (cluster) => this.usableNodes[cluster] },
      signals: null,
      traffic: { observe: (sample) => observe(sample, this) },
      evidence: { observe() {}, onTransition: (transition) => this.transitions.push(transition) },
    });
    this.assessor = assessor;
    this.rollout = rollout;
    this.#loop = loop;
  }

  get weightPpm(): number {
    return this.cell.read().weightPpm;
  }

  /**
   * Lets time pass with this traffic, up to `seconds` or until the condition holds; returns the seconds it
   * took.
   */
  run(seconds: number, traffic: Traffic, until: () => boolean = () => false): number {
    const startMs = this.clock.nowMs;
    while (this.clock.nowMs - startMs < seconds * 1000 && !until()) {
      this.#send(traffic);
      this.tick();
    }
    return (this.clock.nowMs - startMs) / 1000;
  }

  tick(): void {
    this.clock.nowMs += tickMs;
    this.#loop.tick();
  }

  /** What the workers would have counted in one tick, at the published split. */
  #send({ perSecond, errorsX, errorsY }: Traffic): void {
    const { epoch, weightPpm } = this.cell.read();
    const count = (perSecond * tickMs) / 1000;
    for (let request = 0; request < count; request++) {
      const arm = this.#random.next() < weightPpm / PPM ? Y : X;
      const failed = this.#random.next() < (arm === Y ? errorsY : errorsX);
      const worker = this.#sent++ % this.memory.slabs.length;
      countAnswers(this.memory, { worker, arm, epoch }, { status: failed ? 503 : 200, count: 1 });
    }
  }
}
