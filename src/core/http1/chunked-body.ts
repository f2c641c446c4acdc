// Chunked bodies (RFC 9112 7.1). The decoder checks the bytes as they pass and finds the end of the body; the
// bytes are forwarded as they are. It may be given them in pieces that are cut anywhere.
import {
  chunkExtensionBytesMax,
  chunkExtensionBytesPerBodyMax,
  chunkSizeDigitsMax,
  trailerBytesMax,
} from '#src/limits.ts';
import {
  ascii,
  COLON,
  CR,
  equalsIgnoreCase,
  HEX,
  HTAB,
  LF,
  QUOTED_TEXT,
  SP,
  TOKEN,
  VALUE,
} from './characters.ts';
import { FieldName, FORWARDING, fieldKind, HOP_BY_HOP, NAME_MASK, PROTECTED } from './field-kind.ts';

/** What the next byte belongs to. Bytes of data are skipped, not looked at one by one. */
const State = {
  sizeFirst: 0,
  size: 1,
  sizeLf: 2,
  /** White space after the size or a value: only a semicolon may follow. */
  extensionSpace: 3,
  extensionNameFirst: 4,
  extensionName: 5,
  /** White space after a name: a value or the next extension may follow. */
  extensionNameSpace: 6,
  extensionValueFirst: 7,
  extensionToken: 8,
  extensionQuoted: 9,
  extensionQuotedPair: 10,
  extensionQuotedEnd: 11,
  data: 12,
  dataCr: 13,
  dataLf: 14,
  trailerFirst: 15,
  trailerName: 16,
  trailerValue: 17,
  trailerLf: 18,
  endLf: 19,
} as const;
type State = (typeof State)[keyof typeof State];

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const UNDERSCORE = 0x5f;

const isBlank = (byte: number): boolean => byte === SP || byte === HTAB;

/** Bytes of a trailer's name that are kept to compare it: every name that is refused is shorter. */
const trailerNameBytesKept = 32;

/**
 * Fields that are refused in a trailer besides those of framing, routing and this connection (RFC 9110
 * 6.5.1): they would change who sent the request, or what the body is, after both have been acted on.
 */
const refusedInTrailers = [
  'authorization',
  'cookie',
  'set-cookie',
  'content-encoding',
  'content-type',
  'content-range',
].map(ascii);

function isRefusedInTrailers(name: Uint8Array, length: number): boolean {
  const kind = fieldKind(name, 0, length);
  if ((kind & (PROTECTED | HOP_BY_HOP | FORWARDING)) !== 0) return true;
  const field = kind & NAME_MASK;
  if (field === FieldName.expect || field === FieldName.trailer) return true;
  for (let k = 0; k < refusedInTrailers.length; k++) {
    if (equalsIgnoreCase(name, 0, length, refusedInTrailers[k] as Uint8Array)) return true;
  }
  return false;
}

/** Decoder of one chunked body. It is reused: reset() has to be called before each body. */
export class ChunkedDecoder {
  /** The body has ended, with its trailers. */
  done = false;
  error: 'chunkInvalid' | 'trailersTooLarge' | null = null;
  /** Data bytes of all chunks that have begun. A limit on the body's size is compared with it. */
  dataBytes = 0;
  /** Where the data was in the bytes of the last call with `collectData`: pairs of start and end. */
  dataRanges: Int32Array = new Int32Array(32);
  dataRangeCount = 0;

  #state: State = State.sizeFirst;
  #sizeDigits = 0;
  /** While a size is read, its value so far; within data, the bytes that are still to come. */
  #remaining = 0;
  #extensionBytes = 0;
  #extensionBytesOfBody = 0;
  /** White space was met in the extensions of this chunk: what is left of them is overwritten. */
  #isBlotting = false;
  #needsSemicolon = false;
  #trailerBytes = 0;
  #nameLength = 0;
  readonly #name: Uint8Array = new Uint8Array(trailerNameBytesKept);

  reset(): void {
    this.done = false;
    this.error = null;
    this.dataBytes = 0;
    this.dataRangeCount = 0;
    this.#state = State.sizeFirst;
    this.#sizeDigits = 0;
    this.#remaining = 0;
    this.#extensionBytes = 0;
    this.#extensionBytesOfBody = 0;
    this.#isBlotting = false;
    this.#needsSemicolon = false;
    this.#trailerBytes = 0;
    this.#nameLength = 0;
  }

  /**
   * Validates bytes[from..end). With `collectData` the data ranges of this call are left in dataRanges. Chunk
   * extensions with white space in them (RFC 9112 7.1.1: BWS, which some readers refuse) are overwritten in
   * `bytes` by one without.
   *
   * @returns one past the last byte that belongs to the body (`end` while it goes on; see `done`), or -1, see
   * `error`.
   */
  feed(bytes: Uint8Array, from: number, end: number, collectData: boolean): number {
    this.dataRangeCount = 0;
    if (this.error !== null) return -1;
    let i = from;
    while (i < end && !this.done) {
      if (this.#state === State.data) {
        const dataEnd = this.#remaining < end - i ? i + this.#remaining : end;
        this.#remaining -= dataEnd - i;
        if (collectData) this.#addRange(i, dataEnd);
        if (this.#remaining === 0) this.#state = State.dataCr;
        i = dataEnd;
      } else if (this.#take(bytes[i] as number)) {
        if (this.#isBlotting) this.#blot(bytes, i);
        i++;
      } else {
        this.error ??= 'chunkInvalid';
        return -1;
      }
    }
    return i;
  }

  #addRange(start: number, end: number): void {
    const at = this.dataRangeCount * 2;
    if (at === this.dataRanges.length) {
      const grown = new Int32Array(at * 2);
      grown.set(this.dataRanges);
      this.dataRanges = grown;
    }
    this.dataRanges[at] = start;
    this.dataRanges[at + 1] = end;
    this.dataRangeCount++;
  }

  /** Takes one byte that is not data. @returns false when it is not allowed here. */
  #take(byte: number): boolean {
    const state = this.#state;
    if (state <= State.sizeLf) return this.#takeSize(byte);
    if (state >= State.trailerFirst) return this.#takeTrailer(byte);
    if (state === State.dataCr) return this.#go(byte === CR, State.dataLf);
    if (state === State.dataLf) return this.#go(byte === LF, State.sizeFirst);
    this.#extensionBytes++;
    this.#extensionBytesOfBody++;
    return (
      this.#extensionBytes <= chunkExtensionBytesMax &&
      this.#extensionBytesOfBody <= chunkExtensionBytesPerBodyMax &&
      this.#takeExtension(byte)
    );
  }

  /**
   * Replaces what was just taken of an extension. Extensions mean nothing beyond this connection (RFC 9112
   * 7.1.1), so any name serves: after the size or a quoted value a semicolon has to begin it, everywhere else
   * letters go on with it.
   */
  #blot(bytes: Uint8Array, at: number): void {
    if (bytes[at] === CR) this.#isBlotting = false;
    else if (this.#needsSemicolon) bytes[at] = SEMICOLON;
    else bytes[at] = UNDERSCORE;
    this.#needsSemicolon = false;
  }

  #beginBlot(next: State, needsSemicolon: boolean): boolean {
    if (!this.#isBlotting) {
      this.#isBlotting = true;
      this.#needsSemicolon = needsSemicolon;
    }
    return this.#go(true, next);
  }

  #go(allowed: boolean, next: State): boolean {
    this.#state = next;
    return allowed;
  }

  /** chunk-size = 1*HEXDIG, bounded; white space, signs and prefixes are refused. */
  #takeSize(byte: number): boolean {
    if (this.#state === State.sizeLf) return byte === LF && this.#beginChunk();
    if (this.#state === State.sizeFirst) {
      this.#sizeDigits = 0;
      this.#remaining = 0;
      this.#extensionBytes = 0;
    }
    const digit = HEX[byte] as number;
    if (digit !== 255) {
      this.#remaining = this.#remaining * 16 + digit;
      return this.#go(++this.#sizeDigits <= chunkSizeDigitsMax, State.size);
    }
    if (this.#state === State.sizeFirst) return false;
    if (byte === CR) return this.#go(true, State.sizeLf);
    if (isBlank(byte)) return this.#beginBlot(State.extensionSpace, true);
    return this.#go(byte === SEMICOLON, State.extensionNameFirst);
  }

  #beginChunk(): boolean {
    this.dataBytes += this.#remaining;
    return this.#go(true, this.#remaining === 0 ? State.trailerFirst : State.data);
  }

  /** chunk-ext (RFC 9112 7.1.1): `*( BWS ";" BWS name [ BWS "=" BWS value ] )`. */
  #takeExtension(byte: number): boolean {
    switch (this.#state) {
      case State.extensionSpace:
        return isBlank(byte) || this.#go(byte === SEMICOLON, State.extensionNameFirst);
      case State.extensionNameFirst:
        if (isBlank(byte)) return this.#beginBlot(State.extensionNameFirst, false);
        return this.#go(TOKEN[byte] === 1, State.extensionName);
      case State.extensionName:
        if (TOKEN[byte] === 1) return true;
        if (isBlank(byte)) return this.#beginBlot(State.extensionNameSpace, false);
        if (byte === EQUALS) return this.#go(true, State.extensionValueFirst);
        return this.#endExtension(byte, false);
      case State.extensionNameSpace:
        if (isBlank(byte)) return true;
        if (byte === EQUALS) return this.#go(true, State.extensionValueFirst);
        return this.#go(byte === SEMICOLON, State.extensionNameFirst);
      case State.extensionValueFirst:
        if (isBlank(byte)) return this.#beginBlot(State.extensionValueFirst, false);
        if (byte === QUOTE) return this.#go(true, State.extensionQuoted);
        return this.#go(TOKEN[byte] === 1, State.extensionToken);
      case State.extensionToken:
        return TOKEN[byte] === 1 || this.#endExtension(byte, false);
      case State.extensionQuoted:
        if (QUOTED_TEXT[byte] === 1) return true;
        if (byte === BACKSLASH) return this.#go(true, State.extensionQuotedPair);
        return this.#go(byte === QUOTE, State.extensionQuotedEnd);
      case State.extensionQuotedPair:
        return this.#go(VALUE[byte] === 1, State.extensionQuoted);
      default:
        return this.#endExtension(byte, true);
    }
  }

  #endExtension(byte: number, isQuoted: boolean): boolean {
    if (byte === CR) return this.#go(true, State.sizeLf);
    if (isBlank(byte)) return this.#beginBlot(State.extensionSpace, isQuoted);
    return this.#go(byte === SEMICOLON, State.extensionNameFirst);
  }

  /**
   * Trailer section (RFC 9112 7.1.2): its lines are checked as strictly as a head's, and some fields are
   * refused.
   */
  #takeTrailer(byte: number): boolean {
    if (++this.#trailerBytes > trailerBytesMax) {
      this.error = 'trailersTooLarge';
      return false;
    }
    switch (this.#state) {
      case State.trailerFirst:
        if (byte === CR) return this.#go(true, State.endLf);
        this.#nameLength = 0;
        return this.#takeTrailerName(byte);
      case State.trailerName:
        return this.#takeTrailerName(byte);
      case State.trailerValue:
        return VALUE[byte] === 1 || this.#go(byte === CR, State.trailerLf);
      case State.trailerLf:
        return this.#go(byte === LF, State.trailerFirst);
      default:
        this.done = byte === LF;
        return this.done;
    }
  }

  #takeTrailerName(byte: number): boolean {
    if (TOKEN[byte] === 1) {
      if (this.#nameLength < trailerNameBytesKept) this.#name[this.#nameLength] = byte;
      this.#nameLength++;
      return this.#go(true, State.trailerName);
    }
    const isComplete = byte === COLON && this.#nameLength > 0;
    if (!isComplete) return false;
    const isLong = this.#nameLength > trailerNameBytesKept;
    return this.#go(isLong || !isRefusedInTrailers(this.#name, this.#nameLength), State.trailerValue);
  }
}

// V8 changes the hidden class of all decoders when a size first needs a double, and discards code that was
// compiled for the old one. It happens here, at the start, instead of under traffic.
const hugeChunk = ascii(`${'f'.repeat(chunkSizeDigitsMax)}\r\n`);
new ChunkedDecoder().feed(hugeChunk, 0, hugeChunk.length, false);
