// Entry of the control thread: when its parts start, tick and stop, and what it and the supervisor say to
// each other (shared-memory/messages.ts). The parts are put together in control-parts.ts; how a decision is
// made is in control-loop.ts.
import { flushCompileCache } from 'node:module';
import { isMainThread, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { unreachable } from '#src/base/assert.ts';
import { collectRegularly } from '#src/base/regular-collection.ts';
import { tickMs } from '#src/limits.ts';
import type { ControlStart, FromControl, LogLine, ToControl } from '#src/shared-memory/messages.ts';
import { ControlEndpoint } from './api/control-endpoint.ts';
import type { ControlApi } from './api/server.ts';
import { takeConfig } from './config-change.ts';
import { ControlParts, type StorePortOf } from './control-parts.ts';
import { autostart, ownStore, takeUp } from './control-start.ts';
import { lifecycleEvent } from './supervisor/lifecycle-event.ts';

/**
 * How long the end of the thread waits for writes, unless the disk hangs. The supervisor waits a little
 * longer than this.
 */
const storeClosesMsMax = 1_500;

export class ControlThread {
  readonly #parts: ControlParts;
  #isStopping = false;
  #timer: NodeJS.Timeout | null = null;
  readonly #endpoint: ControlEndpoint;
  #api: ControlApi | null = null;

  constructor(start: ControlStart, post: (message: FromControl) => void, storePortOf?: StorePortOf) {
    const parts = new ControlParts(start, post, storePortOf);
    this.#parts = parts;
    const { clock, events, version } = parts;
    const config = () => parts.config;
    const log = (line: LogLine) => parts.log(line);
    this.#endpoint = new ControlEndpoint({ start, config, clock, events, version, log, post });
  }

  /**
   * Publishes the split that was recorded, then takes up everything else. Posts `published` and `ready`, or
   * the reason why it does not come to that. The first thread of a process owns store and port before it
   * publishes anything; one that replaces another does not wait for the port.
   */
  async run(): Promise<void> {
    const parts = this.#parts;
    const isFirst = parts.generation === 0;
    if (!(await ownStore(parts)) || this.#isStopping) return;
    if (isFirst && !(await this.#endpoint.listen())) return;
    await takeUp(parts);
    if (this.#isStopping) return;
    parts.post({ type: 'published' });
    this.#timer = setInterval(() => parts.loop.tick(), tickMs);
    await Promise.all([this.#loadApi(), this.#endpoint.prepare()]);
    if (!isFirst && !(await this.#endpoint.listen())) return;
    if (this.#isStopping) return;
    await this.#endpoint.open();
    if (isFirst) autostart(parts);
    flushCompileCache();
    collectRegularly();
  }

  /**
   * Loaded only now, because traffic does not wait for it, and its libraries are most of what this thread
   * loads.
   */
  async #loadApi(): Promise<void> {
    const { createControlApi } = await import('./api/server.ts');
    const { apiContextOf } = await import('./api-wiring.ts');
    const endpoint = this.#endpoint;
    this.#api = await createControlApi(apiContextOf(this.#parts, endpoint), endpoint.listener);
  }

  receive(message: ToControl): void {
    const parts = this.#parts;
    switch (message.type) {
      case 'configure':
        void takeConfig(parts, message);
        void this.#endpoint.look();
        return;
      case 'reload-result':
      case 'nodes-applied':
      case 'samples':
        parts.supervisor.receive(message);
        return;
      case 'route-seen':
        parts.routes.seen(message.key, message.name);
        return;
      case 'suspect-seen':
        parts.suspects.seen(message.group, message.client);
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

  async #stop(): Promise<void> {
    const { supervisor, evidence, health, signals, recorder, checkpoint, store, post } = this.#parts;
    this.#isStopping = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    supervisor.close();
    await evidence.settled();
    await Promise.all([this.#closeApi(), health.stop(), signals.stop()]);
    recorder.flush();
    checkpoint.keepNow();
    post({ type: 'stopped', ...(await store.close(storeClosesMsMax)) });
  }

  async #closeApi(): Promise<void> {
    await this.#api?.app.close();
    await this.#endpoint.close();
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
  // A thread that was started ahead of time gets its start in a message.
  if (start === null) port.once('message', (told: ControlStart) => main(port, told));
  else main(port, start);
}
