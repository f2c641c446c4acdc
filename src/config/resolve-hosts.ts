// What the names of nodes stand for now, and what this machine is: for checks before traffic goes there.
import { lookup } from 'node:dns/promises';
import { hostname, networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseAddress } from '#src/core/routing/client-address.ts';
import type { OwnMachine } from './own-listener.ts';

/**
 * A name that is not resolved by then is checked by what it is written as: DNS that is away must not hold up
 * a start.
 */
const resolveMsMax = 2_000;

export const ownMachine = (): OwnMachine => ({
  addresses: Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)),
  hostName: hostname(),
});

/** Addresses by host, of those that are names and have any. */
export async function resolveHosts(
  hosts: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = [...new Set(hosts)].filter((host) => parseAddress(host) === null);
  const resolved = new Map<string, readonly string[]>();
  const lookups = names.map(async (name) => {
    const found = await lookup(name, { all: true }).catch(() => []);
    resolved.set(
      name,
      found.map(({ address }) => address),
    );
  });
  const late = new AbortController();
  const timer = delay(resolveMsMax, undefined, { signal: late.signal }).catch(() => {});
  await Promise.race([Promise.all(lookups), timer]);
  late.abort();
  // What comes later is for nobody any more.
  return new Map(resolved);
}
