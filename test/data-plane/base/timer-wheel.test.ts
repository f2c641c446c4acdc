import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { Timed, TimerWheel } from '#src/data-plane/base/timer-wheel.ts';

class Probe extends Timed {
  firedAtMs: number[] = [];
  destroyed = 0;
  whenFired: () => void = () => {};
  onDeadline(nowMs: number): void {
    this.firedAtMs.push(nowMs);
    this.whenFired();
  }
  destroy(): void {
    this.destroyed++;
  }
}

function rethrow(error: unknown): never {
  throw error;
}

/** Moves the wheel on tick by tick, as the worker's timer does. */
function advanceTo(wheel: TimerWheel, toMs: number): void {
  for (let now = wheel.nowMs + wheel.tickMs; now <= toMs; now += wheel.tickMs) wheel.advance(now);
}

describe('TimerWheel', () => {
  it('fires a deadline once, not early and at most two ticks late', () => {
    const wheel = new TimerWheel(100, 1_000, rethrow);
    const probe = new Probe();
    wheel.set(probe, 5_000);
    advanceTo(wheel, 5_900);
    assert.deepEqual(probe.firedAtMs, []);
    advanceTo(wheel, 20_000);
    assert.equal(probe.firedAtMs.length, 1);
    const [firedAt = 0] = probe.firedAtMs;
    assert.ok(firedAt >= 6_000 && firedAt <= 6_200, `fired at ${firedAt}`);
  });

  it('follows a deadline that moves later without being linked again', () => {
    const wheel = new TimerWheel(100, 0, rethrow);
    const probe = new Probe();
    wheel.set(probe, 1_000);
    const { list } = probe.wheelLink;
    assert.ok(list !== null);
    wheel.set(probe, 3_000);
    assert.equal(probe.wheelLink.list, list);
    advanceTo(wheel, 2_900);
    assert.deepEqual(probe.firedAtMs, []);
    advanceTo(wheel, 4_000);
    assert.equal(probe.firedAtMs.length, 1);
  });

  it('follows a deadline that moves earlier', () => {
    const wheel = new TimerWheel(100, 0, rethrow);
    const probe = new Probe();
    wheel.set(probe, 60_000);
    wheel.set(probe, 500);
    advanceTo(wheel, 1_000);
    assert.equal(probe.firedAtMs.length, 1);
  });

  it('keeps deadlines longer than one round', () => {
    const wheel = new TimerWheel(100, 0, rethrow);
    const probe = new Probe();
    wheel.set(probe, 3_600_000);
    advanceTo(wheel, 3_600_000);
    assert.deepEqual(probe.firedAtMs, []);
    advanceTo(wheel, 3_600_300);
    assert.equal(probe.firedAtMs.length, 1);
  });

  it('lets a deadline remove others of the same tick', () => {
    const wheel = new TimerWheel(100, 0, rethrow);
    const probes = [new Probe(), new Probe(), new Probe()];
    for (const probe of probes) {
      wheel.set(probe, 1_000);
      probe.whenFired = () => {
        for (const other of probes) if (other !== probe) wheel.remove(other);
      };
    }
    advanceTo(wheel, 3_000);
    assert.equal(
      probes.reduce((count, probe) => count + probe.firedAtMs.length, 0),
      1,
    );
  });

  it('agrees with a naive list of deadlines on random operations', (t) => {
    const seed = (Math.random() * 2 ** 32) >>> 0;
    t.diagnostic(`seed ${seed}`);
    const random = createRandom(seed);
    const wheel = new TimerWheel(100, 0, rethrow);
    const probes = Array.from({ length: 50 }, () => new Probe());
    const due = new Map<Probe, number>();
    for (let now = 100; now <= 200_000; now += 100) {
      for (let operation = 0; operation < 3; operation++) {
        const probe = probes[random.nextUint32() % probes.length] as Probe;
        const delay = random.nextUint32() % 90_000;
        const kind = random.nextUint32() % 10;
        if (kind < 7) {
          wheel.set(probe, delay);
          due.set(probe, wheel.nowMs + delay);
        } else {
          if (kind === 7) wheel.clear(probe);
          else wheel.remove(probe);
          due.delete(probe);
        }
      }
      for (const probe of probes) probe.firedAtMs = [];
      wheel.advance(now);
      for (const probe of probes) {
        const deadline = due.get(probe);
        if (probe.firedAtMs.length > 0) {
          assert.ok(deadline !== undefined && deadline <= now, 'fired early or without a deadline');
          due.delete(probe);
        } else assert.ok(deadline === undefined || deadline > now - 300, `late: due ${deadline}, now ${now}`);
      }
    }
  });

  it('tells of a deadline that throws, and gives the others theirs', () => {
    const defects: unknown[] = [];
    const wheel = new TimerWheel(100, 0, (error) => defects.push(error));
    const probes = Array.from({ length: 3 }, () => new Probe());
    for (const probe of probes) {
      wheel.set(probe, 1_000);
      probe.whenFired = () => rethrow(probe);
    }
    advanceTo(wheel, 2_000);
    assert.deepEqual(new Set(defects), new Set(probes));
    assert.deepEqual(
      probes.map(({ destroyed }) => destroyed),
      [1, 1, 1],
    );
  });
});
