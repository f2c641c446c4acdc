// Checks and resolves gates, change windows, notifications and the addresses that may be called.
// resolve-metrics.ts does the same for business metrics.

import { type ChangeWindow, type ChangeWindows, isTimeZone } from '#src/core/rollout/change-window.ts';
import { parseCidr } from '#src/core/routing/client-address.ts';
import { refusalOfLiteral } from './address-guard.ts';
import type { Cidr, Config } from './config.ts';
import { itemsOf, type Report } from './problem-report.ts';
import type { WrittenConfig } from './schema.ts';
import { notifiedTransitions, signalDefaults, weekdays } from './signal-terms.ts';
import type {
  Gate,
  GatePoint,
  GateQuestion,
  Notification,
  PromqlSource,
  Receiver,
} from './signals-config.ts';
import { parseDuration } from './units.ts';
import type { ConfigPath } from './yaml-source.ts';

type WrittenGate = WrittenConfig['gates'][number];
type WrittenNotification = WrittenConfig['notifications'][number];
type WrittenWindow = WrittenConfig['windows']['allow'][number];

/** Reports names that an earlier item of the list has. */
export function checkNames(items: readonly { readonly name: string }[], list: string, report: Report): void {
  const known = new Set<string>();
  for (const [index, { name }] of itemsOf(items)) {
    if (known.has(name))
      report([list, index, 'name'], `another one is named ${name} already`, 'names are unique');
    known.add(name);
  }
}

/**
 * The URL with an example in place of `{{cluster}}` and `{{label}}`; null when it is not an http or https
 * URL.
 */
function sampleOf(text: string): URL | null {
  const filled = text.replaceAll(/\{\{(cluster|label)\}\}/g, 'x');
  return /^https?:\/\//i.test(filled) && URL.canParse(filled) ? new URL(filled) : null;
}

/**
 * Which setting to use instead of credentials in a URL: `token` for queries and metrics, `secret` for other
 * webhooks.
 */
function credentialHint([list, ...rest]: ConfigPath): string {
  const key = rest.at(-1);
  if (list === 'metrics' || key === 'prometheus') return 'use token';
  return key === 'webhook' ? 'use secret for signed requests' : 'leave them out';
}

const calledKeys = ['prometheus', 'webhook', 'slack', 'endpoint'] as const;

/**
 * Checks the URLs of a gate, metric or notification that does not fit the schema, so that all its problems
 * come at once.
 */
export function checkUrlsOfMisfit(item: unknown, path: ConfigPath, report: Report): void {
  if (typeof item !== 'object' || item === null) return;
  for (const key of calledKeys) {
    const text: unknown = (item as Record<string, unknown>)[key];
    if (typeof text === 'string' && text !== '') checkUrl(text, [...path, key], report);
  }
}

/**
 * Reports a URL that is not http or https, has a fragment, or has credentials, which would be written to
 * logs.
 */
export function checkUrl(text: string | undefined, path: ConfigPath, report: Report): string {
  if (text === undefined) return '';
  const url = sampleOf(text);
  if (url === null)
    report(path, 'expected an http:// or https:// URL', 'such as https://hooks.example.com/kong');
  else if (url.username !== '' || url.password !== '')
    report(path, 'credentials are not allowed in a URL', credentialHint(path));
  else if (url.hash !== '') report(path, 'a URL that is called has no #fragment', null);
  return text;
}

/** Milliseconds of a duration whose form the schema has checked. */
export function itemDuration(written: string, path: ConfigPath, report: Report): number {
  const ms = parseDuration(written);
  if (ms === null)
    report(path, `"${written}" is longer than the longest duration`, 'at most 596h (24.8 days)');
  return ms ?? 0;
}

/** The one of the keys that the item has. Reports and returns null when it has none of them or several. */
export function oneOf<T extends object, K extends keyof T & string>(
  item: T,
  keys: readonly K[],
  path: ConfigPath,
  report: Report,
): K | null {
  const given = keys.filter((key) => item[key] !== undefined && item[key] !== '');
  const [first, second] = given;
  if (first !== undefined && second === undefined) return first;
  const names = keys.join(', ');
  if (first === undefined) report(path, `one of ${names} is needed`, null);
  else report([...path, second as string], `${first} is there as well`, `keep one of ${names}`);
  return null;
}

/** Reports keys that have no meaning for the kind of item that was chosen. */
export function refuseKeys<T extends object>(
  item: T,
  keys: readonly (keyof T & string)[],
  why: string,
  path: ConfigPath,
  report: Report,
): void {
  for (const key of keys) if (item[key] !== undefined) report([...path, key], why, 'leave it out');
}

/** The secret, or null when it is absent or empty, as after `${NAME:-}` with a variable that is not set. */
export const secretOf = (written: string | undefined): string | null =>
  written === undefined || written === '' ? null : written;

/** Reports bounds between which there is no value. */
export function checkBounds(
  { min, max }: { readonly min?: number | undefined; readonly max?: number | undefined },
  path: ConfigPath,
  report: Report,
): void {
  if (min !== undefined && max !== undefined && min > max)
    report([...path, 'max'], `no value is at least ${min} and at most ${max}`, 'swap min and max');
}

export function promqlSource(
  item: {
    readonly promql?: string | undefined;
    readonly prometheus?: string | undefined;
    readonly token?: string | undefined;
  },
  path: ConfigPath,
  report: Report,
): PromqlSource {
  if (item.prometheus === undefined)
    report([...path, 'prometheus'], 'is missing', 'add prometheus: the URL of the server that is asked');
  return {
    kind: 'promql',
    prometheus: checkUrl(item.prometheus, [...path, 'prometheus'], report),
    query: item.promql ?? '',
    token: secretOf(item.token),
  };
}

function gateQuestion(written: WrittenGate, path: ConfigPath, report: Report): GateQuestion {
  const kind = oneOf(written, ['webhook', 'promql', 'approval'], path, report);
  const { min, max } = written;
  if (kind === 'promql') {
    refuseKeys(written, ['secret', 'retries'], 'belongs to a webhook', path, report);
    checkBounds(written, path, report);
    if (min === undefined && max === undefined)
      report(path, 'min, max or both are needed with promql', 'such as max: 100');
    return { kind, source: promqlSource(written, path, report), min: min ?? null, max: max ?? null };
  }
  refuseKeys(written, ['prometheus', 'min', 'max', 'token'], 'belongs to promql', path, report);
  if (kind !== 'webhook') return { kind: 'approval' };
  return {
    kind,
    url: checkUrl(written.webhook, [...path, 'webhook'], report),
    secret: secretOf(written.secret),
  };
}

function resolveGate(written: WrittenGate, index: number, report: Report): Gate {
  const path = ['gates', index];
  const defaults = signalDefaults.gate;
  const question = gateQuestion(written, path, report);
  const at = (typeof written.at === 'string' ? [written.at] : written.at) as readonly GatePoint[];
  if (question.kind !== 'webhook' && at.includes('after-revert'))
    report(
      [...path, 'at'],
      'after-revert only tells a webhook: nothing waits there',
      'name points before a move',
    );
  return {
    name: written.name,
    at,
    question,
    intervalMs: itemDuration(written.interval ?? defaults.interval, [...path, 'interval'], report),
    timeoutMs: itemDuration(written.timeout ?? defaults.timeout, [...path, 'timeout'], report),
    retries: written.retries ?? defaults.retries,
  };
}

export function resolveGates(written: WrittenConfig['gates'], report: Report): readonly Gate[] {
  checkNames(written, 'gates', report);
  return [...itemsOf(written)].map(([index, gate]) => resolveGate(gate, index, report));
}

function receiverOf(written: WrittenNotification, path: ConfigPath, report: Report): Receiver {
  const kind = oneOf(written, ['webhook', 'slack', 'pagerduty'], path, report);
  if (kind !== 'webhook') refuseKeys(written, ['secret'], 'belongs to a webhook', path, report);
  if (kind !== 'pagerduty') refuseKeys(written, ['endpoint'], 'belongs to pagerduty', path, report);
  switch (kind) {
    case 'slack':
      return { kind, url: checkUrl(written.slack, [...path, 'slack'], report) };
    case 'pagerduty': {
      const url = checkUrl(written.endpoint ?? signalDefaults.pagerdutyUrl, [...path, 'endpoint'], report);
      refuseKeys(written, ['on'], 'PagerDuty is told of reverts and what ends them', path, report);
      return { kind, url, routingKey: written.pagerduty ?? '' };
    }
    default: {
      const url = checkUrl(written.webhook, [...path, 'webhook'], report);
      return { kind: 'webhook', url, secret: secretOf(written.secret) };
    }
  }
}

export function resolveNotifications(
  written: WrittenConfig['notifications'],
  report: Report,
): readonly Notification[] {
  checkNames(written, 'notifications', report);
  return [...itemsOf(written)].map(([index, item]) => ({
    name: item.name,
    receiver: receiverOf(item, ['notifications', index], report),
    on: (item.on ?? notifiedTransitions) as Notification['on'],
  }));
}

const minuteOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

function resolveWindow(written: WrittenWindow, index: number, report: Report): ChangeWindow {
  const { days, from, to } = written;
  const path = ['windows', 'allow', index];
  if (from === to)
    report(
      [...path, 'to'],
      `the window ends as it begins, at ${to}`,
      'for a whole day write from 00:00 to 24:00',
    );
  if (from === '24:00') report([...path, 'from'], 'a day begins at 00:00', 'write "00:00" on the day after');
  return {
    days: days.map((day) => weekdays.indexOf(day as (typeof weekdays)[number])),
    fromMinute: minuteOf(from),
    toMinute: minuteOf(to),
  };
}

export function resolveWindows(written: WrittenConfig['windows'], report: Report): ChangeWindows {
  const { timeZone, allow } = written;
  const isKnown = isTimeZone(timeZone);
  if (!isKnown)
    report(['windows', 'timeZone'], `"${timeZone}" is not a known time zone`, 'such as Europe/Berlin or UTC');
  return {
    timeZone: isKnown ? timeZone : 'UTC',
    allow: [...itemsOf(allow)].map(([index, window]) => resolveWindow(window, index, report)),
  };
}

export function resolveOutgoing(written: WrittenConfig['outgoing'], report: Report): Config['outgoing'] {
  const blocksOf = (key: keyof Config['outgoing']): readonly Cidr[] => {
    const blocks: Cidr[] = [];
    for (const [index, text] of itemsOf(written[key])) {
      const cidr = parseCidr(text);
      if (cidr === null)
        report(['outgoing', key, index], `"${text}" is not a CIDR block`, 'such as 10.0.0.0/8');
      else blocks.push(cidr);
    }
    return blocks;
  };
  return { allow: blocksOf('allow'), linkLocalNodes: blocksOf('linkLocalNodes') };
}

type Called = Pick<WrittenConfig, 'metrics' | 'gates' | 'notifications'>;

/**
 * Reports URLs with an address that is never called. What a name resolves to is checked when it is called.
 */
export function checkCalledAddresses(written: Called, allowed: readonly Cidr[], report: Report): void {
  const check = (item: object, path: ConfigPath): void => {
    for (const key of calledKeys) {
      const text: unknown = (item as Record<string, unknown>)[key];
      const url = typeof text === 'string' ? sampleOf(text) : null;
      const refusal = url === null ? null : refusalOfLiteral(url, allowed);
      if (refusal !== null) report([...path, key], refusal, adviceOn(refusal));
    }
  };
  for (const list of ['metrics', 'gates', 'notifications'] as const)
    for (const [index, item] of itemsOf<object>(written[list])) check(item, [list, index]);
}

const adviceOn = (refusal: string): string =>
  refusal.includes('outgoing.allow')
    ? 'add its block to outgoing.allow'
    : 'name a host that is meant to be called; clouds keep credentials at link-local addresses';
