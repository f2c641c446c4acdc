// Which of the requests that workers remember belong to what sent a rollout back: a revert for 401s is
// explained by those, and one for latency by the slow ones. Everything else is explained by what failed.
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { statusClassOf } from '#src/core/telemetry/status-class.ts';
import type { RequestSample } from '#src/shared-memory/messages.ts';

type Belongs = (sample: RequestSample) => boolean;

const failed: Belongs = ({ status }) => status === null || status >= 500;

/** Stream that a revert is for; null where it was not for one, such as an operator's. */
function causeStream(cause: string, verdict: Verdict | null): string | null {
  if (verdict === null) return null;
  if (cause === 'evidence' || cause === 'cap') return verdict.cause;
  if (cause !== 'inconclusive') return null;
  return verdict.rule === 'suspicion' ? verdict.cause : (verdict.needs?.stream ?? null);
}

function belongsTo(stream: string | null, verdict: Verdict | null): Belongs {
  const [family, part] = stream?.split('.') ?? [];
  if (family === 'status') return ({ status }) => status !== null && statusClassOf(status) === part;
  if (family !== 'latency') return failed;
  // A cap has no threshold of its own: slow is what the comparison at the same quantile counts as slow.
  const yMs = verdict?.streams.find((one) => one.stream === `latency.${part}`)?.threshold?.yMs ?? Infinity;
  // Requests that timed out were slow as well. Of a cluster that hangs there are no others.
  return ({ status, kind, latencyMs }) =>
    kind === 'timeout' || (status !== null && status < 500 && latencyMs > yMs);
}

/** The samples that explain a revert for `cause`, in their order; the failed ones where there are none. */
export function causeSamples(
  samples: readonly RequestSample[],
  cause: string,
  verdict: Verdict | null,
): readonly RequestSample[] {
  const matching = samples.filter(belongsTo(causeStream(cause, verdict), verdict));
  return matching.length > 0 ? matching : samples.filter(failed);
}
