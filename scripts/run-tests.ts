// `npm test -- [WORD…] [--name PATTERN]`: runs test/**/*.test.ts, or the files whose path contains one of the
// words. When CI is set a skipped test is a failure, because everything that tests need is installed there.
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { processTree } from '../bench/process/usage.ts';

/**
 * When no test has reported anything for so long, the test files are killed. A test may hang in a loop that
 * no signal handler interrupts.
 */
const silenceMsMax = 10 * 60_000;

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

// Hundreds of processes and threads load the same modules, so Node's compiled code is kept for all of them.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/tests', import.meta.url));

const isCi = !['', 'false', '0'].includes(process.env.CI ?? '');
const skipped: string[] = [];
process.exitCode = 1;
const events = run({
  files,
  // Tests start servers and threads of their own; more files at a time than cores only makes them wait for
  // each other.
  concurrency: Math.max(1, Math.min(4, availableParallelism())),
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
let lastEventAt = Date.now();
events.on('data', () => {
  lastEventAt = Date.now();
});
setInterval(() => {
  if (Date.now() - lastEventAt < silenceMsMax) return;
  console.error(`nothing happened for ${silenceMsMax / 60_000} minutes; ending the test files that run`);
  killTestFiles();
}, 1000).unref();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    killTestFiles();
    process.exit(130);
  });
}

const report = events.compose(new spec());
report.on('end', () => {
  for (const test of skipped) console.error(`skipped${isCi ? ', which CI does not allow' : ''}: ${test}`);
});
report.pipe(process.stdout);

function killTestFiles(): void {
  for (const pid of processTree(process.pid).slice(1)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
