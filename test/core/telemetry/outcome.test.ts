import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorFailures, errorRequests, statusSum } from '#src/core/telemetry/outcome.ts';
import { ArmSample } from '#src/core/telemetry/sample.ts';

test('an arm counts its first attempts with an outcome and the failures among them', () => {
  const arm = new ArmSample();
  arm.requests = 10;
  arm.failures = 3;
  arm.clientAborts = 4;
  assert.equal(errorRequests(arm), 10);
  assert.equal(errorFailures(arm), 3);
});

test('a range of codes is summed with both its ends', () => {
  const arm = new ArmSample();
  for (const [i, code] of [100, 199, 200, 299, 300, 399, 400, 499, 500, 599].entries())
    arm.status[code] = 2 ** i;
  assert.equal(statusSum(arm, 100, 199), 3);
  assert.equal(statusSum(arm, 200, 299), 12);
  assert.equal(statusSum(arm, 300, 399), 48);
  assert.equal(statusSum(arm, 400, 499), 192);
  assert.equal(statusSum(arm, 500, 599), 768);
  assert.equal(statusSum(arm, 299, 300), 24);
});
