// The demo's clients: an open-loop source in a thread of its own, so that what it measures is the proxy and not the
// terminal being redrawn.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { assert } from '#src/base/assert.ts';

export interface TrafficOptions {
  /** Where the requests go, e.g. `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Mean of the Poisson arrivals, requests per second; reached four seconds after the start. */
  readonly ratePerSecond: number;
  readonly seed: number;
  /** A client gives up after this long without a complete answer, ms. */
  readonly patienceMs: number;
}

/** What the clients saw; every request ends in exactly one of `answered` and `failed`. */
export interface TrafficCounts {
  readonly sent: number;
  /** Complete answers, whatever their status. */
  readonly answered: number;
  /** No complete answer: refused, reset, cut short, or patience over. */
  readonly failed: number;
  readonly successes: number;
  /** 4xx: the traffic contains a few requests without credential and to unknown paths, as real traffic does. */
  readonly clientErrors: number;
  readonly serverErrors: number;
  /** Time from the moment a request was due to its complete answer, ms. */
  readonly latencyMsP50: number;
  readonly latencyMsP99: number;
}

export interface Traffic {
  /** As of at most a quarter of a second ago. */
  counts(): TrafficCounts;
  /** Sends nothing more, waits for what is under way, resolves with the final counts. */
  stop(): Promise<TrafficCounts>;
}

export type FromTrafficWorker =
  | { readonly type: 'counts'; readonly counts: TrafficCounts }
  | { readonly type: 'stopped'; readonly counts: TrafficCounts };

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
