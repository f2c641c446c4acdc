// Decides to which cluster a request goes: by the override header, else by a pin rule, else by its sticky
// key, else by chance. This runs for each request; the result is a small integer and nothing is allocated.
import { FIELD_STRIDE } from '#src/core/http1/framing.ts';
import type { RequestHead } from '#src/core/http1/request-head.ts';
import { clientGroupCount, userBucketCount } from '#src/limits.ts';
import { equalsBytes, matchesRule, nextField } from './request-match.ts';
import { type RoutingTable, StickyKind } from './routing-table.ts';
import { belowWeight, hashAddress, hashBytes } from './sticky-key.ts';

/** Pinned requests are not part of the comparison of Y with X, because they were not drawn by chance. */
const RouteDecision = { splitX: 0, splitY: 1, pinnedX: 2, pinnedY: 3 } as const;
type RouteDecision = (typeof RouteDecision)[keyof typeof RouteDecision];

/** The cluster of a decision, its lowest bit: 0 for X, 1 for Y. */
export const armOf = (decision: RouteDecision): 0 | 1 => (decision & 1) as 0 | 1;
export const isPinned = (decision: RouteDecision): boolean => decision >= RouteDecision.pinnedX;

const cookieName = new TextEncoder().encode('cookie');
const colon = 0x3a;
const semicolon = 0x3b;
const equals = 0x3d;
const space = 0x20;
const tab = 0x09;
const letterX = 0x78;
const letterY = 0x79;
/** The override header is absent or has a wrong secret. Both are handled alike. */
const notOverridden = -1;

/**
 * Compares in a time that depends on the secret's length alone, so that it cannot be guessed byte by byte.
 */
function secretMatches(bytes: Uint8Array, start: number, end: number, secret: Uint8Array): boolean {
  const length = end - start;
  let difference = length ^ secret.length;
  for (let index = 0; index < secret.length; index++) {
    const at = index < length ? start + index : start;
    difference |= (bytes[at] as number) ^ (secret[index] as number);
  }
  return difference === 0;
}

/** The cluster that `x:<secret>` or `y:<secret>` asks for; of several fields the first counts. */
function overriddenCluster(
  table: RoutingTable,
  name: Uint8Array,
  bytes: Uint8Array,
  head: RequestHead,
): number {
  const field = nextField(bytes, head, name, 0);
  if (field === -1) return notOverridden;
  const start = head.fields[field + 2] as number;
  const end = head.fields[field + 3] as number;
  if (end - start < 3 || bytes[start + 1] !== colon) return notOverridden;
  if (!secretMatches(bytes, start + 2, end, table.overrideSecret)) return notOverridden;
  const cluster = (bytes[start] as number) | 0x20;
  if (cluster === letterX) return RouteDecision.pinnedX;
  return cluster === letterY ? RouteDecision.pinnedY : notOverridden;
}

const bySplit = (position: number, weightPpm: number): RouteDecision =>
  belowWeight(position, weightPpm) ? RouteDecision.splitY : RouteDecision.splitX;

/** Hash of the header's value; `random` when it is absent or empty. */
function headerPosition(
  table: RoutingTable,
  bytes: Uint8Array,
  head: RequestHead,
  salt: number,
  random: number,
): number {
  const field = nextField(bytes, head, table.stickyName, 0);
  if (field === -1) return random;
  const start = head.fields[field + 2] as number;
  const end = head.fields[field + 3] as number;
  return start === end ? random : hashBytes(bytes, start, end, salt);
}

/**
 * Start of the value of the cookie `name=` in bytes[start, end), or -1 (RFC 6265 4.2.1: pairs separated by `;
 * `).
 */
function cookieValueStart(bytes: Uint8Array, start: number, end: number, name: Uint8Array): number {
  let at = start;
  while (at < end) {
    while (at < end && (bytes[at] === space || bytes[at] === tab)) at++;
    const valueAt = at + name.length + 1;
    if (valueAt <= end && bytes[valueAt - 1] === equals && equalsBytes(bytes, at, valueAt - 1, name))
      return valueAt;
    while (at < end && bytes[at] !== semicolon) at++;
    at++;
  }
  return -1;
}

/** Hash of the cookie's value; `random` when it is absent or empty. */
function cookiePosition(
  table: RoutingTable,
  bytes: Uint8Array,
  head: RequestHead,
  salt: number,
  random: number,
): number {
  let field = nextField(bytes, head, cookieName, 0);
  while (field !== -1) {
    const fieldEnd = head.fields[field + 3] as number;
    const start = cookieValueStart(bytes, head.fields[field + 2] as number, fieldEnd, table.stickyName);
    if (start !== -1) {
      let end = start;
      while (end < fieldEnd && bytes[end] !== semicolon) end++;
      while (end > start && (bytes[end - 1] === space || bytes[end - 1] === tab)) end--;
      return start === end ? random : hashBytes(bytes, start, end, salt);
    }
    field = nextField(bytes, head, cookieName, field + FIELD_STRIDE);
  }
  return random;
}

function stickyPosition(
  table: RoutingTable,
  bytes: Uint8Array,
  head: RequestHead,
  clientAddress: string,
  salt: number,
  random: number,
): number {
  switch (table.stickyKind) {
    case StickyKind.none:
      return random;
    case StickyKind.clientIp:
      return hashAddress(clientAddress, salt);
    case StickyKind.header:
      return headerPosition(table, bytes, head, salt, random);
    case StickyKind.cookie:
      return cookiePosition(table, bytes, head, salt, random);
  }
}

/**
 * Decides where a request goes.
 * @param bytes what the head was parsed from, with the head's offsets into it
 * @param clientAddress address from effectiveClientAddress; read only with `sticky: clientIp`
 * @param weightPpm Y's share, 0..1,000,000
 * @param salt the rollout's salt (int32)
 * @param random uniform random uint32, for requests without a sticky key
 */
export function decideRoute(
  table: RoutingTable,
  bytes: Uint8Array,
  head: RequestHead,
  clientAddress: string,
  weightPpm: number,
  salt: number,
  random: number,
): RouteDecision {
  if (table.isPlain) return bySplit(random, weightPpm);
  if (table.overrideName !== null) {
    const overridden = overriddenCluster(table, table.overrideName, bytes, head);
    if (overridden !== notOverridden) return overridden as RouteDecision;
  }
  for (let index = 0; index < table.rules.length; index++) {
    const rule = table.rules[index];
    if (rule !== undefined && matchesRule(rule, bytes, head)) return rule.decision;
  }
  return bySplit(stickyPosition(table, bytes, head, clientAddress, salt, random), weightPpm);
}

/**
 * The group of users that a request's user belongs to. The analysis compares groups to see whether a few
 * users have most errors.
 * @returns 0..15, or -1 when routing is not sticky or the request has no key
 */
export function userBucketOf(
  table: RoutingTable,
  bytes: Uint8Array,
  head: RequestHead,
  clientAddress: string,
  salt: number,
): number {
  if (table.stickyKind === StickyKind.none) return -1;
  // Another salt than that of the split, so that a user's group and cluster do not depend on each other.
  const position = stickyPosition(table, bytes, head, clientAddress, ~salt, -1);
  return position === -1 ? -1 : position % userBucketCount;
}

/**
 * The group of clients that an address belongs to. Clients choose their keys, but hardly their addresses: a
 * client with many keys is in one group.
 * @returns 0..63, or -1 when routing is not sticky
 */
export function clientGroupOf({ stickyKind }: RoutingTable, clientAddress: string, salt: number): number {
  if (stickyKind === StickyKind.none) return -1;
  // Other bits of another hash than the one that the cluster is chosen by.
  return (hashAddress(clientAddress, ~salt) >>> 8) % clientGroupCount;
}
