// Everything that the analysis keeps of the traffic except its clock: the families of streams, and what they
// share. It is made from the thresholds, and kept and restored as one.

import type { AnalysisThresholds } from './analysis-thresholds.ts';
import { SuspectGroups } from './clustering/suspect-groups.ts';
import { AttributedFailures, type AttributedSnapshot } from './streams/attributed-failures.ts';
import { blipProfiles } from './streams/compared-stream.ts';
import { type ErrorSnapshot, ErrorStreams } from './streams/error-streams.ts';
import { FailureMakers } from './streams/failure-makers.ts';
import { type LatencySnapshot, LatencyStreams } from './streams/latency-streams.ts';
import type { RetestSnapshot } from './streams/retest.ts';
import { Retests } from './streams/retests.ts';
import { RouteStreams, type RoutesSnapshot } from './streams/route-streams.ts';
import { type StatusSnapshot, StatusStreams } from './streams/status-streams.ts';
import type { StreamFamily } from './streams/stream-family.ts';
import { type RouteNames, TrackedRoutes } from './streams/tracked-routes.ts';
import { XHealth } from './streams/x-health.ts';

export interface StreamsSnapshot {
  readonly xHealth: ReturnType<XHealth['snapshot']>;
  readonly errors: ErrorSnapshot;
  readonly status: StatusSnapshot;
  readonly latency: LatencySnapshot;
  readonly routes: RoutesSnapshot;
  readonly attributed: AttributedSnapshot;
  readonly makers: readonly number[];
  readonly retests: readonly RetestSnapshot[];
  /** Groups of clients that are not compared; absent in what earlier versions kept. */
  readonly suspects?: readonly number[];
}

/** The place of the step whose streams are restored: its time, and Y's share after it. */
interface StepPlace {
  readonly nowMs: number;
  readonly nextWeightPpm: number;
}

export class AnalysisStreams {
  readonly errors: ErrorStreams;
  readonly status: StatusStreams;
  readonly latency: LatencyStreams;
  readonly routes: RouteStreams;
  /** All of the above. */
  readonly families: readonly StreamFamily<unknown>[];
  readonly trackedRoutes: TrackedRoutes;
  readonly failures: AttributedFailures;
  readonly makers = new FailureMakers();
  readonly retests: Retests;
  readonly suspects = new SuspectGroups();
  readonly xHealth = new XHealth();

  constructor(
    { errorRate, statusMix, latency, harm, blipToleranceMs, attribution }: AnalysisThresholds,
    routeNames: RouteNames,
  ) {
    const profile = blipProfiles[blipToleranceMs];
    this.failures = new AttributedFailures(attribution);
    this.trackedRoutes = new TrackedRoutes(routeNames);
    const scope = { failures: this.failures, routes: this.trackedRoutes };
    this.errors = new ErrorStreams(errorRate, harm, profile, scope);
    this.status = new StatusStreams(statusMix, harm, profile);
    this.latency = new LatencyStreams(latency, profile, attribution, harm);
    this.routes = new RouteStreams(this.trackedRoutes, this.failures, errorRate, profile, this.errors.users);
    this.families = [this.errors, this.status, this.latency, this.routes];
    this.retests = new Retests(
      { latency: this.latency.compared, status: this.status.streams },
      { latency: latency.onWorse ?? 'revert', status: statusMix.onWorse ?? 'revert' },
    );
  }

  /** Follows routes that were named, parked or unparked. */
  refreshRoutes(nowMs: number): void {
    if (this.trackedRoutes.refresh()) this.routes.routesChanged(nowMs);
  }

  snapshot(): StreamsSnapshot {
    return {
      xHealth: this.xHealth.snapshot(),
      errors: this.errors.snapshot(),
      status: this.status.snapshot(),
      latency: this.latency.snapshot(),
      routes: this.routes.snapshot(),
      attributed: this.failures.snapshot(),
      makers: this.makers.snapshot(),
      retests: this.retests.snapshot(),
      suspects: this.suspects.groups,
    };
  }

  /** Takes over a snapshot of streams with the same thresholds. */
  restore(snapshot: StreamsSnapshot & StepPlace): void {
    const { nowMs, nextWeightPpm } = snapshot;
    this.xHealth.restore(snapshot.xHealth);
    this.errors.restore(snapshot.errors);
    this.status.restore(snapshot.status);
    this.latency.restore(snapshot.latency);
    // Routes may have changed since the snapshot. The streams are made for the present routes before their
    // evidence is restored.
    this.trackedRoutes.refresh();
    this.routes.routesChanged(nowMs);
    this.routes.restore(snapshot.routes);
    this.failures.restore(snapshot.attributed);
    this.makers.restore(snapshot.makers);
    this.retests.restore(snapshot.retests);
    this.suspects.restore(snapshot.suspects ?? []);
    if (lacksStatusProof(snapshot)) this.status.resetStep(nextWeightPpm, nowMs);
  }
}

/**
 * Earlier versions asked for no proof of status classes. In a step that one of them began, that proof begins
 * now.
 */
const lacksStatusProof = ({ errors, status }: StreamsSnapshot): boolean =>
  errors.errors.required && status.some(({ stream }) => !stream.required);
