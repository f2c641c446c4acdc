import assert from 'node:assert/strict';
import { Server } from 'node:net';
import { it } from 'node:test';
import type { ClientRegistry } from '#src/data-plane/client/client-registry.ts';
import { Listener } from '#src/data-plane/client/listener.ts';
import { ExchangePool } from '#src/data-plane/exchange-pool.ts';
import { RawSocketEnvironment } from '#src/data-plane/transport/raw-socket.ts';
import { loadTcpBinding, type TcpHandle } from '#src/data-plane/transport/tcp-binding.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { shortageOffset, slabLength } from '#src/shared-memory/layout.ts';
import type { LogLine } from '#src/shared-memory/messages.ts';
import { Signal } from '../../support/signal.ts';
import { WireClient } from '../../support/wire-client.ts';

const connections = 10;
const invalidArgument = -22;

it('a listener far beyond its limit closes a connection that the system does not reset', async (t) => {
  const binding = loadTcpBinding();
  assert.ok(binding !== null);
  const runtime = {
    clientEnvironment: new RawSocketEnvironment(binding, Buffer.alloc(1), () => {}),
    config: { limits: { connections } },
    slab: new Float64Array(slabLength),
  };
  const registry = { totalOpen: 2 * connections };
  const listener = new Listener(
    runtime as unknown as WorkerRuntime,
    registry as unknown as ClientRegistry,
    new ExchangePool(runtime as unknown as WorkerRuntime),
    { forClient: () => false },
  );
  const { port } = await listener.bind({ host: '127.0.0.1', port: 0 }, false);
  t.after(() => listener.close());
  const handles: { reset: TcpHandle['reset'] } = Object.getPrototypeOf(binding.createHandle());
  const reset = t.mock.method(handles, 'reset', () => invalidArgument);
  const signal = new Signal();
  const client = new WireClient(port, [], signal.notify);
  t.after(() => client.socket.destroy());
  await signal.until(() => client.ended, 'the connection to be closed all the same');
  assert.equal(reset.mock.callCount(), 1);
});

it('a listener counts an accept that a shortage of ours fails, and logs others once a minute with their number', async (t) => {
  const log: LogLine[] = [];
  const slab = new Float64Array(slabLength);
  const runtime = { clientEnvironment: null, slab, log: (line: LogLine) => log.push(line) };
  const listener = new Listener(
    runtime as unknown as WorkerRuntime,
    {} as unknown as ClientRegistry,
    new ExchangePool(runtime as unknown as WorkerRuntime),
    { forClient: () => false },
  );
  const listens = t.mock.method(Server.prototype, 'listen');
  await listener.bind({ host: '127.0.0.1', port: 0 }, false);
  t.after(() => listener.close());
  const server = listens.mock.calls[0]?.this as Server;
  const fail = (code: string) => server.emit('error', Object.assign(new Error(code), { code }));
  for (const code of ['EMFILE', 'ENFILE', 'ENOMEM', 'EPROTO', 'EPROTO']) fail(code);
  assert.equal(slab[shortageOffset('accept', 'descriptors')], 2);
  assert.equal(slab[shortageOffset('accept', 'memory')], 1);
  assert.deepEqual(
    log.map(({ fields }) => fields),
    [{ code: 'EPROTO', count: 1 }],
  );
  listener.lookForDescriptor();
  assert.equal(slab[shortageOffset('accept', 'descriptors')], 2, 'there are descriptors');
});
