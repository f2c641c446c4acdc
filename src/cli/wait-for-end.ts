// `rollout start --wait`: waits for the end of a rollout, also through restarts of the control thread. The
// exit code says how it ended.
import { setTimeout as sleep } from 'node:timers/promises';
import type { StatusView } from '#src/control-plane/status/status.ts';
import { CliError, type CliIo, exitCodes } from '#src/terminal/cli-io.ts';
import { type ControlClient, UnreachableError } from '#src/terminal/control-client.ts';
import { timeOfDay } from '#src/terminal/figures.ts';
import { phaseText, whyText } from '#src/terminal/status-view.ts';
import { createStyle } from '#src/terminal/style.ts';

const pollMs = 500;

/**
 * Prints a line for each change, or with `json` the last status. Resolves with 0 when completed, 3 when
 * reverted.
 */
export async function waitForEnd(
  client: ControlClient,
  rolloutId: string | null,
  json: boolean,
  io: CliIo,
): Promise<number> {
  const style = createStyle(io.color);
  let shown = '';
  const show = (line: string) => {
    if (line !== shown && !json) io.out(`${timeOfDay(Date.now())}  ${line}\n`);
    shown = line;
  };
  for (;;) {
    const status = await statusOrNull(client, show);
    if (status !== null && status.rollout.id !== rolloutId)
      throw new CliError('another rollout has begun meanwhile', exitCodes.failed, 'See `crossover events`.');
    if (status !== null) show(phaseText(status, style));
    if (status?.phase === 'completed' || status?.phase === 'reverted') {
      io.out(json ? `${JSON.stringify(status, null, 2)}\n` : `${whyText(status) ?? ''}\n`);
      return status.phase === 'completed' ? exitCodes.done : exitCodes.reverted;
    }
    await sleep(pollMs);
  }
}

/** The status; null while there is no answer, since traffic and rollout go on all the same. */
async function statusOrNull(client: ControlClient, show: (line: string) => void): Promise<StatusView | null> {
  try {
    return (await client.get<StatusView>('/v1/status')).body;
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    show(`${error.message}; still trying`);
    return null;
  }
}
