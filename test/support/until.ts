// Waiting in tests for what has to happen, however slow the machine is. A wait ends with its event; a bound
// that only a hang reaches makes a test that would never end say what it waited for and what it saw instead.
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { inspect } from 'node:util';

/** Far longer than anything that a test waits for takes, also on a machine that does a lot besides. */
export const hangMs = 3 * 60_000;

const lookEveryMs = 20;

/** What a wait that reached its bound is reported with. */
export function hang(what: string, seen?: () => unknown): Error {
  const last = seen === undefined ? '' : `; seen last: ${inspect(seen(), { depth: 6, breakLength: 120 })}`;
  return new Error(`waited ${hangMs / 60_000} minutes in vain for ${what}${last}`);
}

/**
 * Resolves as soon as the condition holds; rejects with what was waited for, and what `seen` gives, when it
 * never does. It looks again and again: for what sends no event, such as another process' counters. Where
 * there are events, see Signal.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  seen?: () => unknown,
): Promise<void> {
  const untilMs = performance.now() + hangMs;
  while (!(await condition())) {
    if (performance.now() >= untilMs) throw hang(what, seen);
    await wait(lookEveryMs);
  }
}

/** The same, with one turn of the event loop after each look: for what happens in this process. */
export async function untilByTurns(
  condition: () => boolean,
  what: string,
  seen?: () => unknown,
): Promise<void> {
  const untilMs = performance.now() + hangMs;
  while (!condition()) {
    if (performance.now() >= untilMs) throw hang(what, seen);
    await turn();
  }
}

/** The same for a promise: its outcome, or a rejection that says what never came. */
export async function orHang<T>(promise: Promise<T>, what: string, seen?: () => unknown): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(hang(what, seen)), hangMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
