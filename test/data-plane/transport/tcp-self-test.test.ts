// The self-test of Node's TCP handles: they pass it, and what a newer Node may get wrong is found.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadTcpBinding, type TcpHandle } from '#src/data-plane/transport/tcp-binding.ts';
import { tcpHandleProblem } from '#src/data-plane/transport/tcp-self-test.ts';

const binding = loadTcpBinding();
assert.ok(binding !== null);
const handle = binding.createHandle();

/** The prototype of all handles that has the method. */
function ownerOf(name: keyof TcpHandle): TcpHandle {
  let owner: unknown = Object.getPrototypeOf(handle);
  while (!Object.hasOwn(owner as object, name)) owner = Object.getPrototypeOf(owner);
  return owner as TcpHandle;
}

/** What the self-test says while a method of all handles does something else. */
async function problemWith<K extends keyof TcpHandle>(name: K, other: TcpHandle[K]): Promise<string | null> {
  const owner = ownerOf(name);
  const usual = Object.getOwnPropertyDescriptor(owner, name);
  assert.ok(usual !== undefined);
  Object.defineProperty(owner, name, { ...usual, value: other });
  try {
    return await tcpHandleProblem();
  } finally {
    Object.defineProperty(owner, name, usual);
  }
}

test("Node's TCP handles pass their self-test", async () => {
  assert.equal(await tcpHandleProblem(), null);
});

test('the self-test finds out when a handle cannot connect', async () => {
  assert.equal(
    await problemWith('connect', () => -111),
    'a connection over loopback fails with ECONNREFUSED',
  );
});

test('the self-test finds out when a handle lacks a function', async () => {
  const missing = undefined as unknown as TcpHandle['reset'];
  assert.equal(await problemWith('reset', missing), 'they do not have the functions that are needed');
});

test('the self-test finds out when a handle does not name its peer', async () => {
  assert.equal(await problemWith('getpeername', () => -1), 'they do not name the peer');
});

test('the self-test finds out when what comes in lands elsewhere', async () => {
  const usual = handle.useUserBuffer;
  const elsewhere = function (this: TcpHandle, buffer: Buffer): void {
    usual.call(this, Buffer.alloc(buffer.length));
  };
  assert.equal(await problemWith('useUserBuffer', elsewhere), 'what comes in is not what was sent');
});
