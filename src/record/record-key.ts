// The key that signs a record's ends, from a file or the environment. Whoever can read it can sign; a copy of
// it belongs where the record is checked, and nowhere else.
import { readFileSync, statSync } from 'node:fs';
import type { RecordKey } from './record-end.ts';

/** The key itself, for those who keep secrets in the environment. A file that is named counts before it. */
export const keyVariable = 'CROSSOVER_STORE_KEY';

/** 128 bits as hex digits: less could be found by trying. */
const keyLengthMin = 32;
/** Far more than a key; a file that is none is not read into memory. */
const keyFileBytesMax = 4_096;

export type ReadKey =
  | { readonly ok: true; readonly key: RecordKey | null }
  | { readonly ok: false; readonly cause: string };

/** The key in a file, else that of the environment, else none. White space around it does not count. */
export function readRecordKey(
  file: string | null,
  env: Readonly<Record<string, string | undefined>>,
): ReadKey {
  if (file !== null) return fromFile(file);
  const text = (env[keyVariable] ?? '').trim();
  return text === '' ? { ok: true, key: null } : keyOf(text, keyVariable);
}

function fromFile(file: string): ReadKey {
  try {
    // Nothing else: a pipe would be waited for.
    if (!statSync(file).isFile()) return { ok: false, cause: `the key ${file} is not a file` };
    if (statSync(file).size > keyFileBytesMax)
      return { ok: false, cause: `the key ${file} is larger than ${keyFileBytesMax} bytes` };
    return keyOf(readFileSync(file, 'utf8').trim(), file);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, cause: `the key cannot be read: ${message}` };
  }
}

function keyOf(text: string, from: string): ReadKey {
  if (text.length < keyLengthMin)
    return {
      ok: false,
      cause: `the key in ${from} has ${text.length} characters, at least ${keyLengthMin} are needed (openssl rand -hex 32)`,
    };
  return { ok: true, key: Buffer.from(text) };
}
