// Request heads (RFC 9112 2, 3, 5, 6): one pass over the bytes, offsets out, nothing allocated, nothing thrown.
import type { ProxyErrorName } from '#src/base/error-catalog.ts';
import { contentLengthMax, leadingBlankLinesMax, methodBytesMax, targetBytesMax } from '#src/limits.ts';
import { ascii, CR, equalsIgnoreCase, LF, METHOD, SLASH, SP, TARGET } from './characters.ts';
import { FieldName, NAME_MASK } from './field-kind.ts';
import {
  ConnectionOption,
  connectionFields,
  FieldSection,
  listHolds,
  parseFieldSection,
  readConnectionFields,
  SECTION_INVALID,
  SECTION_TOO_MANY,
} from './field-section.ts';
import { FIELD_STRIDE, Framing } from './framing.ts';
import { isAuthority } from './host.ts';
import { isExactlyChunked, parseContentLength } from './message-length.ts';

/** What an operator may change about heads. */
export interface HeadLimits {
  /** From the first byte, leading blank lines included, to the end of the blank line. */
  headBytes: number;
  headerCount: number;
}

/** One parsed head. Reused from request to request; all offsets are into the parsed bytes, and valid after a head that was accepted. */
export class RequestHead extends FieldSection {
  /** First byte of the method: leading blank lines are behind it. */
  start = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  minorVersion: 0 | 1 = 1;
  /** First field line. */
  fieldsStart = 0;
  /** One past the blank line. */
  headEnd = 0;
  framing: Framing = Framing.none;
  /** Body bytes when framing is length, else 0. */
  contentLength = 0;
  /** The persistence the client asked for: HTTP/1.1 unless `close`, HTTP/1.0 only with `keep-alive`. */
  keepAlive = false;
  isHead = false;
  isConnect = false;
  isOptions = false;
  /** GET, HEAD, OPTIONS, PUT, DELETE, TRACE (RFC 9110 9.2.2). */
  isIdempotent = false;
  /** The client waits for a 100 before it sends its body: HTTP/1.1 with a body only (RFC 9110 10.1.1). */
  hasExpectContinue = false;
  /** A switch of protocols to be tunnelled (RFC 9110 7.8): HTTP/1.1, no body, not h2c. */
  isUpgrade = false;
  /** Host value, or the authority of an absolute-form target, which overrides it; equal when absent or empty. */
  hostStart = 0;
  hostEnd = 0;
  isAbsoluteForm = false;
  /** Path and query; `*` for asterisk-form; of an absolute-form target it may be empty or begin with `?`. */
  pathStart = 0;
  pathEnd = 0;
  error: ProxyErrorName | null = null;
}

// The first length that needs a double changes the hidden class of all heads, and the code compiled for it is thrown
// away. Better now than in the middle of traffic.
new RequestHead().contentLength = contentLengthMax;

/**
 * Parses the request head that starts at bytes[start]. The answer depends on the bytes alone, not on how they were cut
 * into reads: an error is found at the byte that causes it, or at the blank line when it needs the whole head.
 *
 * @returns > 0: the head is complete, value = headEnd. 0: incomplete so far but valid; call again from `start` with
 * more bytes (see `scanHead`). -1: invalid, see head.error; the connection has to be closed after the answer.
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
 * Cheap look at newly read bytes of an incomplete head, so that a sender of single bytes costs one look per byte
 * instead of one parse: parsing again pays only when a line ended, something that ends the head's validity came in, or
 * the limit is reached. `from` is the end that the last parse or scan saw.
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
    if (byte < SP && byte !== CR && byte !== 0x09) return end;
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

/** RFC 9112 3: `method SP request-target SP HTTP-version CRLF`, single spaces. @returns as parseRequestHead, for the line. */
function parseRequestLine(bytes: Uint8Array, start: number, end: number, head: RequestHead): number {
  let i = start;
  if (i < end && bytes[i] === CR) {
    i = skipBlankLines(bytes, start, end);
    if (i <= 0) return i === 0 ? 0 : refuse(head, 'requestLineInvalid');
  }
  head.start = i;
  const methodLimit = i + methodBytesMax;
  while (i < end && METHOD[bytes[i] as number] === 1) i++;
  if (i > methodLimit) return refuse(head, 'requestLineInvalid');
  if (i >= end) return 0;
  if (bytes[i] !== SP || i === head.start) return refuse(head, 'requestLineInvalid');
  head.methodEnd = i;
  readMethod(bytes, head);
  if (head.isConnect) return refuse(head, 'methodNotSupported');

  const targetStart = ++i;
  head.targetStart = targetStart;
  const targetLimit = targetStart + targetBytesMax;
  const targetScanEnd = Math.min(end, targetLimit);
  while (i < targetScanEnd && TARGET[bytes[i] as number] === 1) i++;
  if (i >= end) return 0;
  if (bytes[i] !== SP) return refuse(head, targetError(bytes[i] as number, i, targetLimit));
  head.targetEnd = i;
  if (!readTarget(bytes, head)) return refuse(head, 'requestTargetInvalid');
  return parseVersion(bytes, i + 1, end, head);
}

/** @returns the first byte of the request line, 0 when more bytes are needed, -1 for a bare CR or too many lines. */
function skipBlankLines(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  for (let lines = 0; i < end && bytes[i] === CR; lines++) {
    if (lines === leadingBlankLinesMax) return -1;
    if (i + 1 >= end) return 0;
    if (bytes[i + 1] !== LF) return -1;
    i += 2;
  }
  return i < end ? i : 0;
}

function targetError(byte: number, at: number, limit: number): ProxyErrorName {
  if (TARGET[byte] === 1 && at >= limit) return 'targetTooLong';
  // A line that ends after the target is HTTP/0.9, or no request at all.
  return byte === CR || byte === LF ? 'requestLineInvalid' : 'requestTargetInvalid';
}

/** RFC 9110 9: methods are case-sensitive. */
function readMethod(bytes: Uint8Array, head: RequestHead): void {
  const start = head.start;
  let isHead = false;
  let isConnect = false;
  let isOptions = false;
  let isIdempotent = false;
  switch (head.methodEnd - start) {
    case 3:
      isIdempotent = isMethod(bytes, start, GET) || isMethod(bytes, start, PUT);
      break;
    case 4:
      isHead = isMethod(bytes, start, HEAD);
      isIdempotent = isHead;
      break;
    case 5:
      isIdempotent = isMethod(bytes, start, TRACE);
      break;
    case 6:
      isIdempotent = isMethod(bytes, start, DELETE);
      break;
    case 7:
      isConnect = isMethod(bytes, start, CONNECT);
      isOptions = isMethod(bytes, start, OPTIONS);
      isIdempotent = isOptions;
      break;
    default:
  }
  head.isHead = isHead;
  head.isConnect = isConnect;
  head.isOptions = isOptions;
  head.isIdempotent = isIdempotent;
}

const GET = ascii('GET');
const PUT = ascii('PUT');
const HEAD = ascii('HEAD');
const TRACE = ascii('TRACE');
const DELETE = ascii('DELETE');
const CONNECT = ascii('CONNECT');
const OPTIONS = ascii('OPTIONS');

function isMethod(bytes: Uint8Array, start: number, method: Uint8Array): boolean {
  for (let k = 0; k < method.length; k++) {
    if (bytes[start + k] !== method[k]) return false;
  }
  return true;
}

/** RFC 9112 3.2: origin-form, absolute-form with http or https, or `*` with OPTIONS. */
function readTarget(bytes: Uint8Array, head: RequestHead): boolean {
  const start = head.targetStart;
  const end = head.targetEnd;
  const first = bytes[start];
  head.isAbsoluteForm = false;
  head.pathStart = start;
  head.pathEnd = end;
  if (first === SLASH) return true;
  if (first === 0x2a) return end === start + 1 && head.isOptions;
  return readAbsoluteForm(bytes, start, end, head);
}

const httpScheme = ascii('http://');
const httpsScheme = ascii('https://');

/** RFC 9112 3.2.2. */
function readAbsoluteForm(bytes: Uint8Array, start: number, end: number, head: RequestHead): boolean {
  let authorityStart = start + httpScheme.length;
  if (authorityStart > end || !equalsIgnoreCase(bytes, start, authorityStart, httpScheme)) {
    authorityStart = start + httpsScheme.length;
    if (authorityStart > end || !equalsIgnoreCase(bytes, start, authorityStart, httpsScheme)) return false;
  }
  let i = authorityStart;
  while (i < end && bytes[i] !== SLASH && bytes[i] !== 0x3f) i++;
  if (!isAuthority(bytes, authorityStart, i)) return false;
  head.isAbsoluteForm = true;
  head.hostStart = authorityStart;
  head.hostEnd = i;
  head.pathStart = i;
  return true;
}

const http1 = ascii('HTTP/1.');

/** RFC 9112 2.3: HTTP/1.0 or HTTP/1.1 and the end of the line. */
function parseVersion(bytes: Uint8Array, at: number, end: number, head: RequestHead): number {
  if (at + 10 <= end) {
    const minor = (bytes[at + 7] as number) - 0x30;
    if (
      isMethod(bytes, at, http1) &&
      (minor === 1 || minor === 0) &&
      bytes[at + 8] === CR &&
      bytes[at + 9] === LF
    ) {
      head.minorVersion = minor;
      return at + 10;
    }
  }
  return judgeVersion(bytes, at, end, head);
}

/** `0` stands for any digit. */
const versionPattern = ascii('HTTP/0.0\r\n');

/** Off the fast path: an incomplete version, a wrong one, or something that is none. */
function judgeVersion(bytes: Uint8Array, at: number, end: number, head: RequestHead): number {
  for (let k = 0; k < versionPattern.length; k++) {
    if (at + k >= end) return 0;
    const byte = bytes[at + k] as number;
    const expected = versionPattern[k] as number;
    const fits = expected === 0x30 ? byte >= 0x30 && byte <= 0x39 : byte === expected;
    if (!fits) return refuse(head, 'requestLineInvalid');
  }
  return refuse(head, 'versionNotSupported');
}

/** Fields that change what the message is; a request with none of them costs one comparison. */
const telling =
  (1 << FieldName.contentLength) |
  (1 << FieldName.transferEncoding) |
  (1 << FieldName.expect) |
  (1 << FieldName.upgrade);

/** What the complete head means: address, length, persistence. Sets head.error and returns false when it contradicts itself. */
function readFields(bytes: Uint8Array, head: RequestHead): boolean {
  head.framing = Framing.none;
  head.contentLength = 0;
  head.hasExpectContinue = false;
  head.isUpgrade = false;
  if (!readHost(bytes, head)) return fault(head, 'hostInvalid');
  if ((head.seen & connectionFields) !== 0 && !readConnectionFields(bytes, head)) {
    return fault(head, 'headerInvalid');
  }
  const options = head.connectionOptions;
  head.keepAlive =
    (options & ConnectionOption.close) === 0 &&
    (head.minorVersion === 1 || (options & ConnectionOption.keepAlive) !== 0);
  if ((head.seen & telling) === 0) return true;
  return readLength(bytes, head) && readExpect(bytes, head) && readUpgrade(bytes, head);
}

const slotOf = (head: RequestHead, name: number): number => {
  const fields = head.fields;
  let slot = 0;
  while (((fields[slot + 4] as number) & NAME_MASK) !== name) slot += FIELD_STRIDE;
  return slot;
};

/** RFC 9112 3.2: exactly one Host on HTTP/1.1, valid; empty is valid where the target names no authority. */
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

/** RFC 9112 6.3, without its leniency: the two fields never meet, and neither comes twice. */
function readLength(bytes: Uint8Array, head: RequestHead): boolean {
  const hasLength = (head.seen & (1 << FieldName.contentLength)) !== 0;
  if ((head.seen & (1 << FieldName.transferEncoding)) !== 0) {
    if (hasLength) return fault(head, 'framingAmbiguous');
    const slot = slotOf(head, FieldName.transferEncoding);
    const once = (head.repeated & (1 << FieldName.transferEncoding)) === 0 && head.minorVersion === 1;
    if (!once || !isExactlyChunked(bytes, head.fields[slot + 2] as number, head.fields[slot + 3] as number)) {
      return fault(head, 'transferEncodingInvalid');
    }
    head.framing = Framing.chunked;
    return true;
  }
  if (!hasLength) return true;
  const slot = slotOf(head, FieldName.contentLength);
  const length = parseContentLength(bytes, head.fields[slot + 2] as number, head.fields[slot + 3] as number);
  if (length < 0 || (head.repeated & (1 << FieldName.contentLength)) !== 0) {
    return fault(head, 'contentLengthInvalid');
  }
  head.framing = Framing.length;
  head.contentLength = length;
  return true;
}

const continueExpectation = ascii('100-continue');

/** RFC 9110 10.1.1: ignored on HTTP/1.0; an expectation that is not known is refused, as the RFC allows. */
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

const h2c = ascii('h2c');

/** RFC 9110 7.8. An upgrade that is not taken is no error: the request goes on without it. */
function readUpgrade(bytes: Uint8Array, head: RequestHead): boolean {
  const asked =
    (head.seen & (1 << FieldName.upgrade)) !== 0 && (head.connectionOptions & ConnectionOption.upgrade) !== 0;
  // With a body in front of the new protocol, two streams would share one connection; nobody sends that.
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
