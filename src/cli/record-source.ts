// Where commands about the record read it: a running Crossover's API, or a store file that is only read.
import { visibleData, visibleText } from '#src/base/visible-text.ts';
import type { RecordAccess } from '#src/record/record-access.ts';
import { openRecordFile } from '#src/record/record-file.ts';
import type { StoreResult } from '#src/record/store-result.ts';
import { CliError, exitCodes } from '#src/terminal/cli-io.ts';
import type { ControlOptions } from '#src/terminal/control-client.ts';

export interface RecordOptions extends ControlOptions {
  readonly store?: string;
}

/** @throws CliError when the options name a file and an API */
export function requireOneSource({ store, url, socket, config }: RecordOptions): void {
  const api = Object.entries({ url, socket, config }).find(([, given]) => given !== undefined)?.[0];
  if (store === undefined || api === undefined) return;
  throw new CliError(`--store and --${api} are two places`, exitCodes.badUsage, 'Give one of them.');
}

/**
 * Reads from a store file and closes it; every text of it is visible.
 * @throws CliError when it cannot be read
 */
export function readFromFile<T>(file: string, read: (access: RecordAccess) => StoreResult<T>): T {
  const opened = openRecordFile(file);
  if (!opened.ok) throw new CliError(visibleText(opened.problem.text), exitCodes.failed);
  try {
    const result = read(opened.value);
    if (!result.ok) throw new CliError(visibleText(result.problem.text), exitCodes.failed);
    return visibleData(result.value);
  } finally {
    opened.value.close();
  }
}
