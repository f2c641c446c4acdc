// What a client sent before its turn: part of a head, or pipelined requests. The buffer is pooled, so that a connection
// without such bytes holds none.
import type { WorkerRuntime } from './worker-runtime.ts';

export class Carry {
  /** Null when nothing is kept; else the bytes are those in [from, end). */
  buffer: Buffer | null;
  from: number;
  end: number;
  readonly #runtime: WorkerRuntime;

  constructor(runtime: WorkerRuntime) {
    this.buffer = null;
    this.from = 0;
    this.end = 0;
    this.#runtime = runtime;
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

  /** The buffer with room for `count` more bytes behind `end`: reading pauses while a request is under way, so it stays small. */
  #bufferFor(count: number): Buffer {
    if (this.buffer === null) {
      this.buffer = this.#runtime.carries.take();
      this.from = 0;
      this.end = 0;
    }
    if (this.end + count > this.buffer.length && this.from > 0) {
      this.buffer.copyWithin(0, this.from, this.end);
      this.end -= this.from;
      this.from = 0;
    }
    if (this.end + count > this.buffer.length) {
      const larger = Buffer.allocUnsafeSlow(this.end + count);
      this.buffer.copy(larger, 0, 0, this.end);
      this.buffer = larger;
    }
    return this.buffer;
  }

  /** A copy that outlives the pooled buffer; null when nothing is kept. */
  copy(): Buffer | null {
    return this.buffer === null ? null : Buffer.copyBytesFrom(this.buffer, this.from, this.end - this.from);
  }

  drop(): void {
    if (this.buffer === null) return;
    const { carries } = this.#runtime;
    if (this.buffer.length === carries.bytes) carries.give(this.buffer);
    this.buffer = null;
  }
}
