import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseRequestHead, RequestHead } from '#src/core/http1/request-head.ts';
import {
  keepsSlots,
  type RouteSlots,
  RouteTable,
  routeKey,
  routeName,
} from '#src/core/routing/route-slots.ts';

const limits = { headBytes: 32_768, headerCount: 100 };

function parse(method: string, target: string, host: string): { bytes: Uint8Array; head: RequestHead } {
  const bytes = Buffer.from(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 'latin1');
  const head = new RequestHead();
  assert.ok(parseRequestHead(bytes, 0, bytes.length, head, limits) > 0, `${target} parses`);
  return { bytes, head };
}

const keyOf = (target: string, host = 'api.example.com'): number => {
  const { bytes, head } = parse('GET', target, host);
  return routeKey(bytes, head);
};

const slotOf = (table: RouteTable, target: string, host = 'api.example.com', method = 'GET'): number => {
  const { bytes, head } = parse(method, target, host);
  return table.slotOf(bytes, head);
};

describe('routeKey', () => {
  it('depends on the host without case and port, and on the first path segment alone', () => {
    const key = keyOf('/users/7?x=1');
    assert.equal(keyOf('/users', 'API.example.com:8000'), key);
    assert.equal(keyOf('/users?y', 'api.example.com.'), key);
    for (const [target, host] of [
      ['/user', 'api.example.com'],
      ['/Users', 'api.example.com'],
      ['/users', 'b.example.com'],
    ]) {
      assert.notEqual(keyOf(target as string, host), key, `${host}${target}`);
    }
  });

  it('takes the root and OPTIONS * as routes of their own', () => {
    assert.equal(keyOf('/'), keyOf('/?q=1'));
    const { bytes, head } = parse('OPTIONS', '*', 'a');
    assert.equal(routeName(bytes, head), 'a*');
  });

  it('names what it hashed', () => {
    const { bytes, head } = parse('GET', '/users/7?x=1', 'API.example.com:8000');
    assert.equal(routeName(bytes, head), 'api.example.com/users');
  });
});

describe('RouteTable', () => {
  it('finds derived routes by their key and everything else in slot 64', () => {
    const table = new RouteTable({
      kind: 'derived',
      routes: [{ slot: 3, name: 'users', key: keyOf('/users') }],
    });
    assert.equal(slotOf(table, '/users/1'), 3);
    assert.equal(slotOf(table, '/orders'), 64);
    assert.equal(table.lastKey, keyOf('/orders'));
  });

  it('takes the first pattern that matches', () => {
    const pattern = { host: null, methods: null };
    const table = new RouteTable({
      kind: 'patterns',
      routes: [
        { ...pattern, slot: 0, name: 'writes', pathPrefix: '/users', methods: ['POST'] },
        { ...pattern, slot: 1, name: 'users', pathPrefix: '/users' },
        { ...pattern, slot: 2, name: 'tenant', host: '*.tenant.example', pathPrefix: null },
      ],
    });
    assert.equal(slotOf(table, '/users/1', 'a', 'POST'), 0);
    assert.equal(slotOf(table, '/users/1'), 1);
    assert.equal(slotOf(table, '/userside', 'x.tenant.example'), 2);
    assert.equal(slotOf(table, '/userside'), 64);
  });
});

describe('slots', () => {
  const pattern = (slot: number, name: string) => ({
    slot,
    name,
    host: null,
    pathPrefix: '/',
    methods: null,
  });
  const users = { slot: 0, name: 'users', key: 1 };
  const seen: RouteSlots = { kind: 'derived', routes: [users] };

  it('have the names of their routes, and one for all others', () => {
    const table = new RouteTable({ kind: 'patterns', routes: [pattern(0, 'pay'), pattern(1, 'users')] });
    assert.deepEqual(
      [0, 1, 2, 64].map((slot) => table.nameOf(slot)),
      ['pay', 'users', 'route 2', 'all other routes'],
    );
  });

  it('stay with their routes when others are seen, and change hands when patterns come or go', () => {
    const more: RouteSlots = { kind: 'derived', routes: [users, { slot: 1, name: 'orders', key: 2 }] };
    const patterns: RouteSlots = { kind: 'patterns', routes: [pattern(0, 'users')] };
    assert.ok(keepsSlots(seen, seen) && keepsSlots(seen, more) && keepsSlots(patterns, patterns));
    assert.ok(!keepsSlots(more, seen), 'fewer than before');
    assert.ok(!keepsSlots(seen, patterns) && !keepsSlots(patterns, seen));
    assert.ok(!keepsSlots(patterns, { kind: 'patterns', routes: [pattern(0, 'pay')] }));
  });
});
