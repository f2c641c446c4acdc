// Ends a Crossover in many ways around a change of its split, on a disk that fails in many ways, and starts
// it again: what was acknowledged must be so afterwards. Every point is drawn from a seed.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '#src/base/random.ts';
import { type DiskPlan, type Fault, FaultyDisk } from './disk-fault.ts';
import { type Answer, type Cleanup, ServedProcess } from './served-process.ts';

/** What is done when the fault is there. All but the last give Y less. */
const changes = ['revert', 'revert-split', 'lower-split', 'lower-paused', 'raise'] as const;
const ends = ['SIGTERM', 'SIGUSR2', 'SIGKILL', 'at-write'] as const;
const faults: readonly (readonly [store: Fault, mark: Fault])[] = [
  ['none', 'none'],
  ['full', 'full'],
  ['read-only', 'read-only'],
  ['hung', 'none'],
  ['hung', 'hung'],
  ['gone', 'none'],
  ['gone', 'gone'],
];

export interface Point {
  readonly change: (typeof changes)[number];
  readonly end: (typeof ends)[number];
  readonly store: Fault;
  readonly mark: Fault;
  /** Where the process ends itself, for `at-write`. */
  readonly kill: DiskPlan['kill'];
  /** Whether the process after it is ended in the same way, with the fault still there. */
  readonly isTwice: boolean;
  /** Whether the fault is gone before the last start, or only while that runs. */
  readonly isLiftedBefore: boolean;
}

export interface Result {
  readonly point: Point;
  /** What the change was answered with; null when the process ended before. */
  readonly answer: { readonly status: number; readonly recorded: boolean } | null;
}

/** Y's share before the change, percent. */
const before = 50;
const after: Readonly<Record<Point['change'], number>> = {
  revert: 0,
  'revert-split': 0,
  'lower-split': 20,
  'lower-paused': 20,
  raise: 80,
};

/** Every kind of end meets every fault in turn; the rest is drawn. */
export function drawPoints(count: number, seed: number): Point[] {
  const random = createRandom(seed);
  const below = (limit: number): number => random.nextUint32() % limit;
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  return Array.from({ length: count }, (_, index): Point => {
    const end = ends[index % ends.length] as Point['end'];
    const [store, mark] = faults[Math.floor(index / ends.length) % faults.length] as (typeof faults)[number];
    const kill = {
      part: pick(['store', 'mark'] as const),
      write: 1 + below(2),
      moment: pick(['before', 'in', 'after'] as const),
    };
    return {
      change: store === 'none' ? pick(changes) : pick(changes.slice(0, -1)),
      end,
      store,
      mark,
      kill: end === 'at-write' ? kill : null,
      isTwice: below(3) === 0,
      isLiftedBefore: below(2) === 0,
    };
  });
}

export const describePoint = ({ change, end, store, mark, kill, isTwice, isLiftedBefore }: Point): string =>
  [
    change,
    `store ${store}`,
    `mark ${mark}`,
    kill === null ? end : `killed ${kill.moment} write ${kill.write} to the ${kill.part}`,
    isTwice ? 'twice' : 'once',
    isLiftedBefore ? 'disk well before the start' : 'disk well after the start',
  ].join(', ');

/** A cluster: answers everything with 200. */
async function startUpstream(t: Cleanup): Promise<number> {
  const server = createServer((_request, response) => response.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Runs the points, some at a time; rejects with the first that does not hold, described. */
export async function runCampaign(
  points: readonly Point[],
  atATime: number,
  onResult: (result: Result, index: number) => void,
): Promise<void> {
  const cleanups: (() => void)[] = [];
  const t: Cleanup = { after: (action) => void cleanups.push(action) };
  const ports = [await startUpstream(t), await startUpstream(t)] as const;
  const queue = [...points.entries()];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, point] = next;
      try {
        onResult({ point, answer: await runPoint(point, ports) }, index);
      } catch (error) {
        queue.length = 0;
        throw new Error(`point ${index}: ${describePoint(point)}`, { cause: error });
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: atATime }, work));
  } finally {
    for (const action of cleanups) action();
  }
}

/** One point on a disk of its own. */
async function runPoint(
  point: Point,
  [xPort, yPort]: readonly [x: number, y: number],
): Promise<Result['answer']> {
  const folder = mkdtempSync(join(tmpdir(), 'crossover-campaign-'));
  const cleanups: (() => void)[] = [];
  const t: Cleanup = { after: (action) => void cleanups.push(action) };
  mkdirSync(join(folder, 'disk'));
  const disk = new FaultyDisk(join(folder, 'disk'));
  const start = () =>
    ServedProcess.start(t, {
      folder,
      store: join(folder, 'crossover.db'),
      disk,
      xPort,
      yPort,
    });
  try {
    const first = await start();
    await prepare(first, point.change);
    disk.set({ store: point.store, mark: point.mark, kill: point.kill });
    const answer = await makeRecorded(first, point);
    checkAnswer(answer, point);
    await end(first, point, answer, true);
    // The next one does not end by itself.
    disk.set({ store: point.store, mark: point.mark });
    if (point.isTwice) {
      const second = await start();
      await checkSplit(second, point, answer);
      await end(second, point, answer, false);
    }
    if (point.isLiftedBefore) await lift(disk, t);
    const last = await start();
    await checkSplit(last, point, answer);
    if (!point.isLiftedBefore) await lift(disk, t);
    await checkEnd(last, point, answer);
    return answer;
  } finally {
    for (const action of cleanups) action();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function lift(disk: FaultyDisk, t: Cleanup): Promise<void> {
  disk.set({ store: 'none', mark: 'none' });
  const pipe = await disk.release();
  t.after(() => void pipe.close());
}

/** Gives Y its share before the change. */
async function prepare(served: ServedProcess, change: Point['change']): Promise<void> {
  const isRollout = change === 'revert' || change === 'lower-paused';
  const answer = isRollout
    ? await served.call('POST', '/v1/rollout', { steps: [before, 100], bake: '20m' })
    : await served.call('PUT', '/v1/split', { y: before });
  assert.ok(answer.status < 300, JSON.stringify(answer));
  while ((await served.call('GET', '/v1/split')).body.y !== before);
  if (change === 'lower-paused')
    assert.equal((await served.call('POST', '/v1/rollout/pause', {})).body.recorded, true);
}

async function make(served: ServedProcess, change: Point['change']): Promise<Result['answer']> {
  const isRevert = change === 'revert' || change === 'revert-split';
  const asked: Promise<Answer> = isRevert
    ? served.call('POST', '/v1/rollout/revert', { reason: 'to be safe' })
    : served.call('PUT', '/v1/split', { y: after[change] });
  const answer = await asked.catch(() => null);
  return answer === null ? null : { status: answer.status, recorded: answer.body.recorded === true };
}

const canTake = ({ store, mark }: Point): boolean => store === 'none' || mark === 'none' || mark === 'full';

/**
 * Makes the change. A disk that can take it may be slower than the answer on a machine with much to do: then
 * it is asked again, as anybody would.
 */
async function makeRecorded(served: ServedProcess, point: Point): Promise<Result['answer']> {
  for (;;) {
    const answer = await make(served, point.change);
    if (answer === null || answer.status !== 200 || answer.recorded || !canTake(point)) return answer;
  }
}

/** Nothing but a raise may be refused, and what no disk could take is not called recorded. */
function checkAnswer(answer: Result['answer'], point: Point): void {
  if (answer === null) {
    assert.ok(point.kill !== null, 'it ended although nobody ended it');
    return;
  }
  if (point.change !== 'raise') assert.equal(answer.status, 200, 'it is made whatever the disk does');
  assert.ok(!answer.recorded || canTake(point), 'it is called recorded, and no disk could take it');
}

async function end(
  served: ServedProcess,
  point: Point,
  answer: Result['answer'],
  isFirst: boolean,
): Promise<void> {
  switch (point.end) {
    case 'at-write':
    case 'SIGKILL':
      served.child.kill('SIGKILL');
      break;
    case 'SIGUSR2':
      if (await served.replace()) {
        await checkSplit(served, point, answer);
        // It was told, whatever the disk does.
        const { y } = (await served.call('GET', '/v1/split')).body;
        if (isFirst && answer?.status === 200) assert.equal(y, after[point.change], served.err);
        process.kill(served.pid, 'SIGKILL');
      } else served.child.kill('SIGTERM');
      break;
    case 'SIGTERM':
      served.child.kill('SIGTERM');
      break;
  }
  const exitCode = await served.ended;
  // What a store does not have by then is said by the exit code, as is a thread that is left behind.
  if (point.end === 'SIGTERM' && point.store === 'none') assert.equal(exitCode, 0, served.err);
  if (point.end === 'SIGTERM' && served.err.includes('"transitions":1'))
    assert.equal(exitCode, 1, served.err);
}

/** The largest share that Y may have. */
function shareMax({ change }: Point, answer: Result['answer']): number {
  if (answer === null || answer.status !== 200) return Math.max(before, after[change]);
  return answer.recorded ? after[change] : before;
}

/** From the first moment on, and while nothing but X may be known. */
async function checkSplit(served: ServedProcess, point: Point, answer: Result['answer']): Promise<void> {
  const { y } = (await served.call('GET', '/v1/split')).body;
  const max = shareMax(point, answer);
  assert.ok(y <= max, `Y has ${y} %, at most ${max} % was acknowledged\n${served.err}`);
}

/** Once the disk is well: exactly what was acknowledged, with its record intact. */
async function checkEnd(served: ServedProcess, point: Point, answer: Result['answer']): Promise<void> {
  for (;;) {
    await checkSplit(served, point, answer);
    const { store } = (await served.call('GET', '/v1/status')).body;
    if (store.problem === null && store.unrecorded === null) break;
  }
  await checkSplit(served, point, answer);
  const { y } = (await served.call('GET', '/v1/split')).body;
  const target = after[point.change];
  if (answer?.status === 200 && answer.recorded) assert.equal(y, target, served.err);
  else assert.ok(y === before || y === target, `Y has ${y} %\n${served.err}`);
  if (point.change === 'revert' && answer?.recorded === true)
    assert.equal((await served.call('GET', '/v1/rollout')).body.phase, 'reverted');
  const verified = (await served.call('GET', '/v1/record/verify')).body;
  assert.equal(verified.intact, true, verified.text);
}
