// One tick of a running rollout: first whether it must go back to X, then what the next move still lacks,
// then the move.
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { formatDuration, formatElapsed } from '#src/core/analysis/verdict-text.ts';
import { holdByParked, park, routesToPark } from './parking.ts';
import { retest } from './retest.ts';
import type { StepResult } from './rollout-effect.ts';
import type { RolloutEvent, TickFacts } from './rollout-event.ts';
import type { HoldReason, RevertCause } from './rollout-state.ts';
import { holdBefore, holdByMetrics } from './signals.ts';
import { holdStep } from './stuck.ts';
import {
  complete,
  enterStep,
  type Move,
  percent,
  type RunningState,
  revert,
  type StateOf,
  stateAtStep,
  stay,
} from './transitions.ts';

type Tick = Extract<RolloutEvent, { type: 'tick' }>;

/** The breaker probes Y every second. Without a success in three seconds Y is down for all its clients. */
export const breakerOpenRevertMs = 3_000;
/**
 * A node counts as unhealthy only after several failed checks. When all of Y's nodes have been unhealthy for
 * this long, this is more than the restart of one. Clients do not wait for it: the safety net and the breaker
 * serve them from X meanwhile.
 */
const yDownRevertMs = 5_000;

/** What a tick does to a rollout in which Y is compared with X. A paused one can only be reverted by it. */
export function stepOnTick(state: RunningState, event: Tick): StepResult {
  const yDownSinceMs = downSince(state, event);
  const cause = revertCause(event, yDownSinceMs);
  if (cause !== null && !isXAloneDown(event.facts)) return revert(state, cause, moveBy(cause, state, event));
  if (cause !== null) return holdOnY({ ...state, yDownSinceMs }, cause, event);
  const bad = routesToPark(state, event.verdict);
  if (bad.length > 0) return park({ ...state, yDownSinceMs }, bad, event);
  const { toRetest = [] } = event.verdict;
  if (toRetest.length > 0) return retest({ ...state, yDownSinceMs }, toRetest, event);
  switch (state.phase) {
    case 'ramping':
      return stepRamping({ ...state, yDownSinceMs }, event);
    case 'soaking':
      return stepSoaking({ ...state, yDownSinceMs }, event);
    case 'paused':
      return stay(state.yDownSinceMs === yDownSinceMs ? state : { ...state, yDownSinceMs });
  }
}

/** Then everything that went to X would fail. */
const isXAloneDown = ({ healthyNodesX, healthyNodesY }: TickFacts): boolean =>
  healthyNodesX === 0 && healthyNodesY > 0;

/** A revert is due, and X could not serve what it would get: it waits for X, or for a person. */
function holdOnY(state: RunningState, { text: due }: RevertCause, event: Tick): StepResult {
  const { healthyNodesY } = event.facts;
  if (state.phase === 'paused') return stay(state);
  const text = `a revert is due and waits, as X has no healthy node and Y has ${healthyNodesY}; \`rollout revert --force\` makes it all the same: ${due}`;
  return holdStep(state, { name: 'x-unhealthy', text }, event);
}

/** Since when Y alone has had no healthy node. When X has none either, going back to it helps nobody. */
function downSince(state: RunningState, { facts, atMs }: Tick): number | null {
  if (facts.healthyNodesY > 0 || facts.healthyNodesX === 0) return null;
  return state.yDownSinceMs ?? atMs;
}

function revertCause({ verdict, facts, atMs }: Tick, yDownSinceMs: number | null): RevertCause | null {
  if (verdict.decision === 'revert') return { name: verdict.rule, text: verdict.text };
  if (facts.breakerOpenMs >= breakerOpenRevertMs)
    return {
      name: 'breaker',
      text: `every request to Y has failed for ${formatElapsed(facts.breakerOpenMs)}: its breaker is open in all workers`,
    };
  if (yDownSinceMs !== null && atMs - yDownSinceMs >= yDownRevertMs)
    return {
      name: 'nodes',
      text: `Y has had no healthy node for ${formatElapsed(atMs - yDownSinceMs)} while X has ${facts.healthyNodesX}`,
    };
  const metric = facts.signals?.metrics.revert ?? null;
  if (metric !== null) return { name: 'metric', text: metric };
  return null;
}

function moveBy(cause: RevertCause, state: RunningState, { atMs, verdict, facts }: Tick): Omit<Move, 'name'> {
  const fromAnalysis = verdict.decision === 'revert';
  return {
    atMs,
    actor: fromAnalysis ? 'analysis' : cause.name === 'breaker' ? 'breaker' : 'crossover',
    reason: `reverted at ${percent(state.weightPpm)}: ${cause.text}`,
    evidence: fromAnalysis ? verdict : facts,
  };
}

const advanceBy = ({ atMs, verdict }: Tick, reason: string): Omit<Move, 'name'> => ({
  atMs,
  actor: 'analysis',
  reason,
  evidence: verdict,
});

function stepRamping(state: StateOf<'ramping'>, event: Tick): StepResult {
  const { plan, stepIndex, stepSinceMs } = state;
  const { verdict, facts, atMs } = event;
  const next = stateAtStep(plan, stepIndex + 1, atMs).phase === 'soaking' ? 'full' : 'step';
  const hold =
    holdByFacts(facts) ??
    holdByVerdict(verdict) ??
    holdByMetrics(facts.signals) ??
    holdByTime(plan.bakeMs, stepSinceMs, atMs) ??
    holdBefore(next, facts.signals);
  if (hold !== null) return holdRamping(state, hold, event);
  if (!facts.storeWritable) return holdStep(state, storeHold, event);
  return enterStep(state, stepIndex + 1, advanceBy(event, verdict.text));
}

/**
 * Stays at the step. When the step has lacked evidence for longer than its time-out, it says so or goes back,
 * as the plan wants it.
 */
function holdRamping(state: StateOf<'ramping'>, hold: HoldReason, event: Tick): StepResult {
  const { plan, stepSinceMs, weightPpm } = state;
  const { atMs, verdict } = event;
  const inconclusive = lacksEvidence(hold) && atMs - stepSinceMs >= plan.stepTimeoutMs;
  if (!inconclusive) return holdStep(state, hold, event);
  const text = `no conclusion after ${formatDuration(plan.stepTimeoutMs)}: ${hold.text}`;
  if (plan.onInconclusive === 'hold') return holdStep(state, { name: 'inconclusive', text }, event);
  const reason = `reverted at ${percent(weightPpm)}: ${text}`;
  return revert(
    state,
    { name: 'inconclusive', text },
    { atMs, actor: 'crossover', reason, evidence: verdict },
  );
}

function stepSoaking(state: StateOf<'soaking'>, event: Tick): StepResult {
  const { plan, sinceMs } = state;
  const { verdict, facts, atMs } = event;
  const hold =
    holdByFacts(facts) ??
    holdByVerdict(verdict) ??
    holdByMetrics(facts.signals) ??
    holdByTime(plan.soakMs, sinceMs, atMs) ??
    holdByParked(state) ??
    holdBefore('complete', facts.signals);
  if (hold !== null) return holdStep(state, hold, event);
  if (!facts.storeWritable) return holdStep(state, storeHold, event);
  return complete(state, advanceBy(event, `soaked for ${formatDuration(atMs - sinceMs)}: ${verdict.text}`));
}

/**
 * Whether more traffic or time on Y would end the hold. Trouble of X, or of Crossover itself, says nothing
 * about Y.
 */
function lacksEvidence({ name }: HoldReason): boolean {
  return name === 'needs-samples' || name === 'suspicion' || name === 'retest' || name === 'no-data';
}

function holdByFacts(facts: TickFacts): HoldReason | null {
  if (facts.breakerOpenMs > 0)
    return {
      name: 'breaker-open',
      text: `Y's breaker has been open for ${formatDuration(facts.breakerOpenMs)}: its requests go to X`,
    };
  return holdByNodes(facts);
}

export function holdByNodes(facts: TickFacts): HoldReason | null {
  if (facts.healthyNodesX === 0) return { name: 'x-unhealthy', text: 'X has no healthy node' };
  if (facts.healthyNodesY === 0) return { name: 'y-unhealthy', text: 'Y has no healthy node' };
  return null;
}

function holdByVerdict(verdict: Verdict): HoldReason | null {
  return verdict.decision === 'hold' ? { name: verdict.rule, text: verdict.text } : null;
}

function holdByTime(wantedMs: number, sinceMs: number, atMs: number): HoldReason | null {
  const leftMs = sinceMs + wantedMs - atMs;
  return leftMs > 0 ? { name: 'bake', text: `watched for another ${formatDuration(leftMs)}` } : null;
}

export const storeHold: HoldReason = {
  name: 'store-unavailable',
  text: 'everything else is ready, but the store takes no writes, and an advance must be recorded first',
};
