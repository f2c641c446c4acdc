// The streams of all families at one moment: their evidence combined into one number, and what is left of it
// when a few routes explain why all requests look bad.
import { logAdd } from '#src/core/analysis/e-process/log-add.ts';
import type { StreamEvidence } from '#src/core/analysis/verdict.ts';
import type { ParkAdvice } from './park-advice.ts';
import type { EvidenceStream } from './stream-family.ts';

/** A stream with its evidence at this moment. */
export interface StreamReading {
  readonly stream: EvidenceStream;
  readonly evidence: StreamEvidence;
}

/** The weighted average of the streams' e-values, in logs, and the stream that contributes most to it. */
export function combineEvidence(readings: readonly StreamReading[]): {
  readonly logEvidence: number;
  readonly cause: StreamReading | null;
} {
  let logEvidence = Number.NEGATIVE_INFINITY;
  let cause: StreamReading | null = null;
  let largest = Number.NEGATIVE_INFINITY;
  for (const one of readings) {
    const { weight, logWorse } = one.evidence;
    const contribution = Math.log(weight) + logWorse;
    logEvidence = logAdd(logEvidence, contribution);
    if (logWorse <= 0 || contribution <= largest) continue;
    largest = contribution;
    cause = one;
  }
  return { logEvidence, cause };
}

/** The streams that still count when a few routes explain why all requests look bad. */
export function unexplained(
  readings: readonly StreamReading[],
  { suspects }: ParkAdvice,
): readonly StreamReading[] {
  return readings.filter(
    ({ stream }) =>
      stream.name !== 'errors' && stream.name !== 'errors.max' && !suspects.some((route) => route === stream),
  );
}
