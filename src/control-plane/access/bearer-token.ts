// The token of a request.

/**
 * The token of an Authorization header (RFC 6750 2.1; the scheme is case-insensitive), null when there is
 * none.
 */
export function bearerTokenOf(header: string | undefined): string | null {
  const match = /^Bearer +([\x21-\x7e]+)$/i.exec(header ?? '');
  return match?.[1] ?? null;
}
