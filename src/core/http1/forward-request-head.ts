// Writes the request head that is sent to a node (RFC 9110 7.6). Fields that stay as they are are copied in
// runs, hop-by-hop fields are left out, and forwarding fields are added.
import { requestIdBytesMax } from '#src/limits.ts';
import { ascii, equalsIgnoreCase, REQUEST_ID, SLASH } from './characters.ts';
import { appendBytes, copyBytes, writeLineEnd, writePlainly } from './copy-bytes.ts';
import { FieldName, FORWARDING, HOP_BY_HOP, isFraming, NAME_MASK } from './field-kind.ts';
import { FIELD_STRIDE } from './framing.ts';
import type { RequestHead } from './request-head.ts';

const empty = new Uint8Array(0);

/** What the proxy adds to a request. It is reused; the caller assigns every field. */
export class RequestAdditions {
  /** The peer is a trusted proxy: its forwarding fields and X-Request-Id are kept. */
  trusted = false;
  /**
   * For a peer that is not trusted: the lines X-Forwarded-For, X-Real-IP, X-Forwarded-Proto and
   * X-Forwarded-Port, made once for each peer.
   */
  forwardedLines: Uint8Array = empty;
  /** These three are for trusted peers. */
  peerAddress: Uint8Array = empty;
  proto: Uint8Array = empty;
  port: Uint8Array = empty;
  /** The request's id where none is kept from a trusted proxy. */
  requestId: Uint8Array = empty;
  /** Lower-case name of a field that is never forwarded. */
  overrideHeader: Uint8Array | null = null;
  /** Host for an HTTP/1.0 request without one: it is forwarded as HTTP/1.1, which needs a Host. */
  hostWhenAbsent: Uint8Array = ascii('localhost');
  /** Set by encodeRequestHead: where the request id is in `out`. */
  keptRequestIdStart = 0;
  keptRequestIdEnd = 0;
}

const versionLine = ascii(' HTTP/1.1\r\n');
const hostName = ascii('Host: ');
const connectionUpgrade = ascii('Connection: Upgrade\r\n');
const forwardedForName = ascii('X-Forwarded-For: ');
const forwardedProtoName = ascii('X-Forwarded-Proto: ');
const forwardedPortName = ascii('X-Forwarded-Port: ');
const forwardedHostName = ascii('X-Forwarded-Host: ');
const realIpName = ascii('X-Real-IP: ');
const viaAndRequestIdName = ascii('Via: 1.1 crossover\r\nX-Request-Id: ');
const viaOldAndRequestIdName = ascii('Via: 1.0 crossover\r\nX-Request-Id: ');
const separator = ascii(', ');

/** Bytes of all constant pieces that can be added to one head. */
const constantBytesMax = 320;

/** Known fields that are not always copied unchanged. A head without any of them is copied in one run. */
const cutFields =
  (1 << FieldName.connection) |
  (1 << FieldName.keepAlive) |
  (1 << FieldName.proxyConnection) |
  (1 << FieldName.te) |
  (1 << FieldName.upgrade) |
  (1 << FieldName.expect) |
  (1 << FieldName.xForwardedFor) |
  (1 << FieldName.xForwardedHost) |
  (1 << FieldName.xForwardedProto) |
  (1 << FieldName.xForwardedPort) |
  (1 << FieldName.xForwardedPrefix) |
  (1 << FieldName.xForwardedPath) |
  (1 << FieldName.forwarded) |
  (1 << FieldName.xRealIp) |
  (1 << FieldName.xRequestId) |
  (1 << FieldName.kongDebug);

/**
 * What copyFields found, besides the position that it returns. Shared by all calls, which never overlap
 * within a thread.
 */
const copied = { kept: 0, requestIdSlot: -1 };

/**
 * Writes the head for the node into `out` at `at`, always as HTTP/1.1, with one hop less in Max-Forwards.
 * Method, target and fields stay as they are and in order, with these exceptions: an absolute-form target
 * becomes origin-form, and its authority replaces Host. Connection and the fields it names, Keep-Alive,
 * Proxy-Connection and TE are left out, and so are Upgrade unless the request is one, the override header,
 * and forwarding fields of peers that are not trusted.
 *
 * @returns the new position, or -1 when `out` might be too short.
 */
export function encodeRequestHead(
  source: Uint8Array,
  head: RequestHead,
  out: Uint8Array,
  at: number,
  additions: RequestAdditions,
): number {
  if (at + encodedBytesMax(head, additions) > out.length) return -1;
  let to = at;
  let runStart = head.start;
  if (head.isAbsoluteForm || source[head.fieldsStart - 3] !== 0x31) {
    to = writeRequestLine(source, head, out, to);
    to = writeMissingHost(source, head, out, to, additions);
    runStart = head.fieldsStart;
  }
  copied.kept = 0;
  copied.requestIdSlot = -1;
  if (
    (head.seen & cutFields) !== 0 ||
    additions.overrideHeader !== null ||
    head.isAbsoluteForm ||
    head.hasTabbedFraming ||
    head.maxForwards > 0
  ) {
    to = copyFields(source, head, out, to, additions, runStart);
  } else {
    to = copyBytes(source, runStart, head.headEnd - 2, out, to);
  }
  if (head.isUpgrade) to = appendBytes(connectionUpgrade, out, to);
  to = additions.trusted
    ? writeMissingForwarding(out, to, additions)
    : appendBytes(additions.forwardedLines, out, to);
  if (head.hostEnd > head.hostStart && (copied.kept & (1 << FieldName.xForwardedHost)) === 0) {
    to = appendBytes(forwardedHostName, out, to);
    to = copyBytes(source, head.hostStart, head.hostEnd, out, to);
    to = writeLineEnd(out, to);
  }
  return writeRequestId(source, head, out, to, additions);
}

function encodedBytesMax(head: RequestHead, additions: RequestAdditions): number {
  return (
    head.headEnd -
    head.start +
    2 * (head.hostEnd - head.hostStart) +
    additions.forwardedLines.length +
    2 * additions.peerAddress.length +
    additions.proto.length +
    additions.port.length +
    additions.requestId.length +
    additions.hostWhenAbsent.length +
    constantBytesMax
  );
}

/** Method and origin-form target (RFC 9112 3.2.1, 3.2.4); an empty path becomes `/`, or `*` for OPTIONS. */
function writeRequestLine(source: Uint8Array, head: RequestHead, out: Uint8Array, at: number): number {
  let to = copyBytes(source, head.start, head.targetStart, out, at);
  if (head.pathStart === head.pathEnd && head.isOptions) out[to++] = 0x2a;
  else if (head.isAbsoluteForm && (head.pathStart === head.pathEnd || source[head.pathStart] !== SLASH)) {
    out[to++] = SLASH;
  }
  to = copyBytes(source, head.pathStart, head.pathEnd, out, to);
  return appendBytes(versionLine, out, to);
}

/**
 * Host of an HTTP/1.0 request that came without one (RFC 9112 3.2): the authority of its target, else
 * hostWhenAbsent.
 */
function writeMissingHost(
  source: Uint8Array,
  head: RequestHead,
  out: Uint8Array,
  at: number,
  additions: RequestAdditions,
): number {
  if ((head.seen & (1 << FieldName.host)) !== 0) return at;
  let to = appendBytes(hostName, out, at);
  to = head.isAbsoluteForm
    ? copyBytes(source, head.hostStart, head.hostEnd, out, to)
    : appendBytes(additions.hostWhenAbsent, out, to);
  return writeLineEnd(out, to);
}

/**
 * Copies the source from `runStart` to the last field line, without the lines that are left out or replaced.
 */
function copyFields(
  source: Uint8Array,
  head: RequestHead,
  out: Uint8Array,
  at: number,
  additions: RequestAdditions,
  runStart: number,
): number {
  const fields = head.fields;
  const fieldsEnd = head.fieldCount * FIELD_STRIDE;
  const linesEnd = head.headEnd - 2;
  const dropped = additions.trusted ? HOP_BY_HOP : HOP_BY_HOP | FORWARDING;
  const override = additions.overrideHeader;
  const lastForwardedFor = additions.trusted ? lastKept(head, FieldName.xForwardedFor) : -1;
  let to = at;
  let run = runStart;
  let requestIdCount = 0;
  for (let slot = 0; slot < fieldsEnd; slot += FIELD_STRIDE) {
    const kind = fields[slot + 4] as number;
    const lineStart = fields[slot] as number;
    const isOverride =
      override !== null && equalsIgnoreCase(source, lineStart, fields[slot + 1] as number, override);
    if (kind === 0 && !isOverride) continue;
    const name = kind & NAME_MASK;
    const next = slot + FIELD_STRIDE < fieldsEnd ? (fields[slot + FIELD_STRIDE] as number) : linesEnd;
    if (isOverride || isDropped(head, kind, dropped)) {
      to = copyBytes(source, run, lineStart, out, to);
      run = next;
    } else if (name === FieldName.xRequestId) {
      to = copyBytes(source, run, lineStart, out, to);
      run = next;
      copied.requestIdSlot = ++requestIdCount === 1 && isRequestId(source, head, slot) ? slot : -1;
    } else if (name === FieldName.host && head.isAbsoluteForm) {
      to = copyBytes(source, run, lineStart, out, to);
      to = appendBytes(hostName, out, to);
      to = writeLineEnd(out, copyBytes(source, head.hostStart, head.hostEnd, out, to));
      run = next;
    } else if (name === FieldName.maxForwards && head.maxForwards > 0) {
      to = copyBytes(source, run, lineStart, out, to);
      to = writeMaxForwards(out, to, head.maxForwards - 1);
      run = next;
    } else if (head.hasTabbedFraming && isFraming(name)) {
      to = writePlainly(source, run, fields, slot, out, to);
      run = next;
    } else if (slot === lastForwardedFor) {
      const valueEnd = fields[slot + 3] as number;
      to = copyBytes(source, run, valueEnd, out, to);
      if (valueEnd > (fields[slot + 2] as number)) to = appendBytes(separator, out, to);
      to = writeLineEnd(out, appendBytes(additions.peerAddress, out, to));
      run = next;
      copied.kept |= 1 << name;
    } else {
      copied.kept |= 1 << name;
    }
  }
  return copyBytes(source, run, linesEnd, out, to);
}

const maxForwardsName = ascii('Max-Forwards: ');

function writeMaxForwards(out: Uint8Array, at: number, value: number): number {
  let to = appendBytes(maxForwardsName, out, at);
  let divisor = 1;
  while (divisor * 10 <= value) divisor *= 10;
  for (; divisor >= 1; divisor = Math.floor(divisor / 10)) {
    out[to++] = 0x30 + (Math.floor(value / divisor) % 10);
  }
  return writeLineEnd(out, to);
}

function isDropped(head: RequestHead, kind: number, dropped: number): boolean {
  const name = kind & NAME_MASK;
  if ((kind & dropped) !== 0) return name !== FieldName.upgrade || !head.isUpgrade;
  // Expect has no meaning in HTTP/1.0 (RFC 9110 10.1.1); the node, which is sent HTTP/1.1, would follow it.
  return name === FieldName.expect && head.minorVersion === 0;
}

/** Slot of the last field with that name that is not hop-by-hop; -1 when there is none. */
function lastKept(head: RequestHead, name: number): number {
  if ((head.seen & (1 << name)) === 0) return -1;
  const fields = head.fields;
  for (let slot = (head.fieldCount - 1) * FIELD_STRIDE; slot >= 0; slot -= FIELD_STRIDE) {
    const kind = fields[slot + 4] as number;
    if ((kind & NAME_MASK) === name && (kind & HOP_BY_HOP) === 0) return slot;
  }
  return -1;
}

function isRequestId(source: Uint8Array, head: RequestHead, slot: number): boolean {
  const start = head.fields[slot + 2] as number;
  const end = head.fields[slot + 3] as number;
  if (end === start || end - start > requestIdBytesMax) return false;
  for (let i = start; i < end; i++) {
    if (REQUEST_ID[source[i] as number] === 0) return false;
  }
  return true;
}

/** Adds the forwarding fields that a trusted proxy did not send. */
function writeMissingForwarding(out: Uint8Array, at: number, additions: RequestAdditions): number {
  const kept = copied.kept;
  let to = at;
  if ((kept & (1 << FieldName.xForwardedFor)) === 0) {
    to = writeLine(forwardedForName, additions.peerAddress, out, to);
  }
  if ((kept & (1 << FieldName.xRealIp)) === 0) to = writeLine(realIpName, additions.peerAddress, out, to);
  if ((kept & (1 << FieldName.xForwardedProto)) === 0) {
    to = writeLine(forwardedProtoName, additions.proto, out, to);
  }
  if ((kept & (1 << FieldName.xForwardedPort)) === 0) {
    to = writeLine(forwardedPortName, additions.port, out, to);
  }
  return to;
}

function writeLine(name: Uint8Array, value: Uint8Array, out: Uint8Array, at: number): number {
  return writeLineEnd(out, appendBytes(value, out, appendBytes(name, out, at)));
}

/** Via (RFC 9110 7.6.3), X-Request-Id and the blank line. */
function writeRequestId(
  source: Uint8Array,
  head: RequestHead,
  out: Uint8Array,
  at: number,
  additions: RequestAdditions,
): number {
  let to = appendBytes(head.minorVersion === 1 ? viaAndRequestIdName : viaOldAndRequestIdName, out, at);
  additions.keptRequestIdStart = to;
  const slot = copied.requestIdSlot;
  to =
    slot < 0
      ? appendBytes(additions.requestId, out, to)
      : copyBytes(source, head.fields[slot + 2] as number, head.fields[slot + 3] as number, out, to);
  additions.keptRequestIdEnd = to;
  return writeLineEnd(out, writeLineEnd(out, to));
}
