// Whether the process has a file descriptor left. The system tells only whoever asks for one.
import { closeSync, openSync } from 'node:fs';
import { shortResource } from '#src/core/telemetry/own-shortage.ts';

/**
 * False when neither this process nor the system has a descriptor left (EMFILE, ENFILE). Takes about 5 us.
 */
export function hasFreeDescriptor(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'));
    return true;
  } catch (error) {
    return shortResource((error as NodeJS.ErrnoException).code ?? '') !== 'descriptors';
  }
}
