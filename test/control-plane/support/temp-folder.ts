// A folder of its own for every test that needs files, gone when the test is over.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export function tempFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'crossover-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
