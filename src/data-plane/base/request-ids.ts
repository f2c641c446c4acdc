// Request ids: 32 lower-case hex digits like nginx's $request_id, a random prefix per worker and a counter.
// Made in place in one buffer, so that a request costs a digit or two.
const prefixDigits = 20;
const digits = 32;
const zero = 0x30;
const nine = 0x39;
const letterA = 0x61;
const letterF = 0x66;

export class RequestIds {
  /** The id last made; overwritten by the next. */
  readonly bytes: Uint8Array;

  constructor() {
    this.bytes = Buffer.from(randomDigits(prefixDigits) + '0'.repeat(digits - prefixDigits), 'latin1');
  }

  /** Makes the next id: the counter's digits, plus one, with carry. 16^12 ids until they repeat. */
  next(): Uint8Array {
    const { bytes } = this;
    let at = digits - 1;
    while (at >= prefixDigits) {
      const digit = bytes[at] as number;
      if (digit === letterF) {
        bytes[at--] = zero;
        continue;
      }
      bytes[at] = digit === nine ? letterA : digit + 1;
      break;
    }
    return bytes;
  }
}

/**
 * Ids are to be unique and not secret, as a counter is easily guessed; node:crypto would be 0.7 MiB of every
 * worker for it.
 */
const randomDigits = (count: number): string =>
  Array.from({ length: count }, () => Math.floor(Math.random() * 16).toString(16)).join('');
