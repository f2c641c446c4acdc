// Offsets of the numbers in the memory that workers share with the control thread; nothing is counted here.
// Each worker writes its own slab, so no locks are needed; the control thread reads all slabs and works with
// differences. Counters are Float64 and only grow; they are exact up to 2^53. A store of 8 aligned bytes is
// one store of the machine on every platform that Node runs on.
import { type FailureKind, proxyErrorNames } from '#src/base/error-catalog.ts';
import { failureCauses } from '#src/core/telemetry/failure-cause.ts';
import {
  type OwnResource,
  ownResources,
  type ShortOperation,
  shortOperations,
} from '#src/core/telemetry/own-shortage.ts';
import {
  clientGroupCount,
  epochSlotCount,
  groupKindCount,
  latencyBucketCount,
  latencyQuantiles,
  nodesPerClusterMax,
  routesTrackedMax,
  userBucketCount,
} from '#src/limits.ts';

/** The two clusters as indices of arrays. X runs today, Y is to replace it. */
export const X = 0;
export const Y = 1;
export type Arm = typeof X | typeof Y;
export const armNames = ['x', 'y'] as const;
export type ClusterName = (typeof armNames)[number];

/** Where each failure kind of an attempt is counted. */
export const failureKindIndex = {
  connect: 0,
  reset: 1,
  timeout: 2,
  protocol: 3,
  truncated: 4,
  unavailable: 5,
} as const satisfies Record<FailureKind, number>;
const failureKindSlots = 8;

/** Status codes are 100..599 (RFC 9110 15); an answer with any other counts as a protocol failure. */
export const statusSlots = 600;
const quantileSlots = latencyQuantiles.length;
/** The tracked routes, and one slot for all others. */
export const routeSlots = routesTrackedMax + 1;
export const otherRouteSlot = routesTrackedMax;

/**
 * A block for each arm and epoch slot. It counts first attempts only, in the epoch in which they were
 * assigned.
 */
export const ATTEMPT = {
  /** First attempts that were assigned to this arm in this epoch. */
  assigned: 0,
  /** First attempts whose client went away before the response head. */
  clientAborts: 1,
  /** Sum of time to response head in ms over the successes in the histogram. */
  latencyMsSum: 2,
  /**
   * Grows after any other number of the block has changed. When it has not grown, the block need not be read.
   */
  changes: 3,
  /** By kind of failure, in the order of failureKinds. */
  failures: 4,
  /** By quantile: first attempts that were slow before they had a response head, and have not failed. */
  ageCrossed: 4 + failureKindSlots,
  /** Of those, how many got a successful response head later. These are in `latency` as well. */
  ageCrossedDone: 4 + failureKindSlots + quantileSlots,
  /** 5xx that Kong made by itself, and those of the service behind it, as Kong's headers say. */
  kongFailures: 22,
  serviceFailures: 23,
  /**
   * First attempts taken out of the comparison because a resource of ours was short: in no other count of the
   * block.
   */
  ownShortages: 24,
  /** By status code, as the node sent it. */
  status: 32,
  /** First attempts with a status below 500, by bucket of the latency to their response head. */
  latency: 32 + statusSlots,
  /** The same by bucket of the time that Kong itself took, where its headers say it. */
  kongLatency: 32 + statusSlots + latencyBucketCount,
  /** With sticky routing: requests by group of users, then failures. */
  userRequests: 32 + statusSlots + 2 * latencyBucketCount,
  userFailures: 32 + statusSlots + 2 * latencyBucketCount + userBucketCount,
  /** Requests by route slot, then failures; the last slot is for all other routes. */
  routeRequests: 32 + statusSlots + 2 * latencyBucketCount + 2 * userBucketCount,
  routeFailures: 32 + statusSlots + 2 * latencyBucketCount + 2 * userBucketCount + routeSlots,
  /** Of the failures by route, the 5xx of the service behind Kong. */
  routeServiceFailures: 32 + statusSlots + 2 * latencyBucketCount + 2 * userBucketCount + 2 * routeSlots,
  /** With sticky routing: requests by group of clients, then of each kind (GROUP). */
  groupRequests: 32 + statusSlots + 2 * latencyBucketCount + 2 * userBucketCount + 3 * routeSlots,
  groupHits:
    32 + statusSlots + 2 * latencyBucketCount + 2 * userBucketCount + 3 * routeSlots + clientGroupCount,
  size:
    32 +
    statusSlots +
    2 * latencyBucketCount +
    2 * userBucketCount +
    3 * routeSlots +
    (1 + groupKindCount) * clientGroupCount,
} as const;

/** Offsets within `groupHits`: what is counted of each group of clients. `slow` is by quantile. */
export const GROUP = {
  failures: 0,
  success: clientGroupCount,
  redirect: 2 * clientGroupCount,
  clientError: 3 * clientGroupCount,
  aborted: 4 * clientGroupCount,
  slow: 5 * clientGroupCount,
} as const;

/** The epoch slots, and one for requests that are older than `epochSlotCount` changes of the split. */
export const epochSlots = epochSlotCount + 1;
export const staleSlot = epochSlotCount;

/** What clients were answered, for each arm that made the answer. */
export const ANSWER = {
  status: 0,
  latencyMsSum: statusSlots,
  latency: statusSlots + 1,
  size: statusSlots + 1 + latencyBucketCount,
} as const;

/** A block for each arm and node slot. */
export const NODE = {
  requests: 0,
  failures: 1,
  inFlight: 2,
  ejected: 3,
  ejections: 4,
  connects: 5,
  size: 8,
} as const;

/**
 * Why attempts failed, per (arm, node slot): failureCauses[]. One slot more is for requests that found no
 * node.
 */
const causeSlots = 64;
export const noNodeSlot = nodesPerClusterMax;

/** Shortages at our own end by operation and resource. */
const shortageSlots = shortOperations.length * ownResources.length;

/** Slot of a failover for a shortage of ours; the slots before are the failure kinds'. */
const failoverShortageSlot = failureKindSlots - 1;
/** Reasons of a failover Y -> X: failure kinds and shortage first, then configured statuses by code. */
export const failoverReasonSlots = failureKindSlots + statusSlots;

const attemptsAt = 0;
const answersAt = attemptsAt + 2 * epochSlots * ATTEMPT.size;
const nodesAt = answersAt + 2 * ANSWER.size;
const rejectedAt = nodesAt + 2 * nodesPerClusterMax * NODE.size;
const failoversAt = rejectedAt + 64;
const workerAt = failoversAt + failoverReasonSlots;

/** Single counters and gauges of a worker. */
export const WORKER = {
  // gauges
  connectionsOpen: workerAt + 0,
  tunnelsOpen: workerAt + 1,
  inFlightX: workerAt + 2,
  inFlightY: workerAt + 3,
  upstreamOpenX: workerAt + 4,
  upstreamOpenY: workerAt + 5,
  upstreamIdleX: workerAt + 6,
  upstreamIdleY: workerAt + 7,
  /** 0 closed, 1 open, 2 half-open. */
  breakerState: workerAt + 8,
  /** Monotonic ms (hrtime) since which the breaker is not closed; 0 when closed. */
  breakerOpenSinceMs: workerAt + 9,
  /** Grows with every tick of the worker's coarse timer, as a sign that it runs. */
  heartbeat: workerAt + 10,
  /** Revision of the configuration that the worker runs. */
  configRevision: workerAt + 11,
  /** Epoch of the split that the worker used last. */
  splitEpoch: workerAt + 12,
  /** Largest delay of the worker's coarse timer since it started, ms. */
  loopDelayMsMax: workerAt + 13,
  pendingX: workerAt + 14,
  pendingY: workerAt + 15,
  /** Requests that were read and wait for their turn (turn-queue.ts). */
  queued: workerAt + 16,
  /** 1 while the worker accepts connections, else 0. */
  listening: workerAt + 17,
  // counters
  connectionsAccepted: workerAt + 24,
  connectionsRefused: workerAt + 25,
  breakerOpens: workerAt + 26,
  /** Requests that the split assigned to Y and an open breaker sent to X. They count for neither arm. */
  breakerDiverted: workerAt + 27,
  failoverBudgetExhausted: workerAt + 28,
  /** Requests sent again because the node closed an idle connection just as it was used for them. */
  staleReuseRetries: workerAt + 29,
  /**
   * Requests tried on another node of the same cluster, after a failed connect or a node that died before it
   * answered.
   */
  connectRetries: workerAt + 30,
  clientAborts: workerAt + 31,
  /** Requests that a pin rule or the override header assigned. They are not part of the comparison. */
  pinnedRequests: workerAt + 32,
  bytesFromClients: workerAt + 33,
  bytesToClients: workerAt + 34,
  pipelinedRequests: workerAt + 35,
  truncatedResponses: workerAt + 36,
  /**
   * Requests that the split assigned to Y and that went to X because their route is parked. They count for
   * neither arm.
   */
  parkedDiverted: workerAt + 37,
  /** Client connections that gave way when places were short, by what was waited for (client/places.ts). */
  gaveWayLeft: workerAt + 38,
  gaveWayUpload: workerAt + 39,
  gaveWayReader: workerAt + 40,
  gaveWaySilent: workerAt + 41,
  gaveWayIdle: workerAt + 42,
} as const;

const causesAt = workerAt + 64;
const shortagesAt = causesAt + 2 * (nodesPerClusterMax + 1) * causeSlots;

/** Length of a worker's slab, in Float64 elements. */
export const slabLength = shortagesAt + shortageSlots;

export const attemptOffset = (arm: number, epochSlot: number): number =>
  attemptsAt + (arm * epochSlots + epochSlot) * ATTEMPT.size;
export const answerOffset = (arm: number): number => answersAt + arm * ANSWER.size;
export const nodeOffset = (arm: number, nodeSlot: number): number =>
  nodesAt + (arm * nodesPerClusterMax + nodeSlot) * NODE.size;
/** Offset of the counter for proxyErrors[index]. */
export const rejectedOffset = (errorIndex: number): number => rejectedAt + errorIndex;
/** Offset of the counter of replays for a kind of failure by its index; the next one for a status code. */
export const failoverKindOffset = (kindIndex: number): number => failoversAt + kindIndex;
export const failoverStatusOffset = (status: number): number => failoversAt + failureKindSlots + status;
export const failoverShortageOffset = failoversAt + failoverShortageSlot;
/** Offset of the first cause's counter for a node, or for no node (`noNodeSlot`). */
export const causesOffset = (arm: number, nodeSlot: number): number =>
  causesAt + (arm * (nodesPerClusterMax + 1) + nodeSlot) * causeSlots;
/** One past the last. */
export const causesEnd = (arm: number, nodeSlot: number): number => causesOffset(arm, nodeSlot) + causeSlots;
export const shortageOffset = (operation: ShortOperation, resource: OwnResource): number =>
  shortagesAt + shortOperations.indexOf(operation) * ownResources.length + ownResources.indexOf(resource);

if (groupKindCount !== 5 + quantileSlots) throw new Error('invariant broken: a kind without a place');
if (failureCauses.length > causeSlots) throw new Error('invariant broken: more causes than counters');
if (proxyErrorNames.length > 64) throw new Error('invariant broken: more proxy errors than counters');
