// Many more clients than there is capacity for, each asking again as soon as it is answered: more than the proxy's core can
// serve, more than its limit of connections, more than the node behind it can serve. By hand:
//   node test/soak/overload.ts [--seconds N] [--clients N] [--seed N] [--write]
// The proxy has one worker and a core of its own; load and nodes share the others, so that the load can't take the proxy's
// place on its core. Without taskset, or with one core, the figures mean little.
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
import { freePorts, killChildrenOnExit, outputOf } from '../../bench/process/children.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import { cpuMs } from '../support/proc.ts';
import { poll } from '../support/stillness.ts';
import { fetchOnce } from '../support/wire-client.ts';
import { type Measured, type Run, runLongForm } from './long-form.ts';
import { atLeast, atMost, type Figure, forInformation } from './report.ts';

/** Enough to keep the proxy's core busy, and few enough that nobody waits long. */
const peakConnections = 64;
const peakSeconds = 10;
const probeEveryMs = 50;
const patienceMs = 10_000;
const goodputMin = 0.8;
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

const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))] ?? Number.NaN;

/** Requests/s that got a 200. */
async function goodput(port: number, connections: number, seconds: number, close: boolean): Promise<number> {
  const url = `http://127.0.0.1:${port}/1k`;
  const { requests, errors } = await generator(
    { url, method: 'GET', connections, seconds, close },
    cores.load,
  );
  return Math.max(0, requests - errors) / seconds;
}

/** What others see meanwhile: the control API, and a client that comes anew for each request. */
class Probes {
  readonly controlMs: number[] = [];
  readonly servedMs: number[] = [];
  readonly refusedMs: number[] = [];
  unanswered = 0;
  readonly #crossover: Crossover;
  #isRunning = true;
  readonly #loops: Promise<void>[];

  constructor(crossover: Crossover) {
    this.#crossover = crossover;
    this.#loops = [this.#repeat(() => this.#askControl()), this.#repeat(() => this.#askProxy())];
  }

  async #repeat(ask: () => Promise<void>): Promise<void> {
    while (this.#isRunning) {
      await ask();
      await wait(probeEveryMs);
    }
  }

  async #askControl(): Promise<void> {
    const startedMs = performance.now();
    const answer = await fetch(`http://127.0.0.1:${this.#crossover.controlPort}/v1/status`);
    await answer.arrayBuffer();
    this.controlMs.push(performance.now() - startedMs);
  }

  async #askProxy(): Promise<void> {
    const startedMs = performance.now();
    const answer = await fetchOnce(this.#crossover.port, '/1k', patienceMs);
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
}

async function overload(
  crossover: Crossover,
  one: Overload,
  peak: number,
  seconds: number,
): Promise<Figure[]> {
  const { name } = one;
  const probes = new Probes(crossover);
  const cpuBeforeMs = cpuMs(crossover.pid);
  const startedMs = performance.now();
  const good = await goodput(crossover.port, one.connections, seconds, one.close);
  // Below one the proxy waited for its clients or nodes: the peak is not its own to hold.
  const coreShare = (cpuMs(crossover.pid) - cpuBeforeMs) / (performance.now() - startedMs);
  await probes.stop();
  const recoveredMs = await recoveryMs(crossover);
  return [
    forInformation(`${name}: clients`, one.connections),
    atLeast(`${name}: goodput / peak`, good / peak, goodputMin),
    forInformation(`${name}: CPU of the proxy, cores`, coreShare),
    forInformation(`${name}: probes served, p99, ms`, quantile(probes.servedMs, 0.99)),
    forInformation(`${name}: probes served`, probes.servedMs.length),
    forInformation(`${name}: probes refused`, probes.refusedMs.length),
    ...(probes.refusedMs.length === 0
      ? []
      : [atMost(`${name}: probes refused, p99, ms`, quantile(probes.refusedMs, 0.99), refusalMsMax)]),
    forInformation(`${name}: probes cut off or unanswered`, probes.unanswered),
    atMost(`${name}: control API p99, ms`, quantile(probes.controlMs, 0.99), controlMsMax),
    atMost(`${name}: back to normal service, ms`, recoveredMs, recoveryMsMax),
  ];
}

const pinned = cores.proxy === null ? {} : { cores: cores.proxy };

async function overloadedProxy({ option, say }: Run): Promise<Figure[]> {
  const clients = option('clients');
  const seconds = option('seconds');
  const [x = 0, y = 0] = await freePorts(2);
  const kind = outputOf('nginx', '-v') === null ? 'node' : 'nginx';
  const directory = mkdtempSync(join(tmpdir(), 'overload-'));
  const backends = await startBackends(kind, { x, y }, directory, cores.load);
  const figures: Figure[] = [];
  const inTurn = async (crossover: Crossover, cases: readonly Overload[]): Promise<void> => {
    for (const one of cases) {
      await goodput(crossover.port, peakConnections, peakSeconds, one.close); // code and pools get warm
      const peak = await goodput(crossover.port, peakConnections, peakSeconds, one.close);
      say(`${one.name}: peak ${Math.round(peak)}/s`);
      figures.push(forInformation(`${one.name}: peak, requests/s`, Math.round(peak)));
      figures.push(...(await overload(crossover, one, peak, seconds)));
      say(`${one.name}: done`);
    }
    await crossover.stop();
  };
  await poll(async () => (await fetchOnce(x, '/1k', patienceMs))?.status === 200, patienceMs);
  const direct = await goodput(x, clients, peakSeconds, false);
  figures.push(
    forInformation('the load generator by itself, straight to a node, requests/s', Math.round(direct)),
  );
  await inTurn(await startCrossover(testConfig({ workers: 1, x: [x], y: [y] }), pinned), [
    { name: 'a crowd', connections: clients, close: false },
    // wrk cannot be told to back off, and autocannon cannot close.
    ...(hasWrk ? [{ name: 'a crowd of newcomers', connections: clients, close: true }] : []),
  ]);
  const limits = { connections: Math.floor(clients / 3) };
  await inTurn(await startCrossover(testConfig({ workers: 1, x: [x], y: [y], limits }), pinned), [
    { name: 'three times the limit of connections', connections: clients, close: false },
  ]);
  await backends.child.stop();
  return figures;
}

async function overloadedNode({ option, say }: Run): Promise<Figure[]> {
  const entry = fileURLToPath(new URL('../support/limited-upstream-child.ts', import.meta.url));
  const child = fork(entry, [String(nodeSlots), String(nodeWorkMs)]);
  const [port] = (await once(child, 'message')) as [number];
  const crossover = await startCrossover(testConfig({ workers: 1, x: [port], y: [port] }), pinned);
  const peak = await goodput(crossover.port, 2 * nodeSlots, peakSeconds, false);
  say(`a slow node: peak ${Math.round(peak)}/s`);
  const one = { name: 'a slow node', connections: option('clients'), close: false };
  const figures = await overload(crossover, one, peak, option('seconds'));
  await crossover.stop();
  child.kill();
  return [forInformation('a slow node: peak, requests/s', Math.round(peak)), ...figures];
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
    `Load by ${hasWrk ? 'wrk' : 'autocannon'}: every client asks again as soon as it is answered, also after a 503. Peak is what ${peakConnections} clients get.`,
  ];
  return { figures, notes };
}

await runLongForm({
  title: 'Overload',
  file: 'test/soak/overload.ts',
  options: { seconds: 60, clients: 3_000 },
  measure,
});
