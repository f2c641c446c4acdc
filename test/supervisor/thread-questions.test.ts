// What a thread's silence is taken for, with a thread that says what the test says.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { it, mock, type TestContext } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { drainWorker } from '#src/supervisor/thread-questions.ts';

const deadlineMs = 1_000;

class SilentThread extends EventEmitter {
  postMessage(): void {}
}

function drained(): { thread: SilentThread; cut: Promise<number | null> } {
  const thread = new SilentThread();
  return { thread, cut: drainWorker(thread as unknown as Worker, deadlineMs) };
}

it('a drained worker is taken at its word, also when it ends after it', async () => {
  const { thread, cut } = drained();
  thread.emit('message', { type: 'drained', cutExchanges: 3 });
  thread.emit('exit');
  assert.equal(await cut, 3);
});

it('a worker that ends before it has drained is not taken for one that cut nothing', async () => {
  const { thread, cut } = drained();
  thread.emit('exit');
  assert.equal(await cut, null);
});

it('a worker that hangs is not taken for one that cut nothing', async (t: TestContext) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const { cut } = drained();
  mock.timers.tick(deadlineMs + 2_000);
  assert.equal(await cut, null);
});
