// The metrics of /metrics. Every value is read from where it lives when someone scrapes: shared memory, the
// rollout, the store. prom-client formats them and adds those of the process; docs/metrics.md describes each.
import type { Registry } from 'prom-client';
import { armOf, clusterNames } from '#src/control-plane/nodes/node-directory.ts';
import type { Held } from '#src/control-plane/rollout/hold-watch.ts';
import { phases } from '#src/core/rollout/rollout-state.ts';
import type { NodeView } from '#src/record/node-view.ts';
import { NODE, nodeOffset } from '#src/shared-memory/layout.ts';
import { nodeHealth } from '#src/shared-memory/shared-memory.ts';
import { analysisMetrics } from './analysis-metrics.ts';
import { failureMetrics } from './failure-metrics.ts';
import {
  type ExpositionSources,
  type MetricDefinition,
  type MetricValue,
  single,
} from './metric-definition.ts';
import { signalMetrics } from './signal-metrics.ts';
import { trafficMetrics } from './traffic-metrics.ts';
import { workerMetrics } from './worker-metrics.ts';

/**
 * How often prom-client looks at the event loop's delay, ms. Its own 10 ms would wake the thread a hundred
 * times a second, which costs as much as everything else it does; what holds up the control loop is a
 * multiple of this.
 */
const eventLoopMonitoringPrecision = 100;

/**
 * Gauges of prom-client that end in `_total`, which Prometheus' linter refuses; each has a twin by type
 * without it.
 */
const misnamed = [
  'nodejs_active_resources_total',
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
];

/** All metrics. What formats them, 76 modules, is loaded for whoever scrapes first. */
export function createExposition(sources: ExpositionSources): { metrics(): Promise<string> } {
  let registry: Promise<Registry> | null = null;
  return {
    metrics: async () => {
      registry ??= makeRegistry(sources);
      return (await registry).metrics();
    },
  };
}

async function makeRegistry(sources: ExpositionSources): Promise<Registry> {
  const { collectDefaultMetrics, Registry } = await import('prom-client');
  const registry = new Registry();
  const definitions = [
    ...trafficMetrics(sources),
    ...failureMetrics(sources),
    ...nodeMetrics(sources),
    ...rolloutMetrics(sources),
    ...analysisMetrics(sources),
    ...signalMetrics(sources),
    ...workerMetrics(sources),
    ...ownMetrics(sources),
  ];
  for (const definition of definitions) register(registry, definition);
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision });
  for (const name of misnamed) registry.removeSingleMetric(name);
  return registry;
}

/** prom-client asks a metric for its values with get(); what it stores itself we do not need. */
function register(registry: Registry, { name, help, type, read }: MetricDefinition): void {
  const get = async () => ({ name, help, type, values: read(), aggregator: 'sum' });
  registry.registerMetric({ name, help, type, get, reset: () => {} } as never);
}

function nodeMetrics({ directory, totals }: ExpositionSources): MetricDefinition[] {
  const perNode = (read: (view: NodeView) => number) => () =>
    clusterNames.flatMap((cluster) =>
      directory.views(cluster).map((view) => ({ value: read(view), labels: { cluster, node: view.id } })),
    );
  /** A counter of NODE, over all workers. */
  const counted = (field: number) => () =>
    clusterNames.flatMap((cluster) =>
      directory.of(cluster).map(({ id, slot }) => ({
        value: totals.at(nodeOffset(armOf(cluster), slot) + field),
        labels: { cluster, node: id },
      })),
    );
  return [
    {
      name: 'crossover_node_healthy',
      help: 'Whether the active checks find the node healthy: 1, or 0; a node not checked yet counts as healthy.',
      type: 'gauge',
      read: () =>
        clusterNames.flatMap((cluster) =>
          directory.of(cluster).map((node) => ({
            value: directory.healthOf(cluster, node) === nodeHealth.unhealthy ? 0 : 1,
            labels: { cluster, node: node.id },
          })),
        ),
    },
    {
      name: 'crossover_node_ejected',
      help: 'Whether any worker keeps the node out after failures in a row: 1 or 0.',
      type: 'gauge',
      read: perNode((view) => (view.ejected ? 1 : 0)),
    },
    {
      name: 'crossover_node_ejections_total',
      help: 'Times that a worker took the node out after failures in a row.',
      type: 'counter',
      read: counted(NODE.ejections),
    },
    {
      name: 'crossover_node_connects_total',
      help: 'Connections that were made to the node.',
      type: 'counter',
      read: counted(NODE.connects),
    },
    {
      name: 'crossover_node_requests_total',
      help: 'Attempts sent to the node.',
      type: 'counter',
      read: perNode((view) => view.requests),
    },
    {
      name: 'crossover_node_failures_total',
      help: 'Attempts that failed on the node.',
      type: 'counter',
      read: perNode((view) => view.failures),
    },
    {
      name: 'crossover_node_in_flight_requests',
      help: 'Attempts under way on the node.',
      type: 'gauge',
      read: perNode((view) => view.inFlight),
    },
  ];
}

function rolloutMetrics({ rolloutState, held }: ExpositionSources): MetricDefinition[] {
  return [
    {
      name: 'crossover_rollout_phase',
      help: 'The phase of the rollout: 1 for the present one, 0 for the others.',
      type: 'gauge',
      read: () =>
        phases.map((phase) => ({ value: rolloutState().phase === phase ? 1 : 0, labels: { phase } })),
    },
    {
      name: 'crossover_rollout_step',
      help: 'Number of the present step, from 1; 0 when no rollout is at a step.',
      type: 'gauge',
      read: () => {
        const state = rolloutState();
        return single('stepIndex' in state && state.phase !== 'reverted' ? state.stepIndex + 1 : 0);
      },
    },
    {
      name: 'crossover_rollout_held_seconds',
      help: 'How long the rollout has been held for this reason; no sample while nothing holds it.',
      type: 'gauge',
      read: () => heldValue(held()),
    },
  ];
}

const heldValue = (held: Held | null): MetricValue[] =>
  held === null ? [] : [{ value: held.seconds, labels: { reason: held.reason } }];

function ownMetrics({ store, version }: ExpositionSources): MetricDefinition[] {
  return [
    {
      name: 'crossover_store_writable',
      help: 'Whether the store takes writes: 1 or 0.',
      type: 'gauge',
      read: () => single(store.writable ? 1 : 0),
    },
    {
      name: 'crossover_store_queued_records',
      help: 'Records kept in memory until the store has acknowledged them.',
      type: 'gauge',
      read: () => single(store.queuedCount),
    },
    {
      name: 'crossover_store_dropped_records_total',
      help: 'Records lost because too many waited for the store.',
      type: 'counter',
      read: () => single(store.droppedCount),
    },
    {
      name: 'crossover_build_info',
      help: 'The running version; always 1.',
      type: 'gauge',
      read: () => [{ value: 1, labels: { version, node: process.version } }],
    },
  ];
}
