// `npm test -- [WORD…] [--name PATTERN]`: runs test/**/*.test.ts, or those whose path contains one of the words. A skipped
// test is a failure when CI is set: there, what a test needs has to be installed.
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';

/** A test file that hangs must not hang the whole run. */
const fileTimeoutMs = 15 * 60_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { name: { type: 'string', multiple: true, default: [] } },
});
const all = globSync('test/**/*.test.ts').sort();
const files =
  positionals.length === 0 ? all : all.filter((file) => positionals.some((word) => file.includes(word)));
if (files.length === 0) {
  console.error(`no test file matches ${positionals.join(' ')}`);
  process.exit(2);
}

const isCi = !['', 'false', '0'].includes(process.env.CI ?? '');
const skipped: string[] = [];
process.exitCode = 1;
const events = run({
  files,
  // Tests start servers and threads of their own; more files at a time than cores only makes them wait for each other.
  concurrency: Math.max(1, Math.min(4, availableParallelism())),
  timeout: fileTimeoutMs,
  ...(values.name.length === 0 ? {} : { testNamePatterns: values.name }),
});
events.on('test:pass', ({ name, file, skip }) => {
  if (skip !== undefined && skip !== false)
    skipped.push(`${file ?? ''}: ${name}${skip === true ? '' : ` (${skip})`}`);
});
events.on('test:summary', ({ file, success }) => {
  if (file !== undefined) return; // one for each file comes first, the one without is for all
  process.exitCode = success && !(isCi && skipped.length > 0) ? 0 : 1;
});
const report = events.compose(new spec());
report.on('end', () => {
  for (const test of skipped) console.error(`skipped${isCi ? ', which CI does not allow' : ''}: ${test}`);
});
report.pipe(process.stdout);
