// Events and transitions for tests of the store.

import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { FrozenEvidence } from '#src/record/frozen-evidence.ts';
import type { RecordedEvent } from '#src/record/recorded-event.ts';

export const event = (id: number, text = `event ${id}`): RecordedEvent => ({
  id,
  atMs: 1_000 + id,
  name: 'test',
  actor: 'tester',
  text,
  detail: { b: [1, { d: null, c: 'ü' }], a: id },
});

const idle: RolloutState = { phase: 'idle', weightPpm: 0 };

export const transitionTo = (to: RolloutState, from: RolloutState = idle): Transition => ({
  atMs: 5_000,
  name: 'split-set',
  from,
  to,
  actor: 'tester',
  reason: 'because',
  evidence: null,
});

/** What is kept of a revert, with a little of everything. */
export const frozenEvidence = (id: string): FrozenEvidence => ({
  id,
  atMs: 1_700_000_000_000,
  rolloutId: id,
  actor: 'analysis',
  cause: { name: 'evidence', text: 'Y fails more often than X' },
  fromWeight: 25,
  configRevision: 1,
  problem: null,
  verdict: null,
  windows: [
    {
      atMs: 1_699_999_999_000,
      durationMs: 10_000,
      x: { requests: 100, failures: 1, p50Ms: 10, p99Ms: 20 },
      y: { requests: 50, failures: 9, p50Ms: null, p99Ms: null },
    },
  ],
  routes: [{ route: 'checkout', x: { requests: 60, failures: 0 }, y: { requests: 30, failures: 9 } }],
  samples: [
    {
      atMs: 1_699_999_999_500,
      requestId: 'abc-1',
      request: 'POST /checkout',
      route: 'checkout',
      node: '10.0.2.10:8000',
      status: 500,
      kind: null,
      maker: 'kong',
      latencyMs: 12.5,
    },
  ],
  nodes: { x: [], y: [] },
});
