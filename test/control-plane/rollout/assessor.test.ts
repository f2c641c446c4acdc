import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Assessor } from '#src/control-plane/rollout/assessor.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { TickSample } from '#src/core/telemetry/sample.ts';
import { emptyEpoch, fill, thresholds } from '../../core/analysis/traffic.ts';

const ramping = { phase: 'ramping', weightPpm: 100_000 } as unknown as RolloutState;

test('an assessor whose thresholds change begins the evidence anew, and leaves a warm Y warm', () => {
  const tick: TickSample = { atMs: 5_000, dtMs: 0, epochs: [emptyEpoch(1, 100_000)] };
  const assessor = new Assessor({ ...thresholds, warmupMs: 45_000 }, () => tick.atMs);
  const feed = (seconds: number) => {
    for (let left = seconds * 4; left > 0; left--) {
      assessor.update(fill(tick, tick.atMs + 250, [225, 0, 25, 0]));
    }
  };
  feed(10);
  assessor.resetRollout();
  assessor.resetStep(250_000);
  feed(40);
  assert.equal(assessor.assess(ramping).rule, 'warmup');
  const wider = { ...thresholds, warmupMs: 45_000, statusMix: { timesX: 2, overX: 0.01 } };
  assert.equal(assessor.setThresholds(wider), false);
  feed(1);
  assert.match(
    assessor.assess(ramping).text,
    /^Y is warming up for another 5 s; until then its share does not grow/,
  );
  feed(5);
  assert.notEqual(assessor.assess(ramping).rule, 'warmup');
});
