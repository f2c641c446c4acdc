import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StatusView } from '#src/control-plane/status/status.ts';
import { DemoCourse } from '#src/demo/demo-course.ts';
import { inPhase } from '../cli/example-status.ts';

const at = (phase: StatusView['phase'], y: number, id = 'r-1'): StatusView => ({
  ...inPhase(phase, { id }),
  split: { x: 100 - y, y, revision: 1 },
});

describe('the course of a rollout', () => {
  it('keeps how long Y had which share, until the end', () => {
    const course = new DemoCourse();
    course.follow(at('ramping', 1), 10);
    course.follow(at('ramping', 1), 14);
    course.follow(at('ramping', 5), 15);
    course.follow(at('soaking', 99), 20);
    assert.equal(course.follow(at('completed', 100), 30), true);
    assert.equal(course.follow(at('completed', 100), 31), false);
    assert.deepEqual(
      course.steps.map(({ percent, seconds }) => [percent, seconds]),
      [
        [1, 4],
        [5, 0],
        [99, 0],
      ],
    );
    assert.equal(course.ended, 'completed');
    assert.equal(course.endedAfterSeconds, 20);
  });

  it('begins anew when another rollout has begun', () => {
    const course = new DemoCourse();
    course.follow(at('ramping', 5), 0);
    course.follow(at('reverted', 0), 4);
    assert.equal(course.ended, 'reverted');
    course.follow(at('ramping', 10, 'r-2'), 9);
    assert.equal(course.ended, null);
    assert.deepEqual(
      course.steps.map(({ percent }) => percent),
      [10],
    );
  });
});
