// Runs a cluster of Kong look-alikes in a process of its own, which is broken, killed and started again on
// the same ports.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClusterFault } from '#src/demo/cluster-fault.ts';

export interface KongOptions {
  /** Kong version to look like; `Server` or `Via` carries it. */
  readonly version: string;
  readonly seed: number;
  /** Listeners on 127.0.0.1; 0 takes a free port. */
  readonly ports: readonly number[];
  readonly latencyMsMedian: number;
  /** Standard deviation of the latency's natural logarithm. */
  readonly latencySigma: number;
  /** Share of requests that the services fail without any fault, 0..1. */
  readonly errorShare: number;
  readonly recordPath: string;
}

export interface KongOrder {
  readonly fault: ClusterFault;
}

export type KongReport =
  | { readonly type: 'listening'; readonly ports: readonly number[] }
  | { readonly type: 'done' };

const entry = fileURLToPath(new URL('./kong-child.ts', import.meta.url));

export class KongProcess {
  #options: KongOptions;
  #child: ChildProcess | null = null;

  constructor(options: Omit<KongOptions, 'ports' | 'recordPath'> & { readonly nodeCount: number }) {
    const { nodeCount, ...rest } = options;
    const recordPath = join(mkdtempSync(join(tmpdir(), 'kong-')), 'tokens');
    writeFileSync(recordPath, '');
    this.#options = { ...rest, recordPath, ports: Array.from({ length: nodeCount }, () => 0) };
  }

  get ports(): readonly number[] {
    return this.#options.ports;
  }

  async start(): Promise<void> {
    this.#child = fork(entry, [JSON.stringify(this.#options)], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    const report = await this.#report();
    if (report.type === 'listening') this.#options = { ...this.#options, ports: report.ports };
  }

  /** Resolves when the next request meets the fault. */
  async setFault(fault: ClusterFault): Promise<void> {
    this.#child?.send({ fault } satisfies KongOrder);
    await this.#report();
  }

  async #report(): Promise<KongReport> {
    const child = this.#child;
    if (child === null) throw new Error('the cluster does not run');
    const [report] = (await once(child, 'message')) as [KongReport];
    return report;
  }

  /** As kill -9 does. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** The `x-token` of every request it was ever given, in order. */
  tokens(): string[] {
    return readFileSync(this.#options.recordPath, 'utf8').split('\n').filter(Boolean);
  }

  /** Kills it and forgets its record. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(dirname(this.#options.recordPath), { recursive: true, force: true });
  }
}
