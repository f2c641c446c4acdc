import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StatusView } from '#src/control-plane/status/status.ts';
import { statusLines } from '#src/terminal/status-view.ts';
import { createStyle } from '#src/terminal/style.ts';
import { exampleStatus, inPhase } from '../cli/example-status.ts';

const page = (status: StatusView): string =>
  statusLines(status, { style: createStyle(false), columns: 200 }).join('\n');

test('the status says what a start waits for when its checks have passed', () => {
  const status = inPhase('preflight');
  assert.match(page(status), /Checking whether a rollout may start\./);
  const hold = { name: 'gate', text: 'gate cab holds: not before noon' } as const;
  assert.match(page({ ...status, hold }), /Waits to start: gate cab holds: not before noon/);
});

test('the status of a completed rollout calls X needed while Y does not get its share, and shows what X answers', () => {
  const completed = { ...inPhase('completed'), split: { x: 0, y: 100, revision: 9 } };
  assert.doesNotMatch(page(completed), /Answers/);
  const [worker] = completed.workers;
  assert.ok(worker !== undefined);
  const { x, y } = completed.clusters;
  const diverted = {
    ...completed,
    workers: [
      { ...worker, breaker: 'half-open' as const },
      { ...worker, index: 1, breaker: 'closed' as const },
    ],
    clusters: { x: { ...x, requestsPerSecond: 0, answersPerSecond: 80 }, y: { ...y, answersPerSecond: 0 } },
  };
  const shown = page(diverted);
  assert.match(shown, /Y's share goes to X at the moment: its breaker is open in 1 of 2 workers\./);
  assert.match(shown, /X must not be taken down/);
  assert.doesNotMatch(shown, /may be taken down/);
  assert.match(shown, /Share +Requests +Answers +Errors/);
  assert.match(shown, /X kong-3\.4 +0 % +0\/s +80\/s/);
});

test('the status of a completed rollout calls X needed while Y has no healthy node', () => {
  const completed = inPhase('completed');
  const { y } = completed.clusters;
  const nodes = y.nodes.map((node) => ({ ...node, healthy: false }));
  const shown = page({ ...completed, clusters: { ...completed.clusters, y: { ...y, nodes } } });
  assert.match(
    shown,
    /Y's share goes to X at the moment: it has no healthy node\. X must not be taken down\./,
  );
});

test('the status shows a freeze with its words, whatever else holds', () => {
  assert.doesNotMatch(page(exampleStatus), /frozen/);
  const freeze = {
    frozen: true,
    reason: 'release week',
    actor: 'Ada',
    sinceMs: 0,
    untilMs: 1_767_787_200_000,
  };
  const shown = page({ ...exampleStatus, signals: { ...exampleStatus.signals, freeze } });
  assert.match(
    shown,
    /Trouble +Starts and advances are frozen by Ada until 2026-01-07T12:00:00\.000Z: release week\./,
  );
  assert.match(shown, /needs about 480 more requests/);
});

test('the status shows parked routes, and does not call X dispensable while there are any', () => {
  const served = inPhase('completed');
  const { x, y } = served.clusters;
  const completed = { ...served, clusters: { x: { ...x, answersPerSecond: 0 }, y } };
  assert.match(page(completed), /X may be taken down/);
  const pinned = { ...served, clusters: { x: { ...x, answersPerSecond: 12 }, y } };
  assert.match(
    page(pinned),
    /X still answers 12\/s, which rules or headers send there\. X must not be taken down/,
  );
  const text = 'route users: errors 50 % on Y against 0.1 % on X over 40 and 360 requests';
  const parked = [{ name: 'users', slot: 0, sinceMs: 0, text }];
  const shown = page({ ...completed, rollout: { ...completed.rollout, parked } });
  assert.doesNotMatch(shown, /taken down/);
  assert.match(shown, /Trouble +Parked on X: route users: errors 50 % on Y/);
  const suspects = [{ client: '192.0.2.7', sinceMs: 0 }];
  assert.match(
    page({ ...completed, suspects }),
    /Trouble +Not compared, .*unlike all others on Y: 192\.0\.2\.7/,
  );
});

test('the status names the comparison that needs the most, not the one with the least evidence', () => {
  const { verdict } = exampleStatus;
  assert.ok(verdict !== null);
  const [errors] = verdict.streams;
  assert.ok(errors !== undefined);
  const streams = [
    { ...errors, logSafe: 0.1 },
    { ...errors, stream: 'status.404', logSafe: 1.5 },
  ];
  const needs = { stream: 'status.404', requests: 32_000, seconds: 1_300 };
  const shown = page({ ...exampleStatus, verdict: { ...verdict, streams, needs } });
  assert.match(shown, /to advance.* status\.404: about 32,000 more requests to Y$/m);
});

test('the status says which errors in the table were made by services and do not count', () => {
  const { verdict } = exampleStatus;
  assert.ok(verdict !== null);
  const none = { kong: 0, service: 0, gateway: 0, unattributed: 0 };
  const last60s = { x: none, y: { ...none, service: 42 } };
  const failureMakers = { attribution: 'kong', step: last60s, last60s } as const;
  assert.doesNotMatch(page(exampleStatus), /made by services/);
  const shown = page({ ...exampleStatus, verdict: { ...verdict, failureMakers } });
  assert.match(
    shown,
    /^Errors +Y had 42 errors, of these 42 made by services, not counted, in the last minute$/m,
  );
  assert.doesNotMatch(shown, /X had/);
});

test('the status says when the step and the rollout will be over, in one place', () => {
  const shown = page(exampleStatus);
  assert.match(
    shown,
    /^Forecast +next step in 4 to 19 s, completed in 4 to 10 min, if the rates stay as they are$/m,
  );
  const soak = { fromSeconds: 300, toSeconds: 300 };
  const soaking = { ...inPhase('soaking'), forecast: { step: soak, rollout: soak } };
  assert.match(page(soaking), /^Forecast +completed in 5 min$/m);
  const held = { ...inPhase('ramping'), forecast: { step: null, rollout: null } };
  assert.match(page(held), /^Forecast +none for as long as this holds it$/m);
  assert.doesNotMatch(page(inPhase('idle')), /Forecast/);
});

test('the status says for how long a hold has lasted once that is unusual', () => {
  const hold = { name: 'gate', text: 'gate cab holds: not before noon' } as const;
  const status = { ...inPhase('ramping'), hold };
  assert.doesNotMatch(page({ ...status, heldSeconds: 59 }), /\(for/);
  assert.match(page({ ...status, heldSeconds: 780 }), /not before noon \(for 13 min\)/);
});

test('the status says why the last rollout was not started', () => {
  const failedStart = { id: 'r-1', atMs: 0, text: '0 of 1 nodes of y answer.' };
  const idle = { ...inPhase('idle', { failedStart }), split: { x: 100, y: 0, revision: 1 } };
  assert.match(page(idle), /was not started, its checks failed: 0 of 1 nodes of y answer\./);
});
