// A folder of its own for every test that needs files, gone when the test is over.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { quickPlace } from '../../support/quick-place.ts';

export function tempFolder(t: TestContext, parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, 'crossover-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The same for files that no disk needs to hold. */
export const quickFolder = (t: TestContext): string => tempFolder(t, quickPlace);
