// Scenario files: what happens to a rollout, in plain text, and below each line what comes of it. Inputs
// start with `>`, `given` sets the plan or the state; the other lines are the effects in their order, and `=`
// the state after.
import type { RetestKind, Verdict } from '#src/core/analysis/verdict.ts';
import { buildPlan } from '#src/core/rollout/plan.ts';
import type { RolloutEffect, StepResult } from '#src/core/rollout/rollout-effect.ts';
import {
  type RolloutCommandName,
  type RolloutEvent,
  rolloutCommandNames,
} from '#src/core/rollout/rollout-event.ts';
import type { RolloutPlan, RolloutState } from '#src/core/rollout/rollout-state.ts';
import { step } from '#src/core/rollout/rollout-step.ts';
import type { GateAnswer, Signals } from '#src/core/rollout/signals.ts';
import { stateAtStep } from '#src/core/rollout/transitions.ts';

const unitsMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function durationMs(text: string): number {
  const [, value, unit] = /^([\d.]+)(ms|s|m|h)$/.exec(text) ?? [];
  const unitMs = unitsMs[unit ?? ''];
  if (value === undefined || unitMs === undefined) throw new Error(`not a duration: ${text}`);
  return Number(value) * unitMs;
}

const sharePpm = (text: string): number => Math.round(Number(text.replace('%', '')) * 10_000);
const percent = (ppm: number): string => `${ppm / 10_000} %`;

/** `a=1 b="two words" c` as words and settings. */
function parseWords(line: string): { words: string[]; settings: Map<string, string> } {
  const words: string[] = [];
  const settings = new Map<string, string>();
  for (const [, key, value, quoted, word] of line.matchAll(/(\w+)=("[^"]*"|\S+)|"([^"]*)"|(\S+)/g)) {
    if (key !== undefined && value !== undefined) settings.set(key, value.replaceAll('"', ''));
    else words.push(quoted ?? word ?? '');
  }
  return { words, settings };
}

function planFrom(settings: Map<string, string>): RolloutPlan {
  const result = buildPlan(
    {
      stepsPpm: (settings.get('steps') ?? '1,10,100').split(',').map(sharePpm),
      bakeMs: durationMs(settings.get('bake') ?? '60s'),
      stepTimeoutMs: durationMs(settings.get('timeout') ?? '30m'),
      onInconclusive: settings.get('inconclusive') === 'revert' ? 'revert' : 'hold',
      onBadRoute: settings.get('badRoute') === 'park' ? 'park' : 'revert',
      soakMs: durationMs(settings.get('soak') ?? '10m'),
      holdbackPpm: sharePpm(settings.get('holdback') ?? '1%'),
    },
    {},
    { id: settings.get('id') ?? 'r1', salt: 7, startedAtMs: 0, startedBy: 'ana', reason: 'upgrade' },
  );
  if (!result.ok) throw new Error(result.problems.map(({ message }) => message).join('; '));
  return result.plan;
}

/** A state to begin with, at time 0: `ramping 2` is in its second step. */
function givenState(plan: RolloutPlan, words: string[], settings: Map<string, string>): RolloutState {
  const [phase, place] = words;
  const weightPpm = sharePpm(settings.get('y') ?? '0%');
  const running = stateAtStep(
    plan,
    phase === 'soaking' ? plan.stepsPpm.length - 1 : Number(place ?? 1) - 1,
    0,
  );
  switch (phase) {
    case 'idle':
      return { phase, weightPpm };
    case 'preflight':
      return { phase, plan, weightPpm: 0, sinceMs: 0 };
    case 'ramping':
    case 'soaking':
      return running;
    case 'paused': {
      const { stepIndex, weightPpm: stepWeightPpm, phase: from } = running;
      const weight = settings.has('y') ? weightPpm : stepWeightPpm;
      return {
        phase,
        plan,
        from,
        stepIndex,
        weightPpm: weight,
        sinceMs: 0,
        reason: 'lunch',
        yDownSinceMs: null,
      };
    }
    case 'completed':
      return { phase, plan, weightPpm: 1_000_000, sinceMs: 0 };
    case 'reverted':
      return {
        phase,
        plan,
        weightPpm: 0,
        sinceMs: 0,
        fromWeightPpm: 10_000,
        stepIndex: 0,
        cause: { name: 'operator', text: 'enough' },
      };
    default:
      throw new Error(`unknown phase: ${phase}`);
  }
}

const rates = { requestsPerSecond: 0, failureRate: 0 };
const numbers = {
  logEvidence: 0,
  logEvidenceBar: 4.6,
  logSafeBar: 3,
  cause: null,
  streams: [],
  samplesNeeded: null,
  secondsNeeded: null,
  xHealthy: true,
  last10s: { x: rates, y: rates },
  last60s: { x: rates, y: rates },
};

function verdictFrom(decision: string, rule: string): Verdict {
  switch (decision) {
    case 'advance':
      return { ...numbers, decision, rule: 'not-worse', text: 'Y is not worse' };
    case 'revert':
      return { ...numbers, decision, rule: rule === 'cap' ? 'cap' : 'evidence', text: 'Y is worse' };
    case 'hold':
      return { ...numbers, decision, rule: rule as 'needs-samples', text: `lacks ${rule}` };
    default:
      throw new Error(`unknown verdict: ${decision}`);
  }
}

const signalNames = ['freeze', 'window', 'metric', 'metricRevert', 'gate'];

/**
 * `freeze="…" window="…" metric="…" metricRevert="…" gateStart="…" gateStep="…" gateFull="…"
 * gateComplete="…"`
 */
function signalsFrom(settings: Map<string, string>): { signals?: Signals } {
  const given = [...settings.keys()].some((key) => signalNames.some((name) => key.startsWith(name)));
  if (!given) return {};
  const gate = (name: string): GateAnswer => {
    const text = settings.get(name);
    return text === undefined || text === 'open' ? 'open' : { text };
  };
  return {
    signals: {
      freeze: settings.get('freeze') ?? null,
      window: settings.get('window') ?? null,
      metrics: { hold: settings.get('metric') ?? null, revert: settings.get('metricRevert') ?? null },
      gates: {
        forStart: gate('gateStart'),
        forStep: gate('gateStep'),
        forFull: gate('gateFull'),
        forComplete: gate('gateComplete'),
      },
    },
  };
}

/** `bad=orders:3,users:0`: routes and their slots. */
function badRoutesFrom(settings: Map<string, string>): Pick<Verdict, 'badRoutes'> {
  const bad = settings.get('bad');
  if (bad === undefined) return {};
  return {
    badRoutes: bad.split(',').map((route) => {
      const [name = '', slot] = route.split(':');
      return { name, slot: Number(slot), text: `route ${name}: errors` };
    }),
  };
}

/** `again=latency,status`: kinds to test again. */
function retestFrom(settings: Map<string, string>): Pick<Verdict, 'toRetest'> {
  const again = settings.get('again');
  return again === undefined ? {} : { toRetest: again.split(',') as RetestKind[] };
}

function tickFrom(atMs: number, words: string[], settings: Map<string, string>): RolloutEvent {
  const [decision = 'hold', rule = 'needs-samples'] = words;
  return {
    type: 'tick',
    atMs,
    verdict: { ...verdictFrom(decision, rule), ...badRoutesFrom(settings), ...retestFrom(settings) },
    facts: {
      breakerOpenMs: durationMs(settings.get('breaker') ?? '0s'),
      healthyNodesX: Number(settings.get('nodesX') ?? 2),
      healthyNodesY: Number(settings.get('nodesY') ?? 2),
      storeWritable: settings.get('store') !== 'down',
      ...signalsFrom(settings),
    },
  };
}

const isCommand = (word: string | undefined): word is RolloutCommandName =>
  rolloutCommandNames.some((name) => name === word);

function eventFrom(line: string, plan: RolloutPlan): RolloutEvent {
  const { words, settings } = parseWords(line);
  const [time = '', name, ...rest] = words;
  const atMs = durationMs(time);
  const actor = settings.get('by') ?? 'ana';
  const reason = settings.get('why') ?? 'because';
  if (isCommand(name)) return { type: 'command', atMs, name, actor, reason };
  switch (name) {
    case 'start':
      return { type: 'start', atMs, plan };
    case 'preflight-passed':
      return { type: 'preflight-passed', atMs, ...signalsFrom(settings) };
    case 'preflight-failed':
      return { type: 'preflight-failed', atMs, text: reason };
    case 'tick':
      return tickFrom(atMs, rest, settings);
    case 'set-split':
      return { type: 'set-split', atMs, weightPpm: sharePpm(rest[0] ?? ''), actor, reason };
    case 'unpark':
      return { type: 'unpark', atMs, route: rest[0] ?? '', actor, reason };
    case 'recovered':
      return { type: 'recovered', atMs, publishedWeightPpm: sharePpm(rest[0] ?? '') };
    default:
      throw new Error(`unknown event: ${line}`);
  }
}

function effectText(effect: RolloutEffect): string {
  switch (effect.type) {
    case 'publish':
      return `publish ${percent(effect.weightPpm)} salt ${effect.salt}`;
    case 'persist': {
      const { name, actor, reason, evidence, from, to } = effect.transition;
      const numbers = evidence === null ? '' : ', with numbers';
      return `persist ${name}: ${from.phase} to ${to.phase} by ${actor}: "${reason}"${numbers}`;
    }
    case 'reset-step-analysis':
      return `reset-step-analysis next ${percent(effect.nextWeightPpm)}`;
    case 'park-route':
    case 'unpark-route':
      return `${effect.type} ${effect.name} (slot ${effect.slot})`;
    case 'notify':
      return `notify ${effect.transition.name}`;
    case 'retest-analysis':
      return `${effect.type} ${effect.kinds.join(', ')}`;
    case 'run-preflight':
    case 'reset-rollout-analysis':
      return effect.type;
  }
}

function stateText(state: RolloutState): string {
  const { parked = [] } = state;
  return `${phaseText(state)}${parked.length === 0 ? '' : `, parked: ${parked.map(({ name }) => name).join(', ')}`}`;
}

function phaseText(state: RolloutState): string {
  const weight = percent(state.weightPpm);
  switch (state.phase) {
    case 'idle':
    case 'completed':
      return `${state.phase} at ${weight}`;
    case 'preflight': {
      const { hold } = state;
      return `preflight at ${weight}${hold === undefined ? '' : `, holds for ${hold.name}: "${hold.text}"`}`;
    }
    case 'ramping':
    case 'soaking': {
      const hold = state.hold === null ? '' : `, holds for ${state.hold.name}: "${state.hold.text}"`;
      return `${state.phase} step ${state.stepIndex + 1} at ${weight}${hold}`;
    }
    case 'paused':
      return `paused from ${state.from} step ${state.stepIndex + 1} at ${weight}: "${state.reason}"`;
    case 'reverted':
      return `reverted from ${percent(state.fromWeightPpm)} step ${state.stepIndex + 1}, cause ${state.cause.name}: "${state.cause.text}"`;
  }
}

function resultLines(result: StepResult): string[] {
  if (!result.ok) return [`refused in ${result.refusal.phase}: "${result.refusal.text}"`];
  return [...result.effects.map(effectText), `= ${stateText(result.state)}`];
}

/** Runs a scenario and returns its text with the results that really came out. */
export function runScenario(text: string): string {
  let plan = planFrom(new Map());
  let state: RolloutState = { phase: 'idle', weightPpm: 0 };
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('given ')) {
      const { words, settings } = parseWords(line.slice('given '.length));
      if (words[0] === 'plan') plan = planFrom(settings);
      else state = givenState(plan, words, settings);
      lines.push(line);
    } else if (line.startsWith('> ')) {
      const result = step(state, eventFrom(line.slice(2), plan));
      if (result.ok) state = result.state;
      lines.push(line, ...resultLines(result));
    } else if (line === '' || line.startsWith('#')) {
      lines.push(line);
    }
  }
  return lines.join('\n');
}
