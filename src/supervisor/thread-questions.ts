// Questions of the supervisor to a thread. It waits for the answer, but never longer than a limit, nor when
// the thread ends.
import type { Worker } from 'node:worker_threads';
import type {
  FromControl,
  FromWorker,
  RequestSample,
  ToControl,
  ToWorker,
} from '#src/shared-memory/messages.ts';

/** How long a worker may take to report after the drain's deadline. */
const drainReportMs = 2_000;
/** How long the control thread may take to write what it has. */
const stopMs = 2_000;
/** A thread that is not stuck ends within milliseconds once it is told to. */
const endMs = 1_000;
/** How long a worker may take to report the requests it remembers. The record of a revert waits for them. */
const sampleReportMs = 500;

/**
 * Lets a worker drain. Resolves with the number of requests that were cut; null when it ended or did not
 * report in time.
 */
export function drainWorker(thread: Worker, deadlineMs: number): Promise<number | null> {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(null), deadlineMs + drainReportMs);
    const done = (cut: number | null) => {
      clearTimeout(late);
      resolve(cut);
    };
    thread.on('message', (message: FromWorker) => {
      if (message.type === 'drained') done(message.cutExchanges);
    });
    thread.on('exit', () => done(null));
    thread.postMessage({ type: 'drain', deadlineMs } satisfies ToWorker);
  });
}

/**
 * The requests that the threads remember, oldest first. A thread that does not answer in time is left out.
 */
export async function collectSamples(
  threads: readonly Worker[],
  requestId: number,
): Promise<readonly RequestSample[]> {
  const lists = await Promise.all(threads.map((thread) => reportSamples(thread, requestId)));
  return lists.flat().sort((a, b) => a.atMs - b.atMs);
}

function reportSamples(thread: Worker, requestId: number): Promise<readonly RequestSample[]> {
  return new Promise((resolve) => {
    const done = (samples: readonly RequestSample[]) => {
      clearTimeout(late);
      thread.off('message', listen);
      resolve(samples);
    };
    const late = setTimeout(() => done([]), sampleReportMs);
    const listen = (message: FromWorker) => {
      if (message.type === 'samples' && message.requestId === requestId) done(message.samples);
    };
    thread.on('message', listen);
    thread.postMessage({ type: 'report-samples', requestId } satisfies ToWorker);
  });
}

/** How a control thread has ended. */
export interface StoppedControl {
  /**
   * False when it cannot be ended: then a thread of its own, the store's, or a write to the mark is stuck in
   * a system call, and this one runs no code any more either.
   */
  readonly hasEnded: boolean;
  /** What it said at its end; null when it did not get to it. */
  readonly left: Pick<Extract<FromControl, { type: 'stopped' }>, 'handOver' | 'unrecorded'> | null;
}

/** Lets the control thread write what it has, and ends it, also when it does not answer in time. */
export async function stopControl(thread: Worker): Promise<StoppedControl> {
  const left = await new Promise<StoppedControl['left']>((resolve) => {
    const late = setTimeout(() => resolve(null), stopMs);
    const done = (said: StoppedControl['left']) => {
      clearTimeout(late);
      resolve(said);
    };
    thread.on('message', (message: FromControl) => {
      if (message.type === 'stopped') done(message);
    });
    thread.on('exit', () => done(null));
    thread.postMessage({ type: 'stop' } satisfies ToControl);
  });
  return { left, hasEnded: await endThread(thread) };
}

/** Whether it has ended within `endMs`. */
function endThread(thread: Worker): Promise<boolean> {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(false), endMs);
    void thread.terminate().then(() => {
      clearTimeout(late);
      resolve(true);
    });
  });
}
