// Adds `crossover check` to the command tree; check.ts has what it does.
import type { Command } from 'commander';
import { type CliContext, CliError, exitCodes } from '#src/terminal/cli-io.ts';

/** Adds `check` to the program. */
export function addCheck(program: Command, context: CliContext): void {
  program
    .command('check')
    .summary('check a configuration file')
    .description(
      'Reads a configuration as `serve` would and says what it comes to, or everything that is wrong with it.',
    )
    .argument('[file]', 'configuration file (YAML)')
    .option('--config <file>', 'the same, as `serve` takes it')
    .option('--json', 'print JSON')
    .addHelpText('after', examples)
    .action(async (argument: string | undefined, options: { config?: string; json?: boolean }) => {
      const file = argument ?? options.config;
      if (file === undefined)
        throw new CliError(
          'no file was given',
          exitCodes.badUsage,
          'Example: crossover check crossover.yaml',
        );
      const { checkCommand } = await import('./check.ts');
      context.exitCode = await checkCommand(file, { json: options.json === true }, context.io);
    });
}

const examples = `
Examples:
  crossover check crossover.yaml
  crossover check crossover.yaml --json

Exit code 0 when the file is valid, 2 when it is not; every problem is named with file, line and column.
A warning is about something valid that is probably not meant; it changes no exit code.
What next: \`crossover serve --config crossover.yaml\`.
`;
