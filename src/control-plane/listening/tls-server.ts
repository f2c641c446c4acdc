// An HTTPS server whose certificate is the one that its files hold now: a new one is used for the next
// handshake, one that can't be used is refused and the old one stays.
import { createServer, type Server } from 'node:https';
import { FileWatch } from '#src/base/file-watch.ts';
import type { ControlTls } from '#src/config/control-config.ts';
import { expiryOf, type TlsMaterial, tlsCiphers, tlsProblem } from '#src/config/tls-material.ts';
import type { EventLog } from '#src/control-plane/events/event-log.ts';
import { SocketRefused } from './unix-socket.ts';

/** A client that has connected has this long for its handshake. */
const handshakeMsMax = 5_000;

export interface TlsServerOptions {
  readonly connectionsCheckingInterval: number;
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly events: Pick<EventLog, 'add'>;
}

export interface TlsServer {
  readonly server: Server;
  /** Looks at the files. */
  renew(): Promise<void>;
  /** Certificate and chain in use, PEM. */
  certificate(): string;
}

/** @throws SocketRefused when the files can't be served with */
export async function createTlsServer(
  { cert, key, minVersion, clientCertificates }: ControlTls,
  { events, ...limits }: TlsServerOptions,
): Promise<TlsServer> {
  let server: Server | null = null;
  let material: TlsMaterial | null = null;
  let refusal = '';
  const watch = new FileWatch<TlsMaterial>({
    files: () => [cert, key, ...(clientCertificates === null ? [] : [clientCertificates.ca])],
    read: ([certText = '', keyText = '', caText = null]) => {
      const read = { cert: certText, key: keyText, ca: caText };
      const problem = tlsProblem(read, Date.now());
      if (problem !== null) throw new Error(`${cert}: ${problem}`);
      return read;
    },
    taken: (read) => {
      const isRenewal = material !== null;
      material = read;
      server?.setSecureContext(contextOf(read, minVersion));
      if (!isRenewal) return;
      events.add({
        name: 'certificate-renewed',
        text: `The control API uses the new certificate of ${cert}, valid until ${new Date(expiryOf(read)).toISOString()}.`,
        detail: { file: cert, expiresAtMs: expiryOf(read) },
      });
    },
    refused: (reason) => {
      refusal = reason;
      if (server === null) return;
      events.add({
        name: 'certificate-refused',
        level: 'error',
        text: `A new certificate is not used, the old one stays: ${reason}.`,
        detail: { file: cert },
      });
    },
  });
  await watch.look();
  if (material === null) throw new SocketRefused('TLS', `listen.control can't serve TLS: ${refusal}`);
  const asksForCertificate = clientCertificates !== null;
  server = createServer({
    ...limits,
    ...contextOf(material, minVersion),
    handshakeTimeout: handshakeMsMax,
    ALPNProtocols: ['http/1.1'],
    requestCert: asksForCertificate,
    // Whether it is valid is looked at with each request: a token serves as well.
    rejectUnauthorized: false,
  });
  return { server, renew: () => watch.look(), certificate: () => material?.cert ?? '' };
}

const contextOf = ({ cert, key, ca }: TlsMaterial, minVersion: ControlTls['minVersion']) => ({
  cert,
  key,
  ...(ca === null ? {} : { ca }),
  minVersion,
  ciphers: tlsCiphers,
});
