// Times in a report. They are in UTC, because its readers may be in other time zones than the machine.

/** `2026-11-22 12:03:04`. */
export const dateTime = (epochMs: number): string =>
  new Date(epochMs).toISOString().slice(0, 19).replace('T', ' ');

/** `12:03:04`. */
export const clockTime = (epochMs: number): string => dateTime(epochMs).slice(11);

/** A function for the labels of a time axis, which have the date when the axis is longer than a day. */
export function axisTime(spanMs: number): (epochMs: number) => string {
  return spanMs > 24 * 60 * 60_000 ? (atMs) => dateTime(atMs).slice(5, 16) : clockTime;
}
