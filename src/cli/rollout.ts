// `crossover rollout <command>`: starts a rollout and controls it.
import { type Command, InvalidArgumentError } from 'commander';
import type { RolloutView } from '#src/control-plane/status/status.ts';
import { type RolloutCommandName, rolloutCommandNames } from '#src/core/rollout/rollout-event.ts';
import type { CliContext } from '#src/terminal/cli-io.ts';
import {
  addControlOptions,
  addForce,
  addOverride,
  type ControlOptions,
  createControlClient,
  type OverrideOptions,
  reasonOf,
} from '#src/terminal/control-client.ts';
import { dateTime, weight } from '#src/terminal/figures.ts';
import { type RecordedAnswer, recordedNote } from './recorded-note.ts';
import { addApprove, addFreeze, addUnfreeze, addUnpark } from './rollout-guards.ts';
import { parsePercentArgument } from './split.ts';
import { waitForChecks, waitForEnd } from './wait-for-end.ts';

interface StartOptions extends ControlOptions {
  readonly steps?: readonly number[];
  readonly reason?: string;
  readonly wait?: boolean;
}

/** What each command does, and what to do next. */
const commands: Readonly<Record<RolloutCommandName, { readonly summary: string; readonly next: string }>> = {
  pause: {
    summary: 'hold the rollout at its weight; the split may then be set by hand',
    next: 'Go on with `crossover rollout resume`, or go back with `crossover rollout revert`.',
  },
  resume: { summary: 'go on with a paused rollout', next: 'Watch it with `crossover status --watch`.' },
  advance: {
    summary: 'go to the next step now, without waiting for the evidence',
    next: 'The analysis goes on and still reverts when Y is worse.',
  },
  promote: {
    summary: 'go to all of Y but the holdback now',
    next: 'The soak begins; end it early with `crossover rollout complete`.',
  },
  revert: {
    summary: 'send everything to X now; works in every phase, even without the store',
    next: 'Find the cause, then try again with `crossover rollout start`.',
  },
  complete: {
    summary: 'end the rollout with everything on Y',
    next: 'X gets no more traffic from here. Take it down once nothing else uses it.',
  },
};

/** Adds `rollout` with its subcommands to the program. */
export function addRollout(program: Command, context: CliContext): void {
  const rollout = program
    .command('rollout')
    .summary('start a rollout and steer it')
    .description('Starts a rollout, or steers the one that runs. A revert is possible in every phase.')
    .addHelpText('after', examples);
  addStart(rollout, context);
  for (const name of rolloutCommandNames) addCommand(rollout, name, context);
  for (const add of [addApprove, addFreeze, addUnfreeze, addUnpark]) add(rollout, context);
}

const examples = `
Examples:
  crossover rollout start --wait                     exits 0 when Y got everything, 3 when reverted
  crossover rollout start --steps 1,10,50,100
  crossover rollout pause --reason "database maintenance"
  crossover rollout revert --reason "support tickets"
  crossover rollout freeze --reason "incident 4711"

What next: \`crossover status --watch\` shows how it goes and why it holds.
`;

function addStart(rollout: Command, context: CliContext): void {
  const command = rollout
    .command('start')
    .summary('start a rollout')
    .description(
      'Starts a rollout with the steps of the configuration, or with those given, and says how its checks went.',
    )
    .option('--steps <percents>', "Y's share per step, ascending, ending in 100", parseSteps)
    .option('--reason <text>', 'why, for the record')
    .option('--wait', 'stay until it ends: exit code 0 when completed, 3 when reverted')
    .addHelpText('after', startExamples);
  addControlOptions(command).action(async (options: StartOptions) => {
    const { steps } = options;
    const client = createControlClient(options, context.io);
    const body = { ...(steps === undefined ? {} : { steps }), ...reasonOf(options) };
    const { body: view } = await client.send<RolloutView>('POST', '/v1/rollout', body);
    if (options.wait === true) {
      context.exitCode = await waitForEnd(client, view.id, options.json === true, context.io);
      return;
    }
    const checked = await waitForChecks(client, view);
    print(checked, options, context, 'Watch it with `crossover status --watch`.');
  });
}

const startExamples = `
Examples:
  crossover rollout start
  crossover rollout start --steps 5,25,100 --reason "Kong 3.10" --wait

What next: \`crossover status --watch\`; \`crossover rollout revert\` sends everything back to X at any time.
`;

function addCommand(rollout: Command, name: RolloutCommandName, context: CliContext): void {
  const { summary, next } = commands[name];
  const command = rollout
    .command(name)
    .summary(summary)
    .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
    .option('--reason <text>', 'why, for the record')
    .addHelpText('after', `\nExample:\n  crossover rollout ${name} --reason "..."\n\nWhat next: ${next}\n`);
  if (mayGiveMore.has(name)) addOverride(command);
  if (name === 'revert') addForce(command);
  addControlOptions(command).action(async (options: CommandOptions) => {
    const client = createControlClient(options, context.io);
    const { body: view } = await client.send<ChangedView>('POST', `/v1/rollout/${name}`, reasonOf(options));
    print(view, options, context, view.phase === 'idle' ? idleNext : next);
    context.io.err(recordedNote(view));
  });
}

type CommandOptions = ControlOptions & OverrideOptions & { readonly reason?: string };

const mayGiveMore: ReadonlySet<RolloutCommandName> = new Set(['resume', 'advance', 'promote', 'complete']);
const idleNext = 'Start one with `crossover rollout start`.';

function parseSteps(text: string): readonly number[] {
  const steps = text.split(',').map((step) => parsePercentArgument(step.trim()));
  const isAscending = steps.every((step, at) => step > (steps[at - 1] ?? 0));
  if (isAscending && steps.at(-1) === 100) return steps;
  throw new InvalidArgumentError('Give ascending percentages that end in 100, such as 1,5,25,100.');
}

function print(view: ChangedView, { json }: ControlOptions, { io }: CliContext, next: string): void {
  if (json === true) {
    io.out(`${JSON.stringify(view, null, 2)}\n`);
    return;
  }
  io.out(`${sentenceOf(view)}\n${next}\n`);
}

/** A rollout in an answer of the API. */
interface ChangedView extends RolloutView, RecordedAnswer {
  /** False when the rollout was in the wanted state before. */
  readonly changed?: boolean;
}

function sentenceOf({ phase, step, weight: y, changed, sinceMs }: ChangedView): string {
  if (changed === false && phase === 'reverted' && sinceMs !== null)
    return `Already reverted at ${dateTime(sinceMs)}: everything is on X.`;
  if (phase === 'idle' && y === 0)
    return `No rollout runs: everything is on X${changed === false ? ' already' : ' again'}.`;
  const at = step === null ? '' : `, step ${step.index + 1} of ${step.count}`;
  return `Rollout ${phase}${at}, ${weight(y)} on Y.`;
}
