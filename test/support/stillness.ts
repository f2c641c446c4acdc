// Waiting for a process to come to rest: whatever it buffers has been buffered, whatever it frees has been
// freed.
import { setTimeout as wait } from 'node:timers/promises';
import { until } from './until.ts';

const lookEveryMs = 50;
const looksAlike = 5;

/** Resolves when the figure was the same five times in a row. */
export async function untilStill(measure: () => number): Promise<void> {
  let last = Number.NaN;
  let still = 0;
  const isStill = async (): Promise<boolean> => {
    const now = measure();
    still = now === last ? still + 1 : 0;
    last = now;
    await wait(lookEveryMs);
    return still === looksAlike;
  };
  await until(isStill, 'a process to come to rest', () => last);
}

/**
 * Resolves true as soon as the condition holds, false when it did not within `timeoutMs`. For figures on how
 * long it took.
 */
export async function poll(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
  everyMs = lookEveryMs,
): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  while (performance.now() < deadlineMs) {
    if (await condition()) return true;
    await wait(everyMs);
  }
  return condition();
}
