// Distributes tasks over worker threads, one for each core, and returns their results as they come.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Task, TaskResult } from './tasks.ts';

/** Runs all tasks. Rejects when a thread fails. `threads` is at least 1. */
export async function runTasks(
  tasks: readonly Task[],
  onResult: (result: TaskResult) => void,
  threads = availableParallelism(),
): Promise<void> {
  const waiting = [...tasks].reverse();
  await Promise.all(
    Array.from({ length: Math.min(threads, tasks.length) }, () => runWorker(waiting, onResult)),
  );
}

function runWorker(waiting: Task[], onResult: (result: TaskResult) => void): Promise<void> {
  const worker = new Worker(new URL('./task-worker.ts', import.meta.url));
  const give = (): void => {
    const task = waiting.pop();
    if (task === undefined) void worker.terminate();
    else worker.postMessage(task);
  };
  return new Promise((resolve, reject) => {
    worker.on('message', (result: TaskResult) => {
      onResult(result);
      give();
    });
    worker.on('error', (error) => {
      waiting.length = 0;
      reject(error);
    });
    worker.on('exit', () => resolve());
    give();
  });
}
