// Metrics of the traffic: answers, latency, failures, failovers, refusals, and the split.
import { failureKinds, proxyErrorNames, proxyErrors } from '#src/base/error-catalog.ts';
import { armOf, clusterNames } from '#src/control-plane/nodes/node-directory.ts';
import type { SlabTotals } from '#src/control-plane/traffic/slab-totals.ts';
import { PPM } from '#src/limits.ts';
import {
  ANSWER,
  ATTEMPT,
  answerOffset,
  attemptOffset,
  epochSlots,
  failoverKindOffset,
  failoverShortageOffset,
  failoverStatusOffset,
  failureKindIndex,
  rejectedOffset,
  staleSlot,
  statusSlots,
} from '#src/shared-memory/layout.ts';
import { durationBounds, foldHistogram } from './folded-histogram.ts';
import type { ExpositionSources, MetricDefinition, MetricValue } from './metric-definition.ts';

export function trafficMetrics({ totals, sink }: ExpositionSources): MetricDefinition[] {
  return [
    {
      name: 'crossover_requests_total',
      help: 'Answers to clients by the cluster that produced them and status code.',
      type: 'counter',
      read: () => clusterNames.flatMap((cluster) => answersByCode(totals, cluster)),
    },
    {
      name: 'crossover_request_duration_seconds',
      help: 'Time to response head of what clients were answered, by cluster.',
      type: 'histogram',
      read: () => clusterNames.flatMap((cluster) => durations(totals, cluster)),
    },
    {
      name: 'crossover_failures_total',
      help: 'First attempts that failed at the gateway, by cluster and kind; 5xx answers are in the answers by code.',
      type: 'counter',
      read: () => clusterNames.flatMap((cluster) => failuresByKind(totals, cluster)),
    },
    {
      name: 'crossover_kong_made_failures_total',
      help: 'First attempts that Kong answered with a 5xx of its own, by cluster.',
      type: 'counter',
      read: () => perCluster(totals, ATTEMPT.kongFailures),
    },
    {
      name: 'crossover_service_made_failures_total',
      help: 'First attempts that the service behind Kong answered with a 5xx, by cluster.',
      type: 'counter',
      read: () => perCluster(totals, ATTEMPT.serviceFailures),
    },
    {
      name: 'crossover_failovers_total',
      help: 'Requests of Y that X answered, by what had failed; `shortage`: of resources of this proxy.',
      type: 'counter',
      read: () => failovers(totals),
    },
    {
      name: 'crossover_rejected_requests_total',
      help: 'Requests answered by the proxy itself, by error code (docs/errors.md).',
      type: 'counter',
      read: () =>
        proxyErrorNames.map((name, index) => ({
          value: totals.at(rejectedOffset(index)),
          labels: { code: proxyErrors[name].code },
        })),
    },
    {
      name: 'crossover_split_ratio',
      help: 'Share of new requests that each cluster gets, 0 to 1.',
      type: 'gauge',
      read: () => {
        const y = sink.current().weightPpm / PPM;
        return [
          { value: 1 - y, labels: { cluster: 'x' } },
          { value: y, labels: { cluster: 'y' } },
        ];
      },
    },
    {
      name: 'crossover_stale_outcomes_total',
      help: 'Outcomes that came so many split changes after their request that the analysis leaves them out.',
      type: 'counter',
      read: () =>
        clusterNames.map((cluster) => ({ value: staleOutcomes(totals, cluster), labels: { cluster } })),
    },
  ];
}

function answersByCode(totals: SlabTotals, cluster: 'x' | 'y'): MetricValue[] {
  const values: MetricValue[] = [];
  const at = answerOffset(armOf(cluster)) + ANSWER.status;
  for (let code = 0; code < statusSlots; code++) {
    const value = totals.at(at + code);
    if (value > 0) values.push({ value, labels: { cluster, code } });
  }
  return values;
}

function durations(totals: SlabTotals, cluster: 'x' | 'y'): MetricValue[] {
  const { cumulative, count, sumSeconds } = foldHistogram(totals, armOf(cluster));
  const name = 'crossover_request_duration_seconds';
  const buckets = durationBounds.map((le, index) => ({
    metricName: `${name}_bucket`,
    value: cumulative[index] ?? count,
    labels: { cluster, le },
  }));
  return [
    ...buckets,
    { metricName: `${name}_bucket`, value: count, labels: { cluster, le: '+Inf' } },
    { metricName: `${name}_sum`, value: sumSeconds, labels: { cluster } },
    { metricName: `${name}_count`, value: count, labels: { cluster } },
  ];
}

function failuresByKind(totals: SlabTotals, cluster: 'x' | 'y'): MetricValue[] {
  return failureKinds.map((kind) => ({
    value: attemptsSum(totals, cluster, ATTEMPT.failures + failureKindIndex[kind]),
    labels: { cluster, kind },
  }));
}

/** A counter of the attempts' blocks by cluster, over all epochs. */
function perCluster(totals: SlabTotals, field: number): MetricValue[] {
  return clusterNames.map((cluster) => ({ value: attemptsSum(totals, cluster, field), labels: { cluster } }));
}

function attemptsSum(totals: SlabTotals, cluster: 'x' | 'y', field: number): number {
  let sum = 0;
  for (let slot = 0; slot < epochSlots; slot++) sum += totals.at(attemptOffset(armOf(cluster), slot) + field);
  return sum;
}

function failovers(totals: SlabTotals): MetricValue[] {
  const labelsOf = (reason: string | number) => ({ from: 'y', to: 'x', reason });
  const values: MetricValue[] = failureKinds.map((kind) => ({
    value: totals.at(failoverKindOffset(failureKindIndex[kind])),
    labels: labelsOf(kind),
  }));
  values.push({ value: totals.at(failoverShortageOffset), labels: labelsOf('shortage') });
  for (let code = 0; code < statusSlots; code++) {
    const value = totals.at(failoverStatusOffset(code));
    if (value > 0) values.push({ value, labels: labelsOf(code) });
  }
  return values;
}

function staleOutcomes(totals: SlabTotals, cluster: 'x' | 'y'): number {
  const at = attemptOffset(armOf(cluster), staleSlot);
  let sum = 0;
  for (let code = 0; code < statusSlots; code++) sum += totals.at(at + ATTEMPT.status + code);
  for (const kind of failureKinds) sum += totals.at(at + ATTEMPT.failures + failureKindIndex[kind]);
  return sum;
}
