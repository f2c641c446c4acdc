// Which addresses Crossover may call for gates, metrics and notifications. The operator wrote the URLs, but
// whoever runs the name server decides what their names resolve to, so the address is checked when a
// connection is made. Where a URL has an address instead of a name, it is checked when the configuration is
// read.
import { cidrContains, parseAddress, parseCidr } from '#src/core/routing/client-address.ts';
import type { Cidr } from '#src/core/routing/routing-options.ts';

const blocks = (...texts: readonly string[]): readonly Cidr[] =>
  texts.map((text) => {
    const cidr = parseCidr(text);
    if (cidr === null) throw new TypeError(`not a block: ${text}`);
    return cidr;
  });

/** Where clouds serve an instance's credentials, or control it, to whoever asks from there. */
const metadataBlocks = blocks(
  // AWS, Azure, Google, DigitalOcean, OpenStack; then containers and pods of AWS.
  '169.254.169.254/32',
  '169.254.170.2/32',
  '169.254.170.23/32',
  'fd00:ec2::254/128',
  'fd00:ec2::23/128',
  // Google by IPv6, Alibaba, Oracle, Azure's WireServer.
  'fd20:ce::254/128',
  '100.100.100.200/32',
  '192.0.0.192/32',
  '168.63.129.16/32',
);

/**
 * Never called: link-local addresses, at which clouds serve the credentials of their instances, and
 * multicast, unspecified and reserved ones.
 */
const refusedBlocks = blocks(
  '0.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/128',
  'fe80::/10',
  'ff00::/8',
  // NAT64 and 6to4: they contain an IPv4 address, which the IPv4 blocks above would not be compared with.
  '64:ff9b::/96',
  '2002::/16',
);

/**
 * Called only when `outgoing.allow` lists them: loopback, private networks, and the shared space of carriers
 * (RFC 6598).
 */
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

/** Why the address is not connected to, in words; null when it may be. */
export function refusalOf(address: string, allowed: readonly Cidr[]): string | null {
  const bytes = parseAddress(address);
  if (bytes === null) return `${address} is not an IP address`;
  if (within(bytes, refusedBlocks) || within(bytes, metadataBlocks))
    return `${address} is link-local or reserved, which is never called`;
  if (within(bytes, guardedBlocks) && !within(bytes, allowed))
    return `${address} is a loopback or private address that outgoing.allow does not list`;
  return null;
}

/**
 * The same for a URL with an address in place of a name; null for a name, whose address is checked when it is
 * called.
 */
export function refusalOfLiteral({ hostname }: URL, allowed: readonly Cidr[]): string | null {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return parseAddress(host) === null ? null : refusalOf(host, allowed);
}

const linkLocalBlocks = blocks('169.254.0.0/16', 'fe80::/10');

/**
 * Why the address can't be a node's or an Admin API's, in words; null when it can, and for a name.
 * @param allowed link-local blocks that may be
 */
export function refusalAsPeer(address: string, allowed: readonly Cidr[]): string | null {
  const bytes = parseAddress(address);
  if (bytes === null) return null;
  if (within(bytes, metadataBlocks)) return `${address} is where a cloud serves credentials to this machine`;
  if (within(bytes, linkLocalBlocks) && !within(bytes, allowed))
    return `${address} is a link-local address, where clouds serve credentials to this machine`;
  return null;
}
