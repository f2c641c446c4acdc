import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '#src/core/routing/client-address.ts';
import { PeerDirectory } from '#src/data-plane/base/peer-directory.ts';
import { ClientIdentity } from '#src/data-plane/client/client-identity.ts';
import { FakePlane } from '../../support/fake-plane.ts';
import { headOf } from '../../support/recording-client.ts';

/** For whom a request is with these lines, from a peer of the trusted 10.0.0.0/8 unless told otherwise. */
function clientOf(lines: string, peerAddress = '10.0.0.9'): string {
  const trusted = parseCidr('10.0.0.0/8');
  assert.ok(trusted !== null);
  const { runtime } = new FakePlane({ routing: { trustedProxies: [trusted] } });
  const identity = new ClientIdentity(runtime);
  const text = `GET / HTTP/1.1\r\nHost: h\r\n${lines}\r\n`;
  const peer = new PeerDirectory([trusted], 8000).find(peerAddress);
  return identity.addressBehind(peer, headOf(text, runtime), Buffer.from(text, 'latin1'));
}

test('all lines of X-Forwarded-For are one list, of which the last address counts that is no proxy', () => {
  const forged = 'X-Forwarded-For: 198.51.100.7\r\n';
  assert.equal(clientOf(forged), '198.51.100.7');
  assert.equal(clientOf(`${forged}X-Other: 1\r\nx-forwarded-for: 192.0.2.1\r\n`), '192.0.2.1');
  assert.equal(clientOf(`${forged}X-Forwarded-For: 192.0.2.1, 10.0.0.3\r\n`), '192.0.2.1');
  assert.equal(
    clientOf(`${forged}X-Forwarded-For: 10.0.0.4\r\nX-Forwarded-For: 10.0.0.3\r\n`),
    '198.51.100.7',
  );
});

test('without such a line, and from a peer that is not trusted, the peer is the client', () => {
  assert.equal(clientOf(''), '10.0.0.9');
  assert.equal(clientOf('X-Forwarded-For: 198.51.100.7\r\n', '203.0.113.5'), '203.0.113.5');
});
