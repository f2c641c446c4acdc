// Metrics of the workers: what each counts by itself, connections, breakers, retries.

import type { WorkerField } from '#src/control-plane/traffic/slab-totals.ts';
import type { WorkerView } from '#src/control-plane/traffic/worker-watch.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import type { ExpositionSources, MetricDefinition } from './metric-definition.ts';

/** Single numbers of the workers: metric, help, type, and the fields to read with their labels. */
const workerNumbers: readonly (readonly [
  name: string,
  help: string,
  type: 'counter' | 'gauge',
  fields: readonly (readonly [WorkerField, Readonly<Record<string, string>>])[],
])[] = [
  ['crossover_client_connections', 'Open client connections.', 'gauge', [['connectionsOpen', {}]]],
  [
    'crossover_client_connections_accepted_total',
    'Accepted client connections.',
    'counter',
    [['connectionsAccepted', {}]],
  ],
  [
    'crossover_client_connections_refused_total',
    'Client connections refused at the limit.',
    'counter',
    [['connectionsRefused', {}]],
  ],
  [
    'crossover_client_aborts_total',
    'Requests whose client went away before the answer.',
    'counter',
    [['clientAborts', {}]],
  ],
  [
    'crossover_client_bytes_received_total',
    'Bytes read from clients, heads and bodies, without tunnels.',
    'counter',
    [['bytesFromClients', {}]],
  ],
  [
    'crossover_client_bytes_sent_total',
    'Bytes written to clients, heads and bodies, without tunnels.',
    'counter',
    [['bytesToClients', {}]],
  ],
  ['crossover_tunnels', 'Open tunnels after an upgrade, such as WebSockets.', 'gauge', [['tunnelsOpen', {}]]],
  [
    'crossover_in_flight_requests',
    'Requests under way, by cluster.',
    'gauge',
    [
      ['inFlightX', { cluster: 'x' }],
      ['inFlightY', { cluster: 'y' }],
    ],
  ],
  [
    'crossover_pending_requests',
    'Requests that wait for an upstream connection, by cluster.',
    'gauge',
    [
      ['pendingX', { cluster: 'x' }],
      ['pendingY', { cluster: 'y' }],
    ],
  ],
  [
    'crossover_queued_requests',
    'Requests of many clients that were read and wait for their turn in a worker.',
    'gauge',
    [['queued', {}]],
  ],
  [
    'crossover_upstream_connections',
    'Upstream connections by cluster: all that are open, and those of them that are idle.',
    'gauge',
    [
      ['upstreamOpenX', { cluster: 'x', state: 'open' }],
      ['upstreamIdleX', { cluster: 'x', state: 'idle' }],
      ['upstreamOpenY', { cluster: 'y', state: 'open' }],
      ['upstreamIdleY', { cluster: 'y', state: 'idle' }],
    ],
  ],
  [
    'crossover_breaker_opens_total',
    "Times a worker's breaker for Y opened.",
    'counter',
    [['breakerOpens', {}]],
  ],
  [
    'crossover_breaker_diverted_requests_total',
    'Requests meant for Y that an open breaker sent to X.',
    'counter',
    [['breakerDiverted', {}]],
  ],
  [
    'crossover_parked_diverted_requests_total',
    'Requests meant for Y that went to X because their route is parked.',
    'counter',
    [['parkedDiverted', {}]],
  ],
  [
    'crossover_failover_budget_exhausted_total',
    'Failed requests not sent again to X because the budget was used up.',
    'counter',
    [['failoverBudgetExhausted', {}]],
  ],
  [
    'crossover_stale_connection_retries_total',
    'Requests sent again because an idle upstream connection closed as it was reused.',
    'counter',
    [['staleReuseRetries', {}]],
  ],
  [
    'crossover_connect_retries_total',
    'Requests tried on another node of the same cluster, after a failed connect or a node that died before it answered.',
    'counter',
    [['connectRetries', {}]],
  ],
  [
    'crossover_pinned_requests_total',
    'Requests that a rule or the override header sent to a cluster; outside the comparison.',
    'counter',
    [['pinnedRequests', {}]],
  ],
  [
    'crossover_pipelined_requests_total',
    'Requests that were there before the answer to the one before had ended.',
    'counter',
    [['pipelinedRequests', {}]],
  ],
  [
    'crossover_gave_way_total',
    'Client connections that were ended for others when places were short, by what they kept a place for.',
    'counter',
    [
      ['gaveWayLeft', { reason: 'left' }],
      ['gaveWayUpload', { reason: 'upload' }],
      ['gaveWayReader', { reason: 'reader' }],
      ['gaveWaySilent', { reason: 'silent' }],
      ['gaveWayIdle', { reason: 'idle' }],
    ],
  ],
  [
    'crossover_truncated_responses_total',
    'Responses whose body an upstream cut short.',
    'counter',
    [['truncatedResponses', {}]],
  ],
];

export function workerMetrics({ totals, workers }: ExpositionSources): MetricDefinition[] {
  const sums = workerNumbers.map(
    ([name, help, type, fields]): MetricDefinition => ({
      name,
      help,
      type,
      read: () => fields.map(([field, labels]) => ({ value: totals.of(field), labels })),
    }),
  );
  const perWorker = (read: (view: WorkerView) => number) => () =>
    workers().map((view) => ({ value: read(view), labels: { worker: view.index } }));
  return [
    ...sums,
    {
      name: 'crossover_worker_up',
      help: 'Whether the worker gives signs of life: 1 or 0.',
      type: 'gauge',
      read: perWorker((view) => (view.alive ? 1 : 0)),
    },
    {
      name: 'crossover_worker_breaker_state',
      help: "The worker's breaker for Y: 0 closed, 1 open, 2 letting single requests through.",
      type: 'gauge',
      read: () =>
        totals.slabs.map((slab, worker) => ({
          value: slab[WORKER.breakerState] as number,
          labels: { worker },
        })),
    },
    {
      name: 'crossover_worker_loop_delay_max_seconds',
      help: "Longest delay of the worker's event loop since it started.",
      type: 'gauge',
      read: perWorker((view) => view.loopDelayMsMax / 1000),
    },
    {
      name: 'crossover_worker_config_revision',
      help: 'Revision of the config that the worker runs.',
      type: 'gauge',
      read: perWorker((view) => view.configRevision),
    },
  ];
}
