// What the control API gets to see of the control thread: its parts, and views that are put together when
// asked for.

import type { ApiContext } from './api/api-context.ts';
import type { ControlEndpoint } from './api/control-endpoint.ts';
import { newRollout } from './api/plan.ts';
import type { ControlParts } from './control-parts.ts';
import { createExposition } from './exposition/exposition.ts';
import { forecastOf } from './rollout/forecast-of.ts';
import type { ReadinessCheck } from './status/readiness.ts';
import { readinessChecks } from './status/readiness.ts';
import { type StatusView, statusView } from './status/status.ts';
import { SlabTotals } from './traffic/slab-totals.ts';

export function apiContextOf(parts: ControlParts, endpoint: ControlEndpoint): ApiContext {
  const { clock, sink, events, store, directory, signals, supervisor, rollout, version } = parts;
  const rolloutState = () => rollout.state;
  const verdict = () => parts.assessor.verdict;
  const exposition = createExposition({
    totals: new SlabTotals(parts.memory),
    directory,
    sink,
    rolloutState,
    held: () => parts.holds.held,
    verdict,
    workers: () => parts.workers.views(clock.monotonicMs()),
    store,
    signals,
    checkShortages: parts.health.shortages,
    version,
  });
  return {
    clock,
    config: () => parts.config,
    rollout,
    sink,
    events,
    store,
    directory,
    credentials: endpoint.credentials,
    ownListeners: () => endpoint.ownListeners,
    signals,
    supervisor,
    status: () => statusOf(parts),
    verdict,
    readiness: () => readinessOf(parts),
    metrics: () => exposition.metrics(),
    version,
    log: (line) => parts.log(line),
    newRollout,
  };
}

function statusOf(parts: ControlParts): StatusView {
  const nowMs = parts.clock.monotonicMs();
  const { x, y } = parts.config.clusters;
  return statusView({
    state: parts.rollout.state,
    held: parts.holds.held,
    forecast: forecastOf(parts.rollout, parts.assessor),
    split: parts.sink.current(),
    labels: { x: x.label, y: y.label },
    traffic: parts.traffic.read(),
    answers: parts.answers.read(),
    nodes: (cluster) => parts.directory.views(cluster),
    verdict: parts.assessor.verdict,
    signals: parts.signals.view(),
    suspects: parts.suspects.views,
    workers: parts.workers.views(nowMs),
    store: parts.store,
    configRevision: parts.configRevision,
    version: parts.version,
    uptimeMs: nowMs - parts.startedAtMs,
  });
}

function readinessOf(parts: ControlParts): readonly ReadinessCheck[] {
  return readinessChecks({
    published: parts.cell.epoch() > 0,
    draining: parts.isDraining,
    workersListening: parts.workers.listeningCount(parts.clock.monotonicMs()),
    workerCount: parts.memory.slabs.length,
    storeProblem: parts.store.problem?.text ?? null,
  });
}
