import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ClientRegistry } from '#src/data-plane/client/client-registry.ts';
import { Listener } from '#src/data-plane/client/listener.ts';
import { ExchangePool } from '#src/data-plane/exchange-pool.ts';
import { RawSocketEnvironment } from '#src/data-plane/transport/raw-socket.ts';
import { loadTcpBinding, type TcpHandle } from '#src/data-plane/transport/tcp-binding.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { slabLength } from '#src/shared-memory/layout.ts';
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
