// What may still save a request whose try failed before its answer began, as pure functions of what is known:
// a fresh connection, another node of the cluster, the other cluster, in this order. Each at most once per
// cluster, and only where it does no harm. Nothing is counted here (outcome-ledger.ts), and nothing
// remembered (recovery.ts).
import { type ProxyErrorName, proxyErrors, type ReplayTrigger } from '#src/base/error-catalog.ts';

export const RecoveryStep = {
  /** The client gets the error. */
  giveUp: 0,
  /** The same again, on a connection that did not serve before. */
  freshConnection: 1,
  /** Another node of the cluster. */
  anotherNode: 2,
  /** X answers in Y's place. */
  otherCluster: 3,
  /** X would have answered, but the budget for replays is spent: the client gets the error. */
  budgetSpent: 4,
} as const;
export type RecoveryStep = (typeof RecoveryStep)[keyof typeof RecoveryStep];

/** What of a request decides whether it may be sent again. */
interface RequestFacts {
  /** Sending it twice does no harm (RFC 9110 9.2.2). */
  readonly isIdempotent: boolean;
  /** All of it that was received is still there. */
  readonly isWhole: boolean;
  readonly isWithinReplayLimit: boolean;
}

export interface FailedTry {
  readonly error: ProxyErrorName;
  readonly request: RequestFacts;
  /** Part of the request may have reached the node. */
  readonly wasSent: boolean;
  /** The connection had served another request before. */
  readonly wasReused: boolean;
  /** Any byte of an answer came: the request was worked on. */
  readonly hasResponseBytes: boolean;
  readonly hasRetriedStale: boolean;
  readonly hasTriedAnotherNode: boolean;
  /** A node of the cluster, other than the one that failed, takes traffic. */
  readonly hasAnotherNode: boolean;
  /** The request is on Y, was not meant for Y by rule or header, and was not moved before. */
  readonly mayLeaveCluster: boolean;
}

/** `failover.on`, looked up. */
interface Triggers {
  readonly connect: boolean;
  readonly reset: boolean;
  readonly timeout: boolean;
  includesStatus(status: number): boolean;
}

/** Everything received is there, and sending it again does no harm. */
const canReplay = ({ isIdempotent, isWhole, isWithinReplayLimit }: RequestFacts): boolean =>
  isIdempotent && isWhole && isWithinReplayLimit;

/** The next step after a try that ended with `error` before the response head. */
export function stepAfterFailure(tried: FailedTry, triggers: Triggers): RecoveryStep {
  if (isStaleReuse(tried)) return RecoveryStep.freshConnection;
  if (mayTryAnotherNode(tried)) return RecoveryStep.anotherNode;
  return mayMoveToX(tried, triggers) ? RecoveryStep.otherCluster : RecoveryStep.giveUp;
}

/**
 * A node may close an idle connection just as it is used again (RFC 9112 9.3.1): that is no failure of the
 * node.
 */
function isStaleReuse(tried: FailedTry): boolean {
  const { error, request, wasReused, hasResponseBytes, hasRetriedStale } = tried;
  return (
    error === 'upstreamReset' && wasReused && !hasResponseBytes && !hasRetriedStale && canReplay(request)
  );
}

/**
 * What was not sent may go to another node whatever its method is. Where a node died with the request before
 * it answered a byte, one that may be sent again tries another node, once.
 */
function mayTryAnotherNode(tried: FailedTry): boolean {
  if (tried.hasTriedAnotherNode || !tried.hasAnotherNode) return false;
  const { error, request, wasSent, hasResponseBytes } = tried;
  if (error === 'upstreamReset') return !hasResponseBytes && canReplay(request);
  return !wasSent;
}

function mayMoveToX({ error, request, wasSent, mayLeaveCluster }: FailedTry, triggers: Triggers): boolean {
  const { replayOn } = proxyErrors[error];
  if (!mayLeaveCluster || replayOn === null || !isTrigger(replayOn, triggers)) return false;
  return mayGoToX(request, wasSent);
}

/** Whether X can get the request as Y got it, and it does no harm when Y works on it too. */
export const mayGoToX = (request: RequestFacts, wasSent: boolean): boolean =>
  wasSent ? canReplay(request) : request.isWhole;

function isTrigger(replayOn: ReplayTrigger, triggers: Triggers): boolean {
  return typeof replayOn === 'number' ? triggers.includesStatus(replayOn) : triggers[replayOn];
}

/** The same for an answer with a status that `failover.on` may name: the answer is dropped for X's. */
export function stepAfterStatus(
  status: number,
  request: RequestFacts,
  mayLeaveCluster: boolean,
  triggers: Triggers,
): RecoveryStep {
  const moves = mayLeaveCluster && canReplay(request) && triggers.includesStatus(status);
  return moves ? RecoveryStep.otherCluster : RecoveryStep.giveUp;
}

/**
 * Whether the budget bounds the move. It bounds what is done twice; where a resource of ours was short
 * nothing was tried yet, and X gets the request as if it had been drawn for X, which is what an open breaker
 * does with it too.
 */
export const needsBudget = (error: ProxyErrorName): boolean => proxyErrors[error].fault !== 'crossover';
