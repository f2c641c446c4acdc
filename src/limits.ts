// Bounds with their reasons: of what the process accepts from clients, nodes, its configuration and other
// systems, of what it keeps for them, and all that more than one file needs. A bound that only concerns the
// work of one file is at the top of that file, with its reason too. What an operator may change is a setting,
// which takes its default from here. Relations between limits are asserted when this file is loaded.
import { assert } from '#src/base/assert.ts';

const KiB = 1024;

/** Parts per million: the resolution of the split. 1 ppm of 10,000 requests/s is one request in 100 s. */
export const PPM = 1_000_000;

/** Request or response head, from the first byte to the blank line. Kong's nginx allows 4 x 8 KiB. */
export const headBytesMaxDefault = 32 * KiB;
/** Longest method; the longest registered one, UPDATEREDIRECTREF, has 17 letters. */
export const methodBytesMax = 32;
/** Longest request target: half of a head, so that a long URL leaves room for the header fields. */
export const targetBytesMax = 16 * KiB;
/**
 * Host field, and authority of a target: names have at most 255 bytes. It is forwarded once more, as
 * X-Forwarded-Host.
 */
export const authorityBytesMax = KiB;
/** Header fields per head; nginx has no bound, HAProxy 101, Envoy 100. */
export const headerCountMaxDefault = 100;
/**
 * Options in the Connection fields of a head. Each is compared with every field; real senders use up to
 * three.
 */
export const connectionOptionsMax = 16;
/** Extension bytes per chunk; legitimate senders use none. */
export const chunkExtensionBytesMax = 256;
/** Extension bytes per body, so that one-byte chunks with extensions stay cheap. */
export const chunkExtensionBytesPerBodyMax = 16 * KiB;
/** Trailer section of a chunked body: a quarter of what a head may have. */
export const trailerBytesMax = 8 * KiB;
/** Digits of a chunk size: 13 hex digits are 2^52, still exact in a double. */
export const chunkSizeDigitsMax = 13;
/** Largest Content-Length: the largest integer that a double holds exactly. */
export const contentLengthMax = Number.MAX_SAFE_INTEGER;
/** Interim (1xx) responses before a final one; a flood of them is a broken upstream. */
export const interimResponsesMax = 16;
/** Empty lines before a request line that are ignored (RFC 9112 2.2 asks for at least one). */
export const leadingBlankLinesMax = 4;
/**
 * Longest X-Request-Id that is kept from a trusted proxy; longer ones are replaced. A UUID has 36 characters.
 */
export const requestIdBytesMax = 128;
/** Addresses of an X-Forwarded-For that are looked at, the last ones: a longer list must not cost more. */
export const forwardedHopsMax = 32;

/**
 * Read buffer of a worker; one is shared by all client connections and one by all connections to nodes. An
 * answer of 100 KB is read in one call, and the buffer still fits into the CPU's L2 cache.
 */
export const readBufferBytes = 128 * KiB;
/**
 * Requests that a worker begins in one turn of its event loop when it has many clients; the others wait for a
 * later turn. This is half a millisecond of work. libuv accepts one connection between two polls, so a long
 * turn lets new clients wait. Measured with 3,000 clients: without a bound 20,000 requests/s and turns of a
 * second, with 16 to 64 at a time 25,000 and turns of milliseconds.
 */
export const requestsPerTurnMax = 16;
/** Connections of a worker from which on that bound holds. Fewer connections cannot make a turn long. */
export const crowdConnectionsMin = 512;
/**
 * Pipelined requests taken from one connection per turn of the event loop, before other connections get their
 * turn.
 */
export const pipelinedRequestsPerTurnMax = 32;
/**
 * Client connections over all workers. Each may need a connection to a node as well: two file descriptors.
 */
export const connectionsMaxDefault = 10_000;
/**
 * Idle connections that a worker keeps per node: a thousand busy clients share them without connecting anew.
 */
export const idleUpstreamPerNodeMax = 1_024;
/** Request bytes kept for a replay on X, head and body; a longer request is not replayed. */
export const replayBytesMaxDefault = 64 * KiB;
/** The same at most, by configuration: a worker may keep so much for each request that is under way. */
export const replayBytesMax = 16 * 1024 * KiB;
/**
 * Connections to a node over all workers. Further requests do not wait for this node: those for Y are
 * replayed on X, others get 503.
 */
export const upstreamConnectionsDefault = 8_192;
/** Least rate of a request body: a client that sends less for long keeps its places from others. */
export const bodyBytesPerSecondDefault = 500;
/**
 * Connections that one worker opens to a node at the same time. Further requests wait until one of them is
 * open, or until another request gives its connection back.
 */
export const connectsPerNodeMax = 64;
/**
 * Requests of one worker that wait for a connection to a cluster; further ones are answered with 503 at once.
 */
export const pendingPerClusterMax = 10_000;
/**
 * Bytes of a request that are read and dropped after its answer: a connection that is closed with unread
 * bytes is reset, and then the client may lose the answer (lingering close).
 */
export const lingerBytesMax = 1024 * KiB;
/** How long a lingering close may take. */
export const lingerMsMax = 2_000;

/** Worker threads: each has a slab of counters in shared memory. */
export const workersMax = 64;
/** Nodes per cluster: node counters and states are fixed slots in shared memory. */
export const nodesPerClusterMax = 64;
/**
 * Changes of the split whose requests are counted apart. A request that saw more changes before its outcome
 * counts as stale.
 */
export const epochSlotCount = 8;
/** Latency buckets: each is 2 % wide, from 0.1 ms to 154 s. */
export const latencyBucketCount = 720;
export const latencyBucketGamma = 1.02;
export const latencyBucketFirstMs = 0.1;
/** Pages of 1,000 entities that are read from Kong's Admin API, and the time that each may take. */
export const kongPagesMax = 50;
export const kongPageTimeoutMs = 5_000;
/** Routes whose errors are compared one by one; all others are counted together. */
export const routesTrackedMax = 64;
/** Patterns that tell routes apart; a request is compared with each until one matches. */
export const routePatternsMax = 128;
/**
 * Requests on a route that a worker sees before it asks for a slot: paths that are used once must not take
 * all slots.
 */
export const routeSightingsMin = 20;
/**
 * How long a route with fewer requests than `routeSightingsMin` keeps its slot when another wants it: so
 * little can be compared with nothing.
 */
export const routeIdleMs = 300_000;
/** Routes without a slot whose requests a worker counts. */
export const routeCandidatesMax = 4_096;
/**
 * Groups of users per cluster under sticky routing: enough to see that a few users have most of the errors.
 */
export const userBucketCount = 16;
/**
 * Groups of clients by address under sticky routing: so many that one suspected client takes few others with
 * it.
 */
export const clientGroupCount = 64;
/**
 * What is counted of a group: failures, 2xx, 3xx, 4xx, aborted requests, and slow ones for each latency
 * quantile.
 */
export const groupKindCount = 10;
/** Groups that are suspected at most: more of them are no few clients, but what Y does. */
export const suspectGroupsMax = 8;
/** Requests of a suspected group that a worker looks at to name the client. */
export const suspectSightings = 20;
/** Failed requests of Y that a worker remembers for the record of a revert. */
export const failureSamplesMax = 64;
/**
 * The same of answers: for each status class of 3xx and 4xx, and of slow ones for each quantile. And how
 * often one is taken, so that they spread over the time.
 */
export const answerSamplesMax = 16;
export const answerSampleEveryMs = 250;
/** Latency quantiles that the analysis compares. */
export const latencyQuantiles = [0.5, 0.75, 0.9, 0.95, 0.99] as const;

/**
 * Shortest time at a step, however short its bake and however much traffic there is: bursts and slow starts
 * take time to show.
 */
export const stepWatchedMsMin = 10_000;

/** Largest share of Y before its warm-up is over, ppm. */
export const warmupWeightPpmMax = 10_000;

/**
 * Period of the control loop. Nothing is decided before Y was seen in three windows of a second, so faster
 * brings nothing.
 */
export const tickMs = 250;
/**
 * Failures in a row on Y that open a worker's breaker. At 1 % errors chance alone brings 20 in a row once in
 * 10^40 requests.
 */
export const breakerFailuresInARow = 20;
/** How long an open breaker sends Y's share to X before it lets a single request through to Y. */
export const breakerOpenMs = 1_000;
/**
 * Longest time without a byte once one side of a tunnel has ended; HAProxy's manual has 30 s for `timeout
 * client-fin`.
 */
export const tunnelHalfClosedMs = 30_000;
/** Failures in a row on one node that eject it from its cluster. */
export const ejectionFailuresInARow = 5;
/** Length of a node's first ejection. Each further one lasts twice as long, up to ejectionMsMax. */
export const ejectionBaseMs = 10_000;
export const ejectionMsMax = 300_000;
/** Share of a cluster's nodes that may be ejected at a time: half, so that one of two nodes may be. */
export const ejectedShareMax = 0.5;

/**
 * Configuration file: fifty times a usual one. The YAML parser, which is quadratic in places, reads so much
 * in a second.
 */
export const configBytesMax = 128 * KiB;
/** Levels of mappings and lists in the configuration; the deepest setting is at level five. */
export const configNestingMax = 32;
/**
 * Values in the configuration, with those that YAML aliases repeat: nested aliases make billions of a few
 * lines.
 */
export const configValuesMax = 10_000;

/** Request body of the control API; the largest, a list of nodes, has a few KiB. */
export const apiBodyBytesMax = 1024 * KiB;
/**
 * Answer of a gate, a source of metrics or a receiver of notifications: a status, a reason or a number is all
 * that is used.
 */
export const outgoingAnswerBytesMax = 64 * KiB;
/**
 * Gates, business metrics and receivers of notifications, each: more would be a mistake, and each is a label
 * of metrics.
 */
export const signalsMax = 32;
/** Notifications that wait for one receiver; a rollout of an hour makes about twenty. */
export const notificationsQueuedMax = 100;
/** Trials of a pushed metric in one call: more would be a mistake of units. */
export const pushedTrialsMax = 1_000_000_000;

/**
 * Size of the young generation, the part of a thread's heap where V8 makes new objects, in MiB; V8 takes up
 * to 48 by itself. Most of what these threads make is garbage soon, so more room only keeps memory that
 * nobody uses: 10 MiB for control and store within seconds, 30 for each worker after a quarter of an hour of
 * load.
 */
export const youngGenerationMiBMax = { worker: 6, control: 6, store: 6 };

/** Events that one call of the control API returns. */
export const apiEventsMax = 1_000;

assert(targetBytesMax < headBytesMaxDefault, 'a target fits into a head');
assert(headBytesMaxDefault < readBufferBytes, 'a head fits into one read buffer');
assert(headBytesMaxDefault <= replayBytesMaxDefault, 'a head fits into the replay buffer');
assert(replayBytesMaxDefault <= replayBytesMax, 'the default of a setting is within its range');
assert(chunkSizeDigitsMax * 4 <= 52, 'a chunk size is exact in a double');
assert(breakerOpenMs < 3_000, 'a breaker probes Y before the rollout reverts for an open breaker');

/** Shorter tokens of the control API can be guessed: 16 characters of base64 are 96 bits. */
export const tokenCharactersMin = 16;
