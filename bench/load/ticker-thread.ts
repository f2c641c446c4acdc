// Wakes the open-loop generator's event loop every tick. Node's own timers are whole milliseconds, which at
// 20,000 requests a second would mean bursts of 20; a futex wait is precise to some 60 microseconds.

import type { MessagePort } from 'node:worker_threads';
import { workerData } from 'node:worker_threads';

const { port, tickMs } = workerData as { port: MessagePort; tickMs: number };
const never = new Int32Array(new SharedArrayBuffer(4));
for (;;) {
  Atomics.wait(never, 0, 0, tickMs);
  port.postMessage(0);
}
