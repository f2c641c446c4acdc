// How far the proof has come that an advance takes: as far as that of the comparison that lacks most.
import type { StreamEvidence } from './verdict.ts';

/**
 * ln of the e-value of the weakest comparison that has to show that Y is not worse; null where none has to.
 * An advance takes `logSafeBar` of each of them, so of this one.
 */
export function weakestProof(streams: readonly StreamEvidence[]): number | null {
  const required = streams.flatMap(({ logSafe }) => (logSafe === null ? [] : [logSafe]));
  return required.length === 0 ? null : Math.min(...required);
}
