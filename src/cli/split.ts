// `crossover split get|set`: shows the split and sets it by hand.
import { type Command, InvalidArgumentError } from 'commander';
import type { SplitView } from '#src/control-plane/status/status.ts';
import type { CliContext } from '#src/terminal/cli-io.ts';
import {
  type Answer,
  addControlOptions,
  addForce,
  addOverride,
  type ControlOptions,
  createControlClient,
  type OverrideOptions,
  reasonOf,
} from '#src/terminal/control-client.ts';
import { weight } from '#src/terminal/figures.ts';
import { type RecordedAnswer, recordedNote } from './recorded-note.ts';

interface SetOptions extends ControlOptions, OverrideOptions {
  readonly ifMatch?: string;
  readonly reason?: string;
}

/** Adds `split` with its subcommands to the program. */
export function addSplit(program: Command, context: CliContext): void {
  const split = program
    .command('split')
    .summary('read the split, or set it by hand')
    .description(
      "Reads or sets Y's share of the traffic. A running rollout moves it by itself; pause it first.",
    );
  addGet(split, context);
  addSet(split, context);
}

function addGet(split: Command, context: CliContext): void {
  const command = split
    .command('get')
    .summary("print Y's share")
    .description("Prints each cluster's share and the tag of this version, for `split set --if-match`.")
    .addHelpText('after', '\nExamples:\n  crossover split get\n  crossover split get --json\n');
  addControlOptions(command).action(async (options: ControlOptions) => {
    print(await createControlClient(options, context.io).get<SplitView>('/v1/split'), options, context);
  });
}

function addSet(split: Command, context: CliContext): void {
  const command = split
    .command('set')
    .summary("set Y's share")
    .description("Sets Y's share. The next request of every worker follows it. Refused while a rollout runs.")
    .argument('<percent>', "Y's share, 0 to 100, fractions allowed", parsePercentArgument)
    .option('--if-match <tag>', 'only if the split is still the one that `split get` showed')
    .option('--reason <text>', 'why, for the record')
    .addHelpText('after', setExamples);
  addControlOptions(addForce(addOverride(command))).action(async (y: number, options: SetOptions) => {
    const body = { y, ...reasonOf(options) };
    const headers: Record<string, string> = {};
    if (options.ifMatch !== undefined) headers['if-match'] = quoted(options.ifMatch);
    const client = createControlClient(options, context.io);
    const answer = await client.send<SplitView & RecordedAnswer>('PUT', '/v1/split', body, headers);
    print(answer, options, context);
    context.io.err(recordedNote(answer.body));
  });
}

const setExamples = `
Examples:
  crossover split set 25
  crossover split set 0.5 --reason "first look"
  crossover split set 50 --if-match 7-250000     refused if somebody changed it meanwhile

What next: \`crossover status\`. While a rollout runs: \`crossover rollout pause\`, set, \`crossover rollout resume\`.
`;

/** A percentage with at most four decimals: the split's resolution is 0.0001 %. */
export function parsePercentArgument(text: string): number {
  const value = /^\d{1,3}(\.\d{1,4})?%?$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  if (value >= 0 && value <= 100) return value;
  throw new InvalidArgumentError(
    'Give a percentage from 0 to 100 with at most four decimals, such as 25 or 0.5.',
  );
}

/** The entity tag with quotes, which HTTP wants (RFC 9110 8.8.3) and people may leave out. */
const quoted = (tag: string): string => (tag === '*' || tag.startsWith('"') ? tag : `"${tag}"`);

function print({ body, etag }: Answer<SplitView>, { json }: ControlOptions, { io }: CliContext): void {
  const tag = etag === null ? null : etag.replaceAll('"', '');
  if (json === true) io.out(`${JSON.stringify({ ...body, tag }, null, 2)}\n`);
  else io.out(`X ${weight(body.x)}, Y ${weight(body.y)}${tag === null ? '' : `   (tag ${tag})`}\n`);
}
