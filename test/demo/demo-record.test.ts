// The record that a demo keeps: of the whole product, with real workers that remember the requests that
// failed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { DemoOptions } from '#src/demo/demo.ts';
import type { CauseRequest } from '#src/record/frozen-evidence.ts';
import type { RolloutRecord } from '#src/record/rollout-record.ts';
import { runCli } from '../cli/run-cli.ts';
import { quickFolder } from '../control-plane/support/temp-folder.ts';
import { startDemo } from './run-demo.ts';

async function assertReverted(t: TestContext, storePath: string, fault: DemoOptions['fault']): Promise<void> {
  const child = startDemo({ fault, storePath }, quickFolder(t));
  t.after(() => child.kill('SIGKILL'));
  let out = '';
  child.stdout.on('data', (piece: Buffer) => {
    out += piece;
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  assert.equal(exitCode, 3, out);
}

test('demo keeps a record from which its revert can be told when it is over', async (t) => {
  const file = join(quickFolder(t), 'demo.db');
  await assertReverted(t, file, 'errors');
  const verified = await runCli(['events', '--verify', '--store', file]);
  assert.equal(verified.exitCode, 0, verified.out);
  const record = JSON.parse((await runCli(['report', '--store', file, '--json'])).out) as RolloutRecord;
  const { state, events, evidence, course } = record;
  assert.deepEqual([state.phase, events.at(-1)?.name], ['reverted', 'evidence-frozen']);
  assert.ok(evidence !== null && evidence.problem === null && evidence.verdict !== null);
  assert.ok(evidence.samples.length > 0 && evidence.samples.every(({ requestId }) => requestId !== ''));
  assert.ok(evidence.samples.some(({ status, request }) => status === 500 && /^(GET|POST) \//.test(request)));
  assert.ok((evidence.routes[0]?.y.failures ?? 0) > 0);
  assert.deepEqual([evidence.nodes.x.length, evidence.nodes.y.length], [2, 2]);
  assert.ok(course.length > 1 && course.some((point) => point.y.failures > 0));
  const report = await runCli(['report', '--store', file]);
  assert.match(report.out, /<strong>Reverted<\/strong>/);
  assert.deepEqual(
    readdirSync(dirname(file)).sort(),
    ['demo.db', 'demo.db.lock', 'demo.db.mark'],
    'no log of the store is left',
  );
});

for (const { fault, cause, isSpoken } of [
  { fault: 'status-mix', cause: /^status\.401$/, isSpoken: ({ status }: CauseRequest) => status === 401 },
  { fault: 'latency', cause: /^latency\./, isSpoken: ({ latencyMs }: CauseRequest) => latencyMs > 5 },
] as const) {
  test(`demo keeps requests that tell of a revert for ${fault}`, async (t) => {
    const file = join(quickFolder(t), 'demo.db');
    await assertReverted(t, file, fault);
    const record = JSON.parse((await runCli(['report', '--store', file, '--json'])).out) as RolloutRecord;
    const { evidence } = record;
    assert.match(evidence?.verdict?.cause ?? '', cause);
    assert.ok(evidence !== null && evidence.samples.length > 0 && evidence.samples.every(isSpoken));
    assert.ok(evidence.samples.every(({ requestId, node }) => requestId !== '' && node !== null));
    assert.ok(evidence.samples.every(({ maker }) => maker === 'kong' || maker === 'service'));
  });
}

test('demo refuses to go on with a record that there is already', async (t) => {
  const file = join(quickFolder(t), 'demo.db');
  writeFileSync(file, '');
  const { exitCode, err } = await runCli(['demo', '--store', file]);
  assert.equal(exitCode, 2);
  assert.match(err, /demo\.db exists\nGive the name of a new file\.\n/);
});
