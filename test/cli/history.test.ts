// `history export` against a real control thread with a store that has more than fits into one answer.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSqliteStore } from '#src/control-plane/store/sqlite-store.ts';
import type { TrafficWindow } from '#src/record/traffic-window.ts';
import { startControl } from '../control-plane/support/control-rig.ts';
import { tempFolder } from '../control-plane/support/temp-folder.ts';
import { controlToken } from '../support/control.ts';
import { runCli } from './run-cli.ts';

test('history export writes every window in order, with the thresholds in force', async (t) => {
  const database = join(tempFolder(t), 'crossover.db');
  const opened = openSqliteStore(database);
  assert.ok(opened.ok);
  const firstMs = Date.now() - 3_600_000;
  const windows: TrafficWindow[] = Array.from({ length: 1_300 }, (_, i) => ({
    atMs: firstMs + i * 1_000,
    dtMs: 1_000,
    rollout: null,
    epochs: [{ epoch: 1, weightPpm: 0, x: { requests: i + 1, latency: [100, i + 1] }, y: {} }],
  }));
  for (let i = 0; i < windows.length; i += 10)
    assert.ok(opened.value.saveTraffic(windows.slice(i, i + 10)).ok);
  opened.value.close();

  const rig = await startControl(t, { database });
  const output = join(tempFolder(t), 'traffic.json');
  const { exitCode, out } = await runCli(['history', 'export', '--url', rig.url, '--output', output], {
    env: { CROSSOVER_TOKEN: controlToken },
  });
  assert.equal(exitCode, 0);
  assert.equal(out, '');
  const exported = JSON.parse(readFileSync(output, 'utf8'));
  assert.deepEqual(exported.windows.slice(0, windows.length), windows);
  assert.equal(exported.thresholds.falseReverts, 0.01);

  const judged = await runCli(['simulate', '--history', output]);
  assert.equal(judged.exitCode, 0);
  assert.match(judged.out, /There was no rollout in that time/);
});
