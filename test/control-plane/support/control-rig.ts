// A control thread in this process: real API on an ephemeral port, real store in a temporary folder, shared
// memory that the test writes counters into, and a supervisor that only answers.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { request } from 'undici';
import { parseConfig } from '#src/config/load.ts';
import { ControlThread } from '#src/control-plane/control-thread.ts';
import { StoreThreadPort } from '#src/control-plane/store/store-thread-port.ts';
import { assignSlots } from '#src/core/routing/node-slots.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import type {
  FromControl,
  HandOver,
  NodeAssignments,
  ReloadResult,
  RequestSample,
  ToControl,
} from '#src/shared-memory/messages.ts';
import { createSharedMemory, type SharedMemory } from '#src/shared-memory/shared-memory.ts';
import { controlToken } from '../../support/control.ts';
import { orHang } from '../../support/until.ts';
import { quickFolder } from './temp-folder.ts';

export interface RigOptions {
  /** YAML appended to the config. */
  readonly yaml?: string;
  /** Settings of the store after its file. */
  readonly storeYaml?: string;
  /** A token of the tests unless told otherwise; null: none is configured. */
  readonly token?: string | null;
  readonly runtimeFolder?: string;
  /** `control.url` */
  readonly publicUrl?: string;
  readonly memory?: SharedMemory;
  readonly generation?: number;
  readonly database?: string;
  readonly nodes?: { readonly x: readonly number[]; readonly y: readonly number[] };
  readonly reload?: ReloadResult;
  readonly controlHost?: string;
  readonly handedOver?: HandOver;
  /** `listen.control` as it is written; the first one is asked. */
  readonly control?: string;
  /** How long the store's thread waits for another process' lock: long enough, and it hangs. */
  readonly busyTimeoutMs?: number;
  /** What the workers answer when asked for the requests they remember; `never` leaves the question open. */
  readonly samples?: readonly RequestSample[] | 'never';
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  readonly json: any;
}

export interface Call {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ControlRig {
  readonly memory: SharedMemory;
  readonly database: string;
  readonly url: string;
  readonly posted: readonly FromControl[];
  call(method: string, path: string, call?: Call): Promise<Answer>;
  tell(message: ToControl): void;
  /** Resolves with the first message, past or future, that matches. */
  untilPosted<T extends FromControl>(matches: (message: FromControl) => message is T): Promise<T>;
  /** Resolves when an event with this name has been announced, for the `number`th time. */
  untilEvent(name: string, number?: number): Promise<void>;
  stop(): Promise<void>;
}

/** A backend that answers every request with a status; returns its port. */
export async function backend(t: TestContext, status: () => number = () => 200): Promise<number> {
  const server = createServer((_request, response) => response.writeHead(status()).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

const isReady = (message: FromControl): message is Extract<FromControl, { type: 'ready' }> =>
  message.type === 'ready';
const isStopped = (message: FromControl): message is Extract<FromControl, { type: 'stopped' }> =>
  message.type === 'stopped';

export async function startControl(t: TestContext, options: RigOptions = {}): Promise<ControlRig> {
  const database = options.database ?? join(quickFolder(t), 'crossover.db');
  const config = configOf(options, database);
  const memory = options.memory ?? createSharedMemory(1);
  const slab = new Float64Array(memory.slabs[0] as SharedArrayBuffer);
  slab[WORKER.heartbeat] = 1;
  slab[WORKER.listening] = 1;
  let nodes: NodeAssignments = { x: wanted(config.clusters.x.nodes), y: wanted(config.clusters.y.nodes) };
  const posted: FromControl[] = [];
  const waiting = new Set<(message: FromControl) => void>();
  const post = (message: FromControl): void => {
    posted.push(message);
    for (const listener of waiting) listener(message);
    if (message.type === 'set-nodes') {
      const { requestId, cluster } = message;
      nodes = { ...nodes, [cluster]: assignSlots(nodes[cluster], message.nodes) };
      queueMicrotask(() => thread.receive({ type: 'nodes-applied', requestId, nodes, problem: null }));
    }
    if (message.type === 'report-samples' && options.samples !== 'never') {
      const { requestId } = message;
      const samples = options.samples ?? [];
      queueMicrotask(() => thread.receive({ type: 'samples', requestId, samples }));
    }
    if (message.type === 'reload') {
      const result = options.reload ?? { ok: true, configRevision: 2, changed: [], warnings: [] };
      queueMicrotask(() => thread.receive({ type: 'reload-result', requestId: message.requestId, result }));
    }
  };
  const untilPosted = <T extends FromControl>(
    matches: (message: FromControl) => message is T,
    what = `a message of the thread: ${matches}`,
  ): Promise<T> => {
    const { promise, resolve } = Promise.withResolvers<T>();
    const past = posted.find(matches);
    if (past !== undefined) return Promise.resolve(past);
    const listener = (message: FromControl): void => {
      if (!matches(message)) return;
      waiting.delete(listener);
      resolve(message);
    };
    waiting.add(listener);
    return orHang(promise, what, () => posted.slice(-10));
  };
  const thread = new ControlThread(
    {
      config,
      configRevision: 1,
      nodes,
      memory,
      configPath: 'test.yaml',
      generation: options.generation ?? 0,
      controlPorts: [],
      listenDescriptors: [],
      proxyPort: config.listen.proxy.port,
      runtimeFolder: options.runtimeFolder ?? null,
      handedOver: options.handedOver ?? null,
      routes: { kind: 'derived', routes: [] },
    },
    post,
    options.busyTimeoutMs === undefined ? undefined : hangingPort(options.busyTimeoutMs),
  );
  let stopped: Promise<unknown> | null = null;
  const stop = async (): Promise<void> => {
    if (stopped === null) {
      stopped = untilPosted(isStopped);
      thread.receive({ type: 'stop' });
    }
    await stopped;
  };
  t.after(stop);
  await thread.run();
  const failed = posted.find(({ type }) => type === 'failed-to-start');
  assert.equal(failed, undefined, JSON.stringify(failed));
  const { controlAddresses } = await untilPosted(isReady);
  const url = (controlAddresses.find((address) => address.startsWith('http')) ?? '').replace(
    '0.0.0.0',
    '127.0.0.1',
  );
  const call = async (method: string, path: string, { body, headers = {} }: Call = {}): Promise<Answer> => {
    const typed = body === undefined ? headers : { 'content-type': 'application/json', ...headers };
    const { token = controlToken } = options;
    const authorized = token === null ? typed : { authorization: `Bearer ${token}`, ...typed };
    const response = await request(url + path, {
      method: method as 'GET',
      headers: authorized,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.body.text();
    const isJson = /json/.test(String(response.headers['content-type']));
    return {
      status: response.statusCode,
      headers: response.headers,
      text,
      json: isJson && text !== '' ? JSON.parse(text) : null,
    };
  };
  const untilEvent = async (name: string, number = 1): Promise<void> => {
    const seen = new Set<FromControl>();
    await untilPosted((message): message is Extract<FromControl, { type: 'log' }> => {
      if (message.type === 'log' && message.line.fields.event === name) seen.add(message);
      return seen.size >= number;
    }, `${number} events ${name}`);
  };
  return {
    memory,
    database,
    url,
    posted,
    call,
    tell: (message) => thread.receive(message),
    untilPosted,
    untilEvent,
    stop,
  };
}

const hangingPort = (busyTimeoutMs: number) => (file: string) =>
  new StoreThreadPort({ file, busyTimeoutMs, keyFile: null });

function configOf(
  {
    yaml = '',
    storeYaml = '',
    token = controlToken,
    publicUrl,
    nodes,
    controlHost = '127.0.0.1',
    control = `${controlHost}:0`,
  }: RigOptions,
  database: string,
) {
  const urls = (ports: readonly number[]): string =>
    ports.map((port) => `http://127.0.0.1:${port}`).join(', ');
  const text = `
listen: { proxy: 127.0.0.1:8000, control: ${control} }
workers: 1
clusters:
  x: { label: old, nodes: [${urls(nodes?.x ?? [1])}] }
  y: { label: new, nodes: [${urls(nodes?.y ?? [2])}] }
store: { sqlite: ${database}${storeYaml} }
${token === null ? '' : `control: { token: ${token}${publicUrl === undefined ? '' : `, url: "${publicUrl}"`} }`}
${yaml}`;
  const loaded = parseConfig(text, 'test.yaml', {});
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.config;
}

const wanted = (nodes: readonly { id: string; host: string; port: number }[]) =>
  assignSlots(
    [],
    nodes.map((node) => ({ ...node, draining: false })),
  );
