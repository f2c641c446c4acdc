// The control thread's wiring: makes every part and hands each what it needs. What decides is put together in
// assemble-decision.ts; what a tick does with the parts is in control-loop.ts, when they start and stop in
// control-thread.ts.
import { readFileSync } from 'node:fs';
import { systemClock } from '#src/base/clock.ts';
import type { Config } from '#src/config/config.ts';
import type { StoreProblem } from '#src/record/store-result.ts';
import type { ControlStart, FromControl, HandOver, LogLine } from '#src/shared-memory/messages.ts';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import { assembleDecision, type DecisionParts } from './assemble-decision.ts';
import type { ControlLoop } from './control-loop.ts';
import { BreakerNotes } from './events/breaker-notes.ts';
import { EventLog } from './events/event-log.ts';
import { AnalysisCheckpoint, keptTimeOf } from './evidence/analysis-checkpoint.ts';
import { EvidenceRecorder } from './evidence/evidence-recorder.ts';
import { FailureLog } from './nodes/failure-log.ts';
import { HealthChecks } from './nodes/health-checks.ts';
import { NodeDirectory } from './nodes/node-directory.ts';
import { type PreflightCheck, runPreflight } from './nodes/preflight.ts';
import type { Assessor } from './rollout/assessor.ts';
import { HoldWatch } from './rollout/hold-watch.ts';
import type { RolloutService } from './rollout/rollout-service.ts';
import { SplitPublisher } from './rollout/split-publisher.ts';
import { RouteDirectory } from './routes/route-directory.ts';
import { ExternalSignals } from './signals/external-signals.ts';
import { DurableStore } from './store/durable-store.ts';
import { busyTimeoutMsDefault } from './store/sqlite-store.ts';
import type { StorePort } from './store/store-calls.ts';
import { StoreThreadPort } from './store/store-thread-port.ts';
import { SupervisorLink } from './supervisor/supervisor-link.ts';
import { AnswerRates } from './traffic/answer-rates.ts';
import { BreakerWatch } from './traffic/breaker-watch.ts';
import { RecentTraffic } from './traffic/recent-traffic.ts';
import { Sampler } from './traffic/sampler.ts';
import { SlowThresholds } from './traffic/slow-thresholds.ts';
import { SuspectClients } from './traffic/suspect-clients.ts';
import { TrafficRecorder } from './traffic/traffic-recorder.ts';
import { WorkerWatch } from './traffic/worker-watch.ts';

type Post = (message: FromControl) => void;

/** The way to the store in a file. */
export type StorePortOf = (file: string, keyFile: string | null) => StorePort;

const inItsThread: StorePortOf = (file, keyFile) =>
  new StoreThreadPort({ file, busyTimeoutMs: busyTimeoutMsDefault, keyFile });

export class ControlParts {
  readonly clock = systemClock;
  readonly startedAtMs = systemClock.monotonicMs();
  readonly version = packageVersion();
  readonly generation: number;
  readonly memory: ControlStart['memory'];
  readonly post: Post;
  /** Changed by a reload. */
  config: Config;
  configRevision: number;
  isDraining = false;
  readonly cell: SplitCell;
  readonly sink: SplitPublisher;
  readonly events: EventLog;
  readonly store: DurableStore;
  readonly directory: NodeDirectory;
  readonly supervisor: SupervisorLink;
  readonly routes: RouteDirectory;
  readonly assessor: Assessor;
  readonly signals: ExternalSignals;
  readonly health: HealthChecks;
  readonly failures: FailureLog;
  readonly workers: WorkerWatch;
  readonly breakers: BreakerWatch;
  readonly breakerNotes: BreakerNotes;
  readonly suspects: SuspectClients;
  readonly holds = new HoldWatch();
  readonly answers: AnswerRates;
  readonly traffic = new RecentTraffic();
  readonly evidence: EvidenceRecorder;
  readonly rollout: RolloutService;
  readonly recorder: TrafficRecorder;
  readonly checkpoint: AnalysisCheckpoint;
  readonly loop: ControlLoop;

  constructor(start: ControlStart, post: Post, storePortOf: StorePortOf = inItsThread) {
    const { memory } = start;
    const { clock } = this;
    this.generation = start.generation;
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
    this.signals = this.#createSignals();
    this.health = new HealthChecks({
      directory: this.directory,
      events: this.events,
      settings: () => this.config.health,
      random: Math.random,
    });
    this.failures = new FailureLog({
      memory,
      directory: this.directory,
      checkShortages: this.health.shortages,
      log: (line) => this.log(line),
    });
    this.suspects = new SuspectClients(memory, this.events, clock.epochMs);
    this.workers = new WorkerWatch(memory);
    this.breakers = new BreakerWatch(memory, this.cell);
    this.breakerNotes = new BreakerNotes(this.events);
    this.answers = new AnswerRates(memory);
    this.evidence = this.#createEvidence();
    this.recorder = this.#createRecorder();
    this.checkpoint = this.#createCheckpoint();
    const isSplitInherited = start.generation === 0 && this.cell.epoch() > 0 && start.handedOver === null;
    const { assessor, rollout, loop } = this.#assembleDecision(isSplitInherited);
    this.assessor = assessor;
    this.rollout = rollout;
    this.loop = loop;
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

  /**
   * Has the store opened, in a thread of its own; one that cannot be opened is tried again in the background.
   */
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

  /**
   * What was announced before it was on record is told again with the end that it led to, so that both prove
   * it.
   */
  #tellRecorded(name: string, eventId: number): void {
    const recordEnd = this.store.recordEnd?.hash ?? null;
    this.log({ level: 'info', message: 'on record', fields: { recorded: name, eventId, recordEnd } });
  }

  #createSignals(): ExternalSignals {
    return new ExternalSignals({
      config: () => this.config,
      clock: this.clock,
      events: this.events,
      settings: this.store,
      random: Math.random,
      rolloutState: () => this.rollout.state,
      verdict: () => this.assessor.verdict,
      count: (...sample) => this.assessor.countBusiness(...sample),
      record: this.store,
    });
  }

  #createEvidence(): EvidenceRecorder {
    return new EvidenceRecorder({
      store: this.store,
      events: this.events,
      directory: this.directory,
      routeSlots: () => this.routes.slots,
      rolloutState: () => this.rollout.state,
      verdict: () => this.assessor.verdict,
      configRevision: () => this.configRevision,
      requestSamples: () => this.supervisor.requestSamples(),
      epochMs: this.clock.epochMs,
    });
  }

  #createRecorder(): TrafficRecorder {
    return new TrafficRecorder({
      store: this.store,
      traffic: this.traffic,
      rolloutState: () => this.rollout.state,
      verdict: () => this.assessor.verdict,
      epochMs: this.clock.epochMs,
    });
  }

  #createCheckpoint(): AnalysisCheckpoint {
    return new AnalysisCheckpoint({
      store: this.store,
      snapshot: () => this.assessor.snapshot(this.rollout.state),
      rolloutMs: () => this.rollout.nowMs(),
      epochMs: this.clock.epochMs,
    });
  }

  /** `isSplitInherited`: the split is that of a process of which nothing else is known. */
  #assembleDecision(isSplitInherited: boolean): DecisionParts {
    return assembleDecision({
      clock: this.clock,
      source: new Sampler(this.memory, this.cell),
      sink: this.sink,
      store: this.store,
      events: this.events,
      thresholds: this.config.thresholds,
      businessMetrics: this.config.metrics,
      routes: this.routes,
      startChecks: () => this.#runStartChecks(),
      keepsLower: isSplitInherited,
      rolloutTime: this.memory.rolloutTime,
      keptTime: () => {
        const kept = this.store.loadAnalysis();
        return kept.ok && kept.value !== null ? keptTimeOf(kept.value) : null;
      },
      breakers: this.breakers,
      nodes: this.directory,
      signals: this.signals,
      slowThresholds: new SlowThresholds(this.memory),
      suspects: this.suspects,
      routeUse: this.routes,
      traffic: this.recorder,
      evidence: this.evidence,
      breakerNotes: this.breakerNotes,
      holds: this.holds,
      answers: this.answers,
      workers: this.workers,
      failures: this.failures,
      checkpoint: this.checkpoint,
      ended: (phase) => this.post({ type: 'rollout-ended', phase }),
    });
  }

  async #runStartChecks(): Promise<readonly PreflightCheck[]> {
    const sources = {
      directory: this.directory,
      probeAll: () => this.health.probeAll(),
      storeProblem: () => this.store.problem?.text ?? null,
    };
    const checks = await Promise.all([runPreflight(sources), this.signals.preflight()]);
    return checks.flat();
  }
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
