// Free lists of buffers of one size. Not for sharing between threads. What is over the free limit is left to the GC.

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

  give(buffer: Buffer): void {
    if (this.#free.length < this.#freeMax) this.#free.push(buffer);
  }
}
