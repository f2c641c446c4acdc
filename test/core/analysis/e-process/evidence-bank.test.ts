import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EvidenceBank } from '#src/core/analysis/e-process/evidence-bank.ts';
import { logAdd } from '#src/core/analysis/e-process/log-add.ts';
import { capWeights, familyWeights } from '#src/core/analysis/e-process/stream-weights.ts';
import { latencyQuantiles } from '#src/limits.ts';

const bankOf = (
  alternatives: number,
  limit: { perSecond: number; burst: number } | null = null,
): EvidenceBank => new EvidenceBank({ alternatives, restartBelow: -3, limit });

test('the shares of the budget sum to one', () => {
  const families = Object.values(familyWeights).reduce((sum, share) => sum + share, 0);
  const caps = capWeights.errors + latencyQuantiles.length * capWeights.latencyEach;
  assert.ok(Math.abs(families + caps - 1) < 1e-12);
});

test('logs are added without overflow', () => {
  assert.ok(Math.abs(logAdd(Math.log(2), Math.log(3)) - Math.log(5)) < 1e-12);
  assert.equal(logAdd(1e4, -1e4), 1e4);
  assert.equal(logAdd(Number.NEGATIVE_INFINITY, 3), 3);
  assert.equal(logAdd(Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY), Number.NEGATIVE_INFINITY);
});

test('a bank averages its alternatives, each at half of its stake on the first start', () => {
  const bank = bankOf(2);
  assert.ok(Math.abs(bank.logEvidence() - Math.log(1 / 2)) < 1e-12);
  bank.add(0, Math.log(9), 1_000);
  assert.ok(Math.abs(bank.logEvidence() - Math.log((9 + 1) / 2 / 2)) < 1e-12);
});

test('an alternative starts afresh when it is far down, but not in its first five seconds', () => {
  const bank = bankOf(1);
  bank.add(0, -10, 4_999);
  assert.ok(Math.abs(bank.logEvidence() - (-10 - Math.log(2))) < 1e-12);
  bank.add(0, -1, 5_000);
  // The second start has a sixth of the stake: 1/2 + 1/6 + 1/12 + ... is 1.
  assert.ok(Math.abs(bank.logEvidence() - -Math.log(6)) < 1e-12);
});

test('evidence is deflated by the windows since it began to rise, alternative by alternative', () => {
  const bank = bankOf(2);
  bank.add(0, -1, 1_000);
  bank.add(1, 4, 1_000);
  bank.add(0, 6, 2_000);
  const asked: number[] = [];
  const deflated = bank.deflatedLogEvidence({ deflation: (sinceMs) => asked.push(sinceMs) && 2 });
  assert.deepEqual(asked, [1_000, 0]);
  const half = (log: number): number => Math.exp((log - Math.log(2)) / 2);
  assert.ok(Math.abs(deflated - Math.log((half(5) + half(4)) / 2)) < 1e-12);
  assert.equal(bank.risingSinceMs({ deflation: () => 1 }), 1_000);
});

test('deflated evidence is never more than the evidence, where that is positive', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(3), fc.double({ min: -5, max: 5, noNaN: true })), { maxLength: 40 }),
      fc.double({ min: 1, max: 100, noNaN: true }),
      (steps, deflation) => {
        const bank = bankOf(4, { perSecond: 8, burst: 6 });
        for (const [i, [g, increment]] of steps.entries()) {
          bank.refill(500);
          bank.add(g, increment, i * 500);
        }
        const raw = bank.logEvidence();
        const deflated = bank.deflatedLogEvidence({ deflation: () => deflation });
        assert.ok(deflated <= raw + 1e-12);
      },
    ),
  );
});

test('evidence gained in a time is bounded by burst and rate', () => {
  const bank = bankOf(1, { perSecond: 8, burst: 6 });
  for (let tick = 1; tick <= 8; tick++) {
    bank.refill(250);
    bank.add(0, 100, tick * 250);
  }
  // 6 at once and 8 a second for the 1.75 s after the first.
  assert.ok(Math.abs(bank.logEvidence() - (6 + 8 * 1.75 - Math.log(2))) < 1e-9);
});

test('alternatives count with their weights when they have any', () => {
  const bank = new EvidenceBank({ alternatives: 2, prior: [0.9, 0.1], restartBelow: -3, limit: null });
  bank.add(0, 2, 0);
  bank.add(1, 4, 0);
  // The first start of an alternative counts half.
  assert.ok(Math.abs(bank.logEvidence() - Math.log((0.9 * Math.exp(2) + 0.1 * Math.exp(4)) / 2)) < 1e-12);
  assert.throws(
    () => new EvidenceBank({ alternatives: 2, prior: [0.9, 0.2], restartBelow: -3, limit: null }),
  );
});

test('what was gained can be given up, and what was lost stays', () => {
  const bank = new EvidenceBank({ alternatives: 2, restartBelow: -3, limit: null });
  bank.add(0, 5, 0);
  bank.add(1, -1, 0);
  bank.forgetGains(7_000);
  assert.ok(Math.abs(bank.logEvidence() - Math.log((1 + Math.exp(-1)) / 4)) < 1e-12);
  assert.deepEqual(bank.snapshot().risingSinceMs, [7_000, 0]);
});

test('evidence kept in short is never more than it was', () => {
  const bank = new EvidenceBank({ alternatives: 2, restartBelow: -3, limit: { perSecond: 8, burst: 6 } });
  bank.add(0, -0.12345, 0);
  bank.add(1, 0.98765, 0);
  const second = new EvidenceBank({ alternatives: 2, restartBelow: -3, limit: { perSecond: 8, burst: 6 } });
  second.restoreCompact(JSON.parse(JSON.stringify(bank.compactSnapshot())), 3_000);
  assert.ok(second.logEvidence() <= bank.logEvidence() && second.logEvidence() > bank.logEvidence() - 0.002);
  second.add(0, 9, 3_000);
  assert.ok(second.logEvidence() < 1, 'there is nothing to gain at once');
});
