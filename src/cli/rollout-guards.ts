// `crossover rollout approve`, `freeze`, `unfreeze` and `unpark`: commands for what holds a rollout.
import type { Command } from 'commander';
import type { RolloutView, StatusView } from '#src/control-plane/status/status.ts';
import { type CliContext, CliError, exitCodes } from '#src/terminal/cli-io.ts';
import {
  addControlOptions,
  addOverride,
  type ControlOptions,
  createControlClient,
  type OverrideOptions,
  reasonOf,
} from '#src/terminal/control-client.ts';
import { weight } from '#src/terminal/figures.ts';

interface ReasonOptions extends ControlOptions {
  readonly reason?: string;
}

interface ApproveOptions extends ReasonOptions {
  readonly gate?: string;
  readonly revision?: string;
}

interface FreezeOptions extends ReasonOptions {
  readonly until?: string;
}

/** Approvals in the status: the move that they are for, and the gates that wait for one. */
type Waiting = StatusView['signals']['approval'];

/** The freeze as the API has it, with times in RFC 3339. */
interface FrozenView {
  readonly frozen: boolean;
  readonly until: string | null;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Adds `rollout approve`. */
export function addApprove(rollout: Command, context: CliContext): void {
  const command = rollout
    .command('approve')
    .summary('approve the next move at a manual gate, once')
    .description('Approves the next move at a manual gate: this one move, and none that follows it.')
    .option('--gate <name>', 'which gate, where several wait')
    .option('--revision <revision>', 'only if it is still the move that `status --json` showed')
    .option('--reason <text>', 'why, for the record')
    .addHelpText('after', approveExamples);
  addControlOptions(command).action(async (options: ApproveOptions) => {
    const client = createControlClient(options, context.io);
    const revision = options.revision ?? (await awaitedRevision(client));
    const gate = options.gate === undefined ? {} : { gate: options.gate };
    const body = { revision, ...gate, ...reasonOf(options) };
    const { body: left } = await client.send<Waiting>('POST', '/v1/rollout/approve', body);
    context.io.out(options.json === true ? json(left) : `${approvedText(left)}\n`);
  });
}

async function awaitedRevision(client: ReturnType<typeof createControlClient>): Promise<string> {
  const { body: status } = await client.get<StatusView>('/v1/status');
  const { revision, waiting } = status.signals.approval;
  if (revision !== null && waiting.length > 0) return revision;
  throw new CliError(
    `no gate waits for an approval: the rollout is ${status.phase}`,
    exitCodes.failed,
    'See `crossover status` for what it waits for.',
  );
}

const approvedText = ({ waiting }: Waiting): string =>
  waiting.length === 0
    ? 'Approved. The rollout moves on when nothing else holds it: `crossover status --watch`.'
    : `Approved. ${waiting.join(', ')} ${waiting.length === 1 ? 'waits' : 'wait'} for an approval as well: \`crossover rollout approve --gate ${waiting[0]}\`.`;

const approveExamples = `
Examples:
  crossover rollout approve --reason "looks good"
  crossover rollout approve --gate lead
  CROSSOVER_ACTOR=Ada crossover rollout approve     the record says who

What next: \`crossover status --watch\` shows whether anything else holds it.
`;

/** Adds `rollout freeze`. */
export function addFreeze(rollout: Command, context: CliContext): void {
  const command = rollout
    .command('freeze')
    .summary('let nothing start or advance until it is lifted')
    .description('Lets nothing start or give Y more, over restarts as well. Reverts are made all the same.')
    .option('--reason <text>', 'why, for the record')
    .option('--until <time>', 'when it ends by itself, with an offset: 2026-12-24T18:00:00Z')
    .addHelpText('after', freezeExamples);
  addControlOptions(command).action(async (options: FreezeOptions) => {
    const until = options.until === undefined ? {} : { until: options.until };
    const view = await setFreeze({ frozen: true, ...until, ...reasonOf(options) }, options, context);
    const end = view.until === null ? '' : `until ${view.until}, or `;
    const text = `Frozen ${end}until \`crossover rollout unfreeze\`. A running rollout stays at its weight; reverts are made.`;
    context.io.out(options.json === true ? json(view) : `${text}\n`);
  });
}

const freezeExamples = `
Examples:
  crossover rollout freeze --reason "incident 4711"
  crossover rollout freeze --until 2026-12-27T08:00:00+01:00 --reason "holidays"

What next: \`crossover rollout unfreeze\`. To go ahead once in spite of it: \`--override\` of the command.
`;

/** Adds `rollout unfreeze`. */
export function addUnfreeze(rollout: Command, context: CliContext): void {
  const command = rollout
    .command('unfreeze')
    .summary('lift the freeze')
    .description('Lifts the freeze: rollouts start and advance again.')
    .option('--reason <text>', 'why, for the record')
    .addHelpText('after', '\nExample:\n  crossover rollout unfreeze --reason "solved"\n');
  addControlOptions(command).action(async (options: ReasonOptions) => {
    const view = await setFreeze({ frozen: false, ...reasonOf(options) }, options, context);
    const text = 'Not frozen. What else holds a rollout is in `crossover status`.';
    context.io.out(options.json === true ? json(view) : `${text}\n`);
  });
}

async function setFreeze(body: unknown, options: ControlOptions, { io }: CliContext): Promise<FrozenView> {
  return (await createControlClient(options, io).send<FrozenView>('PUT', '/v1/freeze', body)).body;
}

/** Adds `rollout unpark`. */
export function addUnpark(rollout: Command, context: CliContext): void {
  const command = rollout
    .command('unpark')
    .summary('give a route that is parked on X back to the split')
    .description('Gives a route that is parked on X back to the split; it is compared anew from there.')
    .argument('<route>', 'its name, as the status has it')
    .option('--reason <text>', 'why, for the record')
    .addHelpText('after', unparkExamples);
  addControlOptions(addOverride(command)).action(
    async (route: string, options: ReasonOptions & OverrideOptions) => {
      const client = createControlClient(options, context.io);
      const body = { route, ...reasonOf(options) };
      const { body: view } = await client.send<RolloutView>('POST', '/v1/rollout/unpark', body);
      const left = view.parked.map(({ name }) => name).join(', ');
      const text = `Route ${route} follows the split again, ${weight(view.weight)} on Y.${left === '' ? '' : ` Still parked: ${left}.`}`;
      context.io.out(options.json === true ? json(view) : `${text}\n`);
    },
  );
}

const unparkExamples = `
Examples:
  crossover rollout unpark users --reason "fixed in 3.10.1"

What next: \`crossover status --watch\` shows how the route does on Y.
`;
