// `rollout start --wait`: waits for the end of a rollout, also through restarts of the control thread. The
// exit code says how it ended.
import { setTimeout as sleep } from 'node:timers/promises';
import type { RolloutView, StatusView } from '#src/control-plane/status/status.ts';
import { CliError, type CliIo, exitCodes } from '#src/terminal/cli-io.ts';
import { type ControlClient, UnreachableError } from '#src/terminal/control-client.ts';
import { timeOfDay } from '#src/terminal/figures.ts';
import { phaseText, whyText } from '#src/terminal/status-view.ts';
import { createStyle } from '#src/terminal/style.ts';

const pollMs = 500;
const checksPollMs = 100;

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
    if (status !== null) assertSame(status.rollout, rolloutId);
    if (status !== null) show(phaseText(status, style));
    if (status?.phase === 'completed' || status?.phase === 'reverted') {
      io.out(json ? `${JSON.stringify(status, null, 2)}\n` : `${whyText(status) ?? ''}\n`);
      return status.phase === 'completed' ? exitCodes.done : exitCodes.reverted;
    }
    await sleep(pollMs);
  }
}

/**
 * Waits for the checks before a start; resolves with the rollout when they have passed, also where it then
 * waits for something else.
 * @throws CliError when they failed
 */
export async function waitForChecks(client: ControlClient, started: RolloutView): Promise<RolloutView> {
  for (let view = started; ; await sleep(checksPollMs)) {
    if (view.phase !== 'preflight' || view.hold !== null) return view;
    view = (await client.get<RolloutView>('/v1/rollout')).body;
    assertSame(view, started.id);
  }
}

/** @throws CliError when the rollout was not started, or is not the one that is there */
function assertSame({ id, failedStart }: RolloutView, rolloutId: string | null): void {
  if (id === rolloutId) return;
  if (failedStart !== null && failedStart.id === rolloutId)
    throw new CliError(
      `the rollout was not started, its checks failed: ${failedStart.text}`,
      exitCodes.failed,
      'Nothing has changed. Start it again once that is mended.',
    );
  throw new CliError('another rollout has begun meanwhile', exitCodes.failed, 'See `crossover events`.');
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
