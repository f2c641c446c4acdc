// How long to wait before the next attempt: twice as long each time, drawn from the upper half, so that many
// clients of a server that comes back do not come at once.

export interface BackOff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Wait after attempt `attempt` (from 1) has failed, ms; `random` is uniform in [0, 1). */
export function backOffMs({ baseMs, maxMs }: BackOff, attempt: number, random: number): number {
  const full = Math.min(maxMs, baseMs * 2 ** (attempt - 1));
  return full / 2 + (full / 2) * random;
}
