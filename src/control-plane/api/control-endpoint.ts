// The control API as others reach it: its listeners, who may use them, and the file by which commands of the
// same user find it.
import { resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '#src/base/clock.ts';
import { announceInstance, withdrawInstance } from '#src/base/local-instance.ts';
import type { Config } from '#src/config/config.ts';
import { isWildcard } from '#src/config/net-address.ts';
import { tcpListeners } from '#src/config/node-objection.ts';
import type { OwnListener } from '#src/config/own-listener.ts';
import { Credentials } from '#src/control-plane/access/credentials.ts';
import type { EventLog } from '#src/control-plane/events/event-log.ts';
import {
  ApiListener,
  type BoundListener,
  type ListenTarget,
} from '#src/control-plane/listening/api-listener.ts';
import { listenTargets } from '#src/control-plane/listening/listen-targets.ts';
import type { ControlStart, FromControl, LogLine } from '#src/shared-memory/messages.ts';

/** Between attempts to get an address back after a restart of this thread. */
const listenRetryMs = 500;
/** How often files of tokens and certificates are looked at. */
const lookEveryMs = 2_000;
/** A disk that does not answer must not hold up a start. */
const announceMsMax = 1_000;

interface ControlEndpointOptions {
  readonly start: Pick<
    ControlStart,
    'configPath' | 'generation' | 'controlPorts' | 'listenDescriptors' | 'runtimeFolder' | 'proxyPort'
  >;
  readonly config: () => Config;
  readonly clock: Clock;
  readonly events: Pick<EventLog, 'add'>;
  readonly version: string;
  readonly log: (line: LogLine) => void;
  readonly post: (message: FromControl) => void;
}

export class ControlEndpoint {
  readonly listener: ApiListener;
  readonly credentials: Credentials;
  readonly #options: ControlEndpointOptions;
  #bound: readonly BoundListener[] = [];
  #looking: NodeJS.Timeout | null = null;
  #announced = '';
  #isClosing = false;

  constructor(options: ControlEndpointOptions) {
    const { config, clock, events, start } = options;
    this.#options = options;
    this.listener = new ApiListener({ events, monotonicMs: clock.monotonicMs });
    this.credentials = new Credentials({ config, events, runtimeFolder: start.runtimeFolder });
  }

  /** Everything of this process that listens on a port, with the ports that the system chose. */
  get ownListeners(): readonly OwnListener[] {
    const { listen } = this.#options.config();
    const { proxyPort } = this.#options.start;
    const bound = this.#bound.flatMap(({ listener, port }) =>
      listener.kind === 'tcp' && port !== null
        ? [{ name: 'listen.control', address: { host: listener.host, port } }]
        : [],
    );
    return [...tcpListeners({ ...listen, proxy: { ...listen.proxy, port: proxyPort } }), ...bound];
  }

  /**
   * Binds every listener; false when that can't be. A first thread gives up, and with it the process, because
   * an operator is watching; a replacement goes on as soon as it has one, and keeps trying for the others,
   * because the rollout it controls must go on.
   */
  async listen(): Promise<boolean> {
    const { config, start } = this.#options;
    const targets = listenTargets(config().listen.control, start.listenDescriptors, start.controlPorts);
    let missing = await this.#bind(targets);
    if (start.generation === 0) return missing.length === 0;
    while (this.#bound.length === 0 && !this.#isClosing) {
      await delay(listenRetryMs);
      missing = await this.#bind(missing.map(withoutChosenPort));
    }
    if (missing.length > 0) void this.#bindLater(missing);
    return !this.#isClosing;
  }

  async #bindLater(targets: readonly ListenTarget[]): Promise<void> {
    let missing = targets;
    while (missing.length > 0 && !this.#isClosing) {
      await delay(listenRetryMs, undefined, { ref: false });
      missing = await this.#bind(missing.map(withoutChosenPort));
    }
    await this.#announce();
  }

  /** Returns those that can't be bound now. */
  async #bind(targets: readonly ListenTarget[]): Promise<readonly ListenTarget[]> {
    const missing: ListenTarget[] = [];
    for (const target of targets) {
      if (this.#isClosing) return [];
      try {
        this.#bound = [...this.#bound, await this.listener.listen(target)];
      } catch (error) {
        this.#tellMissing(error);
        missing.push(target);
        // A first thread is over then.
        if (this.#options.start.generation === 0) return missing;
      }
    }
    return missing;
  }

  #tellMissing(error: unknown): void {
    const { code = 'UNKNOWN', message } = error as NodeJS.ErrnoException;
    const { start, post, log } = this.#options;
    if (start.generation === 0) post({ type: 'failed-to-start', code, message });
    else
      log({ level: 'error', message: 'the control API cannot listen yet', fields: { code, error: message } });
  }

  /** Reads or makes what callers show. */
  async prepare(): Promise<void> {
    await this.credentials.look();
  }

  /** Answers requests from now on. Whoever is told that it does can be found by then. */
  async open(): Promise<void> {
    this.listener.open();
    this.#looking = setInterval(() => void this.look(), lookEveryMs);
    this.#looking.unref();
    await Promise.race([this.#announce(), delay(announceMsMax, undefined, { ref: false })]);
    const tcp = this.#bound.flatMap(({ port }) => (port === null ? [] : [port]));
    const addresses = this.#bound.map(({ address }) => address);
    this.#options.post({ type: 'ready', controlPorts: tcp, controlAddresses: addresses });
  }

  /** Takes over what has changed in files, and in the configuration. */
  async look(): Promise<void> {
    await Promise.all([this.credentials.look(), this.listener.renewCertificates()]);
    await this.#announce();
  }

  /** Nothing depends on it: a folder that can't be written costs a command an option. */
  async #announce(): Promise<void> {
    const { start, version, clock } = this.#options;
    const { runtimeFolder, configPath } = start;
    if (runtimeFolder === null || this.#isClosing) return;
    const control = this.#bound.map(({ listener, address, port }) => ({
      url:
        listener.kind === 'tcp' && isWildcard(listener.host)
          ? address.replace(/\/\/.*$/, `//127.0.0.1:${port}`)
          : address,
      certificate: this.listener.certificateOf(address),
    }));
    const { madeTokenFile: tokenFile } = this.credentials;
    const about = JSON.stringify([control, tokenFile]);
    if (about === this.#announced) return;
    this.#announced = about;
    const where = { configFile: resolve(configPath), workingDirectory: process.cwd() };
    const instance = {
      pid: process.pid,
      version,
      startedAtMs: clock.epochMs(),
      ...where,
      control,
      tokenFile,
    };
    await announceInstance(runtimeFolder, instance).catch((error: Error) => {
      const message = 'commands on this machine have to be told where the control API is';
      this.#options.log({ level: 'warn', message, fields: { folder: runtimeFolder, error: error.message } });
    });
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#looking !== null) clearInterval(this.#looking);
    const { runtimeFolder } = this.#options.start;
    await this.listener.close();
    if (runtimeFolder !== null) withdrawInstance(runtimeFolder, process.pid);
  }
}

/** A port that the system chose may be somebody else's by now; then any other is better than none. */
function withoutChosenPort(target: ListenTarget): ListenTarget {
  return target.listener.kind === 'tcp' && target.port !== undefined
    ? { ...target, port: target.listener.port }
    : target;
}
