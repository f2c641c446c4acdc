// Checks Host and the authority of an absolute-form target (RFC 9110 7.2, RFC 3986 3.2.2, 3.2.3). Neither is
// ever changed.
import { authorityBytesMax } from '#src/limits.ts';
import { COLON, HEX, REG_NAME } from './characters.ts';

/** The largest port of TCP. */
const portMax = 65_535;

function isPort(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > 5) return false;
  let port = 0;
  for (let i = start; i < end; i++) {
    const digit = (bytes[i] as number) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= portMax;
}

/**
 * One past the closing bracket of an IP literal that begins at `start`, or -1. Hex digits, `:` and `.` are
 * allowed, no zone.
 */
function ipLiteralEnd(bytes: Uint8Array, start: number, end: number): number {
  let colons = 0;
  for (let i = start + 1; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte === 0x5d) return colons >= 2 ? i + 1 : -1;
    if (byte === COLON) colons++;
    else if (byte !== 0x2e && HEX[byte] === 255) return -1;
  }
  return -1;
}

function regNameEnd(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  for (; i < end; i++) {
    const byte = bytes[i] as number;
    if (REG_NAME[byte] === 1) continue;
    if (byte !== 0x25) break;
    if (i + 2 >= end || HEX[bytes[i + 1] as number] === 255 || HEX[bytes[i + 2] as number] === 255) return -1;
    i += 2;
  }
  return i;
}

/**
 * Whether bytes[start..end) is `uri-host [ ":" port ]` with a host that is not empty, no user info and no
 * spaces, and not longer than `authorityBytesMax`.
 */
export function isAuthority(bytes: Uint8Array, start: number, end: number): boolean {
  if (start >= end || end - start > authorityBytesMax) return false;
  const hostEnd = bytes[start] === 0x5b ? ipLiteralEnd(bytes, start, end) : regNameEnd(bytes, start, end);
  if (hostEnd <= start) return false;
  return hostEnd === end || (bytes[hostEnd] === COLON && isPort(bytes, hostEnd + 1, end));
}
