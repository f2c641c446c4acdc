import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { patternsOf, readKongRoutes } from '#src/control-plane/routes/kong-routes.ts';
import { RouteDirectory } from '#src/control-plane/routes/route-directory.ts';
import { parseRequestHead, RequestHead } from '#src/core/http1/request-head.ts';
import { type RouteSlots, RouteTable, routeName } from '#src/core/routing/route-slots.ts';
import { routeSlots } from '#src/shared-memory/layout.ts';

const memory = () => new SharedArrayBuffer(4 * routeSlots);

describe('patternsOf', () => {
  it('puts the more specific before the less specific', () => {
    const patterns = patternsOf([
      { id: '1', name: 'root', paths: ['/'] },
      { id: '2', name: 'users', paths: ['/users/'] },
      { id: '3', name: 'hosted', hosts: ['a.example:8443'], paths: ['/users'] },
    ]);
    assert.deepEqual(
      patterns.map(({ name, host, pathPrefix }) => [name, host, pathPrefix]),
      [
        ['hosted', 'a.example', '/users'],
        ['users', null, '/users'],
        ['root', null, null],
      ],
    );
  });

  it('takes the literal beginning of a regular expression, up to a whole segment', () => {
    const prefix = (path: string) => patternsOf([{ id: '1', paths: [path] }])[0]?.pathPrefix;
    assert.equal(prefix('~/users/(?<id>\\d+)$'), '/users');
    assert.equal(prefix('~/api/v1/us.rs'), '/api/v1');
    assert.equal(prefix('~/(a|b)'), null);
  });
});

describe('readKongRoutes', () => {
  it('sends the token on every page, and names the setting and not the token when it is refused', async (t) => {
    const server = createServer(({ headers, url = '' }, response) => {
      if (headers['kong-admin-token'] !== 's3cret') response.writeHead(401).end('{}');
      else if (url.includes('offset')) response.end(JSON.stringify({ data: [{ id: 'b' }] }));
      else response.end(JSON.stringify({ data: [{ id: 'a' }], offset: 'abc' }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    assert.equal((await readKongRoutes(base, 's3cret')).length, 2);
    await assert.rejects(readKongRoutes(base, null), /answered 401 .*; it may want clusters\.x\.adminToken$/);
    await assert.rejects(readKongRoutes(base, 'wr0ng'), (error: Error) => {
      assert.match(error.message, /answered 401 .*; look at clusters\.x\.adminToken$/);
      return !error.message.includes('wr0ng');
    });
  });

  it('follows the offset over all pages and says what went wrong otherwise', async (t) => {
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://kong');
      if (url.pathname !== '/routes') {
        response.writeHead(404).end('{}');
        return;
      }
      const isSecond = url.searchParams.get('offset') === 'abc';
      response.end(
        JSON.stringify(
          isSecond ? { data: [{ id: 'b' }], next: null } : { data: [{ id: 'a' }], offset: 'abc', next: '/x' },
        ),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    assert.deepEqual(
      (await readKongRoutes(`${base}/`, null)).map(({ id }) => id),
      ['a', 'b'],
    );
    await assert.rejects(readKongRoutes(`${base}/elsewhere`, null), /answered 404 to GET \/routes/);
  });
});

describe('RouteDirectory', () => {
  it('gives each route seen one slot, 64 at most', () => {
    const published: RouteSlots[] = [];
    const directory = new RouteDirectory({ kind: 'derived', routes: [] }, memory(), (slots) =>
      published.push(slots),
    );
    directory.seen(11, 'a/users');
    directory.seen(11, 'a/users');
    for (let key = 100; key < 300; key++) directory.seen(key, `a/${key}`);
    assert.equal(directory.count, 64);
    assert.equal(published.length, 64);
    assert.equal(directory.nameOf(0), 'a/users');
    assert.equal(directory.nameOf(64), 'all other routes');
  });

  it('goes by patterns once it has them and says how many have no slot', () => {
    const published: RouteSlots[] = [];
    const directory = new RouteDirectory({ kind: 'derived', routes: [] }, memory(), (slots) =>
      published.push(slots),
    );
    const patterns = Array.from({ length: 70 }, (_, index) => ({
      name: `r${index}`,
      host: null,
      pathPrefix: `/${index}`,
      methods: null,
    }));
    assert.equal(directory.usePatterns(patterns), 6);
    assert.equal(directory.usePatterns(patterns), 6);
    assert.equal(published.length, 1, 'the same patterns are not published again');
    directory.seen(1, 'x');
    assert.equal(directory.nameOf(63), 'r63');
  });

  it('gives patterns of one name one slot', () => {
    const directory = new RouteDirectory({ kind: 'derived', routes: [] }, memory(), () => {});
    const pattern = (name: string, pathPrefix: string) => ({ name, host: null, pathPrefix, methods: null });
    assert.equal(directory.usePatterns([pattern('a', '/1'), pattern('b', '/2'), pattern('a', '/3')]), 0);
    assert.equal(directory.count, 2);
    directory.useSeen();
    assert.equal(directory.count, 0);
  });

  it('parks and unparks routes by name, whatever slot they get', () => {
    const parked = memory();
    const published: RouteSlots[] = [];
    const directory = new RouteDirectory({ kind: 'derived', routes: [] }, parked, (slots) =>
      published.push(slots),
    );
    const pattern = (name: string) => ({ name, host: null, pathPrefix: `/${name}`, methods: null });
    directory.usePatterns(['a', 'b', 'c'].map(pattern));
    const { revision } = directory;
    directory.park('b', true);
    assert.notEqual(directory.revision, revision);
    assert.deepEqual([...new Int32Array(parked)].slice(0, 4), [0, 1, 0, 0]);
    directory.usePatterns(['c', 'a'].map(pattern));
    assert.deepEqual(directory.unknownParked(), ['b']);
    assert.equal(new Int32Array(parked).indexOf(1), -1);
    directory.usePatterns(['c', 'a', 'b'].map(pattern));
    assert.equal(directory.isParked(2), true);
    directory.park('b', false);
    assert.equal(directory.isParked(2), false);
  });

  it('parks a route that was seen in an earlier process before any worker sees it', () => {
    const bytes = Buffer.from('GET /users/7?x=1 HTTP/1.1\r\nHost: API.example.com:80\r\n\r\n');
    const head = new RequestHead();
    parseRequestHead(bytes, 0, bytes.length, head, { headBytes: 32_768, headerCount: 100 });
    const published: RouteSlots[] = [];
    const directory = new RouteDirectory({ kind: 'derived', routes: [] }, memory(), (slots) =>
      published.push(slots),
    );
    directory.replaceParked([routeName(bytes, head)]);
    const slots = published.at(-1);
    assert.ok(slots !== undefined);
    const slot = new RouteTable(slots).slotOf(bytes, head);
    assert.equal(directory.nameOf(slot), 'api.example.com/users');
    assert.equal(directory.isParked(slot), true);
    directory.replaceParked([]);
    assert.equal(directory.isParked(slot), false);
  });
});
