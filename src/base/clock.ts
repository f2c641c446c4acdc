// Time as a parameter: everything that needs time takes a Clock, so that tests and the simulator can move it.

export interface Clock {
  /** Monotonic milliseconds, comparable between threads of this process; never jumps. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch, for people, records and calendars only; may jump. */
  epochMs(): number;
}

export const systemClock: Clock = {
  monotonicMs: () => Number(process.hrtime.bigint() / 1000n) / 1000,
  epochMs: () => Date.now(),
};
