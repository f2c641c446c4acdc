// `crossover events`: prints the record of what happened, who did it and why, once or as it grows.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type { RecordedEvent } from '#src/record/recorded-event.ts';
import { type CliContext, CliError, type CliIo, exitCodes } from '#src/terminal/cli-io.ts';
import { addControlOptions, type ControlClient, createControlClient } from '#src/terminal/control-client.ts';
import { eventLines } from '#src/terminal/event-view.ts';
import { createStyle } from '#src/terminal/style.ts';
import { type VerifyOptions, verifyRecord } from './verify-record.ts';

interface EventsOptions extends VerifyOptions {
  readonly verify?: boolean;
  readonly after?: number;
  readonly follow?: boolean;
}

const followMs = 1_000;

/** Adds `events` to the program. */
export function addEvents(program: Command, context: CliContext): void {
  const command = program
    .command('events')
    .summary('show the record of what happened')
    .description(
      'Prints the record, oldest first: every change, who made it, why, and what Crossover noticed.',
    )
    .option('--after <id>', 'only events after this number', parseEventId)
    .option('--follow', 'keep printing new events until interrupted')
    .option('--verify', 'check that the record is as it was written: exit code 1 when not')
    .option('--store <file>', 'with --verify: check this store file instead, without changing it')
    .option(
      '--end <hash>',
      'with --verify: the record must lead to this end, which was kept elsewhere',
      parseEnd,
    )
    .option('--key <file>', 'with --verify --store: the record must be signed with this key')
    .option('--sign', 'with --verify --store: sign the record with the key if it is intact; changes the file')
    .addHelpText('after', examples);
  addControlOptions(command).action(async (options: EventsOptions) => {
    if (options.verify === true) context.exitCode = await verifyRecord(options, context.io);
    else await run(options, context.io);
  });
}

const examples = `
Examples:
  crossover events
  crossover events --follow
  crossover events --after 120 --json       one JSON object per line, with the numbers behind each event
  crossover events --verify                 whether anybody has changed the record
  crossover events --verify --end 5f1c…     and whether it leads to an end that a notification told

What next: \`crossover status\` for the present.
`;

function parseEventId(text: string): number {
  const id = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(id)) return id;
  throw new InvalidArgumentError('Give the number of an event, such as 120.');
}

function parseEnd(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new InvalidArgumentError(
    'Give 64 hexadecimal digits, as a notification, the log or --verify told them.',
  );
}

async function run(options: EventsOptions, io: CliIo): Promise<void> {
  for (const name of ['store', 'end', 'key', 'sign'] as const)
    if (options[name] !== undefined)
      throw new CliError(
        `--${name} is for --verify`,
        exitCodes.badUsage,
        'Example: crossover events --verify --store FILE',
      );
  const client = createControlClient(options, io);
  let last = await printAll(client, options.after ?? 0, options, io);
  while (options.follow === true) {
    await sleep(followMs);
    last = await printAll(client, last, options, io);
  }
}

/** Prints all events after `after`, which are read in pages; returns the number of the last one. */
async function printAll(
  client: ControlClient,
  after: number,
  options: EventsOptions,
  io: CliIo,
): Promise<number> {
  const style = createStyle(io.color);
  let last = after;
  for (;;) {
    const { body } = await client.get<{ events: RecordedEvent[] }>(`/v1/events?after=${last}`);
    if (body.events.length === 0) return last;
    last = body.events.at(-1)?.id ?? last;
    const lines =
      options.json === true
        ? body.events.map((event) => JSON.stringify(event))
        : eventLines(body.events, style);
    io.out(`${lines.join('\n')}\n`);
  }
}
