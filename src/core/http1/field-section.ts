// Header sections (RFC 9112 5): finds the field lines of a head and their kinds, for requests and responses
// alike. What the fields mean for the message is decided by request-head.ts and response-head.ts.
import { connectionOptionsMax } from '#src/limits.ts';
import {
  ascii,
  COLON,
  COMMA,
  CR,
  equalsIgnoreCase,
  HTAB,
  LF,
  LOWER,
  SP,
  TOKEN,
  VALUE,
} from './characters.ts';
import { FieldName, fieldKind, HOP_BY_HOP, NAME_MASK, PROTECTED } from './field-kind.ts';
import { FIELD_STRIDE } from './framing.ts';
import { skipValueWords } from './word-scan.ts';

/** Fields that the array has room for at first: enough for nearly every head. More fields make it grow. */
const fieldCountUsual = 32;
const nothing = new Uint8Array(0);

/** Where the fields of a head are. The base class of both heads; reused from message to message. */
export class FieldSection {
  fieldCount = 0;
  /**
   * FIELD_STRIDE numbers for each field: nameStart, nameEnd, valueStart and valueEnd without white space,
   * kind.
   */
  fields: Int32Array = new Int32Array(fieldCountUsual * FIELD_STRIDE);
  /** Bit 1 << FieldName for each known field that occurs. */
  seen = 0;
  /** Bit 1 << FieldName for each known field that occurs more than once. */
  repeated = 0;
  /** Bits of ConnectionOption. */
  connectionOptions = 0;
  /**
   * The field that frames the message has a tab around its value, so it is written anew where it is
   * forwarded.
   */
  hasTabbedFraming = false;
  /**
   * The bytes that `#view` is of. A worker parses the same read buffer again and again, so the view is kept.
   */
  #bytes: Uint8Array = nothing;
  #view: DataView = new DataView(nothing.buffer);

  /** A view to read the bytes as words. */
  viewOf(bytes: Uint8Array): DataView {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    return this.#view;
  }

  /**
   * Index of the first field with this name from `first` on, ASCII case ignored, in the bytes that were
   * parsed; -1 when there is none.
   */
  findField(bytes: Uint8Array, lowerCaseName: Uint8Array, first = 0): number {
    const fields = this.fields;
    const fieldsEnd = this.fieldCount * FIELD_STRIDE;
    for (let at = first * FIELD_STRIDE; at < fieldsEnd; at += FIELD_STRIDE) {
      if (equalsIgnoreCase(bytes, fields[at] as number, fields[at + 1] as number, lowerCaseName)) {
        return at / FIELD_STRIDE;
      }
    }
    return -1;
  }
}

/** Offset in `fields` of the first field with that FieldName, which must occur. */
export function slotOf(section: FieldSection, name: number): number {
  const fields = section.fields;
  let slot = 0;
  while (((fields[slot + 4] as number) & NAME_MASK) !== name) slot += FIELD_STRIDE;
  return slot;
}

/** Options that the Connection fields of a head contain (RFC 9110 7.6.1). */
export const ConnectionOption = { close: 1, keepAlive: 2, upgrade: 4, other: 8 } as const;

const SECTION_INCOMPLETE = 0;
export const SECTION_INVALID = -1;
export const SECTION_TOO_MANY = -2;

function growFields(section: FieldSection): Int32Array {
  const grown = new Int32Array(section.fields.length * 2);
  grown.set(section.fields);
  section.fields = grown;
  return grown;
}

/**
 * Parses field lines from `at` to the blank line (RFC 9112 5, 5.1, 5.2). White space before the colon, folded
 * lines, control characters and a CR or LF alone are invalid, and are found at their first byte.
 *
 * @returns one past the blank line, or one of the SECTION values.
 */
export function parseFieldSection(
  bytes: Uint8Array,
  at: number,
  end: number,
  section: FieldSection,
  fieldCountMax: number,
): number {
  const view = section.viewOf(bytes);
  let fields = section.fields;
  let count = 0;
  let seen = 0;
  let repeated = 0;
  let i = at;
  for (;;) {
    if (i >= end) return SECTION_INCOMPLETE;
    if (bytes[i] === CR) break;
    if (count >= fieldCountMax) return TOKEN[bytes[i] as number] === 1 ? SECTION_TOO_MANY : SECTION_INVALID;
    const nameStart = i;
    while (i < end && TOKEN[bytes[i] as number] === 1) i++;
    if (i >= end) return SECTION_INCOMPLETE;
    if (bytes[i] !== COLON || i === nameStart) return SECTION_INVALID;
    const nameEnd = i++;
    while (i < end && (bytes[i] === SP || bytes[i] === HTAB)) i++;
    const valueStart = i;
    i = skipValueWords(view, i, end);
    while (i < end && VALUE[bytes[i] as number] === 1) i++;
    if (i >= end) return SECTION_INCOMPLETE;
    if (bytes[i] !== CR) return SECTION_INVALID;
    let valueEnd = i;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--;
    if (++i >= end) return SECTION_INCOMPLETE;
    if (bytes[i++] !== LF) return SECTION_INVALID;

    const kind = fieldKind(bytes, nameStart, nameEnd);
    if (kind !== 0) {
      const bit = 1 << (kind & NAME_MASK);
      repeated |= seen & bit;
      seen |= bit;
    }
    const slot = count * FIELD_STRIDE;
    if (slot >= fields.length) fields = growFields(section);
    fields[slot] = nameStart;
    fields[slot + 1] = nameEnd;
    fields[slot + 2] = valueStart;
    fields[slot + 3] = valueEnd;
    fields[slot + 4] = kind;
    count++;
  }
  if (i + 1 >= end) return SECTION_INCOMPLETE;
  if (bytes[i + 1] !== LF) return SECTION_INVALID;
  section.fieldCount = count;
  section.seen = seen;
  section.repeated = repeated;
  section.connectionOptions = 0;
  section.hasTabbedFraming = false;
  return i + 2;
}

const close = ascii('close');
const keepAlive = ascii('keep-alive');
const upgrade = ascii('upgrade');

function connectionOption(bytes: Uint8Array, start: number, end: number): number {
  switch (end - start) {
    case 5:
      return equalsIgnoreCase(bytes, start, end, close) ? ConnectionOption.close : ConnectionOption.other;
    case 10:
      return equalsIgnoreCase(bytes, start, end, keepAlive)
        ? ConnectionOption.keepAlive
        : ConnectionOption.other;
    case 7:
      return equalsIgnoreCase(bytes, start, end, upgrade) ? ConnectionOption.upgrade : ConnectionOption.other;
    default:
      return ConnectionOption.other;
  }
}

function sameName(bytes: Uint8Array, start: number, otherStart: number, length: number): boolean {
  for (let k = 0; k < length; k++) {
    if (LOWER[bytes[start + k] as number] !== LOWER[bytes[otherStart + k] as number]) return false;
  }
  return true;
}

/** Fields that begin so describe the body, which is forwarded, so Connection cannot remove them. */
const content = ascii('content-');

function markNamedFields(bytes: Uint8Array, start: number, end: number, section: FieldSection): void {
  const length = end - start;
  const contentEnd = start + content.length;
  if (contentEnd < end && equalsIgnoreCase(bytes, start, contentEnd, content)) return;
  const fields = section.fields;
  const fieldsEnd = section.fieldCount * FIELD_STRIDE;
  for (let at = 0; at < fieldsEnd; at += FIELD_STRIDE) {
    const nameStart = fields[at] as number;
    if ((fields[at + 1] as number) - nameStart !== length) continue;
    const kind = fields[at + 4] as number;
    if ((kind & PROTECTED) === 0 && sameName(bytes, start, nameStart, length))
      fields[at + 4] = kind | HOP_BY_HOP;
  }
}

/** Bits of the fields that readConnectionFields reads. */
export const connectionFields = (1 << FieldName.connection) | (1 << FieldName.proxyConnection);

/**
 * Reads all Connection fields (RFC 9110 7.6.1). Sets section.connectionOptions, and marks the fields that
 * they name as hop-by-hop, except those that frame or address the message. Proxy-Connection is not standard,
 * but some peers follow its `close`, so it is read too: a peer that expects the connection to close must not
 * be sent another message.
 *
 * @returns false when there are more options than connectionOptionsMax.
 */
export function readConnectionFields(bytes: Uint8Array, section: FieldSection): boolean {
  const fields = section.fields;
  const fieldsEnd = section.fieldCount * FIELD_STRIDE;
  let optionCount = 0;
  for (let at = 0; at < fieldsEnd; at += FIELD_STRIDE) {
    const name = (fields[at + 4] as number) & NAME_MASK;
    if (name !== FieldName.connection && name !== FieldName.proxyConnection) continue;
    const end = fields[at + 3] as number;
    let i = fields[at + 2] as number;
    while (i < end) {
      while (i < end && (bytes[i] === COMMA || bytes[i] === SP || bytes[i] === HTAB)) i++;
      const optionStart = i;
      while (i < end && bytes[i] !== COMMA) i++;
      let optionEnd = i;
      while (optionEnd > optionStart && (bytes[optionEnd - 1] === SP || bytes[optionEnd - 1] === HTAB))
        optionEnd--;
      if (optionEnd === optionStart) continue;
      if (++optionCount > connectionOptionsMax) return false;
      const option = connectionOption(bytes, optionStart, optionEnd);
      if (name === FieldName.proxyConnection) {
        section.connectionOptions |= option & ConnectionOption.close;
        continue;
      }
      section.connectionOptions |= option;
      // A field called `close` would be hop-by-hop too, like any field that Connection names.
      const isNameable = option === ConnectionOption.other || option === ConnectionOption.close;
      if (isNameable) markNamedFields(bytes, optionStart, optionEnd, section);
    }
  }
  return true;
}

/** Whether a member of the comma-separated list is `lowerCase`, ASCII case ignored. */
export function listHolds(bytes: Uint8Array, start: number, end: number, lowerCase: Uint8Array): boolean {
  let i = start;
  while (i < end) {
    while (i < end && (bytes[i] === COMMA || bytes[i] === SP || bytes[i] === HTAB)) i++;
    const memberStart = i;
    while (i < end && bytes[i] !== COMMA && bytes[i] !== SP && bytes[i] !== HTAB) i++;
    if (equalsIgnoreCase(bytes, memberStart, i, lowerCase)) return true;
  }
  return false;
}
