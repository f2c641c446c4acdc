// The file of named tokens (`control.tokens`): who may use the control API, as what. One line each:
//
//   # name   role      token, or sha256: and the SHA-256 of it in hex
//   alice    admin     sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//   ci       operate   kJ3…
//
// A name may be there twice, so that a new token is valid before the old one goes.
import { createHash } from 'node:crypto';
import { type Role, roleNames } from './control-config.ts';

export interface NamedToken {
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the token, hex. */
  readonly hash: string;
  /** Characters of the token; null where only its hash is known. */
  readonly length: number | null;
}

/** More is a mistake, and each is compared with at every request. */
const namedTokensMax = 256;
const tokenFileBytesMax = 64 * 1024;
/** Valid at a time under one name. */
const tokensPerNameMax = 2;

const namePattern = /^[A-Za-z0-9]([A-Za-z0-9._@-]{0,61}[A-Za-z0-9])?$/;
const hashPattern = /^sha256:([0-9a-fA-F]{64})$/;
const tokenPattern = /^[\x21-\x7e]{1,512}$/;

/** Who acts without one of these tokens: the record must not take one for the other. */
const reservedNames: ReadonlySet<string> = new Set([
  'token',
  'local',
  'socket',
  'crossover',
  'analysis',
  'breaker',
  'api',
]);

export const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/** @throws Error that names the line, and no token */
export function parseTokenFile(text: string): readonly NamedToken[] {
  if (Buffer.byteLength(text) > tokenFileBytesMax)
    throw new Error(`it has more than ${tokenFileBytesMax} bytes`);
  const tokens: NamedToken[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const content = line.trim();
    if (content === '' || content.startsWith('#')) continue;
    try {
      const token = parseLine(content);
      requireFitting(token, tokens);
      tokens.push(token);
    } catch (error) {
      throw new Error(`line ${index + 1}: ${(error as Error).message}`);
    }
  }
  if (tokens.length === 0) throw new Error('it has no token');
  if (tokens.length > namedTokensMax) throw new Error(`it has more than ${namedTokensMax} tokens`);
  return tokens;
}

function parseLine(content: string): NamedToken {
  const [name = '', role = '', secret = '', ...rest] = content.split(/[ \t]+/);
  if (secret === '' || rest.length > 0) throw new Error('expected a name, a role and a token or sha256:HASH');
  if (!namePattern.test(name)) throw new Error('a name has 1 to 63 letters, digits and . _ @ -');
  if (reservedNames.has(name.toLowerCase()))
    throw new Error(`${name} has a meaning of its own; choose another name`);
  if (!isRole(role)) throw new Error(`expected a role: ${roleNames.join(', ')}`);
  if (!secret.startsWith('sha256:')) {
    if (!tokenPattern.test(secret)) throw new Error('a token has 1 to 512 visible ASCII characters');
    return { name, role, hash: hashOf(secret), length: secret.length };
  }
  const hash = hashPattern.exec(secret)?.[1];
  if (hash === undefined) throw new Error('expected 64 hexadecimal digits behind sha256:');
  return { name, role, hash: hash.toLowerCase(), length: null };
}

const isRole = (text: string): text is Role => (roleNames as readonly string[]).includes(text);

function requireFitting({ name, role, hash }: NamedToken, before: readonly NamedToken[]): void {
  const same = before.filter((token) => token.name === name);
  if (same.length >= tokensPerNameMax) throw new Error(`${name} has ${tokensPerNameMax} tokens already`);
  if (same.some((token) => token.role !== role)) throw new Error(`${name} has another role above`);
  const other = before.find((token) => token.hash === hash);
  if (other !== undefined) throw new Error(`${name} has the same token as ${other.name}`);
}

/** Of a file, as fstat(2) has it. */
interface FileOwnership {
  readonly mode: number;
  readonly uid: number;
}

const octal = (mode: number): string => (mode & 0o777).toString(8).padStart(4, '0');

/**
 * Why a file of secrets can't be used, in words; null when it can. As ssh(1) does with keys: one of our own
 * must be closed to others; one that somebody else owns, such as root, is open to us by his will. Nobody else
 * may write it in any case.
 */
export function secretFileObjection({ mode, uid }: FileOwnership, ownUid: number): string | null {
  if ((mode & 0o022) !== 0) return `others can write it (mode ${octal(mode)}): chmod 600`;
  if (uid === ownUid && (mode & 0o077) !== 0) return `others can read it (mode ${octal(mode)}): chmod 600`;
  return null;
}

/** Whether everybody can read it, which is told although it is used. */
export const isWorldReadable = ({ mode }: FileOwnership): boolean => (mode & 0o004) !== 0;
