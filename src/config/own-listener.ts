// Whether a connection to a node would arrive at a listener of this process: requests would go round in
// circles, or reach the control API from the public port. Addresses are compared, not what is written:
// `localhost`, `[::1]`, the machine's own name and the addresses of its interfaces are all this machine.
import { parseAddress } from '#src/core/routing/client-address.ts';
import type { Address } from './config.ts';
import { isLoopback, isWildcard } from './net-address.ts';

export interface OwnMachine {
  /** Of all its interfaces. */
  readonly addresses: readonly string[];
  /** As hostname(1) has it; null when it is not known. */
  readonly hostName: string | null;
}

export interface OwnListener {
  /** What people call it, such as `listen.proxy`. */
  readonly name: string;
  readonly address: Address;
}

/** Text that is the same for every way to write an address. */
const canonical = (host: string): string =>
  parseAddress(host)?.join('.') ?? host.toLowerCase().replace(/\.$/, '');

/** A connection to 0.0.0.0 or :: goes to this machine. */
const isThisMachine = (host: string): boolean => isLoopback(host.replace(/\.$/, '')) || isWildcard(host);

function isOwnName(host: string, { hostName }: OwnMachine): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  const own = hostName?.toLowerCase();
  return own !== undefined && (name === own || name === own.split('.')[0]);
}

function reaches(host: string, listener: string, own: OwnMachine): boolean {
  if (canonical(host) === canonical(listener)) return true;
  if (!isWildcard(listener)) return isLoopback(listener) && isThisMachine(host);
  const isOwnAddress = own.addresses.some((address) => canonical(address) === canonical(host));
  // Whichever of our addresses our own name stands for: all of them are listened on.
  return isOwnAddress || isThisMachine(host) || isOwnName(host, own);
}

/**
 * The listener of ours that a connection to the node would arrive at; null when there is none.
 * @param resolved addresses that the node's host stands for, where they are known
 */
export function ownListenerAt(
  node: Address,
  resolved: readonly string[],
  listeners: readonly OwnListener[],
  own: OwnMachine,
): OwnListener | null {
  const hosts = [node.host, ...resolved];
  const found = listeners.find(
    ({ address }) =>
      address.port === node.port &&
      address.port !== 0 &&
      hosts.some((host) => reaches(host, address.host, own)),
  );
  return found ?? null;
}
