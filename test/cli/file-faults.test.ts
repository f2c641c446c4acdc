// A folder where a file is meant is a common slip: every option that names a file says so.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startFakeControlApi } from './fake-control-api.ts';
import { runCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'crossover-folder-'));
after(() => rmSync(folder, { recursive: true }));

for (const [args, exitCode] of [
  [['check', folder], 2],
  [['status', '--token-file', folder], 2],
  [['simulate', '--history', folder], 2],
  [['report', '--store', folder], 1],
  [['events', '--verify', '--store', folder], 1],
] as const)
  test(`${args.join(' ').replace(folder, 'FOLDER')} says that it is a folder`, async () => {
    const result = await runCli(args);
    assert.equal(result.exitCode, exitCode, result.err);
    assert.match(result.err, /(it|this) is a (folder|directory)/);
  });

test('history export --output FOLDER says that it is a folder', async (t) => {
  const api = await startFakeControlApi(() => ({ body: { thresholds: {}, windows: [], next: null } }));
  t.after(() => api.close());
  const { exitCode, err } = await runCli(['history', 'export', '--url', api.url, '--output', folder]);
  assert.equal(exitCode, 1);
  assert.equal(err, `error: cannot write ${folder}: it is a folder, not a file\n`);
});

test('a token file that is not there is named', async () => {
  const { err } = await runCli(['status', '--token-file', join(folder, 'none')]);
  assert.match(err, /cannot read the token file \S+none: there is no such file or folder/);
});
