// Entry and wiring of a proxy worker: one event loop, one listener, its connections. Counts; decides nothing.
import { flushCompileCache } from 'node:module';
import { isMainThread, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { assert, unreachable } from '#src/base/assert.ts';
import { RouteTable } from '#src/core/routing/route-slots.ts';
import { WORKER, X, Y } from '#src/shared-memory/layout.ts';
import type { FromWorker, LogLine, ToWorker, WorkerStart } from '#src/shared-memory/messages.ts';
import { ClientRegistry } from './client/client-registry.ts';
import { Listener } from './client/listener.ts';
import { Places } from './client/places.ts';
import { ExchangePool } from './exchange-pool.ts';
import { tcpHandleProblem } from './transport/tcp-self-test.ts';
import { resolveEveryMs, resolveNodes } from './upstream/name-resolver.ts';
import { coarseTickMs, WorkerRuntime } from './worker-runtime.ts';

/**
 * How long idle clients are left alone when draining: a request that is on its way must not meet a closed
 * connection.
 */
const idleGraceMs = 1_000;
/** Names are resolved before the first request, but a slow resolver must not hold the start up for longer. */
const firstResolveMs = 2_000;

class ProxyWorker {
  readonly #runtime: WorkerRuntime;
  readonly #registry: ClientRegistry;
  readonly #listener: Listener;
  readonly #post: (message: FromWorker) => void;
  #lastTickMs: number;
  #nextResolveMs: number;
  #drainSinceMs: number;
  #drainUntilMs: number;
  #isDrained: boolean;

  constructor(start: WorkerStart, post: (message: FromWorker) => void) {
    this.#post = post;
    this.#runtime = new WorkerRuntime(start, (line) => post({ type: 'log', line }));
    this.#runtime.reportRoute = (key, name) => post({ type: 'route-seen', key, name });
    this.#runtime.reportSuspect = (group, client) => post({ type: 'suspect-seen', group, client });
    const { slab, allSlabs } = this.#runtime;
    for (let gauge = WORKER.connectionsOpen; gauge <= WORKER.breakerOpenSinceMs; gauge++) slab[gauge] = 0;
    slab[WORKER.pendingX] = 0;
    slab[WORKER.pendingY] = 0;
    slab[WORKER.listening] = 0;
    this.#registry = new ClientRegistry(slab, allSlabs);
    const places = new Places(this.#runtime, this.#registry);
    this.#runtime.makeRoom = (node) => places.forNode(node);
    this.#listener = new Listener(this.#runtime, this.#registry, new ExchangePool(this.#runtime), places);
    this.#lastTickMs = performance.now();
    this.#nextResolveMs = this.#lastTickMs + resolveEveryMs;
    this.#drainSinceMs = 0;
    this.#drainUntilMs = 0;
    this.#isDrained = false;
  }

  /** Everything that takes time and can be done before the first request. */
  async prepare(): Promise<void> {
    const runtime = this.#runtime;
    const resolving = resolveNodes(runtime.clusters, runtime.log);
    await Promise.race([resolving, new Promise((resolve) => setTimeout(resolve, firstResolveMs).unref())]);
    setInterval(() => this.#tick(), coarseTickMs);
    flushCompileCache();
    this.#post({ type: 'prepared' });
  }

  async #listen(port: number, descriptors: readonly number[]): Promise<void> {
    const runtime = this.#runtime;
    try {
      const { proxy, shared } = runtime.config.listen;
      const { host } = proxy;
      const isShared = shared || runtime.allSlabs.length > 1;
      const bound =
        descriptors.length === 0
          ? [await this.#listener.bind({ host, port }, isShared)]
          : await Promise.all(descriptors.map((descriptor) => this.#listener.adopt(descriptor)));
      const boundPort = bound[0]?.port ?? port;
      runtime.setListenPort(boundPort);
      runtime.slab[WORKER.listening] = 1;
      const own = bound.map(({ descriptor }) => descriptor);
      this.#post({ type: 'listening', port: boundPort, descriptors: own });
    } catch (error) {
      const { code = 'UNKNOWN', message } = error as NodeJS.ErrnoException;
      this.#post({ type: 'failed-to-listen', code, message });
    }
  }

  /** When everything goes to X again, nobody has to wait for a Y that may hang. */
  #followRevert(): void {
    const runtime = this.#runtime;
    if (runtime.weightPpm > 0 || !runtime.hadShare || !runtime.clusters[X].hasEligibleNode) return;
    runtime.hadShare = false;
    for (const connection of this.#registry.those(({ node }) => node?.arm === Y)) connection.giveUpY();
  }

  #tick(): void {
    const nowMs = performance.now();
    const runtime = this.#runtime;
    const { slab } = runtime;
    const delayMs = nowMs - this.#lastTickMs - coarseTickMs;
    this.#lastTickMs = nowMs;
    if (delayMs > (slab[WORKER.loopDelayMsMax] as number)) slab[WORKER.loopDelayMsMax] = delayMs;
    slab[WORKER.heartbeat] = (slab[WORKER.heartbeat] as number) + 1;
    // A worker without requests must not miss that Y had no share for a while.
    runtime.refreshSplit();
    this.#followRevert();
    runtime.wheel.advance(nowMs);
    runtime.date.refresh(Date.now());
    for (const cluster of runtime.clusters) cluster.refresh(nowMs);
    runtime.inFlight.countCrossings(nowMs);
    if (slab[WORKER.listening] === 1) this.#listener.lookForDescriptor();
    if (nowMs >= this.#nextResolveMs) {
      this.#nextResolveMs = nowMs + resolveEveryMs;
      void resolveNodes(runtime.clusters, runtime.log);
    }
    if (runtime.isDraining) this.#drainOn(nowMs);
  }

  onMessage(message: ToWorker): void {
    const runtime = this.#runtime;
    switch (message.type) {
      case 'listen':
        void this.#listen(message.port, message.descriptors);
        return;
      case 'configure':
        runtime.configure(message.config, message.configRevision, message.nodes);
        void resolveNodes(runtime.clusters, runtime.log);
        this.#post({ type: 'configured', configRevision: message.configRevision });
        return;
      case 'nodes':
        runtime.assignNodes(message.nodes);
        void resolveNodes(runtime.clusters, runtime.log);
        return;
      case 'routes':
        runtime.routes = new RouteTable(message.routes);
        return;
      case 'report-samples':
        this.#post({ type: 'samples', requestId: message.requestId, samples: runtime.requestSamples.list() });
        return;
      case 'drain':
        this.#drain(message.deadlineMs);
        return;
      default:
        unreachable(message);
    }
  }

  /**
   * Stop accepting, finish what is under way, say Connection: close, and cut what is left at the deadline.
   */
  #drain(deadlineMs: number): void {
    if (this.#runtime.isDraining) return;
    this.#runtime.isDraining = true;
    this.#drainSinceMs = performance.now();
    this.#drainUntilMs = this.#drainSinceMs + deadlineMs;
    this.#stopAccepting();
  }

  #stopAccepting(): void {
    this.#runtime.slab[WORKER.listening] = 0;
    this.#listener.close();
  }

  #drainOn(nowMs: number): void {
    if (nowMs - this.#drainSinceMs >= Math.min(idleGraceMs, this.#drainUntilMs - this.#drainSinceMs)) {
      this.#registry.closeIdle();
    }
    const cut = nowMs >= this.#drainUntilMs ? this.#registry.cutAll() : 0;
    if (this.#registry.size > 0 || this.#isDrained) return;
    this.#isDrained = true;
    this.#post({ type: 'drained', cutExchanges: cut });
  }
}

async function main(port: MessagePort, start: WorkerStart): Promise<void> {
  const post = (message: FromWorker): void => port.postMessage(message);
  // What comes while the sockets are being tried waits for the worker.
  const early: ToWorker[] = [];
  let onMessage = (message: ToWorker): void => void early.push(message);
  port.on('message', (message: ToWorker) => onMessage(message));
  const problem = start.transport === 'raw' ? await tcpHandleProblem() : null;
  if (problem !== null) post({ type: 'log', line: fallBackLine(problem) });
  const worker = new ProxyWorker(problem === null ? start : { ...start, transport: 'stream' }, post);
  onMessage = (message) => worker.onMessage(message);
  for (const message of early) onMessage(message);
  await worker.prepare();
}

const fallBackLine = (problem: string): LogLine => ({
  level: 'warn',
  message: "Node's TCP handles cannot be used: the worker takes the sockets of node:net, which cost more CPU",
  fields: { problem, node: process.version },
});

assert(!isMainThread && parentPort !== null, 'a worker runs in a worker thread');
const port = parentPort;
const start = workerData as WorkerStart | null;
// A thread that was started ahead is told later.
if (start === null) port.once('message', (told: WorkerStart) => void main(port, told));
else await main(port, start);
