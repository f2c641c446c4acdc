// Whose failures count, and who made them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { Analysis } from '#src/core/analysis/analysis.ts';
import type { AnalysisThresholds } from '#src/core/analysis/analysis-thresholds.ts';
import { AttributedFailures } from '#src/core/analysis/streams/attributed-failures.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { latencyBucketIndex } from '#src/core/telemetry/histogram.ts';
import { ArmSample, type TickSample } from '#src/core/telemetry/sample.ts';
import { PPM, tickMs } from '#src/limits.ts';
import { failureKindIndex } from '#src/shared-memory/layout.ts';
import { binomial, emptyEpoch, thresholds } from './traffic.ts';

/** What an arm answers: shares of its requests. */
interface Answers {
  readonly kong?: number;
  readonly service?: number;
  /** 5xx without Kong's headers. */
  readonly bare?: number;
  readonly timeouts?: number;
  /** Whether successes carry Kong's headers. */
  readonly headers?: boolean;
  readonly kongMs?: number;
  readonly totalMs?: number;
}

/** A minute of X alone, then both at 10 %; counts as the workers and the sampler make them. */
class Attributed {
  readonly analysis: Analysis;
  readonly #random = createRandom(11);
  readonly #tick: TickSample = { atMs: 0, dtMs: tickMs, epochs: [emptyEpoch(1, 0)] };

  constructor(x: Answers, overrides: Partial<AnalysisThresholds> = {}) {
    this.analysis = new Analysis({ ...thresholds, attribution: 'kong', warmupMs: 0, ...overrides });
    this.feed(60, x, null);
    this.#tick.epochs.splice(0, 1, emptyEpoch(2, PPM / 10));
    this.analysis.resetRollout(this.#tick.atMs);
    this.analysis.resetStep(PPM, this.#tick.atMs);
  }

  feed(seconds: number, x: Answers, y: Answers | null): this {
    const [epoch] = this.#tick.epochs;
    assert.ok(epoch !== undefined);
    for (let ms = 0; ms < seconds * 1000; ms += tickMs) {
      this.#tick.atMs += tickMs;
      const from = { ...emptyEpoch(epoch.epoch, epoch.weightPpm) };
      this.#fill(from.x, 225, x);
      if (y !== null) this.#fill(from.y, 25, y);
      this.#tick.epochs[0] = from;
      this.analysis.update(this.#tick);
    }
    return this;
  }

  #fill(arm: ArmSample, n: number, answers: Answers): void {
    const {
      kong = 0,
      service = 0,
      bare = 0,
      timeouts = 0,
      headers = true,
      kongMs = 1,
      totalMs = 30,
    } = answers;
    arm.requests = n;
    arm.kongFailures = binomial(this.#random, n, kong);
    arm.serviceFailures = binomial(this.#random, n, service);
    const unmarked = binomial(this.#random, n, bare);
    const timedOut = binomial(this.#random, n, timeouts);
    const serverErrors = arm.kongFailures + arm.serviceFailures + unmarked;
    arm.failuresByKind[failureKindIndex.timeout] = timedOut;
    arm.failures = Math.min(n, serverErrors + timedOut);
    const successes = n - arm.failures;
    arm.status[500] = serverErrors;
    arm.status[200] = successes;
    arm.latency[latencyBucketIndex(totalMs)] = successes;
    if (headers) arm.kongLatency[latencyBucketIndex(kongMs)] = successes;
    arm.routeRequests[0] = n;
    arm.routeFailures[0] = arm.failures;
    arm.routeServiceFailures[0] = arm.serviceFailures;
  }

  verdict(): Verdict {
    return this.analysis.assess({ goal: 'step' });
  }
}

test('failures of the service do not revert when only Kong is judged, and do when all are', () => {
  const failing = { service: 0.3 };
  const kong = new Attributed({}).feed(150, {}, failing).verdict();
  assert.equal(kong.decision, 'advance', kong.text);
  const all = new Attributed({}, { attribution: 'all' }).feed(10, {}, failing).verdict();
  assert.equal(all.decision, 'revert');
});

for (const failure of ['kong', 'bare', 'timeouts'] as const) {
  test(`failures of the kind "${failure}" revert when only Kong is judged`, () => {
    const verdict = new Attributed({}).feed(10, {}, { [failure]: 0.3 }).verdict();
    assert.equal(verdict.decision, 'revert', verdict.text);
  });
}

test('Kong is judged by its failures also when the service fails on both sides', () => {
  const verdict = new Attributed({ service: 0.1 })
    .feed(30, { service: 0.1 }, { service: 0.1, kong: 0.05 })
    .verdict();
  assert.equal(verdict.decision, 'revert', verdict.text);
});

test('an advance is held, and nothing is blamed on Kong, when a cluster sends none of its headers', () => {
  for (const [x, y, whose] of [
    [{}, { headers: false, bare: 0.3 }, 'Y'],
    [{ headers: false }, {}, 'X'],
  ] as const) {
    const verdict = new Attributed(x).feed(60, x, y).verdict();
    assert.equal(verdict.decision, 'hold');
    assert.equal(verdict.rule, 'attribution');
    assert.ok(verdict.text.startsWith(`no answer of ${whose} carries Kong's latency headers`), verdict.text);
  }
});

test('a Y that can not be reached is reverted although it sends no headers', () => {
  const verdict = new Attributed({}).feed(10, {}, { headers: false, timeouts: 1 }).verdict();
  assert.equal(verdict.decision, 'revert', verdict.text);
});

test('latency is that of Kong when only Kong is judged', () => {
  const slowService = new Attributed({}).feed(120, {}, { totalMs: 300 }).verdict();
  assert.equal(slowService.decision, 'advance', slowService.text);
  const slowKong = new Attributed({}).feed(60, {}, { kongMs: 9 }).verdict();
  assert.equal(slowKong.decision, 'revert');
  assert.match(slowKong.text, /^requests that took Kong longer than X's p\d\d/);
  assert.equal(new Attributed({}).analysis.slowThresholdMs('y', 0), Number.POSITIVE_INFINITY);
});

test('who made the failures is reported since the step began and over the last minute', () => {
  const run = new Attributed({}).feed(50, {}, { kong: 0.2, service: 0.1, bare: 0.04, timeouts: 0.02 });
  const { failureMakers } = run.verdict();
  assert.ok(failureMakers !== undefined);
  const { x, y } = failureMakers.step;
  assert.deepEqual(x, { kong: 0, service: 0, gateway: 0, unattributed: 0 });
  assert.ok(y.kong > y.service && y.service > y.unattributed && y.unattributed > y.gateway && y.gateway > 0);
  assert.deepEqual(failureMakers.last60s.y, y);
  run.analysis.resetStep(PPM, 0);
  const after = run.feed(61, {}, {}).verdict().failureMakers;
  assert.deepEqual(after?.step.y, x);
  assert.deepEqual(after?.last60s.y, x);
});

test('what is known of headers survives a restart', () => {
  const failures = new AttributedFailures('kong');
  const arm = Object.assign(new ArmSample(), { requests: 30, kongFailures: 1, failures: 2 });
  failures.add({ epoch: 1, weightPpm: 1, x: arm, y: arm });
  const second = new AttributedFailures('kong');
  second.restore(JSON.parse(JSON.stringify(failures.snapshot())));
  failures.beginTick();
  second.beginTick();
  assert.equal(second.failures(arm), failures.failures(arm));
  assert.equal(second.failures(arm), 2);
});
