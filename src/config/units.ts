// Durations, sizes and shares as they are written in the configuration. The schema has the same patterns, so
// that an editor refuses what the loader refuses.
import { PPM } from '#src/limits.ts';

export const durationPattern = '^\\d+(\\.\\d+)?(ms|s|m|h)$';
export const bytesPattern = '^\\d+(\\.\\d+)?(B|KiB|MiB|GiB)$';
export const percentPattern = '^\\d+(\\.\\d+)?%$';

/** Longest duration: the longest that a timer of Node can wait, 24.8 days. */
const durationMsMax = 2 ** 31 - 1;

const msPerUnit: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const usPerUnit: Readonly<Record<string, number>> = {
  ms: 1_000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
};
const bytesPerUnit: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

function parseQuantity(
  text: string,
  pattern: string,
  perUnit: Readonly<Record<string, number>>,
): number | null {
  if (!new RegExp(pattern).test(text)) return null;
  const unitAt = text.search(/[A-Za-z]/);
  const factor = perUnit[text.slice(unitAt)];
  return factor === undefined ? null : Math.round(Number(text.slice(0, unitAt)) * factor);
}

/**
 * Milliseconds of `0.5ms`, `250ms` or `10s`, to a thousandth; null when malformed or longer than
 * durationMsMax.
 */
export function parseFineDuration(text: string): number | null {
  const microseconds = parseQuantity(text, durationPattern, usPerUnit);
  return microseconds === null || microseconds > durationMsMax * 1000 ? null : microseconds / 1000;
}

/** Whole milliseconds of `250ms`, `10s`, `1.5m` or `1h`; null when malformed or longer than durationMsMax. */
export function parseDuration(text: string): number | null {
  const ms = parseQuantity(text, durationPattern, msPerUnit);
  return ms === null || ms > durationMsMax ? null : ms;
}

/** Bytes of `64KiB`, `1MiB`, `512B` or a plain number; null when malformed or not an exact integer. */
export function parseBytes(value: string | number): number | null {
  const bytes = typeof value === 'number' ? value : parseQuantity(value, bytesPattern, bytesPerUnit);
  return bytes !== null && Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : null;
}

/**
 * Share 0..1 of `20%`, `0.02%` or a fraction such as 0.2. Null when malformed, above 100 %, or a plain number
 * of 1 or more, which could be meant either way.
 */
export function parsePercent(value: string | number): number | null {
  if (typeof value === 'number') return value >= 0 && value < 1 ? value : null;
  if (!new RegExp(percentPattern).test(value)) return null;
  // Rounded to 15 digits, because 0.07 / 100 is not exactly 0.0007 in floating point.
  const share = Number((Number(value.slice(0, -1)) / 100).toPrecision(15));
  return share <= 1 ? share : null;
}

/** Parts per million of a weight in percent: 5, `5%`, 0.5; null when malformed or above 100. */
export function parseWeightPpm(value: string | number): number | null {
  const text = typeof value === 'number' ? `${value}%` : value;
  if (!new RegExp(percentPattern).test(text)) return null;
  const ppm = Math.round(Number(text.slice(0, -1)) * (PPM / 100));
  return ppm <= PPM ? ppm : null;
}

/** The shortest exact way to write a duration: 90000 is `90s`, 60000 `1m`. */
export function formatDuration(ms: number): string {
  for (const unit of ['h', 'm', 's']) {
    const factor = msPerUnit[unit] as number;
    if (ms >= factor && ms % factor === 0) return `${ms / factor}${unit}`;
  }
  return `${ms}ms`;
}

/** The shortest exact way to write a size: 65536 is `64KiB`. */
export function formatBytes(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB']) {
    const factor = bytesPerUnit[unit] as number;
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return `${bytes}B`;
}

/** A share 0..1 in percent, without floating-point noise: 0.0002 is `0.02%`. */
export const formatPercent = (share: number): string => `${Number((share * 100).toPrecision(12))}%`;
