// Puts together what decides: the assessor, the rollout, and the loop that drives them. Production, the
// simulator and tests all have them from here; what they differ in comes in as ports.
import type { Clock } from '#src/base/clock.ts';
import type { BusinessMetric } from '#src/config/signals-config.ts';
import type { AnalysisThresholds } from '#src/core/analysis/analysis-thresholds.ts';
import type { RouteNames } from '#src/core/analysis/streams/tracked-routes.ts';
import type { RouteParking } from '#src/core/rollout/route-parking.ts';
import type { SampleSource, SplitSink } from '#src/core/telemetry/sample.ts';
import { ControlLoop, type FactPorts, type NotePorts } from './control-loop.ts';
import type { EventLog } from './events/event-log.ts';
import { Assessor } from './rollout/assessor.ts';
import { type KeptTime, RolloutClock } from './rollout/rollout-clock.ts';
import { RolloutService } from './rollout/rollout-service.ts';
import type { RolloutStore } from './rollout/rollout-store.ts';
import type { StartChecks } from './rollout/start-checks.ts';

interface DecisionPorts extends FactPorts, NotePorts {
  readonly clock: Clock;
  /** Where the counts of the traffic come from. */
  readonly source: SampleSource;
  /** Where the split goes. */
  readonly sink: SplitSink;
  readonly store: RolloutStore & FactPorts['store'];
  readonly events: EventLog;
  readonly thresholds: AnalysisThresholds;
  readonly businessMetrics: readonly BusinessMetric[];
  readonly routes: RouteNames & RouteParking;
  readonly startChecks: StartChecks;
  /** Whether the split was handed over by somebody who could not say how it came about. */
  readonly keepsLower: boolean;
  /** Memory of the rollout's clock, see RolloutClock, and what an earlier process kept of it. */
  readonly rolloutTime: SharedArrayBuffer;
  readonly keptTime: () => KeptTime | null;
}

export interface DecisionParts {
  readonly assessor: Assessor;
  readonly rollout: RolloutService;
  readonly loop: ControlLoop;
}

/**
 * Nothing has happened yet when this returns: `rollout.resume()` takes up what is on record, `loop.tick()`
 * begins.
 */
export function assembleDecision(ports: DecisionPorts): DecisionParts {
  const { clock, sink, store, events, routes, signals, startChecks } = ports;
  const assessor = new Assessor(ports.thresholds, clock.monotonicMs, ports.businessMetrics, routes);
  const rollout = new RolloutService({
    sink,
    store,
    events,
    analysis: assessor,
    parking: routes,
    startChecks,
    signals: () => signals?.facts() ?? null,
    keepsLower: ports.keepsLower,
    time: new RolloutClock({ clock, memory: ports.rolloutTime, kept: ports.keptTime }),
    epochMs: clock.epochMs,
    onTransition: (transition) => loop.follow(transition),
  });
  const loop = new ControlLoop({ ...ports, assessor, rollout });
  return { assessor, rollout, loop };
}
