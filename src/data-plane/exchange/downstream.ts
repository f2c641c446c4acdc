// What an exchange needs of whoever its request came from: an HTTP/1.1 connection while it serves that
// request, or one stream among others of an HTTP/2 connection. The exchange says what is to be sent; how an
// answer is framed, whether the connection stays open afterwards, and what a cut looks like on the wire is
// the client's side to know.
import type { ProxyErrorName } from '#src/base/error-catalog.ts';
import type { ResponseHead } from '#src/core/http1/response-head.ts';
import type { Socket } from '#src/data-plane/transport/socket.ts';
import type { MessageBody } from './message-body.ts';

/**
 * Takes an answer, piece by piece. Bytes that were sent are free again when a call returns. Where it returns
 * false, part of it waits for the client: the upstream is to be held back until the exchange's
 * onClientDrained.
 */
export interface AnswerSink {
  /**
   * A chunked body is wanted as its payload, the ranges that its decoder found in the last piece: HTTP/1.0
   * knows no chunks, and HTTP/2 has frames of its own. Otherwise it is passed on as it is.
   */
  readonly wantsPayload: boolean;
  /** Sends the interim head (1xx) that was parsed from `source`, to a client that can know of such. */
  sendInterim(head: ResponseHead, source: Buffer): void;
  /**
   * Sends the final head that was parsed from `source`, with source[head.headEnd..to) of its body. When
   * `body.isDone` nothing follows. `source` up to the body may be overwritten.
   * @param isRequestDone the request has arrived completely
   */
  sendHead(
    head: ResponseHead,
    source: Buffer,
    to: number,
    body: MessageBody,
    isRequestDone: boolean,
  ): boolean;
  /** Sends bytes[0..to), which are more of the body. When `body.isDone` nothing follows. */
  sendBody(bytes: Buffer, to: number, body: MessageBody): boolean;
  /** Sends an error of the catalog in place of an upstream's answer, whole. */
  sendError(name: ProxyErrorName, requestId: string, isRequestDone: boolean): void;
  /** Sends the head (101) that was parsed from `source`. */
  sendSwitch(head: ResponseHead, source: Buffer): void;
}

export interface Downstream {
  readonly answer: AnswerSink;
  /** Part of what was sent waits for the client to take it; the exchange's onClientDrained follows. */
  readonly hasPendingWrites: boolean;
  /**
   * Reads no more of the request's body until resumeRequest: the upstream has to take first what there is.
   */
  pauseRequest(): void;
  resumeRequest(): void;
  /**
   * The exchange is over and its answer complete. What may still come of the request's body is not wanted.
   */
  exchangeDone(): void;
  /** The exchange is over and its answer can't be completed: the client must see that it is cut. */
  exchangeCut(): void;
  /**
   * The exchange is over, for both sides agreed to switch protocols: bytes are bytes from here on. `rest`
   * came right behind the upstream's head.
   */
  becomeTunnel(upstream: Socket, rest: Buffer): void;
}
