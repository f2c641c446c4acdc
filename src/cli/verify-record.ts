// `crossover events --verify`: checks whether the record was changed.
import { checkRecordNow, type RecordCheck } from '#src/record/record-check.ts';
import { type CliIo, exitCodes } from '#src/terminal/cli-io.ts';
import { createControlClient } from '#src/terminal/control-client.ts';
import { createStyle } from '#src/terminal/style.ts';
import { type RecordOptions, readFromFile, requireOneSource } from './record-source.ts';

/** Prints what was found; the exit code says whether the record is intact. */
export async function verifyRecord(options: RecordOptions, io: CliIo): Promise<number> {
  requireOneSource(options);
  const check = await checkOf(options, io);
  if (options.json === true) io.out(`${JSON.stringify(check)}\n`);
  else io.out(`${lines(check, io).join('\n')}\n`);
  return check.intact ? exitCodes.done : exitCodes.failed;
}

async function checkOf(options: RecordOptions, io: CliIo): Promise<RecordCheck> {
  if (options.store !== undefined) return readFromFile(options.store, checkRecordNow);
  const client = createControlClient(options, io);
  return (await client.get<RecordCheck>('/v1/record/verify')).body;
}

function lines({ intact, text, end }: RecordCheck, io: CliIo): string[] {
  const style = createStyle(io.color);
  if (intact) return [style.good(text), `It ends with ${end}`];
  return [style.bad(text), 'It was changed by something else than Crossover; compare it with a copy.'];
}
