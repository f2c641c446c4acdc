import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ATTEMPT, X, Y } from '#src/shared-memory/layout.ts';
import { startDataPlane } from '../support/data-plane-assembly.ts';
import { bodyOf } from '../support/strict-stream.ts';

const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`;

describe('an exchange', () => {
  it('goes to the cluster that the split says, and is counted there', async (t) => {
    const plane = await startDataPlane(t);
    const client = await plane.connect();
    client.socket.write(get('/first'));
    await plane.until('the first answer', () => client.finals().length === 1);
    plane.split(1_000_000);
    client.socket.write(get('/second'));
    await plane.until('the second answer', () => client.finals().length === 2);
    assert.deepEqual(
      [plane.x, plane.y].map(({ requests }) => requests.map(({ message }) => message.target)),
      [['/first'], ['/second']],
    );
    assert.deepEqual(
      client.finals().map((answer) => bodyOf(answer).toString()),
      ['GET /first', 'GET /second'],
    );
    assert.equal(plane.attempts(Y, ATTEMPT.status + 200), 1);
    assert.equal(plane.attempts(X, ATTEMPT.status + 200), 0, 'in the epoch before');
    assert.deepEqual(plane.log, []);
  });
});
