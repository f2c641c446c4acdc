import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RequestIds } from '#src/data-plane/base/request-ids.ts';

describe('RequestIds', () => {
  it('makes 32 hexadecimal digits that never repeat', () => {
    const ids = new RequestIds();
    const seen = new Set<string>();
    for (let count = 0; count < 70_000; count++) seen.add(Buffer.from(ids.next()).toString('latin1'));
    assert.equal(seen.size, 70_000);
    for (const id of seen) assert.match(id, /^[0-9a-f]{32}$/);
  });

  it('differs between workers', () => {
    const prefix = () => Buffer.from(new RequestIds().next()).toString('latin1').slice(0, 20);
    assert.notEqual(prefix(), prefix());
  });
});
