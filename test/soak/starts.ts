// How long it takes from the start of a process until it serves, after kill -9 in the middle of its work. By
// hand:
//   node test/soak/starts.ts [--starts N] [--seed N] [--write]
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../bench/process/children.ts';
import { TokenUpstream } from '../support/token-upstream.ts';
import { fetchOnce } from '../support/wire-client.ts';
import { type Measured, type Run, runLongForm } from './long-form.ts';
import { atMost, forInformation } from './report.ts';

const entry = fileURLToPath(new URL('../../bin/crossover.js', import.meta.url));
const servesMsMax = 1_000;
/** Often enough, and seldom enough to leave the cores to the start. */
const lookEveryMs = 10;
const answerMsMax = 1_000;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Starts the process and waits for its first answer; how long that took, in ms. */
async function start(file: string, port: number, env: NodeJS.ProcessEnv): Promise<[ChildProcess, number]> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [entry, 'serve', '--config', file], { stdio: 'ignore', env });
  while ((await fetchOnce(port, '/t/1', answerMsMax))?.status !== 200) await wait(lookEveryMs);
  return [child, performance.now() - startedMs];
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function measure({ option, say }: Run): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'crossover-starts-'));
  const x = new TokenUpstream({ cluster: 'x', node: 'x0' });
  const y = new TokenUpstream({ cluster: 'y', node: 'y0' });
  await Promise.all([x.listen(), y.listen()]);
  const [port = 0, control = 0] = await freePorts(2);
  const file = join(folder, 'crossover.yaml');
  writeFileSync(
    file,
    `listen: { proxy: 127.0.0.1:${port}, control: 127.0.0.1:${control} }
clusters:
  x: { label: x, nodes: [http://127.0.0.1:${x.port}] }
  y: { label: y, nodes: [http://127.0.0.1:${y.port}] }
store: { sqlite: ${JSON.stringify(join(folder, 'crossover.db'))} }
`,
  );
  const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'cache') };
  const [first, firstMs] = await start(file, port, env);
  // Killed only now: what it keeps for the next start is written after it serves.
  await wait(answerMsMax);
  await kill(first);
  const times: number[] = [];
  for (let count = 0; count < option('starts'); count++) {
    const [child, tookMs] = await start(file, port, env);
    await kill(child);
    times.push(tookMs);
  }
  say(`${times.length} starts: ${times.map(Math.round).join(', ')} ms`);
  await Promise.all([x.stop(), y.stop()]);
  rmSync(folder, { recursive: true });
  const bareMs = Array.from({ length: 5 }, () => {
    const startedMs = performance.now();
    spawnSync(process.execPath, ['-e', '0']);
    return performance.now() - startedMs;
  });
  return {
    figures: [
      forInformation('starts', times.length),
      atMost('start to serving, median, ms', median(times), servesMsMax),
      forInformation('start to serving, slowest, ms', Math.max(...times)),
      forInformation('the very first start, with nothing kept from before, ms', firstMs),
      forInformation('start of Node by itself, median, ms', median(bareMs)),
    ],
    notes: ['Each process is killed with -9 as soon as it has answered; all have the same store.'],
  };
}

await runLongForm({
  title: 'Starts',
  file: 'test/soak/starts.ts',
  options: { starts: 20 },
  measure,
});
