// Who may use the control API: holders of the one token. Compared in constant time, over hashes, so that
// neither its content nor its length shows in the time an answer takes.
import crypto from 'node:crypto';

const digest = (text: string): Buffer => crypto.createHash('sha256').update(text).digest();

/** Whether the two texts are equal, in a time that does not depend on where they differ. */
export function equalInConstantTime(given: string, expected: string): boolean {
  return crypto.timingSafeEqual(digest(given), digest(expected));
}

/**
 * The token of an Authorization header (RFC 6750 2.1; the scheme is case-insensitive), null when there is
 * none.
 */
export function bearerTokenOf(header: string | undefined): string | null {
  const match = /^Bearer +([\x21-\x7e]+)$/i.exec(header ?? '');
  return match?.[1] ?? null;
}
