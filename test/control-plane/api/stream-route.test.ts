import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '#src/base/clock.ts';
import type { ApiContext } from '#src/control-plane/api/api-context.ts';
import { createControlApi } from '#src/control-plane/api/server.ts';
import { streamBacklogBytesMax } from '#src/control-plane/api/stream-route.ts';
import { EventLog } from '#src/control-plane/events/event-log.ts';
import { ApiListener } from '#src/control-plane/listening/api-listener.ts';
import { untilByTurns } from '../../support/until.ts';

test('stream drops a client that does not read, and keeps one that does', async (t) => {
  const events = new EventLog({ epochMs: () => 0, log: () => {} });
  const context = {
    version: '0.0.0',
    clock: systemClock,
    config: () => ({ listen: { control: [] }, control: { hosts: [], url: null } }),
    credentials: { principalOf: () => ({ name: 'anybody', role: 'read' }) },
    events,
    status: () => ({ phase: 'idle' }),
  };
  const listener = new ApiListener({ events, monotonicMs: systemClock.monotonicMs });
  const { port } = await listener.listen({
    listener: { kind: 'tcp', host: '127.0.0.1', port: 0, tls: null },
  });
  assert.ok(port !== null);
  const { app } = await createControlApi(context as unknown as ApiContext, listener);
  listener.open();
  t.after(async () => {
    await app.close();
    await listener.close();
  });
  const follow = async () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer any\r\n\r\n');
    await once(socket, 'readable');
    return socket;
  };
  const reading = await follow();
  let readBytes = 0;
  reading.on('data', (chunk: Buffer) => {
    readBytes += chunk.length;
  });
  await follow();
  const connections = async () => listener.connectionCount;
  const text = 'x'.repeat(streamBacklogBytesMax / 16);
  let sent = 0;
  while ((await connections()) === 2) {
    events.add({ name: 'test', text });
    assert.ok(++sent < 10_000, 'a client that reads nothing was sent 160 MB');
    const wantedBytes = sent * text.length;
    await untilByTurns(
      () => readBytes >= wantedBytes,
      `${wantedBytes} bytes`,
      () => readBytes,
    );
  }
  assert.equal(await connections(), 1);
  assert.equal(reading.destroyed, false);
});
