// The evidence as metrics is the evidence of the verdict.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analysisMetrics } from '#src/control-plane/exposition/analysis-metrics.ts';
import type { StreamEvidence, Verdict } from '#src/core/analysis/verdict.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { PPM } from '#src/limits.ts';
import { X, Y } from '#src/shared-memory/layout.ts';
import { startControl } from '../support/control-rig.ts';
import { countAnswers } from '../support/counters.ts';
import { badRouteVerdict, rampingState, testPlan } from '../support/states.ts';

const counts = { requests: 0, failures: 0, rate: 0 };
const stream = (name: string, logWorse: number, logSafe: number | null): StreamEvidence => ({
  stream: name,
  logWorse,
  logSafe,
  deflation: 1,
  margin: logSafe === null ? null : 0.01,
  weight: 0.3,
  x: counts,
  y: counts,
  certifiedBound: null,
});
const verdict: Verdict = {
  ...badRouteVerdict('orders', 3),
  logEvidence: 2.5,
  logEvidenceBar: Math.log(100),
  logSafeBar: Math.log(20),
  streams: [stream('errors', 3, 2.9), stream('latency.p99', -1, 0.4), stream('errors.max', 0, null)],
};
const ramping = rampingState(100_000);
const soaking: RolloutState = {
  phase: 'soaking',
  plan: testPlan,
  stepIndex: 3,
  weightPpm: PPM - 10_000,
  sinceMs: 0,
  hold: null,
  yDownSinceMs: null,
};
const pausedSoak: RolloutState = {
  phase: 'paused',
  from: 'soaking',
  plan: testPlan,
  stepIndex: 3,
  weightPpm: PPM - 10_000,
  sinceMs: 0,
  reason: '',
  yDownSinceMs: null,
};

/** Values by metric and labels, without the common beginning of the names. */
function read(said: Verdict | null, state: RolloutState = ramping): Record<string, number> {
  const definitions = analysisMetrics({ verdict: () => said, rolloutState: () => state });
  return Object.fromEntries(
    definitions.flatMap(({ name, read: values }) =>
      values().map(({ value, labels }) => [
        `${name.replace('crossover_analysis_', '')} ${Object.values(labels).join(' ')}`,
        value,
      ]),
    ),
  );
}

test('metrics of the analysis are what the verdict says, the weakest proof for an advance', () => {
  assert.deepEqual(read(verdict), {
    'evidence errors worse': 3,
    'evidence errors safe': 2.9,
    'evidence latency.p99 worse': -1,
    'evidence latency.p99 safe': 0.4,
    'evidence errors.max worse': 0,
    'combined_evidence revert': 2.5,
    'combined_evidence advance': 0.4,
    'evidence_bar revert': Math.log(100),
    'evidence_bar advance': Math.log(20),
  });
});

test('metrics of the analysis have no evidence for an advance where nothing has to be proven', () => {
  const proofless = { ...verdict, streams: [stream('errors', 3, null)] };
  for (const shown of [read(proofless), read(verdict, soaking), read(verdict, pausedSoak)]) {
    assert.equal(shown['combined_evidence advance'], undefined);
    assert.equal(shown['combined_evidence revert'], 2.5);
  }
});

test('metrics of the analysis are absent before the first verdict', () => {
  assert.deepEqual(read(null), {});
});

test('scraped evidence and its bars are those of the last verdict', async (t) => {
  const rig = await startControl(t, { yaml: 'thresholds: { falseReverts: 2% }' });
  countAnswers(rig.memory, { arm: X, epoch: 1 }, { status: 200, count: 900 });
  countAnswers(rig.memory, { arm: X, epoch: 1 }, { status: 500, count: 10 });
  countAnswers(rig.memory, { arm: Y, epoch: 1 }, { status: 500, count: 10 });
  const verdictNow = async (): Promise<Verdict | null> =>
    (await rig.call('GET', '/v1/analysis')).json.verdict;
  // A tick may come between two answers: then they are asked for again.
  for (;;) {
    const before = await verdictNow();
    const { text } = await rig.call('GET', '/metrics');
    const after = await verdictNow();
    if (before === null || JSON.stringify(before.streams) !== JSON.stringify(after?.streams)) continue;
    const value = (name: string): number =>
      Number(new RegExp(`^crossover_analysis_${name}\\{decision="revert"\\} (\\S+)$`, 'm').exec(text)?.[1]);
    assert.equal(value('combined_evidence'), before.logEvidence);
    assert.equal(value('evidence_bar'), before.logEvidenceBar);
    assert.equal(before.logEvidenceBar, Math.log(1 / 0.02));
    return;
  }
});
