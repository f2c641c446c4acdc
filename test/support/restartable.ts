// The real `crossover serve` in processes of their own, of which one replaces the other: what they log can be
// waited for, and whatever is left is ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { controlToken } from './control.ts';
import { quickPlace } from './quick-place.ts';
import { servePorts } from './serve-ports.ts';
import { Signal } from './signal.ts';

const entry = fileURLToPath(new URL('../../bin/crossover.js', import.meta.url));

/** A line of the log; which process wrote it, and what. */
export interface Logged {
  readonly pid: number;
  readonly msg: string;
  readonly successor?: number;
  readonly reason?: string;
}

export interface RestartableOptions {
  readonly workers: number;
  readonly xPort: number;
  readonly yPort: number;
  /** Descriptor of a listening socket, passed as a service manager does. */
  readonly descriptor?: number;
}

export class Restartable {
  readonly log: Logged[] = [];
  readonly #folder = mkdtempSync(join(quickPlace, 'crossover-restart-'));
  readonly #signal = new Signal();
  readonly #pids = new Set<number>();
  #rest = '';
  /** The process that serves. */
  pid = 0;

  get configFile(): string {
    return join(this.#folder, 'crossover.yaml');
  }

  configure({ workers, xPort, yPort }: RestartableOptions, control = '127.0.0.1:0'): void {
    writeFileSync(
      this.configFile,
      `listen: { proxy: 127.0.0.1:0, control: ${control} }
workers: ${workers}
clusters:
  x: { label: x, nodes: [http://127.0.0.1:${xPort}] }
  y: { label: y, nodes: [http://127.0.0.1:${yPort}] }
timeouts: { drain: 1h }
control: { token: ${controlToken} }
store: { sqlite: ${JSON.stringify(join(this.#folder, 'crossover.db'))} }
`,
    );
  }

  /** Starts a process that nothing precedes; resolves when it serves. */
  async start(
    options: RestartableOptions,
  ): Promise<{ port: number; controlPort: number; child: ChildProcess }> {
    const { descriptor } = options;
    this.configure(options);
    // Only the process itself knows what LISTEN_PID has to be before it runs.
    const shell = descriptor === undefined ? 'exec "$0" "$@"' : 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"';
    const inherited = descriptor === undefined ? [] : [descriptor];
    const child = spawn(
      '/bin/sh',
      ['-c', shell, process.execPath, entry, 'serve', '--config', this.configFile],
      {
        stdio: ['ignore', 'pipe', 'pipe', ...inherited],
      },
    );
    this.pid = child.pid ?? 0;
    this.#pids.add(this.pid);
    const printed = { out: '', err: '' };
    child.stdout?.on('data', (text: Buffer) => {
      printed.out += text;
      this.#signal.notify();
    });
    child.stderr?.on('data', (text: Buffer) => {
      printed.err += text;
      this.#read(String(text));
    });
    child.once('exit', this.#signal.notify);
    await this.#signal.until(
      () => servePorts(printed) !== null || child.exitCode !== null,
      'the ports',
      () => printed,
    );
    const ports = servePorts(printed);
    if (ports === null) throw new Error(`did not start: ${printed.err}`);
    return { port: ports[0], controlPort: ports[1], child };
  }

  #read(text: string): void {
    const lines = `${this.#rest}${text}`.split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('{')) continue;
      const logged = JSON.parse(line) as Logged;
      this.log.push(logged);
      if (logged.successor !== undefined) this.#pids.add(logged.successor);
    }
    this.#signal.notify();
  }

  /** Resolves with the first line from `from` on that satisfies the predicate. */
  async logged(predicate: (line: Logged) => boolean, from = 0): Promise<Logged> {
    const find = () => this.log.slice(from).find(predicate);
    await this.#signal.until(
      () => find() !== undefined,
      `a line of the log: ${predicate}`,
      () => this.log.slice(-8),
    );
    return find() as Logged;
  }

  /** SIGUSR2; resolves when the successor serves, with how long that took, or with why there is none. */
  async replace(): Promise<{ reason: string | null; tookMs: number }> {
    const from = this.log.length;
    const startedAtMs = performance.now();
    process.kill(this.pid, 'SIGUSR2');
    const line = await this.logged(({ msg }) => /^(replaced|not replaced);/.test(msg), from);
    if (line.successor !== undefined) this.pid = line.successor;
    return { reason: line.reason ?? null, tookMs: performance.now() - startedAtMs };
  }

  /** SIGTERM to the process that serves; resolves when it has drained. */
  async terminate(): Promise<void> {
    const { pid } = this;
    process.kill(pid, 'SIGTERM');
    await this.logged((line) => line.pid === pid && line.msg.startsWith('stopped;'));
  }

  /** Ends whatever is left. */
  stop(): void {
    for (const pid of this.#pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
