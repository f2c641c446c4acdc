// A lane: one proxy in front of its own scripted upstreams, playing cases one after the other. Lanes run side
// by side.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PPM } from '#src/limits.ts';
import { startCrossover } from '../support/crossover.ts';
import { type TestConfig, testConfig } from '../support/crossover-config.ts';
import { startNaiveProxy } from '../support/naive-proxy.ts';
import { ScriptedUpstream } from '../support/scripted-upstream.ts';
import { Signal } from '../support/signal.ts';
import { hangMs } from '../support/until.ts';
import { type RunningProxy, startYardstick } from '../support/yardsticks.ts';
import { type Profile, readCaseFile, type WireCase } from './case-file.ts';
import { type Judgement, judgeCase } from './judge.ts';
import { type Bench, playCase } from './play-case.ts';

export type ProxyName = 'crossover' | 'crossover-stream' | 'nginx' | 'haproxy' | 'naive';
export const proxyNames: readonly ProxyName[] = [
  'crossover',
  'crossover-stream',
  'nginx',
  'haproxy',
  'naive',
];

export interface Result extends Judgement {
  readonly wireCase: WireCase;
  readonly ms: number;
}

const casesDirectory = fileURLToPath(new URL('./cases', import.meta.url));

/** Every case of the corpus, in file order. */
export function readCorpus(): WireCase[] {
  const files = readdirSync(casesDirectory).filter((name) => name.endsWith('.wire'));
  return files.sort().flatMap((name) => readCaseFile(`${casesDirectory}/${name}`));
}

/** Short enough to wait for, long enough not to be met by a busy machine in the middle of what goes on. */
const shortMs = 2_000;
/**
 * Other proxies are known to hang in some cases, which takes this long in each; Crossover gets all the time
 * of a slow machine.
 */
const yardstickHangMs = 5_000;
export const limitedBodyBytes = 1000;

const profiles: Readonly<Record<Profile, Omit<TestConfig, 'x' | 'y'>>> = {
  main: {},
  'slow client': { timeouts: { requestHeadMs: shortMs, requestBodyMs: shortMs, clientIdleMs: shortMs } },
  'slow answer': { timeouts: { requestBodyMs: shortMs, responseHeadMs: shortMs } },
  'slow body': { timeouts: { responseBodyMs: shortMs } },
  limits: { limits: { bodyBytes: limitedBodyBytes } },
  y: { failover: { budget: 1 } },
  'slow y': { timeouts: { responseHeadMs: shortMs }, failover: { budget: 1 } },
};

const isForY = (profile: Profile): boolean => profile === 'y' || profile === 'slow y';

async function startProxy(
  name: ProxyName,
  profile: Profile,
  bench: Pick<Bench, 'x' | 'y'>,
): Promise<RunningProxy> {
  if (name === 'naive') return startNaiveProxy(bench.x.port);
  if (name === 'nginx' || name === 'haproxy') {
    return startYardstick(name, {
      upstreamPort: bench.x.port,
      timeoutMs: profile.startsWith('slow') ? shortMs : 10_000,
      bodyBytesMax: profile === 'limits' ? limitedBodyBytes : null,
    });
  }
  const config = testConfig({ ...profiles[profile], x: [bench.x.port], y: [bench.y?.port ?? 0] });
  return startCrossover(config, {
    weightPpm: isForY(profile) ? PPM : 0,
    transport: name === 'crossover-stream' ? 'stream' : 'raw',
  });
}

/** Plays the cases of one profile in order, restarting the proxy after a crash. */
async function runLane(name: ProxyName, profile: Profile, cases: readonly WireCase[]): Promise<Result[]> {
  const signal = new Signal();
  const x = new ScriptedUpstream('x', signal.notify);
  const y = name.startsWith('crossover') ? new ScriptedUpstream('y', signal.notify) : null;
  await Promise.all([x.listen(), y?.listen()]);
  let proxy = await startProxy(name, profile, { x, y });
  const patienceMs = name.startsWith('crossover') ? hangMs : yardstickHangMs;
  const results: Result[] = [];
  for (const wireCase of cases) {
    const startedMs = performance.now();
    const observation = await playCase({ proxyPort: proxy.port, x, y, signal, hangMs: patienceMs }, wireCase);
    const crash = proxy.problem();
    const judgement: Judgement =
      crash === null ? judgeCase(wireCase, observation) : { grade: 'FAIL', reason: `crash: ${crash}` };
    results.push({ ...judgement, wireCase, ms: performance.now() - startedMs });
    if (crash === null) continue;
    await proxy.stop();
    proxy = await startProxy(name, profile, { x, y });
  }
  await proxy.stop();
  await Promise.all([x.stop(), y?.stop()]);
  return results;
}

/** The slow ones wait most of their time, so several lanes of them cost nothing. */
const lanesOf: Readonly<Record<Profile, number>> = {
  main: 1,
  limits: 1,
  y: 1,
  'slow client': 4,
  'slow answer': 3,
  'slow body': 2,
  'slow y': 1,
};

const dealOut = <T>(items: readonly T[], hands: number): T[][] =>
  Array.from({ length: hands }, (_, hand) => items.filter((_, index) => index % hands === hand));

/** Judges the proxy by the given cases; those of the product alone are left out for other proxies. */
export async function runCases(name: ProxyName, corpus: readonly WireCase[]): Promise<Result[]> {
  const isCrossover = name.startsWith('crossover');
  const cases = corpus.filter(
    ({ productOnly, profile }) => isCrossover || (!productOnly && !isForY(profile)),
  );
  const lanes: Promise<Result[]>[] = [];
  for (const profile of Object.keys(profiles) as Profile[]) {
    const own = cases.filter((wireCase) => wireCase.profile === profile);
    for (const hand of dealOut(own, lanesOf[profile]))
      if (hand.length > 0) lanes.push(runLane(name, profile, hand));
  }
  return (await Promise.all(lanes)).flat();
}
