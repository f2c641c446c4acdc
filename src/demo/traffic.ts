// The demo's clients: an open-loop source in a thread of its own, so that what it measures is the proxy and not the
// terminal being redrawn.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { assert } from '#src/base/assert.ts';
import type { FromTrafficWorker, TrafficCounts, TrafficOptions } from './traffic-messages.ts';

export interface Traffic {
  /** As of at most a quarter of a second ago. */
  counts(): TrafficCounts;
  /** Sends nothing more, waits for what is under way, resolves with the final counts. */
  stop(): Promise<TrafficCounts>;
}

/** Starts sending at once; resolves when the thread runs. */
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
