import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import {
  failedLoginRefillMs,
  failedLoginsMax,
  failedPeersMax,
  LoginLimiter,
  refusalHeldMs,
  refusalsHeldMax,
} from '#src/control-plane/access/login-limiter.ts';
import { startControl } from '../support/control-rig.ts';

test('login limiter lets a peer fail a few times and then makes it wait', () => {
  const limiter = new LoginLimiter();
  for (let count = 0; count < failedLoginsMax; count++) assert.equal(limiter.fail('a', 1_000), 0);
  assert.equal(limiter.fail('a', 1_000), failedLoginRefillMs);
  assert.equal(limiter.waitMs('b', 1_000), 0);
  assert.equal(limiter.waitMs('a', 1_000 + failedLoginRefillMs - 1), 1);
  assert.equal(limiter.waitMs('a', 1_000 + failedLoginRefillMs), 0);
});

test('login limiter never makes a peer wait longer than one refill, however often it fails', () => {
  const limiter = new LoginLimiter();
  for (let count = 0; count < 1_000; count++) limiter.fail('a', 1_000);
  assert.equal(limiter.waitMs('a', 1_000), failedLoginRefillMs);
});

test('login limiter forgets the oldest peer when it knows too many', () => {
  const limiter = new LoginLimiter();
  for (let peer = 0; peer < failedPeersMax + 10; peer++) limiter.fail(`peer ${peer}`, 1_000);
  assert.equal(limiter.peerCount, failedPeersMax);
});

test('login limiter holds so many refusals back and no more', async () => {
  const limiter = new LoginLimiter();
  const waits: number[] = [];
  const end = Promise.withResolvers<void>();
  const wait = (ms: number): Promise<void> => {
    waits.push(ms);
    return end.promise;
  };
  const held = Array.from({ length: refusalsHeldMax }, () => limiter.hold(wait));
  await limiter.hold(wait);
  assert.deepEqual(waits, Array(refusalsHeldMax).fill(refusalHeldMs), 'the last one was not held back');
  end.resolve();
  await Promise.all(held);
  await limiter.hold(wait);
  assert.equal(waits.length, refusalsHeldMax + 1);
});

for (const [where, controlHost] of [
  ['on this machine', '127.0.0.1'],
  ['on another address', '0.0.0.0'],
] as const)
  test(`the right token is taken ${where} while wrong ones from the same address are refused`, async (t) => {
    const address = Object.values(networkInterfaces())
      .flat()
      .find((entry) => entry !== undefined && !entry.internal && entry.family === 'IPv4')?.address;
    if (controlHost !== '127.0.0.1' && address === undefined)
      return t.skip('this machine has no address but loopback');
    const token = 'the-right-token-of-an-operator';
    const rig = await startControl(t, { token, controlHost });
    const url = controlHost === '127.0.0.1' ? rig.url : rig.url.replace('127.0.0.1', address ?? '');
    const ask = (given: string) =>
      fetch(`${url}/v1/status`, { headers: { authorization: `Bearer ${given}` } });
    const statuses: number[] = [];
    for (let count = 0; count < failedLoginsMax + 2; count++) statuses.push((await ask('guess')).status);
    assert.deepEqual(statuses, [...Array(failedLoginsMax).fill(401), 429, 429]);
    const guesses = Array.from({ length: 20 }, () => ask(`guess`));
    assert.equal((await ask(token)).status, 200, 'beside refusals that are held back');
    for (const limited of await Promise.all(guesses)) {
      assert.equal(limited.status, 429);
      assert.ok(Number(limited.headers.get('retry-after')) >= 1);
      assert.equal(((await limited.json()) as { code: string }).code, 'too_many_attempts');
    }
    assert.equal((await ask(token)).status, 200);
    const { events } = (await rig.call('GET', '/v1/events')).json;
    const told = events.filter(({ name }: { name: string }) => name === 'logins-refused');
    assert.equal(told.length, 1, 'told once, not for every guess');
  });
