// Parses response heads (RFC 9112 4, 5, 6), as strictly as requests: what a node sends decides where the next
// response on its connection begins, and so which client gets it.
import { contentLengthMax } from '#src/limits.ts';
import { ascii, CR, LF, SP, VALUE } from './characters.ts';
import { FieldName } from './field-kind.ts';
import {
  ConnectionOption,
  connectionFields,
  FieldSection,
  parseFieldSection,
  readConnectionFields,
  SECTION_INVALID,
  SECTION_TOO_MANY,
} from './field-section.ts';
import { Framing } from './framing.ts';
import { MessageLength, messageLength } from './message-length.ts';
import type { HeadLimits } from './request-head.ts';

/** What can be wrong with a response head, in short words for logs. */
export const responseFaults = [
  'status line malformed',
  'status code out of range',
  'head too large',
  'header field malformed',
  'too many header fields',
  '101 without an upgrade',
  'too many connection options',
  'interim response with a body',
  'Content-Length with Transfer-Encoding',
  'Transfer-Encoding not supported',
  'Content-Length malformed or repeated',
] as const;
export type ResponseFault = (typeof responseFaults)[number];

/** A parsed response head. It is reused from response to response; offsets are into the parsed bytes. */
export class ResponseHead extends FieldSection {
  start = 0;
  /** First digit of the status code. */
  statusStart = 0;
  status = 0;
  /** One past the reason phrase, where the CRLF of the status line is. */
  reasonEnd = 0;
  minorVersion: 0 | 1 = 1;
  /** First field line. */
  fieldsStart = 0;
  /** One past the blank line. */
  headEnd = 0;
  framing: Framing = Framing.none;
  /**
   * Body bytes when framing is length, else 0. It is 0 for a response to HEAD and for 304, whatever the field
   * says.
   */
  contentLength = 0;
  /** The upstream connection can carry another request once this message has ended. */
  keepAlive = false;
  /** 1xx but not 101: another head follows. */
  isInterim = false;
  /** The answer has X-Kong-Proxy-Latency: Kong forwarded the request to a service. */
  hasKongProxyLatency = false;
  hasKongUpstreamLatency = false;
  /** The answer has X-Kong-Response-Latency: Kong answered by itself. */
  hasKongResponseLatency = false;
  /** What is wrong with the head, for logs. */
  error: ResponseFault | null = null;
}

// V8 changes the hidden class of all heads when a length first needs a double, and discards code that was
// compiled for the old one. It happens here, at the start, instead of under traffic.
new ResponseHead().contentLength = contentLengthMax;

/**
 * Parses the response head that begins at bytes[start], as parseRequestHead does.
 *
 * @param requestIsHead the request was HEAD, so the response has no body, whatever it says (RFC 9110 9.3.2).
 * @param isUpgradeRequest the request asked for another protocol; only then 101 is valid (RFC 9110 15.2.2).
 * @returns > 0: complete, value = headEnd. 0: incomplete so far but valid. -1: invalid, see head.error.
 */
export function parseResponseHead(
  bytes: Uint8Array,
  start: number,
  end: number,
  head: ResponseHead,
  limits: HeadLimits,
  requestIsHead: boolean,
  isUpgradeRequest: boolean,
): number {
  head.error = null;
  const headEndMax = start + limits.headBytes;
  const scanEnd = Math.min(end, headEndMax);
  const lineEnd = parseStatusLine(bytes, start, scanEnd, head);
  if (lineEnd <= 0) return lineEnd < 0 || end < headEndMax ? lineEnd : refuse(head, 'head too large');
  head.fieldsStart = lineEnd;
  const headEnd = parseFieldSection(bytes, lineEnd, scanEnd, head, limits.headerCount);
  if (headEnd <= 0) {
    if (headEnd === SECTION_INVALID) return refuse(head, 'header field malformed');
    if (headEnd === SECTION_TOO_MANY) return refuse(head, 'too many header fields');
    return end < headEndMax ? 0 : refuse(head, 'head too large');
  }
  head.headEnd = headEnd;
  return readFields(bytes, head, requestIsHead, isUpgradeRequest) ? headEnd : -1;
}

function refuse(head: ResponseHead, error: ResponseFault): -1 {
  head.error = error;
  return -1;
}

function fault(head: ResponseHead, error: ResponseFault): false {
  head.error = error;
  return false;
}

/** `0` stands for any digit. What follows the code is checked separately. */
const statusPattern = ascii('HTTP/1.0 000');

/**
 * RFC 9112 4: `HTTP-version SP status-code SP [ reason-phrase ] CRLF`. The space after the code may be
 * missing when there is no reason: many servers leave it out, and every client accepts it.
 */
function parseStatusLine(bytes: Uint8Array, start: number, end: number, head: ResponseHead): number {
  head.start = start;
  const codeEnd = start + statusPattern.length;
  for (let i = start; i < codeEnd; i++) {
    if (i >= end) return 0;
    const byte = bytes[i] as number;
    const expected = statusPattern[i - start] as number;
    const fits = expected === 0x30 ? byte >= 0x30 && byte <= 0x39 : byte === expected;
    if (!fits) return refuse(head, 'status line malformed');
  }
  // A minor version above 1 is treated as 1 (RFC 9110 2.5).
  head.minorVersion = bytes[start + 7] === 0x30 ? 0 : 1;
  head.statusStart = codeEnd - 3;
  const status =
    (bytes[codeEnd - 3] as number) * 100 +
    (bytes[codeEnd - 2] as number) * 10 +
    (bytes[codeEnd - 1] as number) -
    0x30 * 111;
  if (status < 100 || status > 599) return refuse(head, 'status code out of range');
  head.status = status;
  return parseReason(bytes, codeEnd, end, head);
}

function parseReason(bytes: Uint8Array, codeEnd: number, end: number, head: ResponseHead): number {
  let i = codeEnd;
  if (i >= end) return 0;
  if (bytes[i] === SP) {
    while (i < end && VALUE[bytes[i] as number] === 1) i++;
    if (i >= end) return 0;
  }
  if (bytes[i] !== CR) return refuse(head, 'status line malformed');
  head.reasonEnd = i;
  if (i + 1 >= end) return 0;
  return bytes[i + 1] === LF ? i + 2 : refuse(head, 'status line malformed');
}

function readFields(
  bytes: Uint8Array,
  head: ResponseHead,
  requestIsHead: boolean,
  isUpgradeRequest: boolean,
): boolean {
  const seen = head.seen;
  const status = head.status;
  if (status === 101 && !(isUpgradeRequest && (seen & (1 << FieldName.upgrade)) !== 0)) {
    return fault(head, '101 without an upgrade');
  }
  if ((seen & connectionFields) !== 0 && !readConnectionFields(bytes, head)) {
    return fault(head, 'too many connection options');
  }
  if (!readLength(bytes, head)) return false;
  // No interim response has content (RFC 9110 15.2). A parser that does not know the code would wait for it.
  if (status < 200 && (head.framing === Framing.chunked || head.contentLength > 0)) {
    return fault(head, 'interim response with a body');
  }
  if (requestIsHead || status < 200 || status === 204 || status === 304) {
    head.framing = Framing.none;
    head.contentLength = 0;
  }
  const options = head.connectionOptions;
  head.keepAlive =
    status !== 101 &&
    head.framing !== Framing.close &&
    (options & ConnectionOption.close) === 0 &&
    (head.minorVersion === 1 || (options & ConnectionOption.keepAlive) !== 0);
  head.isInterim = status < 200 && status !== 101;
  head.hasKongProxyLatency = (seen & (1 << FieldName.kongProxyLatency)) !== 0;
  head.hasKongUpstreamLatency = (seen & (1 << FieldName.kongUpstreamLatency)) !== 0;
  head.hasKongResponseLatency = (seen & (1 << FieldName.kongResponseLatency)) !== 0;
  return true;
}

/**
 * RFC 9112 6.3. The fields are checked even where the message has no body, because the client reads them too.
 */
function readLength(bytes: Uint8Array, head: ResponseHead): boolean {
  const length = messageLength(bytes, head, head.minorVersion);
  head.contentLength = Math.max(length, 0);
  head.framing = Framing.length;
  switch (length) {
    case MessageLength.absent:
      head.framing = Framing.close;
      return true;
    case MessageLength.chunked:
      head.framing = Framing.chunked;
      return true;
    case MessageLength.ambiguous:
      return fault(head, 'Content-Length with Transfer-Encoding');
    case MessageLength.codingInvalid:
    case MessageLength.codingUnknown:
      return fault(head, 'Transfer-Encoding not supported');
    case MessageLength.lengthInvalid:
      return fault(head, 'Content-Length malformed or repeated');
    default:
      return true;
  }
}
