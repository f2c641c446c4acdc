// Entry of the store's thread: it owns the database, so that a disk that hangs stops nothing but this thread.
import { flushCompileCache } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isMainThread, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { openSqliteStore } from './sqlite-store.ts';
import { StoreCallHandler } from './store-call-handler.ts';
import type { StoreAnswer, StoreCall, StoreThreadStart } from './store-calls.ts';
import { StoreLock } from './store-lock.ts';

function main(port: MessagePort, { file, busyTimeoutMs }: StoreThreadStart): void {
  const handler = new StoreCallHandler(() => openSqliteStore(file, busyTimeoutMs), new StoreLock(file));
  port.on('message', (call: StoreCall) => void answer(port, handler, call));
  flushCompileCache();
}

/** A short call is carried out before this returns; a long one lets others have their turn after every page. */
async function answer(
  port: MessagePort,
  handler: StoreCallHandler,
  { id, method, args }: StoreCall,
): Promise<void> {
  const pages = handler.answer(method, args);
  for (;;) {
    const { done, value } = pages.next();
    if (done === true) {
      port.postMessage({ id, result: value } satisfies StoreAnswer);
      return;
    }
    await nextTurn();
  }
}

if (!isMainThread && parentPort !== null) main(parentPort, workerData as StoreThreadStart);
