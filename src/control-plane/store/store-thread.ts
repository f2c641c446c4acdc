// Entry of the store's thread: it owns the database, so that a disk that hangs stops nothing but this thread.
import { flushCompileCache } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isMainThread, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { openSqliteStore } from './sqlite-store.ts';
import type { StoreAnswer, StoreCall, StoreThreadStart } from './store-calls.ts';
import { StoreDesk } from './store-desk.ts';
import { StoreLock } from './store-lock.ts';

function main(port: MessagePort, { file, busyTimeoutMs }: StoreThreadStart): void {
  const desk = new StoreDesk(() => openSqliteStore(file, busyTimeoutMs), new StoreLock(file));
  port.on('message', (call: StoreCall) => void answer(port, desk, call));
  flushCompileCache();
}

/**
 * A short call is carried out before this returns; a long one lets others have their turn after every page.
 */
async function answer(port: MessagePort, desk: StoreDesk, { id, method, args }: StoreCall): Promise<void> {
  const pages = desk.answer(method, args);
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
