// Carries out a decision's effects in their order. It decides nothing: what must wait for a record was cut
// off before (core/rollout/ready.ts).
import { unreachable } from '#src/base/assert.ts';
import type { RetestKind } from '#src/core/analysis/verdict.ts';
import type { OrderedEffect } from '#src/core/rollout/ready.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { RouteParking } from '#src/core/rollout/route-parking.ts';
import type { SplitSink } from '#src/core/telemetry/sample.ts';

/** What a rollout tells the analysis. */
export interface AnalysisResets {
  /** A step begins, after which Y's share would grow to `nextWeightPpm`. */
  resetStep(nextWeightPpm: number): void;
  /** A rollout begins. */
  resetRollout(): void;
  /** A route was parked: what its failures say of all requests is to be forgotten. */
  routeParked(): void;
  /** Streams of these kinds start afresh. */
  retest(kinds: readonly RetestKind[]): void;
}

interface EffectPorts {
  readonly sink: Pick<SplitSink, 'publish'>;
  readonly analysis: AnalysisResets;
  readonly parking: Pick<RouteParking, 'park'>;
  /** Records a transition that has happened. */
  readonly record: (transition: Transition, state: RolloutState) => void;
  readonly onTransition: (transition: Transition) => void;
}

/** `state` is the one that the effects lead to. */
export function runEffects(effects: readonly OrderedEffect[], state: RolloutState, ports: EffectPorts): void {
  for (const effect of effects) runEffect(effect, state, ports);
}

function runEffect(effect: OrderedEffect, state: RolloutState, ports: EffectPorts): void {
  const { sink, analysis, parking } = ports;
  switch (effect.type) {
    case 'publish':
      sink.publish(effect.weightPpm, effect.salt);
      return;
    case 'persist':
      ports.record(effect.transition, state);
      return;
    case 'reset-step-analysis':
      analysis.resetStep(effect.nextWeightPpm);
      return;
    case 'reset-rollout-analysis':
      analysis.resetRollout();
      return;
    case 'park-route':
      parking.park(effect.name, true);
      analysis.routeParked();
      return;
    case 'unpark-route':
      parking.park(effect.name, false);
      return;
    case 'retest-analysis':
      analysis.retest(effect.kinds);
      return;
    case 'notify':
      ports.onTransition(effect.transition);
      return;
    default:
      unreachable(effect);
  }
}
