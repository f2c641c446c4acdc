// Parses request heads (RFC 9112 2, 3, 5, 6) in one pass over the bytes. The result is offsets into them;
// nothing is allocated and nothing is thrown.
import type { ProxyErrorName } from '#src/base/error-catalog.ts';
import { contentLengthMax } from '#src/limits.ts';
import { ascii, CR, equalsIgnoreCase, HTAB, SP } from './characters.ts';
import { FieldName, NAME_MASK } from './field-kind.ts';
import {
  ConnectionOption,
  connectionFields,
  listHolds,
  parseFieldSection,
  readConnectionFields,
  SECTION_INVALID,
  SECTION_TOO_MANY,
  slotOf,
} from './field-section.ts';
import { FIELD_STRIDE, Framing } from './framing.ts';
import { isAuthority } from './host.ts';
import { MessageLength, messageLength } from './message-length.ts';
import { parseRequestLine, RequestLine } from './request-line.ts';

/** Limits of heads that an operator may change. */
export interface HeadLimits {
  /**
   * Bytes from the first one, blank lines before the request included, to the end of the head's blank line.
   */
  headBytes: number;
  headerCount: number;
}

/**
 * A parsed request head. It is reused from request to request. All offsets are into the parsed bytes, and are
 * valid after a head was accepted.
 */
export class RequestHead extends RequestLine {
  /** First field line. */
  fieldsStart = 0;
  /** One past the blank line. */
  headEnd = 0;
  framing: Framing = Framing.none;
  /** Body bytes when framing is length, else 0. */
  contentLength = 0;
  /**
   * Whether the client wants to keep the connection: in HTTP/1.1 unless it says `close`, in HTTP/1.0 if it
   * says `keep-alive`.
   */
  keepAlive = false;
  /**
   * The client waits for 100 before it sends its body (RFC 9110 10.1.1). Only in HTTP/1.1 and with a body.
   */
  hasExpectContinue = false;
  /** How often TRACE and OPTIONS may still be forwarded (RFC 9110 7.6.2); -1 when nothing limits it. */
  maxForwards = -1;
  /**
   * The client asks for another protocol, which will be tunnelled (RFC 9110 7.8). Only in HTTP/1.1, without a
   * body, not h2c.
   */
  isUpgrade = false;
}

// V8 changes the hidden class of all heads when a length first needs a double, and discards code that was
// compiled for the old one. It happens here, at the start, instead of under traffic.
new RequestHead().contentLength = contentLengthMax;

/**
 * Parses the request head that begins at bytes[start]. The result depends on the bytes alone, not on how they
 * were cut into reads. An error is found at the byte that causes it, or at the blank line when the whole head
 * is needed to see it.
 *
 * @returns the head's end when it is complete. 0 while it is incomplete and valid so far: call again from
 * `start` with more bytes (see `scanHead`). -1 when it is invalid: `head.error` says why, and the connection
 * has to be closed after the answer.
 */
export function parseRequestHead(
  bytes: Uint8Array,
  start: number,
  end: number,
  head: RequestHead,
  limits: HeadLimits,
): number {
  head.error = null;
  const headEndMax = start + limits.headBytes;
  const scanEnd = Math.min(end, headEndMax);
  const lineEnd = parseRequestLine(bytes, start, scanEnd, head);
  if (lineEnd <= 0) return lineEnd < 0 || end < headEndMax ? lineEnd : refuse(head, 'targetTooLong');
  head.fieldsStart = lineEnd;
  const headEnd = parseFieldSection(bytes, lineEnd, scanEnd, head, limits.headerCount);
  if (headEnd <= 0) {
    if (headEnd === SECTION_INVALID) return refuse(head, 'headerInvalid');
    if (headEnd === SECTION_TOO_MANY) return refuse(head, 'tooManyHeaders');
    return end < headEndMax ? 0 : refuse(head, 'headerTooLarge');
  }
  head.headEnd = headEnd;
  return readFields(bytes, head) ? headEnd : -1;
}

/**
 * Whether new bytes of an incomplete head are a reason to parse it again: a line has ended, a byte is
 * invalid, or the limit is reached. So a client that sends single bytes costs one look at each of them
 * instead of one parse. `from` is the end up to which the last parse or scan looked.
 *
 * @returns 0 when parseRequestHead (or parseResponseHead) would still say 0, else the end to parse up to.
 */
export function scanHead(
  bytes: Uint8Array,
  start: number,
  from: number,
  end: number,
  limits: HeadLimits,
): number {
  if (end - start >= limits.headBytes) return end;
  const afterCr = from > start && bytes[from - 1] === CR;
  if (afterCr && end > from) return end;
  for (let i = from; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte < SP && byte !== CR && byte !== HTAB) return end;
    if (byte === CR && i + 1 < end) return end;
  }
  return 0;
}

function refuse(head: RequestHead, error: ProxyErrorName): -1 {
  head.error = error;
  return -1;
}

function fault(head: RequestHead, error: ProxyErrorName): false {
  head.error = error;
  return false;
}

/**
 * Fields that change how the message is handled. One comparison finds out whether a request has any of them.
 */
const telling =
  (1 << FieldName.contentLength) |
  (1 << FieldName.transferEncoding) |
  (1 << FieldName.expect) |
  (1 << FieldName.upgrade) |
  (1 << FieldName.maxForwards);

/**
 * Reads address, length and persistence of a complete head. Returns false and sets head.error when they are
 * not valid.
 */
function readFields(bytes: Uint8Array, head: RequestHead): boolean {
  head.framing = Framing.none;
  head.contentLength = 0;
  head.hasExpectContinue = false;
  head.isUpgrade = false;
  head.maxForwards = -1;
  if (!readHost(bytes, head)) return fault(head, 'hostInvalid');
  if ((head.seen & connectionFields) !== 0 && !readConnectionFields(bytes, head)) {
    return fault(head, 'headerInvalid');
  }
  const options = head.connectionOptions;
  head.keepAlive =
    (options & ConnectionOption.close) === 0 &&
    (head.minorVersion === 1 || (options & ConnectionOption.keepAlive) !== 0);
  if ((head.seen & telling) === 0) return true;
  return (
    readLength(bytes, head) &&
    readExpect(bytes, head) &&
    readUpgrade(bytes, head) &&
    readMaxForwards(bytes, head)
  );
}

/**
 * HTTP/1.1 needs exactly one valid Host (RFC 9112 3.2). It may be empty where the target has no authority.
 */
function readHost(bytes: Uint8Array, head: RequestHead): boolean {
  const bit = 1 << FieldName.host;
  if ((head.seen & bit) === 0) {
    if (head.minorVersion === 1) return false;
    if (!head.isAbsoluteForm) {
      head.hostStart = head.headEnd;
      head.hostEnd = head.headEnd;
    }
    return true;
  }
  if ((head.repeated & bit) !== 0) return false;
  const slot = slotOf(head, FieldName.host);
  const start = head.fields[slot + 2] as number;
  const end = head.fields[slot + 3] as number;
  if (start !== end && !isAuthority(bytes, start, end)) return false;
  if (!head.isAbsoluteForm) {
    head.hostStart = start;
    head.hostEnd = end;
  }
  return true;
}

/** RFC 9112 6.3. */
function readLength(bytes: Uint8Array, head: RequestHead): boolean {
  const length = messageLength(bytes, head, head.minorVersion);
  switch (length) {
    case MessageLength.absent:
      return true;
    case MessageLength.chunked:
      head.framing = Framing.chunked;
      return true;
    case MessageLength.ambiguous:
      return fault(head, 'framingAmbiguous');
    case MessageLength.codingInvalid:
      return fault(head, 'transferEncodingInvalid');
    case MessageLength.codingUnknown:
      return fault(head, 'transferCodingNotSupported');
    case MessageLength.lengthInvalid:
      return fault(head, 'contentLengthInvalid');
    default:
      head.framing = Framing.length;
      head.contentLength = length;
      return true;
  }
}

const continueExpectation = ascii('100-continue');

/** Expect is ignored in HTTP/1.0; an unknown expectation is refused, as RFC 9110 10.1.1 allows. */
function readExpect(bytes: Uint8Array, head: RequestHead): boolean {
  if ((head.seen & (1 << FieldName.expect)) === 0 || head.minorVersion === 0) return true;
  const fields = head.fields;
  const fieldsEnd = head.fieldCount * FIELD_STRIDE;
  for (let at = 0; at < fieldsEnd; at += FIELD_STRIDE) {
    if (((fields[at + 4] as number) & NAME_MASK) !== FieldName.expect) continue;
    if (!equalsIgnoreCase(bytes, fields[at + 2] as number, fields[at + 3] as number, continueExpectation)) {
      return fault(head, 'expectationInvalid');
    }
  }
  head.hasExpectContinue = head.framing === Framing.chunked || head.contentLength > 0;
  return true;
}

/** More hops than any path has; what is above it counts as it. */
const maxForwardsMax = 65_535;

/** RFC 9110 7.6.2: `1*DIGIT`, once; it means something with TRACE and OPTIONS only. */
function readMaxForwards(bytes: Uint8Array, head: RequestHead): boolean {
  const bit = 1 << FieldName.maxForwards;
  if ((head.seen & bit) === 0 || !(head.isTrace || head.isOptions)) return true;
  const slot = slotOf(head, FieldName.maxForwards);
  const start = head.fields[slot + 2] as number;
  const end = head.fields[slot + 3] as number;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = (bytes[i] as number) - 0x30;
    if (digit < 0 || digit > 9) return fault(head, 'headerInvalid');
    value = Math.min(value * 10 + digit, maxForwardsMax);
  }
  if (start === end || (head.repeated & bit) !== 0) return fault(head, 'headerInvalid');
  head.maxForwards = value;
  return true;
}

const h2c = ascii('h2c');

/** Upgrade (RFC 9110 7.8). One that is not supported is no error: the request is forwarded without it. */
function readUpgrade(bytes: Uint8Array, head: RequestHead): boolean {
  const asked =
    (head.seen & (1 << FieldName.upgrade)) !== 0 && (head.connectionOptions & ConnectionOption.upgrade) !== 0;
  // With a body, its bytes and those of the new protocol would follow each other on one connection; no client
  // sends that.
  const hasBody = head.framing === Framing.chunked || head.contentLength > 0;
  if (!asked || hasBody || head.minorVersion === 0) return true;
  const fields = head.fields;
  const fieldsEnd = head.fieldCount * FIELD_STRIDE;
  let isUpgrade = false;
  for (let at = 0; at < fieldsEnd; at += FIELD_STRIDE) {
    if (((fields[at + 4] as number) & NAME_MASK) !== FieldName.upgrade) continue;
    const start = fields[at + 2] as number;
    const end = fields[at + 3] as number;
    if (listHolds(bytes, start, end, h2c)) return true;
    if (start < end) isUpgrade = true;
  }
  head.isUpgrade = isUpgrade;
  return true;
}
