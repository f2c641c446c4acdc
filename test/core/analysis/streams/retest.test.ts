// Tested again instead of reverted: streams of latency or status codes that looked worse once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom, type Random } from '#src/base/random.ts';
import { Analysis } from '#src/core/analysis/analysis.ts';
import type { AnalysisThresholds } from '#src/core/analysis/analysis-thresholds.ts';
import { combineEvidence } from '#src/core/analysis/streams/combined-evidence.ts';
import { retestsMax, retestWaitMs } from '#src/core/analysis/streams/retest.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { ArmSample, TickSample } from '#src/core/telemetry/sample.ts';
import { binomial, emptyEpoch, thresholds } from '../traffic.ts';

/** Shares of the requests of an arm: answered 404, and 5xx. */
interface Mix {
  readonly notFound: number;
  readonly errors: number;
}
const usual: Mix = { notFound: 0.02, errors: 0.001 };
const drifted: Mix = { notFound: 0.06, errors: 0.001 };

const again: Partial<AnalysisThresholds> = {
  statusMix: { timesX: 1.25, overX: 0.002, onWorse: 'retest' },
  warmupMs: 0,
};

function fillMix(arm: ArmSample, random: Random, requests: number, mix: Mix): void {
  arm.clear();
  const failures = binomial(random, requests, mix.errors);
  const notFound = binomial(random, requests - failures, mix.notFound);
  arm.requests = requests;
  arm.failures = failures;
  arm.status[503] = failures;
  arm.status[404] = notFound;
  arm.status[200] = requests - failures - notFound;
}

/**
 * Drives an analysis by ticks of 250 ms at 10 % of 1,000 requests a second, and carries out retests as the
 * rollout does.
 */
class Driver {
  analysis: Analysis;
  readonly #thresholds: AnalysisThresholds;
  readonly #random: Random;
  readonly #tick: TickSample = { atMs: 0, dtMs: 250, epochs: [emptyEpoch(1, 100_000)] };
  /** The verdict of the last tick, and of those that asked for a retest. */
  verdict: Verdict;
  readonly retested: Verdict[] = [];

  constructor(seed: number, overrides: Partial<AnalysisThresholds> = again) {
    this.#thresholds = { ...thresholds, ...overrides };
    this.analysis = new Analysis(this.#thresholds);
    this.#random = createRandom(seed);
    this.#feed(60, usual, null);
    this.analysis.resetRollout(this.nowMs);
    this.analysis.resetStep(250_000, this.nowMs);
    this.verdict = this.analysis.assess({ goal: 'step' });
  }

  get nowMs(): number {
    return this.#tick.atMs;
  }

  #feed(seconds: number, x: Mix, y: Mix | null): void {
    for (let i = 0; i < 4 * seconds; i++) this.#one(x, y);
  }

  #one(x: Mix, y: Mix | null): void {
    const [epoch] = this.#tick.epochs;
    assert.ok(epoch !== undefined);
    this.#tick.atMs += 250;
    fillMix(epoch.x, this.#random, 225, x);
    fillMix(epoch.y, this.#random, y === null ? 0 : 25, y ?? usual);
    this.analysis.update(this.#tick);
  }

  /** Up to `seconds` of this mix on Y, until a revert; returns the seconds that passed. */
  run(seconds: number, y: Mix, goal: 'step' | 'soak' = 'step'): number {
    for (let i = 1; i <= 4 * seconds; i++) {
      this.#one(usual, y);
      this.verdict = this.analysis.assess({ goal });
      const { toRetest, decision } = this.verdict;
      if (decision === 'revert') return i / 4;
      if (toRetest === undefined) continue;
      this.retested.push(this.verdict);
      this.analysis.retest(toRetest, this.nowMs);
    }
    return seconds;
  }

  /** Until the next retest begins, with this mix on Y. */
  runToRetest(y: Mix): void {
    const before = this.retested.length;
    for (let i = 0; i < 240 && this.retested.length === before; i++) this.run(0.25, y);
    assert.equal(this.retested.length, before + 1, 'a retest begins within a minute');
  }

  /** A new process, with what this one has kept. */
  restart(overrides: Partial<AnalysisThresholds> = {}): void {
    const kept = JSON.parse(JSON.stringify(this.analysis.snapshot()));
    this.analysis = new Analysis({ ...this.#thresholds, ...overrides });
    assert.ok(this.analysis.restore(kept));
  }

  get weight404(): number {
    return this.verdict.streams.find(({ stream }) => stream === 'status.404')?.weight ?? Number.NaN;
  }
}

test('an incident that passes is tested again and does not revert, and the rollout may go on', () => {
  for (let seed = 1; seed <= 4; seed++) {
    const driver = new Driver(seed);
    driver.run(30, usual);
    driver.runToRetest(drifted);
    driver.run(50, drifted);
    assert.equal(driver.verdict.rule, 'retest');
    driver.run(180, usual);
    const { decision, text, retests } = driver.verdict;
    assert.equal(decision, 'advance', `seed ${seed}: ${text}`);
    assert.equal(driver.retested.length, 1);
    assert.deepEqual(
      retests?.map(({ kind, state, count }) => [kind, state, count]),
      [['status', 'passed', 1]],
    );
  }
});

test('the same incident reverts where retests are not wanted', () => {
  const driver = new Driver(1, { warmupMs: 0 });
  driver.run(30, usual);
  assert.ok(driver.run(60, drifted) < 60);
  assert.equal(driver.verdict.decision, 'revert');
});

test('what stays worse is reverted after the wait and a second test', () => {
  for (let seed = 1; seed <= 4; seed++) {
    const driver = new Driver(seed);
    driver.runToRetest(drifted);
    const seconds = driver.run(240, drifted);
    assert.equal(driver.verdict.decision, 'revert', `seed ${seed}`);
    assert.ok(seconds > retestWaitMs / 1000 && seconds < 200, `${seconds} s`);
    assert.equal(driver.verdict.cause, 'status.404');
  }
});

test('a retest says what looked worse, where, and what it still needs', () => {
  const driver = new Driver(1);
  driver.runToRetest(drifted);
  assert.match(
    driver.retested[0]?.text ?? '',
    /^404 responses .* on Y against .* is below 1 in \d+; held, to be tested again in 60 s$/,
  );
  assert.ok((driver.retested[0]?.logEvidence ?? 99) < Math.log(100), 'what is left would not revert');
  driver.run(20, usual);
  assert.equal(
    driver.verdict.text,
    'status 404 looked worse at 10 %: held, to be tested again in 40 s, when a passing incident would be over',
  );
  assert.equal(driver.verdict.retests?.[0]?.state, 'waiting');
  driver.run(55, usual);
  assert.match(
    driver.verdict.text,
    /^status 404 looked worse at 10 %: held and testing again, needs about [\d,]+ more requests on Y to show that 404 responses are no more frequent$/,
  );
  const [report] = driver.verdict.retests ?? [];
  assert.ok(report?.state === 'testing' && (report.samplesNeeded ?? 0) > 0);
});

test('other streams are judged while a retest waits', () => {
  const driver = new Driver(1);
  driver.runToRetest(drifted);
  assert.ok(driver.run(20, { notFound: 0.06, errors: 0.5 }) < 10);
  assert.equal(driver.verdict.decision, 'revert');
  assert.equal(driver.verdict.cause, 'errors');
});

test('a revert that stands without the kind is not put off', () => {
  const driver = new Driver(1);
  driver.run(60, { notFound: 0.3, errors: 0.4 });
  assert.equal(driver.verdict.decision, 'revert');
  assert.equal(driver.retested.length, 0);
});

test('each retest has half the weight of the one before, and the last allowed one reverts', () => {
  const driver = new Driver(3);
  driver.run(5, usual);
  const full = driver.weight404;
  for (let count = 1; count <= retestsMax; count++) {
    driver.runToRetest(drifted);
    driver.run(0.25, usual);
    assert.equal(driver.weight404, full / 2 ** count);
    driver.run(240, usual);
    assert.equal(driver.verdict.retests?.[0]?.state, 'passed', driver.verdict.text);
  }
  driver.run(120, drifted);
  assert.equal(driver.verdict.decision, 'revert');
  assert.equal(driver.retested.length, retestsMax);
  // A new rollout has its full budget again.
  driver.analysis.resetRollout(driver.nowMs);
  driver.run(1, usual);
  assert.equal(driver.weight404, full);
  assert.equal(driver.verdict.retests, undefined);
});

test('evidence falls when a retest begins, by what the kind has given up', () => {
  const driver = new Driver(2);
  driver.runToRetest(drifted);
  const [verdict] = driver.retested;
  assert.ok(verdict !== undefined);
  const judgedAs = ({ streams }: Verdict) =>
    combineEvidence(streams.map((evidence) => ({ evidence, stream: { name: evidence.stream } as never })))
      .logEvidence;
  const before = judgedAs(verdict);
  const after = judgedAs(driver.analysis.assess({ goal: 'step' }));
  assert.ok(before >= Math.log(100) && after < before, `${before} to ${after}`);
});

test('a retest goes on where it was after a restart, waiting or testing', () => {
  const [whole, stopped] = [new Driver(5), new Driver(5)];
  for (const driver of [whole, stopped]) driver.runToRetest(drifted);
  for (const seconds of [20, 50, 30]) {
    for (const driver of [whole, stopped]) driver.run(seconds, usual);
    assert.deepEqual(stopped.verdict.retests, whole.verdict.retests);
    stopped.restart();
  }
  assert.deepEqual(stopped.verdict.streams, whole.verdict.streams);
});

test('evidence and retests are kept when only what happens on worse is changed', () => {
  const driver = new Driver(1);
  driver.runToRetest(drifted);
  driver.run(70, usual);
  driver.restart({ statusMix: { timesX: 1.25, overX: 0.002, onWorse: 'revert' } });
  driver.run(1, usual);
  assert.equal(driver.verdict.retests?.[0]?.count, 1);
});

test('in the soak a retest holds while it waits, and then leaves it to the soak', () => {
  const driver = new Driver(1);
  driver.runToRetest(drifted);
  driver.run(30, usual, 'soak');
  assert.equal(driver.verdict.rule, 'retest');
  driver.run(32, usual, 'soak');
  assert.equal(driver.verdict.decision, 'advance');
});
