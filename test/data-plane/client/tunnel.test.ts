import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ListLink } from '#src/data-plane/base/intrusive-list.ts';
import { TimerWheel } from '#src/data-plane/base/timer-wheel.ts';
import { ClientRegistry, type Closable } from '#src/data-plane/client/client-registry.ts';
import { Quiet } from '#src/data-plane/client/connection-states.ts';
import { openTunnel } from '#src/data-plane/client/tunnel.ts';
import type { Socket, SocketOwner } from '#src/data-plane/transport/socket.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { tunnelHalfClosedMs } from '#src/limits.ts';
import { slabLength, WORKER } from '#src/shared-memory/layout.ts';

const tunnelIdleMs = 3_600_000;
const tickMs = 100;
const nobody: SocketOwner = { onBytes() {}, onEnd() {}, onDrained() {}, onFailed() {} };

function fakeSocket(): Socket & { shutdowns: number } {
  return {
    owner: nobody,
    remoteAddress: '',
    isOpen: true,
    hasPendingWrites: false,
    pendingBytes: 0,
    shutdowns: 0,
    write: () => true,
    writeShared: () => true,
    pause() {},
    resume() {},
    shutdown() {
      this.shutdowns++;
    },
    destroy() {},
    reset() {},
  };
}

class FakeConnection implements Closable {
  readonly quiet = Quiet.never;
  readonly quietSinceMs = 0;
  readonly node = null;
  readonly openLink: ListLink<Closable> = new ListLink<Closable>(this);
  readonly isIdle = false;
  cut(): boolean {
    return true;
  }

  giveWay(): void {}
  giveUpY(): void {}
}

function open() {
  const slab = new Float64Array(slabLength);
  const wheel = new TimerWheel(tickMs, 0, (error) => {
    throw error;
  });
  const runtime = { slab, wheel, config: { timeouts: { tunnelIdleMs } } } as unknown as WorkerRuntime;
  const registry = new ClientRegistry(slab, [slab]);
  const connection = new FakeConnection();
  registry.add(connection);
  const [client, upstream] = [fakeSocket(), fakeSocket()];
  openTunnel(runtime, registry, connection, client, upstream, Buffer.alloc(0), null);
  const advanceBy = (ms: number): void => {
    for (const until = wheel.nowMs + ms; wheel.nowMs < until; ) wheel.advance(wheel.nowMs + tickMs);
  };
  return { client, upstream, advanceBy, isOpen: () => slab[WORKER.tunnelsOpen] === 1 };
}

describe('a tunnel', () => {
  it('stays while nothing goes through it, as long as both sides are there', () => {
    const { advanceBy, isOpen } = open();
    advanceBy(2 * tunnelHalfClosedMs);
    assert.ok(isOpen());
  });

  it('ends soon after one side did, unless the other still sends', () => {
    const { client, upstream, advanceBy, isOpen } = open();
    client.owner.onEnd();
    assert.equal(upstream.shutdowns, 1);
    for (let count = 0; count < 3; count++) {
      advanceBy(0.8 * tunnelHalfClosedMs);
      upstream.owner.onBytes(Buffer.from('more'), 4);
    }
    assert.ok(isOpen());
    advanceBy(tunnelHalfClosedMs + 3 * tickMs);
    assert.equal(isOpen(), false);
  });

  it('goes on while a slow reader takes what the open side sent, and cuts it when it takes nothing more', () => {
    const { client, upstream, advanceBy, isOpen } = open();
    upstream.owner.onEnd();
    const resets: string[] = [];
    client.reset = () => resets.push('client');
    for (let waiting = 5; waiting > 0; waiting--) {
      Object.assign(client, { pendingBytes: waiting * 1_000 });
      advanceBy(tunnelHalfClosedMs + 3 * tickMs);
      assert.ok(isOpen(), `${waiting} thousand bytes wait`);
    }
    advanceBy(tunnelHalfClosedMs + 3 * tickMs);
    assert.equal(isOpen(), false);
    assert.deepEqual(resets, ['client'], 'what is cut does not look complete');
  });
});
