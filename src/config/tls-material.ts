// What a TLS listener is made of: certificate, key and authorities as they are in their files, checked before
// they are used.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

/** PEM texts. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  /** Authorities of clients' certificates; null: none are asked for. */
  readonly ca: string | null;
}

/**
 * Mozilla's "intermediate" for TLS 1.2, beside the three suites of TLS 1.3. https://ssl-config.mozilla.org/
 */
export const tlsCiphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** Why it cannot be served with, in words; null when it can. @param nowMs Unix epoch */
export function tlsProblem({ cert, key, ca }: TlsMaterial, nowMs: number): string | null {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(cert);
  } catch {
    return 'the certificate file holds no certificate in PEM';
  }
  try {
    if (!certificate.checkPrivateKey(createPrivateKey(key))) return 'the key is not that of the certificate';
  } catch {
    return 'the key file holds no private key in PEM without a passphrase';
  }
  if (Date.parse(certificate.validTo) <= nowMs) return `the certificate has expired (${certificate.validTo})`;
  try {
    createSecureContext({ cert, key, ...(ca === null ? {} : { ca }), ciphers: tlsCiphers });
    if (ca !== null) new X509Certificate(ca);
    return null;
  } catch (error) {
    if (ca !== null && !isCertificate(ca)) return 'the file of authorities holds no certificate in PEM';
    return `TLS does not take it: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}

/** When the certificate ends, Unix epoch ms. It was checked before. */
export const expiryOf = ({ cert }: TlsMaterial): number => Date.parse(new X509Certificate(cert).validTo);
