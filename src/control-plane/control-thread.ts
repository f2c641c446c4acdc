// Entry of the control thread: when its parts start, tick and stop, and what it and the supervisor say to each other
// (shared-memory/messages.ts). The parts are put together in control-parts.ts; how a decision is made is in control-loop.ts.
import { flushCompileCache } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { isMainThread, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { unreachable } from '#src/base/assert.ts';
import { collectRegularly } from '#src/base/regular-collection.ts';
import { tickMs } from '#src/limits.ts';
import type { ControlStart, FromControl, ToControl } from '#src/shared-memory/messages.ts';
import { ApiDoor } from './api/api-door.ts';
import type { ControlApi } from './api/server.ts';
import { takeConfig } from './config-change.ts';
import { ControlParts, type StorePortOf } from './control-parts.ts';
import { autostart, ownStore, takeUp } from './control-start.ts';
import { lifecycleEvent } from './supervisor/lifecycle-event.ts';

/** Between attempts to get the API's port back after a restart of this thread. */
const listenRetryMs = 500;

/** What waits is written before the end, unless the disk hangs; the supervisor waits a little longer than this. */
const storeClosesMsMax = 1_500;

export class ControlThread {
  readonly #parts: ControlParts;
  #isStopping = false;
  #timer: NodeJS.Timeout | null = null;
  readonly #door = new ApiDoor();
  #api: ControlApi | null = null;

  constructor(start: ControlStart, post: (message: FromControl) => void, storePortOf?: StorePortOf) {
    this.#parts = new ControlParts(start, post, storePortOf);
  }

  /**
   * Publishes the split that was recorded, then everything else; posts `published` and `ready`, or why it won't come to
   * that. A first thread owns store and port before it publishes anything, one that replaces another waits for no port.
   */
  async run(): Promise<void> {
    const parts = this.#parts;
    const isFirst = parts.generation === 0;
    if (!(await ownStore(parts)) || this.#isStopping) return;
    let controlPort = isFirst ? await this.#listen() : null;
    if (isFirst && controlPort === null) return;
    await takeUp(parts);
    if (this.#isStopping) return;
    parts.post({ type: 'published' });
    this.#timer = setInterval(() => this.#tick(), tickMs);
    await this.#loadApi();
    controlPort ??= await this.#listen();
    if (controlPort === null || this.#isStopping) return;
    this.#door.open();
    parts.post({ type: 'ready', controlPort });
    if (isFirst) autostart(parts);
    flushCompileCache();
    collectRegularly();
  }

  /** Only now: traffic does not wait for it, and its libraries are most of what this thread loads. */
  async #loadApi(): Promise<void> {
    const { createControlApi } = await import('./api/server.ts');
    const { apiContextOf } = await import('./api-wiring.ts');
    this.#api = await createControlApi(apiContextOf(this.#parts), this.#door);
  }

  receive(message: ToControl): void {
    const parts = this.#parts;
    switch (message.type) {
      case 'configure':
        void takeConfig(parts, message);
        return;
      case 'reload-result':
      case 'nodes-applied':
      case 'samples':
        parts.supervisor.receive(message);
        return;
      case 'route-seen':
        parts.routes.seen(message.key, message.name);
        return;
      case 'lifecycle':
        parts.events.add(lifecycleEvent(message));
        return;
      case 'draining':
        parts.isDraining = true;
        parts.events.add({ name: 'draining', text: 'The proxy is shutting down.' });
        return;
      case 'stop':
        void this.#stop();
        return;
      default:
        unreachable(message);
    }
  }

  /** Four times a second: the facts of the moment, one decision, then what has no hurry. */
  #tick(): void {
    const { signals, loop, housekeeping, breakers, breakerNotes, answers, rollout, clock } = this.#parts;
    signals.tick();
    loop.tick();
    const nowMs = clock.monotonicMs();
    breakerNotes.observe(breakers.openMs(nowMs), rollout.state);
    answers.observe(nowMs);
    housekeeping.tick(nowMs);
  }

  /**
   * The port, or null when it could not be had. A first thread gives up, and with it the process, because an operator is
   * watching; a replacement keeps trying, because the rollout it controls must go on.
   */
  async #listen(): Promise<number | null> {
    const { config, generation, predecessorPort, listenDescriptor, post } = this.#parts;
    const { host, port: configured } = config.listen.control;
    // Where the system chose the port, people and scripts know the one that the thread before had.
    let port = predecessorPort || configured;
    while (!this.#isStopping) {
      try {
        return await this.#door.listen(listenDescriptor === null ? { host, port } : { fd: listenDescriptor });
      } catch (error) {
        const { code = 'UNKNOWN', message } = error as NodeJS.ErrnoException;
        if (generation === 0) {
          post({ type: 'failed-to-start', code, message });
          return null;
        }
        const fields = { code, error: message };
        this.#parts.log({ level: 'error', message: 'the control API cannot listen yet', fields });
        // A port that the system chose may be somebody else's by now; then any other is better than none.
        port = configured;
        await delay(listenRetryMs);
      }
    }
    return null;
  }

  async #stop(): Promise<void> {
    const { supervisor, evidence, health, signals, housekeeping, store, post } = this.#parts;
    this.#isStopping = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    supervisor.close();
    await evidence.settled();
    await Promise.all([this.#closeApi(), health.stop(), signals.stop()]);
    housekeeping.flush();
    housekeeping.keepAnalysis();
    await store.close(storeClosesMsMax);
    post({ type: 'stopped' });
  }

  async #closeApi(): Promise<void> {
    await this.#api?.app.close();
    await this.#door.close();
  }
}

function main(port: MessagePort, start: ControlStart): void {
  const thread = new ControlThread(start, (message) => port.postMessage(message));
  port.on('message', (message: ToControl) => thread.receive(message));
  void thread.run();
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  const start = workerData as ControlStart | null;
  // A thread that was started ahead is told later.
  if (start === null) port.once('message', (told: ControlStart) => main(port, told));
  else main(port, start);
}
