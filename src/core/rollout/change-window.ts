// Times at which changes are allowed, by the wall clock of a time zone. Every answer is computed from the
// moment alone, so a clock that jumps, or a day of 23 or 25 hours, can't leave anything behind.

/** Local time on some weekdays; `toMinute` at or before `fromMinute` means on the day after. */
export interface ChangeWindow {
  /** 0 is Sunday. */
  readonly days: readonly number[];
  /** Minutes after local midnight, 0..1439. */
  readonly fromMinute: number;
  /** First minute that is outside again, 1..1440. */
  readonly toMinute: number;
}

export interface ChangeWindows {
  /** IANA name. */
  readonly timeZone: string;
  /** Empty: always. */
  readonly allow: readonly ChangeWindow[];
}

const minuteMs = 60_000;
const dayMinutes = 24 * 60;
/** Zones change their offset at quarters of an hour only. */
const blockMs = 15 * minuteMs;
/** A window of one weekday that falls into the hour that a spring day lacks opens a week later. */
const searchMs = 15 * dayMinutes * minuteMs;

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  const parts = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric' } as const;
  const rest = { minute: 'numeric', second: 'numeric', hourCycle: 'h23', era: 'short' } as const;
  const formatter = new Intl.DateTimeFormat('en-US', { timeZone, calendar: 'gregory', ...parts, ...rest });
  formatters.set(timeZone, formatter);
  return formatter;
}

/** Whether the runtime knows the zone. The usual one is not looked up: that takes 16 ms of a start. */
export function isTimeZone(name: string): boolean {
  if (name === 'UTC') return true;
  try {
    formatterOf(name);
    return true;
  } catch {
    return false;
  }
}

/** Local time minus UTC at that moment, ms. */
function offsetMs(timeZone: string, epochMs: number): number {
  const fields = new Map(
    formatterOf(timeZone)
      .formatToParts(epochMs)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const field = (name: Intl.DateTimeFormatPartTypes): number => fields.get(name) ?? 0;
  const local = Date.UTC(
    field('year'),
    field('month') - 1,
    field('day'),
    field('hour'),
    field('minute'),
    field('second'),
  );
  return local - Math.floor(epochMs / 1000) * 1000;
}

function covers({ days, fromMinute, toMinute }: ChangeWindow, day: number, minute: number): boolean {
  if (fromMinute < toMinute) return days.includes(day) && minute >= fromMinute && minute < toMinute;
  const dayBefore = (day + 6) % 7;
  return (days.includes(day) && minute >= fromMinute) || (days.includes(dayBefore) && minute < toMinute);
}

function isOpenAtLocal({ allow }: ChangeWindows, localMs: number): boolean {
  const minutes = Math.floor(localMs / minuteMs);
  // Day 0 of the epoch was a Thursday.
  const day = (Math.floor(minutes / dayMinutes) + 4) % 7;
  return allow.some((window) => covers(window, day, minutes % dayMinutes));
}

/** Whether changes are allowed at that moment. */
export function isWindowOpen(windows: ChangeWindows, epochMs: number): boolean {
  if (windows.allow.length === 0) return true;
  return isOpenAtLocal(windows, epochMs + offsetMs(windows.timeZone, epochMs));
}

/**
 * The first full minute after `epochMs` at which changes are allowed; null when there is none within 15 days.
 */
export function nextOpeningMs(windows: ChangeWindows, epochMs: number): number | null {
  let at = (Math.floor(epochMs / minuteMs) + 1) * minuteMs;
  const end = at + searchMs;
  while (at < end) {
    const blockEnd = (Math.floor(at / blockMs) + 1) * blockMs;
    const offset = offsetMs(windows.timeZone, at);
    for (; at < blockEnd; at += minuteMs) if (isOpenAtLocal(windows, at + offset)) return at;
  }
  return null;
}

const dayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;

/** `Mon 2026-11-23 09:00 Europe/Berlin`. */
export function formatLocal(timeZone: string, epochMs: number): string {
  const local = new Date(epochMs + offsetMs(timeZone, epochMs));
  const text = local.toISOString();
  return `${dayNames[local.getUTCDay()]} ${text.slice(0, 10)} ${text.slice(11, 16)} ${timeZone}`;
}
