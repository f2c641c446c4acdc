// Turns the error of a proxy that could not start into a message with advice.
import type { StartError } from '#src/supervisor/start-error.ts';
import { CliError, exitCodes } from '#src/terminal/cli-io.ts';

/** The message, with advice for the usual reasons. */
export function cannotStart({ code, message }: StartError): CliError {
  if (code === 'EADDRINUSE')
    return new CliError(
      message,
      exitCodes.failed,
      'Is another Crossover running? Otherwise choose another address in `listen`.',
    );
  if (code === 'EACCES')
    return new CliError(
      message,
      exitCodes.failed,
      'Ports below 1024 need privileges; choose a higher one in `listen`.',
    );
  if (code === 'STORE_IN_USE')
    return new CliError(
      message,
      exitCodes.failed,
      'Two processes with one store would both drive its rollout. To replace one that runs, send it SIGUSR2.',
    );
  return new CliError(message, exitCodes.failed);
}
