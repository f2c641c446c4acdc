// Runs a demo in a process of its own, at the pace of a test.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import process from 'node:process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { DemoOptions } from '#src/demo/demo.ts';
import type { DemoPace } from '#src/demo/demo-config.ts';

/**
 * One step that is compared, at half of the traffic, where evidence comes fastest; then the soak. So few
 * requests at a time are no overload for any machine: one that is slow has fewer a second. How long Y takes
 * is not compared: cold, and on a machine that does more besides, it is slower.
 */
const pace: DemoPace = {
  steps: [50, 100],
  bake: '1s',
  soak: '1s',
  warmup: '1s',
  harm: '5%',
  latencyOverX: '1h',
  openMax: 16,
};
/** What is wrong with Y shows long before there is evidence enough that nothing is. */
const longStep: DemoPace = { ...pace, harm: '0.01%' };
/** The services take so long that what a busy machine adds does not hide what Y does. */
const slowServices: DemoPace = { ...longStep, latencyOverX: '2ms', latencyMsMedian: 100 };
const usual: DemoOptions = { fault: 'none', seed: 1, ratePerSecond: 500, port: 0, exit: true };

const paces: Partial<Record<DemoOptions['fault'], DemoPace>> = { none: pace, latency: slowServices };

/** Starts it with its temporary files in `folder`; `isLong`: its step lasts until it is interrupted. */
export function startDemo(
  options: Partial<DemoOptions>,
  folder: string,
  isLong = false,
): ChildProcessByStdio<null, Readable, null> {
  const entry = fileURLToPath(new URL('./demo-process.ts', import.meta.url));
  const task = {
    options: { ...usual, ...options },
    pace: isLong ? longStep : (paces[options.fault ?? 'none'] ?? longStep),
  };
  return spawn(process.execPath, [entry, JSON.stringify(task)], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
