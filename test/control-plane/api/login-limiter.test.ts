import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import {
  failedLoginRefillMs,
  failedLoginsMax,
  failedPeersMax,
  LoginLimiter,
} from '#src/control-plane/api/login-limiter.ts';
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

test('a limited peer on another address is refused with the right token as well', async (t) => {
  const address = Object.values(networkInterfaces())
    .flat()
    .find((entry) => entry !== undefined && !entry.internal && entry.family === 'IPv4')?.address;
  if (address === undefined) return t.skip('this machine has no address but loopback');
  const rig = await startControl(t, { token: 'secret', controlHost: '0.0.0.0' });
  const url = rig.url.replace('127.0.0.1', address);
  const status = async (token: string) =>
    (await fetch(`${url}/v1/status`, { headers: { authorization: `Bearer ${token}` } })).status;
  assert.equal(await status('secret'), 200);
  for (let count = 0; count <= failedLoginsMax; count++) await status('guess');
  assert.equal(await status('guess'), 429);
  assert.equal(await status('secret'), 429);
  assert.equal((await rig.call('GET', '/v1/status')).status, 200);
});
