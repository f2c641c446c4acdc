// The long form of the reliability figures, by hand: mixed load at about half of peak through weight changes, worker, control
// and node kills, then an overload, then a drain.
//   node test/soak/run.ts --minutes 10 [--seed N] [--rate requests/s] [--write]
// Prints a report, exits 1 when a figure is missed; --write puts it into RESULTS.md beside this file.
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createRandom, type Random } from '#src/base/random.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import { putSplit, readMetrics, sumMetric } from '../support/control.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import { KillableUpstream } from '../support/killable-upstream.ts';
import { chooseSeed, LoadClient, type LoadReport } from '../support/load-client.ts';
import { fileDescriptorCount, rssBytes } from '../support/proc.ts';
import { type Figure, type Sample, slopePerMinute, toMarkdown } from './report.ts';

const MiB = 1024 * 1024;
const connections = 32;
const nodesPerCluster = 3;
const sampleEveryMs = 1_000;
/** Until then the control thread's windows fill and the heaps find their size: 250 to 320 MiB, flat from there. */
const warmupMinutes = 3;
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    rate: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed ?? chooseSeed());
const durationMs = Number(values.minutes) * 60_000;
const random = createRandom(seed);

interface Stage {
  readonly crossover: Crossover;
  readonly x: readonly KillableUpstream[];
  readonly y: readonly KillableUpstream[];
}

async function startStage(): Promise<Stage> {
  const make = (cluster: 'x' | 'y') =>
    Array.from(
      { length: nodesPerCluster },
      (_, index) => new KillableUpstream(cluster, `${cluster}${index}`),
    );
  const x = make('x');
  const y = make('y');
  await Promise.all([...x, ...y].map((node) => node.start()));
  const config = testConfig({
    workers: 2,
    x: x.map(({ port }) => port),
    y: y.map(({ port }) => port),
    health: { path: '/', intervalMs: 1_000, timeoutMs: 800, unhealthyAfter: 2, healthyAfter: 1 },
    timeouts: { drainMs: 5_000 },
  });
  return { crossover: await startCrossover(config), x, y };
}

/** What goes wrong in the course of the soak, one thing at a time. */
async function disturb({ crossover, x, y }: Stage, random: Random): Promise<string> {
  const nodes = random.nextUint32() % 2 === 0 ? x : y;
  const node = nodes[random.nextUint32() % nodes.length] as KillableUpstream;
  switch (random.nextUint32() % 4) {
    case 0:
      await crossover.replaceWorker(random.nextUint32() % 2);
      return 'worker killed';
    case 1:
      await crossover.replaceControl();
      return 'control thread killed';
    case 2:
      await node.kill();
      await wait(2_000); // the outage is the subject
      await node.start();
      return 'node killed';
    default:
      await putSplit(crossover.controlPort, random.nextUint32() % 101);
      return 'weight changed';
  }
}

/** Peak of a closed loop, requests/s: half of it is the soak's load. */
async function measurePeak(port: number): Promise<number> {
  const load = new LoadClient({ port, connections, seed, posts: 0.3, chunkedPosts: 0.1 }).start();
  const startedMs = performance.now();
  await load.untilAnswered(20_000);
  const peak = load.report.answered / ((performance.now() - startedMs) / 1000);
  await load.stop();
  return peak;
}

async function loopDelayMsMax(crossover: Crossover): Promise<number> {
  return Math.max(...(await crossover.slabs()).map((slab) => slab[WORKER.loopDelayMsMax] ?? 0));
}

async function sampleUntil(deadlineMs: number, crossover: Crossover, samples: Sample[]): Promise<void> {
  const startedMs = performance.now();
  while (performance.now() < deadlineMs) {
    samples.push({
      minute: (performance.now() - startedMs) / 60_000,
      rssBytes: rssBytes(crossover.pid),
      fds: fileDescriptorCount(crossover.pid),
    });
    await wait(sampleEveryMs);
  }
}

/** Steady load at a fixed weight: nothing may fail, and the share must be the binomial's. */
async function steady(
  stage: Stage,
  rate: number,
  share: number,
): Promise<{ report: LoadReport; samples: Sample[] }> {
  await putSplit(stage.crossover.controlPort, share * 100);
  const load = new LoadClient({
    port: stage.crossover.port,
    connections,
    seed: seed + 1,
    posts: 0.3,
    chunkedPosts: 0.1,
    aborts: 0.05,
    requestsPerSecond: rate,
  }).start();
  const samples: Sample[] = [];
  await sampleUntil(performance.now() + durationMs / 2, stage.crossover, samples);
  return { report: await load.stop(), samples };
}

/** The same load while something breaks every few seconds. */
async function disturbed(
  stage: Stage,
  rate: number,
): Promise<{ report: LoadReport; events: Map<string, number> }> {
  const events = new Map<string, number>();
  const load = new LoadClient({
    port: stage.crossover.port,
    connections,
    seed: seed + 2,
    posts: 0.3,
    chunkedPosts: 0.1,
    requestsPerSecond: rate,
  }).start();
  const deadlineMs = performance.now() + durationMs / 2;
  while (performance.now() < deadlineMs) {
    const event = await disturb(stage, random);
    events.set(event, (events.get(event) ?? 0) + 1);
    await wait(500 + (random.nextUint32() % 1500));
  }
  return { report: await load.stop(), events };
}

/** Requests/s with 200 answers while many more connections ask than there is capacity for. */
async function goodputUnderOverload(port: number): Promise<number> {
  const load = new LoadClient({ port, connections: connections * 16, seed: seed + 3 }).start();
  const startedMs = performance.now();
  await load.untilAnswered(30_000);
  const goodput = (load.report.byStatus.get(200) ?? 0) / ((performance.now() - startedMs) / 1000);
  await load.stop();
  return goodput;
}

function countDoubled(stage: Stage, posts: ReadonlySet<string>): number {
  const deliveries = new Map<string, number>();
  for (const node of [...stage.x, ...stage.y])
    for (const token of node.tokens()) deliveries.set(token, (deliveries.get(token) ?? 0) + 1);
  return [...deliveries].filter(([token, count]) => count > 1 && posts.has(token)).length;
}

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;

async function main(): Promise<boolean> {
  const startedMs = performance.now();
  const stage = await startStage();
  const { crossover } = stage;
  console.log(`seed ${seed}, ${values.minutes} minutes`);
  const peak = await measurePeak(crossover.port);
  const rate = Number(values.rate ?? Math.floor(peak / 2));
  console.log(`peak ${Math.round(peak)} requests/s, soaking at ${rate}`);
  const share = 0.1;
  const fdsBefore = fileDescriptorCount(crossover.pid);
  const calm = await steady(stage, rate, share);
  const answeredOk = calm.report.byStatus.get(200) ?? 0;
  const metrics = await readMetrics(crossover.controlPort);
  const delayMs = await loopDelayMsMax(crossover);
  const rough = await disturbed(stage, rate);
  const doubled = countDoubled(stage, new Set([...calm.report.postTokens, ...rough.report.postTokens]));
  const goodput = await goodputUnderOverload(crossover.port);
  const fdsAfter = fileDescriptorCount(crossover.pid);
  const drained = (await crossover.order({ type: 'drain' })) as { cutExchanges: number };
  await crossover.stop();
  await Promise.all([...stage.x, ...stage.y].map((node) => node.kill()));

  const deviation =
    Math.abs(calm.report.byCluster.y - answeredOk * share) / Math.sqrt(answeredOk * share * (1 - share));
  const latencies = calm.report.latenciesMs.toSorted((a, b) => a - b);
  const roughFailures = rough.report.failures.filter(({ what }) => what !== 'lost');
  const warm = calm.samples.filter(({ minute }) => minute > warmupMinutes);
  const unaccounted = (report: LoadReport) => report.sent - report.answered - report.lost - report.aborted;
  const figures: Figure[] = [
    { name: 'steady: requests', value: calm.report.sent, target: null },
    { name: 'steady: unaccounted for', value: unaccounted(calm.report), target: { at: 'most', bound: 0 } },
    { name: 'steady: failed or lost', value: calm.report.failures.length, target: { at: 'most', bound: 0 } },
    {
      name: 'misrouted or invalid',
      value: [calm, rough].reduce(
        (sum, { report }) => sum + report.misrouted.length + report.invalid.length,
        0,
      ),
      target: { at: 'most', bound: 0 },
    },
    { name: 'POSTs delivered twice', value: doubled, target: { at: 'most', bound: 0 } },
    { name: "steady: Y's share off by, sigma", value: deviation, target: { at: 'most', bound: 4 } },
    { name: 'steady: p50, ms', value: quantile(latencies, 0.5), target: null },
    {
      name: 'steady: p99.9 / p50',
      value: quantile(latencies, 0.999) / quantile(latencies, 0.5),
      target: { at: 'most', bound: 10 },
    },
    {
      name: 'steady: RSS slope after warm-up, MiB/min',
      value: slopePerMinute(warm) / MiB,
      // Less than a minute of samples says nothing about a slope.
      target: warm.length < 60 ? null : { at: 'most', bound: 1 },
    },
    { name: 'steady: loop delay at most, ms', value: delayMs, target: { at: 'most', bound: 100 } },
    {
      name: 'metrics short of the client by',
      value: Math.max(0, answeredOk - sumMetric(metrics, 'crossover_requests_total', 'code="200"')),
      target: { at: 'most', bound: 0 },
    },
    { name: 'disturbed: requests', value: rough.report.sent, target: null },
    {
      name: 'disturbed: unaccounted for',
      value: unaccounted(rough.report),
      target: { at: 'most', bound: 0 },
    },
    {
      name: 'disturbed: lost with a killed worker',
      value: rough.report.lost,
      target: { at: 'most', bound: connections * (rough.events.get('worker killed') ?? 0) },
    },
    {
      name: 'disturbed: 502 of POSTs on killed nodes',
      value: roughFailures.filter(({ what, method }) => what === '502' && method === 'POST').length,
      target: { at: 'most', bound: connections * (rough.events.get('node killed') ?? 0) },
    },
    {
      name: 'disturbed: other failures',
      value: roughFailures.filter(({ what, method }) => what !== '502' || method !== 'POST').length,
      target: { at: 'most', bound: 0 },
    },
    { name: 'overload: goodput / peak', value: goodput / peak, target: { at: 'least', bound: 0.8 } },
    {
      name: 'descriptors more than before',
      value: fdsAfter - fdsBefore,
      target: { at: 'most', bound: 2 * connections * 16 },
    },
    { name: 'drain: exchanges cut', value: drained.cutExchanges, target: { at: 'most', bound: 0 } },
  ];
  console.log(
    `${calm.report.sent} steady requests, events: ${[...rough.events].map(([name, count]) => `${count} × ${name}`).join(', ')}`,
  );
  const markdown = toMarkdown(figures, {
    seed,
    minutes: (performance.now() - startedMs) / 60_000,
    peak,
    rate,
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, Linux ${release()}, Node ${process.version}`,
    events: [...rough.events],
  });
  console.log(markdown);
  if (values.write) writeFileSync(fileURLToPath(new URL('./RESULTS.md', import.meta.url)), markdown);
  return !markdown.includes('MISSED');
}

process.exit((await main()) ? 0 : 1);
