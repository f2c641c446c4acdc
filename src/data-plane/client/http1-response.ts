// The answer to one request as an HTTP/1.1 or 1.0 client gets it: encodes the heads, decides whether the
// connection stays open (RFC 9112 9.3), and takes the chunks off where the client knows none. One per
// connection, used for each request anew.
import type { ProxyErrorName } from '#src/base/error-catalog.ts';
import { encodeResponseHead } from '#src/core/http1/forward-response-head.ts';
import { ConnectionHeader, Framing } from '#src/core/http1/framing.ts';
import type { RequestHead } from '#src/core/http1/request-head.ts';
import type { ResponseHead } from '#src/core/http1/response-head.ts';
import type { AnswerSink } from '#src/data-plane/exchange/downstream.ts';
import type { MessageBody } from '#src/data-plane/exchange/message-body.ts';
import { rescueResponse } from '#src/data-plane/exchange/rescue.ts';
import type { Socket } from '#src/data-plane/transport/socket.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { add } from '#src/shared-memory/counters.ts';
import { WORKER } from '#src/shared-memory/layout.ts';

/**
 * From here on writing straight from the read buffer is worth more than what it costs (see
 * Socket.writeShared).
 */
const sharedWriteBytesMin = 8 * 1024;

/** What an answer needs of the connection that it is for. */
export interface ResponseConnection {
  readonly socket: Socket | null;
  /** Something that was written waits for the client. */
  writesWait(): void;
}

/** What follows on an answer on its connection. */
export const Next = {
  /** Another request. */
  request: 0,
  /** The end, which the client does not expect: more of it may be under way. */
  linger: 1,
  /** The end, which the client asked for. */
  close: 2,
} as const;
export type Next = (typeof Next)[keyof typeof Next];

export class Http1Response implements AnswerSink {
  /** The answer ends with the connection: cut, it looks complete unless the connection is reset. */
  endsWithConnection: boolean;
  /** Another request may follow on the connection: known once the head, or the error, was sent. */
  #keepAlive: boolean;
  /** The client asked for that. */
  #wantsKeepAlive: boolean;
  #minorVersion: 0 | 1;
  #isHead: boolean;
  readonly #runtime: WorkerRuntime;
  readonly #connection: ResponseConnection;

  constructor(runtime: WorkerRuntime, connection: ResponseConnection) {
    this.endsWithConnection = false;
    this.#keepAlive = false;
    this.#wantsKeepAlive = false;
    this.#minorVersion = 1;
    this.#isHead = false;
    this.#runtime = runtime;
    this.#connection = connection;
  }

  /** What follows answers the request with this head. */
  begin(head: RequestHead): void {
    this.#keepAlive = false;
    this.#wantsKeepAlive = head.keepAlive;
    this.endsWithConnection = false;
    this.#minorVersion = head.minorVersion;
    this.#isHead = head.isHead;
  }

  /** What follows when this answer is complete. */
  next(isRequestDone: boolean): Next {
    if (this.#keepAlive) return Next.request;
    return isRequestDone && !this.#wantsKeepAlive ? Next.close : Next.linger;
  }

  get wantsPayload(): boolean {
    return this.#minorVersion === 0;
  }

  /** RFC 9110 15.2: an HTTP/1.0 client gets no 1xx. */
  sendInterim(head: ResponseHead, source: Buffer): void {
    if (this.#minorVersion === 0) return;
    const { scratch } = this.#runtime;
    this.#writeScratch(encodeResponseHead(source, head, scratch, 0, 1, ConnectionHeader.none, false));
  }

  sendHead(
    head: ResponseHead,
    source: Buffer,
    to: number,
    body: MessageBody,
    isRequestDone: boolean,
  ): boolean {
    const { scratch, date, isDraining } = this.#runtime;
    const isDechunked = this.#isDechunked(body);
    this.endsWithConnection = isDechunked || body.framing === Framing.close;
    this.#keepAlive = this.#wantsKeepAlive && isRequestDone && !isDraining && !this.endsWithConnection;
    const length = encodeResponseHead(
      source,
      head,
      scratch,
      0,
      this.#minorVersion,
      this.#connectionHeader,
      isDechunked,
      date.line,
    );
    const { headEnd } = head;
    if (!isDechunked && to - headEnd >= sharedWriteBytesMin && length <= headEnd) {
      // The new head goes where the old one ended, right before the body: what came in one read leaves in one
      // write, uncopied.
      scratch.copy(source, headEnd - length, 0, length);
      return this.#writeShared(source, headEnd - length, to);
    }
    return this.#writeScratch(this.#copyBody(source, headEnd, to, body, length));
  }

  sendBody(bytes: Buffer, to: number, body: MessageBody): boolean {
    if (to >= sharedWriteBytesMin && !this.#isDechunked(body)) return this.#writeShared(bytes, 0, to);
    return this.#writeScratch(this.#copyBody(bytes, 0, to, body, 0));
  }

  /** RFC 9110 7.8: the head of a 101. */
  sendSwitch(head: ResponseHead, source: Buffer): void {
    const { scratch } = this.#runtime;
    this.#writeScratch(encodeResponseHead(source, head, scratch, 0, 1, ConnectionHeader.upgrade, false));
  }

  /** An error in place of the answer. */
  sendError(name: ProxyErrorName, requestId: string, isRequestDone: boolean): void {
    this.#keepAlive = this.#wantsKeepAlive && isRequestDone && !this.#runtime.isDraining;
    this.#writeError(name, requestId);
  }

  /** An error in answer to what is no request, or may be none. `isHead`: to a request with HEAD. */
  refuse(name: ProxyErrorName, isHead: boolean): void {
    this.#keepAlive = false;
    this.#minorVersion = 1;
    this.#isHead = isHead;
    this.#writeError(name, Buffer.from(this.#runtime.requestIds.next()).toString('latin1'));
  }

  #writeError(name: ProxyErrorName, requestId: string): void {
    const options = {
      requestId,
      keepAlive: this.#keepAlive,
      minorVersion: this.#minorVersion,
      isHead: this.#isHead,
    };
    const response = Buffer.from(rescueResponse(name, options), 'latin1');
    this.#write(response, response.length);
  }

  #isDechunked(body: MessageBody): boolean {
    return this.#minorVersion === 0 && body.framing === Framing.chunked;
  }

  get #connectionHeader(): ConnectionHeader {
    if (!this.#keepAlive) return ConnectionHeader.close;
    return this.#minorVersion === 0 ? ConnectionHeader.keepAlive : ConnectionHeader.none;
  }

  /**
   * Brings the body bytes source[from..to) into the scratch at `at`, as the client gets them; returns the new
   * end.
   */
  #copyBody(source: Buffer, from: number, to: number, body: MessageBody, at: number): number {
    const { scratch } = this.#runtime;
    if (!this.#isDechunked(body)) return from === to ? at : at + source.copy(scratch, at, from, to);
    const { dataRanges, dataRangeCount } = body.decoder;
    let end = at;
    for (let index = 0; index < dataRangeCount; index++) {
      end += source.copy(scratch, end, dataRanges[2 * index] as number, dataRanges[2 * index + 1] as number);
    }
    return end;
  }

  #writeScratch(length: number): boolean {
    if (length === 0 || this.#write(this.#runtime.scratch, length)) return true;
    this.#runtime.replaceScratch();
    return false;
  }

  #write(bytes: Uint8Array, to: number): boolean {
    const { socket } = this.#connection;
    if (socket === null) return true;
    add(this.#runtime.slab, WORKER.bytesToClients, to);
    if (socket.write(bytes, 0, to)) return true;
    this.#connection.writesWait();
    return false;
  }

  #writeShared(bytes: Buffer, from: number, to: number): boolean {
    const { socket } = this.#connection;
    if (socket === null) return true;
    add(this.#runtime.slab, WORKER.bytesToClients, to - from);
    if (socket.writeShared(bytes, from, to)) return true;
    this.#connection.writesWait();
    return false;
  }
}
