// Results that go to a file of the user's choice.
import { writeFileSync } from 'node:fs';
import { fileFault } from '#src/base/file-fault.ts';
import { CliError, exitCodes } from './cli-io.ts';

/** @throws CliError with the reason when it cannot be written */
export function writeOutput(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new CliError(`cannot write ${file}: ${fileFault(error)}`, exitCodes.failed);
  }
}
