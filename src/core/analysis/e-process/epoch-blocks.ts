// Cuts the counts of a stream into blocks, each within one weight epoch. A block closes at the first tick at
// which both arms have traffic; until then its counts are carried. Whether it closes depends on request
// counts alone, never on outcomes: that keeps the product of block e-values a test supermartingale.
import { plainNumbers } from '#src/base/plain-numbers.ts';
import { epochSlotCount } from '#src/limits.ts';

// Per slot: epoch, nX, kX, nY, kY, a.
const width = 6;
const empty = -1;

/** Open blocks of the live epochs, and the one that closed last, in `nX` to `a`. */
export class EpochBlocks {
  readonly #slots = new Float64Array(epochSlotCount * width);
  nX = 0;
  kX = 0;
  nY = 0;
  kY = 0;
  /** X's rate as it was known when the block opened. */
  a = 0;

  constructor() {
    this.clear();
  }

  /** Drops all open blocks. */
  clear(): void {
    for (let at = 0; at < this.#slots.length; at += width) this.#slots[at] = empty;
  }

  /**
   * Adds one tick's counts of an epoch; `a` is the plug-in from before this tick. True when the block closed,
   * whose counts are then in the fields. With `needsX` false a block closes on Y's traffic alone.
   */
  add(epoch: number, nX: number, kX: number, nY: number, kY: number, a: number, needsX = true): boolean {
    const slots = this.#slots;
    const at = (epoch % epochSlotCount) * width;
    if (slots[at] !== epoch) {
      slots.fill(0, at, at + width);
      slots[at] = epoch;
    }
    const carriedX = slots[at + 1] as number;
    const carriedY = slots[at + 3] as number;
    this.a = carriedX + carriedY > 0 ? (slots[at + 5] as number) : a;
    this.nX = carriedX + nX;
    this.kX = (slots[at + 2] as number) + kX;
    this.nY = carriedY + nY;
    this.kY = (slots[at + 4] as number) + kY;
    if (this.nY >= 1 && (this.nX >= 1 || !needsX)) {
      slots.fill(0, at + 1, at + width);
      return true;
    }
    slots[at + 1] = this.nX;
    slots[at + 2] = this.kX;
    slots[at + 3] = this.nY;
    slots[at + 4] = this.kY;
    slots[at + 5] = this.a;
    return false;
  }

  snapshot(): readonly number[] {
    return plainNumbers(this.#slots);
  }

  restore(snapshot: readonly number[]): void {
    this.#slots.set(snapshot);
  }
}
