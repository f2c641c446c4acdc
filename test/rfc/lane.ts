// A lane: one proxy in front of its own scripted upstreams, playing cases one after the other. Lanes run side by side.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PPM } from '#src/limits.ts';
import { startCrossover } from '../support/crossover.ts';
import { type TestConfig, testConfig } from '../support/crossover-config.ts';
import { startNaiveProxy } from '../support/naive-proxy.ts';
import { ScriptedUpstream } from '../support/scripted-upstream.ts';
import { Signal } from '../support/signal.ts';
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

/** Short enough to wait for, long enough not to be met by a busy machine in the middle of an exchange. */
const shortMs = 700;
const slowTimeouts = {
  requestHeadMs: shortMs,
  requestBodyMs: shortMs,
  clientIdleMs: shortMs,
  connectMs: shortMs,
  responseHeadMs: shortMs,
  responseBodyMs: shortMs,
  upstreamIdleMs: shortMs,
};
export const limitedBodyBytes = 1000;

const profiles: Readonly<Record<Profile, Omit<TestConfig, 'x' | 'y'>>> = {
  main: {},
  slow: { timeouts: slowTimeouts },
  limits: { limits: { bodyBytes: limitedBodyBytes } },
  y: { timeouts: { connectMs: shortMs, responseHeadMs: shortMs }, failover: { budget: 1 } },
};

async function startProxy(
  name: ProxyName,
  profile: Profile,
  bench: Pick<Bench, 'x' | 'y'>,
): Promise<RunningProxy> {
  if (name === 'naive') return startNaiveProxy(bench.x.port);
  if (name === 'nginx' || name === 'haproxy') {
    return startYardstick(name, {
      upstreamPort: bench.x.port,
      timeoutMs: profile === 'slow' ? shortMs : 10_000,
      bodyBytesMax: profile === 'limits' ? limitedBodyBytes : null,
    });
  }
  const config = testConfig({ ...profiles[profile], x: [bench.x.port], y: [bench.y?.port ?? 0] });
  return startCrossover(config, {
    weightPpm: profile === 'y' ? PPM : 0,
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
  const results: Result[] = [];
  for (const wireCase of cases) {
    const startedMs = performance.now();
    const observation = await playCase({ proxyPort: proxy.port, x, y, signal }, wireCase);
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

const dealOut = <T>(items: readonly T[], hands: number): T[][] =>
  Array.from({ length: hands }, (_, hand) => items.filter((_, index) => index % hands === hand));

/** Judges the proxy by the given cases; those of the product alone are left out for other proxies. */
export async function runCases(name: ProxyName, corpus: readonly WireCase[]): Promise<Result[]> {
  const isCrossover = name.startsWith('crossover');
  const cases = corpus.filter(({ productOnly, profile }) => isCrossover || (!productOnly && profile !== 'y'));
  const lanes: Promise<Result[]>[] = [];
  for (const profile of Object.keys(profiles) as Profile[]) {
    const own = cases.filter((wireCase) => wireCase.profile === profile);
    // The slow ones wait most of their time, so several lanes of them cost nothing.
    for (const hand of dealOut(own, profile === 'slow' ? 8 : 1))
      if (hand.length > 0) lanes.push(runLane(name, profile, hand));
  }
  return (await Promise.all(lanes)).flat();
}
