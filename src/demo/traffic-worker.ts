// Entry of the thread that sends the demo's traffic: Poisson arrivals over keep-alive connections, which do
// not depend on how fast answers come. Latency is measured from when a request was due, so that it also
// contains the time in which the client had to wait.
import { createHistogram, performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { type Dispatcher, Pool } from 'undici';
import { assert } from '#src/base/assert.ts';
import { createRandom } from '#src/base/random.ts';
import { createRequestMix } from './request-mix.ts';
import type { FromTrafficWorker, TrafficCounts, TrafficOptions } from './traffic-messages.ts';

/** Period in which due requests are sent. Each has its own time at which it was due. */
const paceMs = 2;
const reportMs = 250;
/** Most connections. Further requests wait in the client, and their latency grows. */
const connectionsMax = 1024;

const options = workerData as TrafficOptions;
assert(parentPort !== null, 'traffic runs in a worker thread');
const parent = parentPort;
const random = createRandom(options.seed);
const nextRequest = createRequestMix(random);
const pool = new Pool(options.url, {
  connections: connectionsMax,
  pipelining: 1,
  headersTimeout: options.timeoutMs,
  bodyTimeout: options.timeoutMs,
});
const latencyUs = createHistogram();
const tally = { sent: 0, answered: 0, failed: 0, successes: 0, clientErrors: 0, serverErrors: 0 };

function counts(): TrafficCounts {
  const isEmpty = latencyUs.count === 0;
  return {
    ...tally,
    latencyMsP50: isEmpty ? 0 : latencyUs.percentile(50) / 1000,
    latencyMsP99: isEmpty ? 0 : latencyUs.percentile(99) / 1000,
  };
}

const report = (type: FromTrafficWorker['type']): void => parent.postMessage({ type, counts: counts() });

function send(dueMs: number): void {
  tally.sent++;
  let status = 0;
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart: () => {},
    onResponseStart: (_controller, statusCode) => {
      status = statusCode;
    },
    onResponseData: () => {},
    onResponseEnd: () => answered(status, performance.now() - dueMs),
    onResponseError: () => {
      tally.failed++;
    },
  };
  pool.dispatch(nextRequest(), handler);
}

function answered(status: number, latencyMs: number): void {
  tally.answered++;
  if (status >= 500) tally.serverErrors++;
  else if (status >= 400) tally.clientErrors++;
  else tally.successes++;
  latencyUs.record(Math.max(1, Math.round(latencyMs * 1000)));
}

/**
 * The rate rises for so long: full load on code that was not compiled yet would measure the start instead of
 * the clusters.
 */
const rampMs = 4_000;
const rampFrom = 0.05;
const startedMs = performance.now();

function rateAt(atMs: number): number {
  const share = Math.min(1, rampFrom + ((1 - rampFrom) * (atMs - startedMs)) / rampMs);
  return options.ratePerSecond * share;
}

/** A gap between arrivals: exponential, so that they are a Poisson process, at the present rate. */
const gapMs = (atMs: number): number => (-Math.log(1 - random.next()) * 1000) / rateAt(atMs);

const { openMax = Number.POSITIVE_INFINITY } = options;
const isFull = (): boolean => tally.sent - tally.answered - tally.failed >= openMax;
let dueMs = startedMs + gapMs(startedMs);
const pace = setInterval(() => {
  const now = performance.now();
  for (; dueMs <= now; dueMs += gapMs(dueMs)) {
    // Who stays away because of it does not come later, all at once.
    if (!isFull()) send(dueMs);
  }
}, paceMs);
const reports = setInterval(() => report('counts'), reportMs);

async function stop(): Promise<void> {
  clearInterval(pace);
  // Resolves when every request has its answer or has timed out.
  await pool.close();
  clearInterval(reports);
  report('stopped');
}

parent.on('message', () => void stop());
report('counts');
