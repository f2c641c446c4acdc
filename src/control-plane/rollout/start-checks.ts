// The checks before a start, and the rollout event that they come to.
import type { PreflightCheck } from '#src/control-plane/nodes/preflight.ts';
import type { RolloutEvent } from '#src/core/rollout/rollout-event.ts';
import type { Signals } from '#src/core/rollout/signals.ts';

export type StartChecks = () => Promise<readonly PreflightCheck[]>;

/** Never rejects: checks that cannot be run have failed. */
export async function runStartChecks(checks: StartChecks): Promise<readonly PreflightCheck[]> {
  try {
    return await checks();
  } catch (error) {
    return [{ name: 'checks', passed: false, text: `The checks could not be run: ${String(error)}.` }];
  }
}

/** `signals` are what a start that has passed may still wait for; null where there are none. */
export function checksEvent(
  checks: readonly PreflightCheck[],
  atMs: number,
  signals: Signals | null,
): RolloutEvent {
  const failed = checks.filter(({ passed }) => !passed);
  if (failed.length > 0)
    return { type: 'preflight-failed', atMs, text: failed.map(({ text }) => text).join(' ') };
  return { type: 'preflight-passed', atMs, ...(signals !== null && { signals }) };
}
