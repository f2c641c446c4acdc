// Entry of the control thread, and the only place where its parts are put together. What it decides is in the parts; what
// it and the supervisor say to each other is in shared-memory/messages.ts.
import { randomInt, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isMainThread, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { unreachable } from '#src/base/assert.ts';
import { type Clock, systemClock } from '#src/base/clock.ts';
import type { Config } from '#src/config/config.ts';
import type { TickFacts } from '#src/core/rollout/rollout-event.ts';
import { step } from '#src/core/rollout/rollout-step.ts';
import { tickMs } from '#src/limits.ts';
import type {
  ConfigProblem,
  ControlStart,
  FromControl,
  LogLine,
  ToControl,
} from '#src/shared-memory/messages.ts';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import type { ApiContext, ReadinessCheck } from './api/api-context.ts';
import { createControlApi } from './api/server.ts';
import { BreakerWatch } from './breaker-watch.ts';
import { withoutSecrets } from './config-record.ts';
import { ControlLoop } from './control-loop.ts';
import { EventLog } from './event-log.ts';
import { EvidenceKeeper } from './evidence/evidence-keeper.ts';
import { HealthChecks } from './health.ts';
import { Housekeeping } from './housekeeping.ts';
import { Judge } from './judge.ts';
import { patternsOf, readKongRoutes } from './kong/kong-routes.ts';
import { createMetrics } from './metrics/metrics.ts';
import { SlabTotals } from './metrics/slab-totals.ts';
import { NodeDirectory } from './node-directory.ts';
import { makePlan } from './plan.ts';
import { runPreflight } from './preflight.ts';
import { readinessChecks } from './readiness.ts';
import { RecentTraffic } from './recent-traffic.ts';
import { RolloutService } from './rollout-service.ts';
import { RouteDirectory } from './route-directory.ts';
import { Sampler } from './sampler.ts';
import { SignalDesk } from './signals.ts';
import { SlowThresholds } from './slow-thresholds.ts';
import { SplitPublisher } from './split-publisher.ts';
import { type StatusView, statusView } from './status.ts';
import { DurableStore } from './store/durable-store.ts';
import { openSqliteStore } from './store/sqlite-store.ts';
import type { StoreProblem } from './store/store-result.ts';
import { SupervisorLink } from './supervisor-link.ts';
import { WorkerWatch } from './worker-watch.ts';

/** Newest records that are checked against their hash chain at the start: a day's worth, in milliseconds. */
const verifiedRecords = 1_000;
/** Between attempts to get the API's port back after a restart of this thread. */
const listenRetryMs = 500;

type Configure = Extract<ToControl, { type: 'configure' }>;
type Api = Awaited<ReturnType<typeof createControlApi>>['app'];

export class ControlThread {
  readonly #start: ControlStart;
  readonly #post: (message: FromControl) => void;
  readonly #clock: Clock = systemClock;
  readonly #startedAtMs = systemClock.monotonicMs();
  readonly #version = packageVersion();
  readonly #cell: SplitCell;
  readonly #sink: SplitPublisher;
  readonly #events: EventLog;
  readonly #store: DurableStore;
  readonly #directory: NodeDirectory;
  readonly #supervisor: SupervisorLink;
  readonly #routes: RouteDirectory;
  readonly #judge: Judge;
  readonly #signals: SignalDesk;
  readonly #health: HealthChecks;
  readonly #workers: WorkerWatch;
  readonly #breakers: BreakerWatch;
  readonly #slowThresholds: SlowThresholds;
  readonly #traffic = new RecentTraffic();
  readonly #evidence: EvidenceKeeper;
  readonly #rollout: RolloutService;
  readonly #housekeeping: Housekeeping;
  readonly #loop: ControlLoop;
  #config: Config;
  #configRevision: number;
  #draining = false;
  #stopping = false;
  #timer: NodeJS.Timeout | null = null;
  #api: Api | null = null;

  constructor(start: ControlStart, post: (message: FromControl) => void) {
    const { memory } = start;
    const clock = this.#clock;
    this.#start = start;
    this.#post = post;
    this.#config = start.config;
    this.#configRevision = start.configRevision;
    this.#cell = new SplitCell(memory.split);
    this.#sink = new SplitPublisher(this.#cell);
    this.#events = new EventLog({ epochMs: clock.epochMs, log: (line) => this.#log(line) });
    this.#store = this.#openStore();
    this.#directory = new NodeDirectory(memory, start.nodes);
    this.#supervisor = new SupervisorLink(post);
    this.#routes = new RouteDirectory(start.routes, memory.parkedRoutes, (routes) =>
      post({ type: 'routes', routes }),
    );
    this.#judge = new Judge(start.config.thresholds, clock.monotonicMs, start.config.metrics, this.#routes);
    this.#signals = this.#createSignals();
    this.#health = new HealthChecks({
      directory: this.#directory,
      events: this.#events,
      settings: () => this.#config.health,
      random: Math.random,
    });
    this.#workers = new WorkerWatch(memory);
    this.#breakers = new BreakerWatch(memory);
    this.#slowThresholds = new SlowThresholds(memory);
    this.#evidence = this.#createEvidence();
    this.#rollout = this.#createRollout();
    this.#housekeeping = new Housekeeping({
      store: this.#store,
      traffic: this.#traffic,
      workers: this.#workers,
      analysisSnapshot: () => this.#judge.snapshot(this.#rollout.state),
      rolloutState: () => this.#rollout.state,
      verdict: () => this.#judge.verdict,
      epochMs: clock.epochMs,
    });
    this.#loop = new ControlLoop({
      clock,
      source: new Sampler(memory, this.#cell),
      observe: (sample) => {
        this.#slowThresholds.publish(this.#judge);
        this.#housekeeping.observe(sample);
        this.#evidence.observe(sample);
      },
      judge: this.#judge,
      facts: (nowMs) => this.#facts(nowMs),
      rollout: this.#rollout,
    });
  }

  /** Publishes the split that was recorded, then everything else; posts `ready` when the API listens. */
  async run(): Promise<void> {
    this.#signals.restore();
    this.#evidence.restore();
    // The checks of a start that was interrupted are run again at once, and probe the nodes that are known by then.
    this.#health.start();
    this.#rollout.resume();
    this.#restoreAnalysis();
    this.#reportStart();
    void this.#learnRoutes();
    this.#timer = setInterval(() => this.#tick(), tickMs);
    this.#api = (await createControlApi(this.#apiContext())).app;
    const controlPort = await this.#listen(this.#api);
    if (controlPort === null) return;
    this.#post({ type: 'ready', controlPort });
    if (this.#start.generation === 0) this.#autostart();
  }

  receive(message: ToControl): void {
    switch (message.type) {
      case 'configure':
        this.#configure(message);
        return;
      case 'reload-result':
      case 'nodes-applied':
        this.#supervisor.receive(message);
        return;
      case 'route-seen':
        this.#routes.seen(message.key, message.name);
        return;
      case 'samples':
        this.#supervisor.receive(message);
        return;
      case 'lifecycle':
        this.#events.add(lifecycleEvent(message));
        return;
      case 'draining':
        this.#draining = true;
        this.#events.add({ name: 'draining', text: 'The proxy is shutting down.' });
        return;
      case 'stop':
        void this.#stop();
        return;
      default:
        unreachable(message);
    }
  }

  #tick(): void {
    this.#signals.tick();
    this.#loop.tick();
    this.#housekeeping.tick(this.#clock.monotonicMs());
  }

  #log(line: LogLine): void {
    this.#post({ type: 'log', line });
  }

  /** Opens the store; one that cannot be opened is reported, and tried again in the background. */
  #openStore(): DurableStore {
    const events = this.#events;
    const store = new DurableStore({
      open: () => openSqliteStore(this.#config.store.sqlite),
      onChange: (problem) => this.#storeChanged(problem),
      reconcileIds: (lastId, firstQueuedId) => events.reconcileIds(lastId, firstQueuedId),
    });
    const lastEventId = store.lastEventId();
    if (lastEventId.ok) events.reconcileIds(lastEventId.value, null);
    events.keepIn((event) => store.appendEvent(event));
    return store;
  }

  #storeChanged(problem: StoreProblem | null): void {
    if (problem !== null) {
      this.#events.add({ name: 'store-unavailable', level: 'error', text: problem.text, detail: problem });
      return;
    }
    this.#events.add({ name: 'store-recovered', text: 'The store takes writes again.' });
    this.#signals.restore();
    this.#rollout.storeCameBack();
  }

  #createSignals(): SignalDesk {
    return new SignalDesk({
      config: () => this.#config,
      clock: this.#clock,
      events: this.#events,
      settings: this.#store,
      random: Math.random,
      rolloutState: () => this.#rollout.state,
      verdict: () => this.#judge.verdict,
      count: (...sample) => this.#judge.countBusiness(...sample),
    });
  }

  #createEvidence(): EvidenceKeeper {
    return new EvidenceKeeper({
      store: this.#store,
      events: this.#events,
      directory: this.#directory,
      routeName: (slot) => this.#routes.nameOf(slot),
      verdict: () => this.#judge.verdict,
      configRevision: () => this.#configRevision,
      failureSamples: () => this.#supervisor.failureSamples(),
      epochMs: this.#clock.epochMs,
    });
  }

  #createRollout(): RolloutService {
    const preflightSources = {
      directory: this.#directory,
      probeAll: () => this.#health.probeAll(),
      storeProblem: () => this.#store.problem?.text ?? null,
    };
    return new RolloutService({
      step,
      sink: this.#sink,
      keeper: this.#store,
      events: this.#events,
      analysis: this.#judge,
      preflight: async () =>
        (await Promise.all([runPreflight(preflightSources), this.#signals.preflight()])).flat(),
      signals: () => this.#signals.facts(),
      parking: this.#routes,
      epochMs: this.#clock.epochMs,
      onTransition: (transition) => {
        const { phase } = transition.to;
        this.#signals.transition(transition);
        this.#evidence.onTransition(transition);
        if (phase === 'completed' || phase === 'reverted') this.#post({ type: 'rollout-ended', phase });
      },
    });
  }

  #facts(nowMs: number): TickFacts {
    return {
      breakerOpenMs: this.#breakers.openMs(nowMs),
      healthyNodesX: this.#directory.usableCount('x'),
      healthyNodesY: this.#directory.usableCount('y'),
      storeWritable: this.#store.writable,
      signals: this.#signals.facts(),
    };
  }

  /**
   * Routes as they are configured; else by Kong's own list when its Admin API is given, so that a bad one is named as
   * Kong's operators know it; else as they are seen.
   */
  async #learnRoutes(): Promise<void> {
    const { clusters, routing } = this.#config;
    const { admin } = clusters.x;
    if (routing.routes.length > 0) {
      this.#routes.usePatterns(routing.routes);
    } else if (admin === null) {
      this.#routes.useSeen();
    } else {
      await this.#learnKongRoutes(admin);
    }
    const unknown = this.#routes.unknownParked();
    if (unknown.length === 0) return;
    const text = `${unknown.join(', ')}: parked, but no such route is known any more, so its requests follow the split.`;
    this.#events.add({ name: 'parked-route-unknown', level: 'error', text, detail: { routes: unknown } });
  }

  async #learnKongRoutes(admin: string): Promise<void> {
    try {
      const patterns = patternsOf(await readKongRoutes(admin));
      // A reload may have brought patterns while Kong was asked.
      if (this.#config.routing.routes.length > 0) return;
      const leftOut = this.#routes.usePatterns(patterns);
      const text = `${this.#routes.count} routes of Kong are compared one by one, ${leftOut} together with the rest.`;
      this.#events.add({ name: 'routes-learned', text, detail: { count: this.#routes.count, leftOut } });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const text = `Kong's routes could not be read, routes are told apart by host and first path segment: ${why}.`;
      this.#events.add({ name: 'routes-unknown', level: 'warn', text });
    }
  }

  #restoreAnalysis(): void {
    const kept = this.#store.loadAnalysis();
    if (kept.ok && kept.value !== null) this.#judge.restore(kept.value.snapshot, this.#rollout.state);
  }

  #reportStart(): void {
    const { generation } = this.#start;
    const { phase, weightPpm } = this.#rollout.state;
    const configVersion = this.#keepConfig();
    this.#events.add({
      name: generation === 0 ? 'started' : 'control-restarted',
      text: `Crossover ${this.#version} ${generation === 0 ? 'started' : 'has a new control thread'}: rollout ${phase}, ${weightPpm / 10_000} % on Y.`,
      detail: {
        generation,
        phase,
        weight: weightPpm / 10_000,
        configRevision: this.#configRevision,
        configVersion,
      },
    });
    const { problem } = this.#store;
    if (problem !== null) this.#storeChanged(problem);
    const broken = this.#store.verifyRecord(verifiedRecords);
    if (broken.ok && broken.value !== null) {
      this.#events.add({ name: 'record-broken', level: 'error', text: broken.value });
    }
  }

  /** The number under which the config is on record; null while the store does not work. */
  #keepConfig(): number | null {
    const kept = this.#store.saveConfig(this.#clock.epochMs(), withoutSecrets(this.#config));
    return kept.ok ? kept.value : null;
  }

  /**
   * The port, or null when it could not be had. A first thread gives up, and with it the process, because an operator is
   * watching; a replacement keeps trying, because the rollout it controls must go on.
   */
  async #listen(api: Api): Promise<number | null> {
    const { host, port: configured } = this.#config.listen.control;
    // Where the system chose the port, people and scripts know the one that the thread before had.
    let port = this.#start.controlPort || configured;
    while (!this.#stopping) {
      try {
        await api.listen({ host, port });
        const address = api.server.address();
        return typeof address === 'object' && address !== null ? address.port : port;
      } catch (error) {
        const { code = 'UNKNOWN', message } = error as NodeJS.ErrnoException;
        if (this.#start.generation === 0) {
          this.#post({ type: 'failed-to-listen', code, message });
          return null;
        }
        this.#log({
          level: 'error',
          message: 'the control API cannot listen yet',
          fields: { code, error: message },
        });
        // A port that the system chose may be somebody else's by now; then any other is better than none.
        port = configured;
        await delay(listenRetryMs);
      }
    }
    return null;
  }

  /** Only from a clean slate: a rollout that was reverted or completed is not started again by a restart. */
  #autostart(): void {
    const { state } = this.#rollout;
    if (!this.#config.rollout.autostart || state.phase !== 'idle' || state.weightPpm > 0) return;
    const startedAtMs = this.#clock.epochMs();
    const origin = { startedAtMs, startedBy: 'crossover', reason: 'rollout.autostart is on' };
    const made = makePlan(this.#config.rollout, {}, { ...newRollout(), ...origin });
    const outcome = made.ok
      ? this.#rollout.dispatch({ type: 'start', atMs: startedAtMs, plan: made.plan })
      : null;
    if (outcome?.ok === true) return;
    this.#events.add({
      name: 'autostart-failed',
      level: 'error',
      text: 'The rollout could not be started by itself.',
    });
  }

  #configure({ config, configRevision, nodes, changed }: Configure): void {
    const thresholdsChanged = JSON.stringify(config.thresholds) !== JSON.stringify(this.#config.thresholds);
    const metricsChanged = JSON.stringify(config.metrics) !== JSON.stringify(this.#config.metrics);
    const routesOf = ({ routing, clusters }: Config) => JSON.stringify([routing.routes, clusters.x.admin]);
    const routesChanged = routesOf(config) !== routesOf(this.#config);
    this.#config = config;
    this.#configRevision = configRevision;
    if (routesChanged) void this.#learnRoutes();
    if (metricsChanged) this.#judge.setMetrics(config.metrics);
    this.#directory.replace(nodes);
    const configVersion = this.#keepConfig();
    this.#events.add({
      name: 'config-reloaded',
      text: `The config was reloaded; changed: ${changed.join(', ') || 'nothing'}.`,
      detail: { configRevision, configVersion, changed },
    });
    if (!thresholdsChanged || this.#judge.setThresholds(config.thresholds)) return;
    const text = 'The thresholds have changed: evidence is gathered anew.';
    this.#events.add({ name: 'analysis-restarted', text });
  }

  #status(): StatusView {
    const nowMs = this.#clock.monotonicMs();
    const { x, y } = this.#config.clusters;
    return statusView({
      state: this.#rollout.state,
      split: this.#sink.current(),
      labels: { x: x.label, y: y.label },
      traffic: this.#traffic.read(),
      nodes: (cluster) => this.#directory.views(cluster),
      verdict: this.#judge.verdict,
      signals: this.#signals.view(),
      workers: this.#workers.views(nowMs),
      store: this.#store,
      configRevision: this.#configRevision,
      version: this.#version,
      uptimeMs: nowMs - this.#startedAtMs,
    });
  }

  #readiness(): readonly ReadinessCheck[] {
    return readinessChecks({
      published: this.#cell.epoch() > 0,
      draining: this.#draining,
      workersAlive: this.#workers.aliveCount(this.#clock.monotonicMs()),
      workerCount: this.#start.memory.slabs.length,
      storeProblem: this.#store.problem?.text ?? null,
    });
  }

  #apiContext(): ApiContext {
    const metrics = createMetrics({
      totals: new SlabTotals(this.#start.memory),
      directory: this.#directory,
      sink: this.#sink,
      rolloutState: () => this.#rollout.state,
      verdict: () => this.#judge.verdict,
      workers: () => this.#workers.views(this.#clock.monotonicMs()),
      store: this.#store,
      signals: this.#signals,
      version: this.#version,
    });
    return {
      clock: this.#clock,
      config: () => this.#config,
      rollout: this.#rollout,
      sink: this.#sink,
      events: this.#events,
      store: this.#store,
      directory: this.#directory,
      signals: this.#signals,
      supervisor: this.#supervisor,
      status: () => this.#status(),
      verdict: () => this.#judge.verdict,
      readiness: () => this.#readiness(),
      metrics: () => metrics.metrics(),
      version: this.#version,
      log: (line) => this.#log(line),
      newRollout,
    };
  }

  async #stop(): Promise<void> {
    this.#stopping = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#supervisor.close();
    await this.#evidence.settled();
    await Promise.all([this.#api?.close(), this.#health.stop(), this.#signals.stop()]);
    this.#housekeeping.flush();
    this.#store.saveAnalysis(this.#clock.epochMs(), this.#judge.snapshot(this.#rollout.state));
    this.#store.close();
    this.#post({ type: 'stopped' });
  }
}

const newRollout = () => ({ id: randomUUID(), salt: randomInt(2 ** 32) | 0 });

/** Problems of a config as `check` prints them, anything else as `name value` pairs. */
function detailText(detail: Readonly<Record<string, unknown>>): string {
  const { problems } = detail;
  if (!Array.isArray(problems)) {
    return Object.entries(detail)
      .map(([name, value]) => `${name} ${String(value)}`)
      .join(', ');
  }
  return (problems as readonly ConfigProblem[])
    .map(({ file, line, column, path, message }) => `${file}:${line}:${column}: ${path}: ${message}`)
    .join('; ');
}

function lifecycleEvent({ name, detail }: Extract<ToControl, { type: 'lifecycle' }>) {
  return {
    name,
    level: 'warn',
    text: `${name.replaceAll('-', ' ')}: ${detailText(detail)}.`,
    detail,
  } as const;
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function main(port: MessagePort): void {
  const thread = new ControlThread(workerData as ControlStart, (message) => port.postMessage(message));
  port.on('message', (message: ToControl) => thread.receive(message));
  void thread.run();
}

if (!isMainThread && parentPort !== null) main(parentPort);
