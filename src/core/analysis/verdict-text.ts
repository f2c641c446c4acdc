// The words of a verdict: one plain sentence with its numbers, for an engineer who has not read about the
// tests.
import type { Attribution } from '#src/core/telemetry/outcome.ts';
import type { ArmCounts, LatencyThreshold, MadeFailures } from './verdict.ts';

/** 1234567 as `1,234,567`; rounded to a whole number. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/**
 * A share 0..1 in percent with two significant digits, and no more than three decimals: `4.1 %`, `0.12 %`,
 * `100 %`.
 */
export function formatShare(share: number): string {
  const percent = share * 100;
  if (percent === 0) return '0 %';
  if (percent < 0.001) return 'below 0.001 %';
  const decimals = percent > 99 ? 2 : Math.min(3, Math.max(0, 1 - Math.floor(Math.log10(percent))));
  return `${Number(percent.toFixed(decimals))} %`;
}

/** Milliseconds for reading: `31 s`, `4 min`, `2.5 h`. Rounded up to the unit. */
export function formatDuration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.ceil(seconds / 60)} min`;
  return `${Math.ceil(seconds / 360) / 10} h`;
}

/** Seconds for reading: `40 to 60 s`, `50 s to 4 min`, `up to 20 s`, and one figure where both are alike. */
export function formatRange(fromSeconds: number, toSeconds: number): string {
  const to = formatDuration(toSeconds * 1000);
  const from = formatDuration(fromSeconds * 1000);
  if (from === to) return to;
  if (fromSeconds < 1) return `up to ${to}`;
  const [figure, unit] = from.split(' ');
  return to.endsWith(` ${unit}`) ? `${figure} to ${to}` : `${from} to ${to}`;
}

/** Time that has passed, in whole seconds. A limit of 3 s that is noticed a tick later was 3 s. */
export const formatElapsed = (ms: number): string => formatDuration(Math.floor(ms / 1000) * 1000);

/** Bound on a chance of e^-logEvidence, one digit, never too small: `1 in 300`, from 10^5 on `1 in 10^6`. */
export function formatChance(logEvidence: number): string {
  const digits = Math.floor(logEvidence / Math.LN10 + 1e-9);
  if (digits >= 5) return `1 in 10^${digits}`;
  const unit = 10 ** Math.max(0, digits);
  return `1 in ${formatCount(Math.max(1, Math.floor(Math.exp(logEvidence) / unit + 1e-9)) * unit)}`;
}

/** What reverts, as a sentence with its odds. */
export function revertText(finding: string, capped: boolean, logEvidence: number): string {
  const unless = capped ? 'within it' : 'no worse';
  return `${finding}; the chance of this if Y were ${unless} is below ${formatChance(logEvidence)}`;
}

/**
 * What a proof takes: `needs about 32,000 more requests on Y to show that 404 responses are no more
 * frequent`.
 */
export const needsText = (requests: number, subject: string): string =>
  `needs about ${formatCount(requests)} more requests on Y to show that ${subject} are no more frequent`;

/** When the needed requests will have come: `, 4 to 22 min at the present rate`. */
export const arrivalText = (
  range: { readonly fromSeconds: number; readonly toSeconds: number } | null,
): string =>
  range === null
    ? ', none arrive at present'
    : `, ${formatRange(range.fromSeconds, range.toSeconds)} at the present rate`;

/**
 * `42 errors, of these 40 made by services, not counted`; null where no header says that a service made any.
 */
export function makersText(
  { kong, service, gateway, unattributed }: MadeFailures,
  attribution: Attribution | undefined,
): string | null {
  if (service === 0) return null;
  const all = formatCount(kong + service + gateway + unattributed);
  const counted = attribution === undefined ? '' : attribution === 'kong' ? ', not counted' : ', counted';
  return `${all} errors, of these ${formatCount(service)} made by services${counted}`;
}

/** `50.1 ms, on Y 55.3 ms`, or where overX makes Y's `0.303 ms, and 2 ms more on Y`. */
export const thresholdText = ({ xMs, yMs, by, overXMs }: LatencyThreshold): string =>
  by === 'overX' ? `${xMs} ms, and ${overXMs} ms more on Y` : `${xMs} ms, on Y ${yMs} ms`;

/** `errors 4.1 % on Y against 0.1 % on X over 312 and 2,790 requests`. */
export function comparisonText(what: string, x: ArmCounts, y: ArmCounts): string {
  const rates = `${formatShare(y.rate)} on Y against ${formatShare(x.rate)} on X`;
  return `${what} ${rates} over ${formatCount(y.requests)} and ${formatCount(x.requests)} requests`;
}
