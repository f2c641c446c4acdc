// What can happen to Y, and what has to follow from it: one run of each condition, counted at the clients and
// at the clusters.
import { setTimeout as wait } from 'node:timers/promises';
import type { ClusterFault } from '#src/demo/cluster-fault.ts';
import type { BreakerTrace } from '../support/breaker-trace.ts';
import { readMetrics, sumMetric } from '../support/control.ts';
import type { Outcome } from '../support/open-loop-client.ts';
import {
  type BedSettings,
  type DecisionBed,
  phaseOf,
  type Revert,
  startDecisionBed,
  startRollout,
  untilReverted,
} from './decision-bed.ts';

export interface Condition {
  readonly name: string;
  readonly title: string;
  strike(bed: DecisionBed): Promise<void>;
  /** Seconds from the onset within which it has to be reverted; null: it must not be, for `watchMs`. */
  readonly secondsMax: number | null;
  /** Whether every request to Y fails, so that the breakers have to open. */
  readonly isTotal: boolean;
}

export interface Run {
  /** From the onset; Infinity without a revert. */
  readonly seconds: number;
  readonly revert: Revert | null;
  readonly revertedBeforeOnset: boolean;
  /** Per worker; empty where the fault is not total. */
  readonly breakers: readonly BreakerTrace[];
  readonly tally: Tally;
}

/** Of the whole run: what was under way at the onset was sent before. */
export interface Tally {
  readonly sent: number;
  /** Requests that reached Y. */
  readonly onY: number;
  /** Requests of Y that X answered instead, as Crossover counts them. */
  readonly replayed: number;
  /** GETs that clients saw fail with an answer that should have been replayed, or without any. */
  readonly getFailures: number;
  /** POSTs that had reached Y when it failed them: never sent twice, so their clients see it. */
  readonly postFailures: number;
  readonly sentToYAfterRevert: number;
  readonly postsDeliveredTwice: number;
}

export interface Pace {
  /** All traffic on X. */
  readonly beforeMs: number;
  /** Y healthy at its share. */
  readonly healthyMs: number;
  /** How long a revert is waited for at most. */
  readonly patienceMs: number;
  /** How long nothing must happen where nothing should. */
  readonly watchMs: number;
}

const unavailable = (share: number): ClusterFault => ({
  kind: 'brownout',
  slowness: 1,
  hangShare: 0,
  unavailableShare: share,
});
const onY = (fault: ClusterFault) => (bed: DecisionBed) => bed.y.setFault(fault);

export const conditions: readonly Condition[] = [
  {
    name: 'dead',
    title: 'Y dead (processes killed)',
    strike: ({ y }) => y.kill(),
    secondsMax: 4,
    isTotal: true,
  },
  { name: 'all-5xx', title: 'all 503 on Y', strike: onY(unavailable(1)), secondsMax: 4, isTotal: true },
  { name: '5-percent', title: '5 % 503 on Y', strike: onY(unavailable(0.05)), secondsMax: 6, isTotal: false },
  {
    name: 'half-point',
    title: '+0.5 points of 503 on Y',
    strike: onY(unavailable(0.005)),
    secondsMax: 60,
    isTotal: false,
  },
  {
    name: 'latency',
    title: 'all latency of Y +20 %',
    strike: onY({ kind: 'latency', slowness: 1.2 }),
    secondsMax: 60,
    isTotal: false,
  },
  {
    name: '401',
    title: '401 instead of 200 on 2 % of Y',
    strike: onY({ kind: 'status-mix', share: 0.02 }),
    secondsMax: 100,
    isTotal: false,
  },
  {
    name: 'alike',
    title: '20 % 503 on X and Y alike',
    strike: async ({ x, y }) => {
      await Promise.all([x.setFault(unavailable(0.2)), y.setFault(unavailable(0.2))]);
    },
    secondsMax: null,
    isTotal: false,
  },
];

/** Breakers open within a second, or not at all. */
const breakerPatienceMs = 3_000;
/** Requests that were read just before the split changed have been sent by then. */
const afterRevertMs = 1_000;

/** One run in processes of its own. */
export async function runCondition(condition: Condition, settings: BedSettings, pace: Pace): Promise<Run> {
  const bed = await startDecisionBed(settings);
  try {
    await wait(pace.beforeMs);
    await startRollout(bed);
    await wait(pace.healthyMs);
    const revertedBeforeOnset = (await phaseOf(bed)) !== 'ramping';
    return { revertedBeforeOnset, ...(await strikeAndWatch(condition, bed, pace)) };
  } finally {
    await bed.stop();
  }
}

async function strikeAndWatch(
  condition: Condition,
  bed: DecisionBed,
  pace: Pace,
): Promise<Omit<Run, 'revertedBeforeOnset'>> {
  const { crossover } = bed;
  const tracing = condition.isTotal ? crossover.traceBreakers(breakerPatienceMs) : Promise.resolve([]);
  const onsetAtMs = Date.now();
  await condition.strike(bed);
  const breakers = await tracing;
  const revert = await untilReverted(bed, condition.secondsMax === null ? pace.watchMs : pace.patienceMs);
  await wait(afterRevertMs);
  const metrics = await readMetrics(crossover.controlPort);
  const outcomes = await bed.clients.stop();
  return {
    seconds: revert === null ? Number.POSITIVE_INFINITY : (revert.atMs - onsetAtMs) / 1000,
    revert,
    breakers,
    tally: {
      ...tallyOf(outcomes, bed, revert),
      replayed: sumMetric(metrics, 'crossover_failovers_total', 'from="y"'),
    },
  };
}

/**
 * What `failover.on` names, and the lack of an answer. A 500 is no failure of the gateway by default and is
 * not replayed.
 */
const replayed = new Set([0, 502, 503, 504]);

function tallyOf(
  outcomes: readonly Outcome[],
  bed: DecisionBed,
  revert: Revert | null,
): Omit<Tally, 'replayed'> {
  const tokensOnY = bed.y.tokens();
  const reachedY = new Set(tokensOnY);
  const onY = outcomes.filter(({ token }) => reachedY.has(token));
  // What X answered is X's own, also when it answered for Y.
  const failed = outcomes.filter(({ status, from }) => replayed.has(status) && from !== 'x');
  return {
    sent: outcomes.length,
    onY: onY.length,
    getFailures: failed.filter(({ method }) => method === 'GET').length,
    postFailures: failed.filter(({ method }) => method === 'POST').length,
    sentToYAfterRevert: revert === null ? 0 : onY.filter(({ sentAtMs }) => sentAtMs > revert.atMs).length,
    postsDeliveredTwice: countTwice([...bed.x.tokens(), ...tokensOnY]),
  };
}

function countTwice(tokens: readonly string[]): number {
  const posts = tokens.filter((token) => token.startsWith('POST'));
  return posts.length - new Set(posts).size;
}
