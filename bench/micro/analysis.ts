// Measures what a tick of the analysis costs: update, assess while there is little evidence, and assess near
// a decision, when the clustering of failures is computed. First without routes, then with traffic on all 64
// and the rest. Run: node bench/micro/analysis.ts [ticks]
import { Analysis } from '#src/core/analysis/analysis.ts';
import { ArmSample, type TickSample } from '#src/core/telemetry/sample.ts';
import { routesTrackedMax, tickMs } from '#src/limits.ts';

/** Microseconds per call, medians of five rounds. */
interface AnalysisFigures {
  updateUs: number;
  assessCalmUs: number;
  assessSuspiciousUs: number;
  updateRoutesUs: number;
  assessRoutesUs: number;
}

const thresholds = {
  errorRate: { timesX: 1.1, overX: 0.0002, max: 0.05 },
  statusMix: { timesX: 1.25, overX: 0.002 },
  latency: { timesX: 1.1, overXMs: 2, maxMs: { p99: 2_000 } },
  falseReverts: 0.01,
  harm: 0.001,
  warmupMs: 45_000,
  blipToleranceMs: 1_000,
  attribution: 'all',
} as const;

function measure(calls: number, once: () => void): number {
  const rounds: number[] = [];
  for (let round = -2; round < 5; round++) {
    const begin = process.hrtime.bigint();
    for (let call = 0; call < calls; call++) once();
    if (round >= 0) rounds.push(Number(process.hrtime.bigint() - begin) / calls / 1000);
  }
  return Number((rounds.sort((a, b) => a - b)[2] as number).toFixed(2));
}

/** Measures all calls. With few ticks it only shows that the benchmark works. */
export function benchAnalysis(ticks: number): AnalysisFigures {
  return { ...benchStreams(ticks), ...benchRoutes(ticks) };
}

/** 1,000 requests a second over 65 routes, 10 % of them on Y. */
function benchRoutes(ticks: number): Pick<AnalysisFigures, 'updateRoutesUs' | 'assessRoutesUs'> {
  const analysis = new Analysis(thresholds);
  const epoch = { epoch: 1, weightPpm: 100_000, x: new ArmSample(), y: new ArmSample() };
  const tick: TickSample = { atMs: 0, dtMs: tickMs, epochs: [epoch] };
  Object.assign(epoch.x, { requests: 260, failures: 1 });
  Object.assign(epoch.y, { requests: 65, failures: 0 });
  epoch.x.routeRequests.fill(4);
  epoch.y.routeRequests.fill(1);
  let count = 0;
  const updateRoutesUs = measure(ticks, () => {
    tick.atMs += tickMs;
    epoch.x.routeFailures.fill(0);
    epoch.x.routeFailures[count++ % (routesTrackedMax + 1)] = 1;
    analysis.update(tick);
  });
  return { updateRoutesUs, assessRoutesUs: measure(ticks, () => void analysis.assess({ goal: 'step' })) };
}

function benchStreams(ticks: number): Omit<AnalysisFigures, 'updateRoutesUs' | 'assessRoutesUs'> {
  const analysis = new Analysis(thresholds);
  const epoch = { epoch: 1, weightPpm: 100_000, x: new ArmSample(), y: new ArmSample() };
  const tick: TickSample = { atMs: 0, dtMs: tickMs, epochs: [epoch] };
  Object.assign(epoch.x, { requests: 225, failures: 1 });
  let count = 0;
  const update = (failuresY: number): void => {
    tick.atMs += tickMs;
    Object.assign(epoch.y, { requests: 25, failures: failuresY });
    analysis.update(tick);
  };
  const updateUs = measure(ticks, () => update(count++ % 40 === 0 ? 1 : 0));
  const assessCalmUs = measure(ticks, () => void analysis.assess({ goal: 'step' }));
  for (let i = 0; i < 40; i++) update(3);
  const assessSuspiciousUs = measure(ticks, () => void analysis.assess({ goal: 'step' }));
  return { updateUs, assessCalmUs, assessSuspiciousUs };
}

if (import.meta.main) console.table(benchAnalysis(Number(process.argv[2] ?? 20_000)));
