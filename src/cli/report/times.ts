// Times of a report: in UTC, because it is read by people in other places than the machine's.

/** `2026-11-22 12:03:04`. */
export const dateTime = (epochMs: number): string =>
  new Date(epochMs).toISOString().slice(0, 19).replace('T', ' ');

/** `12:03:04`. */
export const clockTime = (epochMs: number): string => dateTime(epochMs).slice(11);

/** Label of a time on an axis: with the date when the span is longer than a day. */
export function axisTime(spanMs: number): (epochMs: number) => string {
  return spanMs > 24 * 60 * 60_000 ? (atMs) => dateTime(atMs).slice(5, 16) : clockTime;
}
