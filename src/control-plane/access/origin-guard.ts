// Keeps web pages of other origins away from the API: a browser sends their requests with our address, and,
// after DNS rebinding, even under a host name of theirs. https://fetch.spec.whatwg.org/#origin-header
import { isIP } from 'node:net';

/** Suffixes that nobody outside can register: RFC 6761, 6762, 8375, and the names of Kubernetes services. */
const privateSuffixes = ['.localhost', '.local', '.internal', '.svc', '.home.arpa'];

/**
 * Whether a Host header names us in a way that DNS rebinding cannot: an IP address, a name without a dot, a
 * private name, or one of the names we know for ourselves. Rebinding needs a public name whose DNS the
 * attacker controls.
 */
export function hostAllowed(hostHeader: string | undefined, ownNames: readonly string[]): boolean {
  const name = hostNameOf(hostHeader);
  if (name === null) return false;
  if (isIP(name) !== 0 || !name.includes('.')) return true;
  return ownNames.includes(name) || privateSuffixes.some((suffix) => name.endsWith(suffix));
}

/**
 * Whether an Origin header, if any, is this server's own, in scheme, host and port (RFC 6454 5): that of the
 * request, or of the URL at which people reach us through a proxy in front. `null`, sent by sandboxed pages,
 * is neither.
 */
export function originAllowed(
  origin: string | undefined,
  scheme: 'http' | 'https',
  hostHeader: string | undefined,
  publicUrl: string | null,
): boolean {
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  const own = [`${scheme}://${hostHeader ?? ''}`, publicUrl ?? ''];
  return own.some((url) => URL.canParse(url) && new URL(url).origin === new URL(origin).origin);
}

/**
 * Whether a browser says that the request comes from this origin or from the user; other clients say nothing.
 */
export function fetchSiteAllowed(secFetchSite: string | undefined): boolean {
  return secFetchSite === undefined || secFetchSite === 'same-origin' || secFetchSite === 'none';
}

function hostNameOf(hostHeader: string | undefined): string | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::\d{1,5})?$/.exec(hostHeader ?? '');
  const name = match?.[1] ?? match?.[2];
  return name === undefined ? null : name.toLowerCase().replace(/\.$/, '');
}
