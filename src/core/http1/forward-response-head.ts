// Writes the response head that is sent to the client (RFC 9110 7.6). Fields that stay are copied in runs,
// hop-by-hop fields are left out, and a Connection line for this client is added.
import { ascii } from './characters.ts';
import { appendBytes, copyBytes, writePlainly } from './copy-bytes.ts';
import { FieldName, HOP_BY_HOP, isFraming, NAME_MASK } from './field-kind.ts';
import { ConnectionHeader, FIELD_STRIDE } from './framing.ts';
import type { ResponseHead } from './response-head.ts';

const version = ascii('HTTP/1.1 ');
const connectionLines = [
  ascii(''),
  ascii('Connection: close\r\n'),
  ascii('Connection: keep-alive\r\n'),
  ascii('Connection: Upgrade\r\n'),
];
/** The same for an answer that keeps its Upgrade, which the option has to name (RFC 9110 7.8). */
const upgradeConnectionLines = [
  ascii('Connection: Upgrade\r\n'),
  ascii('Connection: close, Upgrade\r\n'),
  ascii('Connection: keep-alive, Upgrade\r\n'),
  ascii('Connection: Upgrade\r\n'),
];
/** Bytes that may be added: the longest Connection line, a space behind the status code, and a Date line. */
const addedBytesMax = 80;
const noLine = ascii('');

const hopByHop =
  (1 << FieldName.connection) |
  (1 << FieldName.keepAlive) |
  (1 << FieldName.proxyConnection) |
  (1 << FieldName.te) |
  (1 << FieldName.upgrade);
const chunkedFraming = (1 << FieldName.transferEncoding) | (1 << FieldName.trailer);
const anyFraming = chunkedFraming | (1 << FieldName.contentLength);

/**
 * Writes the head for the client into `out` at `at`, as HTTP/1.1, also of interim responses. Reason and
 * fields stay as they are and in order; Connection and the fields it names, Keep-Alive, Proxy-Connection, TE,
 * and Upgrade unless `connection` is upgrade or the status is 426, are left out. With `dechunk` the body will
 * be sent without its chunks, so Transfer-Encoding and Trailer are left out too. `dateLine` is the Date line
 * for a final response that came without one (RFC 9110 6.6.1).
 *
 * @returns the new position, or -1 when `out` might be too short.
 */
export function encodeResponseHead(
  source: Uint8Array,
  head: ResponseHead,
  out: Uint8Array,
  at: number,
  clientMinorVersion: 0 | 1,
  connection: ConnectionHeader,
  dechunk: boolean,
  dateLine: Uint8Array = noLine,
): number {
  if (at + head.headEnd - head.start + addedBytesMax > out.length) return -1;
  let to = at;
  let runStart = head.start;
  if (source[head.statusStart - 2] !== 0x31 || head.reasonEnd === head.statusStart + 3) {
    to = writeStatusLine(source, head, out, to);
    runStart = head.fieldsStart;
  }
  const keepsUpgrade = connection === ConnectionHeader.upgrade || mustKeepUpgrade(head, clientMinorVersion);
  const dropped = droppedFields(head, clientMinorVersion, keepsUpgrade, dechunk);
  to =
    (head.seen & (dropped | (1 << FieldName.connection))) === 0 && !head.hasTabbedFraming
      ? copyBytes(source, runStart, head.headEnd - 2, out, to)
      : copyFields(source, head, out, to, runStart, dropped);
  if ((head.seen & (1 << FieldName.date)) === 0 && head.status >= 200) to = appendBytes(dateLine, out, to);
  if (keepsUpgrade) to = appendBytes(upgradeConnectionLines[connection] as Uint8Array, out, to);
  else if (connection !== ConnectionHeader.none) {
    to = appendBytes(connectionLines[connection] as Uint8Array, out, to);
  }
  out[to] = 0x0d;
  out[to + 1] = 0x0a;
  return to + 2;
}

/** A 426 says in Upgrade what it wants (RFC 9110 15.5.22); HTTP/1.0 knows no upgrades. */
const mustKeepUpgrade = (head: ResponseHead, clientMinorVersion: 0 | 1): boolean =>
  head.status === 426 && clientMinorVersion === 1 && (head.seen & (1 << FieldName.upgrade)) !== 0;

/** Bits 1 << FieldName of the fields that are not sent to this client. */
function droppedFields(
  head: ResponseHead,
  clientMinorVersion: 0 | 1,
  keepsUpgrade: boolean,
  dechunk: boolean,
): number {
  let dropped = keepsUpgrade ? hopByHop & ~(1 << FieldName.upgrade) : hopByHop;
  if (dechunk || clientMinorVersion === 0) dropped |= chunkedFraming;
  // 1xx and 204 must not have them (RFC 9110 8.6, RFC 9112 6.1): a client that reads them waits for a body.
  if (head.status < 200 || head.status === 204) dropped |= anyFraming;
  return dropped;
}

/** The status line (RFC 9112 4), with the space before an empty reason that some senders leave out. */
function writeStatusLine(source: Uint8Array, head: ResponseHead, out: Uint8Array, at: number): number {
  const codeEnd = head.statusStart + 3;
  let to = appendBytes(version, out, at);
  to = copyBytes(source, head.statusStart, codeEnd, out, to);
  if (head.reasonEnd === codeEnd) out[to++] = 0x20;
  return copyBytes(source, codeEnd, head.fieldsStart, out, to);
}

function copyFields(
  source: Uint8Array,
  head: ResponseHead,
  out: Uint8Array,
  at: number,
  runStart: number,
  dropped: number,
): number {
  const fields = head.fields;
  const fieldsEnd = head.fieldCount * FIELD_STRIDE;
  const linesEnd = head.headEnd - 2;
  let to = at;
  let run = runStart;
  for (let slot = 0; slot < fieldsEnd; slot += FIELD_STRIDE) {
    const kind = fields[slot + 4] as number;
    if (kind === 0) continue;
    const bit = 1 << (kind & NAME_MASK);
    const isNamed = (kind & HOP_BY_HOP) !== 0 && (bit & hopByHop) === 0;
    const isDropped = (dropped & bit) !== 0 || isNamed;
    const isRewritten = head.hasTabbedFraming && isFraming(kind & NAME_MASK);
    if (!isDropped && !isRewritten) continue;
    to = isDropped
      ? copyBytes(source, run, fields[slot] as number, out, to)
      : writePlainly(source, run, fields, slot, out, to);
    run = slot + FIELD_STRIDE < fieldsEnd ? (fields[slot + FIELD_STRIDE] as number) : linesEnd;
  }
  return copyBytes(source, run, linesEnd, out, to);
}
