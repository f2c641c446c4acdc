// How many requests and failures an arm had, from its counters. Defined in one place, so that analysis,
// reports and metrics agree on what an error is.
import type { ArmSample } from './sample.ts';

/** Whose failures count: all, or only those of Kong itself and of the way to it. */
export type Attribution = 'all' | 'kong';

/**
 * Requests in the comparison of errors: first attempts with an outcome, without those that clients aborted.
 */
export const errorRequests = (arm: ArmSample): number => arm.requests;

/** Errors among them: 5xx, connect, reset, timeout, protocol, unavailable, truncated. */
export const errorFailures = (arm: ArmSample): number => arm.failures;

/** Responses with a status from `low` to `high`, both included. */
export function statusSum(arm: ArmSample, low: number, high: number): number {
  let sum = 0;
  for (let code = low; code <= high; code++) sum += arm.status[code] as number;
  return sum;
}

/** Failures of connections, time-outs, and invalid or cut answers; without 5xx. */
export function gatewayFailures(arm: ArmSample): number {
  let sum = 0;
  for (let kind = 0; kind < arm.failuresByKind.length; kind++) sum += arm.failuresByKind[kind] as number;
  return sum;
}

/**
 * Responses with Kong's headers: failures by Kong, failures by services, and successes, which do not overlap.
 */
export function responsesMarkedByKong(arm: ArmSample): number {
  let sum = arm.kongFailures + arm.serviceFailures;
  for (let bucket = 0; bucket < arm.kongLatency.length; bucket++) sum += arm.kongLatency[bucket] as number;
  return sum;
}
