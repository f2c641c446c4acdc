// Active checks: every node is asked for a page in regular intervals. What several answers in a row agree on
// goes into shared memory, where the workers read it. Any status below 500 is healthy, because Kong answers
// 404 where it has no route.
import type { Config } from '#src/config/config.ts';
import type { EventLog } from '#src/control-plane/events/event-log.ts';
import type { OwnResource } from '#src/core/telemetry/own-shortage.ts';
import type { ClusterName } from '#src/shared-memory/layout.ts';
import type { NodeAssignment } from '#src/shared-memory/messages.ts';
import { nodeHealth } from '#src/shared-memory/shared-memory.ts';
import { armOf, clusterNames, type NodeDirectory } from './node-directory.ts';
import { probeNode } from './node-probe.ts';

type HealthSettings = Pick<
  Config['health'],
  'path' | 'intervalMs' | 'timeoutMs' | 'unhealthyAfter' | 'healthyAfter'
>;

interface HealthOptions {
  readonly directory: NodeDirectory;
  readonly events: EventLog;
  readonly settings: () => HealthSettings;
  /** Uniform in [0, 1): spreads the probes over the interval. */
  readonly random: () => number;
}

interface Probed {
  readonly cluster: ClusterName;
  readonly node: NodeAssignment;
  timer: NodeJS.Timeout | null;
  goodInARow: number;
  badInARow: number;
  state: number;
}

const keyOf = (cluster: ClusterName, node: NodeAssignment): string =>
  `${cluster} ${node.slot} ${node.host}:${node.port}`;

export class HealthChecks {
  readonly #options: HealthOptions;
  /**
   * Probes that did not reach their node because a resource of ours was short: they say nothing about the
   * node.
   */
  readonly shortages = new Map<OwnResource, number>();
  readonly #probed = new Map<string, Probed>();
  readonly #stopping = new AbortController();

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** Begins to probe the nodes of the directory, and follows its changes. */
  start(): void {
    this.#options.directory.onReplace(() => this.#follow(false));
    this.#follow(true);
  }

  /** Probes every node once, now; resolves when all have answered or timed out. */
  async probeAll(): Promise<void> {
    await Promise.all([...this.#probed.values()].map((probed) => this.#probe(probed)));
  }

  stop(): void {
    this.#stopping.abort();
    for (const key of [...this.#probed.keys()]) this.#forget(key);
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  /**
   * At the start, the findings of an earlier control thread stay valid until the probes say otherwise. A new
   * node is unknown.
   */
  #follow(atStart: boolean): void {
    const { directory } = this.#options;
    const wanted = new Map<string, { cluster: ClusterName; node: NodeAssignment }>();
    for (const cluster of clusterNames) {
      for (const node of directory.of(cluster)) wanted.set(keyOf(cluster, node), { cluster, node });
    }
    for (const key of [...this.#probed.keys()]) if (!wanted.has(key)) this.#forget(key);
    for (const [key, { cluster, node }] of wanted) {
      if (this.#probed.has(key)) continue;
      if (!atStart) directory.setHealth(armOf(cluster), node.slot, nodeHealth.unknown);
      this.#begin(key, cluster, node);
    }
  }

  #begin(key: string, cluster: ClusterName, node: NodeAssignment): void {
    const state = this.#options.directory.healthOf(cluster, node);
    const probed: Probed = { cluster, node, timer: null, goodInARow: 0, badInARow: 0, state };
    this.#probed.set(key, probed);
    this.#schedule(probed, this.#options.random() * Math.min(this.#options.settings().intervalMs, 1_000));
  }

  #forget(key: string): void {
    const probed = this.#probed.get(key);
    if (probed === undefined) return;
    this.#probed.delete(key);
    if (probed.timer !== null) clearTimeout(probed.timer);
    if (this.#stopped) return;
    this.#options.directory.setHealth(armOf(probed.cluster), probed.node.slot, nodeHealth.unknown);
  }

  #schedule(probed: Probed, delayMs: number): void {
    if (this.#stopped) return;
    probed.timer = setTimeout(() => void this.#turn(probed), delayMs);
    probed.timer.unref();
  }

  async #turn(probed: Probed): Promise<void> {
    await this.#probe(probed);
    if (!this.#isCurrent(probed)) return;
    const { intervalMs } = this.#options.settings();
    this.#schedule(probed, intervalMs * (0.9 + 0.2 * this.#options.random()));
  }

  async #probe(probed: Probed): Promise<void> {
    const { path, timeoutMs } = this.#options.settings();
    const { host, port } = probed.node;
    const result = await probeNode({ host, port, path, timeoutMs, signal: this.#stopping.signal });
    if (!this.#isCurrent(probed)) return;
    if (result === null || typeof result === 'string') this.#note(probed, result);
    else this.shortages.set(result.shortage, (this.shortages.get(result.shortage) ?? 0) + 1);
  }

  #isCurrent(probed: Probed): boolean {
    return !this.#stopped && this.#probed.get(keyOf(probed.cluster, probed.node)) === probed;
  }

  #note(probed: Probed, failure: string | null): void {
    const settings = this.#options.settings();
    probed.goodInARow = failure === null ? probed.goodInARow + 1 : 0;
    probed.badInARow = failure === null ? 0 : probed.badInARow + 1;
    const first = probed.state === nodeHealth.unknown;
    if (failure === null && (first || probed.goodInARow >= settings.healthyAfter)) {
      this.#decide(probed, nodeHealth.healthy, 'it answers');
    }
    if (failure !== null && probed.badInARow >= settings.unhealthyAfter) {
      this.#decide(probed, nodeHealth.unhealthy, failure);
    }
  }

  #decide(probed: Probed, state: number, why: string): void {
    if (probed.state === state) return;
    const first = probed.state === nodeHealth.unknown;
    probed.state = state;
    this.#options.directory.setHealth(armOf(probed.cluster), probed.node.slot, state);
    const healthy = state === nodeHealth.healthy;
    if (first && healthy) return;
    this.#options.events.add({
      name: healthy ? 'node-healthy' : 'node-unhealthy',
      level: healthy ? 'info' : 'warn',
      text: `Node ${probed.node.id} of ${probed.cluster} is ${healthy ? 'healthy again' : 'unhealthy'}: ${why}.`,
      detail: { cluster: probed.cluster, node: probed.node.id },
    });
  }
}
