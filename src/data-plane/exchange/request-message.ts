// The request on its way upstream: its head as it is forwarded and as much of its body as may be needed again
// for a replay, in one pooled buffer. What is in the buffer leaves in one write.
import { assert } from '#src/base/assert.ts';
import type { ProxyErrorName } from '#src/base/error-catalog.ts';
import { encodeRequestHead, type RequestAdditions } from '#src/core/http1/forward-request-head.ts';
import { Framing } from '#src/core/http1/framing.ts';
import type { RequestHead } from '#src/core/http1/request-head.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { MessageBody } from './message-body.ts';

const none = Buffer.alloc(0);

export class RequestMessage {
  readonly body: MessageBody;
  /** Forwarded bytes: head and the body so far, as far as kept. */
  buffer: Buffer;
  length: number;
  /** The buffer holds everything received so far, so the request can be sent again. */
  isWhole: boolean;
  isIdempotent: boolean;
  isHead: boolean;
  isUpgrade: boolean;
  /** The rule of ours that the body breaks which `takeBody` refused. */
  bodyFault: ProxyErrorName;
  /** Loop time. */
  #beganAtMs: number;
  #idStart: number;
  #idEnd: number;
  readonly #runtime: WorkerRuntime;

  constructor(runtime: WorkerRuntime) {
    this.body = new MessageBody();
    this.buffer = none;
    this.length = 0;
    this.isWhole = false;
    this.isIdempotent = false;
    this.isHead = false;
    this.isUpgrade = false;
    this.bodyFault = 'chunkInvalid';
    this.#beganAtMs = 0;
    this.#idStart = 0;
    this.#idEnd = 0;
    this.#runtime = runtime;
  }

  /**
   * Takes over the head that was parsed from `source`, and encodes it for the upstream with what is added.
   */
  begin(head: RequestHead, source: Uint8Array, additions: RequestAdditions): void {
    const { smallRequests, largeRequests, wheel } = this.#runtime;
    this.#beganAtMs = wheel.nowMs;
    this.isIdempotent = head.isIdempotent;
    this.isHead = head.isHead;
    this.isUpgrade = head.isUpgrade;
    this.body.begin(head.framing, head.contentLength);
    this.isWhole = true;
    this.buffer = smallRequests.take();
    this.length = encodeRequestHead(source, head, this.buffer, 0, additions);
    if (this.length === -1) {
      smallRequests.give(this.buffer);
      this.buffer = largeRequests.take();
      this.length = encodeRequestHead(source, head, this.buffer, 0, additions);
      assert(this.length > 0, 'a large buffer holds every head');
    }
    this.#idStart = additions.keptRequestIdStart;
    this.#idEnd = additions.keptRequestIdEnd;
  }

  /** Whether all of it has arrived. */
  get isDone(): boolean {
    return this.body.isDone;
  }

  /** Whether the head announces more payload than `limits.bodyBytes`. */
  announcesTooMuch({ framing, contentLength }: RequestHead): boolean {
    const { bodyBytes } = this.#runtime.config.limits;
    return bodyBytes !== null && framing === Framing.length && contentLength > bodyBytes;
  }

  /**
   * Checks body bytes[from..end). Returns one past the last that belongs to it; -1 when they are invalid or
   * too many, for the reason in `bodyFault`.
   */
  takeBody(bytes: Uint8Array, from: number, end: number): number {
    const { body } = this;
    const { bodyBytes } = this.#runtime.config.limits;
    const taken = body.take(bytes, from, end, bodyBytes !== null);
    if (taken === -1) this.bodyFault = body.decoder.error ?? 'chunkInvalid';
    else if (bodyBytes !== null && body.dataBytes > bodyBytes) this.bodyFault = 'bodyTooLarge';
    else return taken;
    return -1;
  }

  /**
   * Whether no connection is taken before the body is there, or more of it than is kept for a replay, or it
   * has taken its time. A client that waits for 100 Continue gets one at once.
   */
  gathers({ hasExpectContinue }: RequestHead): boolean {
    if (this.isDone || this.#runtime.config.timeouts.requestBodyWaitMs === 0) return false;
    return !hasExpectContinue && this.isWithinReplayLimit;
  }

  /** How long the client has at most to go on with its body, by its least rate and in all, ms. */
  get bodyMsLeft(): number {
    const { config, wheel } = this.#runtime;
    const { requestBodyMs, requestBodyTotalMs } = config.timeouts;
    const byRate = requestBodyMs + (this.body.bytesSeen * 1_000) / config.limits.bodyBytesPerSecond;
    return Math.max(0, this.#beganAtMs + Math.min(byRate, requestBodyTotalMs) - wheel.nowMs);
  }

  get requestId(): string {
    return this.buffer.toString('latin1', this.#idStart, this.#idEnd);
  }

  /** Method and path without the query, as forwarded; at most 200 bytes. */
  get startLine(): string {
    const line = this.buffer.toString('latin1', 0, Math.min(this.length, 200));
    const end = line.search(/[?\r]| HTTP\//);
    return end === -1 ? line : line.slice(0, end);
  }

  /** Keeps body bytes behind what is kept already; false when there is no room for them. */
  append(bytes: Uint8Array, from: number, to: number): boolean {
    const length = this.length + (to - from);
    if (length > this.buffer.length && !this.#grow(length)) return false;
    this.buffer.set(bytes.subarray(from, to), this.length);
    this.length = length;
    return true;
  }

  #grow(length: number): boolean {
    const { smallRequests, largeRequests } = this.#runtime;
    if (this.buffer.length !== smallRequests.bytes || length > largeRequests.bytes) return false;
    const larger = largeRequests.take();
    larger.set(this.buffer.subarray(0, this.length));
    // The small one is left to the GC: a pending write may still refer to it.
    this.buffer = larger;
    return true;
  }

  /** Whether what is kept may be sent a second time, and more may be kept for that. */
  get isWithinReplayLimit(): boolean {
    return this.length <= this.#runtime.config.limits.replayBytes;
  }

  /** Gives the buffer back, unless a pending write still refers to it: then it is left to the GC. */
  end(isPending: boolean): void {
    const { smallRequests, largeRequests } = this.#runtime;
    if (!isPending) {
      if (this.buffer.length === smallRequests.bytes) smallRequests.give(this.buffer);
      else if (this.buffer.length === largeRequests.bytes) largeRequests.give(this.buffer);
    }
    this.buffer = none;
    this.length = 0;
    this.isWhole = false;
  }
}
