// What is said instead of an estimate when a cluster that is compared gets no requests any more.
import type { Rates } from '#src/core/telemetry/window.ts';

/** Which cluster has had no request in the last minute; null when both had some. */
export function stoppedTrafficText({ x, y }: Rates): string | null {
  if (y.requestsPerSecond === 0)
    return x.requestsPerSecond === 0
      ? 'no traffic on either cluster for a minute'
      : 'no traffic on Y for a minute, while X has some';
  return x.requestsPerSecond === 0 ? 'no traffic on X for a minute to compare with, while Y has some' : null;
}
