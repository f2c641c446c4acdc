// `crossover serve` in a process of its own, on a store that the test chooses and a disk that may fail: what
// it prints can be waited for, its API be asked, and whatever is left is ended with the test.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../bench/process/children.ts';
import { authorization, controlToken } from './control.ts';
import type { FaultyDisk } from './disk-fault.ts';

const entry = fileURLToPath(new URL('../../bin/crossover.js', import.meta.url));

export interface ServedOptions {
  /** Where its configuration goes. */
  readonly folder: string;
  readonly store: string;
  readonly disk?: FaultyDisk;
  readonly xPort?: number;
  readonly yPort?: number;
  /** Where its API listens; one that is free unless given. */
  readonly controlPort?: number;
  /** YAML after the rest. */
  readonly yaml?: string;
  readonly storeYaml?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Where to say what is to be done in the end: a test's context, or something like it. */
export interface Cleanup {
  after(action: () => void): void;
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  readonly body: any;
}

export class ServedProcess {
  readonly child: ChildProcess;
  /** Resolves with the exit code, or null when a signal ended it, once all it printed was read. */
  readonly ended: Promise<number | null>;
  out = '';
  err = '';
  /** Of the process that serves, which may be a successor by now. */
  pid: number;
  readonly #waiting = new Set<() => void>();
  #hasEnded = false;

  /** Where its API listens, once it does. */
  readonly #controlPort: number;

  static async start(t: Cleanup, options: ServedOptions): Promise<ServedProcess> {
    const [free = 0] = options.controlPort === undefined ? await freePorts(1) : [];
    return new ServedProcess(t, { controlPort: free, ...options });
  }

  private constructor(t: Cleanup, options: ServedOptions & { readonly controlPort: number }) {
    const {
      folder,
      store,
      disk,
      xPort = 1,
      yPort = 2,
      controlPort,
      yaml = '',
      storeYaml = '',
      env = {},
    } = options;
    this.#controlPort = controlPort;
    const file = join(folder, `crossover-${controlPort}.yaml`);
    writeFileSync(
      file,
      `listen: { proxy: 127.0.0.1:0, control: 127.0.0.1:${controlPort} }
workers: 1
clusters:
  x: { label: x, nodes: ['http://127.0.0.1:${xPort}'] }
  y: { label: y, nodes: ['http://127.0.0.1:${yPort}'] }
timeouts: { drain: 5s }
control: { token: ${controlToken} }
store: { sqlite: ${JSON.stringify(store)}${storeYaml} }
${yaml}`,
    );
    const args = [...(disk?.nodeArgs ?? []), entry, 'serve', '--config', file];
    this.child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...disk?.env, ...env },
    });
    this.pid = this.child.pid ?? 0;
    t.after(() => this.#killAll());
    const { stdout, stderr } = this.child;
    assert.ok(stdout !== null && stderr !== null);
    stdout.on('data', (piece: Buffer) => this.#printed('out', piece));
    stderr.on('data', (piece: Buffer) => this.#printed('err', piece));
    this.ended = once(this.child, 'close').then(([exitCode]) => {
      this.#hasEnded = true;
      this.#tell();
      return exitCode as number | null;
    });
  }

  #printed(to: 'out' | 'err', piece: Buffer): void {
    this[to] += piece;
    this.#tell();
  }

  #tell(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** SIGUSR2; resolves with whether another process serves now. */
  async replace(): Promise<boolean> {
    const from = this.err.length;
    process.kill(this.pid, 'SIGUSR2');
    const line = /"msg":"(replaced; draining|not replaced; this process goes on)"/;
    for (;;) {
      const rest = this.err.slice(from);
      const said = line.exec(rest)?.[1];
      if (said === 'not replaced; this process goes on') return false;
      const successor = /"successor":(\d+)/.exec(rest)?.[1];
      if (said !== undefined && successor !== undefined) {
        this.pid = Number(successor);
        return true;
      }
      assert.ok(!this.#hasEnded, `ended before it was replaced:\n${this.err}`);
      await this.#more();
    }
  }

  /** Resolves when it has printed more, or has ended. */
  #more(): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
    });
  }

  #killAll(): void {
    this.child.kill('SIGKILL');
    for (const [, pid] of this.err.matchAll(/"successor":(\d+)/g)) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  }

  /** Resolves with the first match in what it prints; fails when it ends before. */
  async printing(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.out) ?? pattern.exec(this.err);
      if (match !== null) return match;
      assert.ok(!this.#hasEnded, `ended before ${pattern}:\n${this.out}${this.err}`);
      await this.#more();
    }
  }

  /** Resolves with the API's port when it answers: on a slow machine the start is told before. */
  async controlPort(): Promise<number> {
    await this.printing(/control API on /);
    for (;;) {
      const isUp = await fetch(`http://127.0.0.1:${this.#controlPort}/livez`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (isUp) return this.#controlPort;
      assert.equal(this.child.exitCode ?? this.child.signalCode, null, `ended: ${this.err}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`http://127.0.0.1:${await this.controlPort()}${path}`, {
      method,
      headers: {
        connection: 'close',
        authorization,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  }
}
