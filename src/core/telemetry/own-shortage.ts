// Shortage at our own end: what the system or our own limits refuse us. It says nothing about a node or a
// cluster, so it is counted apart and charged to nobody (ADR 12).
import type { ProxyErrorName } from '#src/base/error-catalog.ts';

/** What was short: of the system the first three, of our own limits the others. */
export const ownResources = ['descriptors', 'ports', 'memory', 'connections', 'queue'] as const;
export type OwnResource = (typeof ownResources)[number];

/** What a worker could not do: accept a client, connect to a node, send or receive on a connection. */
export const shortOperations = ['accept', 'connect', 'transfer'] as const;
export type ShortOperation = (typeof shortOperations)[number];

/**
 * System errors that say that a resource of this host is used up: accept(2), connect(2), socket(2) of Linux.
 * EADDRINUSE and EAGAIN are what a connect may fail with when no local port is left; HAProxy takes them for
 * the same (src/proto_tcp.c).
 */
const resourceByCode: ReadonlyMap<string, OwnResource> = new Map([
  ['EMFILE', 'descriptors'],
  ['ENFILE', 'descriptors'],
  ['EADDRNOTAVAIL', 'ports'],
  ['EADDRINUSE', 'ports'],
  ['EAGAIN', 'ports'],
  ['ENOBUFS', 'memory'],
  ['ENOMEM', 'memory'],
]);

/**
 * The resource that was short when something failed with this system error; null when it failed for another
 * reason.
 */
export const shortResource = (code: string): OwnResource | null => resourceByCode.get(code) ?? null;

/** What a client is answered whose request failed for the want of a resource. */
export const shortageError = (resource: OwnResource): ProxyErrorName =>
  resource === 'connections' || resource === 'queue' ? 'upstreamOverloaded' : 'resourcesExhausted';
