// Starts the processes of a benchmark, each in its own process group and pinned to its core, and makes sure
// that none outlives the run.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';

export interface Child {
  readonly pid: number;
  /** Where stdout and stderr of the process go. */
  readonly logFile: string;
  /** True once the process has ended. */
  ended(): boolean;
  /** SIGTERM, and SIGKILL to the whole group when it takes longer than `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

const running = new Map<number, ChildProcess>();

/** Kills what is left, whatever way the run ends. */
export function killChildrenOnExit(): void {
  process.on('exit', killAll);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => process.exit(130));
  }
}

function killAll(): void {
  for (const pid of running.keys()) killGroup(pid, 'SIGKILL');
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    // The negative id means the group: nginx leaves its workers behind when only the master is killed.
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The command line that runs `command` on the given cores; unchanged when cores are null. */
function pinned(command: readonly string[], cores: string | null): readonly string[] {
  return cores === null ? command : ['taskset', '-c', cores, ...command];
}

/**
 * Starts a process in its own group.
 * @throws when the program cannot be started
 */
export async function startChild(
  command: readonly string[],
  cores: string | null,
  logFile: string,
  cwd?: string,
): Promise<Child> {
  const [program = '', ...args] = pinned(command, cores);
  const log = openSync(logFile, 'a');
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', log, log],
    env: childEnvironment(),
    ...(cwd === undefined ? {} : { cwd }),
  });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  running.set(pid, child);
  child.once('exit', () => {
    running.delete(pid);
    killGroup(pid, 'SIGKILL');
  });
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  return { pid, logFile, ended, stop: (graceMs = 3000) => stopChild(child, pid, ended, graceMs) };
}

async function stopChild(
  child: ChildProcess,
  pid: number,
  ended: () => boolean,
  graceMs: number,
): Promise<void> {
  if (ended()) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const stopped = await Promise.race([exited.then(() => true), delay(graceMs, false, { ref: false })]);
  if (stopped) return;
  killGroup(pid, 'SIGKILL');
  await exited;
}

/** Runs a load generator to its end and returns what it printed. */
export async function runToEnd(command: readonly string[], cores: string | null): Promise<string> {
  const [program = '', ...args] = pinned(command, cores);
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: childEnvironment(),
  });
  const output = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.err += text;
  });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  running.set(pid, child);
  const [code] = (await once(child, 'close')) as [number | null];
  running.delete(pid);
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${output.err || output.out}`);
  return output.out;
}

/** What every process gets: the machine's environment without what would change how Node or npm behave. */
function childEnvironment(): NodeJS.ProcessEnv {
  const {
    NODE_OPTIONS: _options,
    NODE_V8_COVERAGE: _coverage,
    NODE_TEST_CONTEXT: _test,
    NODE_EXTRA_CA_CERTS: _certificates, // read by every Node at its start: 8 MiB
    ...env
  } = process.env;
  return { ...env, PATH: searchPath(), NODE_ENV: 'production' };
}

/** Debian puts servers in /usr/sbin, which is not on every user's path. */
function searchPath(): string {
  return `${process.env.PATH ?? ''}:/usr/sbin:/usr/local/sbin`;
}

/** What `program args` prints, stdout and stderr, or null when the program is not there. */
export function outputOf(program: string, ...args: readonly string[]): string | null {
  const { error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env: childEnvironment() });
  return error === undefined ? `${stdout}${stderr}`.trim() : null;
}

/**
 * Below the ports that systems give to outgoing connections (32768 to 60999 on Linux): one of those may be
 * taken by any connection before it is listened on.
 */
const lowestPort = 20_000;
const portCount = 12_000;

/** A server on a port of that range that was free. */
async function serverOnFreePort(): Promise<Server> {
  for (;;) {
    const port = lowestPort + Math.floor(Math.random() * portCount);
    const server = createServer().listen(port, '127.0.0.1');
    const isListening = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (isListening) return server;
  }
}

/** Ports that nobody listens on at this moment, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  for (let index = 0; index < count; index++) servers.push(await serverOnFreePort());
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
