// `crossover serve`: runs the proxy until a signal ends it. This file handles signals and exit codes; the
// supervisor does the rest.
import { flushCompileCache } from 'node:module';
import process from 'node:process';
import type { Command } from 'commander';
import { takeRuntimeFolder } from '#src/base/local-instance.ts';
import { collectRegularly } from '#src/base/regular-collection.ts';
import type { ConfigProblem } from '#src/config/config.ts';
import type { Unrecorded } from '#src/shared-memory/messages.ts';
import { preloadControl } from '#src/supervisor/control-host.ts';
import { endNow } from '#src/supervisor/end-now.ts';
import { readHandedOver } from '#src/supervisor/handed-over.ts';
import {
  forgetInheritedListeners,
  type InheritedListeners,
  isForAnother,
  readInheritedListeners,
  successorVariable,
} from '#src/supervisor/inherited-listeners.ts';
import { StartError } from '#src/supervisor/start-error.ts';
import { reportToPredecessor } from '#src/supervisor/successor.ts';
import type { Drained, Supervisor } from '#src/supervisor/supervisor.ts';
import { preloadWorker } from '#src/supervisor/worker-pool.ts';
import { type CliContext, type CliIo, exitCodes } from '#src/terminal/cli-io.ts';
import { formatConfigProblems } from '#src/terminal/config-problems.ts';
import { createLogWriter, type LogWriter } from '#src/terminal/log-writer.ts';
import { packageVersion } from '#src/terminal/package-version.ts';
import { startLine } from '#src/terminal/start-line.ts';
import { cannotStart } from './cannot-start.ts';

/** Adds `serve` to the program. */
export function addServe(program: Command, context: CliContext): void {
  program
    .command('serve')
    .summary('run the proxy')
    .description('Runs the proxy in front of both clusters, with its control API, until SIGTERM or SIGINT.')
    // Required in the action, where an option that is spelt wrong has been told before.
    .option('--config <file>', 'configuration file (YAML)')
    .addHelpText('after', examples)
    .action(async (options: { config?: string }, command: Command) => {
      if (options.config === undefined)
        command.error("error: required option '--config <file>' not specified");
      context.exitCode = await serve(options.config, context.io);
    });
}

const examples = `
Signals:
  SIGTERM, SIGINT   wait for \`timeouts.drainDelay\`, stop accepting, finish what is under way, at most \`timeouts.drain\` long;
                    exit code 0 when nothing was cut, else 1
  the second one    end that first wait, or else end at once, exit code 1
  SIGHUP            read the configuration again; a bad one is refused and the old one stays
  SIGUSR2           start a new process with the same arguments and our listening sockets, then end as on SIGTERM once it
                    serves; no connection is refused or reset, and if it does not serve, this one goes on

Examples:
  crossover serve --config crossover.yaml
  CROSSOVER_TOKEN=... crossover serve --config crossover.yaml 2> crossover.log

What next: \`crossover status\` shows both clusters, \`crossover rollout start\` begins to move traffic.
`;

const stopSignals = ['SIGTERM', 'SIGINT'] as const;

async function serve(file: string, io: CliIo): Promise<number> {
  // A reload asked for while the proxy starts must not end it; the file is read again once it runs.
  let reloadWaits = false;
  const remember = () => {
    reloadWaits = true;
  };
  process.on('SIGHUP', remember);
  const log = createLogWriter(process.stderr.isTTY === true);
  // Without a listener the signal would end the process.
  const refuse = () =>
    log({ level: 'error', message: 'not replaced; this process still starts', fields: {} });
  process.on('SIGUSR2', refuse);
  // Traffic begins before the start is done: what is under way by then is finished too.
  let stopWaits: NodeJS.Signals | null = null;
  const stopLater = (signal: NodeJS.Signals) => {
    if (stopWaits !== null) endNow(exitCodes.failed);
    stopWaits = signal;
  };
  for (const signal of stopSignals) process.on(signal, stopLater);
  const tell = process.env[successorVariable] === undefined ? () => {} : reportToPredecessor;
  const supervisor = await start(file, io, log).catch((error: unknown) => {
    tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
    throw error instanceof StartError ? cannotStart(error) : error;
  });
  if (supervisor === null) return exitCodes.badUsage;
  const ended = untilSignal(supervisor, log, stopWaits);
  for (const signal of stopSignals) process.off(signal, stopLater);
  process.off('SIGHUP', remember);
  process.off('SIGUSR2', refuse);
  tell({ type: 'ready' });
  flushCompileCache();
  collectRegularly();
  if (reloadWaits) await reloadConfig(supervisor, log);
  return ended;
}

/** Null when the configuration is wrong, which has been said then. */
async function start(file: string, io: CliIo, log: LogWriter): Promise<Supervisor | null> {
  // Read before the environment is cleared of it, and only by a successor.
  const handedOver = process.env[successorVariable] === undefined ? null : readHandedOver(process.env);
  const inherited = inheritedListeners(log);
  const preloaded = { control: preloadControl(), worker: preloadWorker() };
  const { loadConfigFile } = await import('#src/config/load.ts');
  const { dependsOnSurroundings } = await import('#src/config/depends-on-surroundings.ts');
  const { startSupervisor } = await import('#src/supervisor/supervisor.ts');
  const read = async () => {
    const loaded = loadConfigFile(file, io.env);
    if (!dependsOnSurroundings(loaded)) return loaded;
    const { checkSurroundings } = await import('#src/config/surroundings.ts');
    return checkSurroundings(loaded, file);
  };
  const loaded = await read();
  if (!loaded.ok) {
    for (const thread of Object.values(preloaded)) void thread.terminate();
    io.err(formatConfigProblems(loaded.problems));
    return null;
  }
  const { config } = loaded;
  const supervisor = await startSupervisor({
    config,
    configPath: file,
    log,
    reload: read,
    runtimeFolder: takeRuntimeFolder(io.env),
    inherited,
    handedOver,
    preloaded,
  });
  warn(loaded.warnings, log);
  warnOfRoot(log);
  const { proxy, control } = config.listen;
  const { proxyPort, controlAddresses } = supervisor;
  const listening = { proxy: { host: proxy.host, port: proxyPort }, control, controlAddresses };
  io.out(startLine({ version: packageVersion(), ...listening }));
  return supervisor;
}

function inheritedListeners(log: LogWriter): InheritedListeners | null {
  const { env, pid } = process;
  const inherited = readInheritedListeners(env, pid);
  if (inherited === null && isForAnother(env, pid)) {
    const fields = { LISTEN_PID: env.LISTEN_PID, pid };
    log({ level: 'warn', message: 'the sockets in LISTEN_FDS are for another process', fields });
  }
  forgetInheritedListeners(env);
  return inherited;
}

/**
 * Handles signals, and one that came during the start, until the proxy has drained. The exit code is 0 only
 * when nothing was cut.
 */
function untilSignal(
  supervisor: Supervisor,
  log: LogWriter,
  received: NodeJS.Signals | null,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let isStopping = false;
    let isDraining = false;
    const drain = (isDelayed: boolean) => {
      if (isDraining) return;
      isDraining = !isDelayed;
      supervisor.drain({ isDelayed }).then((drained) => resolve(tellDrained(drained, log)), reject);
    };
    const stop = (signal: NodeJS.Signals) => {
      // Whoever asks again does not want to wait: first for what comes before the drain, then for the drain.
      if (isStopping && isDraining) endNow(exitCodes.failed);
      const isDelayed = !isStopping && supervisor.drainDelayMs > 0;
      isStopping = true;
      const message = isDelayed ? 'not ready any more; draining after timeouts.drainDelay' : 'draining';
      log({ level: 'info', message, fields: { signal } });
      drain(isDelayed);
    };
    for (const signal of stopSignals) process.on(signal, stop);
    process.on('SIGHUP', () => void reloadConfig(supervisor, log));
    process.on('SIGUSR2', () => {
      void replaceProcess(supervisor, log).then((isReplaced) => (isReplaced ? drain(false) : undefined));
    });
    if (received !== null) stop(received);
  });
}

/** Says how it ended; the exit code is 0 only when nothing was cut or lost and every thread has ended. */
function tellDrained({ cutExchanges, unrecorded, isStuck }: Drained, log: LogWriter): number {
  log({
    level: cutExchanges === 0 ? 'info' : 'warn',
    message: cutExchanges === 0 ? 'stopped; nothing was cut' : 'stopped; the deadline cut exchanges',
    fields: { cutExchanges },
  });
  const isLost = unrecorded !== null && unrecorded.transitions > 0;
  if (unrecorded !== null && (isLost || unrecorded.events > 0)) {
    const message = unrecordedText(unrecorded);
    log({ level: isLost ? 'error' : 'warn', message, fields: { ...unrecorded } });
  }
  if (isStuck) {
    const message =
      'a thread cannot be ended: it waits for a disk that does not answer, most likely that of the store';
    log({ level: 'error', message, fields: {} });
  }
  return cutExchanges === 0 && !isLost && !isStuck ? exitCodes.done : exitCodes.failed;
}

function unrecordedText({ transitions, isMarked }: Unrecorded): string {
  if (transitions === 0) return 'the store did not take the last events; they are lost';
  const lost = 'the store did not take the last changes of the rollout';
  if (isMarked) return `${lost}; the mark beside it has the last of them, and the next start goes by that`;
  return `${lost}, nor did the mark beside it: the next start goes by what is on record, which may give Y more`;
}

/** Whether another process serves in place of this one now. */
async function replaceProcess(supervisor: Supervisor, log: LogWriter): Promise<boolean> {
  log({ level: 'info', message: 'starting a new process in place of this one', fields: {} });
  const result = await supervisor.replace();
  if (result.ok) log({ level: 'info', message: 'replaced; draining', fields: { successor: result.pid } });
  else
    log({ level: 'error', message: 'not replaced; this process goes on', fields: { reason: result.reason } });
  return result.ok;
}

/** Nothing here needs it: what gets hold of this process would have the machine. */
function warnOfRoot(log: LogWriter): void {
  if (process.geteuid?.() !== 0) return;
  const message = 'this process runs as root, which nothing of it needs; run it as a user of its own';
  log({ level: 'warn', message, fields: {} });
}

/** What the configuration says and probably does not mean; one line for all of it. */
function warn(warnings: readonly ConfigProblem[], log: LogWriter): void {
  if (warnings.length === 0) return;
  const fields = { warnings: warnings.map((warning) => formatConfigProblems([warning]).trimEnd()) };
  log({ level: 'warn', message: 'the configuration is valid, and doubtful', fields });
}

/** A refusal is told by the event that it makes. */
async function reloadConfig(supervisor: Supervisor, log: LogWriter): Promise<void> {
  const result = await supervisor.reload();
  // A reload that is refused is an event, which is logged.
  if (!result.ok) return;
  const { configRevision, changed, warnings } = result;
  log({ level: 'info', message: 'configuration reloaded', fields: { configRevision, changed } });
  warn(warnings, log);
}
