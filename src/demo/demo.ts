// `crossover demo`: runs a rollout from one embedded cluster to another, shows it as it happens, and prints a
// summary at the end.
import { existsSync } from 'node:fs';
import process from 'node:process';
import type { LogLine } from '#src/shared-memory/messages.ts';
import { StartError } from '#src/supervisor/start-error.ts';
import { CliError, type CliIo, exitCodes } from '#src/terminal/cli-io.ts';
import { createControlClient } from '#src/terminal/control-client.ts';
import { type DemoPace, demoPace } from './demo-config.ts';
import { createDisplay } from './demo-display.ts';
import { DemoRun, type DemoRunOptions } from './demo-run.ts';
import { type DemoSystem, type DemoTotals, startDemoSystem } from './demo-system.ts';
import { demoSummary } from './demo-view.ts';

export interface DemoOptions extends DemoRunOptions {
  readonly seed: number;
  readonly ratePerSecond: number;
  /**
   * Port of the proxy; null for 8000 or, when that is taken, a free one; 0, in tests, for free ports for
   * everything.
   */
  readonly port: number | null;
  /** New file that keeps the record after the demo; without it no record is kept. */
  readonly storePath?: string;
}

/**
 * Runs the demo until a signal comes, or with `exit` until the rollout has ended. `pace` is for tests that
 * need a shorter one.
 * @returns 0 when done; with `exit` 1 when it ended before the rollout, and 3 when the rollout was reverted
 * @throws CliError when it cannot start
 */
export async function runDemo(options: DemoOptions, io: CliIo, pace: DemoPace = demoPace): Promise<number> {
  const errors: string[] = [];
  const interrupt = listenForSignals();
  const system = await start(options, pace, errors);
  const { run, totals } = await runAndStop(options, system, io, interrupt);
  const course = run.end();
  if (course === null)
    throw new CliError(['ended before the control plane answered', ...errors].join('\n'), exitCodes.failed);
  const summary = demoSummary({ ...course, ...totals, errors }, io.columns(), io.color);
  io.out(`${summary.join('\n')}\n`);
  return exitCodeOf(options.exit, course.ended);
}

/** Runs the demo and stops everything afterwards, also after an error. */
async function runAndStop(
  options: DemoOptions,
  system: DemoSystem,
  io: CliIo,
  interrupt: AbortSignal,
): Promise<{ run: DemoRun; totals: DemoTotals }> {
  const display = createDisplay(io);
  const connect = () => createControlClient({ url: system.controlUrl() }, withTokenOf(system, io));
  const run = new DemoRun(options, system, display, connect);
  try {
    await run.untilDone(interrupt);
  } catch (error) {
    display.close();
    await system.stop();
    throw error;
  }
  display.close();
  if (!io.isTty) io.out('Stopping.\n');
  return { run, totals: await system.stop() };
}

function exitCodeOf(exit: boolean, ended: 'completed' | 'reverted' | null): number {
  if (!exit || ended === 'completed') return exitCodes.done;
  return ended === 'reverted' ? exitCodes.reverted : exitCodes.failed;
}

/** What is in the environment is for another Crossover. */
const withTokenOf = ({ controlToken }: DemoSystem, io: CliIo): CliIo => ({
  ...io,
  env: { CROSSOVER_TOKEN: controlToken },
});

async function start(options: DemoOptions, pace: DemoPace, errors: string[]): Promise<DemoSystem> {
  const { seed, ratePerSecond, port, storePath = null } = options;
  requireNew(storePath);
  const log = ({ level, message, fields }: LogLine) => {
    if (level === 'error') errors.push(`${message} ${JSON.stringify(fields)}`);
  };
  try {
    return await startDemoSystem({ seed, ratePerSecond, port, pace, storePath, log });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    if (error.code !== 'EADDRINUSE' || port === null)
      throw new CliError([error.message, ...errors].join('\n'), exitCodes.failed);
    const advice = 'Choose another --port, or leave it out.';
    throw new CliError(`port ${port} is taken`, exitCodes.failed, advice);
  }
}

/** Throws when the store exists: the demo would go on with the rollout that is in it. */
function requireNew(storePath: string | null): void {
  if (storePath === null || !existsSync(storePath)) return;
  throw new CliError(`${storePath} exists`, exitCodes.badUsage, 'Give the name of a new file.');
}

/** An abort signal for SIGINT, SIGTERM or SIGHUP. A second such signal ends the process at once. */
function listenForSignals(): AbortSignal {
  const interrupt = new AbortController();
  const listen = () => {
    if (interrupt.signal.aborted) process.exit(exitCodes.failed);
    interrupt.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, listen);
  return interrupt.signal;
}
