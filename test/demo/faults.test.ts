import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FaultSchedule, faultNames, faultStages } from '#src/demo/faults.ts';

describe('a fault schedule', () => {
  it('has nothing to do when nothing is to go wrong', () => {
    assert.equal(new FaultSchedule('none').due(100, 1e9), null);
  });

  it('waits for its share of traffic and then strikes once', () => {
    const schedule = new FaultSchedule('errors');
    assert.equal(schedule.due(1, 0), null);
    assert.equal(schedule.due(5, 1_000)?.fault.kind, 'errors');
    assert.equal(schedule.due(10, 2_000), null);
  });

  it('goes on to the next stage when the time since the share was reached has passed', () => {
    const schedule = new FaultSchedule('brownout');
    assert.deepEqual(schedule.due(10, 1_000)?.fault, faultStages('brownout')[0]?.fault);
    assert.equal(schedule.due(10, 5_999), null);
    assert.deepEqual(schedule.due(10, 6_000)?.fault, faultStages('brownout')[1]?.fault);
    assert.equal(schedule.due(100, 1e9), null);
  });

  it('keeps its stages in the order in which they come due', () => {
    for (const name of faultNames) {
      const stages = faultStages(name);
      stages.forEach((stage, index) => {
        const before = stages[index - 1];
        assert.ok(before === undefined || stage.fromPercent >= before.fromPercent, name);
        assert.ok(before === undefined || stage.afterMs >= before.afterMs, name);
      });
    }
  });
});
