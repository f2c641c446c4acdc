// Compares a request with a compiled rule, byte by byte in the read buffer: no strings are made and nothing
// is allocated.
import { equalsIgnoreCase } from '#src/core/http1/characters.ts';
import { FIELD_STRIDE } from '#src/core/http1/framing.ts';
import type { RequestHead } from '#src/core/http1/request-head.ts';
import type { CompiledRule } from './routing-table.ts';

const colon = 0x3a;
const dot = 0x2e;
const slash = 0x2f;
const question = 0x3f;
const bracketClose = 0x5d;

/** Whether bytes[start, end) are exactly these. */
export function equalsBytes(bytes: Uint8Array, start: number, end: number, wanted: Uint8Array): boolean {
  if (end - start !== wanted.length) return false;
  for (let index = 0; index < wanted.length; index++) {
    if (bytes[start + index] !== wanted[index]) return false;
  }
  return true;
}

/** End of the host without `:port` (RFC 3986 3.2) and without the dot of a fully qualified name. */
export function hostNameEnd(bytes: Uint8Array, start: number, end: number): number {
  let nameEnd = end;
  for (let at = end - 1; at >= start && bytes[at] !== bracketClose; at--) {
    if (bytes[at] !== colon) continue;
    nameEnd = at;
    break;
  }
  return nameEnd > start + 1 && bytes[nameEnd - 1] === dot ? nameEnd - 1 : nameEnd;
}

/** `*.example.com` covers every name that ends in `.example.com` and has something before it. */
function matchesHost(bytes: Uint8Array, head: RequestHead, wanted: Uint8Array, isSuffix: boolean): boolean {
  const end = hostNameEnd(bytes, head.hostStart, head.hostEnd);
  if (!isSuffix) return equalsIgnoreCase(bytes, head.hostStart, end, wanted);
  const start = end - wanted.length;
  return start > head.hostStart && equalsIgnoreCase(bytes, start, end, wanted);
}

/**
 * Whether the path begins with the prefix, followed by the end of the path, `/` or `?`. A prefix that ends in
 * `/` needs no more.
 */
function matchesPath(bytes: Uint8Array, head: RequestHead, prefix: Uint8Array): boolean {
  const { pathStart, pathEnd } = head;
  // The path of an absolute-form target may be empty, which means `/` (RFC 9110 4.2.3).
  if (prefix.length === 1 && (pathStart === pathEnd || bytes[pathStart] === question)) return true;
  const end = pathStart + prefix.length;
  if (end > pathEnd || !equalsBytes(bytes, pathStart, end, prefix)) return false;
  if (end === pathEnd || prefix[prefix.length - 1] === slash) return true;
  return bytes[end] === slash || bytes[end] === question;
}

function matchesMethod(bytes: Uint8Array, head: RequestHead, methods: readonly Uint8Array[]): boolean {
  for (let index = 0; index < methods.length; index++) {
    if (equalsBytes(bytes, head.start, head.methodEnd, methods[index] as Uint8Array)) return true;
  }
  return false;
}

/** Whether any field with that name matches. All are compared, so that a second one cannot hide the first. */
function matchesHeader(
  bytes: Uint8Array,
  head: RequestHead,
  name: Uint8Array,
  value: Uint8Array | null,
): boolean {
  const fields = head.fields;
  const end = head.fieldCount * FIELD_STRIDE;
  for (let at = 0; at < end; at += FIELD_STRIDE) {
    if (!equalsIgnoreCase(bytes, fields[at] as number, fields[at + 1] as number, name)) continue;
    if (value === null) return true;
    if (equalsBytes(bytes, fields[at + 2] as number, fields[at + 3] as number, value)) return true;
  }
  return false;
}

/** Whether a request meets all conditions of the rule. */
export function matchesRule(rule: CompiledRule, bytes: Uint8Array, head: RequestHead): boolean {
  if (rule.methods !== null && !matchesMethod(bytes, head, rule.methods)) return false;
  if (rule.pathPrefix !== null && !matchesPath(bytes, head, rule.pathPrefix)) return false;
  if (rule.host !== null && !matchesHost(bytes, head, rule.host, rule.hostIsSuffix)) return false;
  return rule.headerName === null || matchesHeader(bytes, head, rule.headerName, rule.headerValue);
}

/** Offset in `fields` of the next field with that name, from offset `from` on; -1 when there is none. */
export function nextField(bytes: Uint8Array, head: RequestHead, name: Uint8Array, from: number): number {
  const fields = head.fields;
  const end = head.fieldCount * FIELD_STRIDE;
  for (let at = from; at < end; at += FIELD_STRIDE) {
    if (equalsIgnoreCase(bytes, fields[at] as number, fields[at + 1] as number, name)) return at;
  }
  return -1;
}
