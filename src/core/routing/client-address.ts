// Client addresses: parses them and CIDR blocks, and finds the client in X-Forwarded-For. Called once for
// each connection, and for each request of a trusted proxy.
import { forwardedHopsMax } from '#src/limits.ts';
import type { Cidr } from './routing-options.ts';

const ipv4Pattern = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const hextetPattern = /^[0-9a-fA-F]{1,4}$/;

function parseIpv4(text: string): number[] | null {
  const match = ipv4Pattern.exec(text);
  if (match === null) return null;
  const bytes: number[] = [];
  for (let index = 1; index <= 4; index++) {
    const part = match[index] as string;
    // Some parsers read a number with a leading zero as octal, others as decimal, so it is refused (RFC 6943
    // 3.1.1).
    if (part.length > 1 && part.startsWith('0')) return null;
    const value = Number(part);
    if (value > 255) return null;
    bytes.push(value);
  }
  return bytes;
}

/** The 16-bit groups of one side of `::`; a dotted IPv4 tail counts as two groups. Null when malformed. */
function parseGroups(text: string, mayEndInIpv4: boolean): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index] as string;
    if (hextetPattern.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const tail = mayEndInIpv4 && index === parts.length - 1 ? parseIpv4(part) : null;
    if (tail === null) return null;
    const [a, b, c, d] = tail as [number, number, number, number];
    groups.push((a << 8) | b, (c << 8) | d);
  }
  return groups;
}

function parseIpv6Groups(text: string): number[] | null {
  const gap = text.indexOf('::');
  if (gap === -1) {
    const groups = parseGroups(text, true);
    return groups !== null && groups.length === 8 ? groups : null;
  }
  if (text.indexOf('::', gap + 1) !== -1) return null;
  const before = parseGroups(text.slice(0, gap), false);
  const after = parseGroups(text.slice(gap + 2), true);
  if (before === null || after === null || before.length + after.length > 7) return null;
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

const isIpv4Mapped = (bytes: readonly number[]): boolean =>
  bytes.length === 16 &&
  bytes[10] === 255 &&
  bytes[11] === 255 &&
  bytes.slice(0, 10).every((byte) => byte === 0);

/**
 * Bytes of an IP address in network order: 4 for IPv4, 16 for IPv6 (RFC 4291 2.2); a zone (`%eth0`) is
 * dropped. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`, as dual-stack sockets report IPv4 peers) gives
 * its 4 IPv4 bytes.
 * @returns null when the text is not an address.
 */
export function parseAddress(text: string): number[] | null {
  if (!text.includes(':')) return parseIpv4(text);
  const bytes = parseIpv6(text);
  return bytes !== null && isIpv4Mapped(bytes) ? bytes.slice(12) : bytes;
}

function parseIpv6(text: string): number[] | null {
  const zone = text.indexOf('%');
  const groups = parseIpv6Groups(zone > 0 ? text.slice(0, zone) : text);
  return groups === null ? null : groups.flatMap((group) => [group >> 8, group & 0xff]);
}

function clearHostBits(bytes: readonly number[], prefix: number): number[] {
  return bytes.map((byte, index) => {
    const kept = Math.min(8, Math.max(0, prefix - index * 8));
    return byte & (0xff00 >> kept) & 0xff;
  });
}

/**
 * A CIDR block such as `10.0.0.0/8` or `fd00::/8`; a bare address is a block of one. Bits beyond the prefix
 * are cleared. A block within `::ffff:0:0/96` becomes the IPv4 block it stands for.
 * @returns null when the text is neither.
 */
export function parseCidr(text: string): Cidr | null {
  const slash = text.indexOf('/');
  const address = slash === -1 ? text : text.slice(0, slash);
  if (address.includes('%')) return null;
  const bytes = address.includes(':') ? parseIpv6(address) : parseIpv4(address);
  if (bytes === null) return null;
  const bits = bytes.length * 8;
  const prefixText = slash === -1 ? String(bits) : text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(prefixText) || Number(prefixText) > bits) return null;
  const prefix = Number(prefixText);
  const network = clearHostBits(bytes, prefix);
  if (prefix >= 96 && isIpv4Mapped(network)) return { bytes: network.slice(12), prefix: prefix - 96 };
  return { bytes: network, prefix };
}

/** Whether the block covers the address (bytes as from parseAddress). Blocks of the other family never do. */
export function cidrContains(cidr: Cidr, address: readonly number[]): boolean {
  if (cidr.bytes.length !== address.length) return false;
  const wholeBytes = cidr.prefix >> 3;
  for (let index = 0; index < wholeBytes; index++) if (cidr.bytes[index] !== address[index]) return false;
  const restBits = cidr.prefix & 7;
  if (restBits === 0) return true;
  const mask = (0xff00 >> restBits) & 0xff;
  return (((cidr.bytes[wholeBytes] as number) ^ (address[wholeBytes] as number)) & mask) === 0;
}

/** Whether the address is in one of the blocks; false for a text that is not an address. */
export function isTrusted(address: string, cidrs: readonly Cidr[]): boolean {
  if (cidrs.length === 0) return false;
  const bytes = parseAddress(address);
  return bytes !== null && cidrs.some((cidr) => cidrContains(cidr, bytes));
}

/**
 * An element of X-Forwarded-For without brackets and port, which some load balancers add; null when it is not
 * an address.
 */
function hopAddress(element: string): string | null {
  const text = element.trim();
  const bracketed = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text);
  const withPort = /^([\d.]+):\d{1,5}$/.exec(text);
  const address = bracketed?.[1] ?? withPort?.[1] ?? text;
  const bytes = parseAddress(address);
  if (bytes === null) return null;
  return bytes.length === 4 ? bytes.join('.') : address.toLowerCase();
}

/**
 * The client's address, as far as it is known from trusted proxies: the last address of X-Forwarded-For that
 * is not a trusted proxy itself. When the peer is not trusted, it is the peer. The search ends at an element
 * that is not an address.
 * @param peer remote address of the connection
 * @param forwardedFor value of X-Forwarded-For, several fields joined by commas; null when absent
 */
export function effectiveClientAddress(
  peer: string,
  forwardedFor: string | null,
  cidrs: readonly Cidr[],
): string {
  if (forwardedFor === null || !isTrusted(peer, cidrs)) return peer;
  let client = peer;
  let end = forwardedFor.length;
  for (let hop = 0; hop < forwardedHopsMax && end >= 0; hop++) {
    const comma = end === 0 ? -1 : forwardedFor.lastIndexOf(',', end - 1);
    const address = hopAddress(forwardedFor.slice(comma + 1, end));
    if (address === null) return client;
    client = address;
    if (!isTrusted(address, cidrs)) return client;
    end = comma;
  }
  return client;
}
