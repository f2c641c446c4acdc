// Parses request lines (RFC 9112 3): method, target and version. Each is refused at its first invalid byte.
import type { ProxyErrorName } from '#src/base/error-catalog.ts';
import { leadingBlankLinesMax, methodBytesMax, targetBytesMax } from '#src/limits.ts';
import { ascii, CR, equalsIgnoreCase, LF, METHOD, SLASH, SP, TARGET } from './characters.ts';
import { FieldSection } from './field-section.ts';
import { isAuthority } from './host.ts';

/** What the first line of a request head says. */
export class RequestLine extends FieldSection {
  /** First byte of the method, behind blank lines. */
  start = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  minorVersion: 0 | 1 = 1;
  isHead = false;
  isConnect = false;
  isOptions = false;
  isTrace = false;
  /** The method is GET, HEAD, OPTIONS, PUT, DELETE or TRACE (RFC 9110 9.2.2). */
  isIdempotent = false;
  /**
   * The authority of an absolute-form target, else the value of Host. Start and end are equal when it is
   * absent or empty.
   */
  hostStart = 0;
  hostEnd = 0;
  isAbsoluteForm = false;
  /** Path and query, or `*`. In an absolute-form target it may be empty or begin with `?`. */
  pathStart = 0;
  pathEnd = 0;
  error: ProxyErrorName | null = null;
}

function refuse(line: RequestLine, error: ProxyErrorName): -1 {
  line.error = error;
  return -1;
}

/**
 * RFC 9112 3: `method SP request-target SP HTTP-version CRLF`, single spaces.
 *
 * @returns one past the line, 0 while it is incomplete but valid, -1 when it is invalid, see line.error.
 */
export function parseRequestLine(bytes: Uint8Array, start: number, end: number, line: RequestLine): number {
  let i = start;
  line.isHead = false;
  if (i < end && bytes[i] === CR) {
    i = skipBlankLines(bytes, start, end);
    if (i <= 0) return i === 0 ? 0 : refuse(line, 'requestLineInvalid');
  }
  line.start = i;
  const methodLimit = i + methodBytesMax;
  while (i < end && METHOD[bytes[i] as number] === 1) i++;
  if (i > methodLimit) return refuse(line, 'requestLineInvalid');
  if (i >= end) return 0;
  if (bytes[i] !== SP || i === line.start) return refuse(line, 'requestLineInvalid');
  line.methodEnd = i;
  readMethod(bytes, line);
  if (line.isConnect) return refuse(line, 'methodNotSupported');

  const targetStart = ++i;
  line.targetStart = targetStart;
  const targetLimit = targetStart + targetBytesMax;
  const targetScanEnd = Math.min(end, targetLimit);
  while (i < targetScanEnd && TARGET[bytes[i] as number] === 1) i++;
  if (i >= end) return 0;
  if (bytes[i] !== SP) return refuse(line, targetError(bytes[i] as number, i, targetLimit));
  line.targetEnd = i;
  if (!readTarget(bytes, line)) return refuse(line, 'requestTargetInvalid');
  return parseVersion(bytes, i + 1, end, line);
}

/**
 * @returns the start of the request line, 0 when more bytes are needed, -1 for a CR alone or too many blank
 * lines.
 */
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
  // A line that ends after the target is HTTP/0.9, or not a request.
  return byte === CR || byte === LF ? 'requestLineInvalid' : 'requestTargetInvalid';
}

/** RFC 9110 9: methods are case-sensitive. */
function readMethod(bytes: Uint8Array, line: RequestLine): void {
  const start = line.start;
  let isHead = false;
  let isConnect = false;
  let isOptions = false;
  let isTrace = false;
  let isIdempotent = false;
  switch (line.methodEnd - start) {
    case 3:
      isIdempotent = isMethod(bytes, start, GET) || isMethod(bytes, start, PUT);
      break;
    case 4:
      isHead = isMethod(bytes, start, HEAD);
      isIdempotent = isHead;
      break;
    case 5:
      isTrace = isMethod(bytes, start, TRACE);
      isIdempotent = isTrace;
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
  line.isHead = isHead;
  line.isConnect = isConnect;
  line.isOptions = isOptions;
  line.isTrace = isTrace;
  line.isIdempotent = isIdempotent;
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
function readTarget(bytes: Uint8Array, line: RequestLine): boolean {
  const start = line.targetStart;
  const end = line.targetEnd;
  const first = bytes[start];
  line.isAbsoluteForm = false;
  line.pathStart = start;
  line.pathEnd = end;
  if (first === SLASH) return true;
  if (first === 0x2a) return end === start + 1 && line.isOptions;
  return readAbsoluteForm(bytes, start, end, line);
}

const httpScheme = ascii('http://');
const httpsScheme = ascii('https://');

/** RFC 9112 3.2.2. */
function readAbsoluteForm(bytes: Uint8Array, start: number, end: number, line: RequestLine): boolean {
  let authorityStart = start + httpScheme.length;
  if (authorityStart > end || !equalsIgnoreCase(bytes, start, authorityStart, httpScheme)) {
    authorityStart = start + httpsScheme.length;
    if (authorityStart > end || !equalsIgnoreCase(bytes, start, authorityStart, httpsScheme)) return false;
  }
  let i = authorityStart;
  while (i < end && bytes[i] !== SLASH && bytes[i] !== 0x3f) i++;
  if (!isAuthority(bytes, authorityStart, i)) return false;
  line.isAbsoluteForm = true;
  line.hostStart = authorityStart;
  line.hostEnd = i;
  line.pathStart = i;
  return true;
}

const http1 = ascii('HTTP/1.');

/**
 * RFC 9112 2.3: HTTP/1.x and the end of the line. A minor version above 1 is treated as 1 (RFC 9110 2.5), the
 * highest that is spoken here.
 */
function parseVersion(bytes: Uint8Array, at: number, end: number, line: RequestLine): number {
  if (at + 10 <= end) {
    const minor = (bytes[at + 7] as number) - 0x30;
    if (
      isMethod(bytes, at, http1) &&
      minor >= 0 &&
      minor <= 9 &&
      bytes[at + 8] === CR &&
      bytes[at + 9] === LF
    ) {
      line.minorVersion = minor === 0 ? 0 : 1;
      return at + 10;
    }
  }
  return versionResult(bytes, at, end, line);
}

/** `0` stands for any digit. */
const versionPattern = ascii('HTTP/0.0\r\n');

/**
 * Tells an incomplete version from one that is not supported and from something else. Not on the fast path.
 */
function versionResult(bytes: Uint8Array, at: number, end: number, line: RequestLine): number {
  for (let k = 0; k < versionPattern.length; k++) {
    if (at + k >= end) return 0;
    const byte = bytes[at + k] as number;
    const expected = versionPattern[k] as number;
    const fits = expected === 0x30 ? byte >= 0x30 && byte <= 0x39 : byte === expected;
    if (!fits) return refuse(line, 'requestLineInvalid');
  }
  return refuse(line, 'versionNotSupported');
}
