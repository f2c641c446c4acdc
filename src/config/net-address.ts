// Parses the addresses in the configuration: of listeners (`0.0.0.0:8000`) and of nodes
// (`http://10.0.1.10:8000`).
import { parseAddress } from '#src/core/routing/client-address.ts';
import type { Address, NodeConfig } from './config.ts';

/** What is wrong with a text, for the operator. */
export interface Fault {
  readonly message: string;
  readonly hint: string | null;
}

type Parsed<T> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & Fault);

const fault = (message: string, hint: string | null = null): { ok: false } & Fault => ({
  ok: false,
  message,
  hint,
});

const label = '(?!-)[A-Za-z0-9_-]{1,63}(?<!-)';
const hostNamePattern = new RegExp(`^${label}(\\.${label})*\\.?$`);
const hostPortPattern = /^(\[[^\]]*\]|[^:[\]]*):(\d{1,5})$/;

/**
 * Whether the text can be a host name (RFC 1123 2.1, and underscores, which container networks use) or an IP
 * address.
 */
export function isHost(host: string): boolean {
  if (parseAddress(host) !== null) return true;
  // Digits and dots alone are meant as an IPv4 address, and here are not a valid one, such as 300.1.1.1.
  return host.length <= 253 && hostNamePattern.test(host) && !/^[\d.]+$/.test(host);
}

/** The address as `host:port`, with brackets around an IPv6 address. */
export const formatHostPort = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

function splitHostPort(text: string): Address | null {
  const match = hostPortPattern.exec(text);
  if (match === null) return null;
  const written = match[1] as string;
  const bracketed = written.startsWith('[');
  const host = (bracketed ? written.slice(1, -1) : written).toLowerCase();
  const port = Number(match[2]);
  if (!isHost(host) || bracketed !== host.includes(':') || port > 65_535) return null;
  return { host, port };
}

/** A listener's address: `0.0.0.0:8000`, `[::]:8000`, `localhost:9900`; port 0 lets the system choose one. */
export function parseListenAddress(text: string): Parsed<Address> {
  const address = splitHostPort(text);
  if (address !== null) return { ok: true, value: address };
  if (/^:?\d+$/.test(text)) {
    return fault('the host is missing', `write 0.0.0.0:${text.replace(':', '')} for all interfaces`);
  }
  if (parseAddress(text) !== null && text.includes(':')) {
    return fault('the port is missing', `write "[${text}]:8000", brackets around the IPv6 address`);
  }
  return fault(`expected host:port, got "${text}"`, 'such as 0.0.0.0:8000, 127.0.0.1:9900 or "[::]:8000"');
}

/**
 * A node's URL: `http://host:port`, with or without a `/` at its end. It has no path, because the path and
 * Host of each request reach the node unchanged.
 */
export function parseNodeUrl(text: string): Parsed<NodeConfig> {
  if (/^https:/i.test(text)) {
    return fault(
      'TLS to upstream nodes is not supported',
      "use the node's plain HTTP port, such as http://10.0.1.10:8000",
    );
  }
  const authority = /^http:\/\/(.*)$/i.exec(text)?.[1];
  if (authority === undefined) {
    const hint = splitHostPort(text) === null ? 'such as http://10.0.1.10:8000' : `write http://${text}`;
    return fault(`expected http://host:port, got "${text}"`, hint);
  }
  return parseNodeAuthority(authority);
}

function parseNodeAuthority(written: string): Parsed<NodeConfig> {
  if (written.includes('@')) return fault('credentials are not allowed in a node URL', null);
  const authority = written.replace(/\/$/, '');
  const rest = authority.search(/[/?#]/);
  if (rest !== -1) {
    const hint = `write http://${authority.slice(0, rest)}: each request goes to the node with its own path and query`;
    return fault(`a node URL ends after the port, got "${authority.slice(rest)}" behind it`, hint);
  }
  const address = splitHostPort(authority);
  if (address !== null && address.port > 0) {
    return { ok: true, value: { id: formatHostPort(address), ...address } };
  }
  if (splitHostPort(`${authority}:80`) !== null) {
    return fault('the port is missing', `write http://${authority}:80 if port 80 is meant`);
  }
  return fault(`"${authority}" is not a host with a port`, 'such as http://10.0.1.10:8000');
}

/**
 * Whether the text is the URL of a Kong Admin API: http or https and a host, with or without port and path.
 */
export function isAdminUrl(text: string): boolean {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  return url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}

export const isLoopback = (host: string): boolean => {
  const bytes = parseAddress(host);
  if (bytes === null) return host === 'localhost' || host.endsWith('.localhost');
  return bytes.length === 4
    ? bytes[0] === 127
    : bytes.every((byte, index) => byte === (index === 15 ? 1 : 0));
};

/** Whether the host is 0.0.0.0 or ::, which stand for every interface of the machine. */
export const isWildcard = (host: string): boolean => parseAddress(host)?.every((byte) => byte === 0) ?? false;
