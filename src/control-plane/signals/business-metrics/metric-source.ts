// Gets a business metric's number for one cluster from where it is: a query or a webhook.
import type { JsonSource, PromqlSource } from '#src/config/signals-config.ts';
import { type Reading, readJson } from '#src/control-plane/outgoing/answer-value.ts';
import { askPrometheus } from '#src/control-plane/outgoing/ask-prometheus.ts';
import type { Outgoing } from '#src/control-plane/outgoing/outgoing-client.ts';
import { fillUrl, type QueriedCluster } from '#src/control-plane/outgoing/query-text.ts';

/** One number, or why there is none. Never rejects. */
export async function readMetric(
  source: PromqlSource | JsonSource,
  cluster: QueriedCluster,
  timeoutMs: number,
  outgoing: Outgoing,
): Promise<Reading> {
  if (source.kind === 'promql') return askPrometheus(source, cluster, timeoutMs, outgoing);
  const headers: Record<string, string> =
    source.token === null ? {} : { authorization: `Bearer ${source.token}` };
  const url = fillUrl(source.url, cluster);
  const answer = await outgoing.send({ method: 'GET', url, headers, timeoutMs });
  if (!answer.ok) return { ok: false, reason: answer.reason, unparsable: false };
  return readJson(answer.status, answer.text, source.pointer);
}
