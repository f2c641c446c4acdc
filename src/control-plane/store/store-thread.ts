// Entry of the store's thread: it owns the database, so that a disk that hangs stops nothing but this thread.
import { flushCompileCache } from 'node:module';
import process from 'node:process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isMainThread, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { readRecordKey } from '#src/record/record-key.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { type OpenStore, StoreCallHandler } from './store-call-handler.ts';
import type { StoreAnswer, StoreCall, StoreThreadStart } from './store-calls.ts';
import { StoreFiles } from './store-files.ts';
import { StoreLock } from './store-lock.ts';

function main(port: MessagePort, { file, busyTimeoutMs, keyFile }: StoreThreadStart): void {
  const open: OpenStore = (expected, wasLocked) =>
    openSqliteStore(file, { busyTimeoutMs, key: readRecordKey(keyFile, process.env), expected, wasLocked });
  const handler = new StoreCallHandler(open, new StoreLock(file), new StoreFiles(file));
  port.on('message', (call: StoreCall) => void answer(port, handler, call));
  flushCompileCache();
}

/**
 * A short call is carried out before this returns; a long one lets others have their turn after every page.
 */
async function answer(
  port: MessagePort,
  handler: StoreCallHandler,
  { id, method, args }: StoreCall,
): Promise<void> {
  const pages = handler.answer(method, args);
  for (;;) {
    const { done, value } = pages.next();
    if (done === true) {
      port.postMessage({ id, result: value, end: handler.recordEnd } satisfies StoreAnswer);
      return;
    }
    await nextTurn();
  }
}

if (!isMainThread && parentPort !== null) main(parentPort, workerData as StoreThreadStart);
