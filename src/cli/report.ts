// `crossover report`: writes a rollout as one HTML file, from a running Crossover or from a store file.
import type { Command } from 'commander';
import type { RecordReader, RolloutSummary } from '#src/record/record-reader.ts';
import type { RolloutRecord } from '#src/record/rollout-record.ts';
import { type CliContext, CliError, type CliIo, exitCodes } from '#src/terminal/cli-io.ts';
import { addControlOptions, createControlClient, NotFoundError } from '#src/terminal/control-client.ts';
import { packageVersion } from '#src/terminal/package-version.ts';
import { writeOutput } from '#src/terminal/write-output.ts';
import { type RecordOptions, readFromFile, requireOneSource } from './record-source.ts';

interface ReportOptions extends RecordOptions {
  readonly rollout: string;
  readonly output?: string;
}

/** Adds `report` to the program. */
export function addReport(program: Command, context: CliContext): void {
  const command = program
    .command('report')
    .summary('write a report of a rollout')
    .description(
      'Writes a rollout as one HTML file: what happened and why, the traffic of both clusters, the evidence, the configuration. The file needs nothing else to be read. With `--json`, the same as data.',
    )
    .option('--rollout <id>', 'which one, by its id', 'last')
    .option('--store <file>', 'read this store file instead, without changing it')
    .option('-o, --output <file>', 'where to write (default: stdout)')
    .addHelpText('after', examples);
  addControlOptions(command).action(async (options: ReportOptions) => {
    await report(options, context.io);
  });
}

const examples = `
Examples:
  crossover report -o report.html
  crossover report --store data/crossover.db -o report.html      also while nothing runs

What next: open the file in a browser, print it, or attach it to the change.
`;

async function report(options: ReportOptions, io: CliIo): Promise<void> {
  requireOneSource(options);
  const record = await recordOf(options, io);
  write(options.json === true ? `${JSON.stringify(record)}\n` : await pageOf(record), options, io);
}

/** The page. Its modules are loaded here, because most commands do not need them. */
async function pageOf(record: RolloutRecord): Promise<string> {
  const { reportPage } = await import('./report/report-page.ts');
  return reportPage(record, packageVersion());
}

async function recordOf(options: ReportOptions, io: CliIo): Promise<RolloutRecord> {
  const { rollout } = options;
  if (options.store === undefined) {
    const client = createControlClient(options, io);
    try {
      return (await client.get<RolloutRecord>(`/v1/rollouts/${encodeURIComponent(rollout)}`)).body;
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      const { rollouts } = (await client.get<{ rollouts: readonly RolloutSummary[] }>('/v1/rollouts')).body;
      const ids = rollouts.slice(0, knownIdsMax).map(({ id }) => id);
      throw noSuchRollout(rollout, client.url, ids);
    }
  }
  const { readRolloutRecordNow } = await import('#src/record/rollout-record.ts');
  const { record, known } = readFromFile(options.store, (access) => {
    const read = readRolloutRecordNow(access, rollout, Date.now());
    if (!read.ok) return read;
    const list = access.readRecord(knownIds);
    return list.ok ? { ok: true, value: { record: read.value, known: list.value } } : list;
  });
  if (record !== null) return record;
  throw noSuchRollout(rollout, options.store, known);
}

/** How many rollouts are named when the wanted one does not exist, the latest ones first. */
const knownIdsMax = 10;
const knownIds = (record: RecordReader): string[] => record.rollouts(knownIdsMax).map(({ id }) => id);

function noSuchRollout(rollout: string, where: string, known: readonly string[]): CliError {
  const advice =
    known.length === 0 ? 'No rollout was started with this store.' : `It has: ${known.join(', ')}`;
  return new CliError(`there is no rollout ${rollout} in ${where}`, exitCodes.failed, advice);
}

function write(text: string, { output }: ReportOptions, io: CliIo): void {
  if (output === undefined) {
    io.out(text);
    return;
  }
  writeOutput(output, text);
  io.err(`Written to ${output}.\n`);
}
