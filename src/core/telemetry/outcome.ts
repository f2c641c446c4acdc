// What counts as what: from the raw counters of an arm to the n and k of a stream. One place, so that analysis, reports
// and metrics can't disagree about what an error is.
import type { ArmSample } from './sample.ts';

/** Whose failures count: everybody's, or Kong's own and those on the way to it. */
export type Attribution = 'all' | 'kong';

/** Requests of the error stream: first attempts with an outcome, client aborts left out. */
export const errorRequests = (arm: ArmSample): number => arm.requests;

/** Errors among them: 5xx, connect, reset, timeout, protocol, unavailable, truncated. */
export const errorFailures = (arm: ArmSample): number => arm.failures;

/** Responses with a status from `low` to `high`, both included. */
export function statusSum(arm: ArmSample, low: number, high: number): number {
  let sum = 0;
  for (let code = low; code <= high; code++) sum += arm.status[code] as number;
  return sum;
}

/** Failures at the gateway, before or within an answer: of connections, times and messages, no 5xx. */
export function gatewayFailures(arm: ArmSample): number {
  let sum = 0;
  for (let kind = 0; kind < arm.failuresByKind.length; kind++) sum += arm.failuresByKind[kind] as number;
  return sum;
}

/** Responses that carry Kong's headers: counted by what they say, so each is in one of the three. */
export function responsesMarkedByKong(arm: ArmSample): number {
  let sum = arm.kongFailures + arm.serviceFailures;
  for (let bucket = 0; bucket < arm.kongLatency.length; bucket++) sum += arm.kongLatency[bucket] as number;
  return sum;
}
