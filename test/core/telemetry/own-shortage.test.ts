import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { proxyErrors } from '#src/base/error-catalog.ts';
import { ownResources, shortageError, shortResource } from '#src/core/telemetry/own-shortage.ts';

describe('a shortage of ours', () => {
  it('is told from a failure of a node by the system error', () => {
    const resources = ['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'EADDRINUSE', 'EAGAIN', 'ENOBUFS', 'ENOMEM'].map(
      shortResource,
    );
    assert.deepEqual(resources, [
      'descriptors',
      'descriptors',
      'ports',
      'ports',
      'ports',
      'memory',
      'memory',
    ]);
    for (const code of [
      'ECONNREFUSED',
      'ECONNRESET',
      'ETIMEDOUT',
      'EHOSTUNREACH',
      'ECONNABORTED',
      'deadline',
    ])
      assert.equal(shortResource(code), null, code);
  });

  it('is answered with 503, is our fault, and is charged to no cluster', () => {
    for (const resource of ownResources) {
      const { status, fault, kind } = proxyErrors[shortageError(resource)];
      assert.deepEqual({ status, fault, kind }, { status: 503, fault: 'crossover', kind: null });
    }
  });
});
