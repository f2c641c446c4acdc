import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { DemoOptions } from '#src/demo/demo.ts';
import { quickPlace } from '../support/quick-place.ts';
import { startDemo } from './run-demo.ts';

/** What it prints of a rollout that is under way. */
const inStep = 'ramping, step 1 of 2, 50 % on Y';

describe('the demo', { concurrency: false }, () => {
  let folder = '';
  const children = new Set<ChildProcess>();
  beforeEach(() => {
    folder = mkdtempSync(join(quickPlace, 'crossover-demo-test-'));
  });
  afterEach(async () => {
    for (const child of children) {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    rmSync(folder, { recursive: true });
  });

  /** Runs a demo to its end, with a signal once `cue` was printed; `signalCount` of them at once. */
  async function run(options: Partial<DemoOptions>, cue: string | null = null, signalCount = 1) {
    const child = startDemo(options, folder, cue === inStep);
    children.add(child);
    child.once('close', () => children.delete(child));
    let out = '';
    let isCued = false;
    child.stdout.on('data', (piece: Buffer) => {
      out += piece;
      if (isCued || cue === null || !out.includes(cue)) return;
      isCued = true;
      for (let sent = 0; sent < signalCount; sent++) child.kill(sent === 0 ? 'SIGINT' : 'SIGTERM');
    });
    const [exitCode] = (await once(child, 'close')) as [number | null];
    assert.deepEqual(readdirSync(folder), [], 'nothing is left behind');
    if (out !== '')
      assert.match(out, /^Proxy http:\/\/127\.0\.0\.1:\d+ {3}Control API http:\/\/127\.0\.0\.1:\d+$/m);
    return { exitCode, out };
  }

  const clients = (out: string): number =>
    Number(/Clients +([\d,]+) requests/.exec(out)?.[1]?.replaceAll(',', ''));

  it('gives everything to Y and exits 0 when nothing is wrong', async () => {
    const { exitCode, out } = await run({ fault: 'none' });
    assert.equal(exitCode, 0, out);
    assert.match(out, /Y got everything after \d+ s\./);
    assert.match(out, /0 without an answer/);
    assert.ok(clients(out) > 1_000, out);
  });

  it('reverts and exits 3 with the reason in numbers when Y answers errors', async () => {
    const { exitCode, out } = await run({ fault: 'errors' });
    assert.equal(exitCode, 3, out);
    assert.match(out, /FAULT: Y now answers 5 %/);
    assert.match(out, /Y was reverted after \d+ s/);
    assert.match(out, /Why +errors [\d.]+ % on Y against [\d.]+ % on X/);
    assert.match(out, /[1-9]\d* answers with 5xx, 0 without an answer/);
  });

  it('reverts and exits 3 when Y only becomes slower, or only answers otherwise', async () => {
    const slower = await run({ fault: 'latency' });
    assert.equal(slower.exitCode, 3, slower.out);
    const otherwise = await run({ fault: 'status-mix' });
    assert.equal(otherwise.exitCode, 3, otherwise.out);
    assert.match(otherwise.out, /Why .*401/);
  });

  it('reverts and exits 3 when Y dies, and X answers what Y cannot', async () => {
    const { exitCode, out } = await run({ fault: 'dead' });
    assert.equal(exitCode, 3, out);
    assert.match(out, /Saved +[\d,]+ requests that failed on Y were answered by X/);
  });

  it('stays up after the rollout has ended, and ends with 0 when interrupted', async () => {
    const { exitCode, out } = await run({ fault: 'errors', exit: false }, 'stays up until Ctrl-C');
    assert.equal(exitCode, 0, out);
    assert.match(out, /The rollout has ended: reverted\..*\n(.*\n)*Stopping\.\nY was reverted/);
  });

  it('exits 1 when it is interrupted before the end that it was to wait for', async () => {
    const { exitCode, out } = await run({}, inStep);
    assert.equal(exitCode, 1, out);
    assert.match(out, /The demo was ended with 50 % on Y\./);
  });

  it('ends at once, and still leaves nothing behind, when it is interrupted twice', async () => {
    const { exitCode, out } = await run({}, inStep, 2);
    assert.equal(exitCode, 1);
    assert.doesNotMatch(out, /The demo was ended/);
  });
});
