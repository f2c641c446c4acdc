// Adds `crossover demo`: runs the product on this machine, in front of two embedded clusters that answer like
// Kong.
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type FaultName, faultNames } from '#src/demo/faults.ts';
import type { CliContext } from '#src/terminal/cli-io.ts';

interface DemoFlags {
  readonly fault: FaultName;
  readonly exit?: boolean;
  readonly seed: number;
  readonly rate: number;
  readonly port?: number;
  readonly store?: string;
}

/** Requests per second that two small cores can do, with clients, clusters and proxy together. */
const defaultRate = 700;
const rateMax = 5_000;

/** Adds `demo` to the program. */
export function addDemo(program: Command, context: CliContext): void {
  program
    .command('demo')
    .summary('see a whole rollout on this machine, against two embedded clusters')
    .description(
      'Runs two embedded clusters that answer like Kong 3.4.3 (X) and Kong 3.10.0 (Y), traffic, and the real proxy between them, and moves the traffic from X to Y. Needs nothing else, changes nothing outside a temporary folder.',
    )
    .addOption(new Option('--fault <name>', 'what is wrong with Y').choices(faultNames).default('none'))
    .option('--exit', 'end with the rollout: exit code 0 when Y got everything, 3 when reverted')
    .option('--seed <number>', 'seed of traffic, latencies and faults', integer(0, 2 ** 31 - 1), 1)
    .option('--rate <number>', 'requests per second', integer(20, rateMax), defaultRate)
    .option('--port <port>', 'port of the proxy (default: 8000, or a free one)', integer(1, 65_535))
    .option('--store <file>', 'keep the record in this new file, for `report --store`')
    .addHelpText('after', examples)
    .action(async (flags: DemoFlags) => {
      const { runDemo } = await import('#src/demo/demo.ts');
      const { fault, seed, rate, store } = flags;
      const kept = store === undefined ? {} : { storePath: resolve(store) };
      context.exitCode = await runDemo(
        { fault, seed, ratePerSecond: rate, port: flags.port ?? null, exit: flags.exit === true, ...kept },
        context.io,
      );
    });
}

const examples = `
Faults:
  none        Y is as good as X and gets everything, in a minute or two
  errors      Y answers 5 % of its requests with 500, from the first step of at least 5 % on
  latency     Y takes one and a half times as long, from the first step of at least 5 % on
  status-mix  Y refuses 5 % of the good credentials with 401, from the first step of at least 5 % on
  dead        Y's listeners close and its connections are reset, from the first step of at least 5 % on
  brownout    Y becomes slow, then leaves requests unanswered or says 503, from the first step of at least 10 % on

Examples:
  crossover demo
  crossover demo --fault errors --exit; echo $?       3: reverted

What next: while it runs, ask it: \`crossover status --watch\`, \`crossover events --follow\`. They find it by themselves.
`;

function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
  };
}
