// The answer on its way from the upstream to the client: finds the final head (forwarding interim ones), sends it with what
// is there of the body in one write, and relays the rest as bytes with its framing followed, never re-encoded.

import { encodeResponseHead } from '#src/core/http1/forward-response-head.ts';
import { ConnectionHeader, Framing } from '#src/core/http1/framing.ts';
import { parseResponseHead, type ResponseHead } from '#src/core/http1/response-head.ts';
import type { AnswerFault } from '#src/core/telemetry/failure-cause.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { interimResponsesMax } from '#src/limits.ts';
import type { Downstream } from './downstream.ts';
import { MessageBody } from './message-body.ts';
import type { RequestMessage } from './request-message.ts';

/** From here on writing straight from the read buffer is worth more than what it costs (see Socket.writeShared). */
const relayWorthBytes = 8 * 1024;
const none = Buffer.alloc(0);

export const HeadResult = { incomplete: 0, invalid: 1, final: 2 } as const;
export type HeadResult = (typeof HeadResult)[keyof typeof HeadResult];

/** What relaying body bytes came to. */
export const RelayResult = { invalid: 0, flushed: 1, pending: 2 } as const;
export type RelayResult = (typeof RelayResult)[keyof typeof RelayResult];

export class ResponseRelay {
  readonly body: MessageBody;
  isHeadForwarded: boolean;
  /** The client may send another request on its connection. */
  keepAlive: boolean;
  /** The upstream's connection can carry another exchange. */
  isUpstreamReusable: boolean;
  /** Payload of a chunked body for an HTTP/1.0 client, delimited by the close. */
  isDechunked: boolean;
  /** The rule that an answer broke which was found invalid. */
  fault: AnswerFault;
  // Where the final head was found; valid until the bytes of that callback are.
  #source: Buffer;
  #headEnd: number;
  #bodyEnd: number;
  #end: number;
  #interimCount: number;
  /** Part of a head that did not come in one read. */
  #partialHead: Buffer | null;
  #partialBytes: number;
  readonly #runtime: WorkerRuntime;

  constructor(runtime: WorkerRuntime) {
    this.body = new MessageBody();
    this.isHeadForwarded = false;
    this.keepAlive = false;
    this.isUpstreamReusable = false;
    this.isDechunked = false;
    this.fault = 'status line malformed';
    this.#source = none;
    this.#headEnd = 0;
    this.#bodyEnd = 0;
    this.#end = 0;
    this.#interimCount = 0;
    this.#partialHead = null;
    this.#partialBytes = 0;
    this.#runtime = runtime;
  }

  /** What the final head was parsed from; only until it is forwarded. */
  get headSource(): Uint8Array {
    return this.#source;
  }

  /** Ready for another upstream's answer. */
  reset(): void {
    this.isHeadForwarded = false;
    this.#interimCount = 0;
    this.#dropPartialHead();
  }

  /** Looks for the final head in what arrived. When it is there, it is in `head` and the body was begun. */
  readHead(
    head: ResponseHead,
    bytes: Buffer,
    length: number,
    request: RequestMessage,
    client: Downstream,
  ): HeadResult {
    if (this.#partialHead === null) return this.#parse(head, bytes, length, request, client);
    if (this.#partialBytes + length > this.#partialHead.length) return this.#invalid('head too large');
    bytes.copy(this.#partialHead, this.#partialBytes, 0, length);
    this.#partialBytes += length;
    return this.#parse(head, this.#partialHead, this.#partialBytes, request, client);
  }

  #parse(
    head: ResponseHead,
    source: Buffer,
    end: number,
    request: RequestMessage,
    client: Downstream,
  ): HeadResult {
    const { limits } = this.#runtime.config;
    let from = 0;
    while (from < end) {
      const headEnd = parseResponseHead(source, from, end, head, limits, request.isHead, request.isUpgrade);
      if (headEnd === -1) return this.#invalid(head.error ?? 'status line malformed');
      if (headEnd === 0) {
        this.#keepPartialHead(source, from, end);
        return HeadResult.incomplete;
      }
      if (!head.isInterim) return this.#beginBody(head, source, end, request);
      if (++this.#interimCount > interimResponsesMax) return this.#invalid('too many interim responses');
      // 100, 102, 103: for clients that can know them (RFC 9110 15.2).
      if (request.minorVersion === 1) this.#forwardInterim(head, source, client);
      from = headEnd;
    }
    this.#dropPartialHead();
    return HeadResult.incomplete;
  }

  #keepPartialHead(source: Buffer, from: number, end: number): void {
    if (this.#partialHead === null) this.#partialHead = this.#runtime.largeInputs.take();
    if (source !== this.#partialHead || from > 0) source.copy(this.#partialHead, 0, from, end);
    this.#partialBytes = end - from;
  }

  #dropPartialHead(): void {
    if (this.#partialHead === null) return;
    this.#runtime.largeInputs.give(this.#partialHead);
    this.#partialHead = null;
    this.#partialBytes = 0;
  }

  #forwardInterim(head: ResponseHead, source: Buffer, client: Downstream): void {
    const { scratch } = this.#runtime;
    const length = encodeResponseHead(source, head, scratch, 0, 1, ConnectionHeader.none, false);
    if (!client.writeResponse(scratch, 0, length)) this.#runtime.replaceScratch();
  }

  #beginBody(head: ResponseHead, source: Buffer, end: number, request: RequestMessage): HeadResult {
    const { headEnd } = head;
    this.#source = source;
    this.#headEnd = headEnd;
    this.#end = end;
    this.#bodyEnd = headEnd;
    if (head.status === 101) return HeadResult.final;
    this.isDechunked = request.minorVersion === 0 && head.framing === Framing.chunked;
    this.body.begin(head.framing, head.contentLength);
    this.#bodyEnd = this.body.take(source, headEnd, end, this.isDechunked);
    return this.#bodyEnd === -1 ? this.#invalid(this.#bodyFault) : HeadResult.final;
  }

  #invalid(fault: AnswerFault): HeadResult {
    this.fault = fault;
    return HeadResult.invalid;
  }

  /** Of a body whose framing is invalid: only a chunked one can be. */
  get #bodyFault(): AnswerFault {
    return this.body.decoder.error === 'trailersTooLarge' ? 'trailers too large' : 'chunk malformed';
  }

  /** Sends the final head and what came with it. False when part of it waits for the client. */
  forwardHead(
    head: ResponseHead,
    client: Downstream,
    request: RequestMessage,
    isRequestDone: boolean,
  ): boolean {
    const runtime = this.#runtime;
    const { scratch } = runtime;
    const source = this.#source;
    this.keepAlive =
      request.wantsKeepAlive &&
      isRequestDone &&
      !runtime.isDraining &&
      head.framing !== Framing.close &&
      !this.isDechunked;
    this.isUpstreamReusable = head.keepAlive && this.#bodyEnd === this.#end;
    let length = encodeResponseHead(
      source,
      head,
      scratch,
      0,
      request.minorVersion,
      this.#connectionHeader(request),
      this.isDechunked,
      runtime.date.line,
    );
    const bodyBytes = this.#bodyEnd - this.#headEnd;
    if (!this.isDechunked && bodyBytes >= relayWorthBytes && length <= this.#headEnd) {
      return this.#writeInPlace(client, source, length);
    }
    if (this.isDechunked) length = this.#copyData(source, scratch, length);
    else if (bodyBytes > 0) {
      source.copy(scratch, length, this.#headEnd, this.#bodyEnd);
      length += bodyBytes;
    }
    this.#headForwarded();
    return this.#writeScratch(client, length);
  }

  /** Puts the new head where the old one ended, right before the body: what came in one read leaves in one write, uncopied. */
  #writeInPlace(client: Downstream, source: Buffer, headLength: number): boolean {
    const from = this.#headEnd - headLength;
    this.#runtime.scratch.copy(source, from, 0, headLength);
    this.#headForwarded();
    return client.relayResponse(source, from, this.#bodyEnd);
  }

  #headForwarded(): void {
    this.isHeadForwarded = true;
    this.#source = none;
    this.#dropPartialHead();
  }

  #connectionHeader(request: RequestMessage): ConnectionHeader {
    if (!this.keepAlive) return ConnectionHeader.close;
    return request.minorVersion === 0 ? ConnectionHeader.keepAlive : ConnectionHeader.none;
  }

  /** Sends a 101 and returns what came after it, copied: it already belongs to the tunnel. */
  forwardSwitch(head: ResponseHead, client: Downstream): Buffer {
    const { scratch } = this.#runtime;
    const length = encodeResponseHead(this.#source, head, scratch, 0, 1, ConnectionHeader.upgrade, false);
    const rest = Buffer.copyBytesFrom(this.#source, this.#headEnd, this.#end - this.#headEnd);
    this.#source = none;
    this.#dropPartialHead();
    this.#writeScratch(client, length);
    return rest;
  }

  /** More of the body. */
  relay(bytes: Buffer, length: number, client: Downstream): RelayResult {
    const end = this.body.take(bytes, 0, length, this.isDechunked);
    if (end === -1) {
      this.fault = this.#bodyFault;
      return RelayResult.invalid;
    }
    if (end < length) this.isUpstreamReusable = false;
    if (end === 0) return RelayResult.flushed;
    const isFlushed =
      !this.isDechunked && end >= relayWorthBytes
        ? client.relayResponse(bytes, 0, end)
        : this.#writeScratch(client, this.#copyBody(bytes, end));
    return isFlushed ? RelayResult.flushed : RelayResult.pending;
  }

  /** Brings body bytes into the scratch; returns their number. */
  #copyBody(bytes: Buffer, end: number): number {
    const { scratch } = this.#runtime;
    return this.isDechunked ? this.#copyData(bytes, scratch, 0) : bytes.copy(scratch, 0, 0, end);
  }

  /** Copies a chunked body's payload, found by the decoder in its last call, to out[at..). Returns the new end. */
  #copyData(source: Buffer, out: Buffer, at: number): number {
    const { dataRanges, dataRangeCount } = this.body.decoder;
    let end = at;
    for (let index = 0; index < dataRangeCount; index++) {
      end += source.copy(out, end, dataRanges[2 * index] as number, dataRanges[2 * index + 1] as number);
    }
    return end;
  }

  #writeScratch(client: Downstream, length: number): boolean {
    if (length === 0 || client.writeResponse(this.#runtime.scratch, 0, length)) return true;
    this.#runtime.replaceScratch();
    return false;
  }

  /** A cut answer of this kind would look complete to the client unless its connection is reset. */
  get looksCompleteWhenCut(): boolean {
    return this.isDechunked || this.body.framing === Framing.close;
  }
}
