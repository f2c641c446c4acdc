import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';

const script = resolve('scripts/run-tests.ts');

/** Runs the test files in a project of their own. */
function runTests(
  files: Readonly<Record<string, string>>,
  { args = [], ci = '' }: { args?: readonly string[]; ci?: string } = {},
) {
  const directory = mkdtempSync(join(tmpdir(), 'crossover-run-tests-'));
  try {
    mkdirSync(join(directory, 'test'));
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(directory, 'test', name), `import { test } from 'node:test';\n${text}\n`);
    // Inside a test run the test runner would report to the outer one and refuse to run files.
    const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
    return spawnSync(process.execPath, [script, ...args], {
      cwd: directory,
      env: { ...env, CI: ci },
      encoding: 'utf8',
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const passing = "test('passes', () => {});";
const failing = "test('fails', () => { throw new Error('no'); });";
const skipped = "test('is skipped', { skip: 'nginx is not installed' }, () => {});";

test('run-tests succeeds and prints the closing lines when all tests pass', () => {
  const { status, stdout } = runTests({ 'a.test.ts': passing });
  assert.equal(status, 0);
  assert.match(stdout, /pass 1\n.*fail 0\n/);
});

test('run-tests fails when a test fails', () => {
  assert.equal(runTests({ 'a.test.ts': passing, 'b.test.ts': failing }).status, 1);
});

test('run-tests fails when a test file cannot be loaded', () => {
  assert.equal(runTests({ 'a.test.ts': passing, 'b.test.ts': "import './gone.ts';" }).status, 1);
});

test('run-tests names what was skipped, and fails for it when CI is set', () => {
  const files = { 'a.test.ts': `${passing}\n${skipped}` };
  const here = runTests(files);
  assert.equal(here.status, 0);
  assert.match(here.stderr, /skipped: .*is skipped \(nginx is not installed\)/);
  const inCi = runTests(files, { ci: 'true' });
  assert.equal(inCi.status, 1);
  assert.match(inCi.stderr, /skipped, which CI does not allow: .*is skipped/);
});

test('run-tests runs only the files whose path contains a word when words are given', () => {
  const files = { 'good.test.ts': passing, 'bad.test.ts': failing };
  assert.equal(runTests(files, { args: ['good'] }).status, 0);
  assert.equal(runTests(files, { args: ['nothing-like-it'] }).status, 2);
});

const hangs =
  "test('waits for ever', async () => { setInterval(() => {}, 1_000); await new Promise(() => {}); });";
// Some turns later: what has not left the process when it stops reading and writing is not known.
const loops = `describe('a suite', () => {
  it('loops for ever', async () => {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    for (;;);
  });
});`;
const lingers = "test('leaves a timer', () => { setInterval(() => {}, 1_000); });";

test('run-tests names the test that waits for ever, that loops for ever, and the file that does not end', () => {
  const files = {
    'a.test.ts': `${hangs}\n${failing}`,
    'b.test.ts': `import { describe, it } from 'node:test';\n${passing}\n${loops}`,
    'c.test.ts': lingers,
    'd.test.ts': passing,
  };
  const { status, stdout, stderr } = runTests(files, { args: ['--patience', '10'] });
  assert.equal(status, 1);
  assert.match(stdout, /✖ waits for ever[\s\S]*test timed out after 10000ms/);
  assert.match(stderr, /hangs: .*b\.test\.ts: in "a suite > loops for ever"/);
  assert.match(stderr, /hangs: .*c\.test\.ts: its tests have ended, and its process has not/);
  assert.match(stdout, /✔ passes [\s\S]*✔ passes /, 'the others go on');
});
