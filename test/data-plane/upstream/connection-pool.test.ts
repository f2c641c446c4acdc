import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deadlineCode } from '#src/core/telemetry/failure-cause.ts';
import { ListLink } from '#src/data-plane/base/intrusive-list.ts';
import { ConnectionPool, type Waiter } from '#src/data-plane/upstream/connection-pool.ts';
import type { UpstreamConnection } from '#src/data-plane/upstream/upstream-connection.ts';
import { connectsPerNodeMax, idleUpstreamPerNodeMax } from '#src/limits.ts';

const connection = { close: () => {} } as UpstreamConnection;

/** A pool whose connects are counted and end when the test says so. */
function createPool(): { pool: ConnectionPool; connects: () => number } {
  let connects = 0;
  const pool = new ConnectionPool(() => {
    connects++;
    pool.opened();
  });
  return { pool, connects: () => connects };
}

function failConnect(pool: ConnectionPool, code = 'ECONNREFUSED'): void {
  pool.closed();
  pool.connectFailed(code);
}

/** Somebody who waits and writes down what becomes of it. */
class RecordingWaiter implements Waiter {
  readonly waiterLink: ListLink<Waiter> = new ListLink<Waiter>(this);
  readonly #name: string;
  readonly #fates: string[];

  constructor(name: string, fates: string[]) {
    this.#name = name;
    this.#fates = fates;
  }

  useConnection(): void {
    this.#fates.push(`${this.#name} is served`);
  }

  connectFailed(code: string): void {
    this.#fates.push(`${this.#name}: ${code}`);
  }

  redispatch(code: string | null): void {
    this.#fates.push(`${this.#name} is redispatched${code === null ? '' : `: ${code}`}`);
  }

  heldUp(): void {
    this.#fates.push(`${this.#name} is held up`);
  }
}

function queue(pool: ConnectionPool, name: string, fates: string[]): Waiter {
  const waiter = new RecordingWaiter(name, fates);
  pool.wait(waiter);
  return waiter;
}

describe('those who wait for a connection to a node', () => {
  it('get what is given back in the order in which they came, although each has a connect under way', () => {
    const { pool, connects } = createPool();
    const fates: string[] = [];
    for (const name of ['first', 'second']) queue(pool, name, fates);
    assert.equal(connects(), 2);
    assert.deepEqual(
      [1, 2, 3].map(() => pool.serveWaiting(connection)),
      [true, true, false],
    );
    assert.deepEqual(fates, ['first is served', 'second is served']);
  });

  it('cause one connect each, as far as there is room for more', () => {
    const { pool, connects } = createPool();
    const fates: string[] = [];
    for (let index = 0; index < connectsPerNodeMax + 2; index++) queue(pool, `${index}`, fates);
    assert.equal(connects(), connectsPerNodeMax);
    pool.connected();
    assert.equal(pool.serveWaiting(connection), true);
    queue(pool, 'last', fates);
    assert.equal(connects(), connectsPerNodeMax + 1);
    assert.deepEqual(fates, ['0 is served']);
  });

  it('cause no connect for a connect that is under way for somebody who is served', () => {
    const { pool, connects } = createPool();
    queue(pool, 'first', []);
    pool.serveWaiting(connection);
    queue(pool, 'second', []);
    assert.equal(connects(), 1);
  });

  it('do not connect to a node that has all the connections it may have', () => {
    const { pool, connects } = createPool();
    pool.openMax = pool.openCount;
    queue(pool, 'first', []);
    assert.equal(connects(), 0);
    pool.closed();
    assert.equal(connects(), 1);
  });

  it('are redispatched when the node is to take no more requests, and those who left are not', () => {
    const { pool } = createPool();
    const fates: string[] = [];
    queue(pool, 'first', fates);
    pool.stopWaiting(queue(pool, 'second', fates));
    pool.redispatchWaiting(null);
    pool.redispatchWaiting(null);
    assert.deepEqual(fates, ['first is redispatched']);
    assert.equal(pool.waitingCount, 0);
  });

  it('lose one of them with each connect that fails, the one who came first', () => {
    const { pool } = createPool();
    const fates: string[] = [];
    for (const name of ['first', 'second', 'third']) queue(pool, name, fates);
    failConnect(pool);
    failConnect(pool, deadlineCode);
    assert.deepEqual(fates, ['first: ECONNREFUSED', 'second: deadline']);
    assert.equal(pool.waitingCount, 1);
  });

  it('beyond the connects under way are redispatched by a failed one, unless a connection is in use that will come free', () => {
    const { pool, connects } = createPool();
    const fates: string[] = [];
    pool.opened();
    for (let index = 0; index < connectsPerNodeMax + 2; index++) queue(pool, `${index}`, fates);
    failConnect(pool);
    assert.deepEqual(fates, ['0: ECONNREFUSED']);
    assert.equal(connects(), connectsPerNodeMax + 1);
    pool.closed(); // the one in use
    failConnect(pool);
    assert.deepEqual(fates.slice(1), [
      '1: ECONNREFUSED',
      `${connectsPerNodeMax + 1} is redispatched: ECONNREFUSED`,
    ]);
    assert.equal(pool.waitingCount, connectsPerNodeMax - 1);
  });

  it('leave in any order without losing the others', () => {
    const { pool } = createPool();
    const fates: string[] = [];
    const [first, second, third] = ['first', 'second', 'third'].map((name) => queue(pool, name, fates));
    for (const waiter of [second, third, second]) pool.stopWaiting(waiter as Waiter);
    queue(pool, 'fourth', fates);
    pool.stopWaiting(first as Waiter);
    pool.serveWaiting(connection);
    assert.equal(pool.serveWaiting(connection), false);
    assert.deepEqual(fates, ['fourth is served']);
  });

  it('get no connection of a node that drains', () => {
    const { pool } = createPool();
    queue(pool, 'first', []);
    pool.isClosing = true;
    assert.throws(() => queue(pool, 'second', []), /takes no further requests/);
    assert.equal(pool.serveWaiting(connection), false);
    assert.equal(pool.keepIdle(connection), false);
  });
});

describe('those who wait for a connection while a resource of ours is short', () => {
  it('are held up where a connection is in use that will come free, and cause no connect until the shortage may be over', () => {
    const { pool, connects } = createPool();
    const fates: string[] = [];
    pool.opened();
    for (const name of ['first', 'second']) queue(pool, name, fates);
    failConnect(pool, 'EMFILE');
    failConnect(pool, 'EMFILE');
    queue(pool, 'third', fates);
    assert.deepEqual(
      new Set(fates),
      new Set(['first', 'second', 'third'].map((name) => `${name} is held up`)),
    );
    assert.equal(pool.waitingCount, 3);
    assert.equal(connects(), 2);
    pool.serveWaiting(connection);
    assert.equal(fates.at(-1), 'first is served');
    pool.endShortage();
    assert.equal(connects(), 4, 'one for each who waits');
  });

  it('fail where none is in use, but for those for whom a connect is under way', () => {
    const { pool, connects } = createPool();
    const fates: string[] = [];
    for (let index = 0; index < connectsPerNodeMax + 2; index++) queue(pool, `${index}`, fates);
    failConnect(pool, 'EADDRNOTAVAIL');
    const failed = [connectsPerNodeMax + 1, connectsPerNodeMax, connectsPerNodeMax - 1];
    assert.deepEqual(
      fates.filter((fate) => fate.endsWith('EADDRNOTAVAIL')),
      failed.map((index) => `${index}: EADDRNOTAVAIL`),
    );
    assert.equal(pool.waitingCount, connectsPerNodeMax - 1);
    assert.equal(connects(), connectsPerNodeMax);
  });

  it('are all told when every connect fails', () => {
    const { pool } = createPool();
    const fates: string[] = [];
    for (const name of ['first', 'second']) queue(pool, name, fates);
    failConnect(pool, 'ENOBUFS');
    failConnect(pool, 'ENOBUFS');
    assert.deepEqual(
      fates.filter((fate) => fate.endsWith('ENOBUFS')),
      ['second: ENOBUFS', 'first: ENOBUFS'],
    );
    assert.equal(pool.waitingCount, 0);
  });
});

describe('idle connections to a node', () => {
  it('are used last in, first out, and kept up to a limit', () => {
    const { pool } = createPool();
    const connections = Array.from({ length: 3 }, () => ({ close: () => {} }) as UpstreamConnection);
    for (const each of connections) assert.equal(pool.keepIdle(each), true);
    assert.equal(pool.takeIdle(), connections[2]);
    pool.removeIdle(connections[1] as UpstreamConnection);
    assert.equal(pool.takeIdle(), connections[0]);
    assert.equal(pool.takeIdle(), undefined);
    for (let count = 0; count < idleUpstreamPerNodeMax; count++) pool.keepIdle(connection);
    assert.equal(pool.keepIdle(connection), false);
  });
});
