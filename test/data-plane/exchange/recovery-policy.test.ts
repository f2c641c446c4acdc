import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ProxyErrorName, proxyErrors } from '#src/base/error-catalog.ts';
import {
  type FailedTry,
  needsBudget,
  RecoveryStep,
  stepAfterFailure,
  stepAfterStatus,
} from '#src/data-plane/exchange/recovery-policy.ts';
import { FailoverTriggers } from '#src/data-plane/upstream/failover-triggers.ts';

const replayable = { isIdempotent: true, isWhole: true, isWithinReplayLimit: true };
const everything = new FailoverTriggers(['connect', 'reset', 'timeout', 502, 503, 504]);
const nothing = new FailoverTriggers([]);
const { giveUp, freshConnection, anotherNode, otherCluster } = RecoveryStep;
const nameOf = (step: number): string | undefined =>
  Object.entries(RecoveryStep).find(([, value]) => value === step)?.[0];

/** A GET on a single-node Y, on a connection of its own. */
const tried = (error: ProxyErrorName, facts: Partial<FailedTry> = {}): FailedTry => ({
  error,
  request: replayable,
  wasSent: proxyErrors[error].kind !== 'connect' && proxyErrors[error].kind !== 'unavailable',
  wasReused: false,
  hasResponseBytes: false,
  hasRetriedStale: false,
  hasTriedAnotherNode: false,
  hasAnotherNode: false,
  mayLeaveCluster: true,
  ...facts,
});

const post = { ...replayable, isIdempotent: false };
const cut = { ...replayable, isWhole: false };
const large = { ...replayable, isWithinReplayLimit: false };

const table: readonly (readonly [ProxyErrorName, Partial<FailedTry>, RecoveryStep])[] = [
  // A node that closed an idle connection as it was reused.
  ['upstreamReset', { wasReused: true }, freshConnection],
  ['upstreamReset', { wasReused: true, hasAnotherNode: true }, freshConnection],
  ['upstreamReset', { wasReused: true, mayLeaveCluster: false }, freshConnection],
  ['upstreamReset', { wasReused: true, hasRetriedStale: true }, otherCluster],
  ['upstreamReset', { wasReused: true, hasResponseBytes: true }, otherCluster],
  ['upstreamReset', { wasReused: true, request: post }, giveUp],
  ['upstreamTimeout', { wasReused: true }, otherCluster],
  // A node that died with the request.
  ['upstreamReset', { hasAnotherNode: true }, anotherNode],
  ['upstreamReset', { hasAnotherNode: true, mayLeaveCluster: false }, anotherNode],
  ['upstreamReset', { hasAnotherNode: true, hasTriedAnotherNode: true }, otherCluster],
  ['upstreamReset', { hasAnotherNode: true, hasResponseBytes: true }, otherCluster],
  ['upstreamReset', { hasAnotherNode: true, request: post }, giveUp],
  ['upstreamReset', { hasAnotherNode: true, request: large }, giveUp],
  // What was not sent goes anywhere, whatever its method.
  ['upstreamConnectFailed', { hasAnotherNode: true }, anotherNode],
  ['upstreamConnectFailed', { hasAnotherNode: true, request: post }, anotherNode],
  ['upstreamConnectFailed', { hasAnotherNode: true, hasTriedAnotherNode: true }, otherCluster],
  ['upstreamConnectFailed', { request: post }, otherCluster],
  ['upstreamConnectFailed', { request: large }, otherCluster],
  ['upstreamConnectFailed', { request: cut }, giveUp],
  ['upstreamConnectFailed', { mayLeaveCluster: false }, giveUp],
  ['upstreamUnavailable', { request: post }, otherCluster],
  ['resourcesExhausted', { wasSent: false, request: post, hasAnotherNode: true }, anotherNode],
  ['resourcesExhausted', { wasSent: false, request: post }, otherCluster],
  ['resourcesExhausted', { wasSent: true, request: post, hasAnotherNode: true }, giveUp],
  ['upstreamOverloaded', { wasSent: false, hasAnotherNode: true }, anotherNode],
  ['upstreamOverloaded', { wasSent: false, mayLeaveCluster: false }, giveUp],
  // What was sent goes to X when it may be sent twice, and to no other node that might do the same with it.
  ['upstreamTimeout', { hasAnotherNode: true }, otherCluster],
  ['upstreamTimeout', { request: post }, giveUp],
  ['upstreamTimeout', { request: large }, giveUp],
  ['upstreamResponseInvalid', { hasAnotherNode: true, hasResponseBytes: true }, otherCluster],
  ['upstreamResponseInvalid', { request: cut }, giveUp],
  ['upstreamTruncated', {}, giveUp],
];

describe('the step after a failure', () => {
  for (const [error, facts, step] of table) {
    const { request, ...others } = facts;
    const what =
      request === post
        ? 'a POST'
        : request === large
          ? 'a large GET'
          : request === cut
            ? 'half a GET'
            : 'a GET';
    it(`of ${what} with ${error} ${JSON.stringify(others)} is ${nameOf(step)}`, () => {
      assert.equal(nameOf(stepAfterFailure(tried(error, facts), everything)), nameOf(step));
    });
  }

  it('is never the other cluster where failover is off', () => {
    for (const error of Object.keys(proxyErrors) as ProxyErrorName[])
      assert.equal(stepAfterFailure(tried(error), nothing), giveUp, error);
  });

  it('asks for the entry of failover.on that the catalog names', () => {
    const entries = ['connect', 'reset', 'timeout', 502] as const;
    for (const entry of entries)
      for (const error of Object.keys(proxyErrors) as ProxyErrorName[]) {
        const moves = stepAfterFailure(tried(error), new FailoverTriggers([entry])) === otherCluster;
        assert.equal(moves, proxyErrors[error].replayOn === entry, `${error} with ${entry}`);
      }
  });
});

describe('the step after a status', () => {
  it('is the other cluster for one that failover.on names, when the request may be sent again', () => {
    assert.equal(stepAfterStatus(503, replayable, true, everything), otherCluster);
    assert.equal(stepAfterStatus(500, replayable, true, everything), giveUp);
    assert.equal(stepAfterStatus(503, replayable, false, everything), giveUp);
    for (const request of [post, cut, large])
      assert.equal(stepAfterStatus(503, request, true, everything), giveUp);
  });
});

describe('the budget for replays', () => {
  it('bounds all moves but those for a shortage of ours', () => {
    const free = (Object.keys(proxyErrors) as ProxyErrorName[]).filter((error) => !needsBudget(error));
    assert.deepEqual(free, ['connectionsExhausted', 'upstreamOverloaded', 'resourcesExhausted']);
  });
});
