// Every bound of the system in one place, with its reason. What an operator may change is in the config and
// takes its default from here; relations between the limits are asserted when this file is loaded.
import { assert } from '#src/base/assert.ts';

const KiB = 1024;

/** Parts per million: the resolution of the split. 1 ppm of 10,000 requests/s is one request in 100 s. */
export const PPM = 1_000_000;

/** Request or response head, from the first byte to the blank line. Kong's nginx allows 4 x 8 KiB. */
export const headBytesMaxDefault = 32 * KiB;
/** Longest method; the longest registered one, UPDATEREDIRECTREF, has 17 letters. */
export const methodBytesMax = 32;
/** Longest request target. Half of the head, so that a long URL still leaves room for its headers. */
export const targetBytesMax = 16 * KiB;
/** Host field, and authority of a target: names have at most 255 bytes. It is forwarded once more, as X-Forwarded-Host. */
export const authorityBytesMax = KiB;
/** Header fields per head; nginx has no bound, HAProxy 101, Envoy 100. */
export const headerCountMaxDefault = 100;
/** Options in the Connection fields of a head, for each is compared with every field; real senders use up to three. */
export const connectionOptionsMax = 16;
/** Extension bytes per chunk; legitimate senders use none. */
export const chunkExtensionBytesMax = 256;
/** Extension bytes per body, so that one-byte chunks with extensions stay cheap. */
export const chunkExtensionBytesPerBodyMax = 16 * KiB;
/** Trailer section of a chunked body. */
export const trailerBytesMax = 8 * KiB;
/** Digits of a chunk size: 13 hex digits are 2^52, still exact in a double. */
export const chunkSizeDigitsMax = 13;
/** Largest Content-Length: the largest integer a double holds exactly. */
export const contentLengthMax = Number.MAX_SAFE_INTEGER;
/** Interim (1xx) responses before a final one; a flood of them is a broken upstream. */
export const interimResponsesMax = 16;
/** Leading CRLFs before a request line that are ignored (RFC 9112 2.2 asks for at least one). */
export const leadingBlankLinesMax = 4;

/** Shared read buffer of a worker, one for clients and one for upstreams: a 100 KB answer in one read, and in the L2 cache. */
export const readBufferBytes = 128 * KiB;
/**
 * Requests that a worker begins in one turn of its event loop when it has many clients; others wait for a later one. Half a
 * millisecond of work: libuv accepts one connection between two polls, and a long turn would let newcomers wait (3,000
 * clients without a bound: 20,000 requests/s and turns of a second; with 16 to 64 at a time 25,000 and milliseconds).
 */
export const requestsPerTurnMax = 16;
/** From so many connections on. Fewer can't make a turn long, and are served without the count. */
export const crowdConnectionsMin = 512;
/** Requests taken from one connection per event-loop turn before others get theirs. */
export const pipelinedRequestsPerTurnMax = 32;
/** Client connections over all workers. Each may hold an upstream connection too: 2 file descriptors. */
export const connectionsMaxDefault = 10_000;
/** Upstream connections a worker keeps idle per node: what a thousand busy clients use in turn, so that they don't reconnect. */
export const idleUpstreamPerNodeMax = 1_024;
/** Request bytes kept for a replay on X. */
export const replayBytesMaxDefault = 64 * KiB;
/** Upstream connections per worker and node. Further requests do not wait for a node that holds so many: they go to X, or get 503. */
export const upstreamPerNodeMax = 4096;
/** Connects of one worker to a node at a time: further requests wait for one of them, or for a connection that gets free. */
export const connectsPerNodeMax = 64;
/** Requests of one worker waiting for a connection to a cluster; more are answered 503 at once. */
export const pendingPerClusterMax = 10_000;
/** Bytes read and dropped after an early answer, so that the client gets to read it (lingering close). */
export const lingerBytesMax = 1024 * KiB;
/** How long that may take. */
export const lingerMsMax = 2_000;

/** Worker threads. */
export const workersMax = 64;
/** Nodes per cluster: node counters and states are fixed slots in shared memory. */
export const nodesPerClusterMax = 64;
/** Weight epochs whose outcomes are told apart; a request older than this many split changes is counted as stale. */
export const epochSlotCount = 8;
/** Latency buckets: log-spaced by 2 % from 0.1 ms to 154 s (ANALYSIS 2.2). */
export const latencyBucketCount = 720;
export const latencyBucketGamma = 1.02;
export const latencyBucketFirstMs = 0.1;
/** Pages of 1,000 entities read from Kong's Admin API, and the time for each. */
export const kongPagesMax = 50;
export const kongPageTimeoutMs = 5_000;
/** Routes whose errors are compared on their own; the rest is counted together. */
export const routesTrackedMax = 64;
/** Patterns that routes are told apart by; each is compared with every request until one matches. */
export const routePatternsMax = 128;
/** Requests on a route that a worker sees before it asks for a slot: one-off paths must not use the slots up. */
export const routeSightingsMin = 20;
/** Unknown routes whose sightings a worker remembers. */
export const routeCandidatesMax = 4_096;
/** Sub-buckets of users per arm under sticky routing (ANALYSIS 6): enough to see clusters of errors by user. */
export const userBucketCount = 16;
/** Failed requests of Y that a worker remembers for the record of a revert. */
export const failureSamplesMax = 64;
/** The same of answers in each status class that is not the rule, and of slow ones at each quantile; and how often one is taken. */
export const answerSamplesMax = 16;
export const answerSampleEveryMs = 250;
/** Latency quantiles that the analysis compares. */
export const latencyQuantiles = [0.5, 0.75, 0.9, 0.95, 0.99] as const;

/** A step is watched for this long, however short its bake and however much traffic there is: bursts and slow starts need time to show. */
export const stepWatchedMsMin = 10_000;
/** Control loop period. 4 Hz: a verdict needs three 1-second clusters, so faster brings nothing. */
export const tickMs = 250;
/** Failures in a row on Y that open a worker's breaker (ANALYSIS 8). */
export const breakerFailuresInARow = 20;
/** How long an open breaker sends Y's share to X before it lets a single request through. */
export const breakerOpenMs = 1_000;
/** Without a byte once one side of a tunnel has ended; HAProxy's manual has 30 s for its `timeout client-fin`. */
export const tunnelHalfClosedMs = 30_000;
/** Failures in a row on one node that eject it from its cluster. */
export const ejectionFailuresInARow = 5;
/** First ejection; doubles with each further one up to the cap. */
export const ejectionBaseMs = 10_000;
export const ejectionMsMax = 300_000;
/** At most this share of a cluster's nodes is ejected: half, so that two nodes work. */
export const ejectedShareMax = 0.5;

/** Configuration file: fifty times a usual one, and what the YAML parser, quadratic in places, still reads in a second. */
export const configBytesMax = 128 * KiB;
/** Mappings and lists within each other; the deepest setting is five deep. */
export const configNestingMax = 32;
/** Values in it, counting what YAML aliases repeat: a few lines of nested aliases would otherwise be billions. */
export const configValuesMax = 10_000;

/** Request body of the control API. */
export const apiBodyBytesMax = 1024 * KiB;
/** Answer of a gate, a metric source or a notification's receiver. */
export const outgoingAnswerBytesMax = 64 * KiB;
/** Gates, business metrics and receivers of notifications, each: more would be a mistake, and each is a label of metrics. */
export const signalsMax = 32;
/** Notifications that wait for one receiver; an hour's rollout has about twenty. */
export const notificationsQueuedMax = 100;
/** Samples of a pushed metric at once: a billion trials in one call is a mistake of units. */
export const pushedTrialsMax = 1_000_000_000;

/**
 * Where new objects are made, in MiB of a thread's heap; V8 takes up to 48. What these threads make is soon garbage, and more
 * room only keeps memory that nobody uses: 10 MiB of the process within seconds for control and store, 30 for each worker
 * after a quarter of an hour of load.
 */
export const youngGenerationMiBMax = { worker: 6, control: 6, store: 6 };

/** Events returned by one call. */
export const apiEventsMax = 1_000;

assert(targetBytesMax < headBytesMaxDefault, 'a target fits into a head');
assert(headBytesMaxDefault < readBufferBytes, 'a head fits into one read buffer');
assert(headBytesMaxDefault <= replayBytesMaxDefault, 'a head fits into the replay buffer');
assert(chunkSizeDigitsMax * 4 <= 52, 'a chunk size is exact in a double');
assert(breakerOpenMs < 3_000, 'a breaker probes Y before the rollout reverts for an open breaker');
