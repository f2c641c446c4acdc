// Events and transitions for tests of the store.
import type { RecordedEvent } from '#src/control-plane/store/store.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';

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
