// Whether a few routes explain the evidence against Y. Then these can be parked on X while the rest of the
// rollout goes on.
//
// Why parking costs no false reverts. A route is parked when its weight times its e-value alone reaches
// 1/alpha, and then the weighted sum of all e-values, of which it is a part, has reached 1/alpha too. So
// whatever comes first, a wrong parking or a wrong revert, has a chance of at most alpha (Ville). After a
// rightful one the parked stream is left out, which lowers the sum, the others give up what they have gained
// from the route's failures, which lowers it further, and the weights of the streams that are left sum to
// less than 1: their chance of a wrong revert stays at most alpha. The bar is that of a rollout with business
// metrics, which take a tenth of all weights, whether there are any or not.

import type { BadRoute } from '#src/core/analysis/verdict.ts';
import { businessShare } from './business-streams.ts';
import type { ComparedStream } from './compared-stream.ts';
import { otherSlot, type RouteStream, routeWeight } from './route-streams.ts';

/**
 * Evidence, before deflation, from which on a route may be the reason why all requests look bad. It parks
 * nothing; it only gives time for the evidence that does. All requests may have enough for a revert at 6 to
 * 9. A route with all of the errors and few requests has as much by then; and deflation is largest just after
 * a route has broken.
 */
const suspectLogEvidence = 5;
/** Routes that are parked at a time. More of them are no exceptions any more, but Y itself. */
const parkedRoutesMax = 8;
/** A route with a larger share of Y's requests is no exception either. */
const suspectShareMax = 0.5;
/**
 * How many standard deviations the rest may be above what is allowed: it is an estimate from few requests.
 */
const restDeviations = 3;

export interface ParkAdvice {
  /** Routes whose own evidence is enough to park them; there may be none yet. */
  readonly bad: readonly BadRoute[];
  readonly suspects: readonly RouteStream[];
}

/**
 * What the routes explain of the evidence against Y; null when they do not. `errors` is the stream of all
 * requests.
 */
export function parkAdvice(
  routes: readonly RouteStream[],
  errors: ComparedStream,
  parkedCount: number,
  logBar: number,
): ParkAdvice | null {
  const suspects = routes.filter(
    ({ slot, compared }) => slot !== otherSlot && compared.rawLogEvidence() >= suspectLogEvidence,
  );
  if (suspects.length === 0 || parkedCount + suspects.length > parkedRoutesMax) return null;
  if (!explain(suspects, errors)) return null;
  const bar = logBar - Math.log(1 - businessShare);
  const bad = suspects.filter((route) => Math.log(routeWeight) + route.evidence().logWorse >= bar);
  return {
    suspects,
    bad: bad.map((route) => ({ slot: route.slot, name: route.route, text: route.finding() })),
  };
}

/**
 * Whether all requests but those of the suspects look as good as they should, over the time in which all of
 * them together look bad.
 */
function explain(suspects: readonly RouteStream[], errors: ComparedStream): boolean {
  const sinceMs = errors.risingSinceMs();
  const all = errors.ring.countsSince(sinceMs);
  const rest = { nX: all.x.requests, kX: all.x.failures, nY: all.y.requests, kY: all.y.failures };
  for (const { compared } of suspects) {
    const { x, y } = compared.ring.countsSince(sinceMs);
    rest.nX -= x.requests;
    rest.kX -= x.failures;
    rest.nY -= y.requests;
    rest.kY -= y.failures;
  }
  if (rest.nY < (1 - suspectShareMax) * all.y.requests) return false;
  const { timesX, over } = errors.spec;
  const allowed = rest.nY * (timesX * (Math.max(0, rest.kX) / Math.max(1, rest.nX)) + over);
  return rest.kY <= allowed + restDeviations * Math.sqrt(allowed + 1);
}

export const suspectsText = ({ suspects }: ParkAdvice): string =>
  `${suspects.map((route) => route.finding()).join('; ')}; all other routes look as they may`;

export function adviceText({ bad, suspects }: ParkAdvice): string {
  if (bad.length > 0) return `${bad.map(({ text }) => text).join('; ')}; all other routes look as they may`;
  const named = suspects.map((route) => route.finding()).join('; ');
  return `${named} raise suspicion; all other routes look as they may`;
}
