// The whole command tree: which commands exist, how their errors become words and exit codes. What a command does is in
// its own file.
import { Command, CommanderError } from 'commander';
import { type CliContext, CliError, type CliIo, exitCodes } from './cli-io.ts';
import { packageVersion } from './package-version.ts';
import { addServe } from './serve.ts';

/** Builds the command tree. Nothing runs and nothing heavy is loaded until a command is parsed. */
export function createProgram(context: CliContext): Command {
  const program = new Command('crossover');
  program
    .description(
      'Splits traffic between two Kong clusters and moves it from the old one (X) to the new one (Y).',
    )
    .version(packageVersion(), '-V, --version', 'print the version')
    .exitOverride()
    .showHelpAfterError('Run with --help to see what is possible.')
    .configureOutput({ writeOut: (text) => context.io.out(text), writeErr: (text) => context.io.err(text) });
  addServe(program, context);
  return program;
}

/**
 * Parses the arguments (without node and script), runs the command, returns its exit code.
 * Expected failures are printed as one sentence and advice; anything else is a bug and propagates.
 */
export async function runProgram(args: readonly string[], io: CliIo): Promise<number> {
  const context: CliContext = { io, exitCode: exitCodes.done };
  const program = createProgram(context);
  try {
    await program.parseAsync(args, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.badUsage;
    if (!(error instanceof CliError)) throw error;
    io.err(`error: ${error.message}\n${error.advice === null ? '' : `${error.advice}\n`}`);
    return error.exitCode;
  }
}
