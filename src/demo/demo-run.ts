// One run of the demo while it runs: looks at the system again and again, strikes with the fault when it is
// due, and shows what it sees.
import { setTimeout as sleep } from 'node:timers/promises';
import type { StatusView } from '#src/control-plane/status/status.ts';
import type { RecordedEvent } from '#src/record/recorded-event.ts';
import { type ControlClient, UnreachableError } from '#src/terminal/control-client.ts';
import { timeOfDay } from '#src/terminal/figures.ts';
import { DemoCourse } from './demo-course.ts';
import type { DemoDisplay } from './demo-display.ts';
import type { DemoSystem } from './demo-system.ts';
import type { DemoPicture } from './demo-view.ts';
import { type FaultName, FaultSchedule } from './faults.ts';

/** How often the demo looks and redraws. */
const frameMs = 250;
/**
 * Starts of the rollout: on a busy machine the checks before it find the demo's own clusters late, or the
 * store is.
 */
const startsMax = 6;

/** Events of a start that came to nothing. */
const startFailures: ReadonlySet<string> = new Set(['rollout-preflight-failed', 'autostart-failed']);

export interface DemoRunOptions {
  readonly fault: FaultName;
  /** End with the rollout instead of with a signal. */
  readonly exit: boolean;
}

export class DemoRun {
  readonly #options: DemoRunOptions;
  readonly #system: DemoSystem;
  readonly #display: DemoDisplay;
  readonly #connect: () => ControlClient;
  readonly #schedule: FaultSchedule;
  readonly #course = new DemoCourse();
  readonly #startedMs = performance.now();
  readonly #events: RecordedEvent[] = [];
  readonly #faultLines: string[] = [];
  #status: StatusView | null = null;
  #isUnreachable = false;
  #refusals = 0;

  constructor(
    options: DemoRunOptions,
    system: DemoSystem,
    display: DemoDisplay,
    connect: () => ControlClient,
  ) {
    this.#options = options;
    this.#system = system;
    this.#display = display;
    this.#connect = connect;
    this.#schedule = new FaultSchedule(options.fault);
  }

  /**
   * Resolves when the demo is to stop: when the signal is aborted, or, when that was asked for, with the
   * rollout, also when its checks do not let it start.
   */
  async untilDone(interrupt: AbortSignal): Promise<void> {
    while (!interrupt.aborted) {
      await this.#frame().then(
        () => this.#reached(),
        (error: unknown) => this.#missed(error),
      );
      if (this.#options.exit && (this.#course.ended !== null || this.#isGivenUp)) return;
      await sleep(frameMs, undefined, { signal: interrupt }).catch(() => {});
    }
  }

  async #frame(): Promise<void> {
    const client = this.#connect();
    const { body: status } = await client.get<StatusView>('/v1/status');
    this.#status = status;
    await this.#readEvents(client);
    const hasEnded = this.#course.follow(status, this.#elapsedSeconds());
    this.#display.show(this.#picture(status));
    await this.#strike(status.split.y);
    if (hasEnded && !this.#options.exit)
      this.#display.note(
        `The rollout has ended: ${status.phase}. The demo stays up until Ctrl-C; --exit would have ended it here.`,
      );
  }

  #reached(): void {
    this.#isUnreachable = false;
  }

  /** A control thread that is being replaced does not end the demo; traffic goes on without it. */
  #missed(error: unknown): void {
    if (!(error instanceof UnreachableError)) throw error;
    if (!this.#isUnreachable)
      this.#display.note('The control plane does not answer; traffic goes on at the last split.');
    this.#isUnreachable = true;
  }

  async #readEvents(client: ControlClient): Promise<void> {
    const after = this.#events.at(-1)?.id ?? 0;
    const { body } = await client.get<{ events: RecordedEvent[] }>(`/v1/events?after=${after}`);
    this.#events.push(...body.events);
    if (!body.events.some(({ name }) => startFailures.has(name))) return;
    this.#refusals++;
    if (!this.#isGivenUp) await client.send('POST', '/v1/rollout', { reason: 'the checks are tried again' });
  }

  get #isGivenUp(): boolean {
    return this.#refusals >= startsMax;
  }

  async #strike(yPercent: number): Promise<void> {
    const stage = this.#schedule.due(yPercent, performance.now());
    if (stage === null) return;
    await this.#system.y.setFault(stage.fault);
    const time = timeOfDay(Date.now());
    this.#faultLines.push(`${time}  ${stage.text}`);
    this.#display.note(`${time}  FAULT: ${stage.text}`);
  }

  #elapsedSeconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  #picture(status: StatusView): DemoPicture {
    return {
      fault: this.#options.fault,
      proxyUrl: this.#system.proxyUrl,
      controlUrl: this.#system.controlUrl(),
      elapsedSeconds: this.#elapsedSeconds(),
      status,
      traffic: this.#system.trafficCounts(),
      events: this.#events,
      faultLines: this.#faultLines,
      ended: this.#course.ended,
    };
  }

  /** What the record says of how it ended, or of why it did not begin; null when it says nothing. */
  #endText(): string | null {
    const { ended } = this.#course;
    const isTold = (name: string): boolean =>
      ended === null ? startFailures.has(name) : name === `rollout-${ended}`;
    return this.#events.findLast(({ name }) => isTold(name))?.text ?? null;
  }

  /** What the summary needs of the course; null when the demo was ended before it saw anything. */
  end() {
    if (this.#status === null) return null;
    const { ended, endedAfterSeconds, steps } = this.#course;
    return {
      ended,
      endedAfterSeconds,
      steps,
      endText: this.#endText(),
      status: this.#status,
      faultLines: this.#faultLines,
      proxyUrl: this.#system.proxyUrl,
      controlUrl: this.#system.controlUrl(),
    };
  }
}
