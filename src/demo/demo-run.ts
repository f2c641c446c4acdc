// A run of the demo: asks the system for its status again and again, starts the fault when it is due, and
// shows the state.
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

/** How often the demo asks for the status and redraws. */
const frameMs = 250;
/**
 * How often the rollout is started at most: on a busy machine its checks may not find the demo's clusters at
 * first.
 */
const startsMax = 6;

const preflightFailed = 'rollout-preflight-failed';

export interface DemoRunOptions {
  readonly fault: FaultName;
  /** Whether the demo ends with the rollout, instead of by a signal. */
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
   * Resolves when the demo is to stop: when the signal is aborted; with `exit` also when the rollout has
   * ended, or when its checks did not let it start.
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

  /** The control API did not answer. That does not end the demo: the control thread may be being replaced. */
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
    if (!body.events.some(({ name }) => name === preflightFailed)) return;
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

  /** Text of the latest event with this name; null when there is none. */
  #textOf(event: string): string | null {
    return this.#events.findLast(({ name }) => name === event)?.text ?? null;
  }

  /** What the summary needs; null when the demo was ended before it had a status. */
  end() {
    if (this.#status === null) return null;
    const { ended, endedAfterSeconds, steps } = this.#course;
    return {
      ended,
      endedAfterSeconds,
      steps,
      endText: this.#textOf(ended === null ? preflightFailed : `rollout-${ended}`),
      status: this.#status,
      faultLines: this.#faultLines,
      proxyUrl: this.#system.proxyUrl,
      controlUrl: this.#system.controlUrl(),
    };
  }
}
