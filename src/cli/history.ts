// `crossover history export`: writes the recorded traffic of a running Crossover to a file, to be replayed
// with other thresholds.
import type { Command } from 'commander';
import type { AnalysisThresholds } from '#src/core/analysis/analysis-thresholds.ts';
import type { TrafficWindow } from '#src/record/traffic-window.ts';
import type { CliContext, CliIo } from '#src/terminal/cli-io.ts';
import { addControlOptions, type ControlOptions, createControlClient } from '#src/terminal/control-client.ts';
import { writeOutput } from '#src/terminal/write-output.ts';

/** Contents of the file. */
export interface ExportedHistory {
  readonly thresholds: AnalysisThresholds;
  /** Oldest first. */
  readonly windows: readonly TrafficWindow[];
}

interface Page extends ExportedHistory {
  readonly next: number | null;
}

interface ExportOptions extends ControlOptions {
  readonly output?: string;
}

/** Adds `history export` to the program. */
export function addHistory(program: Command, context: CliContext): void {
  const history = program.command('history').summary('take out the recorded traffic');
  const command = history
    .command('export')
    .summary('write the recorded traffic to a file')
    .description(
      'Writes all counts that the analysis was given in the last 6 hours, with the thresholds in force, as JSON: what `simulate --history` reads. It holds counts only, no request, path or address.',
    )
    .option('-o, --output <file>', 'where to write (default: stdout)')
    .addHelpText('after', examples);
  addControlOptions(command).action(async (options: ExportOptions) => {
    await exportHistory(options, context.io);
  });
}

const examples = `
Examples:
  crossover history export -o traffic.json
  crossover simulate --history traffic.json --config stricter.yaml

What next: \`crossover simulate --history\` says what other thresholds would have decided.
`;

async function exportHistory(options: ExportOptions, io: CliIo): Promise<void> {
  const client = createControlClient(options, io);
  const windows: TrafficWindow[] = [];
  let from = 0;
  for (;;) {
    const { body } = await client.get<Page>(`/v1/history/windows?from=${from}`);
    windows.push(...body.windows);
    if (body.next === null) {
      write({ thresholds: body.thresholds, windows }, options.output, io);
      return;
    }
    from = body.next;
  }
}

function write(history: ExportedHistory, file: string | undefined, io: CliIo): void {
  const text = `${JSON.stringify(history)}\n`;
  if (file === undefined) {
    io.out(text);
    return;
  }
  writeOutput(file, text);
  io.err(`Written to ${file}: ${history.windows.length} windows.\n`);
}
