// Runs token upstreams in processes of their own, which tests stop, kill, and start again on the same port.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('./token-upstream-child.ts', import.meta.url));

export interface UpstreamStart {
  readonly cluster: 'x' | 'y';
  readonly node: string;
  readonly port: number;
  readonly recordPath: string;
  readonly backlog?: number;
}

/** As TokenUpstream has them. */
export interface UpstreamCounts {
  readonly connectionsMost: number;
  readonly damaged: number;
}

export interface KillableOptions {
  /** Connections that may wait for the process to accept them. */
  readonly backlog?: number;
}

export class KillableUpstream {
  readonly #cluster: 'x' | 'y';
  readonly #node: string;
  readonly #options: KillableOptions;
  readonly #recordPath: string;
  #child: ChildProcess | null = null;
  port = 0;

  constructor(cluster: 'x' | 'y', node: string, options: KillableOptions = {}) {
    this.#cluster = cluster;
    this.#node = node;
    this.#options = options;
    this.#recordPath = join(mkdtempSync(join(tmpdir(), 'upstream-')), 'tokens');
    writeFileSync(this.#recordPath, '');
  }

  async start(): Promise<void> {
    const start: UpstreamStart = {
      cluster: this.#cluster,
      node: this.#node,
      port: this.port,
      recordPath: this.#recordPath,
      ...this.#options,
    };
    const child = fork(entry, [JSON.stringify(start)], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    this.#child = child;
    const [port] = (await once(child, 'message')) as [number];
    this.port = port;
  }

  /** What it counted so far. */
  async counts(): Promise<UpstreamCounts> {
    if (this.#child === null) throw new Error('the upstream does not run');
    this.#child.send('counts');
    const [counts] = (await once(this.#child, 'message')) as [UpstreamCounts];
    return counts;
  }

  /** SIGSTOP: connections are made until its backlog is full, and nothing is answered. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** Every token it was ever given, in order. */
  tokens(): string[] {
    return readFileSync(this.#recordPath, 'utf8').split('\n').filter(Boolean);
  }
}
