// What is accepted here and not by llhttp, brought into the form in which it goes upstream, so that llhttp
// can judge that: a higher minor version (RFC 9110 2.5), tabs around the framing fields (RFC 9110 5.6.3),
// white space in chunk extensions (RFC 9112 7.1.1, overwritten by the decoder already), and raw octets from
// 0x80 on in a request target, which do go upstream as they are and are judged as letters.
import { FieldName, NAME_MASK } from '#src/core/http1/field-kind.ts';
import type { FieldSection } from '#src/core/http1/field-section.ts';
import { FIELD_STRIDE } from '#src/core/http1/framing.ts';
import type { RequestHead } from '#src/core/http1/request-head.ts';
import type { ResponseHead } from '#src/core/http1/response-head.ts';

const letter = 0x78;

/** Overwrites every octet that llhttp takes for no part of a target. */
export const plainTarget = (target: string): string => target.replace(/[^\0-\x7f]/g, 'x');

/** `bytes` is changed in place; no offset moves. */
export function asLlhttpTakesRequest(bytes: Buffer, head: RequestHead): Buffer {
  for (let at = head.targetStart; at < head.targetEnd; at++) {
    if ((bytes[at] as number) >= 0x80) bytes[at] = letter;
  }
  if (head.minorVersion === 1) bytes[head.fieldsStart - 3] = 0x31;
  return withoutTabs(bytes, head);
}

export function asLlhttpTakesResponse(bytes: Buffer, head: ResponseHead): Buffer {
  if (head.minorVersion === 1) bytes[head.statusStart - 2] = 0x31;
  return withoutTabs(bytes, head);
}

function withoutTabs(bytes: Buffer, head: FieldSection): Buffer {
  for (let slot = 0; slot < head.fieldCount * FIELD_STRIDE; slot += FIELD_STRIDE) {
    const [, nameEnd = 0, start = 0, end = 0, kind = 0] = head.fields.subarray(slot, slot + FIELD_STRIDE);
    const name = kind & NAME_MASK;
    if (name !== FieldName.contentLength && name !== FieldName.transferEncoding) continue;
    for (let at = nameEnd + 1; at < start; at++) bytes[at] = 0x20;
    for (let at = end; bytes[at] !== 0x0d; at++) bytes[at] = 0x20;
  }
  return bytes;
}
