// Why an upstream failed: how far the request had come, and what happened then. A fixed table, so that causes
// can be counted in shared memory and are labels of metrics without bound to their number. docs/errors.md
// lists it; a test holds the two together.
import { assert } from '#src/base/assert.ts';
import type { ProxyErrorName } from '#src/base/error-catalog.ts';
import { type ResponseFault, responseFaults } from '#src/core/http1/response-head.ts';

/**
 * How far a request had come: a node is chosen, connected to, sent the request, awaited for the response
 * head; then the head was passed on, and the body follows.
 */
export const failurePhases = ['select', 'connect', 'send', 'head', 'body'] as const;
export type FailurePhase = (typeof failurePhases)[number];

/** What is wrong with an answer beyond a single head. */
const relayFaults = ['too many interim responses', 'chunk malformed', 'trailers too large'] as const;
/** The rule of HTTP that an answer broke. */
export type AnswerFault = ResponseFault | (typeof relayFaults)[number];

/** One of our own deadlines passed: `timeouts.connect`, `responseHead`, `requestBody` or `responseBody`. */
export const deadlineCode = 'deadline';
/** The upstream ended the connection in order (FIN) before its answer was complete. */
export const closedCode = 'closed';
/**
 * No node of the cluster takes traffic: all are unhealthy, ejected or draining, or the only one left has just
 * failed.
 */
export const noNodeCode = 'no_node';
const unresolvedCode = 'unresolved';
const otherCode = 'other';

export interface FailureCause {
  /** Place in `failureCauses`. */
  readonly index: number;
  readonly phase: FailurePhase;
  /** A system error's name, a rule of HTTP that was broken, or one of the words above. */
  readonly code: string;
  /** What the client is told when nothing saves the request. */
  readonly error: ProxyErrorName;
}

/** Errors of a TCP connection that once was there: read(2), write(2), tcp(7). */
const connectionCodes = ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ECONNABORTED'];

/** A fault as a label: lower case, with underscores. */
const labelOf = (fault: AnswerFault): string => fault.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_');

const faultLabels: ReadonlyMap<AnswerFault, string> = new Map(
  [...responseFaults, ...relayFaults].map((fault) => [fault, labelOf(fault)]),
);

/** The label of a rule of HTTP that an answer broke. */
export const faultCode = (fault: AnswerFault): string => faultLabels.get(fault) ?? otherCode;

const codesByPhase: Readonly<Record<FailurePhase, readonly string[]>> = {
  select: [noNodeCode],
  // connect(2); EACCES and EPERM come from a local firewall, ECONNABORTED from an end on our side.
  connect: [
    'ECONNREFUSED',
    'ECONNRESET',
    'ETIMEDOUT',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'EHOSTDOWN',
    'ENETDOWN',
    'EACCES',
    'EPERM',
    'ECONNABORTED',
    deadlineCode,
    unresolvedCode,
    otherCode,
  ],
  send: [...connectionCodes, closedCode, deadlineCode, otherCode],
  head: [...connectionCodes, closedCode, deadlineCode, ...faultLabels.values(), otherCode],
  body: [
    ...connectionCodes,
    closedCode,
    deadlineCode,
    faultCode('chunk malformed'),
    faultCode('trailers too large'),
    otherCode,
  ],
};

function errorOf(phase: FailurePhase, code: string): ProxyErrorName {
  switch (phase) {
    case 'select':
      return 'upstreamUnavailable';
    case 'connect':
      return 'upstreamConnectFailed';
    case 'body':
      return 'upstreamTruncated';
    case 'send':
    case 'head':
      if (code === deadlineCode) return 'upstreamTimeout';
      return isFaultLabel(code) ? 'upstreamResponseInvalid' : 'upstreamReset';
  }
}

const isFaultLabel = (code: string): boolean => [...faultLabels.values()].includes(code);

/** All causes, in the order of their counters. */
export const failureCauses: readonly FailureCause[] = failurePhases
  .flatMap((phase) => codesByPhase[phase].map((code) => ({ phase, code, error: errorOf(phase, code) })))
  .map((cause, index) => ({ index, ...cause }));

const causes = new Map(failureCauses.map((cause) => [`${cause.phase} ${cause.code}`, cause]));

/**
 * What a name that was never resolved leads to: without an address, a connect is refused as invalid, or
 * resolves it in vain.
 */
const unresolvedCodes = new Set(['EINVAL', 'ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA']);

/**
 * The cause with this phase and code; one that is not in the table is `other`. Only for failures: it builds a
 * key.
 */
export function failureCause(phase: FailurePhase, code: string): FailureCause {
  const known = phase === 'connect' && unresolvedCodes.has(code) ? unresolvedCode : code;
  const cause = causes.get(`${phase} ${known}`) ?? causes.get(`${phase} ${otherCode}`);
  assert(cause !== undefined, 'a request that finds no node has one cause');
  return cause;
}
