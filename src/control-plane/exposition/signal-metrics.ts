// Metrics of what stands outside the traffic: freeze, windows, gates, business metrics, notifications.
import { type ExpositionSources, type MetricDefinition, single } from './metric-definition.ts';

const flag = (is: boolean): number => (is ? 1 : 0);

export function signalMetrics({ signals, rolloutState }: ExpositionSources): MetricDefinition[] {
  return [
    {
      name: 'crossover_frozen',
      help: 'Whether starts and advances are frozen: 1 or 0.',
      type: 'gauge',
      read: () => single(flag(signals.freeze.view.frozen)),
    },
    {
      name: 'crossover_change_window_open',
      help: 'Whether the change windows allow starts and advances: 1 or 0.',
      type: 'gauge',
      read: () => single(flag(signals.view().window.open)),
    },
    {
      name: 'crossover_gate_open',
      help: 'Whether the gate lets the next move pass: 1 or 0; 0 where it is not asked.',
      type: 'gauge',
      read: () =>
        signals.gates.views(rolloutState()).map(({ name, point, state }) => ({
          value: flag(state === 'open'),
          labels: { gate: name, point },
        })),
    },
    {
      name: 'crossover_gate_answers_total',
      help: 'Answers of the gate by result: go, hold; told or failed after a revert.',
      type: 'counter',
      read: () =>
        signals.gates.counts().map(({ gate, result, count }) => ({ value: count, labels: { gate, result } })),
    },
    ...businessMetrics(signals),
    ...notificationMetrics(signals),
  ];
}

function businessMetrics(signals: ExpositionSources['signals']): MetricDefinition[] {
  return [
    {
      name: 'crossover_business_metric_value',
      help: 'Last value of the business metric for the cluster.',
      type: 'gauge',
      read: () =>
        signals.metrics
          .views()
          .flatMap(({ name, x, y }) =>
            Object.entries({ x, y }).flatMap(([cluster, value]) =>
              value === null ? [] : [{ value, labels: { metric: name, cluster } }],
            ),
          ),
    },
    {
      name: 'crossover_business_metric_holds',
      help: 'Whether the business metric holds the rollout, violated or unreadable: 1 or 0.',
      type: 'gauge',
      read: () =>
        signals.metrics.views().map(({ name, state }) => ({
          value: flag(state === 'waiting' || state === 'violated' || state === 'unclear'),
          labels: { metric: name },
        })),
    },
    {
      name: 'crossover_business_metric_problems_total',
      help: 'Evaluations of the business metric that gave no number.',
      type: 'counter',
      read: () =>
        signals.metrics
          .problemCounts()
          .map(({ name, count }) => ({ value: count, labels: { metric: name } })),
    },
  ];
}

function notificationMetrics(signals: ExpositionSources['signals']): MetricDefinition[] {
  return [
    {
      name: 'crossover_notifications_total',
      help: 'Notifications by receiver and result: sent, failed, dropped.',
      type: 'counter',
      read: () =>
        signals.notifier
          .counts()
          .map(({ receiver, result, count }) => ({ value: count, labels: { receiver, result } })),
    },
    {
      name: 'crossover_notifications_queued',
      help: 'Notifications that wait to be delivered.',
      type: 'gauge',
      read: () => single(signals.notifier.queuedCount),
    },
  ];
}
