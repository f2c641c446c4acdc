// Where requests that the config asks for may go. The operator wrote the URLs, but names resolve to what somebody else
// says, so the address that is connected to is what counts; an address in the URL itself is refused as the config is read.
import { cidrContains, parseAddress, parseCidr } from '#src/core/routing/client-address.ts';
import type { Cidr } from '#src/core/routing/routing-options.ts';

const blocks = (...texts: readonly string[]): readonly Cidr[] =>
  texts.map((text) => {
    const cidr = parseCidr(text);
    if (cidr === null) throw new TypeError(`not a block: ${text}`);
    return cidr;
  });

/** Never: link-local (clouds keep their instances' credentials there), multicast, unspecified and reserved addresses. */
const refusedBlocks = blocks(
  '0.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/128',
  'fe80::/10',
  'ff00::/8',
  // What is embedded in these is an IPv4 address that the other blocks would not see: NAT64 and 6to4.
  '64:ff9b::/96',
  '2002::/16',
  // The cloud metadata service by IPv6.
  'fd00:ec2::254/128',
);

/** Only when allowed: this machine, private networks, and the shared space of carriers. */
const guardedBlocks = blocks(
  '127.0.0.0/8',
  '::1/128',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  'fc00::/7',
);

const within = (address: readonly number[], list: readonly Cidr[]): boolean =>
  list.some((block) => cidrContains(block, address));

/** Why no connection to the address is made, in words; null when it may be. */
export function refusalOf(address: string, allowed: readonly Cidr[]): string | null {
  const bytes = parseAddress(address);
  if (bytes === null) return `${address} is not an IP address`;
  if (within(bytes, refusedBlocks)) return `${address} is link-local or reserved, which is never called`;
  if (within(bytes, guardedBlocks) && !within(bytes, allowed))
    return `${address} is a loopback or private address that outgoing.allow does not list`;
  return null;
}

/** The same for a URL that has an address in place of a name; null where there is a name, which counts by what it resolves to. */
export function refusalOfLiteral({ hostname }: URL, allowed: readonly Cidr[]): string | null {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return parseAddress(host) === null ? null : refusalOf(host, allowed);
}

const linkLocalBlocks = blocks('169.254.0.0/16', 'fe80::/10');

/** Whether the text is an address that only this machine's own network segment and its cloud know. */
export function isLinkLocal(address: string): boolean {
  const bytes = parseAddress(address);
  return bytes !== null && within(bytes, linkLocalBlocks);
}
