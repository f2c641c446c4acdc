// Many more clients than there is capacity for, each asking again as soon as it is answered: more than the
// proxy's core can serve, more than its limit of connections, more than the node behind it can serve. By
// hand:
//   node test/soak/overload.ts [--seconds N] [--rounds N] [--clients N] [--seed N] [--write] The proxy has
//     one worker and a core of its own; load and nodes share the others, so that the load can't take the
//     proxy's place on its core. Without taskset, or with one core, the figures mean little. The overload
//     comes in rounds, each between two measurements of the peak and followed by the same of nginx where that
//     is the yardstick: what is compared is never minutes apart, for the speed of a shared machine is not the
//     same by then.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startBackends } from '../../bench/backends.ts';
import { chooseCores } from '../../bench/cores.ts';
import { loadByAutocannon } from '../../bench/load/autocannon.ts';
import { loadByWrk } from '../../bench/load/wrk.ts';
import { nginx } from '../../bench/peers/nginx.ts';
import { freePorts, killChildrenOnExit, outputOf } from '../../bench/process/children.ts';
import { startProxy } from '../../bench/proxy.ts';
import { authorization } from '../support/control.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { documentedTimeouts, testConfig } from '../support/crossover-config.ts';
import { cpuMs } from '../support/proc.ts';
import { poll } from '../support/stillness.ts';
import { fetchOnce } from '../support/wire-client.ts';
import { type Measured, type Run, runLongForm } from './long-form.ts';
import { atLeast, atMost, type Figure, forInformation } from './report.ts';

/** Enough to keep the proxy's core busy, and few enough that nobody waits long. */
const peakConnections = 64;
/** So many times as many ask for three times what can be served. */
const overloadFactor = 3;
const peakSeconds = 3;
const probeEveryMs = 50;
/** How many come anew while there is no room for them. */
const turnedAwayPerSecond = 200;
/** After so long the crowd has its connections. */
const settleMs = 2_000;
const patienceMs = 10_000;
const goodputMin = 0.8;
/**
 * Of nginx's share, where that is what the goodput is held to: as near as two such figures come on shared
 * cores.
 */
const nginxShareMin = 0.95;
const refusalMsMax = 50;
const controlMsMax = 500;
const recoveryMsMax = 5_000;
/** A probe this fast, so many times in a row, is normal service. */
const normalMs = 50;
const normalInARow = 10;
const nodeSlots = 50;
const nodeWorkMs = 5;

const cores = chooseCores();
const hasWrk = outputOf('wrk', '--version') !== null;
const generator = hasWrk ? loadByWrk : loadByAutocannon;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))] ?? Number.NaN;

/** Requests/s that got a 200. */
async function goodput(port: number, connections: number, seconds: number, close: boolean): Promise<number> {
  const url = `http://127.0.0.1:${port}/1k`;
  const { served } = await generator({ url, method: 'GET', connections, seconds, close }, cores.load);
  return served / seconds;
}

/** What others see meanwhile: the control API, and clients that come anew for each request. */
class Probes {
  readonly controlMs: number[] = [];
  readonly servedMs: number[] = [];
  readonly refusedMs: number[] = [];
  unanswered = 0;
  readonly #port: number;
  #isRunning = true;
  readonly #loops: Promise<void>[];

  /**
   * controlPort: null where there is no control API. perSecond: so many come to the proxy, whether or not
   * those before were answered; 0: one after the other.
   */
  constructor(port: number, controlPort: number | null, perSecond: number) {
    this.#port = port;
    const proxy = perSecond === 0 ? this.#repeat(() => this.#askProxy()) : this.#stream(perSecond);
    const control = controlPort === null ? [] : [this.#repeat(() => this.#askControl(controlPort))];
    this.#loops = [...control, proxy];
  }

  async #stream(perSecond: number): Promise<void> {
    await wait(settleMs);
    const startedMs = performance.now();
    const asked: Promise<void>[] = [];
    while (this.#isRunning) {
      while (asked.length < ((performance.now() - startedMs) / 1000) * perSecond)
        asked.push(this.#askProxy());
      await wait(1);
    }
    await Promise.all(asked);
  }

  async #repeat(ask: () => Promise<void>): Promise<void> {
    while (this.#isRunning) {
      await ask();
      await wait(probeEveryMs);
    }
  }

  async #askControl(controlPort: number): Promise<void> {
    const startedMs = performance.now();
    const answer = await fetch(`http://127.0.0.1:${controlPort}/v1/status`, { headers: { authorization } });
    await answer.arrayBuffer();
    this.controlMs.push(performance.now() - startedMs);
  }

  async #askProxy(): Promise<void> {
    const startedMs = performance.now();
    const answer = await fetchOnce(this.#port, '/1k', patienceMs);
    const tookMs = performance.now() - startedMs;
    if (answer === null) this.unanswered++;
    else if (answer.status === 200) this.servedMs.push(tookMs);
    else this.refusedMs.push(tookMs);
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#loops);
  }
}

async function recoveryMs(crossover: Crossover): Promise<number> {
  const startedMs = performance.now();
  for (let normal = 0; normal < normalInARow; ) {
    const askedMs = performance.now();
    const answer = await fetchOnce(crossover.port, '/1k', patienceMs);
    normal = answer?.status === 200 && performance.now() - askedMs < normalMs ? normal + 1 : 0;
    if (performance.now() - startedMs > 10 * recoveryMsMax) return Number.POSITIVE_INFINITY;
  }
  return performance.now() - startedMs;
}

interface Overload {
  readonly name: string;
  readonly connections: number;
  /** A new connection per request. */
  readonly close: boolean;
  /** Others come at this rate meanwhile, each on a new connection; 0: one after the other. */
  readonly newcomersPerSecond: number;
  /**
   * What the goodput is held to: a share of the peak; nginx's share of its own peak, where many sockets cost
   * the kernel's caches and the load generator as much as the proxy; nothing, where the clients' behaviour
   * alone decides.
   */
  readonly heldTo: 'peak' | 'nginx' | 'nothing';
}

const usual = { close: false, newcomersPerSecond: 0, heldTo: 'peak' } as const;

/** Something to overload, and the load that it is measured by. */
interface Target {
  readonly port: number;
  readonly peakConnections: number;
}

interface Round {
  /** Requests/s. */
  readonly peak: number;
  readonly good: number;
}

const ratioOf = (rounds: readonly Round[]): number => median(rounds.map(({ good, peak }) => good / peak));

/**
 * One overload between two measurements of the peak. `during` runs in the overload, `after` right after it.
 */
async function round(
  { port, peakConnections }: Target,
  { connections, close }: Overload,
  seconds: number,
  during: () => () => Promise<void>,
): Promise<Round> {
  const before = await goodput(port, peakConnections, peakSeconds, close);
  const after = during();
  const good = await goodput(port, connections, seconds, close);
  await after();
  return { good, peak: (before + (await goodput(port, peakConnections, peakSeconds, close))) / 2 };
}

/** What the proxy's clients and its control API saw in all rounds. */
class Seen {
  readonly controlMs: number[] = [];
  readonly servedMs: number[] = [];
  readonly refusedMs: number[] = [];
  readonly coreShares: number[] = [];
  unanswered = 0;
  recoveredMs = 0;

  /** Watches until the function that it resolves with is called, then waits for normal service. */
  watch(crossover: Crossover, perSecond: number): () => Promise<void> {
    const probes = new Probes(crossover.port, crossover.controlPort, perSecond);
    const cpuBeforeMs = cpuMs(crossover.pid);
    const startedMs = performance.now();
    return async () => {
      // Below one the proxy waited for its clients or nodes: the peak is not its own to hold.
      this.coreShares.push((cpuMs(crossover.pid) - cpuBeforeMs) / (performance.now() - startedMs));
      await probes.stop();
      this.recoveredMs = Math.max(this.recoveredMs, await recoveryMs(crossover));
      this.controlMs.push(...probes.controlMs);
      this.servedMs.push(...probes.servedMs);
      this.refusedMs.push(...probes.refusedMs);
      this.unanswered += probes.unanswered;
    };
  }
}

interface Extent {
  readonly rounds: number;
  /** Of overload in each. */
  readonly seconds: number;
}

async function overload(
  crossover: Crossover,
  one: Overload,
  connectionsAtPeak: number,
  { rounds, seconds }: Extent,
  yardstickPort: number | null,
): Promise<Figure[]> {
  const { name } = one;
  const yardstick = one.heldTo === 'nginx' ? yardstickPort : null;
  const own: Round[] = [];
  const others: Round[] = [];
  const seen = new Seen();
  const target = { port: crossover.port, peakConnections: connectionsAtPeak };
  await goodput(target.port, connectionsAtPeak, peakSeconds, one.close); // code and pools get warm
  for (let index = 0; index < rounds; index++) {
    own.push(await round(target, one, seconds, () => seen.watch(crossover, one.newcomersPerSecond)));
    if (yardstick === null) continue;
    const probed = () => {
      const probes = new Probes(yardstick, null, one.newcomersPerSecond);
      return () => probes.stop();
    };
    others.push(await round({ ...target, port: yardstick }, one, seconds, probed));
  }
  return [
    forInformation(`${name}: peak, requests/s`, Math.round(median(own.map(({ peak }) => peak)))),
    forInformation(`${name}: clients`, one.connections),
    ...goodputFigures(one, own, others),
    forInformation(`${name}: CPU of the proxy, cores`, median(seen.coreShares)),
    forInformation(`${name}: probes served, p99, ms`, quantile(seen.servedMs, 0.99)),
    forInformation(`${name}: probes served`, seen.servedMs.length),
    forInformation(`${name}: probes refused`, seen.refusedMs.length),
    ...(seen.refusedMs.length === 0 || one.heldTo === 'nothing'
      ? []
      : [atMost(`${name}: probes refused, p99, ms`, quantile(seen.refusedMs, 0.99), refusalMsMax)]),
    forInformation(`${name}: probes cut off or unanswered`, seen.unanswered),
    atMost(`${name}: control API p99, ms`, quantile(seen.controlMs, 0.99), controlMsMax),
    atMost(`${name}: back to normal service, ms`, seen.recoveredMs, recoveryMsMax),
  ];
}

function goodputFigures(one: Overload, own: readonly Round[], nginxRounds: readonly Round[]): Figure[] {
  const figure = `${one.name}: goodput / peak`;
  const ratio = ratioOf(own);
  if (one.heldTo === 'nothing') return [forInformation(figure, ratio)];
  if (nginxRounds.length === 0) return [atLeast(figure, ratio, goodputMin)];
  const nginxRatio = ratioOf(nginxRounds);
  return [
    forInformation(`${figure} of nginx`, nginxRatio),
    atLeast(figure, ratio, Math.min(goodputMin, nginxShareMin * nginxRatio)),
  ];
}

const extentOf = (option: Run['option']): Extent => ({
  rounds: option('rounds'),
  seconds: option('seconds'),
});

const usualConfig = { workers: 1, timeouts: documentedTimeouts } as const;
const pinned = cores.proxy === null ? {} : { cores: cores.proxy };

async function overloadedProxy({ option, say }: Run): Promise<Figure[]> {
  const clients = option('clients');
  const extent = extentOf(option);
  const [x = 0, y = 0] = await freePorts(2);
  const kind = outputOf('nginx', '-v') === null ? 'node' : 'nginx';
  const directory = mkdtempSync(join(tmpdir(), 'overload-'));
  const backends = await startBackends(kind, { x, y }, directory, cores.load);
  const figures: Figure[] = [];
  await poll(async () => (await fetchOnce(x, '/1k', patienceMs))?.status === 200, patienceMs);
  const direct = await goodput(x, clients, peakSeconds, false);
  figures.push(
    forInformation('the load generator by itself, straight to a node, requests/s', Math.round(direct)),
  );
  const yardstick =
    nginx.version() === null ? null : await startProxy(nginx, backends, clients, directory, cores);
  const inTurn = async (crossover: Crossover, cases: readonly Overload[]): Promise<void> => {
    for (const one of cases) {
      figures.push(...(await overload(crossover, one, peakConnections, extent, yardstick?.port ?? null)));
      say(`${one.name}: done`);
    }
    await crossover.stop();
  };
  await inTurn(await startCrossover(testConfig({ ...usualConfig, x: [x], y: [y] }), pinned), [
    {
      ...usual,
      name: 'three times the clients',
      connections: overloadFactor * peakConnections,
      heldTo: 'nginx',
    },
    { ...usual, name: 'a crowd', connections: clients, heldTo: 'nginx' },
    // autocannon cannot close.
    ...(hasWrk ? [{ ...usual, name: 'a crowd of newcomers', connections: clients, close: true }] : []),
  ]);
  const limit = Math.floor(clients / 3);
  const limits = { connections: limit };
  await inTurn(await startCrossover(testConfig({ ...usualConfig, x: [x], y: [y], limits }), pinned), [
    {
      ...usual,
      name: 'all connections in use, newcomers',
      connections: limit,
      newcomersPerSecond: turnedAwayPerSecond,
      heldTo: 'nginx',
    },
    // wrk can't be told to back off: it spends its core on connecting again.
    { ...usual, name: 'a stampede of three times the limit', connections: clients, heldTo: 'nothing' },
  ]);
  await yardstick?.child.stop();
  await backends.child.stop();
  return figures;
}

async function overloadedNode({ option, say }: Run): Promise<Figure[]> {
  const entry = fileURLToPath(new URL('../support/limited-upstream-child.ts', import.meta.url));
  const child = fork(entry, [String(nodeSlots), String(nodeWorkMs)]);
  const [port] = (await once(child, 'message')) as [number];
  const crossover = await startCrossover(testConfig({ ...usualConfig, x: [port], y: [port] }), pinned);
  const one = { ...usual, name: 'a slow node', connections: option('clients') };
  const figures = await overload(crossover, one, 2 * nodeSlots, extentOf(option), null);
  say('a slow node: done');
  await crossover.stop();
  child.kill();
  return figures;
}

async function measure(run: Run): Promise<Measured> {
  killChildrenOnExit();
  const figures = [...(await overloadedProxy(run)), ...(await overloadedNode(run))];
  const placing =
    cores.proxy === null
      ? 'Nothing pinned: the figures depend on the scheduler.'
      : `The proxy, with one worker, on core ${cores.proxy}; load and nodes on core ${cores.load}.`;
  const notes = [
    placing,
    `Load by ${hasWrk ? 'wrk' : 'autocannon'}: every client asks again as soon as it is answered, also after a 503. Peak is what ${peakConnections} clients get, before and after; medians of the rounds.`,
  ];
  return { figures, notes };
}

await runLongForm({
  title: 'Overload',
  file: 'test/soak/overload.ts',
  options: { seconds: 12, rounds: 5, clients: 3_000 },
  measure,
});
