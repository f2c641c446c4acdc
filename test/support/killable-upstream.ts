// Runs token upstreams in processes of their own, which tests kill and start again on the same port.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('./token-upstream-child.ts', import.meta.url));

export class KillableUpstream {
  readonly #cluster: 'x' | 'y';
  readonly #node: string;
  readonly #recordPath: string;
  #child: ChildProcess | null = null;
  port = 0;

  constructor(cluster: 'x' | 'y', node: string) {
    this.#cluster = cluster;
    this.#node = node;
    this.#recordPath = join(mkdtempSync(join(tmpdir(), 'upstream-')), 'tokens');
    writeFileSync(this.#recordPath, '');
  }

  async start(): Promise<void> {
    const child = fork(entry, [this.#cluster, this.#node, String(this.port), this.#recordPath], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    this.#child = child;
    const [port] = (await once(child, 'message')) as [number];
    this.port = port;
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
