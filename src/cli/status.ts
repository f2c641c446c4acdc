// `crossover status`: shows the rollout, the split, both clusters and the evidence, once or until
// interrupted.
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { StatusView } from '#src/control-plane/status/status.ts';
import { commonRequestText } from '#src/record/common-request.ts';
import type { FrozenEvidence } from '#src/record/frozen-evidence.ts';
import type { CliContext, CliIo } from '#src/terminal/cli-io.ts';
import {
  addControlOptions,
  type ControlClient,
  type ControlOptions,
  createControlClient,
  UnreachableError,
} from '#src/terminal/control-client.ts';
import { duration } from '#src/terminal/figures.ts';
import { openScreen, type Screen } from '#src/terminal/screen.ts';
import { statusLines } from '#src/terminal/status-view.ts';
import { createStyle, type Style } from '#src/terminal/style.ts';

/** Period of `--watch`. The control loop decides four times a second, but people read more slowly. */
const watchMs = 1_000;

/** Adds `status` to the program. */
export function addStatus(program: Command, context: CliContext): void {
  const command = program
    .command('status')
    .summary('show rollout, split, clusters and evidence')
    .description(
      'Shows where the rollout is and why, the split, how both clusters do over the last ten seconds, and how much evidence there is to revert or to advance.',
    )
    .option('--watch', 'refresh every second until interrupted')
    .addHelpText('after', examples);
  addControlOptions(command).action(async (options: ControlOptions & { watch?: boolean }) => {
    await (options.watch === true ? watch(options, context.io) : once(options, context.io));
  });
}

const examples = `
Examples:
  crossover status                    once
  crossover status --watch            refreshed every second
  crossover status --json             for scripts: phase, step, split, clusters, verdict

What next: \`crossover rollout start\` when idle, \`crossover events\` for what happened,
\`crossover rollout revert\` to send everything back to X.
`;

const read = async (client: ControlClient): Promise<StatusView> =>
  (await client.get<StatusView>('/v1/status')).body;

async function once(options: ControlOptions, io: CliIo): Promise<void> {
  const client = createControlClient(options, io);
  const status = await read(client);
  if (options.json === true) io.out(`${JSON.stringify(status, null, 2)}\n`);
  else io.out(`${page(status, client.url, io, await new RevertedRequests(client).of(status)).join('\n')}\n`);
}

/** What the requests have in common that were kept at a revert; asked for once a revert. */
class RevertedRequests {
  readonly #client: ControlClient;
  #id: string | null = null;
  #text: string | null = null;

  constructor(client: ControlClient) {
    this.#client = client;
  }

  /** Null where nothing was reverted, and until the evidence is there. */
  async of({ phase, rollout: { id } }: StatusView): Promise<string | null> {
    if (phase !== 'reverted' || id === null) return null;
    if (this.#id !== id) {
      const evidence = await this.#client
        .get<FrozenEvidence>(`/v1/evidence/${encodeURIComponent(id)}`)
        .catch(() => null);
      if (evidence === null) return null;
      this.#id = id;
      this.#text = commonRequestText(evidence.body.samples);
    }
    return this.#text;
  }
}

/** Shows the status until SIGINT. While there is no answer it says so and tries again. */
async function watch(options: ControlOptions, io: CliIo): Promise<void> {
  const client = createControlClient(options, io);
  const reverted = new RevertedRequests(client);
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  const screen = io.isTty && options.json !== true ? openScreen(io) : null;
  try {
    while (!interrupt.signal.aborted) {
      const status = await read(client).catch(unreachable);
      if (status instanceof UnreachableError) show([`${status.message}; still trying`], screen, io);
      else if (options.json === true) io.out(`${JSON.stringify(status)}\n`);
      else show(page(status, client.url, io, await reverted.of(status)), screen, io);
      await sleep(watchMs, undefined, { signal: interrupt.signal }).catch(() => {});
    }
  } finally {
    screen?.close();
  }
}

function unreachable(error: unknown): UnreachableError {
  if (error instanceof UnreachableError) return error;
  throw error;
}

function show(lines: readonly string[], screen: Screen | null, io: CliIo): void {
  if (screen === null) io.out(`${lines.join('\n')}\n\n`);
  else screen.draw(lines);
}

function page(status: StatusView, url: string, io: CliIo, revertedRequests: string | null): string[] {
  const style = createStyle(io.color);
  const options = { style, columns: io.columns(), revertedRequests };
  return [heading(status, url, style), '', ...statusLines(status, options)];
}

const heading = ({ version, uptimeSeconds }: StatusView, url: string, style: Style): string =>
  `${style.bold(`Crossover ${version}`)} ${style.dim(`at ${url}, up ${duration(uptimeSeconds)}`)}`;
