// Asks a Prometheus once, for gates and business metrics alike.
import type { PromqlSource } from '#src/config/signals-config.ts';
import { type Reading, readPrometheus } from './answer-value.ts';
import type { Outgoing } from './outgoing-client.ts';
import { fillQuery, type QueriedCluster, queryUrl } from './query-text.ts';

/** Asks Prometheus for one number about a cluster. */
export async function askPrometheus(
  { prometheus, query, token }: PromqlSource,
  cluster: QueriedCluster,
  timeoutMs: number,
  outgoing: Outgoing,
): Promise<Reading> {
  const url = queryUrl(prometheus, fillQuery(query, cluster));
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
  const answer = await outgoing.send({ method: 'GET', url, headers, timeoutMs });
  return answer.ok
    ? readPrometheus(answer.status, answer.text)
    : { ok: false, reason: answer.reason, unparsable: false };
}
