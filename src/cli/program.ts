// The command tree: which commands there are, and how their errors become messages and exit codes. What a
// command does is in its own file.
import { type Argument, Command, CommanderError } from 'commander';
import { visibleLines } from '#src/base/visible-text.ts';
import { type CliContext, CliError, type CliIo, exitCodes } from '#src/terminal/cli-io.ts';
import { packageVersion } from '#src/terminal/package-version.ts';

type AddCommand = (program: Command, context: CliContext) => void;

/** The commands in the order of the help, each with how it is loaded. */
const commands: Readonly<Record<string, () => Promise<AddCommand>>> = {
  serve: async () => (await import('./serve.ts')).addServe,
  check: async () => (await import('./check-command.ts')).addCheck,
  demo: async () => (await import('./demo.ts')).addDemo,
  status: async () => (await import('./status.ts')).addStatus,
  split: async () => (await import('./split.ts')).addSplit,
  rollout: async () => (await import('./rollout.ts')).addRollout,
  events: async () => (await import('./events.ts')).addEvents,
  report: async () => (await import('./report.ts')).addReport,
  history: async () => (await import('./history.ts')).addHistory,
  simulate: async () => (await import('./simulate.ts')).addSimulate,
};

/**
 * Makes the command tree: all of it, or only the command `only`, where it is known which one will run. A
 * command's modules are loaded when it is added; what it needs to run is loaded when it runs.
 */
export async function createProgram(context: CliContext, only?: string): Promise<Command> {
  const program = new Command('crossover');
  program
    .description(
      'Splits traffic between two Kong clusters and moves it from the old one (X) to the new one (Y).',
    )
    .version(packageVersion(), '-V, --version', 'print the version')
    .exitOverride()
    .configureHelp({ helpWidth: 100, subcommandTerm: termOf })
    .addHelpText('after', examples)
    .showHelpAfterError('Run with --help to see what is possible.')
    .configureOutput({ writeOut: (text) => context.io.out(text), writeErr: (text) => context.io.err(text) });
  const wanted = Object.entries(commands).filter(([name]) => only === undefined || name === only);
  for (const [, load] of wanted) (await load())(program, context);
  return program;
}

/** A subcommand in its parent's help: its name and arguments, without options. */
const termOf = (command: Command): string =>
  [command.name(), ...command.registeredArguments.map((argument) => humanReadableArgument(argument))].join(
    ' ',
  );

const humanReadableArgument = (argument: Argument): string =>
  argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;

const examples = `
Examples:
  crossover demo                               see a whole rollout on this machine, nothing else needed
  crossover check crossover.yaml               what is wrong with a configuration, line by line
  crossover serve --config crossover.yaml      run the proxy
  crossover rollout start --wait               move the traffic to Y, step by step
  crossover status --watch                     how it goes, and why it holds

Exit codes: 0 done, 1 failed, 2 bad usage or configuration, 3 reverted.
`;

/**
 * Parses the arguments (without node and script), runs the command and returns its exit code. Expected
 * failures are printed as a sentence with advice; any other error is a bug and is thrown.
 */
export async function runProgram(args: readonly string[], io: CliIo): Promise<number> {
  const context: CliContext = { io, exitCode: exitCodes.done };
  const [first = ''] = args;
  const program = await createProgram(context, Object.hasOwn(commands, first) ? first : undefined);
  try {
    await program.parseAsync(args, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.badUsage;
    if (!(error instanceof CliError)) throw error;
    // Messages quote arguments, files and answers.
    io.err(visibleLines(`error: ${error.message}\n${error.advice === null ? '' : `${error.advice}\n`}`));
    return error.exitCode;
  }
}
