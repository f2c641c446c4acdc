// The benchmark's command line.
import { parseArgs } from 'node:util';

const caseNames = ['1k', '100k', 'post', 'connect', 'idle', 'half', 'half100k', 'memory'] as const;
export type CaseName = (typeof caseNames)[number];

export interface BenchOptions {
  readonly proxies: readonly string[];
  /** Proxies given by command: name and command line with {port}, {x}, {y}. */
  readonly commands: ReadonlyMap<string, string>;
  /** Another checkout of Crossover to compare this one with. */
  readonly before: string | null;
  readonly cases: readonly CaseName[];
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly smoke: boolean;
  readonly profile: boolean;
  readonly write: boolean;
  readonly install: boolean;
}

export const beforeName = 'before';

export const usage = `npm run bench -- [options]

  --proxies LIST      crossover,nginx,haproxy,caddy,fastify (default: all that are installed)
  --command NAME=CMD  another proxy; {port}, {x}, {y} in CMD are its port and those of the two upstreams (repeatable)
  --before DIR        another checkout of Crossover, under the name "before"; with --rounds 21, says whether this is slower
  --only CASES        ${caseNames.join(',')} (default: all)
  --rounds N          rounds per case, proxies interleaved, the median counts (default 5)
  --seconds N         seconds per measurement (default 4)
  --connections N     keep-alive connections of the load generator (default 64)
  --smoke             a few hundred requests through Crossover and the fastify proxy; needs nothing installed
  --profile           profiles Crossover and prints where its time goes
  --write             writes bench/RESULTS.md
  --install           installs nginx, HAProxy, Caddy and wrk first (Debian, Ubuntu; as root)
`;

/**
 * Reads the arguments.
 * @throws TypeError with a sentence for the user
 */
export function parseOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      proxies: { type: 'string' },
      command: { type: 'string', multiple: true, default: [] },
      before: { type: 'string' },
      only: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      connections: { type: 'string' },
      smoke: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      install: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const { smoke, profile, write, install } = values;
  const commands = new Map(values.command.map(parseCommand));
  const usual = smoke ? ['crossover', 'fastify'] : ['crossover', 'nginx', 'haproxy', 'caddy', 'fastify'];
  return {
    proxies: [
      ...(values.proxies?.split(',') ?? usual),
      ...(values.before === undefined ? [] : [beforeName]),
      ...commands.keys(),
    ].filter(isUnique),
    before: values.before ?? null,
    commands,
    cases:
      values.only === undefined
        ? smoke
          ? ['1k', 'post']
          : caseNames
        : values.only.split(',').map(parseCase),
    rounds: positive('rounds', values.rounds ?? (smoke ? '1' : '5')),
    seconds: positive('seconds', values.seconds ?? (smoke ? '1' : '4')),
    connections: positive('connections', values.connections ?? (smoke ? '8' : '64')),
    smoke,
    profile,
    write,
    install,
  };
}

function isUnique(name: string, index: number, names: readonly string[]): boolean {
  return names.indexOf(name) === index;
}

function parseCommand(text: string): [string, string] {
  const [, name, command] = /^([\w.-]+)=(.+)$/s.exec(text) ?? [];
  if (name === undefined || command === undefined)
    throw new TypeError(`--command must be NAME=COMMAND, not ${JSON.stringify(text)}`);
  return [name, command];
}

function parseCase(text: string): CaseName {
  const found = caseNames.find((name) => name === text);
  if (found === undefined)
    throw new TypeError(`no case ${JSON.stringify(text)}; there are ${caseNames.join(', ')}`);
  return found;
}

function positive(name: string, text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text))
    throw new TypeError(`--${name} must be a positive whole number, not ${text}`);
  return Number(text);
}
