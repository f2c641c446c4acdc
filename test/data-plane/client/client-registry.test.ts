import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ListLink } from '#src/data-plane/base/intrusive-list.ts';
import { ClientRegistry, type Closable } from '#src/data-plane/client/client-registry.ts';
import { Quiet } from '#src/data-plane/client/connection-states.ts';
import { slabLength, WORKER } from '#src/shared-memory/layout.ts';

class FakeConnection implements Closable {
  readonly quiet = Quiet.never;
  readonly quietSinceMs = 0;
  readonly node = null;
  readonly openLink: ListLink<Closable> = new ListLink<Closable>(this);
  readonly isIdle: boolean;
  readonly #onCut: () => void;
  cuts = 0;

  constructor(isIdle: boolean, onCut: () => void = () => {}) {
    this.isIdle = isIdle;
    this.#onCut = onCut;
  }

  cut(): boolean {
    this.cuts++;
    this.#onCut();
    return !this.isIdle;
  }

  giveWay(): void {}
  giveUpY(): void {}
}

const newSlab = () => new Float64Array(slabLength);

function registryWith(...connections: readonly Closable[]): { registry: ClientRegistry; slab: Float64Array } {
  const slab = newSlab();
  const registry = new ClientRegistry(slab, [slab]);
  for (const connection of connections) registry.add(connection);
  return { registry, slab };
}

test('ClientRegistry counts a connection once when it leaves twice', () => {
  const [first, second] = [new FakeConnection(true), new FakeConnection(true)];
  const { registry, slab } = registryWith(first, second);
  registry.remove(first);
  registry.remove(first);
  assert.equal(registry.size, 1);
  assert.equal(slab[WORKER.connectionsOpen], 1);
});

test('ClientRegistry holds nothing of a connection, nor it of others, when it has left', () => {
  const [first, second, third] = [0, 1, 2].map(() => new FakeConnection(true));
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const { registry } = registryWith(first, second, third);
  registry.remove(second);
  assert.deepEqual([second.openLink.previous, second.openLink.next], [null, null]);
  assert.equal(first.openLink.next, third.openLink);
  assert.equal(third.openLink.previous, first.openLink);
});

test('ClientRegistry keeps the count when a tunnel takes the place of a connection', () => {
  const [connection, tunnel] = [new FakeConnection(false), new FakeConnection(false)];
  const { registry, slab } = registryWith(connection);
  registry.replace(connection, tunnel);
  assert.equal(registry.size, 1);
  registry.remove(connection);
  assert.equal(slab[WORKER.connectionsOpen], 1);
  assert.equal(registry.cutAll(), 1);
  assert.deepEqual([connection.cuts, tunnel.cuts], [0, 1]);
});

test('ClientRegistry adds up the connections of all workers', () => {
  const [own, other] = [newSlab(), newSlab()];
  other[WORKER.connectionsOpen] = 7;
  const registry = new ClientRegistry(own, [own, other]);
  registry.add(new FakeConnection(true));
  assert.equal(registry.totalOpen, 8);
});

test('ClientRegistry closes the idle ones and leaves the others when a drain begins', () => {
  const [idle, busy] = [new FakeConnection(true), new FakeConnection(false)];
  const { registry } = registryWith(idle, busy);
  registry.closeIdle();
  assert.deepEqual([idle.cuts, busy.cuts], [1, 0]);
});

test('ClientRegistry cuts every connection once when the first to be cut ends the next one', () => {
  const second = new FakeConnection(false, () => registry.remove(second));
  const first = new FakeConnection(false, () => {
    registry.remove(first);
    registry.remove(second);
  });
  const third = new FakeConnection(false, () => registry.remove(third));
  const { registry } = registryWith(first, second, third);
  registry.cutAll();
  assert.deepEqual([first.cuts, third.cuts], [1, 1]);
  assert.equal(registry.size, 0);
});
