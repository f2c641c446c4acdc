// Certificates for tests, made here: X.509 v3 (RFC 5280) with a P-256 key each, in the DER of X.690.
import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface CertificateWishes {
  /** Common name. */
  readonly name: string;
  /** DNS names beside it. */
  readonly dnsNames?: readonly string[];
  readonly days?: number;
  /** Who signs it, and his common name; itself without one. */
  readonly authority?: Certificate & { readonly name: string };
}

const dayMs = 24 * 3_600_000;

/** A value with its tag and length. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
const integer = (bytes: readonly number[]): Buffer => der(0x02, Buffer.from(bytes));
const bitString = (bytes: Uint8Array): Buffer => der(0x03, Buffer.from([0]), bytes);
const boolean = der(0x01, Buffer.from([0xff]));

/** Arcs of an object identifier below 128 stand for themselves. */
const oid = (...bytes: readonly number[]): Buffer => der(0x06, Buffer.from(bytes));
const commonName = oid(0x55, 4, 3);
const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2));
const basicConstraints = oid(0x55, 0x1d, 0x13);
const subjectAltName = oid(0x55, 0x1d, 0x11);

const nameOf = (name: string): Buffer =>
  sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from(name)))));

/** GeneralizedTime: `20261201120000Z`. */
const time = (atMs: number): Buffer =>
  der(0x18, Buffer.from(`${new Date(atMs).toISOString().replaceAll(/[-:T]|\.\d+/g, '')}`));

const pem = (bytes: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${bytes
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n')}\n-----END CERTIFICATE-----\n`;

export function makeCertificate({
  name,
  dnsNames = [],
  days = 365,
  authority,
}: CertificateWishes): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const nowMs = Date.now();
  const alternatives = sequence(...dnsNames.map((dns) => der(0x82, Buffer.from(dns))));
  const extensions = [
    ...(authority === undefined ? [sequence(basicConstraints, boolean, der(0x04, sequence(boolean)))] : []),
    ...(dnsNames.length === 0 ? [] : [sequence(subjectAltName, der(0x04, alternatives))]),
  ];
  const content = sequence(
    der(0xa0, integer([2])),
    integer([1, ...randomBytes(8)]),
    ecdsaWithSha256,
    nameOf(authority?.name ?? name),
    sequence(time(nowMs - dayMs), time(nowMs + days * dayMs)),
    nameOf(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length === 0 ? [] : [der(0xa3, sequence(...extensions))]),
  );
  const signer = authority === undefined ? privateKey : createPrivateKey(authority.key);
  const signature = sign('sha256', content, signer);
  return {
    cert: pem(sequence(content, ecdsaWithSha256, bitString(signature))),
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  };
}
