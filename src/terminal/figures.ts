// Numbers as text for people, with units and as many digits as are known. All views and reports use these.

/**
 * A share 0..1 in percent, with two decimals below 1 % and one below 10 %: `0 %`, `0.08 %`, `3.4 %`, `50 %`.
 */
export function percent(share: number): string {
  const value = share * 100;
  const digits = value === 0 || value >= 9.95 ? 0 : value < 0.995 ? 2 : 1;
  return `${value.toFixed(digits)} %`;
}

/** A weight in percent with all its digits: `12.5 %`. */
export const weight = (percentValue: number): string => `${trimZeros(percentValue.toFixed(4))} %`;

/** Requests per second: `0.4/s`, `540/s`. */
export const perSecond = (value: number): string =>
  `${value < 10 ? trimZeros(value.toFixed(1)) : value.toFixed(0)}/s`;

/** A latency in ms: `8.1 ms`, `230 ms`, `1.25 s`. */
export function latency(ms: number): string {
  if (ms >= 1000) return `${trimZeros((ms / 1000).toFixed(2))} s`;
  return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}

/** A span of time: `12 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return pair(Math.floor(whole / 60), 'min', whole % 60, 's');
  if (whole < 86_400) return pair(Math.floor(whole / 3600), 'h', Math.floor((whole % 3600) / 60), 'min');
  return pair(Math.floor(whole / 86_400), 'd', Math.floor((whole % 86_400) / 3600), 'h');
}

/** A count with separators of thousands: `48,120`. */
export const count = (value: number): string => value.toLocaleString('en-US');

/** Local time of day: `12:03:04`. */
export function timeOfDay(epochMs: number): string {
  const at = new Date(epochMs);
  return [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}

/** Local date and time: `2026-03-01 12:03:04`. */
export function dateTime(epochMs: number): string {
  const at = new Date(epochMs);
  const [month, day] = [at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, '0'));
  return `${at.getFullYear()}-${month}-${day} ${timeOfDay(epochMs)}`;
}

const pair = (major: number, majorUnit: string, minor: number, minorUnit: string): string =>
  minor === 0 ? `${major} ${majorUnit}` : `${major} ${majorUnit} ${minor} ${minorUnit}`;

const trimZeros = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
