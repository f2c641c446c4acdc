// Metrics of why requests failed: what upstreams did, by node and cause, and what this proxy was short of.
import { armOf, clusterNames } from '#src/control-plane/nodes/node-directory.ts';
import type { SlabTotals } from '#src/control-plane/traffic/slab-totals.ts';
import { failureCauses } from '#src/core/telemetry/failure-cause.ts';
import { ownResources, shortOperations } from '#src/core/telemetry/own-shortage.ts';
import {
  ATTEMPT,
  attemptOffset,
  type ClusterName,
  causesOffset,
  epochSlots,
  noNodeSlot,
  shortageOffset,
} from '#src/shared-memory/layout.ts';
import type { ExpositionSources, MetricDefinition, MetricValue } from './metric-definition.ts';

export function failureMetrics({ totals, directory, checkShortages }: ExpositionSources): MetricDefinition[] {
  return [
    {
      name: 'crossover_upstream_failures_total',
      help: 'Attempts that an upstream failed, by cluster, node, phase and code (docs/errors.md).',
      type: 'counter',
      read: () =>
        clusterNames.flatMap((cluster) => [
          ...directory.of(cluster).flatMap(({ id, slot }) => byCause(totals, cluster, id, slot)),
          ...byCause(totals, cluster, '', noNodeSlot),
        ]),
    },
    {
      name: 'crossover_own_shortage_total',
      help: 'Operations that failed because a resource of this proxy or its host was short.',
      type: 'counter',
      read: () => [...shortagesOfWorkers(totals), ...shortagesOfChecks(checkShortages)],
    },
    {
      name: 'crossover_own_shortage_requests_total',
      help: 'First attempts that a shortage of our own took out of the comparison, by cluster.',
      type: 'counter',
      read: () => clusterNames.map((cluster) => ({ value: withdrawn(totals, cluster), labels: { cluster } })),
    },
  ];
}

/** Causes that were seen: most of the table never is. */
function byCause(totals: SlabTotals, cluster: ClusterName, node: string, nodeSlot: number): MetricValue[] {
  const at = causesOffset(armOf(cluster), nodeSlot);
  return failureCauses.flatMap(({ index, phase, code }) => {
    const value = totals.at(at + index);
    return value === 0 ? [] : [{ value, labels: { cluster, node, phase, code } }];
  });
}

const shortagesOfWorkers = (totals: SlabTotals): MetricValue[] =>
  shortOperations.flatMap((operation) =>
    ownResources.map((resource) => ({
      value: totals.at(shortageOffset(operation, resource)),
      labels: { operation, resource },
    })),
  );

const shortagesOfChecks = (counts: ExpositionSources['checkShortages']): MetricValue[] =>
  [...counts].map(([resource, value]) => ({ value, labels: { operation: 'check', resource } }));

function withdrawn(totals: SlabTotals, cluster: ClusterName): number {
  let sum = 0;
  for (let slot = 0; slot < epochSlots; slot++)
    sum += totals.at(attemptOffset(armOf(cluster), slot) + ATTEMPT.ownShortages);
  return sum;
}
