import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commonRequestText } from '#src/record/common-request.ts';
import type { CauseRequest } from '#src/record/frozen-evidence.ts';

const sample = (request: string, route: string): CauseRequest => ({
  atMs: 0,
  requestId: 'a',
  request,
  route,
  node: null,
  status: 500,
  kind: null,
  latencyMs: 1,
});

const many = (count: number, request: string, route: string): CauseRequest[] =>
  Array.from({ length: count }, (_, index) => sample(request.replace('#', `${index}`), route));

test('a request that most of those have that were kept is named', () => {
  const samples = [...many(14, 'GET /orders', 'orders'), ...many(2, 'GET /carts', 'carts')];
  assert.equal(commonRequestText(samples), '14 of 16 requests that were kept are GET /orders');
});

test('a route is named where its requests differ', () => {
  const samples = [...many(12, 'GET /orders/#', 'orders'), ...many(4, 'GET /carts', 'carts')];
  assert.equal(commonRequestText(samples), '12 of 16 requests that were kept are on the route orders');
});

test('nothing is named where the requests have little in common, or are few', () => {
  const samples = [...many(4, 'GET /a', 'a'), ...many(4, 'GET /b', 'b'), ...many(4, 'GET /c', 'c')];
  assert.equal(commonRequestText(samples), null);
  assert.equal(commonRequestText(many(3, 'GET /a', 'a')), null);
  assert.equal(commonRequestText([]), null);
});
