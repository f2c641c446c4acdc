// The life of an HTTP/1.x client connection as a table: for each state what is awaited of the client, whether
// its bytes are read, and what happens when bytes, its FIN, room to write, or the deadline comes. Who enters
// which state is in client-connection.ts.
import { assert } from '#src/base/assert.ts';
import type { Config } from '#src/config/config.ts';
import { lingerMsMax } from '#src/limits.ts';

/** Which of the client's deadlines runs. */
export const Awaits = {
  nothing: 0,
  /** The next request. */
  request: 1,
  /** The rest of a head, however often a byte of it comes. */
  head: 2,
  /** More of a request body. */
  body: 3,
  /** That it takes what waits to be written; nothing while nothing does. */
  writes: 4,
  /** That it closes its side. */
  hangUp: 5,
  /** Nothing of a client that has ended its side: its answer, which must come soon. */
  leaver: 6,
} as const;
export type Awaits = (typeof Awaits)[keyof typeof Awaits];

export const Reads = {
  never: 0,
  always: 1,
  /** Until something is there that has to wait. */
  untilInput: 2,
  /** As in the state before. */
  unchanged: 3,
} as const;
export type Reads = (typeof Reads)[keyof typeof Reads];

/** What nothing but the client keeps a connection waiting for: who gives way when places are short. */
export const Quiet = {
  /** It is not the client that is waited for. */
  never: 0,
  /** Its first request, or the rest of a head. */
  silent: 1,
  /** Its next request. */
  idle: 2,
  /** More of a request body. */
  upload: 3,
  /** That it takes its answer. */
  reader: 4,
  /** Nothing: it has left before its answer came. */
  left: 5,
} as const;
export type Quiet = (typeof Quiet)[keyof typeof Quiet];

/** What the states have a connection do. */
export interface ConnectionActions {
  takeOrQueue(bytes: Buffer, length: number): void;
  takeHead(bytes: Buffer, length: number): void;
  takeBody(bytes: Buffer, length: number): void;
  keepForLater(bytes: Buffer, length: number): void;
  drop(bytes: Buffer, length: number): void;
  /** The client's FIN comes behind what waits for its turn. */
  keepEnd(): void;
  /** The client has taken what there was of the answer that is under way. */
  resumeAnswer(): void;
  /** The client has taken an answer that is complete. */
  answerTaken(): void;
  lastAnswerTaken(): void;
  refuseLateHead(): void;
  rejectLateBody(): void;
  /** Ends a connection whose client takes nothing of what waits for it. */
  endStall(): void;
  close(): void;
  /** Closes, with the exchange that runs. */
  abort(): void;
}

type Reaction = (connection: ConnectionActions) => void;
type BytesReaction = (connection: ConnectionActions, bytes: Buffer, length: number) => void;

export interface ConnectionState {
  readonly awaits: Awaits;
  readonly reads: Reads;
  readonly quiet: Quiet;
  readonly bytes: BytesReaction;
  readonly end: Reaction;
  readonly drained: Reaction;
  readonly deadline: Reaction;
}

/**
 * The time that a client has for what is awaited of it, ms. `isEnded`: it has sent FIN, and has the last
 * answer to take.
 */
export function allowedMs(
  awaits: Exclude<Awaits, typeof Awaits.nothing>,
  { clientIdleMs, requestHeadMs, requestBodyMs, clientLeftMs }: Config['timeouts'],
  isEnded: boolean,
): number {
  switch (awaits) {
    case Awaits.leaver:
      return clientLeftMs;
    case Awaits.request:
    case Awaits.writes:
      return clientIdleMs;
    case Awaits.head:
      return requestHeadMs;
    case Awaits.body:
      return requestBodyMs;
    case Awaits.hangUp:
      return isEnded ? clientIdleMs : lingerMsMax;
  }
}

const takeOrQueue: BytesReaction = (connection, bytes, length) => connection.takeOrQueue(bytes, length);
const takeHead: BytesReaction = (connection, bytes, length) => connection.takeHead(bytes, length);
const takeBody: BytesReaction = (connection, bytes, length) => connection.takeBody(bytes, length);
const keepForLater: BytesReaction = (connection, bytes, length) => connection.keepForLater(bytes, length);
const drop: BytesReaction = (connection, bytes, length) => connection.drop(bytes, length);
const keepEnd: Reaction = (connection) => connection.keepEnd();
const resumeAnswer: Reaction = (connection) => connection.resumeAnswer();
const answerTaken: Reaction = (connection) => connection.answerTaken();
const lastAnswerTaken: Reaction = (connection) => connection.lastAnswerTaken();
const refuseLateHead: Reaction = (connection) => connection.refuseLateHead();
const rejectLateBody: Reaction = (connection) => connection.rejectLateBody();
const endStall: Reaction = (connection) => connection.endStall();
const close: Reaction = (connection) => connection.close();
const abort: Reaction = (connection) => connection.abort();
const ignore: Reaction = () => {};
const never: Reaction = () => assert(false, 'an event that its state excludes');

/** A client that waits for its turn: nothing is awaited of it. */
const waiting: ConnectionState = {
  awaits: Awaits.nothing,
  reads: Reads.unchanged,
  quiet: Quiet.never,
  bytes: keepForLater,
  end: keepEnd,
  drained: never,
  deadline: never,
};

export const State = {
  /** Accepted: nothing has arrived yet. The time for the first head runs. */
  fresh: {
    awaits: Awaits.head,
    reads: Reads.always,
    quiet: Quiet.silent,
    bytes: takeOrQueue,
    end: close,
    drained: never,
    deadline: close,
  },

  /** Between requests: nothing of the next one has arrived. */
  idle: {
    awaits: Awaits.request,
    reads: Reads.always,
    quiet: Quiet.idle,
    bytes: takeOrQueue,
    end: close,
    drained: never,
    deadline: close,
  },

  /** Part of a head is there. */
  head: {
    awaits: Awaits.head,
    reads: Reads.always,
    quiet: Quiet.silent,
    bytes: takeHead,
    end: close,
    drained: never,
    deadline: refuseLateHead,
  },

  /** A request is there and waits for a later turn of the event loop, for many clients are busy. */
  queued: waiting,

  /** As queued, but after so many pipelined requests that it is the others' turn. */
  yielded: { ...waiting },

  /**
   * An exchange is being started: what came of it is looked at when that returns, and nothing else happens
   * until then.
   */
  starting: {
    awaits: Awaits.nothing,
    reads: Reads.unchanged,
    quiet: Quiet.never,
    bytes: never,
    end: never,
    drained: never,
    deadline: never,
  },

  /** An exchange runs and its request body is still arriving. A client that ends will never complete it. */
  receiving: {
    awaits: Awaits.body,
    reads: Reads.always,
    quiet: Quiet.upload,
    bytes: takeBody,
    end: abort,
    drained: resumeAnswer,
    deadline: rejectLateBody,
  },

  /**
   * As receiving, but nothing is read until the upstream has taken what there is: the time is not the
   * client's.
   */
  paused: {
    awaits: Awaits.writes,
    reads: Reads.never,
    quiet: Quiet.never,
    bytes: takeBody,
    end: abort,
    drained: resumeAnswer,
    deadline: endStall,
  },

  /**
   * An exchange runs and has its whole request; what arrives belongs to the next. A client that ends still
   * gets its answers, if the first of them begins soon: it may have left. Whether the client is waited for,
   * the exchange and what waits to be written tell.
   */
  answering: {
    awaits: Awaits.writes,
    reads: Reads.untilInput,
    quiet: Quiet.never,
    bytes: keepForLater,
    end: keepEnd,
    drained: resumeAnswer,
    deadline: endStall,
  },

  /** The answer is complete but has not reached the kernel; the next request waits. */
  flushing: {
    awaits: Awaits.writes,
    reads: Reads.untilInput,
    quiet: Quiet.reader,
    bytes: keepForLater,
    end: keepEnd,
    drained: answerTaken,
    deadline: endStall,
  },

  /** The last answer was sent, and FIN behind it; what still arrives is dropped until the client hangs up. */
  lingering: {
    awaits: Awaits.hangUp,
    reads: Reads.always,
    quiet: Quiet.silent,
    bytes: drop,
    end: close,
    drained: lastAnswerTaken,
    deadline: close,
  },

  closed: {
    awaits: Awaits.nothing,
    reads: Reads.unchanged,
    quiet: Quiet.never,
    bytes: ignore,
    end: ignore,
    drained: ignore,
    deadline: ignore,
  },
} as const satisfies Record<string, ConnectionState>;
