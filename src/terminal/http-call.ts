// One request to the control API: over TCP, TLS or a Unix socket, with a deadline.
import { type ClientRequestArgs, type IncomingMessage, request as requestHttp } from 'node:http';
import { type RequestOptions, request as requestHttps } from 'node:https';

/** Where requests go. */
export type HttpPlace =
  | {
      readonly kind: 'url';
      readonly url: URL /** The one certificate that is believed, PEM; null: any that the system believes. */;
      readonly certificate: string | null;
    }
  | { readonly kind: 'socket'; readonly path: string };

export interface HttpCall {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** No answer within the time. */
export class HttpTimeout extends Error {}

/** Rejects with the system's error, or HttpTimeout. Follows no redirect. */
export function httpCall(
  place: HttpPlace,
  { method, path, headers, body, timeoutMs }: HttpCall,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const options = { method, headers: { ...headers, ...length }, agent: false } as const;
    const asked = open(place, path, options);
    const timer = setTimeout(() => asked.destroy(new HttpTimeout()), timeoutMs);
    const failed = (error: Error) => {
      clearTimeout(timer);
      reject(error);
    };
    asked.on('error', failed);
    asked.on('response', (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', failed);
      response.on('end', () => {
        clearTimeout(timer);
        const text = Buffer.concat(pieces).toString('utf8');
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    asked.end(body);
  });
}

function open(place: HttpPlace, path: string, options: ClientRequestArgs) {
  if (place.kind === 'socket')
    return requestHttp({
      ...options,
      socketPath: place.path,
      path,
      setHost: false,
      headers: withHost(options),
    });
  const { url, certificate } = place;
  const target = {
    ...options,
    hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port,
    path: `${url.pathname.replace(/\/$/, '')}${path}`,
  };
  if (url.protocol === 'http:') return requestHttp(target);
  return requestHttps({ ...target, ...pinnedTo(certificate) });
}

const withHost = ({ headers }: ClientRequestArgs) => ({ ...headers, host: 'localhost' });

/** The certificate itself is what is believed, whatever its names and whoever signed it. */
function pinnedTo(certificate: string | null): RequestOptions & { allowPartialTrustChain?: boolean } {
  if (certificate === null) return {};
  return { ca: certificate, allowPartialTrustChain: true, checkServerIdentity: () => undefined };
}
