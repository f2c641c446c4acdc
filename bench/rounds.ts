// The order of measurements: all proxies take turns within a round, so that a slow minute of the machine hits
// all alike; medians are taken over rounds.
import { type BenchCase, benchCases, type LoadCase } from './cases.ts';
import type { Cores } from './cores.ts';
import type { LoadGenerator } from './load/load.ts';
import { type Measurement, measureAtRate, measureIdle, measureLoad, measureMemory } from './measure.ts';
import type { BenchOptions, CaseName } from './options.ts';
import type { RunningProxy } from './proxy.ts';
import { median } from './statistics.ts';

/** Medians of the rounds, by case and proxy. */
export type Results = Map<CaseName, Map<string, Measurement>>;

/** All rounds, by case and proxy: measurements of the same index were taken right after each other. */
export type Rounds = Map<CaseName, Map<string, readonly Measurement[]>>;

interface RoundSetup {
  readonly options: BenchOptions;
  readonly cores: Cores;
  readonly load: LoadGenerator;
  readonly proxies: readonly RunningProxy[];
  /** A fresh process of the same proxy with so many workers, for measurements of memory. */
  restart(proxy: RunningProxy, workers: number): Promise<RunningProxy>;
  say(line: string): void;
}

const idleSettleMs = 1500;

/** Runs all cases. */
export async function runRounds(setup: RoundSetup): Promise<Rounds> {
  const { options, say } = setup;
  await warmUp(setup);
  const rounds: Rounds = new Map();
  for (const name of options.cases) {
    const one: BenchCase = benchCases[name];
    const rate = one.kind === 'half' ? await halfOfPeak(setup, one.ofPeak, rounds) : 0;
    if (rate > 0) say(`${one.title}: ${rate} requests/s`);
    rounds.set(name, await runCase(setup, name, rate));
  }
  return rounds;
}

/** The median of each figure over the rounds. */
export function mediansOf(rounds: Rounds): Results {
  return new Map(
    [...rounds].map(([name, byProxy]) => [
      name,
      new Map([...byProxy].map(([proxy, measured]) => [proxy, medians(measured)])),
    ]),
  );
}

/** JIT compilers, connection pools and file caches get to their steady state before anything counts. */
async function warmUp({ options, cores, load, proxies, say }: RoundSetup): Promise<void> {
  const seconds = options.smoke ? 1 : 3;
  const loads = options.cases.map((name) => loadOf(benchCases[name]));
  for (const proxy of proxies) {
    for (const one of new Set(loads)) {
      say(`warming ${proxy.name}: ${one.title}`);
      await measureLoad(proxy, load, one, { connections: options.connections, seconds, cores });
    }
  }
}

/** What a case sends, or for one that sends next to nothing the most common load. */
function loadOf(one: BenchCase): LoadCase {
  if (one.kind === 'load') return one;
  return one.kind === 'half' ? one.ofPeak : benchCases['1k'];
}

async function runCase(setup: RoundSetup, name: CaseName, rate: number): Promise<Map<string, Measurement[]>> {
  const { options, proxies, say } = setup;
  const rounds = new Map<string, Measurement[]>(proxies.map((proxy) => [proxy.name, []]));
  // Memory hardly varies, and its load takes a minute.
  const count = benchCases[name].kind === 'memory' ? 1 : options.rounds;
  for (let round = 0; round < count; round++) {
    for (let turn = 0; turn < proxies.length; turn++) {
      // Each round starts with another proxy: whoever follows a heavy one would otherwise always follow it.
      const proxy = proxies[(round + turn) % proxies.length];
      if (proxy === undefined) continue;
      const measured = await measureOnce(setup, proxy, name, rate);
      rounds.get(proxy.name)?.push(measured);
      say(`${name} round ${round + 1}/${count} ${proxy.name}: ${oneLine(measured)}`);
    }
  }
  return rounds;
}

async function measureOnce(
  setup: RoundSetup,
  proxy: RunningProxy,
  name: CaseName,
  rate: number,
): Promise<Measurement> {
  const { options, cores, load } = setup;
  const { connections, seconds } = options;
  const settings = { connections, seconds, cores };
  const one: BenchCase = benchCases[name];
  if (one.kind === 'load') return measureLoad(proxy, load, one, settings);
  if (one.kind === 'half') return measureAtRate(proxy, one.ofPeak.path, rate, settings);
  const fresh = await setup.restart(proxy, one.kind === 'memory' ? one.workers : 1);
  try {
    if (one.kind === 'memory') return await measureMemory(fresh, load, one.loads, settings);
    // Not after load: what a garbage collector has not given back would take the connections in for nothing.
    return await measureIdle(fresh, idleSettleMs);
  } finally {
    await fresh.child.stop();
  }
}

/**
 * Half of what nginx does with that load (or the first proxy, when nginx is not among them), requests per
 * second.
 */
async function halfOfPeak(setup: RoundSetup, ofPeak: LoadCase, rounds: Rounds): Promise<number> {
  const { proxies, options, cores, load } = setup;
  const reference = proxies.find((proxy) => proxy.name === 'nginx') ?? proxies[0];
  if (reference === undefined) throw new Error('no proxy to measure');
  const { connections, seconds } = options;
  const known = [...rounds].find(([name]) => benchCases[name] === ofPeak)?.[1].get(reference.name);
  const measured = known ?? [await measureLoad(reference, load, ofPeak, { connections, seconds, cores })];
  return Math.round((median(measured.flatMap(({ perSecond }) => perSecond ?? [])) ?? 0) / 2);
}

function oneLine(measured: Measurement): string {
  const parts = [
    measured.perSecond === null ? '' : `${Math.round(measured.perSecond)}/s`,
    measured.cpuUs === null ? '' : `${measured.cpuUs.toFixed(1)} us CPU`,
    measured.p99Us === null ? '' : `p99 ${measured.p99Us} us`,
    measured.proportionalBytes === null ? '' : `${Math.round(measured.proportionalBytes / 2 ** 20)} MiB PSS`,
    measured.idleConnectionBytes === null ? '' : `${Math.round(measured.idleConnectionBytes)} B/connection`,
    measured.errors === 0 ? '' : `${measured.errors} errors`,
    measured.overloaded ? 'overloaded' : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function medians(rounds: readonly Measurement[]): Measurement {
  const of = (pick: (one: Measurement) => number | null) =>
    median(rounds.map(pick).filter((value) => value !== null));
  return {
    perSecond: of((one) => one.perSecond),
    cpuUs: of((one) => one.cpuUs),
    cpuUserUs: of((one) => one.cpuUserUs),
    cpuKernelUs: of((one) => one.cpuKernelUs),
    busy: of((one) => one.busy),
    foreign: of((one) => one.foreign),
    p50Us: of((one) => one.p50Us),
    p99Us: of((one) => one.p99Us),
    residentBytes: of((one) => one.residentBytes),
    proportionalBytes: of((one) => one.proportionalBytes),
    idleConnectionBytes: of((one) => one.idleConnectionBytes),
    errors: rounds.reduce((sum, one) => sum + one.errors, 0),
    // One burst of somebody else is not the proxy's fault; what most rounds say counts, as with the medians.
    overloaded: rounds.filter((one) => one.overloaded).length * 2 > rounds.length,
  };
}
