// What a client sent before its turn: part of a head, or requests that wait, and perhaps the end of its
// stream behind them. Buffers are pooled, so that a connection without such bytes holds none; most of what
// waits is one head and fits a small one.
import { scanHead } from '#src/core/http1/request-head.ts';
import type { Socket } from '#src/data-plane/transport/socket.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { leadingBlankLinesMax } from '#src/limits.ts';
import { Reads } from './connection-states.ts';

/** Blank lines that may come first, and the method. */
const headStartBytesMax = 2 * leadingBlankLinesMax + 5;

export class PendingInput {
  /** Null when nothing is kept; else the bytes are those in [from, end). */
  buffer: Buffer | null;
  from: number;
  end: number;
  /** The client sent FIN: nothing comes behind what is kept. */
  isEnded: boolean;
  readonly #runtime: WorkerRuntime;

  constructor(runtime: WorkerRuntime) {
    this.buffer = null;
    this.from = 0;
    this.end = 0;
    this.isEnded = false;
    this.#runtime = runtime;
  }

  get isEmpty(): boolean {
    return this.buffer === null;
  }

  get length(): number {
    return this.buffer === null ? 0 : this.end - this.from;
  }

  /** Appends bytes[from..to). */
  keep(bytes: Buffer, from: number, to: number): void {
    if (from === to) return;
    const buffer = this.#bufferFor(to - from);
    bytes.copy(buffer, this.end, from, to);
    this.end += to - from;
  }

  /**
   * Appends bytes[0..length) to the head that is kept. A head that comes in pieces is only parsed again when
   * the new bytes can change the answer: returns whether they can.
   */
  keepHead(bytes: Buffer, length: number): boolean {
    const seen = this.length;
    this.keep(bytes, 0, length);
    const { buffer, from, end } = this;
    return buffer !== null && scanHead(buffer, from, from + seen, end, this.#runtime.config.limits) > 0;
  }

  /**
   * The buffer with room for `count` more bytes behind `end`: reading pauses while a request is under way, so
   * it stays small.
   */
  #bufferFor(count: number): Buffer {
    const { smallRequests } = this.#runtime;
    if (this.buffer === null) {
      this.buffer = count <= smallRequests.bytes ? smallRequests.take() : this.#largeBuffer(count);
      this.from = 0;
      this.end = 0;
    }
    if (this.end + count > this.buffer.length && this.from > 0) {
      this.buffer.copyWithin(0, this.from, this.end);
      this.end -= this.from;
      this.from = 0;
    }
    if (this.end + count > this.buffer.length) {
      const larger = this.#largeBuffer(this.end + count);
      this.buffer.copy(larger, 0, 0, this.end);
      this.#recycle(this.buffer);
      this.buffer = larger;
    }
    return this.buffer;
  }

  #largeBuffer(bytes: number): Buffer {
    const { largeInputs } = this.#runtime;
    return bytes <= largeInputs.bytes ? largeInputs.take() : Buffer.allocUnsafeSlow(bytes);
  }

  #recycle(buffer: Buffer): void {
    const { largeInputs, smallRequests } = this.#runtime;
    if (buffer.length === smallRequests.bytes) smallRequests.give(buffer);
    else if (buffer.length === largeInputs.bytes) largeInputs.give(buffer);
  }

  /** Whether what is kept is the beginning of a HEAD request. */
  beginsHead(): boolean {
    if (this.buffer === null) return false;
    const start = this.buffer.toString(
      'latin1',
      this.from,
      Math.min(this.end, this.from + headStartBytesMax),
    );
    return /^(?:\r\n)*HEAD /.test(start);
  }

  /** A copy of what was kept, which outlives the pooled buffer; null when that was nothing. */
  takeCopy(): Buffer | null {
    const { buffer, from, end } = this;
    const copy = buffer === null ? null : Buffer.copyBytesFrom(buffer, from, end - from);
    this.drop();
    return copy;
  }

  /** Has the client's socket be read, or not, as its connection's state wants it. */
  setReading(reads: Reads, socket: Socket | null): void {
    // Behind a FIN nothing comes but that FIN again.
    if (reads === Reads.unchanged || this.isEnded) return;
    if (reads === Reads.always || (reads === Reads.untilInput && this.isEmpty)) socket?.resume();
    else socket?.pause();
  }

  /** Everything before `at` has been taken. */
  dropTo(at: number): void {
    if (at === this.end) this.drop();
    else this.from = at;
  }

  drop(): void {
    if (this.buffer !== null) this.#recycle(this.buffer);
    this.buffer = null;
  }
}
