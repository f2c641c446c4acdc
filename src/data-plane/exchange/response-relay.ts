// The answer on its way from the upstream to the client: finds the final head (interim ones are passed on),
// hands it over with what is there of the body, and passes on the rest as it comes, following its framing so
// that its end is known.
import { parseResponseHead, type ResponseHead } from '#src/core/http1/response-head.ts';
import type { AnswerFault } from '#src/core/telemetry/failure-cause.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { interimResponsesMax } from '#src/limits.ts';
import type { AnswerSink } from './downstream.ts';
import { MessageBody } from './message-body.ts';
import type { RequestMessage } from './request-message.ts';

const none = Buffer.alloc(0);

export const HeadResult = { incomplete: 0, invalid: 1, final: 2 } as const;
export type HeadResult = (typeof HeadResult)[keyof typeof HeadResult];

/** What relaying body bytes came to. */
export const RelayResult = { invalid: 0, flushed: 1, pending: 2 } as const;
export type RelayResult = (typeof RelayResult)[keyof typeof RelayResult];

export class ResponseRelay {
  readonly body: MessageBody;
  isHeadForwarded: boolean;
  /** The upstream's connection can carry another exchange. */
  isUpstreamReusable: boolean;
  /** The rule that an answer broke which was found invalid. */
  fault: AnswerFault;
  // Where the final head was found; valid until the bytes of that callback are.
  #source: Buffer;
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
    this.isUpstreamReusable = false;
    this.fault = 'status line malformed';
    this.#source = none;
    this.#bodyEnd = 0;
    this.#end = 0;
    this.#interimCount = 0;
    this.#partialHead = null;
    this.#partialBytes = 0;
    this.#runtime = runtime;
  }

  /** What the final head was parsed from; only until it is forwarded. */
  get headSource(): Buffer {
    return this.#source;
  }

  /** Ready for another upstream's answer. */
  reset(): void {
    this.isHeadForwarded = false;
    this.#source = none;
    this.#interimCount = 0;
    this.#dropPartialHead();
  }

  /** Looks for the final head in what arrived. When it is there, it is in `head` and the body was begun. */
  readHead(
    head: ResponseHead,
    bytes: Buffer,
    length: number,
    request: RequestMessage,
    answer: AnswerSink,
  ): HeadResult {
    if (this.#partialHead === null) return this.#parse(head, bytes, length, request, answer);
    if (this.#partialBytes + length > this.#partialHead.length) return this.#invalid('head too large');
    bytes.copy(this.#partialHead, this.#partialBytes, 0, length);
    this.#partialBytes += length;
    return this.#parse(head, this.#partialHead, this.#partialBytes, request, answer);
  }

  #parse(
    head: ResponseHead,
    source: Buffer,
    end: number,
    request: RequestMessage,
    answer: AnswerSink,
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
      if (!head.isInterim) return this.#beginBody(head, source, end, answer);
      if (++this.#interimCount > interimResponsesMax) return this.#invalid('too many interim responses');
      answer.sendInterim(head, source);
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

  #beginBody(head: ResponseHead, source: Buffer, end: number, answer: AnswerSink): HeadResult {
    const { headEnd } = head;
    this.#source = source;
    this.#end = end;
    this.#bodyEnd = headEnd;
    if (head.status === 101) return HeadResult.final;
    this.body.begin(head.framing, head.contentLength);
    this.#bodyEnd = this.body.take(source, headEnd, end, answer.wantsPayload);
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

  /** Sends the final head and what came with it. False when part of it waits for the answer. */
  forwardHead(head: ResponseHead, answer: AnswerSink, isRequestDone: boolean): boolean {
    this.isHeadForwarded = true;
    this.isUpstreamReusable = head.keepAlive && this.#bodyEnd === this.#end;
    const isFlushed = answer.sendHead(head, this.#source, this.#bodyEnd, this.body, isRequestDone);
    this.#source = none;
    this.#dropPartialHead();
    return isFlushed;
  }

  /** Sends a 101 and returns what came after it, copied: it already belongs to the tunnel. */
  forwardSwitch(head: ResponseHead, answer: AnswerSink): Buffer {
    const rest = Buffer.copyBytesFrom(this.#source, head.headEnd, this.#end - head.headEnd);
    answer.sendSwitch(head, this.#source);
    this.reset();
    return rest;
  }

  /** More of the body. */
  relay(bytes: Buffer, length: number, answer: AnswerSink): RelayResult {
    const end = this.body.take(bytes, 0, length, answer.wantsPayload);
    if (end === -1) {
      this.fault = this.#bodyFault;
      return RelayResult.invalid;
    }
    if (end < length) this.isUpstreamReusable = false;
    if (end === 0) return RelayResult.flushed;
    return answer.sendBody(bytes, end, this.body) ? RelayResult.flushed : RelayResult.pending;
  }
}
