// Free lists of buffers of one size. Not for sharing between threads. What is over the free limit is left to
// the GC.

export class BufferPool {
  readonly bytes: number;
  readonly #freeMax: number;
  readonly #free: Buffer[] = [];

  constructor(bytes: number, freeMax: number) {
    this.bytes = bytes;
    this.#freeMax = freeMax;
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.bytes);
  }

  /**
   * Takes a buffer back; one that is of another size, from before the sizes were changed, is left to the GC.
   */
  give(buffer: Buffer): void {
    if (buffer.length !== this.bytes) return;
    if (this.#free.length < this.#freeMax) this.#free.push(buffer);
  }
}
