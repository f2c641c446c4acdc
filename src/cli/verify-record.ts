// `crossover events --verify`: whether the record is as it was written, and `--sign`, which signs one that
// is.
import { resolve } from 'node:path';
import { signRecord } from '#src/control-plane/store/sign-record.ts';
import { type CheckedAgainst, checkRecordNow, type RecordCheck } from '#src/record/record-check.ts';
import type { RecordKey } from '#src/record/record-end.ts';
import { keyVariable, readRecordKey } from '#src/record/record-key.ts';
import { CliError, type CliIo, exitCodes } from '#src/terminal/cli-io.ts';
import { createControlClient } from '#src/terminal/control-client.ts';
import { createStyle } from '#src/terminal/style.ts';
import { type RecordOptions, readFromFile, requireOneSource } from './record-source.ts';

export interface VerifyOptions extends RecordOptions {
  readonly key?: string;
  readonly end?: string;
  readonly sign?: boolean;
}

/** Prints what was found; the exit code says whether the record is intact. */
export async function verifyRecord(options: VerifyOptions, io: CliIo): Promise<number> {
  requireOneSource(options);
  requireFile(options);
  if (options.sign === true) return sign(options, io);
  const check = await checkOf(options, io);
  if (options.json === true) io.out(`${JSON.stringify(check)}\n`);
  else io.out(`${lines(check, io).join('\n')}\n`);
  return check.intact ? exitCodes.done : exitCodes.failed;
}

/** A running Crossover has its own key, and keeps its store signed by itself. */
function requireFile({ store, key, sign }: VerifyOptions): void {
  if (store !== undefined || (key === undefined && sign !== true)) return;
  throw new CliError(
    `${sign === true ? '--sign' : '--key'} is for --store`,
    exitCodes.badUsage,
    'A running Crossover checks with the key that it was given itself.',
  );
}

async function checkOf(options: VerifyOptions, io: CliIo): Promise<RecordCheck> {
  const { store, end = null } = options;
  if (store !== undefined) {
    const against: CheckedAgainst = { key: keyOf(options, io), end, pages: true };
    return readFromFile(store, (access) => checkRecordNow(access, against));
  }
  const client = createControlClient(options, io);
  const query = end === null ? '' : `?end=${end}`;
  return (await client.get<RecordCheck>(`/v1/record/verify${query}`)).body;
}

/** Null when there is none. */
function keyOf({ key }: VerifyOptions, io: CliIo): RecordKey | null {
  const read = readRecordKey(key === undefined ? null : resolve(key), io.env);
  if (read.ok) return read.key;
  throw new CliError(read.cause, exitCodes.badUsage);
}

function sign(options: VerifyOptions, io: CliIo): number {
  const key = keyOf(options, io);
  if (key === null)
    throw new CliError('--sign needs a key', exitCodes.badUsage, `Give --key FILE, or set ${keyVariable}.`);
  const signed = signRecord(options.store ?? '', key);
  if (!signed.ok) throw new CliError(signed.problem.text, exitCodes.failed);
  const check = signed.value;
  if (options.json === true) io.out(`${JSON.stringify(check)}\n`);
  else io.out(`${lines(check, io).join('\n')}\n`);
  return check.intact ? exitCodes.done : exitCodes.failed;
}

function lines(check: RecordCheck, io: CliIo): string[] {
  const style = createStyle(io.color);
  if (check.intact) return [style.good(check.text), ...notes(check), `It ends with ${check.end}`];
  return [style.bad(check.text), 'It was changed by something else than Crossover; compare it with a copy.'];
}

/** What was proven besides. */
function* notes({ signature, givenEnd, entries }: RecordCheck): Generator<string> {
  if (signature === 'valid') yield 'Its end is signed with the key.';
  if (signature === 'unchecked') yield 'Its end is signed; with --key FILE it is known by whom.';
  if (givenEnd !== null && entries !== null)
    yield `It goes on from the end that was given, entry ${givenEnd} of ${entries}.`;
}
