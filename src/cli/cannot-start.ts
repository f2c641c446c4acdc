// Why a proxy could not start, for the person who started it.
import type { StartError } from '#src/supervisor/start-error.ts';
import { CliError, exitCodes } from './cli-io.ts';

/** The two reasons that people meet come with advice. */
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
  return new CliError(message, exitCodes.failed);
}
