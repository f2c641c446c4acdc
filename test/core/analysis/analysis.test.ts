import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { Analysis } from '#src/core/analysis/analysis.ts';
import type { AnalysisThresholds } from '#src/core/analysis/analysis-thresholds.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { TickSample } from '#src/core/telemetry/sample.ts';
import { binomial, emptyEpoch, fill, thresholds } from './traffic.ts';

type Counts = readonly [nX: number, kX: number, nY: number, kY: number];

/** Drives an analysis by ticks of 250 ms. */
class Driver {
  readonly analysis: Analysis;
  readonly tick: TickSample = { atMs: 1_000_000, dtMs: 0, epochs: [emptyEpoch(1, 100_000)] };

  #ticks = 0;

  constructor(overrides: Partial<AnalysisThresholds> = {}) {
    this.analysis = new Analysis({ ...thresholds, ...overrides });
  }

  feed(seconds: number, counts: Counts | ((tick: number) => Counts)): this {
    for (let i = 0; i < seconds * 4; i++) {
      const of = typeof counts === 'function' ? counts(this.#ticks++) : counts;
      this.analysis.update(fill(this.tick, this.tick.atMs + 250, of));
    }
    return this;
  }

  begin(nextWeightPpm: number): this {
    this.analysis.resetRollout(this.tick.atMs);
    return this.nextStep(nextWeightPpm);
  }

  nextStep(nextWeightPpm: number): this {
    this.analysis.resetStep(nextWeightPpm, this.tick.atMs);
    return this;
  }

  verdict(goal: 'step' | 'soak' = 'step'): Verdict {
    return this.analysis.assess({ goal });
  }
}

const calmX: Counts = [225, 0, 0, 0];
/** 0.1 % on both: one failure on X in 4 ticks and a little, one on Y in 40. */
const alike = (tick: number): Counts => [225, tick % 4 === 0 ? 1 : 0, 25, tick % 40 === 0 ? 1 : 0];

test('a verdict holds for want of data before Y has traffic', () => {
  const verdict = new Driver().feed(60, calmX).begin(100_000).feed(5, calmX).verdict();
  assert.equal(verdict.decision, 'hold');
  assert.equal(verdict.rule, 'no-data');
  assert.equal(verdict.text, 'no traffic on Y in this step yet, 4,500 requests on X');
  assert.equal(verdict.samplesNeeded, null);
});

test('a verdict holds for want of data when X has no traffic to compare with', () => {
  const driver = new Driver().begin(100_000).feed(60, [0, 0, 25, 0]);
  assert.equal(driver.verdict().rule, 'no-data');
  assert.match(driver.verdict().text, /^no traffic on X to compare with: Y had 6,000 requests$/);
});

test('a verdict waits for the warm-up above 1 % only', () => {
  const driver = new Driver().feed(60, calmX).begin(100_000).feed(30, alike);
  assert.equal(driver.verdict().rule, 'warmup');
  assert.equal(driver.verdict().text, 'Y is warming up for another 16 s; until then its share does not grow');
  assert.equal(driver.nextStep(10_000).feed(20, alike).verdict().decision, 'advance');
});

test('the warm-up counts from the first request on Y of the rollout, not from the step', () => {
  const driver = new Driver({ harm: 0.01 }).feed(60, calmX).begin(10_000).feed(44, alike).nextStep(500_000);
  assert.equal(driver.feed(1, alike).verdict().rule, 'warmup');
  assert.notEqual(driver.feed(11, alike).verdict().rule, 'warmup');
});

test('a verdict says how many requests are missing and when they will have come', () => {
  const driver = new Driver({ warmupMs: 0 }).feed(60, calmX).begin(1_000_000).feed(12, alike);
  const verdict = driver.verdict();
  assert.equal(verdict.rule, 'needs-samples');
  assert.match(
    verdict.text,
    /^needs about [\d,]+ more requests on Y to show that errors are no more frequent, \d+ (s |min )?to \d+ (s|min) at the present rate$/,
  );
  assert.ok(verdict.samplesNeeded !== null && verdict.secondsNeeded !== null);
  const { samplesNeeded: requests, secondsNeeded: seconds } = verdict;
  const range = verdict.needs?.range;
  assert.deepEqual(verdict.needs, { stream: 'errors', requests, seconds, range });
  assert.ok(range !== undefined && range.fromSeconds < seconds && seconds < range.toSeconds);
  assert.equal(requests, Number(requests.toPrecision(2)));
  assert.ok(Math.abs(verdict.samplesNeeded / 100 / verdict.secondsNeeded - 1) < 0.1);
  const needed = verdict.secondsNeeded;
  let waited = 0;
  while (driver.verdict().decision !== 'advance' && waited < 5 * needed)
    waited += driver.feed(1, alike) ? 1 : 0;
  assert.ok(waited > needed / 3 && waited < 3 * needed, `forecast ${needed} s, took ${waited} s`);
});

test('a verdict says which comparison needs the most requests', () => {
  const driver = new Driver({ warmupMs: 0 });
  const [epoch] = driver.tick.epochs;
  assert.ok(epoch !== undefined);
  epoch.x.status[404] = 9;
  driver.feed(60, calmX).begin(100_000);
  epoch.y.status[404] = 1;
  const verdict = driver.feed(5, alike).verdict();
  assert.equal(verdict.needs?.stream, 'status.404');
  assert.match(
    verdict.text,
    /more requests on Y to show that 404 responses are no more frequent, \d+ to \d+ s at/,
  );
});

test('a verdict says that traffic has stopped when a cluster has had none for a minute, and names no rate', () => {
  const driver = new Driver({ warmupMs: 0 }).feed(60, calmX).begin(1_000_000).feed(12, alike);
  assert.equal(driver.verdict().rule, 'needs-samples');
  const both = driver.feed(62, [0, 0, 0, 0]).verdict();
  assert.deepEqual([both.rule, both.text], ['no-data', 'no traffic on either cluster for a minute']);
  const onlyX = driver.feed(62, calmX).verdict();
  assert.equal(onlyX.text, 'no traffic on Y for a minute, while X has some');
  const onlyY = driver.feed(62, [0, 0, 25, 0]).verdict();
  assert.equal(onlyY.text, 'no traffic on X for a minute to compare with, while Y has some');
  assert.notEqual(driver.feed(1, alike).verdict().rule, 'no-data');
});

test('a verdict says when no traffic arrives, and when the rates will never do', () => {
  const driver = new Driver({ warmupMs: 0 }).feed(60, calmX).begin(1_000_000).feed(12, alike);
  driver.feed(15, [225, 0, 0, 0]);
  assert.match(driver.verdict().text, /are no more frequent, none arrive at present$/);
  const lenient = { errorRate: { timesX: 1.1, overX: 0.01, max: null } };
  const worse = new Driver({ ...lenient, warmupMs: 0 }).feed(60, calmX).begin(1_000_000);
  worse.feed(60, (tick) => [225, tick % 4 === 0 ? 1 : 0, 25, tick % 10 === 0 ? 1 : 0]);
  const { samplesNeeded, text } = worse.verdict();
  assert.equal(samplesNeeded, null);
  assert.match(text, /at these rates Y will not be shown to be within 0\.1 % of X$/);
});

test('a step is watched for ten seconds, however much traffic there is', () => {
  const driver = new Driver({ warmupMs: 0 }).feed(60, calmX).begin(20_000);
  driver.feed(9, (tick) => [22_500, tick % 4, 22_500, tick % 4]);
  assert.equal(driver.verdict().rule, 'bake');
  assert.equal(driver.verdict().text, 'the step is watched for another 1 s');
  driver.feed(1, [22_500, 1, 22_500, 1]);
  assert.equal(driver.verdict().decision, 'advance');
});

test('a verdict holds while X is unhealthy, even when Y looks good', () => {
  const driver = new Driver({ warmupMs: 0 }).feed(600, alike).begin(20_000).feed(40, alike);
  assert.equal(driver.verdict().decision, 'advance');
  driver.feed(3, [225, 60, 25, 6]);
  const verdict = driver.verdict();
  assert.equal(verdict.rule, 'x-unhealthy');
  assert.equal(verdict.xHealthy, false);
  assert.match(verdict.text, /^X itself has [\d.]+ % errors now, usual are [\d.]+ %; /);
  assert.equal(driver.feed(120, alike).verdict().xHealthy, true);
});

test('the margin of a step is the accepted harm by the next weight, at most 30 points', () => {
  const driver = new Driver();
  for (const [weightPpm, margin] of [
    [50_000, 0.02],
    [100_000, 0.01],
    [500_000, 0.002],
    [1_000_000, 0.001],
    [1_000, 0.3],
  ] as const)
    assert.ok(Math.abs((driver.nextStep(weightPpm).verdict().streams[0]?.margin ?? 0) - margin) < 1e-12);
});

test('a revert names its rates, its samples and its chance', () => {
  const driver = new Driver().feed(60, calmX).begin(100_000);
  driver.feed(4, (tick) => [225, tick % 4 === 0 ? 1 : 0, 25, 2]);
  const verdict = driver.verdict();
  assert.equal(verdict.decision, 'revert');
  assert.equal(verdict.rule, 'evidence');
  assert.equal(verdict.cause, 'errors');
  assert.match(
    verdict.text,
    /^errors 8 % on Y against 0\.11 % on X over 400 and 3,600 requests; the chance of this if Y were no worse is below 1 in [\d^,]+$/,
  );
});

test('a revert for the cap says so', () => {
  const lenient = { errorRate: { timesX: 50, overX: 0.02, max: 0.05 } };
  const driver = new Driver(lenient).feed(60, calmX).begin(100_000);
  driver.feed(20, (tick) => [225, tick % 4 === 0 ? 1 : 0, 25, 6]);
  const verdict = driver.verdict();
  assert.equal(verdict.rule, 'cap');
  assert.equal(verdict.cause, 'errors.max');
  assert.match(verdict.text, /over the cap of 5 %; the chance of this if Y were within it is below 1 in /);
});

test('nothing is reverted before Y was seen for three seconds', () => {
  const driver = new Driver().feed(60, calmX).begin(100_000);
  for (let tick = 0; tick < 11; tick++) {
    driver.feed(0.25, [225, 0, 25, 25]);
    assert.notEqual(driver.verdict().decision, 'revert', `tick ${tick}`);
  }
  assert.equal(driver.feed(0.25, [225, 0, 25, 25]).verdict().decision, 'revert');
});

test('suspicion stops an advance before there is enough for a revert', () => {
  const driver = new Driver({ warmupMs: 0 }).feed(60, alike).begin(20_000).feed(40, alike);
  let held: Verdict | null = null;
  for (let tick = 0; tick < 480 && held === null; tick++) {
    const verdict = driver.feed(0.25, [225, 0, 25, tick % 6 === 0 ? 1 : 0]).verdict();
    if (verdict.rule === 'suspicion') held = verdict;
    if (verdict.decision === 'revert') break;
  }
  assert.ok(held !== null);
  assert.match(
    held.text,
    /raise suspicion: the chance of this if Y were no worse is below 1 in \d+, a revert needs 1 in 100$/,
  );
});

test('a new step forgets evidence for Y but not against it', () => {
  const driver = new Driver({ warmupMs: 0 })
    .feed(60, alike)
    .begin(20_000)
    .feed(40, alike)
    .feed(4, [225, 0, 25, 1]);
  const before = driver.verdict();
  const after = driver.nextStep(100_000).verdict();
  assert.equal(after.logEvidence, before.logEvidence);
  assert.ok((after.streams[0]?.logSafe ?? 1) < 0);
  assert.equal(after.streams[0]?.y.requests, 0);
  const anew = driver.begin(100_000).verdict();
  assert.ok(anew.logEvidence < 0);
});

test('a soak ends without proof, but not under suspicion or without traffic', () => {
  const driver = new Driver().feed(60, calmX).begin(1_000_000).feed(1, [2, 0, 248, 0]);
  assert.equal(driver.verdict('step').decision, 'hold');
  assert.equal(driver.verdict('soak').decision, 'advance');
  assert.match(
    driver.verdict('soak').text,
    /nothing speaks against Y, but there was hardly anything on X to compare with$/,
  );
  assert.match(driver.feed(9, [2, 0, 248, 0]).verdict('soak').text, /requests; nothing speaks against Y$/);
  assert.equal(new Driver().begin(1_000_000).feed(5, calmX).verdict('soak').rule, 'no-data');
});

test('a soak without X is judged by the cap alone', () => {
  const driver = new Driver().feed(60, calmX).begin(1_000_000);
  const [epoch] = driver.tick.epochs;
  assert.ok(epoch !== undefined);
  epoch.epoch = 2;
  epoch.weightPpm = 1_000_000;
  assert.equal(driver.feed(30, [0, 0, 250, 1]).verdict('soak').decision, 'advance');
  assert.equal(driver.feed(30, [0, 0, 250, 50]).verdict('soak').rule, 'cap');
});

test('outcomes of an older epoch are compared within it', () => {
  // After a step from 50 % to 5 % the slow timeouts of the old epoch still come in, alike on both arms.
  const driver = new Driver({ errorRate: { timesX: 1.1, overX: 0.0002, max: null } })
    .feed(60, calmX)
    .begin(100_000);
  const old = emptyEpoch(1, 500_000);
  const young = emptyEpoch(2, 50_000);
  const tick: TickSample = { atMs: driver.tick.atMs, dtMs: 250, epochs: [old, young] };
  for (let i = 0; i < 80; i++) {
    tick.atMs += 250;
    Object.assign(old.x, { requests: 5, failures: 5 });
    Object.assign(old.y, { requests: 5, failures: 5 });
    Object.assign(young.x, { requests: 237, failures: 0 });
    Object.assign(young.y, { requests: 13, failures: 0 });
    driver.analysis.update(tick);
    assert.notEqual(driver.verdict().decision, 'revert');
  }
});

test('every verdict is plain JSON', () => {
  const driver = new Driver().feed(60, calmX).begin(100_000).feed(20, alike);
  const verdict = driver.verdict();
  assert.deepEqual(JSON.parse(JSON.stringify(verdict)), verdict);
});

/** Seeded traffic. */
function feedRandom(driver: Driver, seed: number, seconds: number, rateY: number): void {
  const random = createRandom(seed);
  driver.feed(seconds, () => [225, binomial(random, 225, 0.001), 25, binomial(random, 25, rateY)]);
}

/** A verdict without the rates of the last seconds, which are not kept over a restart. */
const judged = (verdict: Verdict) => ({
  ...verdict,
  text: null,
  secondsNeeded: null,
  last10s: null,
  last60s: null,
  failureMakers: { ...verdict.failureMakers, last60s: null },
});

test('a restored analysis goes on exactly as one that was never stopped', () => {
  const whole = new Driver().feed(60, alike).begin(100_000);
  feedRandom(whole, 7, 20, 0.001);
  const second = new Driver();
  assert.equal(second.analysis.restore(JSON.parse(JSON.stringify(whole.analysis.snapshot()))), true);
  // As after a restart of the machine: the clock begins anew.
  second.tick.atMs = 12;
  assert.deepEqual(judged(second.verdict()), judged(whole.verdict()));
  feedRandom(whole, 8, 12, 0.02);
  feedRandom(second, 8, 12, 0.02);
  const expected = whole.verdict();
  const actual = second.verdict();
  assert.ok(expected.logEvidence > 1);
  assert.deepEqual(judged(actual), judged(expected));
  assert.deepEqual(second.analysis.snapshot(), whole.analysis.snapshot());
});

test('a step that an earlier version began without proof of status classes takes it from the restore on', () => {
  const whole = new Driver({ warmupMs: 0 }).feed(60, alike).begin(50_000).feed(60, alike);
  assert.equal(whole.verdict().decision, 'advance');
  const kept = whole.analysis.snapshot();
  const status = kept.status.map(({ rate, stream }) => ({ rate, stream: { ...stream, required: false } }));
  const second = new Driver({ warmupMs: 0 });
  assert.equal(second.analysis.restore({ ...kept, status }), true);
  const { rule, streams } = second.feed(1, alike).verdict();
  assert.deepEqual(
    [rule, streams.find(({ stream }) => stream === 'status.404')?.margin],
    ['needs-samples', 0.02],
  );
  assert.equal(second.feed(60, alike).verdict().decision, 'advance');
});

test('a snapshot of other thresholds or another version is refused, and changes nothing', () => {
  const saved = new Driver().feed(60, alike).begin(100_000).feed(20, alike).analysis.snapshot();
  const other = new Driver({ harm: 0.01 });
  const before = other.analysis.snapshot();
  assert.equal(other.analysis.restore(saved), false);
  assert.equal(new Driver().analysis.restore({ ...saved, version: 1 as 4 }), false);
  assert.deepEqual(other.analysis.snapshot(), before);
});

test('an update allocates a few boxed numbers at most', () => {
  const driver = new Driver().feed(60, calmX).begin(100_000).feed(60, alike);
  // Compiled code is no allocation of a tick.
  driver.feed(500, alike);
  const ticks = 200;
  const bytesPerTick = (): number => {
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < ticks; i++) {
      driver.tick.atMs += 250;
      driver.tick.dtMs = 250;
      driver.analysis.update(driver.tick);
    }
    return (process.memoryUsage().heapUsed - before) / ticks;
  };
  // Doubles that cross calls which are not inlined are boxed: 0.2 to 5 KB a tick, as the compiler pleases. An
  // array of buckets or an object per bet would be as much again. Rounds are short, so that a collection
  // falls into few of them: it makes them negative.
  const rounds = Array.from({ length: 100 }, bytesPerTick)
    .filter((bytes) => bytes >= 0)
    .sort((one, other) => one - other);
  const median = rounds[rounds.length >> 1] ?? Number.NaN;
  assert.ok(median < 8_192, `${Math.round(median)} bytes per tick`);
});
