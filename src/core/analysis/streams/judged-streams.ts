// The streams of all families at one moment: their combination into one number, and what is left of it when a few routes explain
// what all requests look like.
import { logAdd } from '#src/core/analysis/e-process/combine.ts';
import type { StreamEvidence } from '#src/core/analysis/verdict.ts';
import type { ParkAdvice } from './park-advice.ts';
import type { JudgedStream } from './stream-family.ts';

/** A stream with its evidence at this moment. */
export interface Judged {
  readonly stream: JudgedStream;
  readonly evidence: StreamEvidence;
}

/** The weighted average of the streams' e-values, in logs, and the stream that contributes most to it. */
export function combine(judged: readonly Judged[]): {
  readonly logEvidence: number;
  readonly cause: Judged | null;
} {
  let logEvidence = Number.NEGATIVE_INFINITY;
  let cause: Judged | null = null;
  let largest = Number.NEGATIVE_INFINITY;
  for (const one of judged) {
    const { weight, logWorse } = one.evidence;
    const contribution = Math.log(weight) + logWorse;
    logEvidence = logAdd(logEvidence, contribution);
    if (logWorse <= 0 || contribution <= largest) continue;
    largest = contribution;
    cause = one;
  }
  return { logEvidence, cause };
}

/** What is left to be judged when the routes explain what all requests look like. */
export function unexplained(judged: readonly Judged[], { suspects }: ParkAdvice): readonly Judged[] {
  return judged.filter(
    ({ stream }) =>
      stream.name !== 'errors' && stream.name !== 'errors.max' && !suspects.some((route) => route === stream),
  );
}

export const suspectsText = ({ suspects }: ParkAdvice): string =>
  `${suspects.map((route) => route.accusation()).join('; ')}; all other routes look as they may`;

export function adviceText({ bad, suspects }: ParkAdvice): string {
  if (bad.length > 0) return `${bad.map(({ text }) => text).join('; ')}; all other routes look as they may`;
  const named = suspects.map((route) => route.accusation()).join('; ');
  return `${named} raise suspicion; all other routes look as they may`;
}
