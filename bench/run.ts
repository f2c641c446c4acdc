// `npm run bench`: Crossover and other proxies side by side on one machine, in one run. This file wires the
// parts together; the measuring is in measure.ts, the order in rounds.ts, the proxies in peers/.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { startBackends } from './backends.ts';
import { comparisonTable } from './comparison.ts';
import { type Cores, chooseCores } from './cores.ts';
import { amountByAutocannon, loadByAutocannon } from './load/autocannon.ts';
import type { LoadGenerator } from './load/load.ts';
import { loadByWrk } from './load/wrk.ts';
import { describeMachine } from './machine.ts';
import { type BenchOptions, beforeName, parseOptions, usage } from './options.ts';
import { commandPeer } from './peers/command.ts';
import { crossoverAt, profiledCrossover } from './peers/crossover.ts';
import type { Peer } from './peers/peer.ts';
import { knownPeers } from './peers/peers.ts';
import { freePorts, killChildrenOnExit, outputOf } from './process/children.ts';
import { profileReport } from './profile-report.ts';
import { type RunningProxy, startProxy } from './proxy.ts';
import { caseTables, doubts, targetTable } from './report.ts';
import { mediansOf, type Results, type Rounds, runRounds } from './rounds.ts';

const smokeRequests = 300;
/** Idle connections come on top of those of the load generator. */
const connectionsMax = 5000;

interface Tools {
  readonly load: LoadGenerator;
  readonly loadName: string;
  readonly backends: 'nginx' | 'node';
}

async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === 'number') return options;
  if (options.install && !installPeers()) return 1;
  const cores = chooseCores();
  const tools = chooseTools(options);
  const directory = mkdtempSync(join(tmpdir(), 'crossover-bench-'));
  // Listeners run in order: the children must be dead before their directory goes.
  killChildrenOnExit();
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

  const peers = choosePeers(options, directory);
  const rounds = await measureAll(options, tools, peers, directory, cores);
  const results = mediansOf(rounds);
  const text = report(options, tools, peers, cores, rounds);
  console.log(text);
  if (options.profile) console.log(profileReport(join(directory, 'profiles')));
  if (options.write) writeResults(text);
  return failures(results);
}

function readOptions(): BenchOptions | number {
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options !== 'help') return options;
    console.log(usage);
    return 0;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
}

function installPeers(): boolean {
  const script = fileURLToPath(new URL('../scripts/install-peers.ts', import.meta.url));
  return spawnSync(process.execPath, [script], { stdio: 'inherit' }).status === 0;
}

function chooseTools(options: BenchOptions): Tools {
  if (options.smoke)
    return { load: amountByAutocannon(smokeRequests), loadName: 'autocannon', backends: 'node' };
  const hasWrk = outputOf('wrk', '-v') !== null;
  return {
    load: hasWrk ? loadByWrk : loadByAutocannon,
    loadName: hasWrk ? 'wrk' : 'autocannon (wrk is not installed; latencies are whole milliseconds)',
    backends: outputOf('nginx', '-v') === null ? 'node' : 'nginx',
  };
}

function choosePeers(options: BenchOptions, directory: string): Peer[] {
  const profiles = join(directory, 'profiles');
  if (options.profile) mkdirSync(profiles);
  return options.proxies.flatMap((name) => {
    const command = options.commands.get(name);
    if (command !== undefined) return [commandPeer(name, command)];
    const peer =
      name === beforeName && options.before !== null
        ? crossoverAt(name, options.before)
        : knownPeers.get(name);
    if (peer === undefined)
      throw new Error(`no proxy ${name}; there are ${[...knownPeers.keys()].join(', ')}`);
    if (peer.version() === null) {
      console.error(`${name} is not installed: left out (npm run bench -- --install gets it on Debian)`);
      return [];
    }
    return [options.profile && name === 'crossover' ? profiledCrossover(profiles) : peer];
  });
}

async function measureAll(
  options: BenchOptions,
  tools: Tools,
  peers: readonly Peer[],
  directory: string,
  cores: Cores,
): Promise<Rounds> {
  const [x = 0, y = 0] = await freePorts(2);
  const backends = await startBackends(tools.backends, { x, y }, directory, cores.load);
  const start = (peer: Peer, workers = 1) =>
    startProxy(peer, backends, connectionsMax, directory, cores, workers);
  const proxies: RunningProxy[] = [];
  try {
    for (const peer of peers) proxies.push(await start(peer));
    const restart = async ({ name }: RunningProxy, workers: number) => {
      const peer = peers.find((one) => one.name === name);
      if (peer === undefined) throw new Error(`unknown proxy ${name}`);
      return start(peer, workers);
    };
    const say = (line: string) => console.error(line);
    return await runRounds({ options, cores, load: tools.load, proxies, restart, say });
  } finally {
    await Promise.all(proxies.map((proxy) => proxy.child.stop(10_000)));
    await backends.child.stop();
  }
}

function report(
  options: BenchOptions,
  tools: Tools,
  peers: readonly Peer[],
  cores: Cores,
  rounds: Rounds,
): string {
  const results = mediansOf(rounds);
  const reference = peers.some(({ name }) => name === 'nginx') ? 'nginx' : (peers[0]?.name ?? '');
  const facts = [
    `Date: ${new Date().toISOString().slice(0, 10)}`,
    ...describeMachine(cores),
    `Load: ${tools.loadName}, ${options.connections} keep-alive connections; backends: ${tools.backends}`,
    `Rounds: ${options.rounds} of ${options.seconds} s, proxies interleaved; figures are medians`,
    `Split: 90 % to X, 10 % to Y; every proxy adds X-Forwarded-For, -Proto, -Host, -Port, X-Real-IP, Via and a new X-Request-Id`,
    `In parentheses: the ratio to ${reference}`,
    ...peers.map((peer) => `${peer.name}: ${peer.version()}`),
  ];
  const list = facts.map((fact) => `- ${fact}`).join('\n');
  // A smoke run ends before compilers have warmed up; held against targets its figures would mislead.
  const targets = options.smoke ? '' : targetTable(results);
  const sections = [caseTables(results, reference), ...comparisons(peers, rounds), targets];
  return `${list}\n\n${doubts(results)}${sections.filter((section) => section !== '').join('\n')}`;
}

/**
 * Crossover against every other proxy; only an earlier version of itself is what it must not be slower than.
 */
function comparisons(peers: readonly Peer[], rounds: Rounds): string[] {
  return peers
    .filter(({ name }) => name !== 'crossover')
    .map(({ name }) => comparisonTable(rounds, 'crossover', name, name === beforeName));
}

function writeResults(text: string): void {
  const options = process.argv.slice(2).join(' ');
  const file = fileURLToPath(new URL('./RESULTS.md', import.meta.url));
  writeFileSync(
    file,
    `# Benchmark results\n\nWritten by \`npm run bench -- ${options}\`. CPU per request is user and kernel time of the proxy's processes; it is the steadiest figure on a machine that does other things too. Throughput and latency count where the proxy's core was fully used and others hardly used it.\n\n${text}`,
  );
  console.error(`wrote ${file}`);
}

/** Slow is never a failure; answers that went wrong are. */
function failures(results: Results): number {
  let exitCode = 0;
  for (const [name, byProxy] of results) {
    const errors = byProxy.get('crossover')?.errors ?? 0;
    if (errors === 0) continue;
    console.error(`crossover: ${errors} errors in ${name}`);
    exitCode = 1;
  }
  return exitCode;
}

process.exit(await main());
