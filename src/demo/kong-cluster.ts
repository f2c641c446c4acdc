// A cluster that answers like Kong, in a thread of its own. The demo's X and Y are such clusters, and tests
// use them instead of Kong. Faults can be set and counts be read while it runs.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { assert } from '#src/base/assert.ts';
import type { ClusterFault } from './cluster-fault.ts';
import type { ClusterCounts, FromKongWorker, KongClusterOptions, ToKongWorker } from './kong-messages.ts';

export interface KongCluster {
  /** `http://127.0.0.1:port` of each node. */
  readonly urls: readonly string[];
  readonly ports: readonly number[];
  /**
   * Sets the fault from the next request on. Resolves when it is set; a dead cluster's listeners are closed
   * by then.
   */
  setFault(fault: ClusterFault): Promise<void>;
  counts(): Promise<ClusterCounts>;
  /** Ends the cluster; resolves when its thread has ended. */
  stop(): Promise<void>;
}

/** Share of requests that the services fail when nothing is wrong. */
export const usualErrorShare = 0.001;

const defaults: KongClusterOptions = {
  version: '3.4.3',
  nodeCount: 2,
  seed: 1,
  latencyMsMedian: 8,
  latencySigma: 0.5,
  errorShare: usualErrorShare,
  limitPerMinute: null,
};

/**
 * Starts a cluster; resolves when its nodes listen. Defaults: Kong 3.4.3, 2 nodes, median 8 ms, 0.1 %
 * failures.
 */
export async function startKongCluster(options: Partial<KongClusterOptions> = {}): Promise<KongCluster> {
  const worker = new Worker(new URL('./kong-worker.ts', import.meta.url), {
    workerData: { ...defaults, ...options },
  });
  const [first] = (await once(worker, 'message')) as [FromKongWorker];
  assert(first.type === 'listening', 'a cluster reports its ports first');
  const { ports } = first;
  const ask = createAsk(worker);
  const isEnded = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  return {
    ports,
    urls: ports.map((port) => `http://127.0.0.1:${port}`),
    async setFault(fault) {
      await ask((requestId) => ({ type: 'fault', requestId, fault }));
    },
    async counts() {
      const answer = await ask((requestId) => ({ type: 'count', requestId }));
      assert(answer.type === 'counts', 'a count is answered with counts');
      return answer.counts;
    },
    async stop() {
      worker.postMessage({ type: 'stop' } satisfies ToKongWorker);
      await isEnded;
    },
  };
}

type Ask = (make: (requestId: number) => ToKongWorker) => Promise<FromKongWorker>;

/** A function that sends a question to the thread and resolves with the answer that has the same id. */
function createAsk(worker: Worker): Ask {
  const waiting = new Map<number, (answer: FromKongWorker) => void>();
  let lastId = 0;
  worker.on('message', (message: FromKongWorker) => {
    if (message.type === 'listening') return;
    waiting.get(message.requestId)?.(message);
    waiting.delete(message.requestId);
  });
  return (make) =>
    new Promise((resolve) => {
      const requestId = ++lastId;
      waiting.set(requestId, resolve);
      worker.postMessage(make(requestId));
    });
}
