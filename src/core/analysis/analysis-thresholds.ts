// By which thresholds the analysis decides what counts as worse.
import type { Attribution } from '#src/core/telemetry/outcome.ts';
import type { ErrorThresholds } from './streams/error-streams.ts';
import type { LatencyThresholds } from './streams/latency-streams.ts';
import type { StatusThresholds } from './streams/status-streams.ts';

/** What counts as worse. The same shape as the config's thresholds, of which it is a part. */
export interface AnalysisThresholds {
  readonly errorRate: ErrorThresholds;
  readonly statusMix: StatusThresholds;
  readonly latency: LatencyThresholds;
  readonly falseReverts: number;
  readonly harm: number;
  readonly warmupMs: number;
  readonly blipToleranceMs: 1000 | 5000;
  readonly attribution: Attribution;
}

/**
 * The thresholds that evidence depends on, as a text to compare. What is done about evidence is not among
 * them.
 */
export function fingerprintOf(thresholds: AnalysisThresholds): string {
  const { errorRate, harm, blipToleranceMs, attribution } = thresholds;
  const { onWorse: _, ...statusMix } = thresholds.statusMix;
  const { onWorse: __, ...latency } = thresholds.latency;
  return JSON.stringify([errorRate, statusMix, latency, harm, blipToleranceMs, attribution]);
}
