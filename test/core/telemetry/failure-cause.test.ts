import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { proxyErrors } from '#src/base/error-catalog.ts';
import { responseFaults } from '#src/core/http1/response-head.ts';
import {
  closedCode,
  deadlineCode,
  failureCause,
  failureCauses,
  failurePhases,
  faultCode,
} from '#src/core/telemetry/failure-cause.ts';
import { shortResource } from '#src/core/telemetry/own-shortage.ts';

describe('the causes of failures', () => {
  it('are each in the table once, at their index', () => {
    const names = failureCauses.map(({ phase, code }) => `${phase} ${code}`);
    assert.equal(new Set(names).size, names.length);
    for (const [index, cause] of failureCauses.entries()) {
      assert.equal(cause.index, index);
      assert.equal(failureCause(cause.phase, cause.code), cause);
    }
  });

  it('are labels: letters, digits and underscores', () => {
    for (const { code } of failureCauses) assert.match(code, /^[A-Za-z0-9_]+$/);
  });

  it('are charged to the cluster, with the kind of their phase', () => {
    for (const { error, phase, code } of failureCauses)
      assert.notEqual(proxyErrors[error].kind, null, `${phase} ${code}`);
    const kindOf = (...cause: Parameters<typeof failureCause>) =>
      proxyErrors[failureCause(...cause).error].kind;
    assert.equal(kindOf('select', 'no_node'), 'unavailable');
    assert.equal(kindOf('connect', 'ECONNREFUSED'), 'connect');
    assert.equal(kindOf('connect', deadlineCode), 'connect');
    assert.equal(kindOf('send', 'EPIPE'), 'reset');
    assert.equal(kindOf('send', deadlineCode), 'timeout');
    assert.equal(kindOf('head', closedCode), 'reset');
    assert.equal(kindOf('head', deadlineCode), 'timeout');
    for (const fault of responseFaults) assert.equal(kindOf('head', faultCode(fault)), 'protocol', fault);
    assert.equal(kindOf('body', 'ECONNRESET'), 'truncated');
    assert.equal(kindOf('body', deadlineCode), 'truncated');
  });

  it('are `other` where the code is not in the table', () => {
    for (const phase of failurePhases.filter((each) => each !== 'select'))
      assert.equal(failureCause(phase, 'EWHATEVER').code, 'other');
  });

  it('know a name without an address', () => {
    for (const code of ['EINVAL', 'ENOTFOUND', 'EAI_AGAIN'])
      assert.equal(failureCause('connect', code).code, 'unresolved');
    assert.equal(failureCause('head', 'EINVAL').code, 'other');
  });

  it('have no shortage of ours among them', () => {
    for (const { code } of failureCauses) assert.equal(shortResource(code), null, code);
  });
});
