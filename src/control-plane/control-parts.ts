// The control thread's wiring: makes every part and hands each what it needs. The only place where they are put together;
// what a tick does with them is in control-loop.ts, when they start and stop in control-thread.ts.
import { readFileSync } from 'node:fs';
import { systemClock } from '#src/base/clock.ts';
import type { Config } from '#src/config/config.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { TickFacts } from '#src/core/rollout/rollout-event.ts';
import { step } from '#src/core/rollout/rollout-step.ts';
import type { StoreProblem } from '#src/record/store-result.ts';
import type { ControlStart, FromControl, HandOver, LogLine } from '#src/shared-memory/messages.ts';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import { ControlLoop } from './control-loop.ts';
import { BreakerNotes } from './events/breaker-notes.ts';
import { EventLog } from './events/event-log.ts';
import { EvidenceKeeper } from './evidence/evidence-keeper.ts';
import { HealthChecks } from './nodes/health-checks.ts';
import { NodeDirectory } from './nodes/node-directory.ts';
import { runPreflight } from './nodes/preflight.ts';
import { Judge } from './rollout/judge.ts';
import { type KeptTime, RolloutClock } from './rollout/rollout-clock.ts';
import { RolloutService } from './rollout/rollout-service.ts';
import { SplitPublisher } from './rollout/split-publisher.ts';
import { RouteDirectory } from './routes/route-directory.ts';
import { SignalDesk } from './signals/signal-desk.ts';
import { DurableStore } from './store/durable-store.ts';
import { busyTimeoutMsDefault } from './store/sqlite-store.ts';
import type { StorePort } from './store/store-calls.ts';
import { StoreThreadPort } from './store/store-thread-port.ts';
import { SupervisorLink } from './supervisor/supervisor-link.ts';
import { AnswerRates } from './traffic/answer-rates.ts';
import { BreakerWatch } from './traffic/breaker-watch.ts';
import { Housekeeping } from './traffic/housekeeping.ts';
import { RecentTraffic } from './traffic/recent-traffic.ts';
import { Sampler } from './traffic/sampler.ts';
import { SlowThresholds } from './traffic/slow-thresholds.ts';
import { WorkerWatch } from './traffic/worker-watch.ts';

export type Post = (message: FromControl) => void;

/** Transitions after which evidence is given up on purpose. */
const forgetsEvidence: ReadonlySet<Transition['name']> = new Set([
  'retest',
  'route-parked',
  'route-unparked',
]);

/** The way to the store in a file. */
export type StorePortOf = (file: string, keyFile: string | null) => StorePort;

const inItsThread: StorePortOf = (file, keyFile) =>
  new StoreThreadPort({ file, busyTimeoutMs: busyTimeoutMsDefault, keyFile });

export class ControlParts {
  readonly clock = systemClock;
  readonly startedAtMs = systemClock.monotonicMs();
  readonly version = packageVersion();
  readonly generation: number;
  /** Where the thread before listened; 0 when there was none. */
  readonly predecessorPort: number;
  /** A listening socket for the API; null when it binds. */
  readonly listenDescriptor: number | null;
  readonly memory: ControlStart['memory'];
  readonly post: Post;
  /** Changed by a reload. */
  config: Config;
  configRevision: number;
  isDraining = false;
  /** Whether the split is that of a process of which nothing else is known. */
  readonly #isSplitInherited: boolean;
  readonly cell: SplitCell;
  readonly sink: SplitPublisher;
  readonly events: EventLog;
  readonly store: DurableStore;
  readonly directory: NodeDirectory;
  readonly supervisor: SupervisorLink;
  readonly routes: RouteDirectory;
  readonly judge: Judge;
  readonly signals: SignalDesk;
  readonly health: HealthChecks;
  readonly workers: WorkerWatch;
  readonly breakers: BreakerWatch;
  readonly breakerNotes: BreakerNotes;
  readonly answers: AnswerRates;
  readonly traffic = new RecentTraffic();
  readonly evidence: EvidenceKeeper;
  readonly rollout: RolloutService;
  readonly housekeeping: Housekeeping;
  readonly loop: ControlLoop;

  constructor(start: ControlStart, post: Post, storePortOf: StorePortOf = inItsThread) {
    const { memory } = start;
    const { clock } = this;
    this.generation = start.generation;
    this.predecessorPort = start.controlPort;
    this.listenDescriptor = start.listenDescriptor;
    this.memory = memory;
    this.post = post;
    this.config = start.config;
    this.configRevision = start.configRevision;
    this.cell = new SplitCell(memory.split);
    this.sink = new SplitPublisher(this.cell);
    this.events = new EventLog({
      epochMs: clock.epochMs,
      log: (line) => this.log(line),
      recordEnd: () => this.store.recordEnd?.hash ?? null,
    });
    this.store = this.#openStore(storePortOf, start.handedOver);
    this.directory = new NodeDirectory(memory, start.nodes);
    this.supervisor = new SupervisorLink(post);
    this.routes = new RouteDirectory(start.routes, memory.parkedRoutes, (routes) =>
      post({ type: 'routes', routes }),
    );
    this.judge = new Judge(start.config.thresholds, clock.monotonicMs, start.config.metrics, this.routes);
    this.signals = this.#createSignals();
    this.health = new HealthChecks({
      directory: this.directory,
      events: this.events,
      settings: () => this.config.health,
      random: Math.random,
    });
    this.workers = new WorkerWatch(memory);
    this.breakers = new BreakerWatch(memory, this.cell);
    this.breakerNotes = new BreakerNotes(this.events);
    this.answers = new AnswerRates(memory);
    this.evidence = this.#createEvidence();
    this.#isSplitInherited = start.generation === 0 && this.cell.epoch() > 0 && start.handedOver === null;
    this.rollout = this.#createRollout();
    this.housekeeping = this.#createHousekeeping();
    this.loop = this.#createLoop();
  }

  log(line: LogLine): void {
    this.post({ type: 'log', line });
  }

  /** Says that the store is lost or back; a store that is back is brought up to date. */
  storeChanged(problem: StoreProblem | null): void {
    if (problem !== null) {
      this.events.add({ name: 'store-unavailable', level: 'error', text: problem.text, detail: problem });
      return;
    }
    this.events.add({ name: 'store-recovered', text: 'The store takes writes again.' });
    this.signals.restore();
    this.rollout.storeCameBack();
  }

  /** Has the store opened, in a thread of its own; one that cannot be opened is tried again in the background. */
  #openStore(storePortOf: StorePortOf, handedOver: HandOver | null): DurableStore {
    const { events } = this;
    const { sqlite: file, key } = this.config.store;
    const store = new DurableStore({
      port: storePortOf(file, key),
      file,
      onChange: (problem) => this.storeChanged(problem),
      reconcileIds: (lastId, firstQueuedId) => events.reconcileIds(lastId, firstQueuedId),
      acknowledged: {
        markedStore: file === ':memory:' ? null : file,
        handedOver,
        isSplitKnown: this.cell.epoch() > 0,
        epochMs: this.clock.epochMs,
      },
      onRecorded: ({ name, id }) => this.#tellRecorded(name, id),
    });
    events.keepIn((event) => store.appendEvent(event));
    return store;
  }

  /** What was announced before it was on record is told again with the end that it led to, so that both prove it. */
  #tellRecorded(name: string, eventId: number): void {
    const recordEnd = this.store.recordEnd?.hash ?? null;
    this.log({ level: 'info', message: 'on record', fields: { recorded: name, eventId, recordEnd } });
  }

  #createSignals(): SignalDesk {
    return new SignalDesk({
      config: () => this.config,
      clock: this.clock,
      events: this.events,
      settings: this.store,
      random: Math.random,
      rolloutState: () => this.rollout.state,
      verdict: () => this.judge.verdict,
      count: (...sample) => this.judge.countBusiness(...sample),
      record: this.store,
    });
  }

  #createEvidence(): EvidenceKeeper {
    return new EvidenceKeeper({
      store: this.store,
      events: this.events,
      directory: this.directory,
      routeSlots: () => this.routes.slots,
      rolloutState: () => this.rollout.state,
      verdict: () => this.judge.verdict,
      configRevision: () => this.configRevision,
      requestSamples: () => this.supervisor.requestSamples(),
      epochMs: this.clock.epochMs,
    });
  }

  #createRollout(): RolloutService {
    const preflightSources = {
      directory: this.directory,
      probeAll: () => this.health.probeAll(),
      storeProblem: () => this.store.problem?.text ?? null,
    };
    return new RolloutService({
      step,
      sink: this.sink,
      keeper: this.store,
      events: this.events,
      analysis: this.judge,
      preflight: async () =>
        (await Promise.all([runPreflight(preflightSources), this.signals.preflight()])).flat(),
      signals: () => this.signals.facts(),
      parking: this.routes,
      keepsLower: this.#isSplitInherited,
      time: new RolloutClock({
        clock: this.clock,
        memory: this.memory.rolloutTime,
        kept: () => this.#keptTime(),
      }),
      epochMs: this.clock.epochMs,
      onTransition: (transition) => {
        const { phase } = transition.to;
        this.signals.transition(transition);
        this.evidence.onTransition(transition);
        // A restart must not notice the same once more: what was given up is on record at once.
        if (forgetsEvidence.has(transition.name)) this.housekeeping.keepAnalysis();
        if (phase === 'completed' || phase === 'reverted') this.post({ type: 'rollout-ended', phase });
      },
    });
  }

  /** The time is kept with the evidence, every second. Earlier versions kept none: they went by the wall clock. */
  #keptTime(): KeptTime | null {
    const kept = this.store.loadAnalysis();
    if (!kept.ok || kept.value === null) return null;
    const { atMs, snapshot } = kept.value;
    const { rolloutMs } = (snapshot ?? {}) as { readonly rolloutMs?: number };
    return { rolloutMs: rolloutMs ?? atMs, epochMs: atMs };
  }

  #createHousekeeping(): Housekeeping {
    return new Housekeeping({
      store: this.store,
      traffic: this.traffic,
      workers: this.workers,
      analysisSnapshot: () => ({
        rolloutMs: this.rollout.nowMs(),
        ...this.judge.snapshot(this.rollout.state),
      }),
      rolloutState: () => this.rollout.state,
      verdict: () => this.judge.verdict,
      epochMs: this.clock.epochMs,
    });
  }

  #createLoop(): ControlLoop {
    const slowThresholds = new SlowThresholds(this.memory);
    return new ControlLoop({
      clock: this.clock,
      source: new Sampler(this.memory, this.cell),
      observe: (sample) => {
        slowThresholds.publish(this.judge);
        this.housekeeping.observe(sample);
        this.evidence.observe(sample);
      },
      judge: this.judge,
      facts: (nowMs) => this.#facts(nowMs),
      rollout: this.rollout,
    });
  }

  #facts(nowMs: number): TickFacts {
    return {
      breakerOpenMs: this.breakers.openMs(nowMs),
      healthyNodesX: this.directory.usableCount('x'),
      healthyNodesY: this.directory.usableCount('y'),
      storeWritable: this.store.writable,
      signals: this.signals.facts(),
    };
  }
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
