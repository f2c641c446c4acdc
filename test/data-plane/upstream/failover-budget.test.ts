import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FailoverBudget } from '#src/data-plane/upstream/failover-budget.ts';

function drain(budget: FailoverBudget, nowMs: number): number {
  let count = 0;
  while (budget.withdraw(nowMs)) count++;
  return count;
}

describe('FailoverBudget', () => {
  it('allows the share of the requests once the burst is spent', () => {
    const budget = new FailoverBudget(0.2, 0);
    drain(budget, 0);
    for (let index = 0; index < 1_000; index++) budget.deposit();
    const allowed = drain(budget, 0);
    assert.ok(allowed >= 199 && allowed <= 201, `${allowed} of 1,000`);
  });

  it('allows a few per second however little traffic there is', () => {
    const budget = new FailoverBudget(0.2, 0);
    drain(budget, 0);
    assert.equal(drain(budget, 1_000), 10);
    assert.equal(drain(budget, 1_000), 0);
  });

  it('allows nothing when the share is zero', () => {
    assert.equal(new FailoverBudget(0, 0).withdraw(1_000_000), false);
  });
});
