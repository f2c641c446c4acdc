// The course of the demo's latest rollout, from successive statuses: how long Y had which share, how it
// ended, and when.
import type { StatusView } from '#src/control-plane/status/status.ts';

interface StepTime {
  /** Y's share. */
  readonly percent: number;
  readonly seconds: number;
}

export class DemoCourse {
  #rolloutId: string | null = null;
  #startedSeconds = 0;
  #steps: { percent: number; sinceSeconds: number; seconds: number }[] = [];
  #ended: 'completed' | 'reverted' | null = null;
  #endedAfterSeconds: number | null = null;

  get steps(): readonly StepTime[] {
    return this.#steps;
  }

  /** How the latest rollout ended; null while it runs. */
  get ended(): 'completed' | 'reverted' | null {
    return this.#ended;
  }

  get endedAfterSeconds(): number | null {
    return this.#endedAfterSeconds;
  }

  /** Takes the status at a time. Returns true when the rollout has ended since the last call. */
  follow({ phase, rollout, split }: StatusView, nowSeconds: number): boolean {
    if (rollout.id !== this.#rolloutId) this.#begin(rollout.id, nowSeconds);
    if (this.#ended !== null) return false;
    if (phase === 'ramping' || phase === 'paused' || phase === 'soaking') this.#addStep(split.y, nowSeconds);
    if (phase !== 'completed' && phase !== 'reverted') return false;
    this.#ended = phase;
    this.#endedAfterSeconds = nowSeconds - this.#startedSeconds;
    return true;
  }

  #begin(rolloutId: string | null, nowSeconds: number): void {
    this.#rolloutId = rolloutId;
    this.#startedSeconds = nowSeconds;
    this.#steps = [];
    this.#ended = null;
    this.#endedAfterSeconds = null;
  }

  #addStep(percent: number, nowSeconds: number): void {
    const current = this.#steps.at(-1);
    if (current?.percent === percent) current.seconds = nowSeconds - current.sinceSeconds;
    else this.#steps.push({ percent, sinceSeconds: nowSeconds, seconds: 0 });
  }
}
