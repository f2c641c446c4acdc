// Who sends a request, and what he may do.
import type { TLSSocket } from 'node:tls';
import type { Role } from '#src/config/control-config.ts';

export interface Principal {
  /**
   * Of the token or certificate; `token`, `local` and `socket` stand for the ones that have no name of their
   * own.
   */
  readonly name: string;
  readonly role: Role;
}

/** Printable ASCII; parentheses are ours. */
const printablePattern = /[^\x20-\x27\x2a-\x7e]/g;
const nameLengthMax = 64;

/**
 * What the record says of who did it: `alice (10.0.0.7)`. What a client says of itself stands behind the name
 * that it has shown.
 *
 * @param from address, or null on a socket
 * @param claimed whom the client says that it acts for; null when it says nothing
 */
export function actorText({ name }: Principal, from: string | null, claimed: string | null): string {
  const about = [claimed === null ? '' : `for ${claimed}`, from ?? (name === 'socket' ? '' : 'socket')];
  const rest = about.filter((text) => text !== '').join(', ');
  return rest === '' ? name : `${name} (${rest})`;
}

/**
 * Names of the client's certificate, the common name first; none when it has shown no certificate that one of
 * our authorities has signed. On a resumed session without any certificate OpenSSL finds nothing wrong, so
 * that there is one is asked for as well.
 */
export function certificateNames(
  socket: Pick<TLSSocket, 'authorized' | 'getPeerCertificate'>,
): readonly string[] {
  if (!socket.authorized) return [];
  const { subject, subjectaltname = '' } = socket.getPeerCertificate();
  if (subject === undefined) return [];
  const common = Array.isArray(subject.CN) ? subject.CN : [subject.CN];
  const others = [...subjectaltname.matchAll(/(?:DNS|email|URI|IP Address):([^,"]+)/g)].map(
    ([, name]) => name,
  );
  return [...common, ...others].flatMap((name) =>
    name === undefined || name === '' ? [] : [plainName(name)],
  );
}

const plainName = (name: string): string => name.replaceAll(printablePattern, '?').slice(0, nameLengthMax);
