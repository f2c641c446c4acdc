// Where commands about the record read it: a running Crossover's API, or a store file that is only read.
import type { RecordAccess } from '#src/record/record-access.ts';
import { openRecordFile } from '#src/record/record-file.ts';
import type { StoreResult } from '#src/record/store-result.ts';
import { CliError, exitCodes } from '#src/terminal/cli-io.ts';
import type { ControlOptions } from '#src/terminal/control-client.ts';

export interface RecordOptions extends ControlOptions {
  readonly store?: string;
}

/** @throws CliError when the options name a file and an API */
export function requireOneSource({ store, url }: RecordOptions): void {
  if (store === undefined || url === undefined) return;
  throw new CliError('--store and --url are two places', exitCodes.badUsage, 'Give one of them.');
}

/**
 * Reads from a store file and closes it.
 * @throws CliError when it cannot be read
 */
export function readFromFile<T>(file: string, read: (access: RecordAccess) => StoreResult<T>): T {
  const opened = openRecordFile(file);
  if (!opened.ok) throw new CliError(opened.problem.text, exitCodes.failed);
  try {
    const result = read(opened.value);
    if (!result.ok) throw new CliError(result.problem.text, exitCodes.failed);
    return result.value;
  } finally {
    opened.value.close();
  }
}
