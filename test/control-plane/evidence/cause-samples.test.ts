import assert from 'node:assert/strict';
import { test } from 'node:test';
import { causeSamples } from '#src/control-plane/evidence/cause-samples.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { RequestSample } from '#src/shared-memory/messages.ts';
import { exampleStatus } from '../../cli/example-status.ts';

const sample = (requestId: string, status: number | null, latencyMs = 1): RequestSample => ({
  atMs: 0,
  requestId,
  node: 'n',
  status,
  kind: status === null ? 'reset' : null,
  cause: null,
  maker: null,
  latencyMs,
  request: 'GET /',
  route: 'users',
});

const all = [
  sample('500', 500),
  sample('reset', null),
  sample('401', 401),
  sample('404', 404),
  sample('410', 410),
  sample('slow', 200, 60),
  sample('slower', 200, 120),
];

/** Ids of what is kept for a revert for `cause`, when most of the evidence is that of `stream`. */
function kept(cause: string, stream: string | null): string[] {
  const { verdict } = exampleStatus;
  const [errors] = verdict?.streams ?? [];
  assert.ok(verdict !== null && errors !== undefined);
  const threshold = { xMs: 80, yMs: 100, by: 'timesX', overXMs: 2 } as const;
  const streams = [errors, { ...errors, stream: 'latency.p99', threshold }];
  const needs = { stream: 'status.404', requests: 100, seconds: 1 };
  const reverting: Verdict = { ...verdict, streams, cause: stream, needs };
  return causeSamples(all, cause, reverting).map(({ requestId }) => requestId);
}

test('a revert for a status class keeps the answers of that class', () => {
  assert.deepEqual(kept('evidence', 'status.401'), ['401']);
  assert.deepEqual(kept('evidence', 'status.4xx'), ['410']);
});

test('a revert for latency keeps what was slow at that quantile', () => {
  assert.deepEqual(kept('evidence', 'latency.p99'), ['slower']);
  assert.deepEqual(kept('cap', 'latency.p99.max'), ['slower']);
});

test('a revert without a conclusion keeps what was not proven', () => {
  assert.deepEqual(kept('inconclusive', 'errors'), ['404']);
});

test('any other revert keeps what failed', () => {
  for (const [cause, stream] of [
    ['evidence', 'errors'],
    ['evidence', 'route.users'],
    ['cap', 'errors.max'],
    ['operator', 'status.401'],
    ['breaker', null],
  ] as const)
    assert.deepEqual(kept(cause, stream), ['500', 'reset'], `${cause} ${stream}`);
  assert.equal(causeSamples(all, 'operator', null).length, 2);
});

test('a revert for latency keeps time-outs too, and what failed where nothing else was kept', () => {
  const { verdict } = exampleStatus;
  assert.ok(verdict !== null);
  const reverting: Verdict = { ...verdict, streams: [], cause: 'latency.p99' };
  const ids = (samples: readonly RequestSample[]): string[] =>
    causeSamples(samples, 'evidence', reverting).map(({ requestId }) => requestId);
  const timeout: RequestSample = { ...sample('hung', null, 30_000), kind: 'timeout' };
  assert.deepEqual(ids([...all, timeout]), ['hung']);
  assert.deepEqual(ids(all), ['500', 'reset']);
});
