// How a try to get an answer from a node failed: how far it had come, why, and what the client is told when
// nothing saves the request. Made when a try has failed, never on the way of one that succeeds.
import type { ProxyErrorName } from '#src/base/error-catalog.ts';
import {
  type FailureCause,
  type FailurePhase,
  failureCause,
  noNodeCode,
} from '#src/core/telemetry/failure-cause.ts';
import { type OwnResource, shortageError, shortResource } from '#src/core/telemetry/own-shortage.ts';

export interface UpstreamFailure {
  readonly phase: FailurePhase;
  /** What the upstream did, or did not do; null when a resource of ours was short. */
  readonly cause: FailureCause | null;
  readonly error: ProxyErrorName;
}

/**
 * Of a connection to a node, or of the attempt to get one. `code`: a system error's, or one of
 * failure-cause.ts.
 */
export function upstreamFailure(phase: FailurePhase, code: string): UpstreamFailure {
  const resource = shortResource(code);
  if (resource !== null) return ownShortage(resource, phase);
  const cause = failureCause(phase, code);
  return { phase, cause, error: cause.error };
}

/** A resource of ours was short. */
export const ownShortage = (resource: OwnResource, phase: FailurePhase = 'connect'): UpstreamFailure => ({
  phase,
  cause: null,
  error: shortageError(resource),
});

/**
 * No node of the cluster takes the request. `failedCode`: what a connect to the one before failed with, if
 * there was one.
 */
export const noNode = (failedCode: string | null): UpstreamFailure => ({
  phase: 'select',
  cause: failedCode === null ? failureCause('select', noNodeCode) : failureCause('connect', failedCode),
  error: 'upstreamUnavailable',
});

/** Whether part of the request may have reached the node. */
export const wasSent = ({ phase }: UpstreamFailure): boolean => phase === 'send' || phase === 'head';
