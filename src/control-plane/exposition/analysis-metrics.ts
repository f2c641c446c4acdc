// Metrics of the analysis: the evidence of each comparison, and all of it together against its bar. Natural
// logarithms.
import type { StreamEvidence, Verdict } from '#src/core/analysis/verdict.ts';
import { weakestProof } from '#src/core/analysis/weakest-proof.ts';
import { isSoaking } from '#src/core/rollout/transitions.ts';
import type { ExpositionSources, MetricDefinition, MetricValue } from './metric-definition.ts';

type AnalysisSources = Pick<ExpositionSources, 'verdict' | 'rolloutState'>;

export function analysisMetrics({ verdict, rolloutState }: AnalysisSources): MetricDefinition[] {
  return [
    {
      name: 'crossover_analysis_evidence',
      help: 'Natural logarithm of the evidence of each comparison: that Y is worse, that Y is within the margin.',
      type: 'gauge',
      read: () => (verdict()?.streams ?? []).flatMap(evidenceOf),
    },
    {
      name: 'crossover_analysis_combined_evidence',
      help: 'Natural logarithm of the evidence for a revert, all comparisons together, and for an advance, the weakest that it takes.',
      type: 'gauge',
      read: () => combinedOf(verdict(), isSoaking(rolloutState())),
    },
    {
      name: 'crossover_analysis_evidence_bar',
      help: 'Natural logarithm of the evidence at which the rollout reverts, and at which it may advance.',
      type: 'gauge',
      read: () => barsOf(verdict()),
    },
  ];
}

function evidenceOf({ stream, logWorse, logSafe }: StreamEvidence): MetricValue[] {
  const worse: MetricValue = { value: logWorse, labels: { metric: stream, direction: 'worse' } };
  if (logSafe === null) return [worse];
  return [worse, { value: logSafe, labels: { metric: stream, direction: 'safe' } }];
}

const revert = { decision: 'revert' } as const;
const advance = { decision: 'advance' } as const;

/** A soak asks for no proof: it ends when its time is over and nothing speaks against Y. */
function combinedOf(verdict: Verdict | null, isSoak: boolean): MetricValue[] {
  if (verdict === null) return [];
  const toRevert: MetricValue = { value: verdict.logEvidence, labels: revert };
  const proof = isSoak ? null : weakestProof(verdict.streams);
  return proof === null ? [toRevert] : [toRevert, { value: proof, labels: advance }];
}

function barsOf(verdict: Verdict | null): MetricValue[] {
  if (verdict === null) return [];
  return [
    { value: verdict.logEvidenceBar, labels: revert },
    { value: verdict.logSafeBar, labels: advance },
  ];
}
