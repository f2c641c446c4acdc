// The token that is made where none is configured, so that not everybody on this machine may do everything: a
// file beside the store, for its owner alone, which the command line of the same user reads.
import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { secretFileObjection } from '#src/config/token-file.ts';

const fileName = 'control-token';
const tokenBytes = 32;
const tokenPattern = /^[A-Za-z0-9_-]{43}$/;

/** Where the token of a store is; null for a store that is in memory. */
export const madeTokenFile = (store: string): string | null =>
  store === ':memory:' ? null : join(dirname(store), fileName);

export interface MadeToken {
  readonly token: string;
  readonly file: string;
  /** False when it was there already. */
  readonly isNew: boolean;
}

/**
 * The token in the file, or a new one: also in place of one that others could have read, or that is none.
 *
 * @throws what node:fs throws
 */
export async function takeMadeToken(file: string): Promise<MadeToken> {
  const kept = await readKept(file);
  if (kept !== null) return { token: kept, file, isNew: false };
  const token = randomBytes(tokenBytes).toString('base64url');
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const made = `${file}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(made, `${token}\n`, { mode: 0o600, flag: 'wx' });
    await rename(made, file);
  } finally {
    await rm(made, { force: true });
  }
  return { token, file, isNew: true };
}

async function readKept(file: string): Promise<string | null> {
  let kept: Awaited<ReturnType<typeof open>>;
  try {
    kept = await open(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    // Of what is open, not of what has the name by now.
    if (secretFileObjection(await kept.stat(), process.geteuid?.() ?? 0) !== null) return null;
    const token = (await kept.readFile('utf8')).trim();
    return tokenPattern.test(token) ? token : null;
  } finally {
    await kept.close();
  }
}
