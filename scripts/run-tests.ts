// `npm test -- [WORD…] [--name PATTERN] [--patience SECONDS]`: runs test/**/*.test.ts, or those whose path
// contains one of the words. A skipped test is a failure when CI is set: there, what a test needs has to be
// installed. What hangs is named and ended.
import { globSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import process from 'node:process';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { processTree } from '../bench/process/usage.ts';
import { type Hanging, RunningTests } from './running-tests.ts';

/** Longer than any wait in a test may take (test/support/until.ts): those say better what never came. */
const patienceSecondsDefault = '600';
const watchEveryMs = 1_000;
const longestShown = 5;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    name: { type: 'string', multiple: true, default: [] },
    patience: { type: 'string', default: patienceSecondsDefault },
  },
});
const all = globSync('test/**/*.test.ts').sort();
const files =
  positionals.length === 0 ? all : all.filter((file) => positionals.some((word) => file.includes(word)));
if (files.length === 0) {
  console.error(`no test file matches ${positionals.join(' ')}`);
  process.exit(2);
}

// Hundreds of processes and threads load the same modules: what Node makes of them is kept between them.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/tests', import.meta.url));

const isCi = !['', 'false', '0'].includes(process.env.CI ?? '');
const testMs = Number(values.patience) * 1000;
/** A test that is over its time has failed by then, unless it is in a loop that nothing interrupts. */
const patience = { silenceMs: 1.1 * testMs, endingMs: testMs / 10 };
const notes: string[] = [];
const durations: { readonly file: string; readonly seconds: number }[] = [];
let hasSkipped = false;
process.exitCode = 1;
const events = run({
  files,
  // Tests start servers and threads of their own; more files at a time than cores only makes them wait for
  // each other.
  concurrency: Math.max(1, Math.min(4, availableParallelism())),
  timeout: testMs,
  ...(values.name.length === 0 ? {} : { testNamePatterns: values.name }),
});
events.on('test:pass', ({ name, file, skip }) => {
  if (skip === undefined || skip === false) return;
  hasSkipped = true;
  const why = skip === true ? '' : ` (${skip})`;
  notes.push(`skipped${isCi ? ', which CI does not allow' : ''}: ${file ?? ''}: ${name}${why}`);
});
events.on('test:summary', ({ file, success, duration_ms: durationMs }) => {
  // One for each file comes first, the one without is for all.
  if (file !== undefined) durations.push({ file, seconds: Math.round(durationMs / 1000) });
  else process.exitCode = success && !(isCi && hasSkipped) ? 0 : 1;
});

const running = new RunningTests();
events.on('test:enqueue', (event) => running.enqueued(event, performance.now()));
events.on('test:dequeue', (event) => running.begun(event, performance.now()));
events.on('test:complete', (event) => running.ended(event, performance.now()));
setInterval(() => {
  for (const hanging of running.takeHanging(performance.now(), patience)) endHanging(hanging);
}, watchEveryMs).unref();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    kill(processTree(process.pid).slice(1));
    process.exit(130);
  });
}

const report = events.compose(new spec());
report.on('end', () => {
  for (const note of notes) console.error(note);
  if (positionals.length > 0) return;
  const longest = durations.sort((a, b) => b.seconds - a.seconds).slice(0, longestShown);
  console.error(`longest: ${longest.map(({ file, seconds }) => `${file} ${seconds} s`).join(', ')}`);
});
report.pipe(process.stdout);

/** Its file fails for that, and the others go on. */
function endHanging({ file, where }: Hanging): void {
  const note = `hangs: ${file}: ${where}`;
  console.error(note);
  notes.push(note);
  const isOf = (pid: number): boolean => readArguments(pid).some((argument) => resolve(argument) === file);
  kill(
    processTree(process.pid)
      .slice(1)
      .filter(isOf)
      .flatMap((pid) => processTree(pid)),
  );
}

function readArguments(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // it ended meanwhile
  }
}

function kill(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
