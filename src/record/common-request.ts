// Which request most of those had in common that were kept at a revert: where to look first.
import type { CauseRequest } from './frozen-evidence.ts';

/** Fewer requests than this have nothing in common that means anything. */
const requestsMin = 4;

/**
 * `14 of 16 requests that were kept are GET /orders`; null where less than half are the same, or too few were
 * kept. Requests of one route with different paths count as `on the route orders`.
 */
export function commonRequestText(samples: readonly CauseRequest[]): string | null {
  if (samples.length < requestsMin) return null;
  const same = mostFrequent(samples.map(({ request }) => request));
  const route = mostFrequent(samples.map((sample) => sample.route));
  const of = `of ${samples.length} requests that were kept are`;
  if (2 * same.count >= samples.length && same.count >= route.count * wholeRoute)
    return `${same.count} ${of} ${same.value}`;
  if (2 * route.count >= samples.length) return `${route.count} ${of} on the route ${route.value}`;
  return null;
}

/** A path is named when it has nearly all that its route has; otherwise the route says more. */
const wholeRoute = 0.8;

function mostFrequent(values: readonly string[]): { readonly value: string; readonly count: number } {
  const counts = new Map<string, number>();
  let most = { value: '', count: 0 };
  for (const value of values) {
    const count = (counts.get(value) ?? 0) + 1;
    counts.set(value, count);
    if (count > most.count) most = { value, count };
  }
  return most;
}
