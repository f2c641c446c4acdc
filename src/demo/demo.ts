// `crossover demo`: runs a whole rollout against two embedded clusters, shows it as it happens, and says at the end what
// happened and what it cost the clients.
import { setTimeout as sleep } from 'node:timers/promises';
import { CliError, type CliIo, exitCodes } from '#src/cli/cli-io.ts';
import { type ControlClient, createControlClient, UnreachableError } from '#src/cli/control-client.ts';
import { timeOfDay } from '#src/cli/figures.ts';
import type { StatusView } from '#src/control-plane/status.ts';
import type { RecordedEvent } from '#src/control-plane/store/store.ts';
import { StartError } from '#src/main.ts';
import type { LogLine } from '#src/shared-memory/messages.ts';
import { type DemoPace, demoPace } from './demo-config.ts';
import { createDisplay, type DemoDisplay } from './demo-display.ts';
import { type DemoSystem, startDemoSystem } from './demo-system.ts';
import { type DemoPicture, demoSummary } from './demo-view.ts';
import { type FaultName, FaultSchedule } from './faults.ts';

export interface DemoOptions {
  readonly fault: FaultName;
  readonly seed: number;
  readonly ratePerSecond: number;
  /** Port of the proxy; null takes 8000, or a free one when 8000 is taken; 0 is for tests: free ones for all. */
  readonly port: number | null;
  /** End with the rollout instead of with Ctrl-C. */
  readonly exit: boolean;
}

/** How often the demo looks and redraws. */
const frameMs = 250;

/**
 * Runs the demo until the rollout has ended (`exit`) or a signal comes.
 * `pace` is for tests that cannot wait for the usual one.
 * @returns 0 done, 1 when ended before the rollout although `exit` was set, 3 reverted (with `exit`)
 * @throws CliError when it cannot start
 */
export async function runDemo(options: DemoOptions, io: CliIo, pace: DemoPace = demoPace): Promise<number> {
  const errors: string[] = [];
  const system = await start(options, pace, errors);
  const display = createDisplay(io);
  const client = createControlClient({ url: system.controlUrl }, noToken(io));
  const run = new DemoRun(options, system, display, client);
  const stopped = await run
    .untilDone()
    .finally(() => display.close())
    .finally(() => io.isTty || io.out('Stopping.\n'))
    .then(system.stop, async (error: unknown) => {
      await system.stop();
      throw error;
    });
  const end = { ...run.end(), ...stopped, errors };
  io.out(`${demoSummary(end, io.columns(), io.color).join('\n')}\n`);
  return exitCodeOf(options.exit, end.ended);
}

function exitCodeOf(exit: boolean, ended: 'completed' | 'reverted' | null): number {
  if (!exit || ended === 'completed') return exitCodes.done;
  return ended === 'reverted' ? exitCodes.reverted : exitCodes.failed;
}

/** The demo's API has no token; one in the environment is for another Crossover. */
const noToken = (io: CliIo): CliIo => ({ ...io, env: {} });

async function start(options: DemoOptions, pace: DemoPace, errors: string[]): Promise<DemoSystem> {
  const { seed, ratePerSecond, port } = options;
  const log = ({ level, message, fields }: LogLine) => {
    if (level === 'error') errors.push(`${message} ${JSON.stringify(fields)}`);
  };
  try {
    return await startDemoSystem({ seed, ratePerSecond, port, pace, log });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    if (error.code === 'EADDRINUSE' && port !== null)
      throw new CliError(
        `port ${port} is taken`,
        exitCodes.failed,
        'Choose another --port, or leave it out.',
      );
    throw new CliError([error.message, ...errors].join('\n'), exitCodes.failed);
  }
}

/** One run: looks at the system again and again, strikes with the fault when it is due, remembers the course. */
class DemoRun {
  readonly #options: DemoOptions;
  readonly #system: DemoSystem;
  readonly #display: DemoDisplay;
  readonly #client: ControlClient;
  readonly #schedule: FaultSchedule;
  readonly #startedMs = performance.now();
  readonly #events: RecordedEvent[] = [];
  readonly #faultLines: string[] = [];
  readonly #steps: { percent: number; seconds: number }[] = [];
  #stepStartedSeconds = 0;
  #status: StatusView | null = null;
  #ended: 'completed' | 'reverted' | null = null;
  #endedAfterSeconds: number | null = null;
  #isInterrupted = false;

  constructor(options: DemoOptions, system: DemoSystem, display: DemoDisplay, client: ControlClient) {
    this.#options = options;
    this.#system = system;
    this.#display = display;
    this.#client = client;
    this.#schedule = new FaultSchedule(options.fault);
  }

  /** Resolves when the demo is to stop: by a signal, or with the rollout when that was asked for. */
  async untilDone(): Promise<void> {
    const stop = listenForSignals(() => {
      this.#isInterrupted = true;
    });
    try {
      while (!this.#isInterrupted) {
        await this.#frame().catch(ignoreUnreachable);
        if (this.#ended !== null && this.#options.exit) return;
        await sleep(frameMs);
      }
    } finally {
      stop();
    }
  }

  async #frame(): Promise<void> {
    const { body: status } = await this.#client.get<StatusView>('/v1/status');
    this.#status = status;
    await this.#readEvents();
    this.#followSteps(status);
    this.#display.show(this.#picture(status));
    await this.#strike(status.split.y);
    this.#noticeEnd(status);
  }

  async #readEvents(): Promise<void> {
    const after = this.#events.at(-1)?.id ?? 0;
    const { body } = await this.#client.get<{ events: RecordedEvent[] }>(`/v1/events?after=${after}`);
    this.#events.push(...body.events);
  }

  /** How long Y had which share, from the first rollout on until it ends. */
  #followSteps(status: StatusView): void {
    if (this.#ended !== null || (status.phase !== 'ramping' && status.phase !== 'soaking')) return;
    const now = this.#elapsedSeconds();
    const current = this.#steps.at(-1);
    if (current === undefined || current.percent !== status.split.y) {
      this.#steps.push({ percent: status.split.y, seconds: 0 });
      this.#stepStartedSeconds = now;
    } else current.seconds = now - this.#stepStartedSeconds;
  }

  async #strike(yPercent: number): Promise<void> {
    const stage = this.#schedule.due(yPercent, performance.now());
    if (stage === null) return;
    await this.#system.y.setFault(stage.fault);
    this.#faultLines.push(`${timeOfDay(Date.now())}  ${stage.text}`);
    this.#display.note(`${timeOfDay(Date.now())}  FAULT: ${stage.text}`);
  }

  #noticeEnd({ phase }: StatusView): void {
    if (this.#ended !== null || (phase !== 'completed' && phase !== 'reverted')) return;
    this.#ended = phase;
    this.#endedAfterSeconds = this.#elapsedSeconds();
    if (!this.#options.exit)
      this.#display.note(
        `The rollout has ended: ${phase}. The demo stays up until Ctrl-C; --exit would have ended it here.`,
      );
  }

  #elapsedSeconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  #picture(status: StatusView): DemoPicture {
    return {
      fault: this.#options.fault,
      proxyUrl: this.#system.proxyUrl,
      controlUrl: this.#system.controlUrl,
      elapsedSeconds: this.#elapsedSeconds(),
      status,
      traffic: this.#system.trafficCounts(),
      events: this.#events,
      faultLines: this.#faultLines,
      ended: this.#ended,
    };
  }

  /** What the summary needs of the course. */
  end() {
    if (this.#status === null)
      throw new CliError('the demo was ended before it showed anything', exitCodes.failed);
    return {
      ended: this.#ended,
      endedAfterSeconds: this.#endedAfterSeconds,
      status: this.#status,
      steps: this.#steps,
      faultLines: this.#faultLines,
      proxyUrl: this.#system.proxyUrl,
      controlUrl: this.#system.controlUrl,
    };
  }
}

/** A control thread that is being replaced does not end the demo; traffic goes on without it. */
function ignoreUnreachable(error: unknown): void {
  if (!(error instanceof UnreachableError)) throw error;
}

/** Calls back on the first signal to end; a second one ends the process at once. Returns how to stop listening. */
function listenForSignals(onSignal: () => void): () => void {
  let isFirst = true;
  const listen = () => {
    if (!isFirst) process.exit(exitCodes.failed);
    isFirst = false;
    onSignal();
  };
  for (const signal of signals) process.on(signal, listen);
  return () => {
    // After a signal it stays in place while everything stops: the default action would cut that short.
    if (isFirst) for (const signal of signals) process.off(signal, listen);
  };
}

/** Ctrl-C, a service manager, a closed terminal. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
