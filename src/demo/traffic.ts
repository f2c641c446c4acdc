// The demo's clients: requests that do not wait for answers, from a thread of its own, so that redrawing the
// terminal does not delay them.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { assert } from '#src/base/assert.ts';
import type { FromTrafficWorker, TrafficCounts, TrafficOptions } from './traffic-messages.ts';

export interface Traffic {
  /** The counts, which are at most a quarter of a second old. */
  counts(): TrafficCounts;
  /** Stops sending, waits for requests under way, and resolves with the final counts. */
  stop(): Promise<TrafficCounts>;
}

/** Starts the traffic; resolves when the thread runs. */
export async function startTraffic(options: TrafficOptions): Promise<Traffic> {
  const worker = new Worker(new URL('./traffic-worker.ts', import.meta.url), { workerData: options });
  const [first] = (await once(worker, 'message')) as [FromTrafficWorker];
  let latest = first.counts;
  let onStopped: ((counts: TrafficCounts) => void) | null = null;
  worker.on('message', (message: FromTrafficWorker) => {
    latest = message.counts;
    if (message.type === 'stopped') onStopped?.(message.counts);
  });
  return {
    counts: () => latest,
    async stop() {
      const stopped = new Promise<TrafficCounts>((resolve) => {
        onStopped = resolve;
      });
      worker.postMessage('stop');
      const counts = await stopped;
      await worker.terminate();
      assert(counts.sent === counts.answered + counts.failed, 'every request ended in one way');
      return counts;
    },
  };
}
