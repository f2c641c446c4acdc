// Signs what is sent, so that the receiver can tell our requests from anyone else's and from old ones sent
// again.
import { createHmac } from 'node:crypto';

/**
 * Headers over a body: `x-crossover-timestamp` in Unix seconds, and `x-crossover-signature: sha256=` with the
 * hex HMAC-SHA256 of timestamp, a dot and the body. Without a secret there is only the timestamp.
 */
export function signatureHeaders(
  body: string,
  secret: string | null,
  epochMs: number,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(epochMs / 1000));
  if (secret === null) return { 'x-crossover-timestamp': timestamp };
  const hex = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
  return { 'x-crossover-timestamp': timestamp, 'x-crossover-signature': `sha256=${hex}` };
}
